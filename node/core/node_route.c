//  node_route - from an id to a link, and what happens when a link ends

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  How often a call with wait = true asks again for a name without holder, ms.
#define NAME_AGAIN 100
//  and when the last holder of a name that moved has still something to refuse, ms.
#define STRAGGLER_PAUSE 10
//  A broker that does not say so soon whether somebody is alive is slow, or cut off too.
#define LIFE_TIMEOUT 2000

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

static node_link_t *link_new(node_core_t *self, wire_str_t node, uint64_t incarnation, wire_str_t process)
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

static void link_remove(node_core_t *self, node_link_t *link)
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
    if (!link && !(link = link_new(self, node, incarnation, process)))
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
    link_remove(self, link);
}

static int read_address(wire_reader_t map, wire_str_t *id, node_address_t *address)
{
    wire_reader_t at;
    if (!wire_map_find(&map, "id", &at) || wire_read_name(&at, id))
        return WIRE_E_MALFORMED;
    if (!wire_map_find(&map, "node", &at) || wire_read_name(&at, &address->node))
        return WIRE_E_MALFORMED;
    if (!wire_map_find(&map, "incarnation", &at) || wire_read_uint(&at, &address->incarnation))
        return WIRE_E_MALFORMED;
    if (wire_map_find(&map, "host", &at))
        (void) wire_read_bytes(&at, &address->host);
    if (wire_map_find(&map, "key", &at))
        (void) wire_read_bytes(&at, &address->key);
    if (wire_map_find(&map, "endpoints", &at) && wire_read_array(&at, &address->count) == 0)
        address->endpoints = at;
    return 0;
}

static void route_to(node_core_t *self, alua_remote_t *process, const node_address_t *address)
{
    node_link_t *link = node_core_link_find(self, address->node, address->incarnation);
    bool fresh = !link;
    if (fresh)
        link = address->count ? link_new(self, address->node, address->incarnation, node_remote_name(process)) : NULL;
    if (link && fresh)
        link->peer = self->effects.dial(self->arg, link, address);
    if (link && link->peer) {
        self->opening += link->quiet && !link->up;
        link->quiet = false;
        node_core_set_route(self, process, NODE_DIRECT, link);
        return;
    }
    if (link)
        link_remove(self, link);
    node_core_set_route(self, process, NODE_RELAY, NULL);
}

//  On trial: what goes to the process goes through the broker until the link is up.
static void try_to_dial(node_core_t *self, alua_remote_t *process, const node_address_t *address)
{
    node_link_t *link = node_core_link_find(self, address->node, address->incarnation);
    if (link || !address->count)
        return;
    link = link_new(self, address->node, address->incarnation, node_remote_name(process));
    if (!link)
        return;
    link->quiet = true;
    self->opening--;
    link->peer = self->effects.dial(self->arg, link, address);
    if (!link->peer)
        link_remove(self, link);
}

static void found(node_core_t *self, alua_remote_t *remote, wire_str_t id, const node_address_t *address)
{
    alua_remote_t *process = node_remotes_get(&self->remotes, id);
    if (!process) {
        node_core_remote_over(self, remote, WIRE_E_NO_MEMORY, true, NULL);
        return;
    }
    if (process->route == NODE_COLD || process->route == NODE_ASKING)
        route_to(self, process, address);
    if (process != remote) {
        alua_remote_hold(process);
        process->aliases++;
        remote->target = process;
        remote->moves = !wire_str_same(node_remote_name(remote), address->node);
        remote->route = process->route;
        remote->link = process->link;
    }
    if (process->route != NODE_SWITCH)
        node_core_send_parked(self, process);
    if (process != remote)
        node_core_send_parked(self, remote);
}

static void ask_again(void *arg);

//  A question to the broker, or the pause before the next one.
typedef struct node_lookup node_lookup_t;
struct node_lookup {
    node_lookup_t *next;
    node_core_t *core;
    alua_remote_t *remote;      //  Held
    enum { FIND, LIFE, TRIAL } purpose;
    uint64_t incarnation;       //  LIFE: whom we knew
};

static void lookup_free(node_lookup_t *lookup)
{
    node_lookup_t **place = &lookup->core->lookups;
    while (*place != lookup)
        place = &(*place)->next;
    *place = lookup->next;
    alua_remote_release(lookup->remote);
    free(lookup);
}

void node_core_lookups_free(node_core_t *self)
{
    while (self->lookups)
        lookup_free(self->lookups);
}

bool node_core_parked(const node_core_t *self)
{
    return self->parked_alone > 0;
}

//  Nobody has the name. Calls that do not wait for it end now; true when others do.
static bool somebody_waits(node_core_t *self, alua_remote_t *remote, const char *text)
{
    node_pending_t *next;
    for (node_pending_t *p = remote->pendings; p; p = next) {
        next = p->after;
        if (!p->wait_name)
            node_core_settle(self, p, WIRE_E_UNKNOWN, true, text);
    }
    return remote->pendings != NULL;
}

