//  broker_map - from a run of bytes to a pointer
//
//  Keys and values are borrowed: a key lives, unchanged, as long as its entry (most often
//  inside the value). Open addressing, at most half full. No order: who needs one keeps a list.

#ifndef BROKER_MAP_H
#define BROKER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const void *key;            //  NULL: free
    size_t size;
    uint32_t hash;
    void *value;
} broker_map_entry_t;

typedef struct {
    broker_map_entry_t *entries;
    size_t count, capacity;     //  capacity is 0 or a power of two
} broker_map_t;

//  The value, or NULL.
void *broker_map_get(const broker_map_t *self, const void *key, size_t size);

//  Add a key that is not there. False: no memory, nothing changed.
bool broker_map_put(broker_map_t *self, const void *key, size_t size, void *value);

//  Nothing happens when it is not there.
void broker_map_remove(broker_map_t *self, const void *key, size_t size);

void broker_map_free(broker_map_t *self);

#endif
