//  topic_route - which subscriptions get this message?
//
//  Of each pattern that the topic meets: those without a group, and one member of each group, the one with the most free
//  window, by turns among equals; whoever's filter does not pass is not there. Knows who subscribed, never when things leave.

#ifndef TOPIC_ROUTE_H
#define TOPIC_ROUTE_H

#include "topic_state.h"

//  Put a subscription under its pattern and, unless the name is empty, group. False: no memory, nothing changed.
bool topic_route_enter(topics_t *self, topic_sub_t *sub, wire_str_t pattern, wire_str_t group);

//  Take it out; what waited for it goes to the others of its group.
void topic_route_leave(topics_t *self, topic_sub_t *sub);

//  Self->targets are the subscriptions that the message is for. False: no memory.
bool topic_route_targets(topics_t *self, topic_t *topic, topic_message_t *message);

//  Whether the subscription's filter lets it pass.
bool topic_route_passes(topics_t *self, const topic_sub_t *sub, const topic_message_t *message);

#endif
