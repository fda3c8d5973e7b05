//  space_tuples - tuples: made, put, taken, looked for

#include <assert.h>
#include <stdlib.h>

#include "space_state.h"

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
    return sizeof(space_tuple_t) + keys * sizeof(space_entry_t) + size + (mortal ? sizeof(wire_due_t) : 0);
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

static space_tuple_t *place(space_t *space, const uint32_t *keys, size_t count, size_t size, bool mortal)
{
    char *block = malloc(footprint(count, size, mortal));
    if (!block)
        return NULL;
    space_tuple_t *tuple = (space_tuple_t *) (void *) (block + (mortal ? sizeof(wire_due_t) : 0));
    *tuple = (space_tuple_t) { .space = space, .size = (uint32_t) size, .keys = (uint8_t) count, .mortal = mortal };
    for (size_t i = 0; i < count; i++)
        tuple->entries[i] = (space_entry_t) { .hash = keys[i], .place = (uint32_t) i };
    return tuple;
}

static void discard(space_tuple_t *tuple)
{
    free(tuple->mortal ? (void *) space_tuple_due(tuple) : tuple);
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
    space_tuple_t *tuple = place(space, keys, count, size, ttl > 0);
    if (!tuple || !promise(self, space, count, size, ttl > 0)) {
        if (tuple)
            discard(tuple);
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
    discard(tuple);
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

static space_entry_t *entry_of(space_tuple_t *tuple, uint32_t hash)
{
    for (size_t i = 0; i < tuple->keys; i++)
        if (tuple->entries[i].hash == hash)
            return &tuple->entries[i];
    return NULL;
}

//  The entry behind which one that came back belongs; NULL: it is the first. Looked for from three sides at once, so
//  that it is found soon in long chains (one side) and in short ones (the tuples before it have the key, too).
static space_entry_t *old_place(const space_t *space, const space_tuple_t *tuple, uint32_t hash)
{
    const space_chain_t *chain = space_index_find(&space->index, hash);
    space_entry_t *front = chain ? chain->first : NULL, *back = front ? front->prev : NULL;
    space_tuple_t *near = tuple->prev;
    for (; front; front = front->next, back = back->prev) {
        if (space_tuple_of_entry(front)->number > tuple->number)
            return front == chain->first ? NULL : front->prev;
        if (space_tuple_of_entry(back)->number < tuple->number)
            return back;
        space_entry_t *here = near ? entry_of(near, hash) : NULL;
        if (here)
            return here;
        near = near ? near->prev : NULL;
    }
    return NULL;
}

void space_tuple_link(spaces_t *self, space_tuple_t *tuple)
{
    space_t *space = tuple->space;
    space_order_add(&space->order, tuple);
    for (size_t i = 0; i < tuple->keys; i++) {
        space_entry_t *entry = &tuple->entries[i];
        if (!tuple->next)
            space_index_append(&space->index, entry);
        else
            space_index_insert(&space->index, entry, old_place(space, tuple, entry->hash));
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
    for (size_t i = 0; i < tuple->keys; i++) {
        const space_entry_t *entry = &tuple->entries[i];
        space_index_prefetch(&tuple->space->index, entry->hash);
        __builtin_prefetch(entry->next, 1);
        __builtin_prefetch(entry->prev, 1);
    }
    __builtin_prefetch(tuple->next, 1);
}

void space_tuple_unlink(spaces_t *self, space_tuple_t *tuple)
{
    prefetch(tuple);
    space_t *space = tuple->space;
    space_order_remove(&space->order, tuple);
    for (size_t i = 0; i < tuple->keys; i++)
        space_index_remove(&space->index, &tuple->entries[i]);
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
        self->arriving = tuple->next;
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

//  The shortest chain of the template's keys. A key that nobody has: nothing matches.
void space_scan(space_scan_t *self, const space_t *space, const match_t *match)
{
    const uint32_t *keys = NULL;
    size_t count = match ? match_keys(match, &keys) : 0;
    *self = (space_scan_t) { match, NULL, count ? NULL : space->order.first, count > 0 };
    uint32_t fewest = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        const space_chain_t *chain = space_index_find(&space->index, keys[i]);
        if (!chain || chain->count < fewest) {
            self->entry = chain ? chain->first : NULL;
            fewest = chain ? chain->count : 0;
        }
        if (!chain)
            return;
    }
}

static space_tuple_t *candidate(space_scan_t *self)
{
    space_tuple_t *tuple = self->bound ? self->entry ? space_tuple_of_entry(self->entry) : NULL : self->tuple;
    if (tuple && self->bound)
        self->entry = self->entry->next;
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
