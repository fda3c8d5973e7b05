//  topic_ask - the operations as they stand in messages

#ifndef TOPIC_ASK_H
#define TOPIC_ASK_H

#include "topic_state.h"

//  See topics_apply; the time has been noted.
int topic_ask(topics_t *self, const topics_op_t *op);

#endif
