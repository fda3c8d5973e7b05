//  hub_dial - links that we dial
//
//  One DEALER a link, which reconnects by itself; its monitor says when. With IMMEDIATE
//  nothing is kept for a connection that does not stand, so what is sent over a fresh
//  one begins with our HELLO or RESUME, and all but its answer is void.
//
//  A host by name is dialled at one of its addresses after the other, a new socket each: those of IPv4 first, then those
//  of IPv6. With the next round they are looked up anew, since they may have changed.

#include "hub_self.h"

//  Between two rounds through a broker's addresses
#define ROUND_DELAY     500
//  Is a host's name looked up?
#define LOOKUP_LOOK     5

static bool drain_dealer(hub_source_t *source)
{
    hub_t *hub = source->hub;
    hub_peer_t *peer = source->peer;
    for (int i = 0; i < source->most; i++) {
        hub_frame_t *frame = hub_frame_spare(hub);
        if (!frame || zmq_msg_recv(&frame->msg, source->zmq, ZMQ_DONTWAIT) < 0)
            return false;
        hub_ask_input(peer, frame);
        if (peer->ended || peer->dealer != source)
            return false;
    }
    return true;
}

static void on_connected(hub_peer_t *self, int64_t now)
{
    //  The old connection's pipe leaves and the new one comes by commands that were sent
    //  before the event: without reading them we would write into the old pipe.
    hub_has_input(self->dealer);
    hub_touch(self->dealer);
    self->connected = true;
    self->unfinished = 0;
    hub_greet_stop(self);
    self->cut = false;                  //  What failed did so on the old connection
    self->dial_until = hub_ask_limit(self, now);
    hub_ask(self, now);
}

static bool is_by_name(const hub_peer_t *self)
{
    return hub_lookup_is_name(self->endpoints[self->endpoint]);
}

static void on_disconnected(hub_peer_t *self, int64_t now)
{
    bool stood = self->connected;
    self->connected = false;
    hub_has_input(self->dealer);
    hub_touch(self->dealer);
    hub_peer_judge(self, now);
    if (self->ended)
        return;
    if (stood)
        hub_lookup_destroy(&self->lookup);      //  It grows old while a link stands
    if (is_by_name(self) ? !stood : wire_link_is_open(self->link))
        return;
    self->dial_until = now + HUB_CONNECT_TIMEOUT;
    self->dial_due = self->dial_until;
}

static void on_state(hub_peer_t *peer, int event, int64_t now)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        on_connected(peer, now);
    else if (event == ZMQ_EVENT_DISCONNECTED)
        on_disconnected(peer, now);
}

//  An attempt came to nothing, or we have waited for long enough. A link that stood resumes over a new socket, as long as
//  its lease lasts.
static void give_up(hub_peer_t *self, int64_t now, int code, const char *text)
{
    if (wire_link_is_open(self->link))
        hub_dial_again(self, now);
    else
        hub_dial_next(self, now, code, text);
}

//  libzmq could not connect. At a number, perhaps nobody listens: then we need not wait.
static void on_failed(hub_peer_t *self, int64_t now)
{
    if (is_by_name(self))
        give_up(self, now, WIRE_E_UNKNOWN, "no answer at any address of its name");
    else if (!wire_link_is_open(self->link))
        self->dial_due = now;
}

//  Only the last state counts, whatever happened in between. A failed handshake comes before the DISCONNECTED that
//  it leads to; the first CONNECT_RETRIED after that only says that libzmq will try.
static bool drain_monitor(hub_source_t *source)
{
    hub_peer_t *peer = source->peer;
    int64_t now = hub_loop_time(source->hub);
    int last = 0;
    bool failed = false;
    uint32_t value;
    for (int event; !peer->ended && peer->monitor == source && (event = hub_monitor_next(source, &value)) != 0; )
        if (event & HUB_HANDSHAKE_FAILURES) {
            on_state(peer, last, now);
            last = 0;
            if (!peer->ended)
                hub_refused(peer, event, value, now);
        }
        else if (event == ZMQ_EVENT_CONNECT_RETRIED) {
            failed = peer->tried || !is_by_name(peer);
            peer->tried = true;
        }
        else {
            last = event;
            peer->tried = failed = false;
        }
    if (!peer->ended && peer->monitor == source)
        on_state(peer, last, now);
    if (failed && !peer->ended && peer->monitor == source && !peer->connected)
        on_failed(peer, now);
    if (!peer->ended)
        hub_wake_at(source->hub, hub_peer_due(peer));
    return false;
}

