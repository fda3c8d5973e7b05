//  link_recv - a frame comes in: count it, acknowledge, hand its messages over

#include "link_self.h"

#include <stdio.h>

#include "link_open.h"

bool link_acknowledge(wire_link_t *self, uint64_t ack)
{
    if (ack > self->acked + self->ring.count)
        return false;
    while (self->acked < ack) {
        self->ops->release(self->arg, wire_link_ring_pop(&self->ring));
        self->acked++;
        if (self->written)
            self->written--;
    }
    return true;
}

static int strike(wire_link_t *self, int code)
{
    self->stat->strikes++;
    if (++self->strikes >= WIRE_MAX_STRIKES)
        wire_link_end(self, code, "too many bad messages");
    return code;
}

static int read_bye(wire_link_t *self, const wire_msg_t *msg)
{
    wire_str_t text;
    int rc = wire_read_bye(msg, &self->bye, &text);
    if (rc == 0)
        snprintf(self->farewell, sizeof self->farewell, "%.*s", (int) (text.size & 0xff), text.data);
    return rc;
}

//  One message of a frame. OPEN types but BYE have no business inside one.
static int hand_over(wire_link_t *self, const wire_msg_t *msg)
{
    if (wire_type_way((unsigned) msg->type) == WIRE_WAY_OPEN)
        return msg->type == WIRE_BYE ? read_bye(self, msg) : WIRE_E_STATE;
    self->stat->messages_in++;
    return self->ops->message(self->arg, msg);
}

//  All messages until the frame's end, a BYE, bytes that are none, or the link's end.
static int deliver(wire_link_t *self, wire_reader_t at)
{
    int first_error = 0;
    wire_msg_t msg;
    while (at.at < at.end && self->state == LINK_OPEN && self->bye < 0) {
        int rc = wire_msg_next(&at, &msg);
        if (rc)
            return strike(self, rc);    //  The rest cannot be used
        rc = hand_over(self, &msg);
        if (rc) {
            strike(self, rc);
            first_error = rc;
        }
    }
    return first_error;
}

static void owe(wire_link_t *self, size_t size, int64_t now)
{
    if (self->owed_frames++ == 0)
        self->ack_due = now + WIRE_ACK_DELAY;
    self->owed_bytes += size;
}

//  Counts that no honest peer can reach: nothing after them can be trusted.
static int broken_counts(wire_link_t *self, const char *text)
{
    self->stat->strikes++;
    wire_link_end(self, WIRE_E_MALFORMED, text);
    return WIRE_E_MALFORMED;
}

static int input_counted(wire_link_t *self, wire_reader_t frame, int64_t now)
{
    size_t size = (size_t) (frame.end - frame.at);
    wire_link_header_t header;
    int rc = wire_link_read(&frame, &header);
    if (rc)
        return strike(self, rc);
    if (header.ack > self->acked && !link_acknowledge(self, header.ack))
        return broken_counts(self, "acknowledges what was never sent");
    if (header.seq == 0)
        return frame.at == frame.end ? 0 : strike(self, WIRE_E_MALFORMED);
    if (header.seq <= self->received) {
        self->stat->duplicates++;
        return 0;
    }
    if (header.seq != self->received + 1)
        return broken_counts(self, "frames are missing");
    rc = deliver(self, frame);
    if (self->state == LINK_OPEN) {
        self->received++;
        owe(self, size, now);
    }
    return rc;
}

//  The peer leaves once it has read that its BYE arrived.
static void take_leave(wire_link_t *self, int64_t now)
{
    if (self->counted)
        link_lone_ack(self, now);
    wire_link_end(self, self->bye ? self->bye : WIRE_E_CLOSED, self->farewell);
}

int wire_link_input(wire_link_t *self, const void *frame, size_t size, int64_t now)
{
    if (self->state != LINK_OPEN || self->asked)
        return 0;                       //  Only the answer counts now
    self->heard = now;
    self->fresh = false;
    self->stat->frames_in++;
    self->stat->bytes_in += size;
    wire_reader_t at = wire_reader(frame, size);
    int rc = self->counted ? input_counted(self, at, now) : deliver(self, at);
    if (self->state == LINK_OPEN && self->bye >= 0)
        take_leave(self, now);
    if (self->written < self->ring.count)
        link_transmit(self, now);       //  An ACK may have made room
    link_check_closed(self, now);
    return rc;
}

void wire_link_heard(wire_link_t *self, int64_t now)
{
    self->heard = now;
}
