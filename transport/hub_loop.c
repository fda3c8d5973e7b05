//  hub_loop - libuv and libzmq under one roof
//
//      poll callback   receive (up to 256), turn, flush     -> sockets are touched
//      check, prepare  flush, read ZMQ_EVENTS of the touched sockets once; whoever has
//                      input is ready, and an idle handle keeps the loop from sleeping
//      check           drain the ready ones
//
//  check settles too, so that a loop that is driven from outside (uv_backend_fd and
//  uv_backend_timeout between two uv_run of no wait) misses nothing.

#include <time.h>

#include "hub_self.h"

//  Wake-ups in a row with one frame each, from when on the next is expected to bring one, too.
#define ALONE_OFTEN 8

int64_t hub_now(const hub_t *self)
{
    (void) self;
    return (int64_t) (uv_hrtime() / 1000000);
}

int64_t hub_quick_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hub_loop_time(const hub_t *self)
{
    return (int64_t) uv_now(self->loop);
}

//  An active idle handle is all it takes to keep the loop from sleeping.
static void on_idle(uv_idle_t *handle)
{
    (void) handle;
}

void hub_wake(hub_t *self)
{
    if (!uv_is_active((uv_handle_t *) &self->idle))
        uv_idle_start(&self->idle, on_idle);
}

void hub_touch(hub_source_t *self)
{
    if (self->touched)
        return;
    self->touched = true;
    hub_list_push(&self->hub->touched, self);
    if (!self->hub->inside)
        hub_wake(self->hub);
}

void hub_dirty(hub_peer_t *peer)
{
    if (peer->dirty || peer->ended)
        return;
    peer->dirty = true;
    hub_list_push(&peer->hub->dirty, peer);
    if (!peer->hub->inside)
        hub_wake(peer->hub);
}

//  Write what has gathered. Peers may become dirty, and end, meanwhile.
static void flush_dirty(hub_t *self, int64_t now)
{
    for (size_t i = 0; i < self->dirty.count; i++) {
        hub_peer_t *peer = self->dirty.items[i];
        if (!peer)
            continue;
        peer->dirty = false;
        if (peer->ended)
            continue;
        wire_link_flush(peer->link, now);
        hub_wake_at(self, wire_link_due(peer->link));
    }
    self->dirty.count = 0;
}

void hub_flush(hub_t *self)
{
    flush_dirty(self, hub_quick_time());
}

bool hub_has_input(hub_source_t *source)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(source->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

static void mark_ready(hub_source_t *source)
{
    if (source->ready)
        return;
    source->ready = true;
    hub_list_push(&source->hub->ready, source);
}

static void look_at_touched(hub_t *self)
{
    for (size_t i = 0; i < self->touched.count; i++) {
        hub_source_t *source = self->touched.items[i];
        if (!source)
            continue;
        source->touched = false;
        if (hub_has_input(source)) {
            source->alone = 0;
            mark_ready(source);
        }
    }
    self->touched.count = 0;
}

//  End who was condemned from inside some callback, and judge the broken ones.
static void settle_peers(hub_t *self)
{
    if (!self->unsettled)
        return;
    self->unsettled = false;
    int64_t now = hub_loop_time(self);
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (peer && peer->cut)
            hub_peer_judge(peer, now);
        if (peer && !peer->ended && peer->doomed)
            wire_link_end(peer->link, peer->doom, peer->text);
    }
}

static void close_holes(hub_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (peer) {
            peer->index = count;
            self->peers.items[count++] = peer;
        }
    }
    self->peers.count = count;
    self->holes = 0;
}

static void bury(hub_t *self)
{
    while (self->graveyard.count)
        hub_peer_free(self->graveyard.items[--self->graveyard.count]);
    if (self->holes)
        close_holes(self);
}

//  Everything that must be so before the loop may sleep.
static void settle(hub_t *self)
{
    settle_peers(self);
    flush_dirty(self, hub_loop_time(self));
    look_at_touched(self);
    if (self->ready.count || self->unsettled)
        hub_wake(self);
    else
        uv_idle_stop(&self->idle);
    if (self->inside == 0)
        bury(self);
}

static void take_turn(hub_t *self)
{
    self->inside++;
    self->turn_due = false;
    self->handler.turn(self->arg);
    flush_dirty(self, hub_quick_time());
    self->inside--;
}

//  Receive from one socket. A pump from inside a callback must not receive as well: the
//  frame that is being handed over would be overwritten.
//
//  A second receive that finds nothing costs a look into libzmq (two system calls). Where frames come one by one it is
//  left out: ZMQ_EVENTS, read before the loop sleeps, tells when one did not come alone.
static void receive(hub_source_t *source, bool all)
{
    hub_t *self = source->hub;
    uint64_t before = self->stat.frames_in;
    source->most = !all && source->alone >= ALONE_OFTEN ? 1 : HUB_TURN_FRAMES;
    self->draining = true;
    if (source->drain(source))
        hub_touch(source);
    self->draining = false;
    source->alone = self->stat.frames_in - before == 1 ? source->alone + 1 : 0;
}

