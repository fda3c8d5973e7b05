//  node_links - what the hub tells the core, and what the core wants of the hub

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "node_shell.h"

static wire_str_t text_in(wire_reader_t map, const char *key)
{
    wire_str_t text = { "", 0 };
    wire_reader_t at;
    if (wire_map_find(&map, key, &at) && wire_read_bytes(&at, &text))
        text.size = 0;
    return text;
}

//  ---- The hub tells --------------------------------------------------------------

static int on_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting, wire_buf_t *body, char *name, const char **text)
{
    alua_node_t *self = arg;
    (void) peer, (void) name;
    wire_str_t process = text_in(greeting->body, "id");
    if (greeting->role == HUB_BROKER || process.size == 0 || greeting->name.size == 0) {
        *text = "a node wants to know which process of which node calls";
        return WIRE_E_USAGE;
    }
    node_put_greeting(self, body);
    return body->failed ? WIRE_E_NO_MEMORY : 0;
}

static void on_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    alua_node_t *self = arg;
    if (peer == self->broker) {
        node_broker_up(self, greeting);
        return;
    }
    node_gate_up(self, peer, greeting, text_in(greeting->body, "id"));
}

static int on_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    alua_node_t *self = arg;
    node_link_t *link = hub_data(peer);
    int code;
    if (self->strangers && node_gate_keep(self, peer, msg, frame, &code))
        return code;
    if (!link && peer != self->broker)
        return WIRE_E_STATE;
    return node_core_message(&self->core, link, msg, frame);
}

static void on_silent(void *arg, hub_peer_t *peer, bool silent)
{
    alua_node_t *self = arg;            //  Fails nothing; the broker tells those who watch
    if (peer == self->broker)
        self->core.broker_silent = silent;
}

static void on_lost(void *arg, hub_peer_t *peer, const wire_msg_t *msg)
{
    alua_node_t *self = arg;
    if (!self->leaving)
        node_core_link_lost(&self->core, hub_data(peer), msg);
}

static void on_gone(void *arg, hub_peer_t *peer, int code, const char *text)
{
    alua_node_t *self = arg;
    node_link_t *link = hub_data(peer);
    node_gate_gone(self, peer);
    if (peer == self->broker)
        node_broker_gone(self, code, text);
    else if (link)
        node_core_link_gone(&self->core, link, code == WIRE_E_GONE && !hub_peer_is_dead(peer) ? WIRE_E_TIMEOUT : code, text);
}

static void on_turn(void *arg)
{
    node_turn(arg);
}

const hub_handler_t node_hub_handler = {
    .hello = on_hello, .up = on_up, .message = on_message, .silent = on_silent,
    .lost = on_lost, .gone = on_gone, .turn = on_turn, .admit = node_gate_admit,
};

//  ---- The core wants ---------------------------------------------------------------

static int do_send(void *arg, void *peer, const void *message, size_t size)
{
    (void) arg;
    return hub_send(peer, message, size);
}

static bool do_room(void *arg, void *peer, size_t size)
{
    (void) arg;
    return hub_has_room(peer, size);
}

//  Endpoints as strings; ipc ones only where their directory is ours too, and tcp ones where we can prove who we are.
static size_t usable(const alua_node_t *self, const node_address_t *address, char texts[][256], const char **list, size_t most)
{
    wire_reader_t at = address->endpoints;
    wire_str_t text;
    bool same_host = wire_str_is(address->host, self->host);
    size_t count = 0;
    for (uint32_t i = 0; i < address->count && count < most && wire_read_bytes(&at, &text) == 0; i++) {
        bool ipc = text.size > 6 && memcmp(text.data, "ipc://", 6) == 0;
        if (text.size > 255 || (ipc ? !same_host : address->key.size && !self->has_key))
            continue;
        memcpy(texts[count], text.data, text.size);
        texts[count][text.size] = 0;
        list[count] = texts[count];
        count++;
    }
    return count;
}

static void *do_dial(void *arg, node_link_t *link, const node_address_t *address)
{
    alua_node_t *self = arg;
    char texts[8][256];
    const char *endpoints[8];
    size_t count = usable(self, address, texts, endpoints, 8);
    if (count == 0)
        return NULL;
    wire_buf_t body = WIRE_BUF_EMPTY;
    char key[CERT_KEY + 1];
    bool keyed = address->key.size == CERT_KEY && self->has_key;
    snprintf(key, sizeof key, "%.*s", keyed ? CERT_KEY : 0, keyed ? address->key.data : "");
    node_put_greeting(self, &body);
    hub_peer_t *peer = body.failed ? NULL
        : hub_dial_key(self->hub, address->node, address->incarnation, endpoints, count, keyed ? key : NULL, body.data, body.size);
    wire_buf_free(&body);
    if (peer)
        hub_set_data(peer, link);
    return peer;
}

static void do_bury(void *arg, void *peer, const char *text)
{
    (void) arg;
    hub_declare_gone(peer, text);
}

static void do_cut(void *arg, void *peer, const char *text)
{
    (void) arg;
    hub_drop(peer, WIRE_E_DENIED, text);
}

static void do_untrust(void *arg, wire_str_t key)
{
    alua_node_t *self = arg;
    char text[CERT_KEY + 1];
    snprintf(text, sizeof text, "%.*s", (int) key.size, key.data);
    if (self->has_key)
        hub_admit(self->hub, text, false);
}

static void do_pump(void *arg, int ms)
{
    alua_node_t *self = arg;
    hub_pump(self->hub, ms);
}

static int64_t do_now(void *arg)
{
    return alua_now(arg);
}

//  The kernel's coarse clock lags by up to its tick, so a tick is added: no deadline comes early.
static int64_t coarse_tick(void)
{
    static int64_t tick;
    struct timespec time;
    if (tick == 0) {
        clock_getres(CLOCK_MONOTONIC_COARSE, &time);
        tick = time.tv_nsec / 1000000 + 1;
    }
    return tick;
}

static int64_t do_coarse(void *arg)
{
    struct timespec time;
    (void) arg;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000 + coarse_tick();
}

static int64_t do_frame_time(void *frame)
{
    return hub_frame_time(frame) + coarse_tick();
}

static void do_frame_hold(void *frame)
{
    hub_frame_hold(frame);
}

static void do_frame_release(void *frame)
{
    hub_frame_release(frame);
}

static void do_claims(void *arg)
{
    alua_node_t *self = arg;
    wire_buf_t body = WIRE_BUF_EMPTY;
    if (!self->broker)
        return;
    node_put_claims(self, &body);
    if (!body.failed)
        hub_set_body(self->broker, body.data, body.size);
    wire_buf_free(&body);
}

const node_effects_t node_effects = {
    .send = do_send, .room = do_room, .dial = do_dial, .bury = do_bury, .pump = do_pump, .now = do_now, .coarse = do_coarse,
    .frame_time = do_frame_time, .frame_hold = do_frame_hold, .frame_release = do_frame_release, .claims = do_claims,
    .cut = do_cut, .untrust = do_untrust, .jail = node_jail_run, .jail_cancel = node_jail_cancel, .jailed = node_jailed, .audit = node_audit,
};
