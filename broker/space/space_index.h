//  space_index - from a key's hash to the chain of those who have it
//
//  One table of open addressing; a place holds a chain's first, which knows the last, and how many there are. The links are
//  inside those who are indexed (tuples have one for each key, waiters one). Room is promised beforehand, so that
//  what was taken out, or is yet to come, can be put in without fail.

#ifndef SPACE_INDEX_H
#define SPACE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct space_entry space_entry_t;
struct space_entry {
    space_entry_t *next;        //  NULL: the last
    space_entry_t *prev;        //  The first's is the last
    uint32_t hash;
    uint32_t place;             //  Which it is of its owner's entries
};

typedef struct {
    space_entry_t *first;       //  NULL: free
    uint32_t hash, count;
} space_chain_t;

typedef struct {
    space_chain_t *chains;
    size_t capacity;            //  0 or a power of two
    size_t used;                //  Chains
    size_t promised;            //  Entries that are not in it but may come at any time
} space_index_t;

//  A chain by itself, for those who have no key.
void space_chain_append(space_chain_t *self, space_entry_t *entry);
void space_chain_remove(space_chain_t *self, space_entry_t *entry);

void space_index_free(space_index_t *self);

//  Promise room for so many more entries. False: no memory, nothing promised.
bool space_index_promise(space_index_t *self, size_t entries);

//  So many will not come.
static inline void space_index_forget(space_index_t *self, size_t entries)
{
    self->promised -= entries;
}

//  Where the hash's chain stands, if it stands there, is about to be looked at. In a large table each look is a wait for
//  memory; those of a tuple's keys go better together than one by one.
static inline void space_index_prefetch(const space_index_t *self, uint32_t hash)
{
    if (self->capacity)
        __builtin_prefetch(&self->chains[hash & (self->capacity - 1)], 1);
}

//  The chain, or NULL. Valid until the index changes.
space_chain_t *space_index_find(const space_index_t *self, uint32_t hash);

//  Put in behind `after`, which is in the chain of the same hash; NULL: first. Uses up one promise.
void space_index_insert(space_index_t *self, space_entry_t *entry, space_entry_t *after);

//  At the end of its chain. Uses up one promise.
void space_index_append(space_index_t *self, space_entry_t *entry);

//  Take out, and promise room for it.
void space_index_remove(space_index_t *self, space_entry_t *entry);

//  Give memory back when most of it is idle.
void space_index_trim(space_index_t *self);

#endif
