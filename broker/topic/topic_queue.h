//  topic_queue - messages that wait for one subscription, in order, and the gaps between them

#ifndef TOPIC_QUEUE_H
#define TOPIC_QUEUE_H

#include "topic_message.h"

typedef struct {
    topic_message_t *message;
    uint64_t missed;            //  Dropped right before it
    uint32_t flags;             //  Of this delivery; WIRE_TOPIC_CAUSES are those of `missed`
} topic_entry_t;

typedef struct {
    topic_entry_t *ring;
    size_t first, count, capacity;      //  capacity is 0 or a power of two
    size_t bytes;               //  Of their fields
    int64_t soonest;            //  None expires before this
} topic_queue_t;

static inline topic_entry_t *topic_queue_at(const topic_queue_t *self, size_t i)
{
    return &self->ring[(self->first + i) & (self->capacity - 1)];
}

//  Put behind the others, with a reference of its own. `total` is what all queues take: a message that waits in several
//  counts once. False: no memory.
bool topic_queue_push(topic_queue_t *self, topic_entry_t entry, size_t *total);

//  Without its first, which there is.
void topic_queue_pop(topic_queue_t *self, size_t *total);

//  What a push of this message would add to `total`.
size_t topic_queue_cost(const topic_message_t *message);

//  Without those that are over; the gaps before them go to whoever follows, or to *behind and its *causes. Returns how many.
size_t topic_queue_sweep(topic_queue_t *self, int64_t now, uint64_t *behind, uint32_t *causes, size_t *total);

//  In the order of their stamps.
void topic_queue_sort(topic_queue_t *self);

void topic_queue_free(topic_queue_t *self, size_t *total);

#endif
