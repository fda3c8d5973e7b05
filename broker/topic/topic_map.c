//  topic_map - from a hash and a test of sameness to a pointer

#include "topic_map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

static void settle(topic_map_t *self, topic_map_entry_t entry)
{
    size_t mask = self->capacity - 1, i = entry.hash & mask;
    while (self->entries[i].value)
        i = (i + 1) & mask;
    self->entries[i] = entry;
}

static bool grow(topic_map_t *self)
{
    topic_map_t wider = { NULL, self->count, self->capacity ? 2 * self->capacity : FIRST_CAPACITY };
    wider.entries = calloc(wider.capacity, sizeof *wider.entries);
    if (!wider.entries)
        return false;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->entries[i].value)
            settle(&wider, self->entries[i]);
    free(self->entries);
    *self = wider;
    return true;
}

bool topic_map_put(topic_map_t *self, uint64_t hash, void *value)
{
    if (2 * (self->count + 1) > self->capacity && !grow(self))
        return false;
    settle(self, (topic_map_entry_t) { hash, value });
    self->count++;
    return true;
}

//  Close the hole: whoever stands behind it, and may not be found across it, moves up.
static void close_hole(topic_map_t *self, size_t hole)
{
    size_t mask = self->capacity - 1;
    for (size_t i = (hole + 1) & mask; self->entries[i].value; i = (i + 1) & mask) {
        size_t home = self->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->entries[hole] = self->entries[i];
            hole = i;
        }
    }
    self->entries[hole].value = NULL;
}

void topic_map_remove(topic_map_t *self, uint64_t hash, const void *value)
{
    size_t mask = self->capacity - 1, i = hash & mask;
    while (self->entries[i].value != value) {
        assert(self->entries[i].value);
        i = (i + 1) & mask;
    }
    self->count--;
    close_hole(self, i);
}

void topic_map_free(topic_map_t *self)
{
    free(self->entries);
    *self = (topic_map_t) { NULL, 0, 0 };
}
