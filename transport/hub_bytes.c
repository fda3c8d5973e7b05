//  hub_bytes - buffers that our rings and libzmq share, and received frames

#include <limits.h>

#include "hub_self.h"

//  Up to here a copy is cheaper than the bookkeeping of a shared buffer.
#define SHARE_FROM      4096
#define BATCH_SIZE      (WIRE_LINK_HEADER_SIZE + WIRE_MAX_BATCH)
#define BATCHES_KEPT    16
//  References that a frame has while its messages are handed over: more than it can have messages.
#define HANDED_OVER     (UINT_MAX / 2)

struct hub_bytes {
    atomic_uint refs;
    size_t size;
    uint8_t data[];
};

static hub_bytes_t *bytes_of(const void *data)
{
    return (hub_bytes_t *) ((uintptr_t) data - offsetof(hub_bytes_t, data));
}

void *hub_bytes_alloc(hub_t *self, size_t size)
{
    if (size == BATCH_SIZE && self->batches.count)
        return ((hub_bytes_t *) self->batches.items[--self->batches.count])->data;
    hub_bytes_t *bytes = malloc(sizeof *bytes + size);
    if (!bytes)
        return NULL;
    atomic_init(&bytes->refs, 1);
    bytes->size = size;
    return bytes->data;
}

static void unref(hub_bytes_t *bytes)
{
    if (atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel) == 1)
        free(bytes);
}

void hub_bytes_release(hub_t *self, void *data)
{
    hub_bytes_t *bytes = bytes_of(data);
    if (bytes->size == BATCH_SIZE && self->batches.count < BATCHES_KEPT
            && atomic_load_explicit(&bytes->refs, memory_order_acquire) == 1)
        hub_list_push(&self->batches, bytes);
    else
        unref(bytes);
}

//  From libzmq's I/O thread
static void sent(void *data, void *hint)
{
    (void) data;
    unref(hint);
}

bool hub_bytes_message(zmq_msg_t *msg, const void *data, size_t size, bool kept)
{
    if (!kept || size < SHARE_FROM) {
        if (zmq_msg_init_size(msg, size))
            return false;
        if (size)
            memcpy(zmq_msg_data(msg), data, size);
        return true;
    }
    hub_bytes_t *bytes = bytes_of(data);
    if (zmq_msg_init_data(msg, bytes->data, size, sent, bytes))
        return false;
    atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
    return true;
}

//  Shared by the peer and what libzmq has not written yet, which may outlive the peer.
struct hub_held {
    atomic_size_t size;
    atomic_uint refs;
};

typedef struct {
    hub_held_t *held;
    size_t size;
    uint8_t data[];
} held_message_t;

void hub_held_release(hub_held_t *self)
{
    if (self && atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) == 1)
        free(self);
}

size_t hub_held_size(const hub_held_t *self)
{
    return self ? atomic_load_explicit(&self->size, memory_order_relaxed) : 0;
}

//  From libzmq's I/O thread
static void written(void *data, void *hint)
{
    held_message_t *message = hint;
    (void) data;
    atomic_fetch_sub_explicit(&message->held->size, message->size, memory_order_relaxed);
    hub_held_release(message->held);
    free(message);
}

static hub_held_t *held_new(void)
{
    hub_held_t *self = malloc(sizeof *self);
    if (self) {
        atomic_init(&self->size, 0);
        atomic_init(&self->refs, 1);
    }
    return self;
}

bool hub_held_message(zmq_msg_t *msg, const void *data, size_t size, hub_held_t **held_p)
{
    if (!*held_p && !(*held_p = held_new()))
        return false;
    held_message_t *message = malloc(sizeof *message + size);
    if (!message)
        return false;
    message->held = *held_p;
    message->size = sizeof *message + size;
    if (size)
        memcpy(message->data, data, size);
    if (zmq_msg_init_data(msg, message->data, size, written, message)) {
        free(message);
        return false;
    }
    atomic_fetch_add_explicit(&message->held->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&message->held->size, message->size, memory_order_relaxed);
    return true;
}

hub_frame_t *hub_frame_spare(hub_t *self)
{
    if (self->spare && atomic_load_explicit(&self->spare->refs, memory_order_acquire) == 1)
        return self->spare;
    hub_frame_t *frame = malloc(sizeof *frame);
    if (!frame)
        return NULL;
    atomic_init(&frame->refs, 1);
    frame->held = 0;
    zmq_msg_init(&frame->msg);
    if (self->spare)
        hub_frame_release(self->spare);
    self->spare = frame;
    return frame;
}

void hub_frame_begin(hub_frame_t *self)
{
    self->held = 0;
    atomic_fetch_add_explicit(&self->refs, HANDED_OVER, memory_order_relaxed);
}

static void give_back(hub_frame_t *self, unsigned count)
{
    if (atomic_fetch_sub_explicit(&self->refs, count, memory_order_acq_rel) != count)
        return;
    zmq_msg_close(&self->msg);
    free(self);
}

void hub_frame_end(hub_frame_t *self)
{
    give_back(self, HANDED_OVER - self->held);
}

void hub_frame_hold(hub_frame_t *self)
{
    self->held++;
}

int64_t hub_frame_time(const hub_frame_t *self)
{
    return self->came;
}

void hub_frame_release(hub_frame_t *self)
{
    give_back(self, 1);
}

int hub_frame_opening(hub_frame_t *self)
{
    const uint8_t *data = hub_frame_data(self);
    if (hub_frame_size(self) < 5 || (data[0] & 0xf0) != 0x90 || data[2] < WIRE_HELLO
            || data[2] > WIRE_WHO || data[2] == WIRE_BYE)
        return 0;
    return data[2];
}

int hub_frame_only(hub_frame_t *self, wire_msg_t *msg)
{
    wire_reader_t at = wire_reader(hub_frame_data(self), hub_frame_size(self));
    int rc = wire_msg_next(&at, msg);
    return rc == 0 && at.at != at.end ? WIRE_E_MALFORMED : rc;
}
