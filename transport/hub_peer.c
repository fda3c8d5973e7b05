//  hub_peer - one peer from its making to its end, and the link core's way out

#include "hub_self.h"

//  Questions to the address of a peer whose connection broke: at once, soon, then every
//  second, since it may also die while it is away. A listener outlives its connections
//  by a moment when a process is killed.
static const int64_t probe_delays[] = { 30, 100, 300, 1000 };
#define PROBE_LAST  (sizeof probe_delays / sizeof probe_delays[0] - 1)
//  While a connect is on its way to another host
#define PROBE_LOOK  20
//  While the ROUTER has input that may be the peer's
#define PROBE_DRAIN 2

//  What the link core asks of us

static void *op_alloc(void *arg, size_t size)
{
    return hub_bytes_alloc(((hub_peer_t *) arg)->hub, size);
}

static void op_release(void *arg, void *data)
{
    hub_bytes_release(((hub_peer_t *) arg)->hub, data);
}

static int op_write(void *arg, const void *frame, size_t size, bool kept)
{
    return hub_peer_write(arg, frame, size, kept);
}

static int op_message(void *arg, const wire_msg_t *msg)
{
    hub_peer_t *self = arg;
    hub_t *hub = self->hub;
    return hub->handler.message(hub->arg, self, msg, hub->frame);
}

static void op_lost(void *arg, const wire_msg_t *msg)
{
    hub_peer_t *self = arg;
    self->hub->handler.lost(self->hub->arg, self, msg);
}

static void op_silent(void *arg, bool silent)
{
    hub_peer_t *self = arg;
    if (self->announced)
        self->hub->handler.silent(self->hub->arg, self, silent);
}

static void remove_name(hub_peer_t *self)
{
    hub_t *hub = self->hub;
    size_t size = strlen(self->name);
    hub_peer_t *first = self->named ? hub_table_find(&hub->by_name, self->name, size) : NULL;
    self->named = false;
    if (first == self)
        hub_table_put(&hub->by_name, self->name, size, self->namesake);
    for (; first; first = first->namesake)
        if (first->namesake == self)
            first->namesake = self->namesake;
    self->namesake = NULL;
}

//  Take the peer out of all that could still lead to it.
static void unlist(hub_peer_t *self)
{
    hub_t *hub = self->hub;
    remove_name(self);
    hub_accept_forget(self);
    hub->peers.items[self->index] = NULL;
    hub->holes++;
    hub_list_push(&hub->graveyard, self);
    hub_wake(hub);
}

static void op_ended(void *arg, int code, const char *text)
{
    hub_peer_t *self = arg;
    hub_t *hub = self->hub;
    hub_text(self->text, (wire_str_t) { text, strlen(text) });
    self->ended = true;
    if (code != WIRE_E_CLOSED && code != WIRE_E_GONE && !self->refused)
        hub_peer_refuse(self, 0, code, self->text);
    unlist(self);
    if (self->announced)
        wire_link_abandon(self->link);
    hub_dial_stop(self, 200);           //  The last ACK or REFUSED may still be on its way out
    hub_probe_stop(&self->probe);
    if (self->announced)
        hub->handler.gone(hub->arg, self, code, self->text);
}

static const wire_link_ops_t ops = {
    op_alloc, op_release, op_write, op_message, op_lost, op_silent, op_ended
};

hub_peer_t *hub_peer_new(hub_t *hub, bool patient)
{
    wire_link_config_t config = hub->link_config;
    config.patient = patient;
    hub_peer_t *self = calloc(1, sizeof *self);
    size_t room = hub->peers.count + hub->graveyard.count + 1;
    if (!self || !hub_list_reserve(&hub->peers, room) || !hub_list_reserve(&hub->graveyard, room)
            || !hub_list_reserve(&hub->dirty, hub->dirty.count + room)
            || !(self->link = wire_link_new(&config, &ops, self, &hub->stat))) {
        free(self);
        return NULL;
    }
    self->hub = hub;
    self->patient = patient;
    self->probe.fd = -1;
    self->probe.due = self->dial_due = WIRE_LINK_NEVER;
    self->index = hub->peers.count;
    hub_list_push(&hub->peers, self);
    return self;
}

