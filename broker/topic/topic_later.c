//  topic_later - what is published at a later time

#include "topic_later.h"

#include "topic_publish.h"

static void publish_parcel(topics_t *self, topic_parcel_t *parcel)
{
    self->queue_bytes -= parcel->cost;
    topic_publish(self, &parcel->draft, NULL, NULL);
    free(parcel);
}

static void fire(void *arg, topic_timer_t *timer)
{
    topics_t *self = arg;
    self->delayed--;
    publish_parcel(self, TOPIC_OF(timer, topic_parcel_t, timer));
}

static void wait(topics_t *self, topic_parcel_t *parcel)
{
    int64_t due = parcel->delay < INT64_MAX - self->now ? self->now + parcel->delay : INT64_MAX;
    parcel->timer.fire = fire;
    parcel->draft.heard = false;
    self->delayed++;
    topic_heap_set(&self->timers, &parcel->timer, due);
}

bool topic_later_fits(const topics_t *self, const topic_draft_t *draft)
{
    return self->queue_bytes + topic_parcel_cost(draft) <= self->config.queue_bytes;
}

int topic_later(topics_t *self, const topic_draft_t *draft, int64_t delay)
{
    if (self->delayed >= self->config.delayed || !topic_later_fits(self, draft))
        return WIRE_E_FULL;
    topic_parcel_t *parcel = topic_heap_reserve(&self->timers) ? topic_parcel_new(draft, delay) : NULL;
    if (!parcel)
        return WIRE_E_NO_MEMORY;
    self->queue_bytes += parcel->cost;
    wait(self, parcel);
    return 0;
}

void topic_later_parcel(topics_t *self, topic_parcel_t *parcel)
{
    parcel->draft.heard = false;
    if (parcel->delay && topic_heap_reserve(&self->timers))
        wait(self, parcel);
    else
        publish_parcel(self, parcel);
}

void topic_later_tick(topics_t *self)
{
    topic_timer_t *first;
    while ((first = topic_heap_first(&self->timers)) && first->due <= self->now) {
        topic_heap_cancel(&self->timers, first);
        first->fire(self, first);
    }
}

void topic_later_free(topics_t *self)
{
    topic_timer_t *first;
    while ((first = topic_heap_first(&self->timers))) {
        topic_heap_cancel(&self->timers, first);
        if (first->fire == fire)
            free(TOPIC_OF(first, topic_parcel_t, timer));
    }
    topic_run_free(&self->timers.timers);
}
