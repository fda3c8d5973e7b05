//  space_kept - operations that are kept until it is their turn, in the order in which they came

#include <stdlib.h>

#include "space_react.h"

static space_kept_t *copy(const spaces_t *self, const spaces_op_t *op)
{
    size_t size = (size_t) (op->fields.end - op->fields.at);
    space_kept_t *kept = malloc(sizeof *kept + size);
    if (!kept)
        return NULL;
    *kept = (space_kept_t) { .op = *op, .size = size, .deadline = op->ttl ? self->now + op->ttl : 0 };
    if (size)
        memcpy(kept->bytes, op->fields.at, size);
    kept->op.fields = wire_reader(kept->bytes, size);
    return kept;
}

static size_t footprint(const space_kept_t *kept)
{
    return sizeof *kept + kept->size;
}

static void free_kept(spaces_t *self, space_kept_t *kept)
{
    self->bytes -= footprint(kept);
    wire_buf_free(&kept->fields);
    free(kept);
}

//  request 0: whatever the session would have of it when it is gone.
static bool waits_for(const space_kept_t *kept, uint64_t session, uint64_t request)
{
    if (!kept || kept->op.session != session)
        return false;
    bool standing = kept->op.type == WIRE_SPACE_WATCH || kept->op.type == WIRE_REACT;
    if (kept->op.type != WIRE_TAKE && kept->op.type != WIRE_READ)
        return standing && request == 0;
    return request == 0 || kept->op.request == request;
}

static space_kept_t *find_kept(const space_reactor_t *reactor, uint64_t session, uint64_t request)
{
    if (waits_for(reactor->current, session, request))
        return reactor->current;
    for (const space_link_t *at = reactor->kept.next; at != &reactor->kept; at = at->next)
        if (waits_for(SPACE_OF(at, space_kept_t, link), session, request))
            return SPACE_OF(at, space_kept_t, link);
    return NULL;
}

static bool has_kept(const spaces_t *self, uint64_t session, uint64_t request)
{
    for (const space_link_t *at = self->reactors.next; at != &self->reactors; at = at->next)
        if (find_kept(SPACE_OF(at, space_reactor_t, link), session, request))
            return true;
    return false;
}

void space_kept_drop(spaces_t *self, space_reactor_t *reactor, space_kept_t *kept)
{
    if (kept == reactor->current)
        reactor->current = NULL;
    else
        space_link_remove(&kept->link);
    free_kept(self, kept);
}

static space_kept_t *first_forbidden(const space_reactor_t *reactor, uint64_t session, const spaces_review_t *review)
{
    space_kept_t *kept = reactor->current;
    if (kept && kept->op.session == session && !review->may(review->arg, &kept->op))
        return kept;
    for (const space_link_t *at = reactor->kept.next; at != &reactor->kept; at = at->next) {
        kept = SPACE_OF(at, space_kept_t, link);
        if (kept->op.session == session && !review->may(review->arg, &kept->op))
            return kept;
    }
    return NULL;
}

size_t space_turns_review(spaces_t *self, uint64_t session, const spaces_review_t *review)
{
    size_t ended = 0;
    for (space_link_t *at = self->reactors.next; at != &self->reactors; at = at->next) {
        space_reactor_t *reactor = SPACE_OF(at, space_reactor_t, link);
        for (space_kept_t *kept; (kept = first_forbidden(reactor, session, review)); ended++) {
            spaces_deny(self, session, kept->op.request, WIRE_E_DENIED, "the right to it was withdrawn");
            space_kept_drop(self, reactor, kept);
        }
        space_turn_wake(self, reactor);
    }
    return ended;
}

bool space_turn_forget(spaces_t *self, uint64_t session, uint64_t request)
{
    bool found = false;
    for (space_link_t *at = self->reactors.next; at != &self->reactors; at = at->next) {
        space_reactor_t *reactor = SPACE_OF(at, space_reactor_t, link);
        for (space_kept_t *kept; (kept = find_kept(reactor, session, request)); found = true)
            space_kept_drop(self, reactor, kept);
        space_turn_wake(self, reactor);
    }
    return found;
}

static int keep(spaces_t *self, space_reactor_t *reactor, const spaces_op_t *op)
{
    int rc = spaces_quota(self, sizeof(space_kept_t) + (size_t) (op->fields.end - op->fields.at));
    if (rc)
        return rc;
    space_kept_t *kept = copy(self, op);
    if (!kept)
        return spaces_no_memory(self);
    self->bytes += footprint(kept);
    space_link_add(&reactor->kept, &kept->link);
    return 0;
}

bool space_turn_keep(spaces_t *self, const spaces_op_t *op)
{
    if (space_link_none(&self->reactors))
        return false;
    if ((op->type == WIRE_TAKE || op->type == WIRE_READ) && op->request && has_kept(self, op->session, op->request))
        return true;                    //  It was said twice, and will be answered once
    space_obstacle_t found = space_obstacle(self, op);
    if (!found.busy && found.reacting && space_is_many(op)) {
        space_deny_many(self, op, found.reacting);
        return true;
    }
    space_reactor_t *reactor = found.busy ? found.busy : found.reacting ? found.reacting->reactor : NULL;
    if (!reactor)
        return false;
    int rc = keep(self, reactor, op);
    if (rc)
        spaces_deny(self, op->session, op->request, rc, self->text);
    space_turn_wake(self, reactor);
    return true;
}
