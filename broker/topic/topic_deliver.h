//  topic_deliver - when and how does a message leave for one subscription?
//
//      published --> [window open, nothing waits, link has room] --> told
//               \--> queue --(consumed, room)--> told
//                \--> policy: dropped and counted, or the session is too slow
//
//  told + missed + what waits + what expired while it waited = what was routed here.

#ifndef TOPIC_DELIVER_H
#define TOPIC_DELIVER_H

#include "topic_state.h"

//  Tell it, or let it wait, or do what the policy says. False: the subscription will not have it. "refuse" drops the
//  newest here: who can be refused looks first.
bool topic_deliver(topics_t *self, topic_sub_t *sub, topic_message_t *message, uint32_t flags);

//  Whether the message would find neither an open way nor a place in the queue.
bool topic_deliver_full(topics_t *self, topic_sub_t *sub, const topic_message_t *message);

//  How many more it could be told at once; below 0: so many wait beyond that.
int64_t topic_deliver_free(const topic_sub_t *sub);

//  So many were lost before its first message (a history that does not reach back so far).
void topic_deliver_missed(topics_t *self, topic_sub_t *sub, uint64_t missed);

//  Something may have changed: tell what can be told.
void topic_deliver_pump(topics_t *self, topic_sub_t *sub);

//  Gaps that nothing followed. due: -1: none.
void    topic_deliver_tick(topics_t *self);
int64_t topic_deliver_due(const topics_t *self);

#endif
