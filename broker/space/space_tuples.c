//  space_tuples - tuples: made, put, taken, looked for

#include <assert.h>
#include <stdlib.h>

#include "space_react.h"

bool space_list_add(space_list_t *self, space_item_t item)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 64;
        space_item_t *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return false;
        self->items = items;
        self->capacity = capacity;
    }
    self->items[self->count++] = item;
    return true;
}

//  ---- Made ----------------------------------------------------------------

//  Without the second of two equal hashes, so that a tuple is in each chain once.
static size_t unique(uint32_t *keys, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < kept && keys[j] != keys[i])
            j++;
        if (j == kept)
            keys[kept++] = keys[i];
    }
    return kept;
}

static size_t footprint(size_t keys, size_t size, bool mortal)
{
    return (mortal ? sizeof(wire_due_t) : 0) + offsetof(space_tuple_t, entries) + keys * sizeof(space_entry_t) + size;
}

size_t space_tuple_footprint(const space_tuple_t *self)
{
    return footprint(self->keys, self->size, self->mortal);
}

//  Room in self->one for a message with a tuple of that size. What is there stays when there is no memory.
bool space_tuple_room(spaces_t *self, size_t size)
{
    size_t wanted = size + 64;          //  Numbers and a lease
    if (self->one.capacity >= wanted)
        return true;
    uint8_t *data = realloc(self->one.data, wanted);
    if (data) {
        self->one.data = data;
        self->one.capacity = wanted;
    }
    return data != NULL;
}

//  All that it may need later: see space_state.h.
static bool promise(spaces_t *self, space_t *space, size_t keys, size_t size, bool mortal)
{
    if (!space_tuple_room(self, size) || (mortal && !wire_heap_reserve(&self->heap)))
        return false;
    if (space_index_promise(&space->index, keys))
        return true;
    if (mortal)
        wire_heap_unreserve(&self->heap);
    return false;
}

//  From a thing's beginning to the tuple, in the slab's units.
static space_ref_t offset(bool mortal)
{
    static_assert(sizeof(wire_due_t) % SPACE_SLAB_UNIT == 0, "a tuple is at a unit of the slab");
    return mortal ? sizeof(wire_due_t) / SPACE_SLAB_UNIT : 0;
}

static space_tuple_t *place(spaces_t *self, space_t *space, const uint32_t *keys, size_t count, size_t size, bool mortal)
{
    space_ref_t ref;
    if (!space_slab_new(&self->slab, footprint(count, size, mortal), &ref))
        return NULL;
    space_tuple_t *tuple = space_slab_at(&self->slab, ref + offset(mortal));
    tuple->space = space;
    tuple->number = 0;
    tuple->self = ref + offset(mortal);
    tuple->size = (uint32_t) size;
    tuple->keys = (uint8_t) count;
    tuple->mortal = mortal;
    tuple->linked = tuple->marked = tuple->returned = tuple->offered = false;
    for (size_t i = 0; i < count; i++)
        tuple->entries[i] = (space_entry_t) { .hash = keys[i] };
    return tuple;
}

static void discard(spaces_t *self, const space_tuple_t *tuple)
{
    space_slab_free(&self->slab, tuple->self - offset(tuple->mortal));
}

static int normalize(spaces_t *self, wire_reader_t packed)
{
    wire_buf_clear(&self->normal);
    int rc = match_normal(packed, &self->normal, self->text);
    if (rc == WIRE_E_NO_MEMORY)
        return spaces_no_memory(self);
    if (rc == 0 && self->normal.size > SPACE_ANSWER - 64)
        return spaces_say(self, WIRE_E_TOO_BIG, "the tuple has %zu bytes, more than %d", self->normal.size,
                          SPACE_ANSWER - 64);
    return rc;
}

