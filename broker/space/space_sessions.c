//  space_sessions - what each session has here: who waits, watches and leases for it

#include <assert.h>
#include <stdlib.h>

#include "space_state.h"

space_session_t *space_session_find(const spaces_t *self, uint64_t number)
{
    return space_map_get(&self->sessions, number, 0);
}

space_session_t *space_session_open(spaces_t *self, uint64_t number)
{
    space_session_t *session = space_session_find(self, number);
    if (session)
        return session;
    session = calloc(1, sizeof *session);
    if (!session || !space_map_put(&self->sessions, number, 0, session)) {
        free(session);
        return NULL;
    }
    session->number = number;
    space_link_init(&session->waiters);
    space_link_init(&session->watches);
    space_link_init(&session->leases);
    space_link_init(&session->reactions);
    return session;
}

void space_session_tidy(spaces_t *self, space_session_t *session)
{
    if (session->waiter_count + session->watch_count + session->lease_count + session->reaction_count > 0)
        return;
    space_map_remove(&self->sessions, session->number, 0);
    free(session);
}