void hub_peer_free(hub_peer_t *self)
{
    for (size_t i = 0; i < self->endpoint_count; i++)
        free(self->endpoints[i]);
    free(self->endpoints);
    hub_lookup_destroy(&self->lookup);
    wire_buf_free(&self->hello);
    wire_buf_free(&self->welcome);
    hub_probe_stop(&self->probe);
    wire_link_destroy(&self->link);
    hub_held_release(self->held);
    free(self);
}

//  Names are no secret and few are alike: no memory for the table only means that
//  hub_find misses the peer.
void hub_peer_name_it(hub_peer_t *self, wire_str_t name)
{
    hub_t *hub = self->hub;
    remove_name(self);
    size_t size = name.size <= WIRE_MAX_NAME ? name.size : WIRE_MAX_NAME;
    memmove(self->name, name.data ? name.data : "", size);
    self->name[size] = 0;
    size = strlen(self->name);
    if (size == 0)
        return;
    self->namesake = hub_table_find(&hub->by_name, self->name, size);
    self->named = hub_table_put(&hub->by_name, self->name, size, self);
    if (!self->named)
        self->namesake = NULL;
}

//  Writing

static int failure(hub_peer_t *self)
{
    if (errno == EAGAIN || errno == EINTR)
        return WIRE_E_FULL;
    self->cut = true;                   //  Judged when all input was read
    self->hub->unsettled = true;
    hub_wake(self->hub);
    return WIRE_E_FULL;
}

static int write_router(hub_peer_t *self, zmq_msg_t *msg)
{
    hub_source_t *router = self->door->router;
    hub_touch(router);
    if (zmq_send(router->zmq, self->id, self->id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0
            || zmq_msg_send(msg, router->zmq, ZMQ_DONTWAIT) < 0)
        return failure(self);
    return 0;
}

static int write_dealer(hub_peer_t *self, zmq_msg_t *msg)
{
    hub_touch(self->dealer);
    return zmq_msg_send(msg, self->dealer->zmq, ZMQ_DONTWAIT) < 0 ? failure(self) : 0;
}

//  Without acknowledgements nothing but this tells that a peer does not read: libzmq alone would
//  take its high-water mark of frames, each of up to 1 MiB.
static bool make_message(hub_peer_t *self, zmq_msg_t *msg, const void *data, size_t size, bool kept)
{
    if (kept || size == 0 || wire_link_is_counted(self->link))
        return hub_bytes_message(msg, data, size, kept);
    return hub_held_size(self->held) < self->hub->link_config.ring_bytes
        && hub_held_message(msg, data, size, &self->held);
}

int hub_peer_write(hub_peer_t *self, const void *data, size_t size, bool kept)
{
    zmq_msg_t msg;
    if (!self->dealer && !self->id_size)
        return WIRE_E_GONE;
    if (!make_message(self, &msg, data, size, kept))
        return WIRE_E_FULL;
    int rc = self->dealer ? write_dealer(self, &msg) : write_router(self, &msg);
    if (rc)
        zmq_msg_close(&msg);
    return rc;
}

void hub_peer_refuse(hub_peer_t *self, uint64_t nonce, int code, const char *text)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_refused(&out, nonce, code, text);
    if (!out.failed)
        hub_peer_write(self, out.data, out.size, false);
    wire_buf_free(&out);
}

//  Reading

static void input_counted(hub_peer_t *self, hub_frame_t *frame)
{
    hub_t *hub = self->hub;
    hub->frame = frame;
    frame->came = hub_now(hub);
    hub_frame_begin(frame);
    if (wire_link_input(self->link, hub_frame_data(frame), hub_frame_size(frame), hub_loop_time(hub)))
        hub->refused++;
    hub_frame_end(frame);
    hub->frame = NULL;
    if (self->ended)
        return;
    if (wire_link_wants_flush(self->link))
        hub_dirty(self);
    hub_wake_at(hub, wire_link_due(self->link));
}

