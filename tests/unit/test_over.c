//  When is a program over? Processes that are three letters, in virtual time

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "over.h"

enum { A = 1, B, C };
static const char *const names[] = { NULL, "a#1", "b#1", "c#1" };
static const char *const ids[] = { NULL, "1@a", "1@b", "1@c" };

typedef struct {
    over_t *over;
    int64_t now;
    over_broker_t broker[4];    //  Its counts, by member
    bool known[4];              //  Whether it has a session of theirs
    over_report_t next[4];      //  What they will report
    over_row_t rows[4][4];
} fixture_t;

static bool broker_counts(void *arg, const char *peer, over_broker_t *counts)
{
    fixture_t *f = arg;
    for (int m = A; m <= C; m++)
        if (strcmp(names[m], peer) == 0 && f->known[m]) {
            *counts = f->broker[m];
            return true;
        }
    return false;
}

static fixture_t *start(over_rules_t rules, int members)
{
    static fixture_t f;
    memset(&f, 0, sizeof f);
    f.over = over_new(&rules, broker_counts, &f);
    f.now = 1000;
    for (int m = A; m < A + members; m++) {
        assert_int_equal(over_join(f.over, (uint64_t) m), 0);
        assert_int_equal(over_opened(f.over, (uint64_t) m, names[m], ids[m]), 0);
        f.next[m].rows = f.rows[m];
    }
    return &f;
}

static void finish(fixture_t *f)
{
    over_destroy(&f->over);
    assert_null(f->over);
}

static void idle(fixture_t *f, int member)
{
    over_idle(f->over, (uint64_t) member);
}

//  member's row for a peer, from now on.
static void row(fixture_t *f, int member, const char *peer, uint64_t sent, uint64_t received)
{
    over_report_t *next = &f->next[member];
    size_t i = 0;
    while (i < next->count && strcmp(f->rows[member][i].peer, peer) != 0)
        i++;
    f->rows[member][i] = (over_row_t) { peer, sent, received };
    if (i == next->count)
        next->count++;
}

static void report(fixture_t *f, int member)
{
    f->next[member].wave = over_wave(f->over);
    assert_int_equal(over_report(f->over, (uint64_t) member, &f->next[member]), 0);
}

static over_verdict_t step(fixture_t *f)
{
    return over_step(f->over, f->now);
}

//  One wave, which must be due, answered by the first `members`.
static over_verdict_t wave(fixture_t *f, int members)
{
    assert_int_equal(step(f), OVER_WAVE);
    for (int m = A; m < A + members; m++)
        report(f, m);
    over_report_t none = { 0 };         //  A late answer to an older wave changes nothing
    assert_int_equal(over_report(f->over, A, &none), 0);
    return OVER_NOT_YET;
}

static void test_two_quiet_waves_end_it(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    assert_int_equal(step(f), OVER_NOT_YET);
    idle(f, A);
    assert_int_equal(step(f), OVER_NOT_YET);
    idle(f, B);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_all_first_ones_must_have_come(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 1);
    idle(f, A);
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_int_equal(over_timeout(f->over, f->now), -1);
    over_join(f->over, B);
    idle(f, B);
    assert_int_equal(step(f), OVER_WAVE);
    finish(f);
}

