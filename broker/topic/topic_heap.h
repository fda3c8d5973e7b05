//  topic_heap - what is due when: the soonest first, and among equals whoever was set first

#ifndef TOPIC_HEAP_H
#define TOPIC_HEAP_H

#include "topic_run.h"

#include <stdint.h>

typedef struct topic_timer {
    int64_t due;
    uint64_t order;
    size_t place;               //  From 1; 0: not set
    void (*fire)(void *arg, struct topic_timer *timer);     //  It is not set any more then
} topic_timer_t;

typedef struct {
    topic_run_t timers;
    uint64_t orders;
} topic_heap_t;

//  Room for one more, so that a following set cannot fail. False: no memory.
bool topic_heap_reserve(topic_heap_t *self);
void topic_heap_set(topic_heap_t *self, topic_timer_t *timer, int64_t due);

//  Nothing happens when it is not set.
void topic_heap_cancel(topic_heap_t *self, topic_timer_t *timer);

//  NULL when none is set.
topic_timer_t *topic_heap_first(const topic_heap_t *self);

#endif
