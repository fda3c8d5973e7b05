//  topic_stat - what can be seen from outside

#ifndef TOPIC_STAT_H
#define TOPIC_STAT_H

#include "topic_state.h"

//  The two lists of TOPICS, each as long as fits TOPICS_LIST_BYTES: the topics used last, and the sessions' subscriptions.
void topic_stat_list(const topics_t *self, uint64_t session, wire_buf_t *out);

uint32_t topic_stat_put(const topics_t *self, wire_buf_t *out);

#endif
