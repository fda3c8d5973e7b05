//  node_route - links that come, and what happens when one ends

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

node_link_t *node_core_link_find(node_core_t *self, wire_str_t node, uint64_t incarnation)
{
    node_link_t *link = self->links;
    while (link && !(link->incarnation == incarnation && wire_str_is(node, link->node)))
        link = link->next;
    return link;
}

//  A new epoch: both sides count credit from nothing.
static void reset_credit(alua_remote_t *remote)
{
    remote->epoch++;
    remote->sent_events = remote->sent_bytes = 0;
    remote->granted_events = remote->granted_bytes = 0;
    remote->had_events = remote->had_bytes = 0;
    remote->used_events = remote->used_bytes = 0;
    remote->told_events = remote->told_bytes = 0;
}

node_link_t *node_core_link_new(node_core_t *self, wire_str_t node, uint64_t incarnation, wire_str_t process)
{
    node_link_t *link = calloc(1, sizeof *link);
    alua_remote_t *remote = node_remotes_get(&self->remotes, process);
    char *name = malloc(node.size + 1);
    if (!link || !remote || !name) {
        free(link);
        free(name);
        return NULL;
    }
    memcpy(name, node.data, node.size);
    name[node.size] = 0;
    link->node = name;
    link->incarnation = incarnation;
    link->remote = remote;
    alua_remote_hold(remote);
    reset_credit(remote);
    link->next = self->links;
    self->links = link;
    self->opening++;
    return link;
}

void node_core_link_remove(node_core_t *self, node_link_t *link)
{
    node_link_t **place = &self->links;
    while (*place != link)
        place = &(*place)->next;
    *place = link->next;
    self->opening -= !link->up && !link->quiet;
    alua_remote_release(link->remote);
    node_author_release(link->author);
    free(link->node);
    free(link);
}

static bool is_work(const wire_msg_t *msg)
{
    return msg->type == WIRE_CHUNK || msg->type == WIRE_CALL;
}

//  Nobody waits for it, so this is the only trace of its loss.
static void report_lost(node_core_t *self, wire_str_t about, int code, const char *text)
{
    if (!self->handler.report)
        return;
    self->stat.reports++;
    self->handler.report(self->handler_arg, about, code, text, NULL, 0);
}

//  One parked message goes its way; `bytes` are ours. Work whose request has had its outcome does not go, the deadline of
//  other work is what is left of it.
static void send_one(node_core_t *self, alua_remote_t *remote, const wire_msg_t *msg, uint8_t *bytes, size_t size)
{
    bool asked = is_work(msg) && msg->request;
    node_pending_t *pending = asked ? node_pendings_find(&self->pendings, msg->request) : NULL;
    if (asked && !pending)
        return;
    if (pending && pending->due.place) {
        int64_t left = pending->due.at - node_core_now(self);
        wire_msg_set_ttl(bytes, size, left > 0 ? (uint32_t) left : 1);
    }
    if (pending)
        pending->parked = false;
    int rc = node_core_forward(self, remote, bytes, size);
    if (rc == 0) {
        node_core_sent(self, remote, msg->type, size);
        if (pending)
            node_core_keep(self, msg->request, pending->to, bytes, size);
    } else if (pending && (pending = node_pendings_find(&self->pendings, msg->request)))
        node_core_settle(self, pending, rc, true, NULL);
    else if (!asked && is_work(msg))
        report_lost(self, msg->to, rc, NULL);
}

//  Each message stands whole in the buffer.
static void send_each(node_core_t *self, alua_remote_t *remote, wire_buf_t *messages)
{
    wire_reader_t at = wire_reader(messages->data, messages->size);
    wire_msg_t msg;
    while (at.at < at.end && wire_msg_next(&at, &msg) == 0)
        send_one(self, remote, &msg, messages->data + (msg.whole.at - messages->data), (size_t) (msg.whole.end - msg.whole.at));
    wire_buf_free(messages);
}

static wire_buf_t take_parked(node_core_t *self, alua_remote_t *remote)
{
    wire_buf_t parked = remote->parked;
    remote->parked = (wire_buf_t) WIRE_BUF_EMPTY;
    self->parked_alone -= remote->parked_alone;
    remote->parked_count = remote->parked_alone = 0;
    return parked;
}

void node_core_send_parked(node_core_t *self, alua_remote_t *remote)
{
    wire_buf_t again = remote->again, parked = take_parked(self, remote);
    remote->again = (wire_buf_t) WIRE_BUF_EMPTY;
    node_core_settled_down(remote);
    send_each(self, remote, &again);
    send_each(self, remote, &parked);
}

node_link_t *node_core_link_accept(node_core_t *self, void *peer, wire_str_t node, uint64_t incarnation, wire_str_t process)
{
    node_link_t *link = node_core_link_find(self, node, incarnation);
    if (link && link->peer != peer) {   //  It had given our link up, and begins anew
        link->anew = true;
        self->effects.bury(self->arg, link->peer, "it has begun a new link");
        link = node_core_link_find(self, node, incarnation);
    }
    if (!link && !(link = node_core_link_new(self, node, incarnation, process)))
        return NULL;
    link->peer = peer;
    return link;
}

