//  space_map - from a pair of numbers to a pointer

#include "space_map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

static size_t hash_of(const space_map_t *self, uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ self->seed) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 32) ^ b) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t) (x ^ (x >> 32));
}

//  The key's entry, or the free one where it would stand.
static size_t seek(const space_map_t *self, uint64_t a, uint64_t b)
{
    size_t mask = self->capacity - 1;
    for (size_t i = hash_of(self, a, b) & mask;; i = (i + 1) & mask) {
        const space_map_entry_t *e = &self->entries[i];
        if (!e->value || (e->a == a && e->b == b))
            return i;
    }
}

void *space_map_get(const space_map_t *self, uint64_t a, uint64_t b)
{
    return self->count ? self->entries[seek(self, a, b)].value : NULL;
}

//  Into a table of another size; false: no memory.
static bool resize(space_map_t *self, size_t capacity)
{
    space_map_t other = { calloc(capacity, sizeof *other.entries), self->count, capacity, self->seed };
    if (!other.entries)
        return false;
    for (size_t i = 0; i < self->capacity; i++) {
        const space_map_entry_t *e = &self->entries[i];
        if (e->value)
            other.entries[seek(&other, e->a, e->b)] = *e;
    }
    free(self->entries);
    *self = other;
    return true;
}

bool space_map_put(space_map_t *self, uint64_t a, uint64_t b, void *value)
{
    assert(value);
    size_t capacity = self->capacity ? 2 * self->capacity : FIRST_CAPACITY;
    if (2 * (self->count + 1) > self->capacity && !resize(self, capacity))
        return false;
    size_t at = seek(self, a, b);
    assert(!self->entries[at].value);
    self->entries[at] = (space_map_entry_t) { a, b, value };
    self->count++;
    return true;
}

//  Close the hole: whoever stands behind it, and may not be found across it, moves up.
static void close_hole(space_map_t *self, size_t hole)
{
    size_t mask = self->capacity - 1;
    for (size_t i = (hole + 1) & mask; self->entries[i].value; i = (i + 1) & mask) {
        size_t home = hash_of(self, self->entries[i].a, self->entries[i].b) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->entries[hole] = self->entries[i];
            hole = i;
        }
    }
    self->entries[hole].value = NULL;
}

void space_map_remove(space_map_t *self, uint64_t a, uint64_t b)
{
    if (self->count == 0)
        return;
    size_t at = seek(self, a, b);
    if (!self->entries[at].value)
        return;
    self->count--;
    close_hole(self, at);
    if (self->capacity > 1024 && 16 * self->count < self->capacity)
        resize(self, self->capacity / 4);       //  Or not, when there is no memory for it
}

void space_map_free(space_map_t *self)
{
    free(self->entries);
    *self = (space_map_t) { NULL, 0, 0, self->seed };
}
