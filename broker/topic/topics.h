//  topics - publish and subscribe in one broker, without a socket, a clock or a thread
//
//  Three layers, each a file that knows only the one below by a small interface:
//
//      topic_match     which subscriptions does a topic meet? (a trie of words; "*" one word, ">" the rest, at least one)
//      topic_route     which of those get this message? (queue groups: one of the group; content filters; not expired)
//      topic_deliver   when and how does it leave? (numbers, windows, queues with bounds and a policy, gaps)
//
//  and beside them topic_keep (retained values, bounded history per topic), topic_later (delayed messages), topic_will.
//
//  A **topic** is words joined by dots, 1..WIRE_MAX_NAME bytes, no empty word; "*" and ">" are words only of patterns. What
//  begins with "$" is the broker's to publish, and is met only by patterns that begin with that word.
//  Order: what one publisher says on whatever topics arrives in that order at each subscription; all subscriptions see two
//  messages of one topic in the same order. Each message has its topic's `seq`, from 1 without gaps.
//
//  Pure; everything is decided by the arguments.

#ifndef TOPICS_H
#define TOPICS_H

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"
#include "wire_types.h"

typedef struct topics topics_t;

#define TOPICS_WINDOW       4096            //  Messages under way to a subscriber that did not say another number
#define TOPICS_QUEUE        16384           //  Messages, and
#define TOPICS_QUEUE_BYTES  (4u << 20)      //  bytes that wait for a subscription in the broker
#define TOPICS_HISTORY      1024            //  Messages kept per topic at most; they are kept as soon as anybody asks for a history there
#define TOPICS_HISTORY_BYTES (1u << 20)

//  Flags of TOPIC
#define TOPIC_RETAINED  1u                  //  It was kept, not published just now
#define TOPIC_REPLAYED  2u                  //  From the history
#define TOPIC_WILL      4u

typedef struct {
    size_t session_subs;        //  Subscriptions of a session; 0: 65,536
    size_t retained_bytes;      //  Of all retained values; 0: 64 MiB
    size_t history_bytes;       //  Of all histories; 0: 256 MiB
    size_t delayed;             //  Delayed messages; 0: 65,536
    size_t queue_bytes;         //  Of all queues; 0: 1 GiB
    uint64_t seed;              //  For hashes
} topics_config_t;

typedef struct {
    void (*answer)(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count);
    void (*deny)(void *arg, uint64_t session, uint64_t request, int code, const char *text);
    //  One TOPIC message for a session: its fields (10 of them). 0, or WIRE_E_FULL: not now (call topics_room when there is
    //  room), or another code: never (the session is ending).
    int (*tell)(void *arg, uint64_t session, const void *fields, size_t size);
    //  A subscriber with policy "disconnect" is too slow: end its session, after this call.
    void (*slow)(void *arg, uint64_t session);
} topics_output_t;

typedef struct {
    uint64_t session, request;  //  request 0: nobody wants to know
    wire_str_t publisher;       //  The process id of the session
    wire_type_t type;           //  PUBLISH SUBSCRIBE UNSUBSCRIBE CONSUMED WILL TOPICS
    int64_t now;                //  ms, monotonic
    int64_t wall;               //  ms since 1970, for the `time` of messages
    uint32_t count;
    wire_reader_t fields;       //  Scanned before
} topics_op_t;

topics_t *topics_new(const topics_config_t *config, const topics_output_t *output, void *arg);
void topics_destroy(topics_t **self_p);

//  One operation: one answer or denial (unless request is 0). 0, or WIRE_E_MALFORMED.
int topics_apply(topics_t *self, const topics_op_t *op);

//  The broker itself publishes (presence): value is one packed value. Retained when asked.
void topics_publish(topics_t *self, const char *topic, const void *value, size_t size, bool retain, int64_t now, int64_t wall);

//  A session has ended; its subscriptions go; orderly: its will is dropped, else published.
void topics_session_end(topics_t *self, uint64_t session, bool orderly, int64_t now, int64_t wall);

//  The link of a session that was FULL has room again.
void topics_room(topics_t *self, uint64_t session);

//  Delayed messages, expired ones. due: -1: never.
void    topics_tick(topics_t *self, int64_t now, int64_t wall);
int64_t topics_due(const topics_t *self);

//  Counters as pairs for STAT.
uint32_t topics_stat(const topics_t *self, wire_buf_t *out);

#endif
