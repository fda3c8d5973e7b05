//  link - the life of a link: opened, broken, resumed, silent, ended

#include "link_self.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_open.h"

//  With heartbeats of 700/2000 ms a stopped peer's connection breaks after 2.0 to 2.7 s,
//  so silence is told soon after, within the 3 s that are promised; but a connection that is merely
//  replaced needs a moment (reconnection begins at 50 ms), and a link in use should not flicker.
#define SILENT_AFTER_BREAK  150
#define SILENT_AFTER_HEARD  2500
//  Whoever leaves waits so long for its last acknowledgement.
#define CLOSE_TIMEOUT       30000

wire_link_t *wire_link_new(const wire_link_config_t *config, const wire_link_ops_t *ops, void *arg,
                           wire_link_stat_t *stat)
{
    wire_link_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    if (!self->config.batch_bytes)
        self->config.batch_bytes = BATCH_ENOUGH;
    self->ops = ops;
    self->arg = arg;
    self->stat = stat;
    self->bye = -1;
    self->fresh = true;
    self->ack_due = self->retry_due = WIRE_LINK_NEVER;
    self->silent_due = self->gone_due = self->close_due = WIRE_LINK_NEVER;
    return self;
}

static void drop_output(wire_link_t *self)
{
    while (self->ring.count)
        self->ops->release(self->arg, wire_link_ring_pop(&self->ring));
    wire_link_ring_free(&self->ring);
    if (self->batch)
        self->ops->release(self->arg, self->batch);
    self->batch = NULL;
    self->batch_size = 0;
}

void wire_link_destroy(wire_link_t **self_p)
{
    if (!*self_p)
        return;
    drop_output(*self_p);
    free(*self_p);
    *self_p = NULL;
}

static void alive(wire_link_t *self, int64_t now)
{
    self->heard = now;
    self->broken = false;
    self->asked = 0;
    self->silent_due = self->gone_due = WIRE_LINK_NEVER;
    if (self->silent) {
        self->silent = false;
        self->ops->silent(self->arg, false);
    }
}

//  The connection has all counts agreed: it is given everything from the start.
static void go_on(wire_link_t *self, int64_t now)
{
    self->writable = true;
    self->written = 0;
    self->owed_frames = 0;
    self->owed_bytes = 0;
    self->ack_due = WIRE_LINK_NEVER;
    alive(self, now);
    link_transmit(self, now);
    wire_link_flush(self, now);
}

void wire_link_opened(wire_link_t *self, uint64_t session, bool counted, int64_t now)
{
    assert(self->state != LINK_ENDED);
    self->state = LINK_OPEN;
    self->session = session;
    self->counted = counted;
    go_on(self, now);
}

static int write_resume(wire_link_t *self)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_resume_t resume = { self->asked, self->session, self->received };
    wire_put_resume(&out, WIRE_RESUME, &resume);
    int rc = out.failed ? WIRE_E_NO_MEMORY : self->ops->write(self->arg, out.data, out.size, false);
    wire_buf_free(&out);
    return rc;
}

bool wire_link_connected(wire_link_t *self, uint64_t nonce, int64_t now)
{
    assert(nonce);
    self->asked = nonce;
    self->writable = false;
    self->silent_due = self->gone_due = WIRE_LINK_NEVER;    //  Its I/O thread answers: it lives
    if (self->state != LINK_OPEN)
        return false;
    self->broken = true;
    if (write_resume(self))
        wire_link_broken(self, now);
    return true;
}

void wire_link_ask_again(wire_link_t *self)
{
    if (self->state == LINK_OPEN && self->asked)
        (void) write_resume(self);      //  If not, then the next time
}

bool wire_link_awaits(const wire_link_t *self, uint64_t nonce)
{
    return self->asked && self->asked == nonce;
}

bool wire_link_is_asking(const wire_link_t *self)
{
    return self->asked != 0;
}