static void set_options(zsock_t *sock)
{
    zsock_set_immediate(sock, 1);
    zsock_set_sndhwm(sock, HUB_HIGH_WATER);
    zsock_set_rcvhwm(sock, HUB_HIGH_WATER);
    zsock_set_maxmsgsize(sock, WIRE_MAX_FRAME);
    zsock_set_reconnect_ivl(sock, 50);
    zsock_set_reconnect_ivl_max(sock, 1000);
    zsock_set_handshake_ivl(sock, HUB_CONNECT_TIMEOUT);
    zsock_set_connect_timeout(sock, HUB_CONNECT_TIMEOUT);
    zsock_set_heartbeat_ivl(sock, WIRE_HEARTBEAT);
    zsock_set_heartbeat_timeout(sock, WIRE_HEARTBEAT_TIMEOUT);
    zsock_set_linger(sock, 0);
}

//  The key is who must answer at a tcp endpoint; ipc ones are the user's own.
static int arm(hub_peer_t *self, const char *endpoint)
{
    bool by_key = self->dial_key[0] && strncmp(endpoint, "tcp://", 6) == 0;
    snprintf(self->key, sizeof self->key, "%s", by_key ? self->dial_key : "");
    set_options(self->dealer->sock);
    hub_source_family(self->dealer, endpoint);
    return by_key ? hub_keys_show(self->hub, self->dealer->zmq, self->dial_key) : 0;
}

static bool dial(hub_peer_t *self, const char *endpoint)
{
    hub_t *hub = self->hub;
    self->connected = false;
    self->tried = true;
    self->unfinished = 0;
    hub_text(self->number, (wire_str_t) { endpoint, strlen(endpoint) });
    self->dealer = hub_source_new(hub, self, ZMQ_DEALER, drain_dealer);
    if (!self->dealer)
        return false;
    if (arm(self, endpoint) == 0)
        self->monitor = hub_monitor_new(self->dealer, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED
                                        | ZMQ_EVENT_CONNECT_RETRIED | HUB_HANDSHAKE_FAILURES, drain_monitor);
    if (!self->monitor || zmq_connect(self->dealer->zmq, endpoint)) {
        hub_dial_stop(self, 0);
        return false;
    }
    hub_source_watch(self->dealer);
    return true;
}

static bool start(hub_peer_t *self, int64_t now)
{
    char number[HUB_TEXT];
    const char *endpoint = self->endpoints[self->endpoint];
    bool named = is_by_name(self);
    hub_text(self->address, (wire_str_t) { endpoint, named ? 0 : strlen(endpoint) });
    self->dial_due = self->dial_until = now + HUB_CONNECT_TIMEOUT;
    if (!named)
        return dial(self, endpoint);
    if (hub_lookup_next(self->lookup, number))
        return dial(self, number);
    self->dial_due = now + LOOKUP_LOOK;
    return hub_lookup_begin(&self->lookup, endpoint);
}

void hub_dial_stop(hub_peer_t *self, int linger)
{
    hub_source_destroy(&self->dealer, linger);
    hub_source_destroy(&self->monitor, 0);
    hub_greet_stop(self);
    self->dial_due = WIRE_LINK_NEVER;
    self->connected = false;
}

void hub_dial_next(hub_peer_t *self, int64_t now, int code, const char *text)
{
    bool last = self->endpoint + 1 >= self->endpoint_count;
    if (last && self->patient && self->endpoint_count == 1 && code == WIRE_E_UNKNOWN && !self->connected
            && !is_by_name(self)) {
        self->dial_due = WIRE_LINK_NEVER;       //  libzmq goes on trying
        return;
    }
    hub_dial_stop(self, 0);
    if (hub_lookup_has_more(self->lookup)) {
        self->dial_due = now;
        return;
    }
    hub_lookup_destroy(&self->lookup);
    self->endpoint = last ? 0 : self->endpoint + 1;
    if (!last)
        self->dial_due = now;
    else if (self->patient)
        self->dial_due = now + ROUND_DELAY;
    else
        wire_link_end(self->link, code, text);
}

void hub_dial_again(hub_peer_t *self, int64_t now)
{
    bool more = hub_lookup_has_more(self->lookup);
    hub_dial_stop(self, 0);
    if (!more)
        hub_lookup_destroy(&self->lookup);
    self->dial_due = now + (more ? 0 : ROUND_DELAY);
}

