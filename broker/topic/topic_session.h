//  topic_session - who has subscriptions or a will here, and the subscriptions by number

#ifndef TOPIC_SESSION_H
#define TOPIC_SESSION_H

#include "topic_state.h"

//  NULL: it has nothing here.
topic_session_t *topic_session_find(const topics_t *self, uint64_t number);

//  The record of the session that asked, made if needed. NULL: no memory.
topic_session_t *topic_session_open(topics_t *self, const topics_op_t *op);

//  A subscription of the session without a place yet; the caller fills in the rest. NULL: no memory.
topic_sub_t *topic_sub_new(topics_t *self, topic_session_t *session);

//  NULL: none, or another session's.
topic_sub_t *topic_sub_find(const topics_t *self, uint64_t session, uint64_t number);

//  It has a place (pattern) or has none; its filter goes with it.
void topic_sub_destroy(topics_t *self, topic_sub_t *sub);

void topic_session_end(topics_t *self, topic_session_t *session, bool orderly);

//  As topics_review.
size_t topic_session_review(topics_t *self, topic_session_t *session, bool (*may)(void *arg, bool sub, wire_str_t name),
                            void *arg);

//  Without any last words.
void topic_session_free(topics_t *self);

#endif
