//  node_lookup - from an id or name to a way: questions to the broker

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  How often a call with wait = true asks again for a name without holder, ms.
#define NAME_AGAIN 100
//  and when the last holder of a name that moved has still something to refuse, ms.
#define STRAGGLER_PAUSE 10
//  A broker that does not say so soon whether somebody is alive is slow, or cut off too.
#define LIFE_TIMEOUT 2000

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
        link = address->count ? node_core_link_new(self, address->node, address->incarnation, node_remote_name(process)) : NULL;
    if (link && fresh)
        link->peer = self->effects.dial(self->arg, link, address);
    if (link && link->peer) {
        self->opening += link->quiet && !link->up;
        link->quiet = false;
        node_core_set_route(self, process, NODE_DIRECT, link);
        return;
    }
    if (link)
        node_core_link_remove(self, link);
    node_core_set_route(self, process, NODE_RELAY, NULL);
}

//  On trial: what goes to the process goes through the broker until the link is up.
static void try_to_dial(node_core_t *self, alua_remote_t *process, const node_address_t *address)
{
    node_link_t *link = node_core_link_find(self, address->node, address->incarnation);
    if (link || !address->count)
        return;
    link = node_core_link_new(self, address->node, address->incarnation, node_remote_name(process));
    if (!link)
        return;
    link->quiet = true;
    self->opening--;
    link->peer = self->effects.dial(self->arg, link, address);
    if (!link->peer)
        node_core_link_remove(self, link);
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
typedef enum { FIND, LIFE, TRIAL } purpose_t;
typedef struct node_lookup node_lookup_t;
struct node_lookup {
    node_lookup_t *next;
    node_core_t *core;
    alua_remote_t *remote;      //  Held
    purpose_t purpose;
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

//  Without a message that waits for it.
static int look_up_for(node_core_t *self, alua_remote_t *process, purpose_t purpose, uint64_t incarnation)
{
    node_lookup_t *lookup = lookup_new(self, process);
    if (!lookup)
        return WIRE_E_NO_MEMORY;
    lookup->purpose = purpose;
    lookup->incarnation = incarnation;
    int rc = ask_broker(self, lookup);
    if (rc)
        lookup_free(lookup);
    return rc;
}

int node_core_doubt_life(node_core_t *self, alua_remote_t *process, uint64_t incarnation)
{
    return look_up_for(self, process, LIFE, incarnation);
}

int node_core_look_for(node_core_t *self, alua_remote_t *process)
{
    return look_up_for(self, process, TRIAL, 0);
}
