//  topic_keep - what is remembered of topics: their numbers, the retained value, the last message or more
//
//  Of each topic the last message is kept, and where somebody asked for a history, up to TOPICS_HISTORY of them or
//  TOPICS_HISTORY_BYTES. All histories together have config.history_bytes: the topic that was longest unused gives its own
//  up, and is forgotten unless it has a retained value. A forgotten topic that is used again goes on counting behind the
//  highest number of any that was forgotten: numbers never repeat, and one number remembers all of them.

#ifndef TOPIC_KEEP_H
#define TOPIC_KEEP_H

#include "topic_state.h"

//  Which of the kept messages somebody wants to have again, of each topic.
typedef struct {
    bool any;                   //  A history at all
    uint64_t last;              //  So many at most
    int64_t since;              //  Published at this time (wall) or later
    uint64_t seq;               //  From this number on; 0: whatever
} topic_wish_t;

//  What comes of it, in the order in which it was published.
typedef struct {
    topic_entry_t *entries;     //  Without references: good until the next message or tick
    size_t count, capacity;
    size_t bytes, cost;         //  Of their fields; what they would take in the queues
    uint64_t missed;            //  From wish.seq on, but not kept any more
    size_t steps;               //  Topics and messages that may still be looked at; 0: there are too many, some are missing
    bool failed;                //  No memory
} topic_replay_t;

//  NULL when it is not known.
topic_t *topic_keep_find(const topics_t *self, wire_str_t name);

//  Known from now on. NULL: no memory.
topic_t *topic_keep_open(topics_t *self, wire_str_t name);

//  What `message` would need as the retained value of the topic: 0, WIRE_E_FULL or WIRE_E_NO_MEMORY.
int  topic_keep_check(topics_t *self, const topic_t *topic, const topic_message_t *message);

//  After a check that was 0: it is retained, or, with a value of nil, nothing is.
void topic_keep_retain(topics_t *self, topic_t *topic, topic_message_t *message);

void topic_keep_clear(topics_t *self, topic_t *topic);

//  The topic's next message was published.
void topic_keep_add(topics_t *self, topic_t *topic, topic_message_t *message);

//  What memory the topic takes has changed by so much.
void topic_keep_charge(topics_t *self, topic_t *topic, size_t more);

//  Give up what is too much. Topics may be gone afterwards.
void topic_keep_trim(topics_t *self);

//  The topics that the pattern meets keep a history from now on; a topic's own name makes it known. 0, WIRE_E_NO_MEMORY, or
//  WIRE_E_FULL: it meets more topics than may be looked at, and nothing has changed.
int topic_keep_want(topics_t *self, wire_str_t pattern);

//  At most TOPICS_LOOK topics and messages are looked at.
void topic_keep_replay(topics_t *self, wire_str_t pattern, const topic_wish_t *wish, topic_replay_t *out);
void topic_keep_replay_free(topic_replay_t *replay);

void topic_keep_free(topics_t *self);

#endif
