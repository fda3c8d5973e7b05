//  Each allocation of a play fails once: no crash, no leak, and what must be true stays true

#include "broker_keys.h"
#include "test_failing_malloc.h"

static long countdown;  //  Which one fails; 0: none
static bool failed;

static bool refused(void)
{
    bool now = inside && countdown && --countdown == 0;
    failed |= now;
    return now;
}

//  A bit of everything. Whoever was not let in is left out.
static void play(fixture_t *f)
{
    static const unsigned types[] = { WIRE_JOIN,   WIRE_REGISTER,   WIRE_WATCH,    WIRE_LOOKUP,
                                      WIRE_FOLLOW, WIRE_LEAVE,      WIRE_NODES,    WIRE_APPS,
                                      WIRE_STAT,   WIRE_UNREGISTER, WIRE_UNFOLLOW, WIRE_UNWATCH };
    static const char *const claims[] = { "names=svc,old;apps=game;endpoints=ipc:///a;host=h", "spawn",
                                          "visitor" };
    static const char *const names[] = { "ana", "bob", "" };
    client_t *c[3];
    for (size_t i = 0; i < 3; i++)
        hello(f, c[i] = somebody(f), names[i], claims[i]);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bool view = types[i] == WIRE_NODES || types[i] == WIRE_APPS || types[i] == WIRE_STAT;
        ask(f, c[1], types[i], view ? NULL : types[i] == WIRE_LOOKUP ? "ana" : "new");
        check_core(f->core);
    }
    ask(f, c[2], WIRE_WATCH, NULL);
    tell(f, c[1], WIRE_CALL, 77, "x", "svc");
    tell(f, c[1], WIRE_CALL, 78, "x", "nobody");
    hello(f, c[0], "ana", "apps=game,chess;names=more");
    fall_silent(f, c[0], true);
    check_core(f->core);
    elapse(f, 10000);
    end(f, c[1], WIRE_E_CLOSED, "");
    check_core(f->core);
}

//  ---- Reactions -----------------------------------------------------------

static void ask_words(fixture_t *f, client_t *c, wire_type_t type, const char *const *words)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = 1;
    wire_put_cstr(&fields, "s");
    for (; words[count - 1]; count++)
        if (count == 3 || type != WIRE_REACT) {         //  A template or a tuple
            wire_put_array(&fields, 1);
            wire_put_cstr(&fields, words[count - 1]);
        }
        else
            wire_put_cstr(&fields, words[count - 1]);
    ask_raw(f, c, type, ++c->request, count, &fields);
    wire_buf_free(&fields);
}

static void judge(fixture_t *f, spaces_judgement_t what)
{
    static const uint8_t tuple[] = "\x91\xa1" "b";
    INSIDE(broker_core_verdict(f->core, shell.run, what, (wire_str_t) { "no", 2 }, wire_reader(tuple, 3), f->now));
    check_core(f->core);
}

static void act(fixture_t *f)
{
    static const uint8_t fields[] = "\xa1s\x91\xa1x";
    wire_buf_t out = WIRE_BUF_EMPTY;
    uint32_t count = 0;
    char text[256];
    INSIDE(broker_core_reaction_op(f->core, shell.run, WIRE_OUT, 2, wire_reader(fields, 5), f->now, &out, &count, text));
    wire_buf_free(&out);
}

static void play_reactions(fixture_t *f)
{
    client_t *ana = somebody(f);
    if (hello(f, ana, "ana", ""))
        return;
    ask_words(f, ana, WIRE_REACT, (const char *const[]) { "out", "before", "a", "quota", "CODE", NULL });
    for (spaces_judgement_t what = SPACES_ALLOW; what <= SPACES_FAILED; what++) {
        ask_words(f, ana, WIRE_OUT, (const char *const[]) { "a", NULL });
        act(f);
        ask_words(f, ana, WIRE_READ, (const char *const[]) { "x", NULL });
        judge(f, what);
    }
    ask(f, ana, WIRE_REACTIONS, "s");
    elapse(f, 10000);
    check_core(f->core);
}

