//  hub_flow - who sends more than comes out, who sends nothing, and connections that should be over
//
//  libzmq bounds a part of a message, but not how many parts one has: all are kept until the last has come, and no
//  high-water mark counts them. Nor can it be told to end one connection of a ROUTER. So the TCP connections that came
//  to us are looked at from outside: what the kernel received on each, beside what came out of the ROUTER for it.
//  Where the difference is large, and does not shrink while the loop runs, we shut the connection down beneath libzmq,
//  which then drops the half message with it.
//
//  Nor does libzmq send heartbeats on them. When the input of a connection stands still, because more came than its
//  queue holds or its bits were turned, and then it breaks, the timer of its next heartbeat aborts the process (libzmq
//  4.3.4, its issue 4364). Whoever dials sends heartbeats, so the kernel can tell who is silent.
//
//  A descriptor that libzmq has closed may be another connection's by now; the kernel's cookie tells.

#include <sys/socket.h>

#include "hub_self.h"
#include "hub_tcp.h"

//  ms between two looks; the second when something goes on that may become too much.
#define LOOK_CALM       1000
#define LOOK_BUSY       100
//  Of somebody whose HELLO was taken: eight rings full. Of others, who have nothing to say but HELLO.
#define LIMIT_PEER      (64u << 20)
#define LIMIT_STRANGER  (4u << 20)
//  ZeroMQ's heartbeats are bytes, too: some sixty every 0.7 s.
#define HEARTBEATS      256
//  ms without a byte. Heartbeats come every WIRE_HEARTBEAT.
#define SILENCE         (WIRE_HEARTBEAT_TIMEOUT + 500)
//  ms that a refusal has to reach who is shown out.
#define FAREWELL        300

typedef struct {
    int fd;
    uint64_t cookie;
    int64_t since;
    uint64_t base;              //  Received when its HELLO or RESUME was taken
    int64_t gap;                //  At the last look
    bool over;                  //  Beyond its limit then
    int64_t end_at;             //  Shown out then; 0: welcome
    const hub_peer_t *peer;     //  During a look
} flow_t;

static flow_t *find(const hub_t *self, uint64_t cookie)
{
    return cookie ? hub_table_find(&self->flows_by_cookie, &cookie, sizeof cookie) : NULL;
}

static void look_at(hub_t *self, int64_t due)
{
    if (due < self->flow_due)
        self->flow_due = due;
    hub_wake_at(self, self->flow_due);
}

//  Without memory it is not watched.
void hub_flow_add(hub_t *self, int fd, int64_t now)
{
    uint64_t cookie = hub_tcp_cookie(fd);
    if (!cookie || find(self, cookie) || !hub_list_reserve(&self->flows, self->flows.count + 1))
        return;
    flow_t *flow = calloc(1, sizeof *flow);
    if (!flow || !hub_table_put(&self->flows_by_cookie, &cookie, sizeof cookie, flow)) {
        free(flow);
        return;
    }
    *flow = (flow_t) { .fd = fd, .cookie = cookie, .since = now };
    hub_list_push(&self->flows, flow);
    look_at(self, now + LOOK_CALM);
}

uint64_t hub_flow_of(hub_frame_t *frame)
{
    int fd = zmq_msg_get(&frame->msg, ZMQ_SRCFD);
    return fd >= 0 ? hub_tcp_cookie(fd) : 0;
}

void hub_flow_begin(hub_peer_t *peer, uint64_t cookie)
{
    flow_t *flow = find(peer->hub, cookie);
    peer->flow = flow ? cookie : 0;
    peer->heard = 0;
    if (flow)
        flow->base = hub_tcp_heard(flow->fd).bytes;
}

void hub_flow_end(hub_peer_t *peer, int64_t now)
{
    flow_t *flow = find(peer->hub, peer->flow);
    if (!flow)
        return;
    flow->end_at = now + FAREWELL;
    look_at(peer->hub, flow->end_at);
}

static void forget(hub_t *self, size_t i)
{
    flow_t *flow = self->flows.items[i];
    hub_table_put(&self->flows_by_cookie, &flow->cookie, sizeof flow->cookie, NULL);
    self->flows.items[i] = self->flows.items[--self->flows.count];
    free(flow);
}

//  Whether it sends more than comes out, and will not stop.
static bool floods(const hub_t *self, flow_t *flow, uint64_t received, int64_t now)
{
    int64_t heartbeats = HEARTBEATS * ((now - flow->since) / 1000);
    int64_t heard = flow->peer ? (int64_t) flow->peer->heard : 0;
    int64_t gap = (int64_t) (received - flow->base) - heard - heartbeats;
    int64_t limit = flow->peer ? self->flow_limit : LIMIT_STRANGER;
    bool again = flow->over && gap >= flow->gap;
    flow->over = gap > limit;
    flow->gap = gap;
    return flow->over && (again || !flow->peer);
}

static void link_peers(const hub_t *self)
{
    for (size_t i = 0; i < self->flows.count; i++)
        ((flow_t *) self->flows.items[i])->peer = NULL;
    for (size_t i = 0; i < self->peers.count; i++) {
        const hub_peer_t *peer = self->peers.items[i];
        flow_t *flow = peer && !peer->ended && !peer->dialled ? find(self, peer->flow) : NULL;
        if (flow)
            flow->peer = peer;
    }
}

//  The next look at it, or WIRE_LINK_NEVER: it has to be shut down.
static int64_t look_after(hub_t *self, flow_t *flow, int64_t now)
{
    if (flow->end_at)
        return now < flow->end_at ? flow->end_at : WIRE_LINK_NEVER;
    hub_tcp_t heard = hub_tcp_heard(flow->fd);
    if (heard.quiet >= SILENCE)
        return WIRE_LINK_NEVER;
    if (floods(self, flow, heard.bytes, now)) {
        self->cut++;
        return WIRE_LINK_NEVER;
    }
    int64_t pause = flow->gap > self->flow_limit / 8 ? LOOK_BUSY : LOOK_CALM;
    return now + (SILENCE - heard.quiet < pause ? SILENCE - heard.quiet : pause);
}

void hub_flow_look(hub_t *self, int64_t now)
{
    self->flow_due = WIRE_LINK_NEVER;
    link_peers(self);
    for (size_t i = self->flows.count; i-- > 0; ) {
        flow_t *flow = self->flows.items[i];
        if (hub_tcp_cookie(flow->fd) != flow->cookie) {
            forget(self, i);
            continue;
        }
        int64_t due = look_after(self, flow, now);
        if (due == WIRE_LINK_NEVER) {
            shutdown(flow->fd, SHUT_RDWR);
            due = now + LOOK_CALM;
        }
        if (due < self->flow_due)
            self->flow_due = due;
    }
}

void hub_flow_start(hub_t *self)
{
    self->flow_due = WIRE_LINK_NEVER;
    self->flow_limit = LIMIT_PEER;
}

void hub_flow_stop(hub_t *self)
{
    while (self->flows.count)
        forget(self, self->flows.count - 1);
    hub_table_clear(&self->flows_by_cookie);
    free(self->flows.items);
    self->flows = (hub_list_t) { NULL, 0, 0 };
}
