//  space_index - from a key's hash to the chain of those who have it

#include "space_index.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

void space_index_free(space_index_t *self)
{
    free(self->chains);
    *self = (space_index_t) { .slab = self->slab, .entries = self->entries };
}

static size_t following(const space_index_t *self, size_t place)
{
    return place + 1 == self->capacity ? 0 : place + 1;
}

//  The hash's place, or the free one where it would stand.
static space_chain_t *seek(const space_index_t *self, uint32_t hash)
{
    for (size_t i = space_index_home(self, hash);; i = following(self, i)) {
        space_chain_t *chain = &self->chains[i];
        if (!chain->first || chain->hash == hash)
            return chain;
    }
}

static bool resize(space_index_t *self, size_t capacity)
{
    space_index_t other = *self;
    other.capacity = capacity;
    other.chains = calloc(capacity, sizeof *other.chains);
    if (!other.chains)
        return false;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->chains[i].first)
            *seek(&other, self->chains[i].hash) = self->chains[i];
    free(self->chains);
    *self = other;
    return true;
}

//  By a quarter, so that a large table is never much larger than it must be.
static size_t larger(size_t capacity)
{
    return capacity < 1024 ? 2 * capacity : capacity + capacity / 4;
}

bool space_index_promise(space_index_t *self, size_t entries)
{
    size_t wanted = self->used + self->promised + entries, capacity = self->capacity;
    while (4 * wanted > 3 * capacity)
        capacity = capacity ? larger(capacity) : FIRST_CAPACITY;
    //  Without memory a table that is fuller than we like still serves, as long as one place stays free.
    if (capacity > self->capacity && !resize(self, capacity) && wanted >= self->capacity)
        return false;
    self->promised += entries;
    return true;
}

space_chain_t *space_index_find(const space_index_t *self, uint32_t hash)
{
    if (self->used == 0)
        return NULL;
    space_chain_t *chain = seek(self, hash);
    return chain->first ? chain : NULL;
}

//  ---- Chains --------------------------------------------------------------

static space_entry_t *entry_in(const space_index_t *self, const space_chain_t *chain, space_ref_t owner)
{
    return space_index_entry(self, owner, chain->hash);
}

void space_chain_append(const space_index_t *self, space_chain_t *chain, space_ref_t owner)
{
    space_entry_t *entry = entry_in(self, chain, owner);
    if (!chain->first) {
        chain->first = entry->prev = owner;
        entry->next = 1;
        return;
    }
    space_entry_t *first = entry_in(self, chain, chain->first), *last = entry_in(self, chain, first->prev);
    entry->prev = first->prev;
    entry->next = last->next + 1;
    last->next = owner;
    first->prev = owner;
}

static void prepend(const space_index_t *self, space_chain_t *chain, space_ref_t owner)
{
    space_entry_t *entry = entry_in(self, chain, owner), *first = entry_in(self, chain, chain->first);
    entry_in(self, chain, first->prev)->next++;
    entry->prev = first->prev;
    entry->next = chain->first;
    first->prev = owner;
    chain->first = owner;
}

//  Neither first nor last.
static void link_between(const space_index_t *self, space_chain_t *chain, space_ref_t owner, space_ref_t after)
{
    space_entry_t *entry = entry_in(self, chain, owner), *before = entry_in(self, chain, after);
    entry_in(self, chain, space_chain_last(self, chain))->next++;
    entry->prev = after;
    entry->next = before->next;
    before->next = owner;
    entry_in(self, chain, entry->next)->prev = owner;
}

static void unlink_last(const space_index_t *self, space_chain_t *chain, const space_entry_t *entry)
{
    entry_in(self, chain, entry->prev)->next = entry->next - 1;
    entry_in(self, chain, chain->first)->prev = entry->prev;
}

static void unlink_other(const space_index_t *self, space_chain_t *chain, const space_entry_t *entry, bool first)
{
    entry_in(self, chain, space_chain_last(self, chain))->next--;
    entry_in(self, chain, entry->next)->prev = entry->prev;
    if (first)
        chain->first = entry->next;
    else
        entry_in(self, chain, entry->prev)->next = entry->next;
}

void space_chain_remove(const space_index_t *self, space_chain_t *chain, space_ref_t owner)
{
    const space_entry_t *entry = entry_in(self, chain, owner);
    bool first = chain->first == owner;
    if (first && entry->prev == owner)
        chain->first = 0;
    else if (!first && space_chain_last(self, chain) == owner)
        unlink_last(self, chain, entry);
    else
        unlink_other(self, chain, entry, first);
}

//  ---- In and out ----------------------------------------------------------

//  The chain to which an entry will belong; it may be empty.
static space_chain_t *chain_for(space_index_t *self, uint32_t hash)
{
    assert(self->promised > 0);
    self->promised--;
    space_chain_t *chain = seek(self, hash);
    if (!chain->first) {
        self->used++;
        chain->hash = hash;
    }
    return chain;
}

void space_index_insert(space_index_t *self, space_ref_t owner, uint32_t hash, space_ref_t after)
{
    space_chain_t *chain = chain_for(self, hash);
    if (after == space_chain_last(self, chain))     //  An empty one's is none
        space_chain_append(self, chain, owner);
    else if (after)
        link_between(self, chain, owner, after);
    else
        prepend(self, chain, owner);
}

void space_index_append(space_index_t *self, space_ref_t owner, uint32_t hash)
{
    space_chain_append(self, chain_for(self, hash), owner);
}

static size_t distance(const space_index_t *self, size_t from, size_t to)
{
    return to >= from ? to - from : to + self->capacity - from;
}

//  Close the hole: whoever stands behind it, and may not be found across it, moves up.
static void close_hole(space_index_t *self, size_t hole)
{
    for (size_t i = following(self, hole); self->chains[i].first; i = following(self, i)) {
        size_t home = space_index_home(self, self->chains[i].hash);
        if (distance(self, home, i) >= distance(self, hole, i)) {
            self->chains[hole] = self->chains[i];
            hole = i;
        }
    }
    self->chains[hole].first = 0;
    self->used--;
}

void space_index_remove(space_index_t *self, space_ref_t owner, uint32_t hash)
{
    space_chain_t *chain = seek(self, hash);
    assert(chain->first);
    self->promised++;
    space_chain_remove(self, chain, owner);
    if (!chain->first)
        close_hole(self, (size_t) (chain - self->chains));
}

void space_index_trim(space_index_t *self)
{
    size_t wanted = self->used + self->promised;
    if (self->capacity > 1024 && 16 * wanted < self->capacity)
        resize(self, self->capacity / 4);       //  Or not, when there is no memory for it
}
