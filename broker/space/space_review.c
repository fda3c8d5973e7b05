//  space_review - what a session began and may not do any more

#include "space_react.h"

static wire_str_t name_of(const space_t *space)
{
    return (wire_str_t) { space->name, space->size };
}

static bool stands(const spaces_review_t *review, wire_type_t type, const space_t *space)
{
    return review->stands(review->arg, type, name_of(space));
}

//  The next link, or NULL when there is none or the session's last thing went with the one before.
static space_link_t *next_of(const spaces_t *self, uint64_t number, space_link_t *next, const space_link_t *head)
{
    return space_session_find(self, number) && next != head ? next : NULL;
}

//  Ends what stands at this link unless it is still allowed. True: it did.
typedef bool end_fn(spaces_t *self, space_link_t *at, const spaces_review_t *review);

static bool end_waiter(spaces_t *self, space_link_t *at, const spaces_review_t *review)
{
    space_waiter_t *waiter = SPACE_OF(at, space_waiter_t, listener.in_session);
    space_t *space = waiter->listener.space;
    if (stands(review, waiter->take ? WIRE_TAKE : WIRE_READ, space)
            && (!waiter->put || stands(review, WIRE_OUT, space)))
        return false;
    space_waiter_deny(self, waiter, WIRE_E_DENIED, "the right to it was withdrawn");
    space_tidy(self, space);
    return true;
}

static bool end_watch(spaces_t *self, space_link_t *at, const spaces_review_t *review)
{
    space_watch_t *watch = SPACE_OF(at, space_watch_t, listener.in_session);
    space_t *space = watch->listener.space;
    if (stands(review, WIRE_SPACE_WATCH, space))
        return false;
    space_watch_free(self, watch);
    space_tidy(self, space);
    return true;
}

static bool end_reaction(spaces_t *self, space_link_t *at, const spaces_review_t *review)
{
    space_reaction_t *reaction = SPACE_OF(at, space_reaction_t, in_session);
    space_t *space = reaction->space;
    if (stands(review, WIRE_REACT, space))
        return false;
    space_reaction_free(self, reaction);
    space_reactor_tidy(self, space);
    return true;
}

//  One of the session's lists; `head` is in the session, and is not looked at once that has gone.
static size_t review_list(spaces_t *self, uint64_t number, space_link_t *head, end_fn *end, const spaces_review_t *review)
{
    size_t ended = 0;
    for (space_link_t *at = next_of(self, number, head->next, head); at; ) {
        space_link_t *next = at->next;
        ended += end(self, at, review);
        at = next_of(self, number, next, head);
    }
    return ended;
}

size_t spaces_review(spaces_t *self, uint64_t number, const spaces_review_t *review, int64_t now)
{
    size_t ended = 0;
    space_session_t *session;
    spaces_tick(self, now);
    if ((session = space_session_find(self, number)))
        ended += review_list(self, number, &session->waiters, end_waiter, review);
    if ((session = space_session_find(self, number)))
        ended += review_list(self, number, &session->watches, end_watch, review);
    if ((session = space_session_find(self, number)))
        ended += review_list(self, number, &session->reactions, end_reaction, review);
    ended += space_turns_review(self, number, review);
    space_turns(self);
    return ended;
}
