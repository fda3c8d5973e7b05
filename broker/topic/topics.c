//  topics - publish and subscribe in one broker

#include "topic_ask.h"
#include "topic_deliver.h"
#include "topic_keep.h"
#include "topic_later.h"
#include "topic_name.h"
#include "topic_publish.h"
#include "topic_session.h"
#include "topic_stat.h"
#include "topic_state.h"

#include <assert.h>

#define OR_DEFAULT(value, other) ((value) ? (value) : (other))

static topics_config_t complete(const topics_config_t *given)
{
    topics_config_t config = given ? *given : (topics_config_t) { 0 };
    config.session_subs = OR_DEFAULT(config.session_subs, 65536);
    config.retained_bytes = OR_DEFAULT(config.retained_bytes, (size_t) 64 << 20);
    config.history_bytes = OR_DEFAULT(config.history_bytes, (size_t) 256 << 20);
    config.delayed = OR_DEFAULT(config.delayed, 65536);
    config.queue_bytes = OR_DEFAULT(config.queue_bytes, (size_t) 1 << 30);
    return config;
}

topics_t *topics_new(const topics_config_t *config, const topics_output_t *output, void *arg)
{
    topics_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = complete(config);
    self->output = *output;
    self->arg = arg;
    self->version = 1;
    topic_match_init(&self->patterns, self->config.seed);
    topic_match_init(&self->names, self->config.seed);
    topic_match_init(&self->retained, self->config.seed);
    topic_list_init(&self->recent);
    topic_list_init(&self->gaps);
    return self;
}

void topics_destroy(topics_t **self_p)
{
    topics_t *self = *self_p;
    if (!self)
        return;
    topic_session_free(self);
    topic_keep_free(self);
    topic_later_free(self);
    topic_match_free(&self->patterns);
    topic_run_free(&self->matched);
    topic_run_free(&self->targets);
    free(self);
    *self_p = NULL;
}

static void note_time(topics_t *self, int64_t now, int64_t wall)
{
    if (now > self->now)
        self->now = now;
    self->wall = wall;
}

int topics_apply(topics_t *self, const topics_op_t *op)
{
    assert(op->publisher.size <= WIRE_MAX_NAME);
    note_time(self, op->now, op->wall);
    return topic_ask(self, op);
}

void topics_publish(topics_t *self, const char *topic, const void *value, size_t size, bool retain, int64_t now, int64_t wall)
{
    topic_draft_t draft = { .topic = { topic, strlen(topic) }, .publisher = { "", 0 }, .retain = retain,
                            .value = wire_reader(value, size) };
    assert(size && !topic_name_fault(draft.topic));
    note_time(self, now, wall);
    topic_publish(self, &draft, NULL, NULL);
}

void topics_session_end(topics_t *self, uint64_t session, bool orderly, int64_t now, int64_t wall)
{
    note_time(self, now, wall);
    topic_session_t *ended = topic_session_find(self, session);
    if (ended)
        topic_session_end(self, ended, orderly);
}

size_t topics_review(topics_t *self, uint64_t session, bool (*may)(void *arg, bool sub, wire_str_t name), void *arg)
{
    topic_session_t *found = topic_session_find(self, session);
    return found ? topic_session_review(self, found, may, arg) : 0;
}

void topics_room(topics_t *self, uint64_t session)
{
    topic_session_t *s = topic_session_find(self, session);
    if (!s)
        return;
    s->blocked = false;
    while (!topic_list_empty(&s->waiting) && !s->blocked && !s->dead) {
        topic_sub_t *sub = TOPIC_OF(s->waiting.next, topic_sub_t, waiting);
        topic_list_remove(&sub->waiting);
        topic_deliver_pump(self, sub);
    }
}

void topics_tick(topics_t *self, int64_t now, int64_t wall)
{
    note_time(self, now, wall);
    topic_later_tick(self);
    topic_deliver_tick(self);
}

size_t topics_delayed(const topics_t *self)
{
    return self->delayed;
}

int64_t topics_due(const topics_t *self)
{
    const topic_timer_t *first = topic_heap_first(&self->timers);
    int64_t gap = topic_deliver_due(self);
    if (!first)
        return gap;
    return gap >= 0 && gap < first->due ? gap : first->due;
}

uint32_t topics_stat(const topics_t *self, wire_buf_t *out)
{
    return topic_stat_put(self, out);
}
