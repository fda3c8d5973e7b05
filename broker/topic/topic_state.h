//  topic_state - what the files of topics share; nobody else includes it
//
//      session --- subs --- pattern (a node of a trie) --- groups
//                   |
//                  queue --> message <-- topic (a node of two tries): the retained one, the history
//
//  topic_match knows names only; topic_route knows subscriptions; topic_deliver one subscription at a time; topic_keep topics.

#ifndef TOPIC_STATE_H
#define TOPIC_STATE_H

#include "topics.h"

#include "topic_hash.h"
#include "topic_heap.h"
#include "topic_match.h"
#include "topic_message.h"
#include "topic_queue.h"

#include "predicate.h"

#define TOPIC_TEXT  320         //  Bytes for a sentence with what predicate.h has to say in it

//  Counters, for STAT.
#define TOPIC_COUNTERS(X)                                                                       \
    X(published,  "messages that were published, whoever got them")                            \
    X(told,       "TOPICs with a message that left")                                            \
    X(gaps,       "TOPICs that told of a gap alone")                                            \
    X(dropped,    "messages left out because a queue was full: in somebody's `missed`")        \
    X(expired,    "messages that waited in a queue until their time was over: in nobody's `missed`") \
    X(abandoned,  "messages that waited for a subscription that ended, and nobody else took")  \
    X(moved,      "messages that waited for a member of a group that ended, and went to another") \
    X(refused,    "publishes denied because a queue was full")                                  \
    X(unretained, "values that found no room among the retained ones")                          \
    X(wills,      "wills that were published")                                                  \
    X(faults,     "filters that failed on a message")                                           \
    X(forgotten,  "topics whose history and numbers were given up for others")                 \
    X(slow,       "subscribers ended because they were too slow")

typedef struct {
#define X(name, text) uint64_t name;
    TOPIC_COUNTERS(X)
#undef X
} topic_counters_t;

typedef enum { TOPIC_DROP_OLDEST, TOPIC_DROP_NEWEST, TOPIC_REFUSE, TOPIC_DISCONNECT } topic_policy_t;

typedef struct topic_session {
    uint64_t number;
    topic_link_t subs;
    size_t count;               //  of them
    topic_link_t waiting;       //  Subscriptions that had something to say when the link was full, longest first
    bool blocked;               //  The link is full
    bool dead;                  //  The link will not be used again: the session is ending
    struct topic_parcel *will;
    size_t id_size;
    char id[];                  //  Of the process, as it first appeared
} topic_session_t;

typedef struct topic_pattern {
    topic_node_t *node;
    topic_run_t subs;           //  Those without a group
    topic_link_t groups;
    size_t historians;          //  Subscriptions that asked for a history
    size_t size;
    char text[];
} topic_pattern_t;

typedef struct topic_group {
    topic_link_t of_pattern;
    topic_run_t members;
    size_t turn;                //  The member to look at first
    size_t size;
    char name[];
} topic_group_t;

typedef struct topic_sub {
    uint64_t number;
    topic_session_t *session;
    uint64_t told, consumed;
    uint64_t window;
    uint64_t missed;            //  Dropped behind the last in the queue
    uint32_t causes;            //  of that: WIRE_TOPIC_CAUSES
    uint64_t dropped;           //  In all
    topic_queue_t queue;
    size_t limit, byte_limit;   //  of the queue
    topic_policy_t policy;
    bool historian;
    predicate_t *filter;        //  Or NULL
    topic_pattern_t *pattern;
    topic_group_t *group;       //  Or NULL
    size_t place;               //  In the pattern's subs, or the group's members
    topic_link_t of_session, waiting, gap;
    int64_t gap_due;            //  While in the list of gaps
} topic_sub_t;

typedef struct topic {
    topic_link_t recent;        //  Among the topics that have a history; alone: it has none
    topic_node_t *node;
    topic_node_t *retained_node;        //  While something is retained
    topic_message_t *retained;
    topic_timer_t expiry;       //  Of the retained one
    uint64_t hash, seq;
    topic_message_t **ring;     //  &one, or allocated
    topic_message_t *one;
    size_t first, count, capacity, bytes;
    bool wanted;                //  Somebody asked for a history: more than the last one is kept
    topic_run_t met;            //  Patterns that it meets,
    uint64_t met_version;       //  as of this version of all patterns
    size_t size;
    char name[];
} topic_t;

struct topics {
    topics_config_t config;
    topics_output_t output;
    void *arg;
    int64_t now, wall;          //  As last heard
    uint64_t stamp;             //  Of the last message
    uint64_t subs_made;
    topic_map_t topics, subs, sessions;
    topic_match_t patterns;             //  topic_pattern_t
    topic_match_t names, retained;      //  topic_t: all; those with a retained value
    uint64_t version;           //  Grows when a pattern comes or goes
    size_t pattern_count, refusers;     //  Subscriptions with policy "refuse"
    topic_link_t recent;        //  Topics with a history, longest unused first
    uint64_t base;              //  The highest number of any topic that was forgotten
    size_t history_bytes, retained_bytes, queue_bytes, retained_count;
    size_t delayed;
    topic_heap_t timers;
    topic_link_t gaps;          //  Subscriptions with a gap to tell, soonest first
    topic_run_t matched, targets;       //  Of the message at hand
    topic_counters_t counters;
};

#endif
