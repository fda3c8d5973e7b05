//  node_direct - from the broker's relay to a link of one's own, and back
//
//  Who cannot dial each other talk through the broker. With what they say, at intervals, each looks whether the other can be
//  dialled by now; or is dialled itself, which is how a node behind NAT is reached. When a link is up each end moves what
//  it sends: it says SWITCH through the broker, behind everything it had sent that way, and keeps what
//  follows until SWITCHED says that all of it has arrived. So the order of a pair is kept, and nothing is lost or comes twice.
//
//  Back goes who lost a link without proof of a death, when the broker says that the other is alive. What was not
//  acknowledged is unknown or reported, as ever; what was acknowledged goes on waiting, for an answer through the broker.

#include "node_core.h"

//  ms that SWITCHED is waited for. Whoever computes longer is asked again later.
#define SWITCH_TIME 5000
//  ms until a direct way is looked for (again); the last one repeats.
static const int64_t tries[] = { 1000, 2000, 5000, 10000, 30000 };
#define LAST_TRY (sizeof tries / sizeof tries[0] - 1)

static void try_later(const node_core_t *self, alua_remote_t *process)
{
    process->try_at = node_core_coarse(self) + tries[process->tries];
    process->tries += process->tries < LAST_TRY;
}

static void set_one(alua_remote_t *remote, node_route_t route, node_link_t *link)
{
    remote->route = route;
    remote->link = link;
}

void node_core_set_route(node_core_t *self, alua_remote_t *process, node_route_t route, node_link_t *link)
{
    set_one(process, route, link);
    process->doubted = false;
    if (route == NODE_RELAY) {
        process->comes_relayed = true;
        try_later(self, process);
    }
    for (size_t i = 0; process->aliases && i < self->remotes.size; i++)
        for (alua_remote_t *name = self->remotes.buckets[i]; name; name = name->next)
            if (name->target == process)
                set_one(name, route, link);
}

//  ---- To the link ---------------------------------------------------------------

