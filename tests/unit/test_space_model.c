//  Random operations of several sessions, against a naive model: all that is said must be the same
//
//  A seed is printed when they differ; SPACE_SEED=n runs that one alone, SPACE_STEPS=n more or fewer operations.

#include "test_space_check.h"
#include "test_space_model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS 60000
#else
#define STEPS 1000000
#endif
#define ROUNDS 8                //  Each with a seed of its own

enum { SESSIONS = 4, SPACES = 3, TIMES = 100 };

typedef struct {
    uint64_t random;
    fixture_t f;
    model_t m;
    char last[2000];            //  The last operation, as text
} play_t;

static uint64_t random64(play_t *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random;
}

static int dice(play_t *p, int sides)
{
    return (int) (random64(p) >> 33) % sides;
}

static const char *const names[SPACES] = { "s", "t", "u" };

//  ---- An operation, for the model and as text -----------------------------

static void add(play_t *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(play_t *p, const char *format, ...)
{
    size_t size = strlen(p->last);
    va_list args;
    va_start(args, format);
    vsnprintf(p->last + size, sizeof p->last - size, format, args);
    va_end(args);
}

static m_template_t some_template(play_t *p)
{
    m_template_t match = { dice(p, 3) ? dice(p, 3) : ANY, dice(p, 3) - 2, dice(p, 12) == 0 };
    if (match.v == 0)
        match.v = dice(p, 5);
    if (match.rest)
        add(p, "[?rest]");
    else {
        add(p, match.k == ANY ? "[?, " : "[%d, ", match.k);
        add(p, match.v == ANY ? "?]" : match.v == RANGE ? "?range(1, 3)]" : "%d]", match.v);
    }
    return match;
}

static m_tuple_t some_tuple(play_t *p, int space)
{
    m_tuple_t t = { .space = space, .k = dice(p, 3), .v = dice(p, 5) };
    add(p, "[%d, %d]", t.k, t.v);
    return t;
}

static void some_out(play_t *p, m_step_t *s, const char *separator)
{
    int space = dice(p, SPACES);
    add(p, "%s%s", names[space], separator);
    m_tuple_t t = some_tuple(p, space);
    add(p, "%s{", separator);
    if (dice(p, 3) == 0)
        add(p, "ttl=%d,", (int) (t.ttl = 1 + dice(p, TIMES)));
    if (dice(p, 10) == 0)
        add(p, "number=%d", (int) (t.wish = 1 + (uint64_t) dice(p, (int) p->m.last_number + 3)));
    add(p, "}");
    s->made[s->made_count++] = t;
}

static void some_options(play_t *p, m_step_t *s)
{
    s->attempt = dice(p, 2);
    add(p, "{try=%s", s->attempt ? "true" : "false");
    if (dice(p, 8) == 0)
        add(p, ", all=%d", (int) (s->all = 1 + (size_t) dice(p, 4)));
    else if (s->type == WIRE_TAKE && dice(p, 3) == 0)
        add(p, ", lease=%d", (int) (s->lease = SPACES_LEASE_MIN + dice(p, TIMES)));
    if (!s->all && s->type == WIRE_TAKE && dice(p, 4) == 0) {
        add(p, ", put=");
        s->made[s->made_count++] = some_tuple(p, s->space);
        s->puts = true;
    }
    add(p, "}");
}

static void some_ack(play_t *p, m_step_t *s)
{
    s->lease_number = p->m.lease_count && dice(p, 8) ? p->m.leases[dice(p, (int) p->m.lease_count)].number
                                                     : (uint64_t) dice(p, 100);
    add(p, "%d, [", (int) s->lease_number);
    for (int outs = dice(p, 3); outs > 0; outs--) {
        add(p, "[");
        some_out(p, s, ", ");
        add(p, "], ");
    }
    add(p, "]");
}

static m_step_t some_step(play_t *p, wire_type_t type, const char *separator)
{
    m_step_t s = { .type = type };
    add(p, "%s%s", wire_type_name((unsigned) type), separator);
    if (type == WIRE_OUT)
        some_out(p, &s, separator);
    else if (type == WIRE_ACK)
        some_ack(p, &s);
    else {
        add(p, "%s%s", names[s.space = dice(p, SPACES)], separator);
        s.match = some_template(p);
        add(p, "%s", separator);
        if (type != WIRE_COUNT)
            some_options(p, &s);
    }
    return s;
}

static wire_type_t some_type(play_t *p)
{
    static const wire_type_t types[] = { WIRE_OUT,  WIRE_OUT,  WIRE_OUT,  WIRE_OUT,   WIRE_TAKE, WIRE_TAKE,
                                         WIRE_TAKE, WIRE_TAKE, WIRE_READ, WIRE_COUNT, WIRE_ACK };
    return types[dice(p, sizeof types / sizeof *types)];
}

//  ---- Plays ---------------------------------------------------------------

static void play_step(play_t *p, uint64_t session)
{
    m_step_t s = some_step(p, some_type(p), " ");
    p->f.ttl = dice(p, 6) ? 1 + (uint32_t) dice(p, TIMES) : 0;
    say(&p->f, session, "%s", p->last);
    m_do(&p->m, &s, session, p->f.request, p->f.ttl);
}

static void play_batch(play_t *p, uint64_t session)
{
    static m_step_t steps[8];
    size_t count = (size_t) dice(p, 7);
    add(p, "BATCH [");
    for (size_t i = 0; i < count; i++) {
        add(p, "[");
        steps[i] = some_step(p, some_type(p), ", ");
        add(p, "], ");
    }
    add(p, "]");
    say(&p->f, session, "%s", p->last);
    m_batch(&p->m, steps, count, session, p->f.request);
}

static void answer_bool(play_t *p, uint64_t session, bool value)
{
    m_say(&p->m, "%d:%d %s; ", (int) session, (int) p->f.request, value ? "true" : "false");
}

static void play_lease(play_t *p, uint64_t session)
{
    bool release = dice(p, 2);
    int64_t ms = SPACES_LEASE_MIN + dice(p, TIMES);
    uint64_t number = p->m.lease_count ? p->m.leases[dice(p, (int) p->m.lease_count)].number : 1;
    if (release)
        add(p, "RELEASE %d", (int) number);
    else
        add(p, "EXTEND %d %d", (int) number, (int) ms);
    say(&p->f, session, "%s", p->last);
    const char *why = m_expired(&p->m, session, number);
    if (why) {
        m_say(&p->m, "%d:%d! expired %s; ", (int) session, (int) p->f.request, why);
        return;
    }
    answer_bool(p, session, true);
    m_lease_t *lease = m_lease(&p->m, number);
    if (release)
        m_return(&p->m, (size_t) (lease - p->m.leases));
    else {
        lease->over = p->m.now + ms;
        lease->stamp = ++p->m.stamps;
    }
}

static void play_forget(play_t *p, uint64_t session)
{
    size_t at = p->m.waiter_count ? (size_t) dice(p, (int) p->m.waiter_count) : 0;
    uint64_t request = p->m.waiter_count ? p->m.waiters[at].request : 1;
    add(p, "FORGET %d", (int) request);
    say(&p->f, session, "%s", p->last);
    bool own = p->m.waiter_count && p->m.waiters[at].session == session;
    if (own) {
        m_deny(&p->m, &p->m.waiters[at], "cancelled it waits no longer");
        M_REMOVE(p->m.waiters, p->m.waiter_count, at);
    }
    answer_bool(p, session, own);
}

static void play_watch(play_t *p, uint64_t session)
{
    m_watch_t w = { .session = session, .space = dice(p, SPACES) };
    if (p->m.watch_count > 10)
        return;
    add(p, "SPACE_WATCH %s ", names[w.space]);
    w.match = some_template(p);
    uint64_t last = p->m.last_number, back = (uint64_t) dice(p, 200), since = back < last ? last - back : 0;
    bool replay = dice(p, 3) == 0;
    if (replay)
        add(p, " {after=%d}", (int) since);
    say(&p->f, session, "%s", p->last);
    w.number = ++p->m.last_watch;
    M_PUT(p->m.watches, p->m.watch_count, w);
    m_say(&p->m, "%d:%d %d %d; ", (int) session, (int) p->f.request, (int) w.number, (int) last);
    if (replay)
        m_replay(&p->m, &p->m.watches[p->m.watch_count - 1], since);
}

static void play_unwatch(play_t *p, uint64_t session)
{
    size_t at = p->m.watch_count ? (size_t) dice(p, (int) p->m.watch_count) : 0;
    uint64_t number = p->m.watch_count ? p->m.watches[at].number : 1;
    add(p, "SPACE_UNWATCH %d", (int) number);
    say(&p->f, session, "%s", p->last);
    bool own = p->m.watch_count && p->m.watches[at].session == session;
    if (own)
        M_REMOVE(p->m.watches, p->m.watch_count, at);
    answer_bool(p, session, own);
}

static void play_destroy(play_t *p, uint64_t session)
{
    p->f.deaf = p->m.deaf = false;      //  When who does not read learns of it, test_space has
    int space = dice(p, SPACES);
    add(p, "DESTROY %s", names[space]);
    say(&p->f, session, "%s", p->last);
    answer_bool(p, session, m_destroy(&p->m, space));
}

static void play_time(play_t *p)
{
    int ms = dice(p, 8) ? dice(p, 5) : dice(p, 2 * TIMES);
    add(p, "elapse %d", ms);
    elapse(&p->f, ms);
    m_tick(&p->m, p->f.now);
    m_due_t due = m_first(&p->m);
    assert_int_equal(spaces_due(p->f.spaces), due.kind ? due.at : -1);
}

static void play_end(play_t *p, uint64_t session)
{
    add(p, "end of session %d", (int) session);
    end(&p->f, session);
    m_end(&p->m, session);
}

static void play_deaf(play_t *p)
{
    add(p, "deaf");
    p->f.deaf = p->m.deaf = !p->m.deaf;
}

static void play_once(play_t *p)
{
    uint64_t session = 1 + (uint64_t) dice(p, SESSIONS);
    int which = dice(p, 200);
    bool full = p->m.tuple_count > 100 || p->m.waiter_count > 100;
    if (full || which == 0)
        play_destroy(p, session);
    else if (which <= 2)
        play_end(p, session);
    else if (which <= 5)
        play_deaf(p);
    else if (which <= 8)
        play_watch(p, session);
    else if (which <= 10)
        play_unwatch(p, session);
    else if (which <= 16)
        play_forget(p, session);
    else if (which <= 28)
        play_lease(p, session);
    else if (which <= 48)
        play_batch(p, session);
    else if (which <= 70)
        play_time(p);
    else
        play_step(p, session);
}

static void compare(play_t *p, uint64_t seed, long step)
{
    p->m.said[p->m.said_size] = 0;
    if (strcmp(p->f.trace, p->m.said) != 0)
        fail_msg("SPACE_SEED=%llu, step %ld: %s\n  said:     %s\n  expected: %s", (unsigned long long) seed, step,
                 p->last, p->f.trace, p->m.said);
    p->f.trace[0] = p->last[0] = p->m.said[0] = 0;
    p->m.said_size = 0;
}

static void play(uint64_t seed, long steps)
{
    static play_t p;
    memset(&p, 0, sizeof p);
    p.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    start(&p.f, &(spaces_config_t) { .seed = seed });
    m_tick(&p.m, p.f.now);
    for (long step = 0; step < steps; step++) {
        play_once(&p);
        compare(&p, seed, step);
        if (step % 100 == 0)
            check_spaces(p.f.spaces);
    }
    check_spaces(p.f.spaces);
    assert_true(p.f.answers > (size_t) steps / 3 && p.f.events > (size_t) steps / 100);
    spaces_destroy(&p.f.spaces);
}

static void test_the_model_says_the_same(void **state)
{
    (void) state;
    const char *seed = getenv("SPACE_SEED"), *steps = getenv("SPACE_STEPS");
    long count = (steps ? atol(steps) : STEPS) / ROUNDS;
    if (seed) {
        play((uint64_t) atoll(seed), count);
        return;
    }
    for (uint64_t round = 1; round <= ROUNDS; round++)
        play(round, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_model_says_the_same) };
    return cmocka_run_group_tests_name("space model", tests, NULL, NULL);
}
