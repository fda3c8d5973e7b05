//  topic_parcel - a draft with bytes of its own, for later

#ifndef TOPIC_PARCEL_H
#define TOPIC_PARCEL_H

#include "topic_heap.h"
#include "topic_message.h"

typedef struct topic_parcel {
    topic_draft_t draft;        //  Points into `bytes`
    int64_t delay;              //  ms from now, or from the event that it waits for
    topic_timer_t timer;
    size_t cost;                //  Memory that it takes
    uint8_t bytes[];
} topic_parcel_t;

size_t topic_parcel_cost(const topic_draft_t *draft);

//  NULL: no memory. free() ends it.
topic_parcel_t *topic_parcel_new(const topic_draft_t *draft, int64_t delay);

#endif
