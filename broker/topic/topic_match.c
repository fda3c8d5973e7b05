//  topic_match - which subscriptions does a topic meet?

#include "topic_match.h"

#include "topic_hash.h"
#include "topic_name.h"

typedef struct {
    const topic_node_t *parent;
    wire_str_t word;
} child_key_t;

void topic_match_init(topic_match_t *self, uint64_t seed)
{
    *self = (topic_match_t) { .seed = seed };
    topic_list_init(&self->root.children);
    topic_list_init(&self->root.sibling);
}

void topic_match_free(topic_match_t *self)
{
    for (size_t i = 0; i < self->nodes.capacity; i++)
        free(self->nodes.entries[i].value);
    topic_map_free(&self->nodes);
}

//  ---- One step ------------------------------------------------------------

static bool same_child(const void *value, const void *key)
{
    const topic_node_t *node = value;
    const child_key_t *child = key;
    return node->parent == child->parent && node->size == child->word.size &&
           memcmp(node->word, child->word.data, node->size) == 0;
}

static uint64_t child_hash(const topic_node_t *parent, uint64_t word)
{
    return topic_mix(word + parent->id, UINT64_C(0xd6e8feb86659fd93));
}

static topic_node_t *child_of(const topic_match_t *self, const topic_node_t *parent, wire_str_t word, uint64_t hash)
{
    child_key_t key = { parent, word };
    return topic_map_get(&self->nodes, child_hash(parent, hash), same_child, &key);
}

static void name_wild_child(topic_node_t *parent, wire_str_t word, topic_node_t *child)
{
    if (topic_word_is(word, '*'))
        parent->star = child;
    if (topic_word_is(word, '>'))
        parent->rest = child;
}

static topic_node_t *new_child(topic_match_t *self, topic_node_t *parent, wire_str_t word, uint64_t hash)
{
    topic_node_t *node = malloc(sizeof *node + word.size);
    if (!node)
        return NULL;
    *node = (topic_node_t) { .parent = parent, .id = ++self->ids, .hash = child_hash(parent, hash), .size = word.size,
                             .word = memcpy(node + 1, word.data, word.size) };
    if (!topic_map_put(&self->nodes, node->hash, node)) {
        free(node);
        return NULL;
    }
    topic_list_init(&node->children);
    topic_list_init(&node->sibling);
    topic_list_append(&parent->children, &node->sibling);
    name_wild_child(parent, word, node);
    return node;
}

//  Nodes that lead nowhere, from here up.
static void prune(topic_match_t *self, topic_node_t *node)
{
    while (node->parent && !node->value && topic_list_empty(&node->children)) {
        topic_node_t *parent = node->parent;
        name_wild_child(parent, (wire_str_t) { node->word, node->size }, NULL);
        topic_list_remove(&node->sibling);
        topic_map_remove(&self->nodes, node->hash, node);
        free(node);
        node = parent;
    }
}

//  ---- Names ---------------------------------------------------------------

topic_node_t *topic_match_put(topic_match_t *self, wire_str_t name)
{
    topic_words_t words;
    topic_name_split(name, &words);
    topic_node_t *node = &self->root;
    for (size_t i = 0; i < words.count; i++) {
        uint64_t hash = topic_hash_bytes(self->seed, words.words[i].data, words.words[i].size);
        topic_node_t *child = child_of(self, node, words.words[i], hash);
        if (!child)
            child = new_child(self, node, words.words[i], hash);
        if (!child) {
            prune(self, node);
            return NULL;
        }
        node = child;
    }
    return node;
}

void *topic_match_find(const topic_match_t *self, wire_str_t name)
{
    topic_words_t words;
    topic_name_split(name, &words);
    const topic_node_t *node = &self->root;
    for (size_t i = 0; node && i < words.count; i++)
        node = child_of(self, node, words.words[i],
                        topic_hash_bytes(self->seed, words.words[i].data, words.words[i].size));
    return node ? node->value : NULL;
}

