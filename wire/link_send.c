//  link_send - from a message to a batch, a frame, the ring and the connection

#include "link_self.h"

#include <string.h>

#include "link_open.h"

//  The connection takes no more although the ring is well below its high-water
//  mark, which should not be: look again then, if no acknowledgement comes first.
#define RETRY_DELAY 20

//  ms that a frame may have waited with its ttl_ms as they were: the shell's clock goes in steps of 4, and
//  to walk through the messages of nearly each frame that leaves with its turn would cost more than that is worth.
#define STALE_FROM  8

//  Whether a frame has a place in the ring. One or two more do no harm, since the
//  connection's high-water mark is twice the bound.
static inline bool ring_is_full(const wire_link_t *self)
{
    return self->ring.count >= self->config.ring_frames;
}

bool wire_link_has_room(const wire_link_t *self, size_t size)
{
    size_t held = self->ring.bytes + self->batch_size;
    if (held + WIRE_LINK_HEADER_SIZE + size > self->config.ring_bytes && held > 0)
        return false;
    if (!ring_is_full(self))
        return true;
    size_t batch = self->batch_size ? self->batch_size : WIRE_LINK_HEADER_SIZE;
    return batch + size <= BATCH_CAPACITY;
}

//  Each message but the first of a turn passes here.
bool wire_link_join(wire_link_t *self, const void *message, size_t size)
{
    size_t filled = self->batch_size + size;
    if (!self->batch_size || size > BATCH_ALONE || filled >= self->config.batch_bytes || self->state == LINK_ENDED || self->closing
            || self->ring.bytes + filled + WIRE_LINK_HEADER_SIZE > self->config.ring_bytes)
        return false;
    memcpy(self->batch + self->batch_size, message, size);
    self->batch_size = filled;
    self->stat->messages_out++;
    return true;
}

static void put_header(uint8_t *frame, uint64_t seq, uint64_t ack)
{
    wire_buf_t place = { frame, 0, WIRE_LINK_HEADER_SIZE, false };
    wire_link_put(&place, seq, ack);
}

//  Number a frame of our own buffer and put it into the ring.
static bool enqueue(wire_link_t *self, uint8_t *frame, size_t size, int64_t since)
{
    put_header(frame, self->acked + self->ring.count + 1, self->received);
    return wire_link_ring_push(&self->ring, frame, size, since);
}

//  The frame of what has gathered: the batch itself when it is three quarters full, else a copy as large as need be,
//  since it is kept until it is acknowledged.
static uint8_t *frame_of_batch(wire_link_t *self)
{
    if (self->batch_size >= BATCH_CAPACITY / 4 * 3)
        return self->batch;
    uint8_t *frame = self->ops->alloc(self->arg, self->batch_size);
    if (frame)
        memcpy(frame, self->batch, self->batch_size);
    return frame;
}

bool link_seal(wire_link_t *self)
{
    if (ring_is_full(self))
        return false;
    uint8_t *frame = frame_of_batch(self);
    if (!frame)
        return false;
    bool copied = frame != self->batch, queued = enqueue(self, frame, self->batch_size, self->batch_since);
    if (copied)
        self->ops->release(self->arg, queued ? self->batch : frame);
    if (!queued)
        return false;
    self->batch = NULL;
    self->batch_size = 0;
    return true;
}

static int send_alone(wire_link_t *self, const void *message, size_t size, int64_t now)
{
    size_t frame_size = WIRE_LINK_HEADER_SIZE + size;
    uint8_t *frame = self->ops->alloc(self->arg, frame_size);
    if (!frame)
        return WIRE_E_NO_MEMORY;
    memcpy(frame + WIRE_LINK_HEADER_SIZE, message, size);
    if (!enqueue(self, frame, frame_size, now)) {
        self->ops->release(self->arg, frame);
        return WIRE_E_NO_MEMORY;
    }
    self->wrote = true;
    link_transmit(self, now);
    return 0;
}

static int gather_message(wire_link_t *self, const void *message, size_t size, int64_t now)
{
    if (!self->batch) {
        self->batch = self->ops->alloc(self->arg, BATCH_CAPACITY);
        if (!self->batch)               //  There may be memory for less
            return ring_is_full(self) ? WIRE_E_NO_MEMORY : send_alone(self, message, size, now);
        self->batch_size = WIRE_LINK_HEADER_SIZE;
        self->batch_since = now;
    }
    memcpy(self->batch + self->batch_size, message, size);
    self->batch_size += size;
    if (self->batch_size >= self->config.batch_bytes && link_seal(self))
        link_transmit(self, now);
    return 0;
}

static int place_message(wire_link_t *self, const void *message, size_t size, bool gather, int64_t now)
{
    bool fits = !self->batch_size || self->batch_size + size <= BATCH_CAPACITY;
    bool alone = size > BATCH_ALONE && !ring_is_full(self);
    if (self->batch_size && (alone || !fits)) {
        if (!link_seal(self))
            return WIRE_E_NO_MEMORY;
        link_transmit(self, now);
    }
    if (self->batch_size == 0 && !ring_is_full(self)
            && (alone || (!gather && !self->wrote && self->writable)))
        return send_alone(self, message, size, now);
    return gather_message(self, message, size, now);
}

