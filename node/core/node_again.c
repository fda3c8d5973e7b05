//  node_again - a call under a registered name whose holder has changed is delivered once more
//
//  Whoever held the name refuses with `not_here`: surely not executed. So the name is looked up anew, and the call goes
//  to whom the broker says, once. The order of calls is kept: those that the old holder has still to refuse
//  come first, what is sent meanwhile waits behind them. A send that nobody waits for is not kept, so its refusal is
//  only reported.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

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

static bool is_not_here(const wire_msg_t *msg)
{
    wire_reader_t error = msg->fields, at;
    bool yes = false;
    return msg->type == WIRE_FAIL && wire_map_find(&error, "not_here", &at) && wire_read_bool(&at, &yes) == 0 && yes;
}

bool node_core_stragglers(const alua_remote_t *name)
{
    const node_pending_t *p = name->mover ? name->mover->pendings : NULL;
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

//  The first refusal says that all that went there since may be refused, too.
static void note_refusal(const node_core_t *self, alua_remote_t *name, alua_remote_t *holder, uint64_t request)
{
    if (name->mover != holder) {
        node_core_settled_down(name);
        name->mover = holder;
        alua_remote_hold(holder);
        name->refusable = self->pendings.last_id;
    }
    name->refused = request;
}

static bool deliver(node_core_t *self, alua_remote_t *name, const node_pending_t *pending)
{
    if (name->route == NODE_ASKING) {
        wire_buf_append(&name->again, pending->copy, pending->copy_size);
        if (!name->again.failed)
            return true;
        wire_buf_truncate(&name->again, name->again.size);
        return false;
    }
    if (node_core_forward(self, name, pending->copy, pending->copy_size))
        return false;
    node_core_sent(name, pending->type, pending->copy_size);
    return true;
}

bool node_core_again(node_core_t *self, node_pending_t *pending, alua_remote_t *holder, const wire_msg_t *msg)
{
    if (!pending->copy || pending->again || !is_not_here(msg))
        return false;
    alua_remote_t *name = node_remotes_get(&self->remotes, name_of(pending));
    if (!name)
        return false;
    alua_remote_hold(name);
    node_core_doubt(self, holder);
    if (name->route == NODE_COLD)
        (void) node_core_resolve(self, name);
    pending->again = name->route != NODE_COLD && deliver(self, name, pending);
    if (pending->again) {
        note_refusal(self, name, holder, pending->id);
        node_pendings_move(pending, name);
    }
    alua_remote_release(name);
    return pending->again;
}
