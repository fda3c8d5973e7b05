//  test_space_check - what must be true of tuple spaces at any time, seen from inside

#ifndef TEST_SPACE_CHECK_H
#define TEST_SPACE_CHECK_H

#include "space_react.h"
#include "space_step.h"
#include "test_space_fixture.h"

//  Sums over all spaces.
typedef struct {
    size_t bytes, tuples, waiters, watches, leases;
} sums_t;

//  How many are in it.
static inline size_t check_chain(const space_index_t *index, const space_chain_t *chain, bool tuples)
{
    size_t count = 0;
    uint64_t number = 0;
    space_ref_t before = space_chain_last(index, chain);
    for (space_steps_t at = space_steps(index, chain); at.at; space_step_on(index, &at), count++) {
        const space_entry_t *entry = space_index_entry(index, at.at, chain->hash);
        assert_int_equal(entry->prev, before);
        before = at.at;
        const space_tuple_t *tuple = space_slab_at(index->slab, at.at);
        assert_true(!tuples || (tuple->linked && tuple->self == at.at && tuple->number > number));
        number = tuples ? tuple->number : 0;
    }
    assert_int_equal(count, space_chain_count(index, chain));
    return count;
}

//  How many entries it has.
static inline size_t check_index(const space_index_t *index, bool tuples)
{
    size_t entries = 0, used = 0;
    for (size_t i = 0; i < index->capacity; i++)
        if (index->chains[i].first) {
            assert_ptr_equal(space_index_find(index, index->chains[i].hash), &index->chains[i]);
            entries += check_chain(index, &index->chains[i], tuples);
            used++;
        }
    assert_int_equal(used, index->used);
    assert_true(index->used + index->promised == 0 || index->used + index->promised < index->capacity);
    return entries;
}

static inline void check_marks(const space_order_t *order)
{
    size_t marked = 0;
    for (const space_tuple_t *t = order->first; t; t = space_tuple_next(t))
        marked += t->marked;
    assert_int_equal(marked, order->end - order->begin);
    for (size_t i = order->begin; i < order->end; i++) {
        assert_true(order->marks[i].tuple->marked);
        assert_int_equal(order->marks[i].tuple->number, order->marks[i].number);
        assert_true(i == order->begin || order->marks[i - 1].number < order->marks[i].number);
    }
}

static inline void check_tuples(const space_t *space, sums_t *sums, size_t *bytes)
{
    size_t count = 0, keys = 0, mortals = 0;
    for (const space_tuple_t *t = space->order.first, *next; t; t = next, count++) {
        next = space_tuple_next(t);
        assert_ptr_equal(t->space, space);
        assert_true(t->linked);
        assert_true(!next || t->number < next->number);
        assert_ptr_equal(next ? space_tuple_prev(next) : space->order.last, t);
        *bytes += space_tuple_footprint(t);
        keys += t->keys;
        mortals += t->mortal;
    }
    assert_int_equal(mortals, space->mortals);
    assert_int_equal(count, space->order.count);
    assert_int_equal(check_index(&space->index, true), keys);
    check_marks(&space->order);
    sums->tuples += count;
}

static inline void check_crowd(const space_crowd_t *crowd)
{
    size_t count = 0, bound = 0;
    for (const space_link_t *at = crowd->all.next; at != &crowd->all; at = at->next, count++)
        bound += SPACE_OF(at, space_listener_t, in_space)->bound;
    assert_int_equal(count, crowd->count);
    assert_int_equal(check_index(&crowd->index, false), bound);
    assert_int_equal(crowd->index.promised, 0);
    assert_int_equal(check_chain(&crowd->index, &crowd->unbound, false), count - bound);
}

