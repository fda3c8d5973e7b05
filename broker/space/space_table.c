//  space_table - spaces by name, their beginning and end
//
//  A space that is empty does not exist for anybody, but its memory is kept for a while among the idle ones: most
//  spaces run empty many times a second.

#include <assert.h>
#include <stdlib.h>

#include "space_react.h"

#define FIRST_CAPACITY 64

static uint32_t hash_of(const spaces_t *self, wire_str_t name)
{
    uint64_t hash = self->config.seed ^ UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (uint8_t) name.data[i]) * UINT64_C(0x100000001b3);
    return (uint32_t) (hash ^ (hash >> 32));
}

//  The link that leads to the space, or the one where it would hang.
static space_t **seek(const spaces_t *self, wire_str_t name, uint32_t hash)
{
    space_t **at = &self->table[hash & (self->table_capacity - 1)];
    for (; *at; at = &(*at)->same)
        if ((*at)->hash == hash && wire_str_same((wire_str_t) { (*at)->name, (*at)->size }, name))
            break;
    return at;
}

space_t *space_find(const spaces_t *self, wire_str_t name)
{
    if (!self->table)
        return NULL;
    space_t *space = *seek(self, name, hash_of(self, name));
    return space && !space->idle ? space : NULL;
}

//  ---- Beginning -----------------------------------------------------------

static bool resize(spaces_t *self, size_t capacity)
{
    space_t **table = calloc(capacity, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < self->table_capacity; i++)
        for (space_t *space = self->table[i], *same; space; space = same) {
            same = space->same;
            space->same = table[space->hash & (capacity - 1)];
            table[space->hash & (capacity - 1)] = space;
        }
    free(self->table);
    self->table = table;
    self->table_capacity = capacity;
    return true;
}

static bool has_room(spaces_t *self)
{
    size_t capacity = self->table_capacity ? 2 * self->table_capacity : FIRST_CAPACITY;
    if (self->count + self->idle_count < self->table_capacity)
        return true;
    return resize(self, capacity) || self->table;   //  Longer chains still serve
}

static space_t *new_space(spaces_t *self, wire_str_t name)
{
    space_t *space = has_room(self) ? calloc(1, sizeof *space + name.size) : NULL;
    if (!space)
        return NULL;
    space->hash = hash_of(self, name);
    space->size = (uint32_t) name.size;
    memcpy(space->name, name.data, name.size);
    space->slab = &self->slab;
    space->index = (space_index_t) { .slab = &self->slab, .entries = offsetof(space_tuple_t, entries) };
    space_crowd_init(&space->waiters, &self->slab);
    space_crowd_init(&space->watches, &self->slab);
    space_link_init(&space->leases);
    space->idle = true;
    space_link_add(&self->idle, &space->link);
    self->idle_count++;
    *seek(self, name, space->hash) = space;
    return space;
}

static void wake(spaces_t *self, space_t *space)
{
    space->idle = false;
    space_link_remove(&space->link);
    space_link_add(&self->all, &space->link);
    self->idle_count--;
    self->count++;
}

int space_open(spaces_t *self, wire_str_t name, space_t **space_p)
{
    space_t *space = self->table ? *seek(self, name, hash_of(self, name)) : NULL;
    if (!space || space->idle) {
        if (self->count >= self->config.spaces)
            return spaces_say(self, WIRE_E_FULL, "there are %zu spaces, which is the limit", self->count);
        if (!space && !(space = new_space(self, name)))
            return spaces_no_memory(self);
        wake(self, space);
    }
    space->pins++;
    *space_p = space;
    return 0;
}

//  ---- End -----------------------------------------------------------------

static void free_space(spaces_t *self, space_t *space)
{
    *seek(self, (wire_str_t) { space->name, space->size }, space->hash) = space->same;
    space_link_remove(&space->link);
    space_order_free(&space->order);
    space_index_free(&space->index);
    space_crowd_free(&space->waiters);
    space_crowd_free(&space->watches);
    free(space);
}

static void fall_asleep(spaces_t *self, space_t *space)
{
    space->idle = true;
    space_link_remove(&space->link);
    space_link_add(&self->idle, &space->link);
    self->count--;
    if (++self->idle_count > SPACE_IDLE) {
        free_space(self, SPACE_OF(self->idle.next, space_t, link));
        self->idle_count--;
    }
}

void space_tidy(spaces_t *self, space_t *space)
{
    space_index_trim(&space->index);
    size_t held = space->order.count + space->lease_count + space->waiters.count + space->watches.count;
    if (held + space->pins == 0 && !space->reactor && !space->idle)
        fall_asleep(self, space);
}

void space_close(spaces_t *self, space_t *space)
{
    if (!space)
        return;
    space->pins--;
    space_tidy(self, space);
}

void space_empty(spaces_t *self, space_t *space)
{
    while (!space_link_none(&space->waiters.all))
        space_waiter_deny(self, SPACE_OF(space->waiters.all.next, space_waiter_t, listener.in_space), WIRE_E_CLOSED,
                          "the space was destroyed");
    while (!space_link_none(&space->watches.all))
        space_watch_end(self, SPACE_OF(space->watches.all.next, space_watch_t, listener.in_space));
    while (space->reactor && !space_link_none(&space->reactor->reactions))
        space_reaction_free(self, SPACE_OF(space->reactor->reactions.next, space_reaction_t, in_space));
    while (!space_link_none(&space->leases))
        space_tuple_free(self, space_lease_end(self, SPACE_OF(space->leases.next, space_lease_t, in_space)));
    while (space->order.first) {
        space_tuple_t *tuple = space->order.first;
        space_tuple_unlink(self, tuple);
        space_tuple_free(self, tuple);
    }
}

static void free_list(spaces_t *self, space_link_t *list)
{
    while (!space_link_none(list))
        free_space(self, SPACE_OF(list->next, space_t, link));
}

void space_table_free(spaces_t *self)
{
    free_list(self, &self->all);
    free_list(self, &self->idle);
    free(self->table);
}