static void test_one_that_left_is_not_awaited(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    over_leave(f->over, B);
    wave(f, 1);
    wave(f, 1);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_a_message_on_its_way_is_waited_for(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    row(f, A, "b#1", 5, 0);
    row(f, B, "a#1", 0, 4);
    wave(f, 2);
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_true(over_timeout(f->over, f->now) > 0);
    f->now += over_timeout(f->over, f->now);
    row(f, B, "a#1", 0, 5);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_a_message_that_one_end_alone_knows_counts(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    row(f, B, "a#1", 1, 0);
    wave(f, 2);
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_true(over_timeout(f->over, f->now) > 0);
    finish(f);
}

static void test_what_a_broker_carries_is_waited_for(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    row(f, A, "b#1", 3, 3);
    row(f, B, "a#1", 3, 3);
    row(f, A, "relay:1@b", 2, 0);
    row(f, B, "relay:1@a", 0, 1);
    row(f, B, "relay:1@x", 9, 0);       //  Not one of ours
    wave(f, 2);
    assert_int_equal(step(f), OVER_NOT_YET);
    f->now += over_timeout(f->over, f->now);
    wave(f, 2);
    assert_int_equal(step(f), OVER_NOT_YET);
    f->now += over_timeout(f->over, f->now);
    row(f, B, "relay:1@a", 0, 2);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

//  Lost with a link or a process that nobody can be asked about.
static void test_counts_that_stand_still_end_it_too(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    row(f, A, "b#1", 5, 0);
    int64_t begin = f->now;
    while (step(f) != OVER_DONE) {
        report(f, A);
        report(f, B);
        step(f);
        if (f->now - begin < 3000)      //  Something moves: patience begins anew
            row(f, B, "a#1", 0, f->now > 2500 ? 4 : 3);
        assert_true(f->now - begin < 20000);
        f->now += 50;
    }
    assert_true(f->now - begin >= 7500);
    finish(f);
}

//  The classic: what was sent between the waves was answered before the second one.
static void test_traffic_between_two_waves_spoils_them(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    wave(f, 2);
    row(f, A, "b#1", 1, 1);
    row(f, B, "a#1", 1, 1);
    wave(f, 2);
    wave(f, 2);                         //  Not over yet: these two must agree
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_idle_between_two_waves_spoils_them(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1 }, 1);
    idle(f, A);
    wave(f, 1);
    assert_int_equal(step(f), OVER_WAVE);
    idle(f, A);
    report(f, A);
    wave(f, 1);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_an_active_one_must_say_idle_again(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    f->next[B].active = 1;
    wave(f, 2);
    f->now += 10000;
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_int_equal(over_timeout(f->over, f->now), -1);
    f->next[B].active = 0;
    idle(f, B);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

//  Its report was on its way when it became idle, and another one's still is.
static void test_idle_counts_though_the_wave_goes_on(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    idle(f, A);
    idle(f, B);
    f->next[A].active = 1;
    assert_int_equal(step(f), OVER_WAVE);
    report(f, A);
    f->next[A].active = 0;
    idle(f, A);
    assert_int_equal(step(f), OVER_NOT_YET);
    report(f, B);
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_true(over_timeout(f->over, f->now) >= 0);
    f->now += over_timeout(f->over, f->now);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_a_child_that_has_not_come_holds(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1 }, 1);
    idle(f, A);
    f->next[A].children = 1;
    wave(f, 1);
    assert_int_equal(step(f), OVER_NOT_YET);
    over_join(f->over, B);
    f->next[A].children = 0;
    f->now += 1000;
    assert_int_equal(step(f), OVER_NOT_YET);    //  The child works
    idle(f, B);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_a_newcomer_voids_the_wave_under_way(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1 }, 1);
    idle(f, A);
    assert_int_equal(step(f), OVER_WAVE);
    over_join(f->over, B);
    report(f, A);
    assert_int_equal(step(f), OVER_NOT_YET);
    idle(f, B);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_the_gone_and_strangers_do_not_count(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 3 }, 3);
    row(f, A, "c#1", 7, 1);
    row(f, A, "stranger#9", 1, 0);
    row(f, A, "b#0", 3, 0);             //  An older incarnation of b
    over_leave(f->over, C);
    idle(f, A);
    idle(f, B);
    wave(f, 2);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_what_the_broker_relays_counts(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1 }, 1);
    f->known[A] = true;
    f->broker[A] = (over_broker_t) { .sent = 2, .received = 1 };
    row(f, A, "broker", 1, 1);
    idle(f, A);
    wave(f, 1);
    assert_int_equal(step(f), OVER_NOT_YET);
    row(f, A, "broker", 1, 2);
    idle(f, A);
    wave(f, 1);
    wave(f, 1);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_what_the_broker_keeps_counts(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1 }, 1);
    f->known[A] = true;
    f->broker[A].parked = 1;
    idle(f, A);
    wave(f, 1);
    assert_int_equal(step(f), OVER_NOT_YET);
    f->broker[A].parked = 0;
    f->known[A] = false;                //  Another network: its broker's counts are unknown
    row(f, A, "broker", 9, 4);
    idle(f, A);
    wave(f, 1);
    wave(f, 1);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void test_keep_and_loop_never_end(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1, .keep = true }, 1);
    idle(f, A);
    assert_int_equal(step(f), OVER_NOT_YET);
    finish(f);

    f = start((over_rules_t) { .first = 1 }, 1);
    idle(f, A);
    f->next[A].serving = true;
    wave(f, 1);
    f->now += 10000;
    assert_int_equal(step(f), OVER_NOT_YET);
    finish(f);
}

