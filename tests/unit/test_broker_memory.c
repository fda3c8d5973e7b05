//  Each allocation of a play fails once: no crash, no leak, and what must be true stays true

#include "broker_check.h"

//  The linker sends the core's allocations here (broker.cmake).
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long countdown;  //  Which one fails; 0: none
static bool failed;

static bool refused(void)
{
    bool now = inside && countdown && --countdown == 0;
    failed |= now;
    return now;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refused() ? NULL : __real_realloc(old, size);
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails_once) };
    return cmocka_run_group_tests_name("broker memory", tests, NULL, NULL);
}
