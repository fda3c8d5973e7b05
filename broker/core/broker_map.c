//  broker_map - from a run of bytes to a pointer

#include "broker_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16

//  FNV-1a. Peers choose keys, but a quota bounds how many each may bring.
static uint32_t hash_of(const void *key, size_t size)
{
    const uint8_t *at = key;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 16777619u;
    return hash;
}

//  The key's entry, or the free one where it would stand.
static size_t seek(const broker_map_t *self, const void *key, size_t size, uint32_t hash)
{
    size_t mask = self->capacity - 1, i = hash & mask;
    for (;; i = (i + 1) & mask) {
        const broker_map_entry_t *e = &self->entries[i];
        if (!e->key || (e->hash == hash && e->size == size && memcmp(e->key, key, size) == 0))
            return i;
    }
}

void *broker_map_get(const broker_map_t *self, const void *key, size_t size)
{
    if (self->count == 0)
        return NULL;
    const broker_map_entry_t *e = &self->entries[seek(self, key, size, hash_of(key, size))];
    return e->key ? e->value : NULL;
}

static bool grow(broker_map_t *self)
{
    broker_map_t wider = { NULL, self->count, self->capacity ? 2 * self->capacity : FIRST_CAPACITY };
    wider.entries = calloc(wider.capacity, sizeof *wider.entries);
    if (!wider.entries)
        return false;
    for (size_t i = 0; i < self->capacity; i++) {
        const broker_map_entry_t *e = &self->entries[i];
        if (e->key)
            wider.entries[seek(&wider, e->key, e->size, e->hash)] = *e;
    }
    free(self->entries);
    *self = wider;
    return true;
}

bool broker_map_put(broker_map_t *self, const void *key, size_t size, void *value)
{
    assert(key && value);
    if (2 * (self->count + 1) > self->capacity && !grow(self))
        return false;
    uint32_t hash = hash_of(key, size);
    size_t at = seek(self, key, size, hash);
    assert(!self->entries[at].key);
    self->entries[at] = (broker_map_entry_t) { key, size, hash, value };
    self->count++;
    return true;
}

//  Close the hole: whoever stands behind it, and may not be found across it, moves up.
static void close_hole(broker_map_t *self, size_t hole)
{
    size_t mask = self->capacity - 1;
    for (size_t i = (hole + 1) & mask; self->entries[i].key; i = (i + 1) & mask) {
        size_t home = self->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->entries[hole] = self->entries[i];
            hole = i;
        }
    }
    self->entries[hole].key = NULL;
}

void broker_map_remove(broker_map_t *self, const void *key, size_t size)
{
    if (self->count == 0)
        return;
    size_t at = seek(self, key, size, hash_of(key, size));
    if (!self->entries[at].key)
        return;
    self->count--;
    close_hole(self, at);
}

void broker_map_free(broker_map_t *self)
{
    free(self->entries);
    *self = (broker_map_t) { NULL, 0, 0 };
}