static void test_end_ends_even_inside_loop(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 1, .end = true }, 1);
    idle(f, A);
    f->next[A].serving = true;
    wave(f, 1);
    wave(f, 1);
    assert_int_equal(step(f), OVER_DONE);
    finish(f);
}

static void only_takes_are_left(fixture_t *f)
{
    idle(f, A);
    idle(f, B);
    f->next[A].active = f->next[A].waits = f->next[A].takes = 2;
    wave(f, 2);
}

static void test_only_takes_left_is_a_deadlock(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    only_takes_are_left(f);
    wave(f, 2);
    assert_int_equal(step(f), OVER_DEADLOCK);
    finish(f);
}

static void test_beside_a_take_somebody_works(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2 }, 2);
    f->next[B].active = 1;
    only_takes_are_left(f);
    assert_int_equal(step(f), OVER_NOT_YET);
    assert_int_equal(over_timeout(f->over, f->now), -1);
    finish(f);
}

static void test_on_a_shared_broker_others_may_put(void **state)
{
    (void) state;
    fixture_t *f = start((over_rules_t) { .first = 2, .shared = true }, 2);
    only_takes_are_left(f);
    assert_int_equal(step(f), OVER_NOT_YET);
    finish(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_quiet_waves_end_it),
        cmocka_unit_test(test_all_first_ones_must_have_come),
        cmocka_unit_test(test_one_that_left_is_not_awaited),
        cmocka_unit_test(test_a_message_on_its_way_is_waited_for),
        cmocka_unit_test(test_a_message_that_one_end_alone_knows_counts),
        cmocka_unit_test(test_what_a_broker_carries_is_waited_for),
        cmocka_unit_test(test_counts_that_stand_still_end_it_too),
        cmocka_unit_test(test_traffic_between_two_waves_spoils_them),
        cmocka_unit_test(test_idle_between_two_waves_spoils_them),
        cmocka_unit_test(test_an_active_one_must_say_idle_again),
        cmocka_unit_test(test_idle_counts_though_the_wave_goes_on),
        cmocka_unit_test(test_a_child_that_has_not_come_holds),
        cmocka_unit_test(test_a_newcomer_voids_the_wave_under_way),
        cmocka_unit_test(test_the_gone_and_strangers_do_not_count),
        cmocka_unit_test(test_what_the_broker_relays_counts),
        cmocka_unit_test(test_what_the_broker_keeps_counts),
        cmocka_unit_test(test_keep_and_loop_never_end),
        cmocka_unit_test(test_end_ends_even_inside_loop),
        cmocka_unit_test(test_only_takes_left_is_a_deadlock),
        cmocka_unit_test(test_beside_a_take_somebody_works),
        cmocka_unit_test(test_on_a_shared_broker_others_may_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
