//  Each allocation of a play fails once: no crash, no leak, and what must be true stays true

#include "test_space_check.h"
#include "test_failing_malloc.h"

static long countdown;  //  Which one fails; 0: none
static bool failed;
static bool from_then_on;  //  And all that follow

static bool refused(void)
{
    bool now = inside && countdown && (countdown == 1 || --countdown == 0);
    if (now && !from_then_on)
        countdown = 0;
    failed |= now;
    return now;
}

static const char *const operations[] = {
    "OUT s [a, 1] {ttl=500}",
    "OUT s [a, 2]",
    "OUT s {1=a, 'name'=ana, 'x'=1, 'y'=2}",
    "SPACE_WATCH s [a, ?]",
    "TAKE s [a, 1] {lease=100}",
    "TAKE s [b, ?] {lease=100, put=[c, 1]}",
    "READ s [c, ?where('t[2] > 5')]",
    "TAKE s [?prefix('z'), ?]",
    "OUT s [b, 1]",
    "TAKE s [a, 2] {put=[a, 3]}",
    "BATCH [[OUT, s, [a, 9]], [TAKE, s, [a, 3], {lease=50}], [OUT, t, [x]], [READ, t, [x]], [COUNT, s, [a, ?]]]",
    "BATCH [[OUT, u, [1]], [OUT, u, [2]], [OUT, u, [3]], [TAKE, u, [1]], [TAKE, v, [1]]]",
    "ACK 1 [[s, [c, 7]], [w, [d]]]",
    "READ s [?rest] {all=5}",
    "SPACES",
    "COUNT s [?rest]",
    "SPACE_UNWATCH 1",
    "DESTROY t",
    "REACT s out before nil r 'code'",
    "REACT s take before nil r 'code' {strict=true}",
    "REACT s out after nil r 'code'",
    "OUT s [a, 10]",
    "OUT s [z, 10]",
    "TAKE s [a, ?]",
    "READ s [a, ?]",
    "BATCH [[OUT, s, [a, 1]]]",
};

//  The run that is under way, if there is one.
static void judge(fixture_t *f, size_t i)
{
    if (f->spaces->runs.count == 0) {
        f->run = 0;
        return;
    }
    act(f, "OUT s [by, reaction]");
    if (i % 3)
        verdict(f, SPACES_REWRITE, "[a, 'larger than the one before it']", "[OUT, s, [log]], [TAKE, s, [log]]");
    else
        verdict(f, SPACES_REFUSE, "no", NULL);
}

//  Each answers, or denies for want of memory, or finds another world than it would have with it.
static void play(fixture_t *f)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        size_t before = f->answers + f->denials;
        say(f, 1 + i % 3, "%s", operations[i]);
        size_t after = f->answers + f->denials;
        bool waits = f->spaces->waiter_count > 0;
        bool stands_still = f->spaces->runs.count > 0;
        assert_true(after > before || waits || stands_still);
        check_spaces(f->spaces);
        if (i % 2)
            judge(f, i);
        check_spaces(f->spaces);
    }
    while (f->run)
        judge(f, 1);
    for (int i = 0; i < 100; i++)
        say(f, 2, "OUT s [%d, %d, %d]", i, i + 1000, i + 2000);
    for (int i = 0; i < 20; i++)
        say(f, 3, "TAKE s [z%d, ?]", i);
    check_spaces(f->spaces);
    elapse(f, 100);
    end(f, 1);
    check_spaces(f->spaces);
    end(f, 2);
    end(f, 3);
    elapse(f, 1000);
    check_spaces(f->spaces);
    assert_int_equal(f->spaces->sessions.count, 0);
    assert_int_equal(f->spaces->leases.count, 0);
}

static void play_all(bool all_that_follow)
{
    static fixture_t f;
    long which = 0;
    from_then_on = all_that_follow;
    do {
        memset(&f, 0, sizeof f);
        failed = false;
        countdown = ++which;
        start(&f, NULL);
        if (f.spaces)
            play(&f);
        countdown = 0;
        spaces_destroy(&f.spaces);
    } while (failed);
    print_message("%ld allocations\n", which - 1);
    assert_true(which > 100);
}

static void test_each_allocation_fails_once(void **state)
{
    (void) state;
    play_all(false);
}

static void test_all_fail_from_one_on(void **state)
{
    (void) state;
    play_all(true);
}

//  What was taken from a space under a lease comes back when there is no memory at all.
static void test_coming_back_needs_no_memory(void **state)
{
    (void) state;
    static fixture_t f;
    start(&f, NULL);
    for (int i = 0; i < 300; i++)
        say(&f, 1, "OUT s [a%d, %d, %d] {ttl=100000}", i, i, -i);
    for (int i = 0; i < 300; i++)
        say(&f, 1, "TAKE s [a%d, ?, ?] {lease=1000}", (i * 7) % 300);
    assert_int_equal(f.spaces->tuples, 0);
    from_then_on = true;
    countdown = 1;
    elapse(&f, 1000);
    countdown = 0;
    assert_int_equal(f.spaces->tuples, 300);
    check_spaces(f.spaces);
    spaces_destroy(&f.spaces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_all_fail_from_one_on),
        cmocka_unit_test(test_coming_back_needs_no_memory),
    };
    return cmocka_run_group_tests_name("space memory", tests, NULL, NULL);
}
