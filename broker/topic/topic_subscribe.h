//  topic_subscribe - a new subscription, and what it gets of the past

#ifndef TOPIC_SUBSCRIBE_H
#define TOPIC_SUBSCRIBE_H

#include "topic_keep.h"
#include "topic_options.h"

//  0: the subscription stands in *out and is told nothing yet, `replay` is what it is to get first. Else an error, text
//  says which, and nothing has changed.
int topic_subscribe(topics_t *self, const topics_op_t *op, wire_str_t pattern, const topic_subscribe_options_t *options,
                    topic_sub_t **out, topic_replay_t *replay, char *text);

//  Tell it the past; the replay is freed.
void topic_subscribe_replay(topics_t *self, topic_sub_t *sub, topic_replay_t *replay);

#endif