void node_core_link_up(node_core_t *self, node_link_t *link, wire_str_t process)
{
    if (process.size && !wire_str_is(process, link->remote->id)) {
        alua_remote_t *remote = node_remotes_get(&self->remotes, process);
        if (remote) {
            alua_remote_hold(remote);
            alua_remote_release(link->remote);
            link->remote = remote;
            reset_credit(remote);
        }
    }
    self->opening -= !link->up && !link->quiet;
    link->up = true;
    link->broker_epoch = self->broker_epoch;
    node_link_t *older = link->remote->link;
    if (older && older != link && older->peer) {
        older->dead = true;
        self->effects.bury(self->arg, older->peer, "a new incarnation has taken its place");
    }
    if (link->remote->route == NODE_COLD || link->remote->route == NODE_ASKING) {
        node_core_set_route(self, link->remote, NODE_DIRECT, link);
        node_core_send_parked(self, link->remote);
    } else if (link->remote->route == NODE_RELAY)
        node_core_go_direct(self, link->remote, link);
}

static void forget_target(alua_remote_t *remote)
{
    if (remote->target) {
        remote->target->aliases--;
        alua_remote_release(remote->target);
    }
    remote->target = NULL;
}

void node_core_remote_over(node_core_t *self, alua_remote_t *remote, int code, bool definite, const char *text)
{
    remote->switching = 0;
    remote->route = NODE_COLD;
    remote->link = NULL;
    remote->doubted = false;
    remote->undrained = 0;
    wire_buf_t parked = take_parked(self, remote);
    wire_buf_free(&remote->again);      //  Requests, all of them
    node_core_settled_down(remote);
    wire_reader_t at = wire_reader(parked.data, parked.size);
    wire_msg_t msg;
    while (at.at < at.end && wire_msg_next(&at, &msg) == 0)
        if (is_work(&msg) && !msg.request)
            report_lost(self, node_remote_name(remote), code, text);
    wire_buf_free(&parked);
    while (remote->pendings)
        node_core_settle(self, remote->pendings, code, definite || remote->pendings->parked, text);
    forget_target(remote);
}

void node_core_process_over(node_core_t *self, alua_remote_t *process, int code, const char *text)
{
    for (size_t i = 0; process->aliases && i < self->remotes.size; i++)
        for (alua_remote_t *name = self->remotes.buckets[i]; name; name = name->next)
            if (name->target == process)
                node_core_remote_over(self, name, code, false, text);
    node_core_remote_over(self, process, code, false, text);
}

void node_core_doubt_name(alua_remote_t *name)
{
    if (name->route != NODE_DIRECT && name->route != NODE_SWITCH && name->route != NODE_SELF)
        return;
    while (name->pendings)
        node_pendings_move(name->pendings, name->target);
    name->route = NODE_COLD;
    name->link = NULL;
    forget_target(name);
}

void node_core_doubt(node_core_t *self, const alua_remote_t *process)
{
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next)
            if (remote->target == process)
                node_core_doubt_name(remote);
}

//  It never left, so the broker can take it; credit is a matter of the link alone.
static bool relay_instead(node_core_t *self, const node_link_t *link, const wire_msg_t *msg)
{
    if (link->up || !self->broker_up || msg->type == WIRE_CREDIT)
        return false;
    if (self->effects.send(self->arg, self->broker, msg->whole.at, (size_t) (msg->whole.end - msg->whole.at)))
        return false;
    self->stat.relayed++;
    link->remote->undrained++;
    link->remote->relayed_sent += wire_type_counts(msg->type);
    return true;
}

//  Should the broker say that it is alive, an answer or CANCEL goes that way: a second one means nothing.
static bool put_aside(node_core_t *self, const node_link_t *link, const wire_msg_t *msg)
{
    bool harmless = msg->request && (msg->type == WIRE_REPLY || msg->type == WIRE_FAIL || msg->type == WIRE_CANCEL);
    return harmless && link->up && link->remote->link == link && link->remote->route == NODE_DIRECT
        && node_core_park(self, link->remote, msg->whole.at, (size_t) (msg->whole.end - msg->whole.at)) == 0;
}

//  One message the peer never acknowledged. A request's outcome follows with the link's end; for what nobody
//  waits for, this is the only trace. Answers are of no use to a peer that is gone.
void node_core_link_lost(node_core_t *self, node_link_t *link, const wire_msg_t *msg)
{
    if ((link && (relay_instead(self, link, msg) || put_aside(self, link, msg))) || !is_work(msg))
        return;
    node_pending_t *pending = msg->request ? node_pendings_find(&self->pendings, msg->request) : NULL;
    if (pending && link && !link->up)
        node_core_settle(self, pending, WIRE_E_GONE, true, "there was no way to send it");
    else if (pending && link)
        pending->lost = true;
    if (!msg->request)
        report_lost(self, msg->to, WIRE_E_GONE, "sent, but never acknowledged");
}

//  The link was never open: its peer may still be reached through the broker.
static bool fall_back(node_core_t *self, const node_link_t *link)
{
    return !link->up && self->broker_up;
}

//  The link is over without proof of a death, and there is somebody to ask.
static bool may_live(const node_core_t *self, const node_link_t *link, int code)
{
    return (code == WIRE_E_TIMEOUT || link->anew) && !link->dead && self->broker_up && !self->broker_silent;
}

void node_core_link_gone(node_core_t *self, node_link_t *link, int code, const char *text)
{
    bool relay = fall_back(self, link);
    bool closed = code == WIRE_E_CLOSED;
    bool sight = link->up && may_live(self, link, code);
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next) {
            bool here = remote->link == link || (remote->target && remote->target->link == link);
            if (!here)
                continue;
            if (relay && !remote->target)
                node_core_set_route(self, remote, NODE_RELAY, NULL);
            else if (sight && !remote->target)
                node_core_lost_sight(self, remote, link);
            else if (!relay && !sight)
                node_core_remote_over(self, remote, WIRE_E_GONE, !link->up, closed ? "the process has ended" : text);
        }
    node_core_link_remove(self, link);
}
