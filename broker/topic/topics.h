//  topics - publish and subscribe in one broker, without a socket, a clock or a thread
//
//  Three layers, each a file that knows only the one below by a small interface:
//
//      topic_match     which subscriptions does a topic meet? (a trie of words; "*" one word, ">" the rest, at least one)
//      topic_route     which of those get this message? (queue groups: one of the group; content filters)
//      topic_deliver   when and how does it leave? (numbers, windows, queues with bounds and a policy, gaps)
//
//  and beside them topic_keep (retained values, bounded history per topic), topic_later (delayed messages), topic_will.
//
//  A **topic** is words joined by dots, 1..WIRE_MAX_NAME bytes, no empty word; "*" and ">" are words only of patterns. What
//  begins with "$" is the broker's to publish, and is met only by patterns that begin with that word.
//  Order: what one publisher says on whatever topics arrives in that order at each subscription; all subscriptions see two
//  messages of one topic in the same order.
//
//  **seq.** Each message has its topic's number, from 1 without gaps, and no number of a topic ever stands for two messages.
//  A topic that was longest unused is forgotten when the histories take too much (below); used again, it goes on from a
//  number that is higher than any of a forgotten topic, so there may be a step then. A retained value holds its topic.
//
//  **The past.** Of every topic the last message is kept, so `last = 1` finds it whoever asked before. More, TOPICS_HISTORY
//  or TOPICS_HISTORY_BYTES of them, is kept from the moment anybody subscribes with last, since or seq (`last = 0` does it
//  without wanting any): of topics known by then, and of new ones as long as such a subscription lives. All of it is bounded
//  by history_bytes: whole topics go, longest unused first. Messages whose ttl is over are passed over, and no gap.
//  A new subscription gets its answer, then the retained values (WIRE_TOPIC_RETAINED) and the history asked for (WIRE_TOPIC_REPLAYED;
//  a message that is both has both flags and comes once) in the order in which they were published, then what is new, with
//  nothing left out or twice between. Options combine: the last n of those since then. `last` counts for each topic.
//  since: ms since 1970, as the `time` of messages. seq: the first number wanted, of one topic; those lost by now are in the
//  first message's `missed`; a number that the topic has not reached is of another broker's life, and all that is kept comes.
//  What meets more than TOPICS_LOOK topics and messages is denied `full`, so that no look stops the broker's loop.
//  The replay goes through window and queue like all else; where "refuse" or "disconnect" stands and the queue cannot hold
//  all of it, SUBSCRIBE is denied `full`. Members of a group get neither: each message is for one of them, once.
//
//  **Groups.** (pattern, name) makes a group. Of its members with a filter that passes one gets the message: first those
//  that need not drop for it, of these the one with the most free window less what waits for it, by turns among equals.
//  When a member ends, what was not told yet goes to the others, in order, and counts there against their bounds.
//
//  **Windows.** At most `window` messages of a subscription are told and not CONSUMED (a total: "the first n were handled").
//  The rest waits: `count` messages, `bytes` bytes of fields. Beyond that, by policy:
//      drop_oldest     the longest waiting go (the default)
//      drop_newest     this one goes
//      refuse          PUBLISH is denied `full`, and nobody gets it. Where nobody would hear that (request 0, wills, delayed
//                      messages, the broker's own) it is drop_newest for this subscription, and the others get it
//      disconnect      slow()
//  All queues and whatever is delayed together are bounded by queue_bytes, with the same policies.
//  told + missed + waiting + expired = what was routed to a subscription, always. A gap stands in TOPIC's `missed` where it
//  is: before the message that follows it. When none follows for TOPICS_GAP ms though the window is open, a TOPIC says so by
//  itself: WIRE_TOPIC_GAP, topic, publisher, reply and value nil, seq 0, n that of the last message; it is not to be CONSUMED.
//  The flags next to `missed` say why: WIRE_TOPIC_FULL (a queue), WIRE_TOPIC_FORGOTTEN (no longer in the history), or both.
//  A message whose ttl ends while it waits leaves as `expired`, and is in nobody's `missed`: it was of no use any more.
//
//  **Wills and delays.** A delayed message gets its seq, its time and its ttl when it is published; the answer is then 0
//  receivers, since there are none yet. A will is published when its session ends by death, after its own subscriptions.
//
//  Pure; everything is decided by the arguments. One thread; output functions do not call back into here.

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
#define TOPICS_HISTORY      1024            //  Messages kept per topic at most, where anybody asked for a history
#define TOPICS_HISTORY_BYTES (1u << 20)
#define TOPICS_LOOK         131072          //  Topics and messages of the past that one SUBSCRIBE looks at, some 50 ms
#define TOPICS_GAP          100             //  ms after which a gap is told though nothing follows it
#define TOPICS_LIST_BYTES   (256u << 10)    //  Of each list that TOPICS brings; what is more is left out

