//  test_space_model - tuple spaces once more, as naively as can be: lists that are searched from the front
//
//  Tuples are [k, v] with small numbers. The model writes what the spaces should say in the fixture's notation.

#ifndef TEST_SPACE_MODEL_H
#define TEST_SPACE_MODEL_H

#include "test_space_fixture.h"

enum { MANY = 256, ANY = -1, RANGE = -2 };     //  RANGE: 1..3

typedef struct {
    int space, k, v;
    uint64_t number, wish;
    int64_t ttl, ttl_at;        //  0: none
    uint64_t stamp;             //  Of its deadline
    bool returned;
} m_tuple_t;

typedef struct {
    int k, v;
    bool rest;
} m_template_t;

typedef struct {
    uint64_t session, request;
    int space;
    m_template_t match;
    bool take, puts;
    m_tuple_t put;
    uint64_t lease;
    int64_t ms, deadline;
    uint64_t stamp;
} m_waiter_t;

typedef struct {
    uint64_t number, session;
    m_tuple_t tuple;
    int64_t over;
    uint64_t stamp;
    bool acked;
} m_lease_t;

typedef struct {
    uint64_t number, session, told, missed;
    int space;
    m_template_t match;
} m_watch_t;

//  One operation of a batch, or by itself.
typedef struct {
    wire_type_t type;
    int space;
    m_template_t match;
    bool attempt, puts;
    int64_t lease;
    size_t all;
    uint64_t lease_number;
    m_tuple_t made[4];
    size_t made_count;
    m_tuple_t found[MANY];
    size_t found_count;
    uint64_t granted;
} m_step_t;

typedef struct {
    m_tuple_t tuples[MANY];     //  By space and number
    m_waiter_t waiters[MANY];
    m_lease_t leases[MANY];
    m_watch_t watches[MANY];
    m_tuple_t queue[MANY];
    size_t tuple_count, waiter_count, lease_count, watch_count, queue_count;
    uint64_t last_number, last_lease, last_watch, stamps;
    int64_t now;
    bool deaf;
    char said[64 * 1024];
    size_t said_size;
} model_t;

#define M_REMOVE(items, count, at) \
    (memmove((items) + (at), (items) + (at) + 1, (--(count) - (at)) * sizeof *(items)))
#define M_PUT(items, count, item)        \
    do {                                 \
        assert_true((count) < MANY);     \
        (items)[(count)++] = (item);     \
    } while (0)

