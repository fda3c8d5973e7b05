//  topic_keep - what is remembered of topics

#include "topic_keep.h"

#include "topic_name.h"

//  What a topic takes besides its messages: itself, its node and its places in the tables.
#define TOPIC_COST (sizeof(topic_t) + sizeof(topic_node_t) + 4 * sizeof(topic_map_entry_t) + 64)

//  ---- Known topics --------------------------------------------------------

static bool same_name(const void *value, const void *key)
{
    const topic_t *topic = value;
    const wire_str_t *name = key;
    return topic->size == name->size && memcmp(topic->name, name->data, name->size) == 0;
}

topic_t *topic_keep_find(const topics_t *self, wire_str_t name)
{
    return topic_map_get(&self->topics, topic_hash_bytes(self->config.seed, name.data, name.size), same_name, &name);
}

static wire_str_t name_of(const topic_t *topic)
{
    return (wire_str_t) { topic->name, topic->size };
}

static void expire(void *arg, topic_timer_t *timer)
{
    topic_keep_clear(arg, TOPIC_OF(timer, topic_t, expiry));
    topic_keep_trim(arg);
}

static topic_t *new_topic(const topics_t *self, wire_str_t name, uint64_t hash)
{
    topic_t *topic = malloc(sizeof *topic + name.size);
    if (!topic)
        return NULL;
    *topic = (topic_t) { .hash = hash, .seq = self->base, .capacity = 1, .size = name.size,
                         .bytes = TOPIC_COST + 2 * name.size, .expiry = { .fire = expire } };
    topic->ring = &topic->one;
    memcpy(topic->name, name.data, name.size);
    topic_list_init(&topic->recent);
    return topic;
}

static bool enter(topics_t *self, topic_t *topic)
{
    topic->node = topic_match_put(&self->names, name_of(topic));
    if (!topic->node)
        return false;
    topic->node->value = topic;
    if (topic_map_put(&self->topics, topic->hash, topic))
        return true;
    topic_match_remove(&self->names, topic->node);
    return false;
}

topic_t *topic_keep_open(topics_t *self, wire_str_t name)
{
    uint64_t hash = topic_hash_bytes(self->config.seed, name.data, name.size);
    topic_t *topic = topic_map_get(&self->topics, hash, same_name, &name);
    if (topic)
        return topic;
    topic = new_topic(self, name, hash);
    if (topic && !enter(self, topic)) {
        free(topic);
        return NULL;
    }
    if (topic) {
        self->history_bytes += topic->bytes;
        topic_list_append(&self->recent, &topic->recent);
    }
    return topic;
}

//  ---- The retained value --------------------------------------------------

//  Small values make large tables, so the topic's own size counts, too.
static size_t retained_cost(const topic_t *topic, const topic_message_t *message)
{
    return message ? topic_message_cost(message) + TOPIC_COST + topic->size : 0;
}

int topic_keep_check(topics_t *self, const topic_t *topic, const topic_message_t *message)
{
    if (message->nil)
        return 0;
    size_t others = self->retained_bytes - retained_cost(topic, topic->retained);
    if (others + retained_cost(topic, message) > self->config.retained_bytes)
        return WIRE_E_FULL;
    return topic_heap_reserve(&self->timers) ? 0 : WIRE_E_NO_MEMORY;
}

//  The name enters the trie of retained ones; false: no memory.
static bool enter_retained(topics_t *self, topic_t *topic)
{
    topic_node_t *node = topic->retained_node ? topic->retained_node : topic_match_put(&self->retained, name_of(topic));
    if (!node)
        return false;
    node->value = topic;
    topic->retained_node = node;
    return true;
}

static void enter_recent(topics_t *self, topic_t *topic)
{
    if (topic_list_empty(&topic->recent))
        self->history_bytes += topic->bytes;
    topic_list_append(&self->recent, &topic->recent);
}

void topic_keep_clear(topics_t *self, topic_t *topic)
{
    if (!topic->retained)
        return;
    self->retained_bytes -= retained_cost(topic, topic->retained);
    self->retained_count--;
    topic_heap_cancel(&self->timers, &topic->expiry);
    topic_match_remove(&self->retained, topic->retained_node);
    topic_message_release(topic->retained);
    topic->retained_node = NULL;
    topic->retained = NULL;
    if (topic_list_empty(&topic->recent))       //  It was known for this value alone: now it may be forgotten, too
        enter_recent(self, topic);
}