int wire_link_resumed(wire_link_t *self, uint64_t nonce, uint64_t session, uint64_t received, int64_t now)
{
    if (self->state != LINK_OPEN || !wire_link_awaits(self, nonce) || session != self->session)
        return WIRE_E_STATE;
    if (received < self->acked || !link_acknowledge(self, received))
        return WIRE_E_MALFORMED;
    go_on(self, now);
    link_check_closed(self, now);
    return 0;
}

int wire_link_resume(wire_link_t *self, uint64_t nonce, uint64_t received, int64_t now)
{
    if (self->state != LINK_OPEN || !self->counted
            || received < self->acked || received > self->acked + self->ring.count)
        return WIRE_E_STATE;
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_resume_t answer = { nonce, self->session, self->received };
    wire_put_resume(&out, WIRE_RESUMED, &answer);
    int rc = out.failed ? WIRE_E_NO_MEMORY : self->ops->write(self->arg, out.data, out.size, false);
    wire_buf_free(&out);
    if (rc)
        return WIRE_E_GONE;
    link_acknowledge(self, received);
    go_on(self, now);
    link_check_closed(self, now);
    return 0;
}

//  (Re)start the clocks: a peer that lets us connect and breaks again is alive meanwhile.
static void start_doubt(wire_link_t *self, int64_t now)
{
    int64_t silent = now + SILENT_AFTER_BREAK;
    if (silent < self->heard + SILENT_AFTER_HEARD)
        silent = self->heard + SILENT_AFTER_HEARD;
    self->silent_due = self->silent ? WIRE_LINK_NEVER : silent;
    self->gone_due = self->config.patient ? WIRE_LINK_NEVER : now + self->config.lease;
}

void wire_link_broken(wire_link_t *self, int64_t now)
{
    bool again = self->broken && !self->asked;
    self->asked = 0;
    self->writable = false;
    if (self->state == LINK_OPENING && self->config.patient && !self->silent)
        self->silent_due = now + SILENT_AFTER_HEARD;
    if (self->state != LINK_OPEN || again)
        return;
    self->broken = true;
    if (self->counted)
        start_doubt(self, now);
    else
        wire_link_end(self, WIRE_E_GONE, "the connection broke");
}

static void report_lost(wire_link_t *self, const uint8_t *data, size_t size)
{
    wire_reader_t at = wire_reader(data + WIRE_LINK_HEADER_SIZE, size - WIRE_LINK_HEADER_SIZE);
    wire_msg_t msg;
    while (at.at < at.end && wire_msg_next(&at, &msg) == 0)
        if (wire_type_way((unsigned) msg.type) != WIRE_WAY_OPEN) {
            self->stat->lost++;
            self->ops->lost(self->arg, &msg);
        }
}

void wire_link_abandon(wire_link_t *self)
{
    //  Taken away first: `lost` may send anew, and that belongs to what comes after.
    wire_link_ring_t ring = self->ring;
    uint8_t *batch = self->batch;
    size_t batch_size = self->batch_size;
    self->ring = (wire_link_ring_t) { NULL, 0, 0, 0, 0 };
    self->batch = NULL;
    self->batch_size = 0;
    self->written = 0;

    while (ring.count) {
        size_t size = wire_link_ring_at(&ring, 0)->size;
        uint8_t *data = wire_link_ring_pop(&ring);
        report_lost(self, data, size);
        self->ops->release(self->arg, data);
    }
    wire_link_ring_free(&ring);
    if (batch_size)
        report_lost(self, batch, batch_size);
    if (batch)
        self->ops->release(self->arg, batch);
}

void wire_link_restart(wire_link_t *self)
{
    if (self->state == LINK_ENDED)
        return;
    self->state = LINK_OPENING;
    self->writable = false;
    self->asked = 0;
    self->session = 0;
    self->acked = 0;
    self->received = 0;
    self->owed_frames = 0;
    self->owed_bytes = 0;
    self->strikes = 0;
    self->fresh = true;
    self->ack_due = self->retry_due = self->silent_due = self->gone_due = WIRE_LINK_NEVER;
    wire_link_abandon(self);
}

