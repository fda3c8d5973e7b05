//  topic_publish - one message into its topic: numbered, kept, and out to whoever it is for

#ifndef TOPIC_PUBLISH_H
#define TOPIC_PUBLISH_H

#include "topic_state.h"

//  All or nothing: 0 and *receivers (NULL: nobody wants to know) subscriptions have it, or will; or WIRE_E_FULL, and with
//  `text` the reason, or WIRE_E_NO_MEMORY. A draft that is not `heard` is refused for want of memory only: a full queue with
//  policy "refuse" then misses it, and what cannot be retained leaves nothing retained.
int topic_publish(topics_t *self, const topic_draft_t *draft, uint64_t *receivers, const char **text);

#endif
