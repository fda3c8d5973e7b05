//  topic_deliver - when and how does a message leave for one subscription?

#include "topic_deliver.h"

//  ---- Telling -------------------------------------------------------------

static bool window_open(const topic_sub_t *sub)
{
    return sub->told - sub->consumed < sub->window;
}

static bool ready(const topic_sub_t *sub)
{
    return !sub->session->blocked && !sub->session->dead && window_open(sub);
}

static bool say(topics_t *self, topic_session_t *session, uint8_t *fields, size_t size)
{
    int rc = self->output.tell(self->arg, session->number, fields, size);
    if (rc == WIRE_E_FULL)
        session->blocked = true;
    else if (rc)
        session->dead = true;
    return rc == 0;
}

static bool tell(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint64_t missed, uint32_t flags)
{
    topic_message_address(message, sub->number, sub->told + 1, missed, flags);
    if (!say(self, sub->session, message->fields, message->size))
        return false;
    sub->told++;
    self->counters.told++;
    return true;
}

//  ---- Gaps ----------------------------------------------------------------

//  All wait equally long, so the list is in order of time.
static void expect_gap(topics_t *self, topic_sub_t *sub)
{
    if (sub->missed == 0 || sub->queue.count || !topic_list_empty(&sub->gap))
        return;
    sub->gap_due = self->now + TOPICS_GAP;
    topic_list_append(&self->gaps, &sub->gap);
}

static void gap_is_told(topic_sub_t *sub)
{
    sub->missed = 0;
    sub->causes = 0;
    topic_list_remove(&sub->gap);
}

//  A TOPIC without a message. It takes no place in the window, so it is said only while there is one.
static void tell_gap(topics_t *self, topic_sub_t *sub)
{
    static const uint8_t nobody[] = { 0xc0, 0xc0, 0x00 };   //  topic, publisher, seq
    const uint8_t nothing[] = { (uint8_t) (WIRE_TOPIC_GAP | sub->causes), 0xc0, 0xc0 };    //  flags, reply, value
    uint8_t room[TOPICS_HEAD + TOPIC_FRONT + sizeof nobody + 9 + sizeof nothing], *fields = room + TOPICS_HEAD;
    wire_buf_t out = { fields, 0, sizeof room - TOPICS_HEAD, false };
    topic_message_front(fields, sub->number, sub->told, sub->missed);
    out.size = TOPIC_FRONT;
    wire_buf_append(&out, nobody, sizeof nobody);
    wire_put_int(&out, self->wall);
    wire_buf_append(&out, nothing, sizeof nothing);
    if (!say(self, sub->session, fields, out.size))
        return;
    self->counters.gaps++;
    gap_is_told(sub);
}

void topic_deliver_tick(topics_t *self)
{
    while (!topic_list_empty(&self->gaps)) {
        topic_sub_t *sub = TOPIC_OF(self->gaps.next, topic_sub_t, gap);
        if (sub->gap_due > self->now)
            break;
        topic_list_remove(&sub->gap);
        if (ready(sub))
            tell_gap(self, sub);
        if (sub->session->blocked)
            topic_list_append(&sub->session->waiting, &sub->waiting);
    }
}

int64_t topic_deliver_due(const topics_t *self)
{
    return topic_list_empty(&self->gaps) ? -1 : TOPIC_OF(self->gaps.next, const topic_sub_t, gap)->gap_due;
}

void topic_deliver_missed(topics_t *self, topic_sub_t *sub, uint64_t missed)
{
    sub->missed += missed;
    sub->causes |= WIRE_TOPIC_FORGOTTEN;
    expect_gap(self, sub);
}

//  ---- The queue -----------------------------------------------------------

//  Missed before what waits first, or will.
static void miss(topic_sub_t *sub, uint64_t missed, uint32_t causes)
{
    topic_entry_t *first = sub->queue.count ? topic_queue_at(&sub->queue, 0) : NULL;
    if (first) {
        first->missed += missed;
        first->flags |= causes;
        return;
    }
    sub->missed += missed;
    sub->causes |= causes;
}

//  The first leaves untold; what was missed before it, and it too if it is dropped, is missed before the next.
static void skip_first(topics_t *self, topic_sub_t *sub, uint64_t dropped)
{
    topic_entry_t first = *topic_queue_at(&sub->queue, 0);
    topic_queue_pop(&sub->queue, &self->queue_bytes);
    miss(sub, first.missed + dropped, (first.flags & WIRE_TOPIC_CAUSES) | (dropped ? WIRE_TOPIC_FULL : 0));
    sub->dropped += dropped;
    self->counters.dropped += dropped;
    self->counters.expired += !dropped;
}

