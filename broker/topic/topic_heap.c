//  topic_heap - what is due when

#include "topic_heap.h"

static topic_timer_t *timer_at(const topic_heap_t *self, size_t place)
{
    return self->timers.items[place - 1];
}

static void settle(topic_heap_t *self, topic_timer_t *timer, size_t place)
{
    self->timers.items[place - 1] = timer;
    timer->place = place;
}

static bool before(const topic_timer_t *a, const topic_timer_t *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void rise(topic_heap_t *self, topic_timer_t *timer, size_t place)
{
    while (place > 1 && before(timer, timer_at(self, place / 2))) {
        settle(self, timer_at(self, place / 2), place);
        place /= 2;
    }
    settle(self, timer, place);
}

static void sink(topic_heap_t *self, topic_timer_t *timer, size_t place)
{
    size_t count = self->timers.count;
    for (size_t child; (child = 2 * place) <= count; place = child) {
        if (child < count && before(timer_at(self, child + 1), timer_at(self, child)))
            child++;
        if (!before(timer_at(self, child), timer))
            break;
        settle(self, timer_at(self, child), place);
    }
    settle(self, timer, place);
}

bool topic_heap_reserve(topic_heap_t *self)
{
    return topic_run_reserve(&self->timers);
}

void topic_heap_set(topic_heap_t *self, topic_timer_t *timer, int64_t due)
{
    timer->due = due;
    timer->order = ++self->orders;
    topic_run_add(&self->timers, timer);
    rise(self, timer, self->timers.count);
}

void topic_heap_cancel(topic_heap_t *self, topic_timer_t *timer)
{
    if (timer->place == 0)
        return;
    size_t place = timer->place;
    topic_timer_t *last = timer_at(self, self->timers.count--);
    timer->place = 0;
    if (last == timer)
        return;
    rise(self, last, place);
    sink(self, last, last->place);
}

topic_timer_t *topic_heap_first(const topic_heap_t *self)
{
    return self->timers.count ? timer_at(self, 1) : NULL;
}
