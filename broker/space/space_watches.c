//  space_watches - who is told of arrivals

#include <assert.h>
#include <stdlib.h>

#include "space_state.h"

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
    if (!space_map_put(&self->watches, listener->number, 0, watch))
        return false;
    if (space_crowd_add(&listener->space->watches, listener))
        return true;
    space_map_remove(&self->watches, listener->number, 0);
    return false;
}

int space_watch_new(spaces_t *self, space_t *space, uint64_t number, match_t *match, uint64_t *watch_number)
{
    int rc = check_quota(self, number, match);
    if (rc)
        return rc;
    space_watch_t *watch = calloc(1, sizeof *watch);
    space_session_t *session = watch ? space_session_open(self, number) : NULL;
    if (session)
        watch->listener = (space_listener_t) { .space = space, .session = session, .match = match,
                                               .number = self->last_watch + 1 };
    if (!session || !enlist(self, watch)) {
        if (session)
            space_session_tidy(self, session);
        free(watch);
        return spaces_no_memory(self);
    }
    space_link_add(&session->watches, &watch->listener.in_session);
    session->watch_count++;
    self->watch_count++;
    self->bytes += footprint(match);
    *watch_number = ++self->last_watch;
    return 0;
}

void space_watch_free(spaces_t *self, space_watch_t *watch)
{
    space_listener_t *listener = &watch->listener;
    self->bytes -= footprint(listener->match);
    self->watch_count--;
    listener->session->watch_count--;
    space_link_remove(&listener->in_session);
    space_crowd_remove(&listener->space->watches, listener);
    space_map_remove(&self->watches, listener->number, 0);
    space_session_tidy(self, listener->session);
    match_destroy(&listener->match);
    free(watch);
}

static void tell(spaces_t *self, space_watch_t *watch, const space_tuple_t *tuple)
{
    wire_buf_t *out = &self->one;
    wire_buf_clear(out);
    wire_put_uint(out, watch->listener.number);
    wire_put_uint(out, watch->told + 1);
    wire_put_uint(out, watch->missed);
    wire_put_uint(out, tuple->number);
    wire_reader_t bytes = space_tuple_bytes(tuple);
    wire_buf_append(out, bytes.at, tuple->size);
    if (self->output.tell(self->arg, watch->listener.session->number, out->data, out->size, 5)) {
        watch->told++;
        watch->missed = 0;
        self->counters.told++;
    }
    else {
        watch->missed++;
        self->counters.missed++;
    }
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