static void test_each_allocation_of_reactions_fails_once(void **state)
{
    static const broker_output_t output = { .send = fixture_send, .drop = fixture_drop, .ready = on_ready,
                                            .react = on_react };
    static const broker_core_config_t config = { .address = ADDRESS };
    static fixture_t f;
    long which = 0;
    (void) state;
    do {
        memset(&f, 0, sizeof f);
        f.now = 1000;
        shell.run = 0;
        failed = false;
        countdown = ++which;
        INSIDE(f.core = broker_core_new(&config, &output, &f));
        if (f.core)
            play_reactions(&f);
        countdown = 0;
        broker_core_destroy(&f.core);
    } while (failed);
    print_message("%ld allocations\n", which - 1);
    assert_int_equal(shell.run, 4);      //  Now that nothing failed
    assert_true(which > 30);
}

static void test_each_allocation_fails_once(void **state)
{
    (void) state;
    static fixture_t f;
    long which = 0;
    do {
        memset(&f, 0, sizeof f);
        f.now = 1000;
        failed = false;
        countdown = ++which;
        f.core = new_core(&f);
        if (f.core)
            play(&f);
        countdown = 0;
        broker_core_destroy(&f.core);
    } while (failed);
    print_message("%ld allocations\n", which - 1);
    assert_true(which > 60);
}

//  ---- Keys ----------------------------------------------------------------

static void play_keys(fixture_t *f)
{
    static const char *const policies[] = { "{ keys = { ana = { call = true, take = true, code = 'jail', read = true } } }",
                                            "{ keys = { ana = { take = { 'a' } } }, default = { admin = true } }" };
    static const char *const names[] = { "ana", "bob", "" }, *const keys[] = { KEY_A, KEY_B, "" };
    char error[BROKER_TEXT];
    client_t *c[3];
    set_policy(f, policies[0], error);
    check_core(f->core);
    for (size_t i = 0; i < 3; i++) {
        c[i] = by(f, keys[i], names[i]);
        hello(f, c[i], names[i], "names=x,y");
        check_core(f->core);
    }
    ask(f, c[0], WIRE_REGISTER, "db");
    say(f, c[1], WIRE_VOUCH, "{ '', '" KEY_A "' }");
    say_to(f, c[0], WIRE_CALL, "bob", "{ 1, 'f', {} }");
    say_to(f, c[0], WIRE_CALL, *c[2]->id ? c[2]->id : "nobody", "{ 1, 'f', {} }");
    say(f, c[0], WIRE_TAKE, "{ 'a', { 'x' } }");
    say(f, c[0], WIRE_TAKE, "{ 'b', { 'x' } }");
    say(f, c[2], WIRE_OUT, "{ 'a', { 'x' } }");
    check_core(f->core);
    set_policy(f, policies[1], error);
    check_core(f->core);
    ask(f, c[0], WIRE_ROTATE, KEY_C);
    check_core(f->core);
    ask(f, c[1], WIRE_DRAIN, "ana");
    ask(f, c[2], WIRE_NODES, NULL);
    for (size_t i = 0; i < 3; i++) {
        INSIDE(broker_core_revoke(f->core, broker_str(keys[i]), f->now));
        check_core(f->core);
    }
}

static void test_each_allocation_of_keys_fails_once(void **state)
{
    static fixture_t f;
    long which = 0;
    (void) state;
    do {
        memset(&f, 0, sizeof f);
        f.now = 1000;
        failed = false;
        countdown = ++which;
        f.core = new_keys_core(&f, NULL, NULL);
        if (f.core)
            play_keys(&f);
        countdown = 0;
        broker_core_destroy(&f.core);
    } while (failed);
    print_message("%ld allocations\n", which - 1);
    assert_true(which > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails_once),
                                        cmocka_unit_test(test_each_allocation_of_reactions_fails_once),
                                        cmocka_unit_test(test_each_allocation_of_keys_fails_once) };
    return cmocka_run_group_tests_name("broker memory", tests, NULL, NULL);
}