//  One wake-up of one socket.
static void wake_up(hub_source_t *source)
{
    hub_t *self = source->hub;
    self->inside++;
    receive(source, false);
    self->inside--;
    take_turn(self);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    (void) status;
    (void) events;
    wake_up(handle->data);
}

static void drain_ready(hub_t *self)
{
    //  Only those that are ready now: who becomes so meanwhile has to wait for its turn.
    size_t count = self->ready.count;
    for (size_t i = 0; i < count && i < self->ready.count; i++) {
        hub_source_t *source = self->ready.items[i];
        if (!source)
            continue;
        self->ready.items[i] = NULL;
        source->ready = false;
        wake_up(source);
    }
    size_t left = 0;
    for (size_t i = 0; i < self->ready.count; i++)
        if (self->ready.items[i])
            self->ready.items[left++] = self->ready.items[i];
    self->ready.count = left;
}

static void on_check(uv_check_t *handle)
{
    hub_t *self = handle->data;
    if (self->ready.count)
        drain_ready(self);
    if (self->turn_due)
        take_turn(self);
    settle(self);
}

static void on_prepare(uv_prepare_t *handle)
{
    settle(handle->data);
}

static void tick(hub_t *self, int64_t now)
{
    int64_t due = WIRE_LINK_NEVER;
    self->timer_due = WIRE_LINK_NEVER;
    self->inside++;
    if (now >= self->sweep_due)
        hub_door_sweep(self, now);
    if (now >= self->flow_due)
        hub_flow_look(self, now);
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (!peer)
            continue;
        hub_peer_tick(peer, now);
        if (!peer->ended && hub_peer_due(peer) < due)
            due = hub_peer_due(peer);
    }
    self->inside--;
    if (self->flow_due < due)
        due = self->flow_due;
    hub_wake_at(self, due < self->sweep_due ? due : self->sweep_due);
}

static void on_timer(uv_timer_t *handle)
{
    hub_t *self = handle->data;
    tick(self, hub_loop_time(self));
    take_turn(self);                    //  `gone` and `silent` are input too
    hub_wake(self);                     //  libuv runs timers behind `check` since 1.45: settle once more before sleeping
}

void hub_wake_at(hub_t *self, int64_t due)
{
    if (due >= self->timer_due)
        return;                         //  It rings early enough, and looks again
    self->timer_due = due;
    int64_t wait = due - hub_loop_time(self);
    uv_timer_start(&self->timer, on_timer, wait > 0 ? (uint64_t) wait : 0, 0);
}

//  Sources

hub_source_t *hub_source_new(hub_t *self, hub_peer_t *peer, int type, bool (*drain)(hub_source_t *))
{
    size_t count = self->sources.count + 1;
    hub_source_t *source = calloc(1, sizeof *source);
    if (!source || !hub_list_reserve(&self->sources, count)
            || !hub_list_reserve(&self->touched, self->touched.count + count)
            || !hub_list_reserve(&self->ready, self->ready.count + count)
            || !(source->sock = zsock_new(type))) {
        free(source);
        return NULL;
    }
    if (uv_poll_init(self->loop, &source->poll, zsock_fd(source->sock))) {
        zsock_destroy(&source->sock);
        free(source);
        return NULL;
    }
    source->hub = self;
    source->peer = peer;
    source->drain = drain;
    source->zmq = zsock_resolve(source->sock);
    source->poll.data = source;
    hub_list_push(&self->sources, source);
    return source;
}

void hub_source_family(hub_source_t *self, const char *endpoint)
{
    zsock_set_ipv6(self->sock, strncmp(endpoint, "tcp://[", 7) == 0);
}

void hub_source_watch(hub_source_t *self)
{
    uv_poll_start(&self->poll, UV_READABLE, on_poll);
    hub_touch(self);                    //  What was swallowed until now
}

static void on_source_closed(uv_handle_t *handle)
{
    free(handle->data);
}

//  The watched socket goes before its monitor's reader: an event that nobody can read
//  blocks libzmq's I/O thread for ever, and with it every link of the process.
void hub_source_destroy(hub_source_t **self_p, int linger)
{
    hub_source_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    hub_list_remove(&self->hub->sources, self);
    for (size_t i = 0; self->touched && i < self->hub->touched.count; i++)
        if (self->hub->touched.items[i] == self)
            self->hub->touched.items[i] = NULL;
    for (size_t i = 0; self->ready && i < self->hub->ready.count; i++)
        if (self->hub->ready.items[i] == self)
            self->hub->ready.items[i] = NULL;
    uv_close((uv_handle_t *) &self->poll, on_source_closed);
    zmq_socket_monitor(self->zmq, NULL, 0);
    zmq_setsockopt(self->zmq, ZMQ_LINGER, &linger, sizeof linger);
    zsock_destroy(&self->sock);
}