static inline void m_say(model_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void m_say(model_t *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    m->said_size += (size_t) vsnprintf(m->said + m->said_size, sizeof m->said - m->said_size, format, args);
    va_end(args);
}

static inline void m_deny(model_t *m, const m_waiter_t *w, const char *why)
{
    m_say(m, "%d:%d! %s; ", (int) w->session, (int) w->request, why);
}

//  ---- Tuples --------------------------------------------------------------

static inline bool m_matches(const m_template_t *match, const m_tuple_t *t)
{
    return match->rest
        || ((match->k == ANY || match->k == t->k)
            && (match->v == ANY || match->v == t->v || (match->v == RANGE && t->v >= 1 && t->v <= 3)));
}

static inline bool m_numbered(const model_t *m, int space, uint64_t number)
{
    for (size_t i = 0; i < m->tuple_count; i++)
        if (m->tuples[i].space == space && m->tuples[i].number == number)
            return true;
    for (size_t i = 0; i < m->lease_count; i++)
        if (m->leases[i].tuple.space == space && m->leases[i].tuple.number == number)
            return true;
    return false;
}

static inline void m_number(model_t *m, m_tuple_t *t)
{
    t->returned = t->wish && t->wish <= m->last_number && !m_numbered(m, t->space, t->wish);
    t->number = t->returned ? t->wish : ++m->last_number;
    t->ttl_at = t->ttl ? m->now + t->ttl : 0;
}

static inline void m_link(model_t *m, m_tuple_t *t)
{
    size_t at = m->tuple_count;
    t->stamp = ++m->stamps;
    M_PUT(m->tuples, m->tuple_count, *t);
    for (; at > 0 && m->tuples[at - 1].number > t->number; at--)
        m->tuples[at] = m->tuples[at - 1];
    m->tuples[at] = *t;
}

static inline bool m_unlink(model_t *m, const m_tuple_t *t)
{
    for (size_t i = 0; i < m->tuple_count; i++)
        if (m->tuples[i].space == t->space && m->tuples[i].number == t->number) {
            M_REMOVE(m->tuples, m->tuple_count, i);
            return true;
        }
    return false;
}

//  ---- Arrivals ------------------------------------------------------------

static inline void m_tell_one(model_t *m, m_watch_t *w, const m_tuple_t *t)
{
    if (w->space != t->space || !m_matches(&w->match, t))
        return;
    if (m->deaf) {
        w->missed++;
        return;
    }
    m_say(m, "%d~ %d %d %d %d [%d, %d]; ", (int) w->session, (int) w->number, (int) ++w->told, (int) w->missed,
          (int) t->number, t->k, t->v);
    w->missed = 0;
}

static inline void m_tell(model_t *m, const m_tuple_t *t)
{
    for (size_t i = 0; i < m->watch_count; i++)
        m_tell_one(m, &m->watches[i], t);
}

//  Those that are there, by number.
static inline void m_replay(model_t *m, m_watch_t *w, uint64_t since)
{
    for (uint64_t number = since + 1; number <= m->last_number; number++)
        for (size_t i = 0; i < m->tuple_count; i++)
            if (m->tuples[i].number == number)
                m_tell_one(m, w, &m->tuples[i]);
}

static inline void m_lend(model_t *m, uint64_t session, uint64_t lease, int64_t ms, const m_tuple_t *t)
{
    m_lease_t new = { .number = lease, .session = session, .tuple = *t, .over = m->now + ms, .stamp = ++m->stamps };
    M_PUT(m->leases, m->lease_count, new);
}

static inline void m_serve(model_t *m, const m_waiter_t *w, const m_tuple_t *t)
{
    m_say(m, "%d:%d [%d, %d] %d", (int) w->session, (int) w->request, t->k, t->v, (int) t->number);
    if (w->lease)
        m_say(m, " %d; ", (int) w->lease);
    else
        m_say(m, w->take ? " nil; " : "; ");
    if (w->lease)
        m_lend(m, w->session, w->lease, w->ms, t);
    if (w->puts)
        M_PUT(m->queue, m->queue_count, w->put);
}

static inline void m_arrive(model_t *m, m_tuple_t *t, bool linked)
{
    if (!t->returned)
        m_tell(m, t);
    for (size_t i = 0; i < m->waiter_count;) {
        m_waiter_t w = m->waiters[i];
        if (w.space != t->space || !m_matches(&w.match, t)) {
            i++;
            continue;
        }
        M_REMOVE(m->waiters, m->waiter_count, i);
        if (w.take && linked)
            m_unlink(m, t);
        m_serve(m, &w, t);
        if (w.take)
            return;
    }
    if (!linked)
        m_link(m, t);
}

static inline void m_settle(model_t *m)
{
    while (m->queue_count) {
        m_tuple_t t = m->queue[0];
        M_REMOVE(m->queue, m->queue_count, 0);
        m_number(m, &t);
        m_arrive(m, &t, false);
    }
}

static inline void m_return(model_t *m, size_t lease)
{
    m_tuple_t t = m->leases[lease].tuple;
    M_REMOVE(m->leases, m->lease_count, lease);
    if (t.ttl_at && t.ttl_at <= m->now)
        return;
    t.returned = true;
    m_arrive(m, &t, false);
    m_settle(m);
}

//  ---- Time ----------------------------------------------------------------

typedef struct {
    int64_t at;
    uint64_t stamp;
    int kind;                   //  0 none, 1 tuple, 2 waiter, 3 lease
    size_t which;
} m_due_t;

static inline void m_earlier(m_due_t *due, int64_t at, uint64_t stamp, int kind, size_t which)
{
    if (at && (!due->kind || at < due->at || (at == due->at && stamp < due->stamp)))
        *due = (m_due_t) { at, stamp, kind, which };
}

static inline m_due_t m_first(const model_t *m)
{
    m_due_t due = { .kind = 0 };
    for (size_t i = 0; i < m->tuple_count; i++)
        m_earlier(&due, m->tuples[i].ttl_at, m->tuples[i].stamp, 1, i);
    for (size_t i = 0; i < m->waiter_count; i++)
        m_earlier(&due, m->waiters[i].deadline, m->waiters[i].stamp, 2, i);
    for (size_t i = 0; i < m->lease_count; i++)
        m_earlier(&due, m->leases[i].over, m->leases[i].stamp, 3, i);
    return due;
}

static inline void m_tick(model_t *m, int64_t now)
{
    m->now = now;
    for (m_due_t due = m_first(m); due.kind && due.at <= now; due = m_first(m)) {
        if (due.kind == 1)
            M_REMOVE(m->tuples, m->tuple_count, due.which);
        else if (due.kind == 2) {
            m_deny(m, &m->waiters[due.which], "timeout no tuple matches");
            M_REMOVE(m->waiters, m->waiter_count, due.which);
        }
        else
            m_return(m, due.which);
    }
}

//  ---- Steps ---------------------------------------------------------------

static inline void m_search(const model_t *m, m_step_t *s)
{
    size_t limit = s->type == WIRE_COUNT ? MANY : s->all ? s->all : 1;
    for (size_t i = 0; i < m->tuple_count && s->found_count < limit; i++)
        if (m->tuples[i].space == s->space && m_matches(&s->match, &m->tuples[i]))
            s->found[s->found_count++] = m->tuples[i];
}

static inline m_lease_t *m_lease(model_t *m, uint64_t number)
{
    for (size_t i = 0; i < m->lease_count; i++)
        if (m->leases[i].number == number)
            return &m->leases[i];
    return NULL;
}

//  NULL, or the sentence with which it is denied.
static inline const char *m_expired(model_t *m, uint64_t session, uint64_t number)
{
    static char text[100];
    const m_lease_t *lease = m_lease(m, number);
    if (lease && !lease->acked && lease->session == session)
        return NULL;
    snprintf(text, sizeof text, "lease %d is %s", (int) number,
             lease && !lease->acked ? "another session's" : "over");
    return text;
}

static inline const char *m_run(model_t *m, m_step_t *s, uint64_t session, bool alone)
{
    const char *why = s->type == WIRE_ACK ? m_expired(m, session, s->lease_number) : NULL;
    if (why)
        return why;
    if (s->type != WIRE_OUT && s->type != WIRE_ACK)
        m_search(m, s);
    if ((s->type == WIRE_TAKE || s->type == WIRE_READ) && !s->all && !s->found_count)
        return "no tuple matches";
    if (s->type == WIRE_ACK)
        m_lease(m, s->lease_number)->acked = true;
    if (s->lease)
        s->granted = ++m->last_lease;
    for (size_t i = 0; s->type == WIRE_TAKE && i < s->found_count; i++)
        m_unlink(m, &s->found[i]);
    for (size_t i = 0; i < s->made_count; i++) {
        m_number(m, &s->made[i]);
        if (s->type != WIRE_OUT || !alone)
            m_link(m, &s->made[i]);
    }
    return NULL;
}

static inline void m_write_all(model_t *m, const m_step_t *s)
{
    m_say(m, "[");
    for (size_t i = 0; i < s->found_count; i++)
        m_say(m, "%s[%d, %d]", i ? ", " : "", s->found[i].k, s->found[i].v);
    m_say(m, "]\x1f[");
    for (size_t i = 0; i < s->found_count; i++)
        m_say(m, "%s%d", i ? ", " : "", (int) s->found[i].number);
    m_say(m, "]");
}

//  The fields, with \x1f between them.
static inline void m_write(model_t *m, const m_step_t *s)
{
    if (s->type == WIRE_OUT)
        m_say(m, "%d", (int) s->made[0].number);
    else if (s->type == WIRE_COUNT)
        m_say(m, "%d", (int) s->found_count);
    else if (s->type == WIRE_ACK) {
        m_say(m, "[");
        for (size_t i = 0; i < s->made_count; i++)
            m_say(m, "%s%d", i ? ", " : "", (int) s->made[i].number);
        m_say(m, "]");
    }
    else if (s->all)
        m_write_all(m, s);
    else {
        m_say(m, "[%d, %d]\x1f%d", s->found[0].k, s->found[0].v, (int) s->found[0].number);
        if (s->granted)
            m_say(m, "\x1f%d", (int) s->granted);
        else if (s->type == WIRE_TAKE)
            m_say(m, "\x1fnil");
    }
}

static inline void m_commit(model_t *m, const m_step_t *s, uint64_t session)
{
    if (s->type == WIRE_ACK) {
        size_t at = (size_t) (m_lease(m, s->lease_number) - m->leases);
        M_REMOVE(m->leases, m->lease_count, at);
    }
    if (s->granted)
        m_lend(m, session, s->granted, s->lease, &s->found[0]);
}

static inline bool m_linked(const model_t *m, const m_tuple_t *t)
{
    for (size_t i = 0; i < m->tuple_count; i++)
        if (m->tuples[i].space == t->space && m->tuples[i].number == t->number)
            return true;
    return false;
}

//  Fields are parted by ", " within an array, by " " in an answer.
static inline void m_part(model_t *m, size_t from, const char *with)
{
    for (char *at = m->said + from; (at = strchr(at, '\x1f'));) {
        size_t size = strlen(with);
        memmove(at + size, at + 1, strlen(at + 1) + 1);
        memcpy(at, with, size);
        m->said_size += size - 1;
    }
}

static inline void m_park(model_t *m, const m_step_t *s, uint64_t session, uint64_t request, uint32_t ttl)
{
    m_waiter_t w = { .session = session, .request = request, .space = s->space, .match = s->match,
                     .take = s->type == WIRE_TAKE, .puts = s->puts, .put = s->made[0], .ms = s->lease };
    w.lease = s->lease ? ++m->last_lease : 0;
    w.deadline = ttl ? m->now + ttl : 0;
    w.stamp = ttl ? ++m->stamps : 0;
    M_PUT(m->waiters, m->waiter_count, w);
}

static inline void m_do(model_t *m, m_step_t *s, uint64_t session, uint64_t request, uint32_t ttl)
{
    const char *why = m_run(m, s, session, true);
    if (why && s->type != WIRE_ACK && !s->attempt) {
        m_park(m, s, session, request, ttl);
        return;
    }
    if (why) {
        m_say(m, "%d:%d! %s %s; ", (int) session, (int) request, s->type == WIRE_ACK ? "expired" : "timeout", why);
        return;
    }
    m_commit(m, s, session);
    size_t from = m->said_size;
    m_say(m, "%d:%d ", (int) session, (int) request);
    m_write(m, s);
    m_say(m, "; ");
    m_part(m, from, " ");
    for (size_t i = 0; i < s->made_count; i++)
        m_arrive(m, &s->made[i], s->type != WIRE_OUT);
    m_settle(m);
}

//  ---- Batches -------------------------------------------------------------

static inline void m_restore(model_t *m, const model_t *before, const m_step_t *steps, size_t run)
{
    uint64_t stamps = m->stamps;
    *m = *before;
    m->stamps = stamps;
    while (run--)                       //  What comes back has its deadline set anew
        for (size_t i = steps[run].found_count; steps[run].type == WIRE_TAKE && i-- > 0;)
            for (size_t j = 0; j < m->tuple_count; j++)
                if (m->tuples[j].space == steps[run].space && m->tuples[j].number == steps[run].found[i].number)
                    m->tuples[j].stamp = ++m->stamps;
}

static inline void m_finish_batch(model_t *m, m_step_t *steps, size_t count, uint64_t session)
{
    bool stays[16][4] = { { false } };
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < steps[i].made_count; j++)
            stays[i][j] = m_linked(m, &steps[i].made[j]);
    for (size_t i = 0; i < count; i++)
        m_commit(m, &steps[i], session);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < steps[i].made_count; j++)
            if (stays[i][j])
                m_arrive(m, &steps[i].made[j], true);
    m_settle(m);
}