void wire_link_close(wire_link_t *self, int code, const char *text, int64_t now)
{
    if (self->state == LINK_ENDED || self->closing)
        return;
    snprintf(self->farewell, sizeof self->farewell, "%s", text ? text : "");
    self->farewell_code = code;
    self->closing = true;
    self->close_due = now + CLOSE_TIMEOUT;
    if (self->config.patient && self->broken)
        self->gone_due = now + self->config.lease;
    self->config.patient = false;       //  Who leaves does not wait for ever
    if (self->state == LINK_OPENING && wire_link_drained(self))
        wire_link_end(self, WIRE_E_CLOSED, self->farewell);     //  Nobody to say it to
    else
        self->said_bye = link_say_bye(self, now);
}

void link_check_closed(wire_link_t *self, int64_t now)
{
    if (!self->closing || self->state != LINK_OPEN || !wire_link_drained(self))
        return;
    if (self->said_bye)
        wire_link_end(self, WIRE_E_CLOSED, self->farewell);
    else if (link_say_bye(self, now)) {     //  There was no room before
        self->said_bye = true;
        wire_link_flush(self, now);
    }
}

void wire_link_end(wire_link_t *self, int code, const char *text)
{
    if (self->state == LINK_ENDED)
        return;
    self->state = LINK_ENDED;
    self->writable = false;
    self->ops->ended(self->arg, code, text);
}

static bool is_due(int64_t *due, int64_t now)
{
    bool yes = now >= *due;
    if (yes)
        *due = WIRE_LINK_NEVER;
    return yes;
}

void wire_link_tick(wire_link_t *self, int64_t now)
{
    if (self->state == LINK_ENDED)
        return;
    if (is_due(&self->retry_due, now))
        link_transmit(self, now);
    if (is_due(&self->ack_due, now)) {
        wire_link_flush(self, now);
        if (self->owed_frames)
            link_lone_ack(self, now);
    }
    if (is_due(&self->silent_due, now)) {
        self->silent = true;
        self->ops->silent(self->arg, true);
    }
    if (is_due(&self->gone_due, now))
        wire_link_end(self, WIRE_E_GONE, "silent for longer than its lease");
    if (is_due(&self->close_due, now))
        wire_link_end(self, WIRE_E_CLOSED, "closed before everything was acknowledged");
    link_check_closed(self, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t wire_link_due(const wire_link_t *self)
{
    if (self->state == LINK_ENDED)
        return WIRE_LINK_NEVER;
    int64_t due = earlier(self->ack_due, self->retry_due);
    due = earlier(due, earlier(self->silent_due, self->gone_due));
    return earlier(due, self->close_due);
}

bool wire_link_is_open(const wire_link_t *self)
{
    return self->state == LINK_OPEN;
}

bool wire_link_is_broken(const wire_link_t *self)
{
    return self->broken;
}

bool wire_link_is_silent(const wire_link_t *self)
{
    return self->silent;
}

bool wire_link_is_closing(const wire_link_t *self)
{
    return self->closing;
}

bool wire_link_has_ended(const wire_link_t *self)
{
    return self->state == LINK_ENDED;
}

bool wire_link_is_counted(const wire_link_t *self)
{
    return self->counted;
}

bool wire_link_is_fresh(const wire_link_t *self)
{
    return self->fresh;
}

uint64_t wire_link_session(const wire_link_t *self)
{
    return self->session;
}

int64_t wire_link_last_heard(const wire_link_t *self)
{
    return self->heard;
}

bool wire_link_ours_wins(wire_str_t our_name, uint64_t our_incarnation,
                         wire_str_t their_name, uint64_t their_incarnation)
{
    size_t common = our_name.size < their_name.size ? our_name.size : their_name.size;
    int order = common ? memcmp(our_name.data, their_name.data, common) : 0;
    if (order == 0 && our_name.size != their_name.size)
        order = our_name.size < their_name.size ? -1 : 1;
    return order < 0 || (order == 0 && our_incarnation < their_incarnation);
}
