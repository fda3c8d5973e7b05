//  space_watches - who is told of arrivals, and of the end of the space

#include <assert.h>
#include <stdlib.h>

#include "space_state.h"

#define RETRY 100               //  ms until one that did not read is told again that its watch is over

static size_t footprint(const match_t *match)
{
    return sizeof(space_watch_t) + match_size(match);
}

static int check_quota(spaces_t *self, uint64_t number, const match_t *match)
{
    const space_session_t *session = space_session_find(self, number);
    if (session && session->watch_count >= self->config.session_watches)
        return spaces_say(self, WIRE_E_FULL, "the session has %zu watches, which is the limit", session->watch_count);
    return spaces_quota(self, footprint(match));
}

//  Into the lists that need memory, or none. False: no memory.
static bool enlist(spaces_t *self, space_watch_t *watch)
{
    space_listener_t *listener = &watch->listener;
    if (!wire_heap_reserve(&self->heap))
        return false;
    if (space_map_put(&self->watches, listener->number, 0, watch)) {
        if (space_crowd_add(&listener->space->watches, listener))
            return true;
        space_map_remove(&self->watches, listener->number, 0);
    }
    wire_heap_unreserve(&self->heap);
    return false;
}

int space_watch_new(spaces_t *self, space_t *space, uint64_t number, match_t *match, uint64_t *watch_number)
{
    int rc = check_quota(self, number, match);
    if (rc)
        return rc;
    space_ref_t ref;
    space_watch_t *watch = space_slab_new(&self->slab, sizeof *watch, &ref);
    space_session_t *session = watch ? space_session_open(self, number) : NULL;
    if (watch)
        *watch = (space_watch_t) { .told = 0 };
    if (session)
        watch->listener = (space_listener_t) { .self = ref, .space = space, .session = session, .match = match,
                                               .number = self->last_watch + 1 };
    if (!session || !enlist(self, watch)) {
        if (session)
            space_session_tidy(self, session);
        if (watch)
            space_slab_free(&self->slab, ref);
        return spaces_no_memory(self);
    }
    space_link_add(&session->watches, &watch->listener.in_session);
    session->watch_count++;
    self->watch_count++;
    self->bytes += footprint(match);
    *watch_number = ++self->last_watch;
    return 0;
}

//  From here on it hears of no arrivals.
static void leave(spaces_t *self, space_watch_t *watch)
{
    space_listener_t *listener = &watch->listener;
    if (!listener->space)
        return;
    self->bytes -= footprint(listener->match);
    self->watch_count--;
    space_crowd_remove(&listener->space->watches, listener);
    space_map_remove(&self->watches, listener->number, 0);
    match_destroy(&listener->match);
    listener->space = NULL;
    space_link_init(&listener->in_space);
}

void space_watch_free(spaces_t *self, space_watch_t *watch)
{
    space_session_t *session = watch->listener.session;
    leave(self, watch);
    wire_heap_remove(&self->heap, &watch->due);
    wire_heap_unreserve(&self->heap);
    space_link_remove(&watch->listener.in_space);
    session->watch_count--;
    space_link_remove(&watch->listener.in_session);
    space_session_tidy(self, session);
    space_slab_free(&self->slab, watch->listener.self);
}

//  ---- Told ----------------------------------------------------------------

static void write_event(spaces_t *self, const space_watch_t *watch, uint64_t number)
{
    wire_buf_t *out = &self->one;
    wire_buf_clear(out);
    wire_put_uint(out, watch->listener.number);
    wire_put_uint(out, watch->told + 1);
    wire_put_uint(out, watch->missed);
    wire_put_uint(out, number);
}

static bool send_event(spaces_t *self, const space_watch_t *watch)
{
    return self->output.tell(self->arg, watch->listener.session->number, self->one.data, self->one.size, 5);
}

//  The last event: nil, and number 0. Whoever does not read now is told later.
static void tell_end(spaces_t *self, space_watch_t *watch)
{
    write_event(self, watch, 0);
    wire_put_nil(&self->one);
    if (!self->output.tell || send_event(self, watch))
        space_watch_free(self, watch);
    else
        wire_heap_add(&self->heap, &watch->due, self->now + RETRY);
}

void space_watch_end(spaces_t *self, space_watch_t *watch)
{
    leave(self, watch);
    watch->due.kind = SPACE_DUE_WATCH;
    space_link_add(&self->ended_watches, &watch->listener.in_space);
    tell_end(self, watch);
}

void space_watch_late(spaces_t *self, wire_due_t *due)
{
    wire_heap_remove(&self->heap, due);
    tell_end(self, SPACE_OF(due, space_watch_t, due));
}

static void miss(spaces_t *self, space_watch_t *watch)
{
    watch->missed++;
    self->counters.missed++;
}

//  There is room in self->one.
static void tell(spaces_t *self, space_watch_t *watch, const space_tuple_t *tuple)
{
    write_event(self, watch, tuple->number);
    wire_buf_append(&self->one, space_tuple_bytes(tuple).at, tuple->size);
    if (send_event(self, watch)) {
        watch->told++;
        watch->missed = 0;
        self->counters.told++;
    }
    else
        miss(self, watch);
}

void space_watch_replay(spaces_t *self, space_t *space, uint64_t number, uint64_t since)
{
    space_watch_t *watch = space_map_get(&self->watches, number, 0);
    space_scan_t scan;
    space_scan(&scan, space, watch->listener.match);
    for (space_tuple_t *tuple; (tuple = space_scan_next(&scan)) != NULL;)
        if (tuple->number > since && space_tuple_room(self, tuple->size))
            tell(self, watch, tuple);
        else if (tuple->number > since)
            miss(self, watch);
}

void space_watches_tell(spaces_t *self, const space_tuple_t *tuple)
{
    const space_crowd_t *crowd = &tuple->space->watches;
    if (crowd->count == 0)
        return;
    space_walk_t walk;
    space_walk(&walk, crowd, tuple);
    for (space_listener_t *listener; (listener = space_walk_next(&walk, tuple));)
        tell(self, SPACE_OF(listener, space_watch_t, listener), tuple);
}