int space_tuple_new(spaces_t *self, space_t *space, wire_reader_t packed, int64_t ttl, space_tuple_t **tuple_p)
{
    int rc = normalize(self, packed);
    if (rc)
        return rc;
    size_t size = self->normal.size;
    uint32_t keys[MATCH_KEYS];
    size_t count = unique(keys, match_tuple_keys(wire_reader(self->normal.data, size), self->config.seed, keys));
    rc = spaces_quota(self, footprint(count, size, ttl > 0));
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        space_index_prefetch(&space->index, keys[i]);
    space_tuple_t *tuple = place(self, space, keys, count, size, ttl > 0);
    if (!tuple || !promise(self, space, count, size, ttl > 0)) {
        if (tuple)
            discard(self, tuple);
        return spaces_no_memory(self);
    }
    memcpy(tuple->entries + count, self->normal.data, size);
    if (tuple->mortal)
        *space_tuple_due(tuple) = (wire_due_t) { .at = self->now + ttl, .kind = SPACE_DUE_TUPLE };
    self->bytes += space_tuple_footprint(tuple);
    space->bytes += space_tuple_footprint(tuple);
    *tuple_p = tuple;
    return 0;
}

void space_tuple_free(spaces_t *self, space_tuple_t *tuple)
{
    assert(!tuple->linked);
    self->bytes -= space_tuple_footprint(tuple);
    tuple->space->bytes -= space_tuple_footprint(tuple);
    space_index_forget(&tuple->space->index, tuple->keys);
    if (tuple->mortal)
        wire_heap_unreserve(&self->heap);
    discard(self, tuple);
}

void space_tuple_write(const spaces_t *self, const space_tuple_t *tuple, wire_buf_t *out)
{
    if (self->rewritten)
        wire_buf_append(out, self->rewritten->data, self->rewritten->size);
    else
        wire_buf_append(out, space_tuple_bytes(tuple).at, tuple->size);
}

//  ---- Put and taken -------------------------------------------------------

static bool is_free(const space_t *space, uint64_t number)
{
    const space_tuple_t *found = space_order_find(&space->order, number);
    return !(found && found->number == number) && !space_lease_has(space, number);
}

void space_tuple_number(spaces_t *self, space_tuple_t *tuple, uint64_t wish)
{
    tuple->returned = wish && wish <= self->last_number && is_free(tuple->space, wish);
    tuple->number = tuple->returned ? wish : ++self->last_number;
}

static bool has_key(const space_tuple_t *tuple, uint32_t hash)
{
    size_t i = 0;
    while (i < tuple->keys && tuple->entries[i].hash != hash)
        i++;
    return i < tuple->keys;
}

static bool is_older(const space_t *space, space_ref_t ref, const space_tuple_t *than)
{
    return space_tuple_at(space, ref)->number < than->number;
}

//  The one of the chain behind which one that came back belongs; 0: it is the first. Looked for from three sides at once,
//  so that it is found soon in long chains (one side) and in short ones (the tuples before it have the key, too).
static space_ref_t old_place(const space_t *space, const space_tuple_t *tuple, uint32_t hash)
{
    const space_index_t *index = &space->index;
    const space_chain_t *chain = space_index_find(index, hash);
    if (!chain || !is_older(space, chain->first, tuple))
        return 0;
    space_steps_t front = space_steps(index, chain);
    space_ref_t back = front.last, before = 0;
    const space_tuple_t *near = space_tuple_prev(tuple);
    for (; is_older(space, front.at, tuple); back = space_index_entry(index, back, hash)->prev) {
        if (is_older(space, back, tuple))
            return back;
        if (near && has_key(near, hash))
            return near->self;
        near = near ? space_tuple_prev(near) : NULL;
        before = front.at;
        space_step_on(index, &front);
    }
    return before;
}

void space_tuple_link(spaces_t *self, space_tuple_t *tuple)
{
    space_t *space = tuple->space;
    space_order_add(&space->order, tuple);
    for (size_t i = 0; i < tuple->keys; i++) {
        uint32_t hash = tuple->entries[i].hash;
        if (!tuple->next)
            space_index_append(&space->index, tuple->self, hash);
        else
            space_index_insert(&space->index, tuple->self, hash, old_place(space, tuple, hash));
    }
    space->mortals += tuple->mortal;
    if (tuple->mortal)
        wire_heap_add(&self->heap, space_tuple_due(tuple), space_tuple_due(tuple)->at);
    tuple->linked = true;
    self->tuples++;
}

//  All that unlinking will touch.
static void prefetch(const space_tuple_t *tuple)
{
    for (size_t i = 0; i < tuple->keys; i++)
        space_index_prefetch(&tuple->space->index, tuple->entries[i].hash);
    __builtin_prefetch(space_tuple_prev(tuple), 1);
    __builtin_prefetch(space_tuple_next(tuple), 1);
}

