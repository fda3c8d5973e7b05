//  space_crowd - who listens in a space, by key
//
//  A listener stands in one chain only: under that key of its template which the fewest have. An arrival meets those
//  in the chains of its own keys, and those without a key.

#include "space_state.h"

void space_crowd_init(space_crowd_t *self, const space_slab_t *slab)
{
    *self = (space_crowd_t) { .index = { .slab = slab, .entries = offsetof(space_listener_t, entry) } };
    space_link_init(&self->all);
}

void space_crowd_free(space_crowd_t *self)
{
    space_index_free(&self->index);
}

//  A later key wins a tie: the first one is often what all have in common.
static void choose_key(const space_crowd_t *self, space_listener_t *listener)
{
    const uint32_t *keys;
    size_t count = match_keys(listener->match, &keys);
    uint32_t fewest = UINT32_MAX;
    listener->bound = count > 0;
    for (size_t i = 0; i < count; i++) {
        const space_chain_t *chain = space_index_find(&self->index, keys[i]);
        uint32_t here = chain ? space_chain_count(&self->index, chain) : 0;
        if (here <= fewest) {
            fewest = here;
            listener->entry.hash = keys[i];
        }
    }
}

bool space_crowd_add(space_crowd_t *self, space_listener_t *listener)
{
    choose_key(self, listener);
    if (listener->bound) {
        if (!space_index_promise(&self->index, 1))
            return false;
        space_index_append(&self->index, listener->self, listener->entry.hash);
    }
    else
        space_chain_append(&self->index, &self->unbound, listener->self);
    space_link_add(&self->all, &listener->in_space);
    self->count++;
    return true;
}

void space_crowd_remove(space_crowd_t *self, space_listener_t *listener)
{
    if (listener->bound) {
        space_index_remove(&self->index, listener->self, listener->entry.hash);
        space_index_forget(&self->index, 1);
        space_index_trim(&self->index);
    }
    else
        space_chain_remove(&self->index, &self->unbound, listener->self);
    space_link_remove(&listener->in_space);
    self->count--;
}

void space_walk(space_walk_t *self, const space_crowd_t *crowd, const space_tuple_t *tuple)
{
    self->index = &crowd->index;
    self->count = 0;
    for (size_t i = 0; i < tuple->keys; i++) {
        const space_chain_t *chain = space_index_find(&crowd->index, tuple->entries[i].hash);
        if (chain)
            self->chains[self->count++] = space_steps(self->index, chain);
    }
    if (crowd->unbound.first)
        self->chains[self->count++] = space_steps(self->index, &crowd->unbound);
}

static space_listener_t *here(const space_walk_t *self, size_t which)
{
    return space_slab_at(self->index->slab, self->chains[which].at);
}

//  The one of all chains that began first; its chain goes on behind it.
static space_listener_t *step(space_walk_t *self)
{
    size_t which = 0;
    for (size_t i = 1; i < self->count; i++)
        if (here(self, i)->number < here(self, which)->number)
            which = i;
    space_listener_t *listener = here(self, which);
    space_step_on(self->index, &self->chains[which]);
    if (!self->chains[which].at)
        self->chains[which] = self->chains[--self->count];
    return listener;
}

space_listener_t *space_walk_next(space_walk_t *self, const space_tuple_t *tuple)
{
    while (self->count) {
        space_listener_t *listener = step(self);
        if (match_test(listener->match, space_tuple_bytes(tuple)))
            return listener;
    }
    return NULL;
}
