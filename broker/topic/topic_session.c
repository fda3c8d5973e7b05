//  topic_session - who has subscriptions or a will here

#include "topic_session.h"

#include "topic_route.h"
#include "topic_will.h"

static bool same_session(const void *value, const void *key)
{
    return ((const topic_session_t *) value)->number == *(const uint64_t *) key;
}

static bool same_sub(const void *value, const void *key)
{
    return ((const topic_sub_t *) value)->number == *(const uint64_t *) key;
}

static uint64_t hash_of(const topics_t *self, uint64_t number)
{
    return topic_hash_number(self->config.seed, number);
}

//  ---- Sessions ------------------------------------------------------------

topic_session_t *topic_session_find(const topics_t *self, uint64_t number)
{
    return topic_map_get(&self->sessions, hash_of(self, number), same_session, &number);
}

topic_session_t *topic_session_open(topics_t *self, const topics_op_t *op)
{
    topic_session_t *session = topic_session_find(self, op->session);
    if (session)
        return session;
    session = malloc(sizeof *session + op->publisher.size);
    if (!session)
        return NULL;
    *session = (topic_session_t) { .number = op->session, .id_size = op->publisher.size };
    if (op->publisher.size)
        memcpy(session->id, op->publisher.data, op->publisher.size);
    topic_list_init(&session->subs);
    topic_list_init(&session->waiting);
    if (topic_map_put(&self->sessions, hash_of(self, op->session), session))
        return session;
    free(session);
    return NULL;
}

static void close_session(topics_t *self, topic_session_t *session)
{
    while (!topic_list_empty(&session->subs))
        topic_sub_destroy(self, TOPIC_OF(session->subs.next, topic_sub_t, of_session));
}

void topic_session_end(topics_t *self, topic_session_t *session, bool orderly)
{
    session->dead = true;
    close_session(self, session);
    if (orderly)
        topic_will_drop(self, session);
    else
        topic_will_publish(self, session);
    topic_map_remove(&self->sessions, hash_of(self, session->number), session);
    free(session);
}

size_t topic_session_review(topics_t *self, topic_session_t *session, bool (*may)(void *arg, bool sub, wire_str_t name),
                            void *arg)
{
    size_t ended = 0;
    for (topic_link_t *at = session->subs.next, *next; at != &session->subs; at = next) {
        topic_sub_t *sub = TOPIC_OF(at, topic_sub_t, of_session);
        next = at->next;
        if (may(arg, true, (wire_str_t) { sub->pattern->text, sub->pattern->size }))
            continue;
        topic_sub_destroy(self, sub);
        ended++;
    }
    if (session->will && !may(arg, false, session->will->draft.topic)) {
        topic_will_drop(self, session);
        ended++;
    }
    return ended;
}

void topic_session_free(topics_t *self)
{
    for (size_t i = 0; i < self->sessions.capacity; i++)
        if (self->sessions.entries[i].value)
            ((topic_session_t *) self->sessions.entries[i].value)->dead = true;
    for (size_t i = 0; i < self->sessions.capacity; i++) {
        topic_session_t *session = self->sessions.entries[i].value;
        if (!session)
            continue;
        close_session(self, session);
        topic_will_drop(self, session);
        free(session);
    }
    topic_map_free(&self->sessions);
    topic_map_free(&self->subs);
}

//  ---- Subscriptions -------------------------------------------------------

topic_sub_t *topic_sub_new(topics_t *self, topic_session_t *session)
{
    topic_sub_t *sub = calloc(1, sizeof *sub);
    if (!sub)
        return NULL;
    sub->number = self->subs_made + 1;
    if (!topic_map_put(&self->subs, hash_of(self, sub->number), sub)) {
        free(sub);
        return NULL;
    }
    self->subs_made++;
    sub->session = session;
    session->count++;
    topic_list_init(&sub->of_session);
    topic_list_init(&sub->waiting);
    topic_list_init(&sub->gap);
    topic_list_append(&session->subs, &sub->of_session);
    return sub;
}

topic_sub_t *topic_sub_find(const topics_t *self, uint64_t session, uint64_t number)
{
    topic_sub_t *sub = topic_map_get(&self->subs, hash_of(self, number), same_sub, &number);
    return sub && sub->session->number == session ? sub : NULL;
}

void topic_sub_destroy(topics_t *self, topic_sub_t *sub)
{
    topic_list_remove(&sub->of_session);
    topic_list_remove(&sub->waiting);
    topic_list_remove(&sub->gap);
    topic_map_remove(&self->subs, hash_of(self, sub->number), sub);
    sub->session->count--;
    if (sub->pattern)
        topic_route_leave(self, sub);
    predicate_destroy(&sub->filter);
    free(sub);
}