//  Whoever has begun a link with us meanwhile, or is over, is not meant any more. A broker that is only slow has heard
//  whom we want to know of, and tells later: the other end may wait for our answers.
static void life_known(node_core_t *self, const node_lookup_t *lookup, const node_address_t *address, bool late)
{
    if (!lookup->remote->doubted || lookup->remote->route != NODE_ASKING)
        return;
    if (address ? address->incarnation == lookup->incarnation : late && !self->broker_silent)
        node_core_fall_back(self, lookup->remote);
    else
        node_core_process_over(self, lookup->remote, WIRE_E_GONE, "its link was lost, and the broker does not know it any more");
}

static void lookup_done(void *arg, const alua_outcome_t *outcome)
{
    node_lookup_t *lookup = arg;
    node_core_t *self = lookup->core;
    alua_remote_t *remote = lookup->remote;
    node_address_t address = { 0 };
    wire_str_t id;
    bool known = outcome->code == 0 && read_address(wire_reader(outcome->body, outcome->size), &id, &address) == 0;
    if (lookup->purpose == LIFE)
        life_known(self, lookup, known ? &address : NULL, outcome->code == WIRE_E_TIMEOUT);
    else if (lookup->purpose == TRIAL) {
        if (known && remote->route == NODE_RELAY && wire_str_same(id, node_remote_name(remote)))
            try_to_dial(self, remote, &address);
    } else if (remote->route != NODE_ASKING)
        ;                               //  Settled meanwhile: it called us, or the broker went
    else if (node_core_stragglers(self, remote) && node_core_timer(self, STRAGGLER_PAUSE, true, ask_again, lookup))
        return;
    else if (known)
        found(self, remote, id, &address);
    else if (outcome->code == WIRE_E_UNKNOWN && somebody_waits(self, remote, outcome->text)
             && node_core_timer(self, NAME_AGAIN, true, ask_again, lookup))
        return;
    else
        node_core_remote_over(self, remote, outcome->code ? outcome->code : WIRE_E_MALFORMED, true, outcome->text);
    lookup_free(lookup);
}

static int ask_broker(node_core_t *self, node_lookup_t *lookup)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_text(&field, lookup->remote->id, lookup->remote->size);
    node_ask_t ask = { .type = WIRE_LOOKUP, .fields = field.data, .size = field.size, .count = 1,
                       .timeout = lookup->purpose == LIFE ? LIFE_TIMEOUT : WIRE_TIMEOUT,
                       .background = true, .inner = true, .fn = lookup_done, .arg = lookup };
    int rc = field.failed ? WIRE_E_NO_MEMORY : node_core_ask(self, &ask);
    wire_buf_free(&field);
    return rc;
}

static void ask_again(void *arg)
{
    node_lookup_t *lookup = arg;
    if (lookup->remote->route == NODE_ASKING && ask_broker(lookup->core, lookup) == 0)
        return;
    if (lookup->remote->route == NODE_ASKING)
        node_core_remote_over(lookup->core, lookup->remote, WIRE_E_OFFLINE, true, NULL);
    lookup_free(lookup);
}

static node_lookup_t *lookup_new(node_core_t *self, alua_remote_t *remote)
{
    node_lookup_t *lookup = malloc(sizeof *lookup);
    if (!lookup)
        return NULL;
    *lookup = (node_lookup_t) { .next = self->lookups, .core = self, .remote = remote };
    self->lookups = lookup;
    alua_remote_hold(remote);
    return lookup;
}

//  Begin to find the way to a remote that is COLD. Messages may be parked when this returns 0.
int node_core_resolve(node_core_t *self, alua_remote_t *remote)
{
    node_lookup_t *lookup = lookup_new(self, remote);
    if (!lookup)
        return WIRE_E_NO_MEMORY;
    node_remotes_sweep(&self->remotes);
    remote->route = NODE_ASKING;
    int rc = ask_broker(self, lookup);
    if (rc) {
        remote->route = NODE_COLD;
        lookup_free(lookup);
    }
    return rc;
}

int node_core_doubt_life(node_core_t *self, alua_remote_t *process, uint64_t incarnation)
{
    node_lookup_t *lookup = lookup_new(self, process);
    if (!lookup)
        return WIRE_E_NO_MEMORY;
    lookup->purpose = LIFE;
    lookup->incarnation = incarnation;
    int rc = ask_broker(self, lookup);
    if (rc)
        lookup_free(lookup);
    return rc;
}

int node_core_look_for(node_core_t *self, alua_remote_t *process)
{
    node_lookup_t *lookup = lookup_new(self, process);
    if (!lookup)
        return WIRE_E_NO_MEMORY;
    lookup->purpose = TRIAL;
    int rc = ask_broker(self, lookup);
    if (rc)
        lookup_free(lookup);
    return rc;
}
