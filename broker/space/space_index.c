//  space_index - from a key's hash to the chain of those who have it

#include "space_index.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

void space_index_free(space_index_t *self)
{
    free(self->chains);
    *self = (space_index_t) { 0 };
}

//  The hash's place, or the free one where it would stand.
static space_chain_t *seek(const space_index_t *self, uint32_t hash)
{
    size_t mask = self->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        space_chain_t *chain = &self->chains[i];
        if (!chain->first || chain->hash == hash)
            return chain;
    }
}

static bool resize(space_index_t *self, size_t capacity)
{
    space_index_t other = { calloc(capacity, sizeof *other.chains), capacity, self->used, self->promised };
    if (!other.chains)
        return false;
    for (size_t i = 0; i < self->capacity; i++)
        if (self->chains[i].first)
            *seek(&other, self->chains[i].hash) = self->chains[i];
    free(self->chains);
    *self = other;
    return true;
}

bool space_index_promise(space_index_t *self, size_t entries)
{
    size_t wanted = self->used + self->promised + entries, capacity = self->capacity;
    while (4 * wanted > 3 * capacity)
        capacity = capacity ? 2 * capacity : FIRST_CAPACITY;
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

static void link_behind(space_chain_t *self, space_entry_t *entry, space_entry_t *after)
{
    space_entry_t *first = self->first;
    entry->next = after ? after->next : first;
    entry->prev = after ? after : first ? first->prev : entry;
    if (after)
        after->next = entry;
    else
        self->first = entry;
    if (entry->next)
        entry->next->prev = entry;
    else
        self->first->prev = entry;
    self->count++;
}

void space_chain_append(space_chain_t *self, space_entry_t *entry)
{
    link_behind(self, entry, self->first ? self->first->prev : NULL);
}

void space_chain_remove(space_chain_t *self, space_entry_t *entry)
{
    self->count--;
    if (self->first == entry)
        self->first = entry->next;
    else
        entry->prev->next = entry->next;
    if (entry->next)
        entry->next->prev = entry->prev;
    else if (self->first)
        self->first->prev = entry->prev;
}

//  ---- In and out ----------------------------------------------------------

//  The chain to which the entry will belong; it may be empty.
static space_chain_t *chain_for(space_index_t *self, const space_entry_t *entry)
{
    assert(self->promised > 0);
    self->promised--;
    space_chain_t *chain = seek(self, entry->hash);
    if (!chain->first) {
        self->used++;
        chain->hash = entry->hash;
        chain->count = 0;
    }
    return chain;
}

void space_index_insert(space_index_t *self, space_entry_t *entry, space_entry_t *after)
{
    link_behind(chain_for(self, entry), entry, after);
}

void space_index_append(space_index_t *self, space_entry_t *entry)
{
    space_chain_append(chain_for(self, entry), entry);
}

//  Close the hole: whoever stands behind it, and may not be found across it, moves up.
static void close_hole(space_index_t *self, size_t hole)
{
    size_t mask = self->capacity - 1;
    for (size_t i = (hole + 1) & mask; self->chains[i].first; i = (i + 1) & mask) {
        size_t home = self->chains[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->chains[hole] = self->chains[i];
            hole = i;
        }
    }
    self->chains[hole].first = NULL;
    self->used--;
}

void space_index_remove(space_index_t *self, space_entry_t *entry)
{
    space_chain_t *chain = seek(self, entry->hash);
    assert(chain->first);
    self->promised++;
    space_chain_remove(chain, entry);
    if (!chain->first)
        close_hole(self, (size_t) (chain - self->chains));
}

void space_index_trim(space_index_t *self)
{
    size_t wanted = self->used + self->promised;
    if (self->capacity > 1024 && 16 * wanted < self->capacity)
        resize(self, self->capacity / 4);       //  Or not, when there is no memory for it
}