static inline void check_reactor(const space_t *space, sums_t *sums)
{
    const space_reactor_t *reactor = space->reactor;
    size_t offered = 0, count = 0;
    for (const space_tuple_t *t = space->order.first; t; t = space_tuple_next(t))
        offered += t->offered;
    assert_int_equal(offered, reactor ? reactor->offered : 0);
    if (!reactor)
        return;
    assert_ptr_equal(reactor->space, space);
    for (const space_link_t *at = reactor->reactions.next; at != &reactor->reactions; at = at->next, count++) {
        const space_reaction_t *r = SPACE_OF(at, space_reaction_t, in_space);
        assert_true((r->after ? reactor->after : reactor->before) & r->on);
        sums->bytes += sizeof *r + r->name_size + r->code_size + (r->match ? match_size(r->match) : 0);
    }
    for (const space_link_t *at = reactor->later.next; at != &reactor->later; at = at->next)
        sums->bytes += sizeof(space_later_t) + SPACE_OF(at, space_later_t, link)->size;
    for (const space_link_t *at = reactor->kept.next; at != &reactor->kept; at = at->next)
        sums->bytes += sizeof(space_kept_t) + SPACE_OF(at, space_kept_t, link)->size;
    sums->bytes += reactor->current ? sizeof(space_kept_t) + reactor->current->size : 0;
    assert_int_equal(count, reactor->count);
    assert_true(reactor->run || (!reactor->current && space_link_none(&reactor->kept) && !reactor->offered));
}

static inline void check_space(const spaces_t *self, const space_t *space, sums_t *sums)
{
    size_t bytes = 0, promised = 0, leases = 0;
    check_tuples(space, sums, &bytes);
    check_crowd(&space->waiters);
    check_crowd(&space->watches);
    for (const space_link_t *at = space->leases.next; at != &space->leases; at = at->next, leases++) {
        const space_tuple_t *tuple = SPACE_OF(at, space_lease_t, in_space)->tuple;
        assert_true(!tuple->linked && tuple->space == space);
        bytes += space_tuple_footprint(tuple);
        promised += tuple->keys;
    }
    for (const space_link_t *at = space->waiters.all.next; at != &space->waiters.all; at = at->next) {
        const space_waiter_t *waiter = SPACE_OF(at, space_waiter_t, listener.in_space);
        assert_ptr_equal(space_waiter_find(self, waiter->listener.session->number, waiter->request), waiter);
        bytes += waiter->put ? space_tuple_footprint(waiter->put) : 0;
        promised += waiter->put ? waiter->put->keys : 0;
        sums->bytes += sizeof *waiter + match_size(waiter->listener.match);
    }
    for (const space_link_t *at = space->watches.all.next; at != &space->watches.all; at = at->next)
        sums->bytes += sizeof(space_watch_t) + match_size(SPACE_OF(at, space_watch_t, listener.in_space)->listener.match);
    assert_int_equal(leases, space->lease_count);
    assert_int_equal(promised, space->index.promised);
    assert_int_equal(bytes, space->bytes);
    assert_int_equal(space->pins, 0);
    sums->bytes += bytes;
    sums->leases += leases;
    sums->waiters += space->waiters.count;
    sums->watches += space->watches.count;
    bool in_use = space->order.count + leases + space->waiters.count + space->watches.count > 0 || space->reactor;
    assert_true(space->idle == !in_use);
    check_reactor(space, sums);
}

static inline void check_list(const spaces_t *self, const space_link_t *list, size_t expected, sums_t *sums)
{
    size_t count = 0;
    for (const space_link_t *at = list->next; at != list; at = at->next, count++)
        check_space(self, SPACE_OF(at, space_t, link), sums);
    assert_int_equal(count, expected);
}

static inline void check_spaces(const spaces_t *self)
{
    sums_t sums = { 0 };
    check_list(self, &self->all, self->count, &sums);
    check_list(self, &self->idle, self->idle_count, &sums);
    assert_int_equal(sums.bytes, self->bytes);
    assert_int_equal(sums.tuples, self->tuples);
    assert_int_equal(sums.waiters, self->waiter_count);
    assert_int_equal(sums.waiters, self->waiters.count);
    assert_int_equal(sums.watches, self->watch_count);
    assert_int_equal(sums.watches, self->watches.count);
    assert_int_equal(sums.leases, self->lease_count);
    assert_true(self->heap.reserved >= sums.waiters + sums.leases && self->heap.reserved <= self->heap.capacity);
    assert_null(self->arriving);
}

#endif
