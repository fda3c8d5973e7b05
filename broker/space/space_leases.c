//  space_leases - taken tuples that may come back
//
//  A leased tuple is in no index: nobody sees it until it comes back to its old place.

#include <assert.h>
#include <stdlib.h>

#include "space_state.h"

int space_lease_new(spaces_t *self, uint64_t session_number, uint32_t ms, space_lease_t **lease_p)
{
    space_session_t *session = space_session_open(self, session_number);
    if (!session)
        return spaces_no_memory(self);
    if (session->lease_count >= self->config.session_leases)
        return spaces_say(self, WIRE_E_FULL, "the session has %zu leases, which is the limit", session->lease_count);
    space_lease_t *lease = calloc(1, sizeof *lease);
    bool heap = lease && wire_heap_reserve(&self->heap);
    if (!heap || !space_map_put(&self->leases, self->last_lease + 1, 0, lease)) {
        if (heap)
            wire_heap_unreserve(&self->heap);
        free(lease);
        space_session_tidy(self, session);
        return spaces_no_memory(self);
    }
    lease->number = ++self->last_lease;
    lease->due.kind = SPACE_DUE_LEASE;
    lease->session = session;
    lease->ms = ms;
    space_link_init(&lease->in_space);
    space_link_add(&session->leases, &lease->in_session);
    session->lease_count++;
    *lease_p = lease;
    return 0;
}

void space_lease_free(spaces_t *self, space_lease_t *lease)
{
    space_session_t *session = lease->session;
    space_map_remove(&self->leases, lease->number, 0);
    space_link_remove(&lease->in_session);
    session->lease_count--;
    wire_heap_unreserve(&self->heap);
    space_session_tidy(self, session);
    free(lease);
}

void space_lease_begin(spaces_t *self, space_lease_t *lease, space_tuple_t *tuple)
{
    lease->tuple = tuple;
    space_link_add(&tuple->space->leases, &lease->in_space);
    tuple->space->lease_count++;
    self->lease_count++;
    wire_heap_add(&self->heap, &lease->due, self->now + lease->ms);
}

space_tuple_t *space_lease_end(spaces_t *self, space_lease_t *lease)
{
    space_tuple_t *tuple = lease->tuple;
    space_link_remove(&lease->in_space);
    tuple->space->lease_count--;
    self->lease_count--;
    wire_heap_remove(&self->heap, &lease->due);
    space_lease_free(self, lease);
    return tuple;
}

void space_lease_extend(spaces_t *self, space_lease_t *lease, uint32_t ms)
{
    wire_heap_remove(&self->heap, &lease->due);
    wire_heap_add(&self->heap, &lease->due, self->now + ms);
}

int space_lease_find(spaces_t *self, uint64_t session, uint64_t number, space_lease_t **lease_p)
{
    space_lease_t *lease = space_map_get(&self->leases, number, 0);
    if (!lease || !lease->tuple || lease->acked)
        return spaces_say(self, WIRE_E_EXPIRED, "lease %llu is over", (unsigned long long) number);
    if (lease->session->number != session)
        return spaces_say(self, WIRE_E_EXPIRED, "lease %llu is another session's", (unsigned long long) number);
    *lease_p = lease;
    return 0;
}

//  A walk: only who gives a tuple back asks.
bool space_lease_has(const space_t *space, uint64_t number)
{
    for (const space_link_t *link = space->leases.next; link != &space->leases; link = link->next)
        if (SPACE_OF(link, space_lease_t, in_space)->tuple->number == number)
            return true;
    return false;
}