void topic_keep_retain(topics_t *self, topic_t *topic, topic_message_t *message)
{
    topic_keep_clear(self, topic);
    if (message->nil)
        return;
    if (!enter_retained(self, topic)) {
        self->counters.unretained++;
        return;
    }
    topic->retained = topic_message_share(message);
    self->retained_bytes += retained_cost(topic, message);
    self->retained_count++;
    if (message->expires != TOPIC_FOREVER)
        topic_heap_set(&self->timers, &topic->expiry, message->expires);
}

//  ---- The history ---------------------------------------------------------

static topic_message_t **kept(const topic_t *topic, size_t i)
{
    return &topic->ring[(topic->first + i) & (topic->capacity - 1)];
}

void topic_keep_charge(topics_t *self, topic_t *topic, size_t more)
{
    topic->bytes += more;
    if (!topic_list_empty(&topic->recent))
        self->history_bytes += more;
}

static void drop_first(topics_t *self, topic_t *topic)
{
    topic_message_t *message = *kept(topic, 0);
    size_t cost = topic_message_cost(message);
    topic->first = (topic->first + 1) & (topic->capacity - 1);
    topic->count--;
    topic->bytes -= cost;
    self->history_bytes -= cost;
    topic_message_release(message);
}

//  Twice as many places. False: no memory, fewer are kept.
static bool widen(topics_t *self, topic_t *topic)
{
    size_t capacity = 2 * topic->capacity;
    topic_message_t **ring = malloc(capacity * sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < topic->count; i++)
        ring[i] = *kept(topic, i);
    if (topic->ring != &topic->one)
        free(topic->ring);
    topic_keep_charge(self, topic, (capacity - topic->capacity) * sizeof *ring);
    topic->ring = ring;
    topic->first = 0;
    topic->capacity = capacity;
    return true;
}

static size_t message_bytes(const topic_t *topic)
{
    return topic->bytes - TOPIC_COST;
}

static bool too_much(const topic_t *topic, const topic_message_t *message)
{
    size_t limit = topic->wanted ? TOPICS_HISTORY : 1;
    return topic->count >= limit || message_bytes(topic) + topic_message_cost(message) > TOPICS_HISTORY_BYTES;
}

static void make_place(topics_t *self, topic_t *topic, const topic_message_t *message)
{
    while (topic->count && too_much(topic, message))
        drop_first(self, topic);
    if (topic->count == topic->capacity && !widen(self, topic))
        drop_first(self, topic);
}

void topic_keep_add(topics_t *self, topic_t *topic, topic_message_t *message)
{
    enter_recent(self, topic);
    make_place(self, topic, message);
    topic->seq = message->seq;
    topic->count++;
    *kept(topic, topic->count - 1) = topic_message_share(message);
    topic_keep_charge(self, topic, topic_message_cost(message));
}

//  ---- Forgetting ----------------------------------------------------------

static void free_ring(topics_t *self, topic_t *topic)
{
    while (topic->count)
        drop_first(self, topic);
    if (topic->ring == &topic->one)
        return;
    size_t cost = topic->capacity * sizeof *topic->ring - sizeof *topic->ring;
    topic->bytes -= cost;
    self->history_bytes -= cost;
    free(topic->ring);
    topic->ring = &topic->one;
    topic->first = 0;
    topic->capacity = 1;
}

static void free_met(topics_t *self, topic_t *topic)
{
    size_t cost = topic->met.capacity * sizeof *topic->met.items;
    topic->bytes -= cost;
    self->history_bytes -= cost;
    topic_run_free(&topic->met);
    topic->met_version = 0;
}

static void forget(topics_t *self, topic_t *topic)
{
    if (topic->seq > self->base)
        self->base = topic->seq;
    topic_match_remove(&self->names, topic->node);
    topic_map_remove(&self->topics, topic->hash, topic);
    free(topic);
    self->counters.forgotten++;
}

static void give_up(topics_t *self, topic_t *topic)
{
    free_ring(self, topic);
    free_met(self, topic);
    topic_list_remove(&topic->recent);
    self->history_bytes -= topic->bytes;
    topic->wanted = false;
    if (!topic->retained)
        forget(self, topic);
}

void topic_keep_trim(topics_t *self)
{
    while (self->history_bytes > self->config.history_bytes && !topic_list_empty(&self->recent))
        give_up(self, TOPIC_OF(self->recent.next, topic_t, recent));
}

static void free_topic(topics_t *self, topic_t *topic)
{
    topic_keep_clear(self, topic);
    free_ring(self, topic);
    topic_list_remove(&topic->recent);
    topic_run_free(&topic->met);
    free(topic);
}

void topic_keep_free(topics_t *self)
{
    for (size_t i = 0; i < self->topics.capacity; i++)
        if (self->topics.entries[i].value)
            free_topic(self, self->topics.entries[i].value);
    topic_map_free(&self->topics);
    topic_match_free(&self->names);
    topic_match_free(&self->retained);
}

