//  topic_map - from a hash and a test of sameness to a pointer
//
//  Open addressing, at most half full. The keys stand inside the values; a hash is kept beside each, so that nearly every
//  look-up tests one value. No order: who needs one keeps a list. Owns its memory, never the values.

#ifndef TOPIC_MAP_H
#define TOPIC_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t hash;
    void *value;                //  NULL: free
} topic_map_entry_t;

typedef struct {
    topic_map_entry_t *entries;
    size_t count, capacity;     //  capacity is 0 or a power of two
} topic_map_t;

//  Whether the value has this key.
typedef bool topic_map_same_t(const void *value, const void *key);

//  The value, or NULL.
static inline void *topic_map_get(const topic_map_t *self, uint64_t hash, topic_map_same_t *same, const void *key)
{
    size_t mask = self->capacity - 1;
    for (size_t i = hash & mask; self->count; i = (i + 1) & mask) {
        const topic_map_entry_t *e = &self->entries[i];
        if (!e->value || (e->hash == hash && same(e->value, key)))
            return e->value;
    }
    return NULL;
}

//  Add what is not there. False: no memory, nothing changed.
bool topic_map_put(topic_map_t *self, uint64_t hash, void *value);

//  Take out; it is there.
void topic_map_remove(topic_map_t *self, uint64_t hash, const void *value);

void topic_map_free(topic_map_t *self);

#endif
