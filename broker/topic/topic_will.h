//  topic_will - what a session wants to be said should it die

#ifndef TOPIC_WILL_H
#define TOPIC_WILL_H

#include "topic_parcel.h"
#include "topic_state.h"

//  The draft takes the place of an earlier will. `delay`: ms between the death and the message. 0, WIRE_E_FULL (the old one
//  stays) or WIRE_E_NO_MEMORY.
int topic_will_set(topics_t *self, topic_session_t *session, const topic_draft_t *draft, int64_t delay);

void topic_will_drop(topics_t *self, topic_session_t *session);

//  The session has died.
void topic_will_publish(topics_t *self, topic_session_t *session);

#endif