void topic_match_remove(topic_match_t *self, topic_node_t *node)
{
    node->value = NULL;
    prune(self, node);
}

//  ---- Meeting -------------------------------------------------------------

typedef struct {
    const topic_match_t *trie;
    topic_words_t words;
    uint64_t hashes[TOPIC_WORDS];
    topic_run_t *out;
    bool reserved;              //  The name begins with "$": wildcards in the first place do not meet it
    bool failed;
    size_t steps;               //  Nodes that may still be looked at (topics only)
} meeting_t;

static void begin(meeting_t *self, const topic_match_t *trie, wire_str_t name, topic_run_t *out)
{
    self->trie = trie;
    self->out = out;
    self->failed = false;
    self->reserved = topic_name_reserved(name);
    topic_name_split(name, &self->words);
    for (size_t i = 0; i < self->words.count; i++)
        self->hashes[i] = topic_hash_bytes(trie->seed, self->words.words[i].data, self->words.words[i].size);
}

static void meet(meeting_t *self, const topic_node_t *node)
{
    if (node && node->value && !topic_run_add(self->out, node->value))
        self->failed = true;
}

//  Patterns whose first words, as far as `node`, meet the topic's first `at` words. As deep as the topic has words.
static void walk_patterns(meeting_t *self, const topic_node_t *node, size_t at)
{
    if (at == self->words.count) {
        meet(self, node);
        return;
    }
    bool wild = at || !self->reserved;
    if (wild)
        meet(self, node->rest);
    if (wild && node->star)
        walk_patterns(self, node->star, at + 1);
    const topic_node_t *child = child_of(self->trie, node, self->words.words[at], self->hashes[at]);
    if (child)
        walk_patterns(self, child, at + 1);
}

bool topic_match_patterns(const topic_match_t *self, wire_str_t topic, topic_run_t *out)
{
    meeting_t meeting;
    begin(&meeting, self, topic, out);
    walk_patterns(&meeting, &self->root, 0);
    return !meeting.failed;
}

static bool hidden(const topic_node_t *child, size_t at)
{
    return at == 0 && child->word[0] == '$';
}

static void walk_rest(meeting_t *self, const topic_node_t *node, size_t at)
{
    for (const topic_link_t *link = node->children.next; link != &node->children; link = link->next) {
        const topic_node_t *child = TOPIC_OF(link, const topic_node_t, sibling);
        if (self->steps == 0)
            return;
        self->steps--;
        if (hidden(child, at))
            continue;
        meet(self, child);
        walk_rest(self, child, at + 1);
    }
}

static void walk_topics(meeting_t *self, const topic_node_t *node, size_t at);

static void walk_star(meeting_t *self, const topic_node_t *node, size_t at)
{
    for (const topic_link_t *link = node->children.next; link != &node->children; link = link->next) {
        const topic_node_t *child = TOPIC_OF(link, const topic_node_t, sibling);
        if (self->steps == 0)
            return;
        self->steps--;
        if (!hidden(child, at))
            walk_topics(self, child, at + 1);
    }
}

static void walk_topics(meeting_t *self, const topic_node_t *node, size_t at)
{
    if (at == self->words.count) {
        meet(self, node);
        return;
    }
    wire_str_t word = self->words.words[at];
    if (topic_word_is(word, '>'))
        walk_rest(self, node, at);
    else if (topic_word_is(word, '*'))
        walk_star(self, node, at);
    else {
        const topic_node_t *child = child_of(self->trie, node, word, self->hashes[at]);
        if (child)
            walk_topics(self, child, at + 1);
    }
}

bool topic_match_topics(const topic_match_t *self, wire_str_t pattern, size_t *steps, topic_run_t *out)
{
    meeting_t meeting;
    begin(&meeting, self, pattern, out);
    meeting.steps = *steps;
    walk_topics(&meeting, &self->root, 0);
    *steps = meeting.steps;
    return !meeting.failed;
}
