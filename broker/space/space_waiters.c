//  space_waiters - takes and reads that wait

#include <assert.h>
#include <stdlib.h>

#include "space_react.h"

space_waiter_t *space_waiter_find(const spaces_t *self, uint64_t session, uint64_t request)
{
    return space_map_get(&self->waiters, session, request);
}

static space_waiter_t *of_listener(space_listener_t *listener)
{
    return SPACE_OF(listener, space_waiter_t, listener);
}

//  ---- Beginning and end ---------------------------------------------------

static size_t footprint(const space_waiter_t *waiter)
{
    return sizeof *waiter + match_size(waiter->listener.match);
}

static int check_quota(spaces_t *self, const space_wish_t *wish)
{
    const space_session_t *session = space_session_find(self, wish->session);
    if (session && session->waiter_count >= self->config.session_waiters)
        return spaces_say(self, WIRE_E_FULL, "the session waits for %zu tuples, which is the limit",
                          session->waiter_count);
    return spaces_quota(self, sizeof(space_waiter_t) + match_size(wish->match));
}

//  Into all lists, or none. False: no memory.
static bool enlist(spaces_t *self, space_t *space, space_waiter_t *waiter)
{
    if (!wire_heap_reserve(&self->heap))
        return false;
    if (space_map_put(&self->waiters, waiter->listener.session->number, waiter->request, waiter)) {
        if (space_crowd_add(&space->waiters, &waiter->listener))
            return true;
        space_map_remove(&self->waiters, waiter->listener.session->number, waiter->request);
    }
    wire_heap_unreserve(&self->heap);
    return false;
}

static void count(spaces_t *self, space_waiter_t *waiter)
{
    space_session_t *session = waiter->listener.session;
    space_link_add(&session->waiters, &waiter->listener.in_session);
    session->waiter_count++;
    self->waiter_count++;
    self->bytes += footprint(waiter);
}

//  A waiter that is in no list yet.
static space_waiter_t *make(spaces_t *self, space_t *space, const space_wish_t *wish)
{
    space_ref_t ref;
    space_waiter_t *waiter = space_slab_new(&self->slab, sizeof *waiter, &ref);
    if (!waiter)
        return NULL;
    *waiter = (space_waiter_t) { .request = wish->request, .put = wish->put, .take = wish->take };
    waiter->listener = (space_listener_t) { .self = ref, .space = space, .number = self->last_waiter + 1, .match = wish->match };
    waiter->listener.session = space_session_open(self, wish->session);
    waiter->due.kind = SPACE_DUE_WAITER;
    return waiter;
}

//  In the lists, or freed.
static int begin(spaces_t *self, space_waiter_t *waiter, uint32_t lease)
{
    space_session_t *session = waiter->listener.session;
    int rc = session ? 0 : spaces_no_memory(self);
    if (!rc && lease)
        rc = space_lease_new(self, session->number, lease, &waiter->lease);
    if (!rc && !enlist(self, waiter->listener.space, waiter)) {
        if (waiter->lease)              //  Its last: the session goes with it
            space_lease_free(self, waiter->lease);
        else
            space_session_tidy(self, session);
        rc = spaces_no_memory(self);
    }
    if (rc)
        space_slab_free(&self->slab, waiter->listener.self);
    return rc;
}

int space_waiter_new(spaces_t *self, space_t *space, const space_wish_t *wish)
{
    int rc = check_quota(self, wish);
    if (rc)
        return rc;
    space_waiter_t *waiter = make(self, space, wish);
    if (!waiter)
        return spaces_no_memory(self);
    rc = begin(self, waiter, wish->lease);
    if (rc)
        return rc;
    self->last_waiter++;
    count(self, waiter);
    if (wish->ttl)
        wire_heap_add(&self->heap, &waiter->due, self->now + wish->ttl);
    self->counters.waited++;
    return 0;
}

