//  topic_match - which subscriptions does a topic meet?
//
//  A trie of words. As a trie of patterns it says which of them a topic meets; as a trie of topics, which of them a
//  pattern meets. Its nodes stand in one table by (parent, word), so a step costs one look-up however many words follow.
//  What a node stands for is its `value`, the caller's; NULL: only a way to others.
//
//  Meeting a topic of n words looks at most at those nodes whose way the topic satisfies: with few "*" side by side a
//  handful, whatever the number of patterns.

#ifndef TOPIC_MATCH_H
#define TOPIC_MATCH_H

#include "topic_list.h"
#include "topic_map.h"
#include "topic_run.h"

#include "wire_read.h"

typedef struct topic_node {
    struct topic_node *parent;
    struct topic_node *star, *rest;     //  The children "*" and ">", or NULL
    topic_link_t children, sibling;
    uint64_t id, hash;
    void *value;
    size_t size;
    const char *word;           //  Behind the node
} topic_node_t;

typedef struct {
    topic_node_t root;
    topic_map_t nodes;
    uint64_t seed, ids;
} topic_match_t;

void topic_match_init(topic_match_t *self, uint64_t seed);

//  Values are gone, or nobody's.
void topic_match_free(topic_match_t *self);

//  The node of a name without fault, made if needed; its value is the caller's to set. NULL: no memory, nothing changed.
topic_node_t *topic_match_put(topic_match_t *self, wire_str_t name);

//  The value of a name, or NULL.
void *topic_match_find(const topic_match_t *self, wire_str_t name);

//  The node stands for nothing any more.
void topic_match_remove(topic_match_t *self, topic_node_t *node);

//  Add the values of all patterns here that the topic meets; of all topics here that the pattern meets. False: no memory,
//  some are missing. *steps: how many nodes may be looked at, then how many are left; 0: some are missing.
bool topic_match_patterns(const topic_match_t *self, wire_str_t topic, topic_run_t *out);
bool topic_match_topics(const topic_match_t *self, wire_str_t pattern, size_t *steps, topic_run_t *out);

#endif
