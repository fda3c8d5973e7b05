//  topic_stat - what can be seen from outside

#include "topic_stat.h"

//  ---- TOPICS --------------------------------------------------------------

//  The head comes first and its size is known last: items go aside.
typedef struct {
    wire_buf_t items;
    uint32_t count;
    uint64_t session;           //  Who wants to see it
} list_t;

static bool has_room(const list_t *self)
{
    return self->items.size < TOPICS_LIST_BYTES && !self->items.failed;
}

static bool shows(const topics_t *self, const list_t *list, const char *name, size_t size)
{
    return !self->output.shows || self->output.shows(self->arg, list->session, (wire_str_t) { name, size });
}

static void put_list(list_t *self, wire_buf_t *out)
{
    wire_put_array(out, self->count);
    wire_buf_append(out, self->items.data, self->items.size);
    out->failed |= self->items.failed;
    wire_buf_free(&self->items);
}

static void put_key(wire_buf_t *out, const char *key, uint64_t value)
{
    wire_put_cstr(out, key);
    wire_put_uint(out, value);
}

static void put_text(wire_buf_t *out, const char *key, const char *text, size_t size)
{
    wire_put_cstr(out, key);
    wire_put_text(out, text, size);
}

static void put_topic(const topics_t *self, const topic_t *topic, list_t *list)
{
    wire_buf_t *out = &list->items;
    if (!shows(self, list, topic->name, topic->size))
        return;
    wire_put_map(out, 4);
    put_text(out, "topic", topic->name, topic->size);
    put_key(out, "seq", topic->seq);
    put_key(out, "kept", topic->count);
    wire_put_cstr(out, "retained");
    wire_put_bool(out, topic->retained);
    list->count++;
}

//  Those without a history stand in no list: they come last, as the table has them.
static void put_topics(const topics_t *self, uint64_t session, wire_buf_t *out)
{
    list_t list = { WIRE_BUF_EMPTY, 0, session };
    for (const topic_link_t *link = self->recent.prev; link != &self->recent && has_room(&list); link = link->prev)
        put_topic(self, TOPIC_OF(link, const topic_t, recent), &list);
    for (size_t i = 0; i < self->topics.capacity && has_room(&list); i++) {
        const topic_t *topic = self->topics.entries[i].value;
        if (topic && topic_list_empty(&topic->recent))
            put_topic(self, topic, &list);
    }
    put_list(&list, out);
}

static void put_group(wire_buf_t *out, const topic_group_t *group)
{
    wire_put_cstr(out, "group");
    if (group)
        wire_put_text(out, group->name, group->size);
    else
        wire_put_nil(out);
}

static void put_sub(const topics_t *self, const topic_sub_t *sub, list_t *list)
{
    wire_buf_t *out = &list->items;
    if (!shows(self, list, sub->pattern->text, sub->pattern->size))
        return;
    wire_put_map(out, 6);
    put_text(out, "pattern", sub->pattern->text, sub->pattern->size);
    put_key(out, "sub", sub->number);
    put_text(out, "id", sub->session->id, sub->session->id_size);
    put_group(out, sub->group);
    put_key(out, "waiting", sub->queue.count);
    put_key(out, "dropped", sub->dropped);
    list->count++;
}

static void put_subs(const topics_t *self, uint64_t session, wire_buf_t *out)
{
    list_t list = { WIRE_BUF_EMPTY, 0, session };
    for (size_t i = 0; i < self->subs.capacity && has_room(&list); i++)
        if (self->subs.entries[i].value)
            put_sub(self, self->subs.entries[i].value, &list);
    put_list(&list, out);
}

void topic_stat_list(const topics_t *self, uint64_t session, wire_buf_t *out)
{
    put_topics(self, session, out);
    put_subs(self, session, out);
}

//  ---- STAT ----------------------------------------------------------------

typedef struct {
    const char *name;
    uint64_t value;
} pair_t;

static uint32_t put_pairs(const pair_t *pairs, size_t count, wire_buf_t *out)
{
    for (size_t i = 0; i < count; i++)
        put_key(out, pairs[i].name, pairs[i].value);
    return (uint32_t) count;
}

uint32_t topic_stat_put(const topics_t *self, wire_buf_t *out)
{
    const pair_t gauges[] = {
        { "topic.topics", self->topics.count },         { "topic.subscriptions", self->subs.count },
        { "topic.patterns", self->pattern_count },      { "topic.retained", self->retained_count },
        { "topic.retained_bytes", self->retained_bytes }, { "topic.history_bytes", self->history_bytes },
        { "topic.queue_bytes", self->queue_bytes },     { "topic.delayed", self->delayed },
    };
    const pair_t counters[] = {
#define X(name, text) { "topic." #name, self->counters.name },
        TOPIC_COUNTERS(X)
#undef X
    };
    return put_pairs(gauges, sizeof gauges / sizeof *gauges, out) +
           put_pairs(counters, sizeof counters / sizeof *counters, out);
}
