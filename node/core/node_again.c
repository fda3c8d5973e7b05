//  node_again - a call under a registered name whose holder has changed is delivered once more
//
//  Whoever held the name refuses with `not_here`: surely not executed. So the name is looked up anew, and the call goes
//  to whom the broker says, once. The order of calls is kept: those that the old holder has still to refuse
//  come first, what is sent meanwhile waits behind them, and what would come behind a later call that has run fails as
//  unknown. A send that nobody waits for is not kept, so its refusal is only reported.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  ms that calls are waited for which may have been refused, or may run.
#define STRAGGLER_LIMIT 1000

void node_core_keep(node_core_t *self, uint64_t request, const alua_remote_t *to, const void *message, size_t size)
{
    node_pending_t *pending = to->moves && to->route == NODE_DIRECT ? node_pendings_find(&self->pendings, request) : NULL;
    if (!pending || pending->again || pending->copy)
        return;
    pending->copy = malloc(size);       //  Without memory it is refused as others are
    if (pending->copy)
        memcpy(pending->copy, message, size);
    pending->copy_size = size;
}

static wire_str_t name_of(const node_pending_t *pending)
{
    wire_reader_t at = wire_reader(pending->copy, pending->copy_size);
    wire_msg_t msg;
    (void) wire_msg_next(&at, &msg);    //  We wrote it
    return msg.to;
}

//  What the refused message was addressed to.
static bool read_not_here(const wire_msg_t *msg, wire_str_t *name)
{
    wire_reader_t error = msg->fields, at;
    return msg->type == WIRE_FAIL && wire_map_find(&error, "not_here", &at) && wire_read_name(&at, name) == 0;
}

bool node_core_stragglers(const node_core_t *self, const alua_remote_t *name)
{
    const node_pending_t *p = name->mover ? name->mover->pendings : NULL;
    if (name->hurry && node_core_now(self) >= name->hurry)
        return false;
    for (; p; p = p->after)
        if (p->copy && !p->again && p->id > name->refused && p->id <= name->refusable
                && wire_str_same(name_of(p), node_remote_name(name)))
            return true;
    return false;
}

void node_core_settled_down(alua_remote_t *name)
{
    if (name->mover)
        alua_remote_release(name->mover);
    name->mover = NULL;
}

//  The first refusal says that all that went there since may be refused, too. Of a send (request 0) it is not known which
//  calls were before it and run, so these are not waited for as long as they take.
static void note_refusal(const node_core_t *self, alua_remote_t *name, alua_remote_t *holder, uint64_t request)
{
    if (name->mover != holder) {
        node_core_settled_down(name);
        name->mover = holder;
        alua_remote_hold(holder);
        name->refused = 0;
        name->refusable = self->pendings.last_id;
        name->hurry = node_core_now(self) + STRAGGLER_LIMIT;
    }
    if (request) {
        name->refused = request;
        name->hurry = 0;
    }
}

static bool put_off(alua_remote_t *name, const node_pending_t *pending)
{
    wire_buf_append(&name->again, pending->copy, pending->copy_size);
    if (!name->again.failed)
        return true;
    wire_buf_truncate(&name->again, name->again.size);
    return false;
}

//  The holder has lost it, and we have not found another one yet.
static alua_remote_t *lost_name(node_core_t *self, const alua_remote_t *holder, const wire_msg_t *msg)
{
    wire_str_t text;
    alua_remote_t *name = read_not_here(msg, &text) ? node_remotes_find(&self->remotes, text) : NULL;
    if (name && name->target == holder)
        node_core_doubt_name(name);
    else if (name && name->mover != holder)
        name = NULL;
    return name;
}

//  The holder has taken a call after refusing others (it has the name again), or may have: those would come too late.
void node_core_overtaken(node_core_t *self, const node_pending_t *by)
{
    const alua_remote_t *name = by->copy && !by->again ? node_remotes_find(&self->remotes, name_of(by)) : NULL;
    node_pending_t *next;
    if (!name || !name->mover || name->route != NODE_ASKING)
        return;
    for (node_pending_t *p = name->pendings; p; p = next) {
        next = p->after;
        if (p->again && p->id < by->id)
            node_core_settle(self, p, WIRE_E_UNKNOWN, true, "the name has moved, and a later call came first");
    }
}

bool node_core_again(node_core_t *self, node_pending_t *pending, alua_remote_t *holder, const wire_msg_t *msg)
{
    alua_remote_t *name = lost_name(self, holder, msg);
    if (!name)
        return false;
    note_refusal(self, name, holder, msg->request);
    if (!pending || !pending->copy || pending->again || !wire_str_same(name_of(pending), node_remote_name(name)))
        return false;
    if (name->route == NODE_COLD)
        (void) node_core_resolve(self, name);
    pending->again = pending->parked = name->route == NODE_ASKING && put_off(name, pending);
    if (pending->again)
        node_pendings_move(pending, name);
    return pending->again;
}