void hub_peer_input(hub_peer_t *self, hub_frame_t *frame)
{
    if (self->ended)
        return;
    self->heard += hub_frame_size(frame) + HUB_FLOW_FRAME;
    if (hub_frame_size(frame) == 0)
        wire_link_heard(self->link, hub_loop_time(self->hub));
    else
        input_counted(self, frame);
}

//  Opening and ending

void hub_peer_opened(hub_peer_t *self, uint64_t session, bool counted, const hub_greeting_t *greeting)
{
    hub_t *hub = self->hub;
    self->epoch = ++hub->epochs;
    self->announced = true;
    wire_link_opened(self->link, session, counted, hub_loop_time(hub));
    if (!self->ended)
        hub->handler.up(hub->arg, self, greeting);
    hub_dirty(self);
}

//  Begin to ask its address, unless that goes on already.
void hub_peer_doubt(hub_peer_t *self, int64_t now)
{
    if (!wire_link_is_broken(self->link) || !self->address[0] || self->unproved_until || self->patient
            || self->probe.due != WIRE_LINK_NEVER)
        return;
    self->probe.step = 0;
    self->probe.due = now + PROBE_DRAIN;
}

//  The connection is down for certain. If it is the peer's end, its address may prove it.
void hub_peer_judge(hub_peer_t *self, int64_t now)
{
    self->cut = false;
    wire_link_broken(self->link, now);
    if (self->ended)
        return;
    hub_peer_doubt(self, now);
    hub_wake_at(self->hub, hub_peer_due(self));
}

//  Does anybody answer there while it lives? Else a refusal later would say nothing.
static void prove_address(hub_peer_t *self, int64_t now)
{
    hub_probe_result_t result = hub_probe_ask(&self->probe, self->address);
    if (result == HUB_UNDECIDED && now < self->unproved_until) {
        self->probe.due = now + PROBE_LOOK;
        return;
    }
    hub_probe_stop(&self->probe);
    self->probe.due = WIRE_LINK_NEVER;
    self->unproved_until = 0;
    if (result != HUB_SOMEBODY)
        self->address[0] = 0;
    hub_peer_doubt(self, now);
}

static void probe(hub_peer_t *self, int64_t now)
{
    if (self->unproved_until) {
        prove_address(self, now);
        return;
    }
    if (!wire_link_is_broken(self->link)) {
        hub_probe_stop(&self->probe);
        self->probe.due = WIRE_LINK_NEVER;
        return;
    }
    if (!self->dialled && hub_has_input(self->door->router)) {
        self->probe.due = now + PROBE_DRAIN;    //  Its last words come first
        return;
    }
    hub_probe_result_t result = hub_probe_ask(&self->probe, self->address);
    if (result == HUB_NOBODY) {
        self->dead = true;
        wire_link_end(self->link, WIRE_E_GONE, "its address refuses connections");
        return;
    }
    if (result == HUB_UNDECIDED)
        self->probe.due = now + PROBE_LOOK;
    else
        self->probe.due = now + probe_delays[self->probe.step];
    if (self->probe.step < PROBE_LAST)
        self->probe.step++;
}

void hub_peer_tick(hub_peer_t *self, int64_t now)
{
    wire_link_tick(self->link, now);
    if (!self->ended && now >= self->probe.due)
        probe(self, now);
    if (!self->ended && now >= self->dial_due)
        hub_dial_tick(self, now);
}

int64_t hub_peer_due(const hub_peer_t *self)
{
    int64_t due = wire_link_due(self->link);
    if (self->probe.due < due)
        due = self->probe.due;
    return self->dial_due < due ? self->dial_due : due;
}

void hub_peer_doom(hub_peer_t *self, int code, const char *text)
{
    if (self->ended || self->doomed)
        return;
    self->doomed = true;
    self->doom = code;
    hub_text(self->text, (wire_str_t) { text, strlen(text) });
    self->hub->unsettled = true;
    hub_wake(self->hub);
}