int wire_link_send(wire_link_t *self, const void *message, size_t size, bool gather, int64_t now)
{
    if (self->state == LINK_ENDED || self->closing)
        return WIRE_E_GONE;
    if (size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    if (!wire_link_has_room(self, size)) {
        self->stat->full++;
        return WIRE_E_FULL;
    }
    int rc = place_message(self, message, size, gather, now);
    if (rc == 0)
        self->stat->messages_out++;
    return rc;
}

bool link_say_bye(wire_link_t *self, int64_t now)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_bye(&out, self->farewell_code ? self->farewell_code : WIRE_E_CLOSED, self->farewell);
    bool said = !out.failed && place_message(self, out.data, out.size, true, now) == 0;
    wire_buf_free(&out);
    return said;
}

//  Take the time that a message has waited off its ttl_ms; 0 means "no deadline", so
//  what has expired keeps 1 and the receiver drops it.
static void age_messages(uint8_t *frame, size_t size, int64_t elapsed)
{
    wire_reader_t at = wire_reader(frame + WIRE_LINK_HEADER_SIZE, size - WIRE_LINK_HEADER_SIZE);
    wire_msg_t msg;
    while (at.at < at.end && wire_msg_next(&at, &msg) == 0)
        if (msg.ttl) {
            uint32_t left = (int64_t) msg.ttl > elapsed ? (uint32_t) (msg.ttl - elapsed) : 1;
            size_t place = (size_t) (msg.whole.at - frame);
            wire_msg_set_ttl(frame + place, (size_t) (msg.whole.end - msg.whole.at), left);
        }
}

//  Bytes that were written once may still be read by the transport: change a copy.
static bool own_bytes(wire_link_t *self, wire_link_slot_t *slot)
{
    if (!slot->shared)
        return true;
    uint8_t *copy = self->ops->alloc(self->arg, slot->size);
    if (!copy)
        return false;
    memcpy(copy, slot->data, slot->size);
    self->ops->release(self->arg, slot->data);
    slot->data = copy;
    slot->shared = false;
    return true;
}

static void freshen(wire_link_t *self, wire_link_slot_t *slot, int64_t now)
{
    int64_t elapsed = now - slot->stamp;
    if (elapsed >= STALE_FROM && own_bytes(self, slot)) {
        age_messages(slot->data, slot->size, elapsed);
        slot->stamp = now;
    }
    if (!slot->shared)
        wire_link_set_ack(slot->data, self->received);
}

static int write_slot(wire_link_t *self, wire_link_slot_t *slot, int64_t now)
{
    bool again = slot->shared;
    freshen(self, slot, now);
    size_t skip = self->counted ? 0 : WIRE_LINK_HEADER_SIZE;
    int rc = self->ops->write(self->arg, slot->data + skip, slot->size - skip, self->counted);
    if (rc)
        return rc;
    slot->shared = true;
    self->stat->frames_out++;
    self->stat->bytes_out += slot->size - skip;
    self->stat->resent += again;
    return 0;
}

static void mark_acknowledged(wire_link_t *self)
{
    self->owed_frames = 0;
    self->owed_bytes = 0;
    self->ack_due = WIRE_LINK_NEVER;
}

void link_transmit(wire_link_t *self, int64_t now)
{
    while (self->writable && self->written < self->ring.count) {
        int rc = write_slot(self, wire_link_ring_at(&self->ring, self->written), now);
        if (rc == WIRE_E_FULL) {
            self->retry_due = now + RETRY_DELAY;
            return;
        }
        if (rc) {
            wire_link_broken(self, now);
            return;
        }
        if (self->counted) {
            self->written++;
            mark_acknowledged(self);
        }
        else
            link_acknowledge(self, self->acked + 1);    //  At most once: written is done
    }
}

void link_lone_ack(wire_link_t *self, int64_t now)
{
    if (!self->writable)
        return;                         //  RESUME or RESUMED will tell the count
    uint8_t frame[WIRE_LINK_HEADER_SIZE];
    put_header(frame, 0, self->received);
    int rc = self->ops->write(self->arg, frame, sizeof frame, false);
    if (rc == 0)
        mark_acknowledged(self);
    else if (rc == WIRE_E_FULL)
        self->ack_due = now + WIRE_ACK_DELAY;
    else
        wire_link_broken(self, now);
}

void wire_link_flush(wire_link_t *self, int64_t now)
{
    self->wrote = false;
    if (!self->writable)
        return;                         //  Goes on gathering
    if (self->batch_size && link_seal(self))
        link_transmit(self, now);
    if (self->owed_frames >= WIRE_ACK_FRAMES || self->owed_bytes >= WIRE_ACK_BYTES)
        link_lone_ack(self, now);
    link_check_closed(self, now);
}

void wire_link_probe(wire_link_t *self, int64_t now)
{
    if (!self->writable)
        return;
    if (self->counted)
        link_lone_ack(self, now);
    else if (self->ops->write(self->arg, "", 0, false) == WIRE_E_GONE)
        wire_link_broken(self, now);
}

bool wire_link_wants_flush(const wire_link_t *self)
{
    return self->batch_size || self->wrote
        || self->owed_frames >= WIRE_ACK_FRAMES || self->owed_bytes >= WIRE_ACK_BYTES;
}

bool wire_link_drained(const wire_link_t *self)
{
    return self->ring.count == 0 && self->batch_size == 0;
}

size_t wire_link_bytes(const wire_link_t *self)
{
    return self->ring.bytes + self->batch_size;
}
