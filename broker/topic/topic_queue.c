//  topic_queue - messages that wait for one subscription

#include "topic_queue.h"

#include <stdlib.h>

#define FIRST_CAPACITY  8
#define IDLE_CAPACITY   64      //  An empty queue gives back what is more

static bool grow(topic_queue_t *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : FIRST_CAPACITY;
    topic_entry_t *ring = malloc(capacity * sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < self->count; i++)
        ring[i] = *topic_queue_at(self, i);
    free(self->ring);
    self->ring = ring;
    self->first = 0;
    self->capacity = capacity;
    return true;
}

size_t topic_queue_cost(const topic_message_t *message)
{
    return sizeof(topic_entry_t) + (message->queued ? 0 : topic_message_cost(message));
}

bool topic_queue_push(topic_queue_t *self, topic_entry_t entry, size_t *total)
{
    if (self->count == self->capacity && !grow(self))
        return false;
    *total += topic_queue_cost(entry.message);
    entry.message->queued++;
    if (self->count == 0 || entry.message->expires < self->soonest)
        self->soonest = entry.message->expires;
    self->bytes += entry.message->size;
    topic_message_share(entry.message);
    *topic_queue_at(self, self->count++) = entry;
    return true;
}

static void let_go(topic_queue_t *self, topic_message_t *message, size_t *total)
{
    self->bytes -= message->size;
    message->queued--;
    *total -= topic_queue_cost(message);
    topic_message_release(message);
}

static void shrink(topic_queue_t *self)
{
    if (self->count || self->capacity <= IDLE_CAPACITY)
        return;
    free(self->ring);
    self->ring = NULL;
    self->first = self->capacity = 0;
}

void topic_queue_pop(topic_queue_t *self, size_t *total)
{
    let_go(self, topic_queue_at(self, 0)->message, total);
    self->first = (self->first + 1) & (self->capacity - 1);
    self->count--;
    shrink(self);
}

size_t topic_queue_sweep(topic_queue_t *self, int64_t now, uint64_t *behind, uint32_t *causes, size_t *total)
{
    size_t kept = 0, count = self->count;
    uint64_t missed = 0;
    uint32_t why = 0;
    self->soonest = TOPIC_FOREVER;
    for (size_t i = 0; i < count; i++) {
        topic_entry_t entry = *topic_queue_at(self, i);
        entry.missed += missed;
        entry.flags |= why;
        bool over = topic_message_expired(entry.message, now);
        missed = over ? entry.missed : 0;
        why = over ? entry.flags & WIRE_TOPIC_CAUSES : 0;
        if (over) {
            let_go(self, entry.message, total);
            continue;
        }
        if (entry.message->expires < self->soonest)
            self->soonest = entry.message->expires;
        *topic_queue_at(self, kept++) = entry;
    }
    *behind += missed;
    *causes |= why;
    self->count = kept;
    shrink(self);
    return count - kept;
}

static int by_stamp(const void *a, const void *b)
{
    uint64_t left = ((const topic_entry_t *) a)->message->stamp, right = ((const topic_entry_t *) b)->message->stamp;
    return (left > right) - (left < right);
}

static void reverse(topic_entry_t *ring, size_t from, size_t to)
{
    for (; from + 1 < to; from++, to--) {
        topic_entry_t entry = ring[from];
        ring[from] = ring[to - 1];
        ring[to - 1] = entry;
    }
}

//  Turned, so that the first stands at 0.
static void straighten(topic_queue_t *self)
{
    reverse(self->ring, 0, self->first);
    reverse(self->ring, self->first, self->capacity);
    reverse(self->ring, 0, self->capacity);
    self->first = 0;
}

void topic_queue_sort(topic_queue_t *self)
{
    if (self->count < 2)
        return;
    straighten(self);
    qsort(self->ring, self->count, sizeof *self->ring, by_stamp);
}

void topic_queue_free(topic_queue_t *self, size_t *total)
{
    while (self->count)
        topic_queue_pop(self, total);
    free(self->ring);
    *self = (topic_queue_t) { .ring = NULL };
}
