//  test_topic_check - what must be true of topics at any time, seen from inside

#ifndef TEST_TOPIC_CHECK_H
#define TEST_TOPIC_CHECK_H

#include "test_topic_fixture.h"

#include "topic_keep.h"
#include "topic_parcel.h"
#include "topic_session.h"
#include "topic_state.h"

static inline void check_queue(const topic_sub_t *sub)
{
    size_t bytes = 0;
    for (size_t i = 0; i < sub->queue.count; i++) {
        const topic_message_t *message = topic_queue_at(&sub->queue, i)->message;
        bytes += message->size;
        assert_true(message->queued > 0 && message->refs >= message->queued);
        assert_true(message->expires >= sub->queue.soonest);
    }
    assert_int_equal(bytes, sub->queue.bytes);
    //  Somebody will look at it again: when something is consumed, or when the link has room.
    if (sub->queue.count && !sub->session->dead && sub->told - sub->consumed < sub->window)
        assert_true(sub->session->blocked && !topic_list_empty(&sub->waiting));
}

static inline void check_sub(const topics_t *self, const topic_sub_t *sub)
{
    const topic_run_t *peers = sub->group ? &sub->group->members : &sub->pattern->subs;
    assert_ptr_equal(topic_sub_find(self, sub->session->number, sub->number), sub);
    assert_ptr_equal(peers->items[sub->place], sub);
    assert_ptr_equal(sub->pattern->node->value, sub->pattern);
    assert_true(sub->consumed <= sub->told);
    check_queue(sub);
}

static inline void check_topic(const topics_t *self, const topic_t *topic)
{
    assert_ptr_equal(topic_keep_find(self, (wire_str_t) { topic->name, topic->size }), topic);
    assert_ptr_equal(topic->node->value, topic);
    assert_int_equal(topic->retained != NULL, topic->retained_node != NULL);
    assert_true(topic->retained || !topic_list_empty(&topic->recent));
    assert_true(topic->count <= TOPICS_HISTORY);
    uint64_t seq = 0;
    for (size_t i = 0; i < topic->count; i++) {
        const topic_message_t *message = topic->ring[(topic->first + i) & (topic->capacity - 1)];
        assert_true(message->seq > seq && message->seq <= topic->seq);
        seq = message->seq;
    }
}

static inline size_t parcels_of(const topics_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->timers.timers.count; i++) {
        topic_timer_t *timer = self->timers.timers.items[i];
        bool expiry = false;
        for (size_t j = 0; j < self->topics.capacity; j++) {
            const topic_t *topic = self->topics.entries[j].value;
            expiry |= topic && &topic->expiry == timer;
        }
        bytes += expiry ? 0 : TOPIC_OF(timer, topic_parcel_t, timer)->cost;
    }
    for (size_t i = 0; i < self->sessions.capacity; i++) {
        const topic_session_t *session = self->sessions.entries[i].value;
        bytes += session && session->will ? session->will->cost : 0;
    }
    return bytes;
}

//  What is known of messages that wait: each entry, and each message once.
static inline size_t queues_of(const topics_t *self)
{
    double bytes = 0;
    for (size_t i = 0; i < self->subs.capacity; i++) {
        const topic_sub_t *sub = self->subs.entries[i].value;
        for (size_t j = 0; sub && j < sub->queue.count; j++) {
            const topic_message_t *message = topic_queue_at(&sub->queue, j)->message;
            bytes += sizeof(topic_entry_t) + (double) topic_message_cost(message) / message->queued;
        }
    }
    return (size_t) (bytes + 0.5);
}

static inline void check_topics(const topics_t *self)
{
    size_t history = 0, retained = 0, subs = 0;
    for (size_t i = 0; i < self->topics.capacity; i++) {
        const topic_t *topic = self->topics.entries[i].value;
        if (!topic)
            continue;
        check_topic(self, topic);
        history += topic_list_empty(&topic->recent) ? 0 : topic->bytes;
        retained += topic->retained != NULL;
    }
    for (size_t i = 0; i < self->subs.capacity; i++) {
        const topic_sub_t *sub = self->subs.entries[i].value;
        if (sub)
            check_sub(self, sub);
        subs += sub != NULL;
    }
    assert_int_equal(history, self->history_bytes);
    assert_int_equal(retained, self->retained_count);
    assert_int_equal(subs, self->subs.count);
    assert_int_equal(parcels_of(self) + queues_of(self), self->queue_bytes);
    assert_true(self->history_bytes <= self->config.history_bytes);
    assert_true(self->retained_bytes <= self->config.retained_bytes);
}

#endif