//  Out of all lists.
static void delist(spaces_t *self, space_waiter_t *waiter)
{
    space_session_t *session = waiter->listener.session;
    self->bytes -= footprint(waiter);
    self->waiter_count--;
    session->waiter_count--;
    space_link_remove(&waiter->listener.in_session);
    space_crowd_remove(&waiter->listener.space->waiters, &waiter->listener);
    space_map_remove(&self->waiters, session->number, waiter->request);
    wire_heap_remove(&self->heap, &waiter->due);
    wire_heap_unreserve(&self->heap);
}

void space_waiter_free(spaces_t *self, space_waiter_t *waiter)
{
    delist(self, waiter);
    if (waiter->put)
        space_tuple_free(self, waiter->put);
    if (waiter->lease)                  //  The session, which it keeps, is looked at there
        space_lease_free(self, waiter->lease);
    else
        space_session_tidy(self, waiter->listener.session);
    match_destroy(&waiter->listener.match);
    space_slab_free(&self->slab, waiter->listener.self);
}

void space_waiter_deny(spaces_t *self, space_waiter_t *waiter, int code, const char *text)
{
    spaces_deny(self, waiter->listener.session->number, waiter->request, code, text);
    space_waiter_free(self, waiter);
}

//  ---- Served --------------------------------------------------------------

static void answer(spaces_t *self, const space_waiter_t *waiter, const space_tuple_t *tuple)
{
    wire_buf_t *out = &self->one;
    wire_buf_clear(out);
    space_tuple_write(self, tuple, out);
    wire_put_uint(out, tuple->number);
    if (waiter->lease)
        wire_put_uint(out, waiter->lease->number);
    else if (waiter->take)
        wire_put_nil(out);
    spaces_answer(self, waiter->listener.session->number, waiter->request, out, waiter->take ? 3 : 2);
}

//  What it puts comes later, so that a row of such takers is no recursion.
static void queue_put(spaces_t *self, space_waiter_t *waiter)
{
    space_tuple_t *tuple = waiter->put;
    waiter->put = NULL;
    tuple->next = 0;
    if (self->arriving)
        self->arriving_last->next = tuple->self;
    else
        self->arriving = tuple;
    self->arriving_last = tuple;
}

static void hand_over(spaces_t *self, space_waiter_t *waiter, space_tuple_t *tuple)
{
    if (tuple->linked)
        space_tuple_unlink(self, tuple);
    if (waiter->lease)
        space_lease_begin(self, waiter->lease, tuple);
    else
        space_tuple_free(self, tuple);
    waiter->lease = NULL;
    if (waiter->put)
        queue_put(self, waiter);
}

void space_waiter_serve(spaces_t *self, space_waiter_t *waiter, space_tuple_t *tuple)
{
    answer(self, waiter, tuple);
    self->counters.takes += waiter->take;
    self->counters.reads += !waiter->take;
    space_run_later(self, tuple->space, waiter->take ? SPACE_ON_TAKE : SPACE_ON_READ,
                    waiter->listener.session->number, tuple);
    if (waiter->take)
        hand_over(self, waiter, tuple);
    space_waiter_free(self, waiter);
}

bool space_waiters_offer(spaces_t *self, space_tuple_t *tuple)
{
    const space_crowd_t *crowd = &tuple->space->waiters;
    if (crowd->count == 0)
        return false;
    bool taken = false;
    space_walk_t walk;
    space_walk(&walk, crowd, tuple);
    for (space_listener_t *listener; !taken && (listener = space_walk_next(&walk, tuple));) {
        taken = of_listener(listener)->take;
        space_waiter_serve(self, of_listener(listener), tuple);
    }
    return taken;
}

space_waiter_t *space_waiter_for(space_tuple_t *tuple)
{
    space_walk_t walk;
    space_walk(&walk, &tuple->space->waiters, tuple);
    space_listener_t *listener = space_walk_next(&walk, tuple);
    return listener ? of_listener(listener) : NULL;
}