//  There is no socket: make one, unless a name is still looked up. How long that takes is the name server's affair, and only
//  who is not patient goes on without it.
static void begin(hub_peer_t *self, int64_t now)
{
    bool may_wait = self->patient || wire_link_is_open(self->link) || now < self->dial_until;
    if (may_wait && hub_lookup_is_asked(self->lookup))
        self->dial_due = now + LOOKUP_LOOK;
    else if (self->lookup && !hub_lookup_has_more(self->lookup))
        give_up(self, now, WIRE_E_UNKNOWN, "no answer at any address of its name");
    else if (!start(self, now))
        give_up(self, now, WIRE_E_SYSTEM, "no socket for another link");
}

void hub_dial_tick(hub_peer_t *self, int64_t now)
{
    bool open = wire_link_is_open(self->link);
    if (self->connected && (open ? wire_link_is_broken(self->link) : self->unsaid && now < self->dial_until)) {
        hub_ask_again(self, now);
        return;
    }
    if (open && self->dealer && (self->connected || !is_by_name(self))) {
        self->dial_due = WIRE_LINK_NEVER;
        return;
    }
    if (!self->dealer) {
        begin(self, now);
        return;
    }
    hub_probe_result_t result = self->connected ? HUB_SOMEBODY : hub_probe_ask(&self->probe, self->address);
    if (result == HUB_NOBODY || now >= self->dial_until) {
        hub_probe_stop(&self->probe);
        give_up(self, now, WIRE_E_UNKNOWN, result == HUB_NOBODY ? "nobody listens at its address"
                                                                : "no answer at its address");
        return;
    }
    self->dial_due = result == HUB_UNDECIDED && now + 20 < self->dial_until ? now + 20 : self->dial_until;
}

//  Making a peer to dial

static bool usable(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0 || hub_probe_ipc_exists(endpoint);
}

static bool add_endpoints(hub_peer_t *self, const char *const *endpoints, size_t count, bool ipc)
{
    for (size_t i = 0; i < count; i++) {
        if ((strncmp(endpoints[i], "ipc://", 6) == 0) != ipc || (!self->patient && !usable(endpoints[i])))
            continue;
        self->endpoints[self->endpoint_count] = strdup(endpoints[i]);
        if (!self->endpoints[self->endpoint_count])
            return false;
        self->endpoint_count++;
    }
    return true;
}

static bool prepare(hub_peer_t *self, wire_str_t name, uint64_t incarnation,
                    const char *const *endpoints, size_t count)
{
    self->dialled = true;
    self->announced = true;
    self->incarnation = self->wanted_incarnation = incarnation;
    hub_peer_name_it(self, name);
    memcpy(self->wanted, self->name, sizeof self->wanted);
    self->endpoints = calloc(count + 1, sizeof *self->endpoints);
    if (!self->endpoints || !add_endpoints(self, endpoints, count, true)
            || !add_endpoints(self, endpoints, count, false) || !self->endpoint_count)
        return false;
    self->dial_due = hub_now(self->hub);
    if (!start(self, self->dial_due))
        self->dial_due = hub_now(self->hub);    //  The next one may do
    hub_wake_at(self->hub, self->dial_due);
    return true;
}

hub_peer_t *hub_dial_key(hub_t *hub, wire_str_t name, uint64_t incarnation, const char *const *endpoints, size_t count,
                         const char *key, const void *body, size_t body_size)
{
    hub_peer_t *self = name.size ? hub_find(hub, name, incarnation) : NULL;
    if (self || (key && (!hub->cert.secret_key[0] || strlen(key) != CERT_KEY)))
        return self;
    self = hub_peer_new(hub, hub->link_config.patient && name.size == 0);
    if (!self)
        return NULL;
    snprintf(self->dial_key, sizeof self->dial_key, "%s", key ? key : "");
    hub_set_body(self, body, body_size);
    if (!prepare(self, name, incarnation, endpoints, count)) {
        self->announced = false;        //  Nobody heard of it: end without a word
        wire_link_end(self->link, WIRE_E_UNKNOWN, "no usable endpoint");
        return NULL;
    }
    return self;
}

hub_peer_t *hub_dial(hub_t *self, wire_str_t name, uint64_t incarnation,
                     const char *const *endpoints, size_t count, const void *body, size_t body_size)
{
    return hub_dial_key(self, name, incarnation, endpoints, count, NULL, body, body_size);
}

void hub_set_body(hub_peer_t *self, const void *body, size_t size)
{
    wire_buf_clear(&self->hello);
    wire_buf_append(&self->hello, body, size);
}
