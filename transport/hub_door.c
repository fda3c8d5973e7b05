//  hub_door - the sockets that are bound: one for ipc (and tcp, where there are no keys), one for CURVE
//
//  libzmq has one mechanism a socket, so a hub with keys needs two. Their routing ids have nothing to do with each
//  other; each door has tables of its own.

#include "hub_self.h"

//  After a connection broke (we are told that one did, not which) all accepted peers are
//  probed: at once, and again, since libzmq tells us a moment before it acts.
static const int64_t sweep_delays[] = { 10, 60, 300, 1000 };
#define SWEEPS          (sizeof sweep_delays / sizeof sweep_delays[0])
//  At a door that strangers reach, connections break as often as they like: probing everybody follows no faster.
#define SWEEP_PAUSE     100
//  ms for ZeroMQ's own handshake, which takes an honest peer less than one; its default of 30 s lets those
//  who connect and say nothing use up our descriptors.
#define HANDSHAKE_TIME  3000

hub_door_t *hub_door_of(hub_source_t *source)
{
    hub_t *self = source->hub;
    hub_door_t *curve = &self->doors[HUB_CURVE];
    return source == curve->router || source == curve->monitor ? curve : &self->doors[HUB_PLAIN];
}

//  Some connection broke.
static bool drain_monitor(hub_source_t *source)
{
    hub_t *self = source->hub;
    hub_door_t *door = hub_door_of(source);
    int64_t now = hub_loop_time(self);
    bool broke = false;
    uint32_t value;
    for (int event; (event = hub_monitor_next(source, &value)) != 0; )
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            self->unfinished++;
        else if (event & HUB_HANDSHAKE_FAILURES)
            self->denied++;
        else if (event == ZMQ_EVENT_ACCEPTED)
            hub_flow_add(self, (int) value, now);
        else
            broke = true;
    if (!broke)
        return false;
    if (self->sweep_step == 0 && self->sweep_due != WIRE_LINK_NEVER && self->sweep_due > now)
        return false;                   //  One is due anyway: whoever connects and leaves must not put it off
    self->sweep_step = 0;
    self->sweep_due = door->sweep_next > now ? door->sweep_next : now;
    if (door == &self->doors[HUB_CURVE])
        door->sweep_next = self->sweep_due + SWEEP_PAUSE;
    hub_wake_at(self, self->sweep_due);
    return false;
}

void hub_door_sweep(hub_t *self, int64_t now)
{
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (peer && !peer->dialled && wire_link_is_open(peer->link))
            wire_link_probe(peer->link, now);
    }
    self->sweep_due = self->sweep_step < SWEEPS ? now + sweep_delays[self->sweep_step++] : WIRE_LINK_NEVER;
}

static void set_options(zsock_t *sock)
{
    zsock_set_router_mandatory(sock, 1);
    zsock_set_sndhwm(sock, HUB_HIGH_WATER);
    zsock_set_rcvhwm(sock, HUB_HIGH_WATER);
    zsock_set_maxmsgsize(sock, WIRE_MAX_FRAME);
    zsock_set_backlog(sock, 1024);
    zsock_set_heartbeat_timeout(sock, WIRE_HEARTBEAT_TIMEOUT);
    zsock_set_handshake_ivl(sock, HANDSHAKE_TIME);
    zsock_set_linger(sock, 0);
}

static int set_up(hub_t *self, hub_door_t *door)
{
    bool curve = door == &self->doors[HUB_CURVE];
    set_options(door->router->sock);
    int rc = curve ? hub_keys_start(self) : 0;
    if (rc == 0 && curve)
        rc = hub_keys_guard(self, door->router->zmq);
    if (rc)
        return rc;
    int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_ACCEPTED | (curve ? HUB_HANDSHAKE_FAILURES : 0);
    door->monitor = hub_monitor_new(door->router, events, drain_monitor);
    return door->monitor ? 0 : WIRE_E_SYSTEM;
}

int hub_door_open(hub_t *self, const char *endpoint, hub_door_t **door_p)
{
    bool curve = self->cert.secret_key[0] && strncmp(endpoint, "tcp://", 6) == 0;
    hub_door_t *door = *door_p = &self->doors[curve ? HUB_CURVE : HUB_PLAIN];
    if (door->router)
        return 0;
    door->router = hub_source_new(self, NULL, ZMQ_ROUTER, hub_accept_drain);
    if (!door->router)
        return WIRE_E_SYSTEM;
    int rc = set_up(self, door);
    if (rc)
        hub_source_destroy(&door->router, 0);
    else
        hub_source_watch(door->router);
    return rc;
}

//  What libzmq copies when it begins to listen. For tcp we send no heartbeats, see hub_flow.c.
int hub_door_listen(hub_door_t *self, const char *endpoint)
{
    bool tcp = strncmp(endpoint, "tcp://", 6) == 0;
    zsock_set_heartbeat_ivl(self->router->sock, tcp ? 0 : WIRE_HEARTBEAT);
    hub_source_family(self->router, endpoint);
    if (zmq_bind(self->router->zmq, endpoint) == 0)
        return 0;
    return errno == EADDRINUSE ? WIRE_E_EXISTS : errno == EINVAL ? WIRE_E_USAGE : WIRE_E_SYSTEM;
}

void hub_door_close(hub_door_t *self)
{
    hub_source_destroy(&self->router, 0);
    hub_source_destroy(&self->monitor, 0);
    hub_table_clear(&self->by_id);
    hub_table_clear(&self->strangers);
}