void space_tuple_unlink(spaces_t *self, space_tuple_t *tuple)
{
    prefetch(tuple);
    space_t *space = tuple->space;
    space_order_remove(&space->order, tuple);
    for (size_t i = 0; i < tuple->keys; i++)
        space_index_remove(&space->index, tuple->self, tuple->entries[i].hash);
    space->mortals -= tuple->mortal;
    if (tuple->mortal)
        wire_heap_remove(&self->heap, space_tuple_due(tuple));
    if (tuple->offered)
        space->reactor->offered--;
    tuple->linked = tuple->offered = false;
    self->tuples--;
}

void space_tuple_arrive(spaces_t *self, space_tuple_t *tuple)
{
    if (!tuple->returned) {
        space_watches_tell(self, tuple);
        if (!self->reacting)
            space_run_later(self, tuple->space, SPACE_ON_OUT, self->actor, tuple);
    }
    if (tuple->space->waiters.count && space_reacts_before(tuple->space, SPACE_ON_TAKE | SPACE_ON_READ)) {
        if (!tuple->linked)
            space_tuple_link(self, tuple);
        space_turn_offer(self, tuple);
    }
    else if (!space_waiters_offer(self, tuple) && !tuple->linked)
        space_tuple_link(self, tuple);
}

void space_tuples_settle(spaces_t *self)
{
    while (self->arriving) {
        space_tuple_t *tuple = self->arriving;
        self->arriving = space_tuple_next(tuple);
        space_tuple_number(self, tuple, 0);
        space_tuple_arrive(self, tuple);
    }
}

void space_tuple_return(spaces_t *self, space_tuple_t *tuple)
{
    space_t *space = tuple->space;
    if (tuple->mortal && space_tuple_due(tuple)->at <= self->now) {
        self->counters.expired++;
        space_run_later(self, space, SPACE_ON_EXPIRE, 0, tuple);
        space_tuple_free(self, tuple);
    }
    else {
        tuple->returned = true;
        space_tuple_arrive(self, tuple);
        space_tuples_settle(self);
    }
    space_tidy(self, space);
}

void space_tuple_expire(spaces_t *self, wire_due_t *due)
{
    space_tuple_t *tuple = (space_tuple_t *) (void *) (due + 1);
    space_t *space = tuple->space;
    space_run_later(self, space, SPACE_ON_EXPIRE, 0, tuple);
    space_tuple_unlink(self, tuple);
    space_tuple_free(self, tuple);
    self->counters.expired++;
    space_tidy(self, space);
}

//  ---- Looked for ----------------------------------------------------------

//  The shortest chain of the keys. NULL: one has no chain, so nothing matches.
static const space_chain_t *shortest(const space_index_t *index, const uint32_t *keys, size_t count)
{
    const space_chain_t *found = space_index_find(index, keys[0]);
    uint32_t fewest = found && count > 1 ? space_chain_count(index, found) : 0;
    for (size_t i = 1; found && i < count; i++) {
        const space_chain_t *chain = space_index_find(index, keys[i]);
        uint32_t here = chain ? space_chain_count(index, chain) : 0;
        if (here < fewest) {
            found = chain;
            fewest = here;
        }
    }
    return found;
}

void space_scan(space_scan_t *self, const space_t *space, const match_t *match)
{
    const uint32_t *keys = NULL;
    size_t count = match ? match_keys(match, &keys) : 0;
    *self = (space_scan_t) { .match = match, .space = space, .bound = count > 0 };
    self->tuple = !count && space->order.first ? space->order.first->self : 0;
    const space_chain_t *chain = count ? shortest(&space->index, keys, count) : NULL;
    if (chain)
        self->steps = space_steps(&space->index, chain);
}

static space_tuple_t *candidate(space_scan_t *self)
{
    space_tuple_t *tuple = space_tuple_at(self->space, self->bound ? self->steps.at : self->tuple);
    if (tuple && self->bound)
        space_step_on(&self->space->index, &self->steps);
    else if (tuple)
        self->tuple = tuple->next;
    return tuple;
}

space_tuple_t *space_scan_next(space_scan_t *self)
{
    space_tuple_t *tuple;
    while ((tuple = candidate(self)))
        if (!self->match || match_test(self->match, space_tuple_bytes(tuple)))
            break;
    return tuple;
}