typedef struct {
    size_t session_subs;        //  Subscriptions of a session; 0: 65,536
    size_t retained_bytes;      //  Of all retained values; 0: 64 MiB
    size_t history_bytes;       //  Of all histories, and the topics themselves; 0: 256 MiB
    size_t delayed;             //  Delayed messages; 0: 65,536
    size_t queue_bytes;         //  Of all queues, delayed messages and wills; 0: 1 GiB. A message in several queues counts once
    uint64_t seed;              //  For hashes
} topics_config_t;

#define TOPICS_HEAD 16

typedef struct {
    //  The outcome of a request: `count` fields packed back to back, good during the call.
    void (*answer)(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count);
    //  Request 0: of a PUBLISH that nobody waits for.
    void (*deny)(void *arg, uint64_t session, uint64_t request, int code, const char *text);
    //  One TOPIC message for a session: its fields (10 of them; sub, n and missed are nine bytes each, 0xcf and a big-endian
    //  number), good during the call; TOPICS_HEAD bytes in front of them may be written, by an envelope. 0, or WIRE_E_FULL: not now (call topics_room when there is room), or another code: never
    //  (the session is ending).
    int (*tell)(void *arg, uint64_t session, uint8_t *fields, size_t size);
    //  A subscriber with policy "disconnect" is too slow: end its session, after this call. Said once.
    void (*slow)(void *arg, uint64_t session);
    //  Whether TOPICS shows a topic, or a subscription's pattern, to this session. NULL: all of them.
    bool (*shows)(void *arg, uint64_t session, wire_str_t name);
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

//  config may be NULL. NULL: no memory.
topics_t *topics_new(const topics_config_t *config, const topics_output_t *output, void *arg);
void topics_destroy(topics_t **self_p);

//  One operation: one answer or denial (unless request is 0), before any TOPIC that it causes for a new subscription.
//  0, or WIRE_E_MALFORMED when the fields are not as the vocabulary says, or more was consumed than told (denied, too).
int topics_apply(topics_t *self, const topics_op_t *op);

//  The broker itself publishes (presence): value is one packed value, the topic has no fault. Retained when asked; nil takes
//  the retained value away. Its publisher is "".
void topics_publish(topics_t *self, const char *topic, const void *value, size_t size, bool retain, int64_t now, int64_t wall);

//  A session has ended; its subscriptions go; orderly: its will is dropped, else published.
void topics_session_end(topics_t *self, uint64_t session, bool orderly, int64_t now, int64_t wall);

//  What a session began is looked at again, as it may have lost rights: its subscriptions (sub, with their pattern) and its
//  will (with its topic). What it may not have any more ends without a word. Returns how many. `may` must not call the topics.
size_t topics_review(topics_t *self, uint64_t session, bool (*may)(void *arg, bool sub, wire_str_t name), void *arg);

//  The link of a session that was FULL has room again.
void topics_room(topics_t *self, uint64_t session);

//  Delayed messages, retained values whose time is over, gaps to be told. due: when that is next wanted, -1: never.
void    topics_tick(topics_t *self, int64_t now, int64_t wall);
int64_t topics_due(const topics_t *self);

//  Messages that are published later.
size_t topics_delayed(const topics_t *self);

//  Counters as pairs for STAT: "topic.published": n; returns how many pairs.
uint32_t topics_stat(const topics_t *self, wire_buf_t *out);

#endif