//  ---- Again ---------------------------------------------------------------

int topic_keep_want(topics_t *self, wire_str_t pattern)
{
    size_t steps = TOPICS_LOOK;
    if (!topic_pattern_wild(pattern)) {
        topic_t *topic = topic_keep_open(self, pattern);
        if (topic)
            topic->wanted = true;
        return topic ? 0 : WIRE_E_NO_MEMORY;
    }
    self->matched.count = 0;
    if (!topic_match_topics(&self->names, pattern, &steps, &self->matched))
        return WIRE_E_NO_MEMORY;
    if (steps == 0)
        return WIRE_E_FULL;
    for (size_t i = 0; i < self->matched.count; i++)
        ((topic_t *) self->matched.items[i])->wanted = true;
    return 0;
}

static bool widen_replay(topic_replay_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? 2 * self->capacity : 16;
    topic_entry_t *entries = realloc(self->entries, capacity * sizeof *entries);
    self->failed = !entries;
    if (!entries)
        return false;
    self->entries = entries;
    self->capacity = capacity;
    return true;
}

static void replay(topics_t *self, topic_message_t *message, uint32_t flags, topic_replay_t *out)
{
    if (topic_message_expired(message, self->now) || !widen_replay(out))
        return;
    out->entries[out->count++] = (topic_entry_t) { message, 0, flags };
    out->bytes += message->size;
    out->cost += topic_queue_cost(message);
}

static bool wished(const topic_wish_t *wish, const topic_message_t *message)
{
    return message->seq >= wish->seq && message->time >= wish->since;
}

//  The first of the kept ones that is to come again; behind the last: none. By the clock they need not be in order.
static size_t first_wished(const topic_t *topic, const topic_wish_t *wish, size_t *steps)
{
    size_t i = topic->count > wish->last ? topic->count - (size_t) wish->last : 0;
    for (; i < topic->count && !wished(wish, *kept(topic, i)) && *steps; i++)
        --*steps;
    return i;
}

static void replay_topic(topics_t *self, topic_t *topic, const topic_wish_t *wish, topic_replay_t *out)
{
    bool again = false;
    size_t first = wish->any ? first_wished(topic, wish, &out->steps) : topic->count;
    for (size_t i = first; i < topic->count && out->steps; i++, out->steps--) {
        topic_message_t *message = *kept(topic, i);
        bool retained = message == topic->retained;
        again |= retained;
        replay(self, message, WIRE_TOPIC_REPLAYED | (retained ? WIRE_TOPIC_RETAINED : 0), out);
    }
    if (topic->retained && !again)
        replay(self, topic->retained, WIRE_TOPIC_RETAINED, out);
}

//  Whether one of the numbers that are lost from the history comes as the retained value.
static bool still_retained(const topic_t *topic, uint64_t from, uint64_t to)
{
    return topic->retained && topic->retained->seq >= from && topic->retained->seq < to;
}

//  Numbers that lie before all that is kept are lost; a number that never was is of another broker's life: all is new.
static topic_wish_t from_seq(const topic_t *topic, topic_wish_t wish, topic_replay_t *out)
{
    if (wish.seq > topic->seq && wish.seq - topic->seq > 1)
        wish.seq = 0;
    uint64_t first = topic->count ? (*kept(topic, 0))->seq : topic->seq + 1;
    if (wish.seq && wish.seq < first)
        out->missed += first - wish.seq - still_retained(topic, wish.seq, first);
    return wish;
}

static int by_stamp(const void *a, const void *b)
{
    uint64_t left = ((const topic_entry_t *) a)->message->stamp, right = ((const topic_entry_t *) b)->message->stamp;
    return (left > right) - (left < right);
}

void topic_keep_replay(topics_t *self, wire_str_t pattern, const topic_wish_t *wish, topic_replay_t *out)
{
    *out = (topic_replay_t) { .steps = TOPICS_LOOK };
    self->matched.count = 0;
    if (!topic_match_topics(wish->any ? &self->names : &self->retained, pattern, &out->steps, &self->matched))
        out->failed = true;
    for (size_t i = 0; i < self->matched.count && out->steps && !out->failed; i++, out->steps--) {
        topic_t *topic = self->matched.items[i];
        topic_wish_t own = from_seq(topic, *wish, out);
        replay_topic(self, topic, &own, out);
        if (out->steps == 0)
            return;
    }
    if (out->count)
        qsort(out->entries, out->count, sizeof *out->entries, by_stamp);
}

void topic_keep_replay_free(topic_replay_t *replay)
{
    free(replay->entries);
    *replay = (topic_replay_t) { .entries = NULL };
}