static void drop_newest(topics_t *self, topic_sub_t *sub)
{
    sub->missed++;
    sub->causes |= WIRE_TOPIC_FULL;
    sub->dropped++;
    self->counters.dropped++;
    expect_gap(self, sub);
}

static bool fits_here(const topic_sub_t *sub, const topic_message_t *message)
{
    const topic_queue_t *queue = &sub->queue;
    return queue->count < sub->limit && message->size <= sub->byte_limit && queue->bytes <= sub->byte_limit - message->size;
}

static bool fits_all(const topics_t *self, const topic_message_t *message)
{
    return self->queue_bytes + topic_queue_cost(message) <= self->config.queue_bytes;
}

static void sweep(topics_t *self, topic_sub_t *sub)
{
    if (sub->queue.count == 0 || sub->queue.soonest > self->now)
        return;
    self->counters.expired += topic_queue_sweep(&sub->queue, self->now, &sub->missed, &sub->causes, &self->queue_bytes);
    expect_gap(self, sub);
}

static bool fits(topics_t *self, topic_sub_t *sub, const topic_message_t *message)
{
    if (!fits_here(sub, message) || !fits_all(self, message))
        sweep(self, sub);
    return fits_here(sub, message) && fits_all(self, message);
}

//  Drop from the front until the message fits. Where all queues together are full, as many bytes go as will come: what
//  others hold is not this one's to give.
static bool make_room(topics_t *self, topic_sub_t *sub, const topic_message_t *message)
{
    if (sub->limit == 0 || message->size > sub->byte_limit)
        return false;
    while (!fits_here(sub, message))
        skip_first(self, sub, 1);
    size_t freed = 0;
    while (!fits_all(self, message) && freed < message->size && sub->queue.count) {
        freed += topic_queue_at(&sub->queue, 0)->message->size;
        skip_first(self, sub, 1);
    }
    return fits_all(self, message) || freed >= message->size;
}

static void too_slow(topics_t *self, topic_session_t *session)
{
    session->dead = true;
    self->counters.slow++;
    self->output.slow(self->arg, session->number);
}

static bool append(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint32_t flags)
{
    topic_entry_t entry = { message, sub->missed, flags | sub->causes };
    if (!topic_queue_push(&sub->queue, entry, &self->queue_bytes)) {
        drop_newest(self, sub);
        return false;
    }
    gap_is_told(sub);
    if (sub->session->blocked && topic_list_empty(&sub->waiting))
        topic_list_append(&sub->session->waiting, &sub->waiting);
    return true;
}

//  What no longer leaves is kept for a group's others, who get it when the session has ended.
static bool keep_for_others(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint32_t flags)
{
    return sub->group && append(self, sub, message, flags);
}

static bool enqueue(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint32_t flags)
{
    if (fits(self, sub, message))
        return append(self, sub, message, flags);
    if (sub->policy == TOPIC_DISCONNECT) {
        too_slow(self, sub->session);
        return keep_for_others(self, sub, message, flags);
    }
    if (sub->policy == TOPIC_DROP_OLDEST && make_room(self, sub, message))
        return append(self, sub, message, flags);
    drop_newest(self, sub);
    return false;
}

//  ---- In and out ----------------------------------------------------------

bool topic_deliver(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint32_t flags)
{
    if (sub->queue.count == 0 && ready(sub) && tell(self, sub, message, sub->missed, flags | sub->causes)) {
        if (sub->missed)
            gap_is_told(sub);
        return true;
    }
    if (sub->session->dead)
        return keep_for_others(self, sub, message, flags);
    return enqueue(self, sub, message, flags);
}

bool topic_deliver_full(topics_t *self, topic_sub_t *sub, const topic_message_t *message)
{
    return !(sub->queue.count == 0 && ready(sub)) && !fits(self, sub, message);
}

int64_t topic_deliver_free(const topic_sub_t *sub)
{
    return (int64_t) (sub->window - (sub->told - sub->consumed)) - (int64_t) sub->queue.count;
}

static bool tell_first(topics_t *self, topic_sub_t *sub)
{
    topic_entry_t *first = topic_queue_at(&sub->queue, 0);
    if (topic_message_expired(first->message, self->now)) {
        skip_first(self, sub, 0);
        return true;
    }
    if (!tell(self, sub, first->message, first->missed, first->flags))
        return false;
    topic_queue_pop(&sub->queue, &self->queue_bytes);
    return true;
}

void topic_deliver_pump(topics_t *self, topic_sub_t *sub)
{
    while (sub->queue.count && ready(sub) && tell_first(self, sub))
        ;
    expect_gap(self, sub);
    if (sub->queue.count && sub->session->blocked)
        topic_list_append(&sub->session->waiting, &sub->waiting);
}