static inline void m_batch(model_t *m, m_step_t *steps, size_t count, uint64_t session, uint64_t request)
{
    static model_t before;
    before = *m;
    size_t from = m->said_size;
    m_say(m, "%d:%d [", (int) session, (int) request);
    for (size_t i = 0; i < count; i++) {
        const char *why = m_run(m, &steps[i], session, false);
        if (why) {
            m_restore(m, &before, steps, i);
            m_say(m, "%d:%d! %s operation %d: %s; ", (int) session, (int) request,
                  steps[i].type == WIRE_ACK ? "expired" : "timeout", (int) i + 1, why);
            return;
        }
        m_say(m, "%s[", i ? ", " : "");
        m_write(m, &steps[i]);
        m_say(m, "]");
        m_part(m, from, ", ");
    }
    m_say(m, "]; ");
    m_finish_batch(m, steps, count, session);
}

//  ---- The rest ------------------------------------------------------------

static inline void m_end(model_t *m, uint64_t session)
{
    for (size_t i = m->waiter_count; i-- > 0;)
        if (m->waiters[i].session == session)
            M_REMOVE(m->waiters, m->waiter_count, i);
    for (size_t i = m->watch_count; i-- > 0;)
        if (m->watches[i].session == session)
            M_REMOVE(m->watches, m->watch_count, i);
    for (;;) {
        size_t next = MANY;
        for (size_t i = 0; i < m->lease_count; i++)
            if (m->leases[i].session == session && (next == MANY || m->leases[i].number < m->leases[next].number))
                next = i;
        if (next == MANY)
            break;
        m_return(m, next);
    }
}

static inline bool m_destroy(model_t *m, int space)
{
    bool found = false;
    for (size_t i = 0; i < m->waiter_count;) {
        if (m->waiters[i].space != space) {
            i++;
            continue;
        }
        found = true;
        m_deny(m, &m->waiters[i], "closed the space was destroyed");
        M_REMOVE(m->waiters, m->waiter_count, i);
    }
#define DROP(items, count, where)                       \
    for (size_t i = (count); i-- > 0;)                  \
        if ((items)[i].where == space) {                \
            found = true;                               \
            M_REMOVE(items, count, i);                  \
        }
    for (size_t i = 0; i < m->watch_count; i++)
        if (m->watches[i].space == space)
            m_say(m, "%d~ %d %d %d 0 nil; ", (int) m->watches[i].session, (int) m->watches[i].number,
                  (int) m->watches[i].told + 1, (int) m->watches[i].missed);
    DROP(m->watches, m->watch_count, space)
    DROP(m->leases, m->lease_count, tuple.space)
    DROP(m->tuples, m->tuple_count, space)
#undef DROP
    return found;
}

#endif
