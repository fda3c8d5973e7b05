//  topic_later - what is published at a later time

#ifndef TOPIC_LATER_H
#define TOPIC_LATER_H

#include "topic_parcel.h"
#include "topic_state.h"

//  Publish a copy when `delay` ms (1 or more) are over. 0, WIRE_E_FULL (too many, or no room) or WIRE_E_NO_MEMORY.
int topic_later(topics_t *self, const topic_draft_t *draft, int64_t delay);

//  The same with a parcel whose cost is in queue_bytes already; always done, and the parcel is no longer the caller's. Without
//  a delay, or without memory to wait in, it is published at once.
void topic_later_parcel(topics_t *self, topic_parcel_t *parcel);

//  Whether a copy of the draft finds room among what waits.
bool topic_later_fits(const topics_t *self, const topic_draft_t *draft);

//  Everything whose time has come, in the order of those times.
void topic_later_tick(topics_t *self);

void topic_later_free(topics_t *self);

#endif
