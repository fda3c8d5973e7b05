//  space_map - from a pair of numbers to a pointer
//
//  Open addressing, at most half full. No order: who needs one keeps a list. Keys are numbers that peers may choose in part
//  (a request), so they are mixed with a seed.

#ifndef SPACE_MAP_H
#define SPACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t a, b;
    void *value;                //  NULL: free
} space_map_entry_t;

typedef struct {
    space_map_entry_t *entries;
    size_t count, capacity;     //  capacity is 0 or a power of two
    uint64_t seed;
} space_map_t;

//  The value, or NULL.
void *space_map_get(const space_map_t *self, uint64_t a, uint64_t b);

//  Add a key that is not there. False: no memory, nothing changed.
bool space_map_put(space_map_t *self, uint64_t a, uint64_t b, void *value);

//  Nothing happens when it is not there.
void space_map_remove(space_map_t *self, uint64_t a, uint64_t b);

void space_map_free(space_map_t *self);

#endif