hub_source_t *hub_monitor_new(hub_source_t *of, int events, bool (*drain)(hub_source_t *))
{
    static atomic_uint number;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://hub-monitor-%u", atomic_fetch_add(&number, 1));
    hub_source_t *self = hub_source_new(of->hub, of->peer, ZMQ_PAIR, drain);
    if (!self)
        return NULL;
    //  A full monitor would block libzmq's I/O thread, and with it every link.
    zsock_set_unbounded(self->sock);
    if (zmq_socket_monitor(of->zmq, endpoint, events) || zmq_connect(self->zmq, endpoint)) {
        zmq_socket_monitor(of->zmq, NULL, 0);
        hub_source_destroy(&self, 0);
        return NULL;
    }
    hub_source_watch(self);
    return self;
}

int hub_monitor_next(hub_source_t *self, uint32_t *value)
{
    uint8_t event[6];                   //  uint16 event, uint32 value; the address follows
    int size = zmq_recv(self->zmq, event, sizeof event, ZMQ_DONTWAIT);
    if (size < 0)
        return 0;
    int more = 0;
    size_t more_size = sizeof more;
    while (zmq_getsockopt(self->zmq, ZMQ_RCVMORE, &more, &more_size) == 0 && more)
        zmq_recv(self->zmq, NULL, 0, ZMQ_DONTWAIT);
    uint16_t number = 0;
    if (size == (int) sizeof event) {
        memcpy(&number, event, sizeof number);
        if (value)
            memcpy(value, event + sizeof number, sizeof *value);
    }
    return number;
}

//  The hub's own handles

static void on_handle_closed(uv_handle_t *handle)
{
    hub_t *self = handle->data;
    if (--self->handles == 0)
        free(self);
}

int hub_loop_start(hub_t *self)
{
    self->timer_due = self->sweep_due = WIRE_LINK_NEVER;
    uv_prepare_init(self->loop, &self->prepare);
    uv_check_init(self->loop, &self->check);
    uv_idle_init(self->loop, &self->idle);
    uv_timer_init(self->loop, &self->timer);
    self->prepare.data = self->check.data = self->idle.data = self->timer.data = self;
    self->handles = 4;
    uv_prepare_start(&self->prepare, on_prepare);
    uv_check_start(&self->check, on_check);
    //  Sockets keep a loop running, these do not.
    uv_unref((uv_handle_t *) &self->prepare);
    uv_unref((uv_handle_t *) &self->check);
    uv_unref((uv_handle_t *) &self->timer);
    return 0;
}

void hub_loop_stop(hub_t *self)
{
    uv_close((uv_handle_t *) &self->prepare, on_handle_closed);
    uv_close((uv_handle_t *) &self->check, on_handle_closed);
    uv_close((uv_handle_t *) &self->idle, on_handle_closed);
    uv_close((uv_handle_t *) &self->timer, on_handle_closed);
}

//  Pump: the same without libuv

static int wait_for(const hub_t *self, int64_t until)
{
    int64_t now = hub_now(self);
    int64_t due = self->timer_due < until ? self->timer_due : until;
    return due > now ? (int) (due - now) : 0;
}

//  Sleep until a socket has input or it is time; those that have are ready then.
static bool poll_sources(hub_t *self, int64_t until)
{
    zmq_pollitem_t *items = calloc(self->sources.count + 1, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < self->sources.count; i++)
        items[i] = (zmq_pollitem_t) { ((hub_source_t *) self->sources.items[i])->zmq, 0, ZMQ_POLLIN, 0 };
    int count = zmq_poll(items, (int) self->sources.count, self->ready.count ? 0 : wait_for(self, until));
    for (size_t i = 0; count > 0 && i < self->sources.count; i++)
        if (items[i].revents)
            mark_ready(self->sources.items[i]);
    free(items);
    return self->ready.count > 0;
}

//  Without turn, so that no handler runs.
static void drain_quietly(hub_t *self)
{
    size_t count = self->ready.count;
    for (size_t i = 0; i < count && i < self->ready.count; i++) {
        hub_source_t *source = self->ready.items[i];
        if (!source)
            continue;
        source->ready = false;
        self->ready.items[i] = NULL;
        receive(source, true);
    }
    if (self->ready.count <= count)
        self->ready.count = 0;
    else {
        memmove(self->ready.items, self->ready.items + count, (self->ready.count - count) * sizeof(void *));
        self->ready.count -= count;
    }
}

void hub_pump(hub_t *self, int ms)
{
    hub_flush(self);
    if (self->draining)
        return;                         //  It goes on afterwards
    int64_t until = hub_now(self) + ms;
    bool arrived;
    do {
        uv_update_time(self->loop);
        self->inside++;
        arrived = poll_sources(self, until);
        uv_update_time(self->loop);
        drain_quietly(self);
        if (hub_now(self) >= self->timer_due)
            tick(self, hub_now(self));
        settle_peers(self);
        flush_dirty(self, hub_loop_time(self));
        look_at_touched(self);
        self->inside--;
    } while (!arrived && hub_now(self) < until);
    hub_wake(self);                     //  `turn` is due for what arrived
    self->turn_due = self->turn_due || arrived;
}