static int say(node_core_t *self, void *peer, wire_type_t type, uint64_t request, const alua_remote_t *to)
{
    wire_buf_t out = WIRE_BUF_EMPTY;    //  Scratch may hold what is being sent
    wire_msg_begin_proc(&out, type, request, 0, self->me, node_remote_name(to), 0);
    int rc = out.failed ? WIRE_E_NO_MEMORY : self->effects.send(self->arg, peer, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

//  The broker holds nothing from us to it any more.
static void arrive(node_core_t *self, alua_remote_t *process, node_link_t *link)
{
    process->switching = 0;
    process->undrained = 0;
    process->tries = 0;
    self->stat.switches++;
    node_core_set_route(self, process, NODE_DIRECT, link);
    node_core_send_parked(self, process);
}

void node_core_switch_back(node_core_t *self, alua_remote_t *process)
{
    process->switching = 0;
    node_core_set_route(self, process, NODE_RELAY, NULL);
    node_core_send_parked(self, process);
}

void node_core_switch_look(node_core_t *self, alua_remote_t *process)
{
    if (process->route == NODE_SWITCH && node_core_now(self) >= process->switch_until)
        node_core_switch_back(self, process);
}

static void arm(node_core_t *self, int64_t ms);

//  A walk, but only for as long as somebody is in SWITCH.
static void look_at_all(void *arg)
{
    node_core_t *self = arg;
    int64_t next = 0;
    self->switch_timer = 0;
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next) {
            if (remote->target)
                continue;
            node_core_switch_look(self, remote);
            if (remote->route == NODE_SWITCH && (next == 0 || remote->switch_until < next))
                next = remote->switch_until;
        }
    if (next)
        arm(self, next - node_core_now(self));
}

static void arm(node_core_t *self, int64_t ms)
{
    if (!self->switch_timer)
        self->switch_timer = node_core_timer(self, ms, true, look_at_all, self);
}

void node_core_go_direct(node_core_t *self, alua_remote_t *process, node_link_t *link)
{
    if (!link->switches)
        return;
    if (process->undrained == 0) {
        arrive(self, process, link);
        return;
    }
    uint64_t question = ++self->pendings.last_id;
    arm(self, SWITCH_TIME);
    if (!self->switch_timer || !self->broker || say(self, self->broker, WIRE_SWITCH, question, process))
        return;                         //  With what is sent later
    process->switching = question;
    process->switch_until = node_core_now(self) + SWITCH_TIME;
    process->relay_until = question;
    node_core_set_route(self, process, NODE_SWITCH, link);
}

int node_core_switch(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg)
{
    const node_link_t *link = node_core_link_from(self, from);
    void *peer = link && link->up ? link->peer : self->broker;
    if (peer)
        (void) say(self, peer, WIRE_SWITCHED, msg->request, from);      //  Without room it is asked again
    return 0;
}

int node_core_switched(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg)
{
    if (from->route == NODE_SWITCH && from->switching == msg->request)
        arrive(self, from, from->link);
    else
        self->stat.orphans++;           //  It took too long
    return 0;
}

static node_link_t *link_with(const node_core_t *self, const alua_remote_t *process)
{
    node_link_t *link = self->links;
    while (link && link->remote != process)
        link = link->next;
    return link;
}

bool node_core_take_link(node_core_t *self, alua_remote_t *process)
{
    node_link_t *link = link_with(self, process);
    if (!link || !link->up)
        return false;
    node_core_set_route(self, process, NODE_DIRECT, link);
    return true;
}

void node_core_relaying(node_core_t *self, alua_remote_t *to)
{
    alua_remote_t *process = node_remote_target(to);
    if (process->route != NODE_RELAY || !self->broker_up || node_core_coarse(self) < process->try_at)
        return;
    try_later(self, process);
    node_link_t *link = link_with(self, process);
    if (link && link->up)
        node_core_go_direct(self, process, link);
    else if (!link)
        (void) node_core_look_for(self, process);
}

//  ---- Back ------------------------------------------------------------------------

//  Requests that went through the broker, or whose answers may have been in it.
static void end_relayed(node_core_t *self, alua_remote_t *remote, int code, const char *text)
{
    node_pending_t *next;
    for (node_pending_t *p = remote->pendings; p; p = next) {
        next = p->after;
        if (!p->parked)
            node_core_settle(self, p, code, false, text);
    }
}

void node_core_relay_broke(node_core_t *self, alua_remote_t *remote, int code, const char *text)
{
    const alua_remote_t *process = node_remote_target(remote);
    bool moves = process->route == NODE_SWITCH;
    if (moves || process->comes_relayed)
        end_relayed(self, remote, code, text);
    if (!moves || remote->target)
        return;
    for (size_t i = 0; remote->aliases && i < self->remotes.size; i++)
        for (alua_remote_t *name = self->remotes.buckets[i]; name; name = name->next)
            if (name->target == remote)
                end_relayed(self, name, code, text);
    arrive(self, remote, remote->link);
}

//  Where a broker was lost meanwhile, an answer may have been lost with it: the other end may have lost the link first.
static void end_lost(node_core_t *self, alua_remote_t *remote, bool all)
{
    node_pending_t *next;
    for (node_pending_t *p = remote->pendings; p; p = next) {
        next = p->after;
        if (p->lost || (all && !p->parked))
            node_core_settle(self, p, WIRE_E_GONE, false, "sent, but not acknowledged before the link was lost");
    }
}

static void end_all_lost(node_core_t *self, alua_remote_t *process, const node_link_t *link)
{
    bool all = link->broker_epoch != self->broker_epoch;
    for (size_t i = 0; process->aliases && i < self->remotes.size; i++)
        for (alua_remote_t *name = self->remotes.buckets[i]; name; name = name->next)
            if (name->target == process)
                end_lost(self, name, all);
    end_lost(self, process, all);
}

void node_core_lost_sight(node_core_t *self, alua_remote_t *process, const node_link_t *link)
{
    if (process->route == NODE_SWITCH) {
        node_core_switch_back(self, process);
        return;
    }
    end_all_lost(self, process, link);
    node_core_set_route(self, process, NODE_ASKING, NULL);
    process->doubted = true;
    if (node_core_doubt_life(self, process, link->incarnation))
        node_core_process_over(self, process, WIRE_E_GONE, "its link was lost, and so is the broker");
}

void node_core_fall_back(node_core_t *self, alua_remote_t *process)
{
    self->stat.fallbacks++;
    node_core_set_route(self, process, NODE_RELAY, NULL);
    node_core_send_parked(self, process);
}
