//  space_index - from a key's hash to the chain of those who have it
//
//  One table of open addressing; a place holds a chain's first. The links are inside those who are indexed (tuples have
//  one for each key, waiters one): owners, which are things of a slab, refer to each other, and each finds in itself the
//  entry of that hash. Room is promised beforehand, so that what was taken out, or is yet to come, can be put in without
//  fail.
//
//  A table of a million tuples' keys is larger than any cache, and so are the tuples: places are small, and more than
//  half of them taken. They stand in the order of hashes, so a larger table is filled from one end to the other.

#ifndef SPACE_INDEX_H
#define SPACE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space_slab.h"

typedef struct {
    space_ref_t next;           //  The last's is how many there are in the chain
    space_ref_t prev;           //  The first's is the last
    uint32_t hash;
} space_entry_t;

typedef struct {
    space_ref_t first;          //  0: free
    uint32_t hash;
} space_chain_t;

typedef struct {
    const space_slab_t *slab;   //  Where the owners are
    size_t entries;             //  Where their entries are, in bytes from the owner
    space_chain_t *chains;
    size_t capacity;
    size_t used;                //  Chains
    size_t promised;            //  Entries that are not in it but may come at any time
} space_index_t;

void space_index_free(space_index_t *self);

//  The owner's entry of that hash, which it has.
static inline space_entry_t *space_index_entry(const space_index_t *self, space_ref_t owner, uint32_t hash)
{
    char *at = (char *) space_slab_at(self->slab, owner) + self->entries;
    space_entry_t *entry = (space_entry_t *) (void *) at;
    while (entry->hash != hash)
        entry++;
    return entry;
}

//  ---- Chains --------------------------------------------------------------

//  A chain may stand by itself, for those who have no key.
static inline space_ref_t space_chain_last(const space_index_t *self, const space_chain_t *chain)
{
    return chain->first ? space_index_entry(self, chain->first, chain->hash)->prev : 0;
}

static inline uint32_t space_chain_count(const space_index_t *self, const space_chain_t *chain)
{
    return chain->first ? space_index_entry(self, space_chain_last(self, chain), chain->hash)->next : 0;
}

//  The owner joins at the end, leaves.
void space_chain_append(const space_index_t *self, space_chain_t *chain, space_ref_t owner);
void space_chain_remove(const space_index_t *self, space_chain_t *chain, space_ref_t owner);

//  A walk along a chain. The owner that it stands at may leave the chain after the next step.
typedef struct {
    space_ref_t at;             //  0: at the end
    space_ref_t last;
    uint32_t hash;
} space_steps_t;

static inline space_steps_t space_steps(const space_index_t *self, const space_chain_t *chain)
{
    return (space_steps_t) { chain->first, space_chain_last(self, chain), chain->hash };
}

static inline void space_step_on(const space_index_t *self, space_steps_t *steps)
{
    steps->at = steps->at == steps->last ? 0 : space_index_entry(self, steps->at, steps->hash)->next;
}

//  ---- The table -----------------------------------------------------------

//  Promise room for so many more entries. False: no memory, nothing promised.
bool space_index_promise(space_index_t *self, size_t entries);

//  So many will not come.
static inline void space_index_forget(space_index_t *self, size_t entries)
{
    self->promised -= entries;
}

//  The place where the hash's chain stands if no other is in its way.
static inline size_t space_index_home(const space_index_t *self, uint32_t hash)
{
    return (size_t) (((uint64_t) hash * self->capacity) >> 32);
}

//  It is about to be looked at. In a large table each look is a wait for memory; those of a tuple's keys go better
//  together than one by one.
static inline void space_index_prefetch(const space_index_t *self, uint32_t hash)
{
    if (self->capacity)
        __builtin_prefetch(&self->chains[space_index_home(self, hash)], 1);
}

//  The chain, or NULL. Valid until the index changes.
space_chain_t *space_index_find(const space_index_t *self, uint32_t hash);

//  The owner's entry of that hash is put in behind that of `after`, which is in the same chain; 0: first. Uses up one
//  promise.
void space_index_insert(space_index_t *self, space_ref_t owner, uint32_t hash, space_ref_t after);

//  At the end of its chain. Uses up one promise.
void space_index_append(space_index_t *self, space_ref_t owner, uint32_t hash);

//  Take out, and promise room for it.
void space_index_remove(space_index_t *self, space_ref_t owner, uint32_t hash);

//  Give memory back when most of it is idle.
void space_index_trim(space_index_t *self);

#endif
