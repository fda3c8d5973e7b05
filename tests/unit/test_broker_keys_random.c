//  Random comings, names, policies, rotations and revocations; what must be true is checked after each, and nobody ever holds
//  what its key may not have

#include "broker_keys.h"

#define NODES 12
#define KEYS  6
#define STEPS 20000

static uint64_t state_of_chance;

static unsigned chance(unsigned below)
{
    state_of_chance = state_of_chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned) (state_of_chance >> 33) % below;
}

static const char *key_of(unsigned i)
{
    static char text[4][48];
    static unsigned next;
    char *key = text[next++ % 4];
    snprintf(key, 48, "%040u", i);
    return key;
}

static const char *const names[] = { "db", "ana", "bob", "1@db", "printer", "web.a" };
static const char *const policies[] = {
    "{ keys = {} }", "{ default = { take = true, sub = { 'news.>' } } }",
    "{ keys = { ana = { out = true, take = { 'jobs' }, read = true, code = 'jail' }, bob = { admin = true, call = true } } }",
    "{ keys = { ['0000000000000000000000000000000000000003'] = { pub = true, sub = true, read = true } }, default = { call = { 'f' } } }",
};

//  A session by key holds no name that belongs to another key.
static void check_names(const broker_core_t *core)
{
    for (const broker_session_t *s = core->first; s; s = s->next)
        for (size_t i = 0; s->key && i < s->names.count; i++) {
            const broker_session_t *holder = broker_registry_find(core, broker_str(s->names.items[i]));
            assert_ptr_equal(holder, s);
        }
}

static void come_or_go(fixture_t *f, client_t *c)
{
    static uint64_t incarnation = 1;
    if (c->session && !c->dropped) {
        if (chance(3) == 0)
            end(f, c, chance(2) ? WIRE_E_CLOSED : WIRE_E_GONE, "");
        else {
            fall_silent(f, c, chance(2));
            return;
        }
    }
    *c = (client_t) { .f = f, .incarnation = ++incarnation };
    if (chance(4))
        snprintf(c->key, sizeof c->key, "%s", key_of(chance(KEYS)));
    snprintf(c->cert, sizeof c->cert, "%s", chance(2) ? "ana" : "bob");
    if (hello(f, c, chance(2) ? names[chance(6)] : "", chance(3) ? "" : "names=db,printer"))
        c->session = 0;
}

static void rule(fixture_t *f)
{
    char error[BROKER_TEXT], map[200];
    unsigned a = chance(KEYS), b = chance(KEYS);
    switch (chance(4)) {
    case 0:
        set_policy(f, policies[chance(4)], error);
        break;
    case 1:
        INSIDE(broker_core_policy(f->core, (wire_reader_t) { NULL, NULL }, f->now, error));
        break;
    case 2:
        snprintf(map, sizeof map, "{ ana = '%s', bob = '%s' }", key_of(a), key_of(a == b ? KEYS : b));
        trust(f, map);
        break;
    default:
        revoke(f, key_of(a));
    }
}

static void work(fixture_t *f, client_t *c)
{
    char fields[120];
    if (!c->session || c->dropped)
        return;
    switch (chance(10)) {
    case 0: ask(f, c, WIRE_REGISTER, names[chance(6)]); break;
    case 1: ask(f, c, WIRE_UNREGISTER, names[chance(6)]); break;
    case 2: ask(f, c, WIRE_ROTATE, key_of(KEYS + chance(1000))); break;
    case 3: ask(f, c, WIRE_DRAIN, names[chance(6)]); break;
    case 4: say_to(f, c, WIRE_CALL, names[chance(6)], "{ 1, 'f', {} }"); break;
    case 5: say(f, c, WIRE_TAKE, "{ 'jobs', { 'x' } }"); break;
    case 6: say(f, c, WIRE_OUT, "{ 'jobs', { 'x' } }"); break;
    case 7: say(f, c, WIRE_SUBSCRIBE, "{ 'news.a' }"); break;
    case 8: say(f, c, WIRE_SPACE_WATCH, "{ 'jobs', { 'x' }, {} }"); break;
    default:
        snprintf(fields, sizeof fields, "{ '', '%s' }", key_of(chance(KEYS)));
        say(f, c, WIRE_VOUCH, fields);
    }
}

static void test_random_histories(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    state_of_chance = 20261128;
    for (int step = 0; step < STEPS; step++) {
        client_t *c = &f->clients[chance(NODES)];
        unsigned what = chance(10);
        if (what < 2 || !c->f)
            come_or_go(f, c);
        else if (what == 2)
            rule(f);
        else if (what == 3)
            elapse(f, chance(3000));
        else
            work(f, c);
        check_core(f->core);
        check_names(f->core);
    }
    assert_true(counters(f)->rights_refused && counters(f)->names_refused && counters(f)->rights_sent);
    assert_true(counters(f)->rotated && counters(f)->revoked && counters(f)->rights_ended && counters(f)->vouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = { KEYS_TEST(test_random_histories) };
    return cmocka_run_group_tests_name("broker keys random", tests, NULL, NULL);
}
