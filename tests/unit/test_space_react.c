//  Reactions: what they change, in virtual time, with a runner that is played by hand

#include "test_space_check.h"

//  Session 9 owns the reactions.
static uint64_t react(fixture_t *f, const char *what)
{
    say(f, 9, "REACT s %s", what);
    assert_int_equal(f->code, 0);
    f->trace[0] = 0;
    return f->spaces->last_reaction;
}

static void allow(fixture_t *f)
{
    assert_int_equal(verdict(f, SPACES_ALLOW, "", NULL), 0);
    check_spaces(f->spaces);
}

//  ---- Out -----------------------------------------------------------------

static void test_before_out(void **state)
{
    fixture_t *f = *state;
    say(f, 9, "REACT s out before [job, ?] quota 'return true'");
    EXPECT(f, "9:1 1; ");
    say(f, 1, "OUT s [other]");
    EXPECT(f, "1:2 1; ");
    say(f, 1, "OUT s [job, 7]");
    EXPECT(f, "run 1 before out of 1 (quota) [job, 7] 0; ");
    check_spaces(f->spaces);
    allow(f);
    EXPECT(f, "1:3 2; ");
    say(f, 1, "OUT s [job, 8]");
    verdict(f, SPACES_REFUSE, "too many", NULL);
    EXPECT(f, "run 2 before out of 1 (quota) [job, 8] 0; 1:4! denied too many; ");
    say(f, 1, "OUT s [job, 9] {ttl=100}");
    verdict(f, SPACES_REWRITE, "[task, 9, 'seen']", NULL);
    EXPECT(f, "run 3 before out of 1 (quota) [job, 9] 0; 1:5 3; ");
    say(f, 1, "READ s [task, ?rest] {try=true}");
    EXPECT(f, "1:6 [task, 9, seen] 3; ");
    elapse(f, 100);  //  The options stayed
    assert_int_equal(f->spaces->tuples, 2);
    check_spaces(f->spaces);
}

static void test_an_out_goes_elsewhere(void **state)
{
    fixture_t *f = *state;
    react(f, "out before [?rest] r 'x'");
    say(f, 2, "TAKE other [job, ?]");
    say(f, 1, "OUT s [job, 7] {ttl=100}");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other", NULL);
    EXPECT(f, "1:3 1; 2:2 [job, 7] 1 nil; ");           //  Its number there
    say(f, 1, "OUT s [job, 8] {ttl=100}");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other [moved, 8]", NULL);
    say(f, 1, "COUNT s");
    say(f, 1, "READ other [moved, ?]");
    EXPECT(f, "1:4 2; 1:5 0; 1:6 [moved, 8] 2; ");
    check_spaces(f->spaces);
    elapse(f, 100);  //  The options stayed
    assert_int_equal(f->spaces->tuples, 0);
    assert_int_equal(f->spaces->counters.redirected, 2);
}

//  Neither those of the other space nor those behind it in its own are asked; but those before it were.
static void test_where_it_goes_nothing_reacts(void **state)
{
    fixture_t *f = *state;
    react(f, "out before [?rest] r 'x'");
    react(f, "out before [?rest] second 'x'");
    say(f, 9, "REACT other out before [?rest] guard 'x'");
    say(f, 1, "OUT s [a]");
    verdict(f, SPACES_REWRITE, "[b]", NULL);
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other", NULL);
    say(f, 1, "READ other [?] {try=true}");
    EXPECT(f, "1:4 1; 1:5 [b] 1; ");
    say(f, 1, "OUT s [c]");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "s [d]", NULL);         //  Its own: the second is passed by
    EXPECT(f, "1:6 2; ");
    check_spaces(f->spaces);
}

//  Then it is as if there were no reaction, or refused.
static void test_what_cannot_go_elsewhere(void **state)
{
    fixture_t *f = *state;
    react(f, "out before [?rest] r 'x'");
    say(f, 1, "OUT s [a]");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, " [b]", NULL);          //  No name
    assert_non_null(strstr(f->trace, "9? 1 redirect: "));
    assert_non_null(strstr(f->trace, "; 1:2 1; "));
    say(f, 1, "OUT s [a]");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other 7", NULL);       //  No tuple
    assert_non_null(strstr(f->trace, "; 1:3 2; "));
    react(f, "take before [?rest] t 'x'");
    say(f, 1, "TAKE s [a]");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other", NULL);
    EXPECT(f, "9? 2 redirect: only an out can be redirected; 1:5 [a] 1 nil; ");
    say(f, 9, "REACT guarded out before [?rest] g 'x' {strict=true}");
    say(f, 1, "OUT guarded [a]");
    f->trace[0] = 0;
    verdict(f, SPACES_REDIRECT, "other [?]", NULL);
    assert_non_null(strstr(f->trace, "1:7! denied a strict reaction failed: redirect: "));
    check_spaces(f->spaces);
}

static void test_the_space_stands_still(void **state)
{
    fixture_t *f = *state;
    react(f, "out before [job] r 'x'");
    say(f, 1, "OUT s [job]");
    f->trace[0] = 0;
    say(f, 2, "TAKE s [?]");
    say(f, 2, "OUT s [a]");
    say(f, 3, "COUNT s");
    say(f, 3, "BATCH [[COUNT, s], [COUNT, t]]");
    say(f, 3, "OUT t [x]");  //  Another space goes on
    EXPECT(f, "3:7 1; ");
    assert_int_equal(verdict(f, SPACES_ALLOW, "", NULL), 0);
    EXPECT(f, "1:2 2; 2:3 [job] 2 nil; 2:4 3; 3:5 1; 3:6 [[1], [1]]; ");
    assert_int_equal(verdict(f, SPACES_ALLOW, "", NULL), WIRE_E_UNKNOWN);
    check_spaces(f->spaces);
}

//  One kept operation after the other has a reaction of its own.
static void test_kept_operations_are_asked_about_in_turn(void **state)
{
    fixture_t *f = *state;
    react(f, "out before nil r 'x'");
    for (int i = 0; i < 3; i++)
        say(f, 1, "OUT s [%d]", i);
    EXPECT(f, "run 1 before out of 1 (r) [0] 0; ");
    allow(f);
    EXPECT(f, "1:2 1; run 2 before out of 1 (r) [1] 0; ");
    verdict(f, SPACES_REFUSE, "no", NULL);
    EXPECT(f, "1:3! denied no; run 3 before out of 1 (r) [2] 0; ");
    allow(f);
    EXPECT(f, "1:4 2; ");
}

static void test_reactions_run_in_the_order_of_installation(void **state)
{
    fixture_t *f = *state;
    uint64_t one = react(f, "out before [a, ?] one 'x'");
    react(f, "out before [?, ?range(5, 9)] two 'x'");
    react(f, "out after [?, ?] three 'x'");
    react(f, "out after nil four 'x'");
    say(f, 1, "OUT s [a, 1]");
    verdict(f, SPACES_REWRITE, "[a, 7]", NULL);
    EXPECT(f, "run 1 before out of 1 (one) [a, 1] 0; run 2 before out of 1 (two) [a, 7] 0; ");
    allow(f);
    EXPECT(f, "1:5 1; run 3 after out of 1 (three) [a, 7] 1; ");
    say(f, 1, "COUNT s");
    allow(f);
    EXPECT(f, "run 4 after out of 1 (four) [a, 7] 1; ");
    verdict(f, SPACES_REFUSE, "too late", NULL);
    EXPECT(f, "1:6 1; ");
    say(f, 1, "UNREACT %d", (int) one);
    say(f, 9, "UNREACT %d", (int) one);
    say(f, 9, "UNREACT %d", (int) one);
    EXPECT(f, "1:7 false; 9:8 true; 9:9 false; ");
    say(f, 1, "OUT s [a, 1]");
    EXPECT(f, "1:10 2; run 5 after out of 1 (three) [a, 1] 2; ");
    check_spaces(f->spaces);
}

//  ---- Take and read -------------------------------------------------------

static void test_before_take_and_read(void **state)
{
    fixture_t *f = *state;
    react(f, "take before nil t 'x'");
    react(f, "read before nil r 'x'");
    say(f, 1, "OUT s [a, 1]");
    f->trace[0] = 0;
    say(f, 2, "READ s [a, ?]");
    verdict(f, SPACES_REWRITE, "[a, 'secret']", NULL);
    EXPECT(f, "run 1 before read of 2 (r) [a, 1] 1; 2:4 [a, secret] 1; ");
    say(f, 2, "TAKE s [a, ?]");
    verdict(f, SPACES_REFUSE, "not yours", NULL);
    EXPECT(f, "run 2 before take of 2 (t) [a, 1] 1; 2:5! denied not yours; ");
    say(f, 2, "TAKE s [a, ?] {lease=100}");
    verdict(f, SPACES_REWRITE, "[b]", NULL);
    EXPECT(f, "run 3 before take of 2 (t) [a, 1] 1; 2:6 [b] 1 1; ");
    say(f, 2, "RELEASE 1");
    say(f, 2, "TAKE s [a, ?]");
    allow(f);
    EXPECT(f, "2:7 true; run 4 before take of 2 (t) [a, 1] 1; 2:8 [a, 1] 1 nil; ");
    say(f, 2, "TAKE s [a, ?] {try=true}");
    EXPECT(f, "2:9! timeout no tuple matches; ");
}

//  The tuple that was asked about is gone when the verdict comes: the next one is asked about.
static void test_the_tuple_went_away_meanwhile(void **state)
{
    fixture_t *f = *state;
    react(f, "take before nil t 'x'");
    say(f, 1, "OUT s [a, 1] {ttl=100}");
    say(f, 1, "OUT s [a, 2]");
    f->trace[0] = 0;
    say(f, 2, "TAKE s [a, ?]");
    elapse(f, 100);
    verdict(f, SPACES_REWRITE, "[b]", NULL);
    EXPECT(f, "run 1 before take of 2 (t) [a, 1] 1; run 2 before take of 2 (t) [a, 2] 2; ");
    assert_int_equal(act(f, "TAKE s [a, ?]"), 0);
    allow(f);
    EXPECT(f, "> [a, 2] 2 nil; ");  //  It waits now
    say(f, 1, "OUT s [a, 3]");
    allow(f);
    EXPECT(f, "1:5 3; run 3 before take of 2 (t) [a, 3] 3; 2:4 [a, 3] 3 nil; ");
}

static void test_waiters_are_asked_about_too(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "READ s [a]");
    say(f, 2, "TAKE s [a]");
    say(f, 3, "TAKE s [?]");
    react(f, "take before nil t 'x'");
    react(f, "take after nil after 'x'");
    say(f, 4, "OUT s [a]");
    EXPECT(f, "4:6 1; 1:1 [a] 1; run 1 before take of 2 (t) [a] 1; ");
    say(f, 4, "OUT s [b]");
    verdict(f, SPACES_REFUSE, "no", NULL);
    EXPECT(f, "2:2! denied no; run 2 before take of 3 (t) [a] 1; ");
    verdict(f, SPACES_REWRITE, "[c]", NULL);
    EXPECT(f, "3:3 [c] 1 nil; run 3 after take of 3 (after) [a] 1; ");
    allow(f);
    EXPECT(f, "4:7 2; ");
    say(f, 1, "COUNT s");
    EXPECT(f, "1:8 1; ");
}

static void test_a_waiter_ends_while_it_is_asked_about(void **state)
{
    fixture_t *f = *state;
    f->ttl = 50;
    say(f, 1, "TAKE s [a]");
    f->ttl = 0;
    react(f, "take before nil t 'x'");
    say(f, 2, "OUT s [a]");
    elapse(f, 50);
    verdict(f, SPACES_REFUSE, "no", NULL);
    EXPECT(f, "2:3 1; run 1 before take of 1 (t) [a] 1; 1:1! timeout no tuple matches; ");
    say(f, 3, "TAKE s [a]");
    allow(f);
    EXPECT(f, "run 2 before take of 3 (t) [a] 1; 3:4 [a] 1 nil; ");
}

static void test_after_an_expiry(void **state)
{
    fixture_t *f = *state;
    react(f, "expire after [a] e 'x'");
    say(f, 1, "OUT s [a] {ttl=10}");
    say(f, 1, "OUT s [b] {ttl=10}");
    say(f, 1, "OUT s [a] {ttl=20}");
    say(f, 1, "TAKE s [a] {lease=1000}");
    elapse(f, 20);
    f->trace[0] = 0;
    say(f, 1, "RELEASE 1");  //  Goes on, since it names no space
    allow(f);
    EXPECT(f, "1:6 true; run 2 after expire of 0 (e) [a] 1; ");
    allow(f);
    EXPECT(f, "");
}

//  ---- What a reaction does ------------------------------------------------

static void test_what_a_reaction_does(void **state)
{
    fixture_t *f = *state;
    react(f, "out before nil r 'x'");
    react(f, "out after nil after 'x'");
    react(f, "take after nil taken 'x'");
    say(f, 2, "TAKE s [log, ?]");
    say(f, 1, "OUT s [a]");
    f->trace[0] = 0;
    act(f, "COUNT s");
    act(f, "OUT s [n, 1]");
    act(f, "TAKE s [m]");
    act(f, "DESTROY s");
    act(f, "OUT s 7");
    EXPECT(f, "> 0; > 1; > timeout no tuple matches; > usage a reaction does OUT, TAKE, READ and COUNT; "
              "> usage a tuple is a table; ");
    verdict(f, SPACES_ALLOW, "", "[OUT, s, [log, 1]], [TAKE, s, [n, ?]], [TAKE, s, [n, ?]], [OUT, t, [log]], [OUT, s, 8]");
    check_spaces(f->spaces);
    assert_non_null(strstr(f->trace, "2:4 [log, 1] 2 nil; "));
    assert_non_null(strstr(f->trace, "9? 1 operation 5: "));
    assert_non_null(strstr(f->trace, "run 2 after take of 2 (taken) [log, 1] 2; "));
    assert_null(strstr(f->trace, "run 3"));  //  None for what a reaction puts
    f->trace[0] = 0;
    allow(f);
    EXPECT(f, "1:5 4; run 3 after out of 1 (after) [a] 4; ");
    allow(f);
    assert_int_equal(act(f, "COUNT s"), WIRE_E_UNKNOWN);
    EXPECT(f, "> unknown the run is over; ");
}

static void test_a_run_that_fails(void **state)
{
    fixture_t *f = *state;
    uint64_t reaction = react(f, "out before nil r 'x'");
    say(f, 1, "OUT s [a]");
    verdict(f, SPACES_FAILED, "attempt to index a nil value", NULL);
    EXPECT(f, "run 1 before out of 1 (r) [a] 0; 9? 1 attempt to index a nil value; 1:2 1; ");
    say(f, 1, "OUT s [b]");
    assert_int_equal(spaces_due(f->spaces), f->now + 1000);
    elapse(f, 999);
    assert_int_equal(f->spaces->tuples, 1);
    elapse(f, 1);
    EXPECT(f, "run 2 before out of 1 (r) [b] 0; 9? 1 no verdict in time; 1:3 2; ");
    assert_int_equal(verdict(f, SPACES_REFUSE, "", NULL), WIRE_E_UNKNOWN);
    say(f, 1, "OUT s [c]");
    verdict(f, SPACES_REWRITE, "[?]", NULL);  //  No tuple
    assert_non_null(strstr(f->trace, "9? 1 "));
    assert_int_equal(f->spaces->tuples, 3);
    assert_int_equal(reaction, 1);
    check_spaces(f->spaces);
}

//  A guard: what it cannot judge does not pass.
static void test_a_strict_one_refuses_what_it_cannot_judge(void **state)
{
    fixture_t *f = *state;
    say(f, 9, "REACT s out after nil r 'x' {strict=true}");
    assert_int_equal(f->code, WIRE_E_USAGE);
    say(f, 9, "REACT s out before nil r 'x' {strict=7}");
    assert_int_equal(f->code, WIRE_E_USAGE);
    say(f, 9, "REACT s out before nil r 'x' {other=true}");
    assert_int_equal(f->code, WIRE_E_USAGE);
    react(f, "out before [?, ?rest] guard 'x' {strict=true}");
    react(f, "take before nil guard 'x' {strict=true}");
    say(f, 1, "OUT s [a]");
    verdict(f, SPACES_FAILED, "oh", NULL);
    EXPECT(f, "run 1 before out of 1 (guard) [a] 0; 9? 1 oh; 1:6! denied a strict reaction failed: oh; ");
    say(f, 1, "OUT s [b]");
    elapse(f, 1000);
    EXPECT(f, "run 2 before out of 1 (guard) [b] 0; 9? 1 no verdict in time; "
              "1:7! denied a strict reaction failed: no verdict in time; ");
    say(f, 1, "OUT s [c]");
    verdict(f, SPACES_REWRITE, "[?]", NULL);  //  No tuple
    assert_int_equal(f->code, WIRE_E_DENIED);
    assert_int_equal(f->spaces->tuples, 0);
    f->trace[0] = 0;
    say(f, 2, "TAKE s [d]");
    say(f, 1, "OUT s [d]");
    allow(f);
    EXPECT(f, "run 4 before out of 1 (guard) [d] 0; 1:10 1; run 5 before take of 2 (guard) [d] 1; ");
    verdict(f, SPACES_FAILED, "oh", NULL);
    EXPECT(f, "9? 2 oh; 2:9! denied a strict reaction failed: oh; ");
    assert_int_equal(f->spaces->tuples, 1);
    assert_int_equal(f->spaces->counters.refused, 4);
    say(f, 1, "REACTIONS s");
    EXPECT(f, "1:11 [{number=1, on=out, phase=before, name=guard, strict=true, owner=9}, "
              "{number=2, on=take, phase=before, name=guard, strict=true, owner=9}]; ");
    check_spaces(f->spaces);
}

static void test_reports_are_bounded(void **state)
{
    fixture_t *f = *state;
    react(f, "out before nil r 'x'");
    for (int i = 0; i < 25; i++) {
        say(f, 1, "OUT s [a]");
        verdict(f, SPACES_FAILED, "oh", NULL);
    }
    size_t told = 0;
    for (const char *at = f->trace; (at = strstr(at, "9? 1 oh;")); at++)
        told++;
    assert_int_equal(told, 10);
    assert_int_equal(f->spaces->counters.failed, 25);
    assert_int_equal(f->spaces->counters.unreported, 15);
    elapse(f, 1000);
    f->trace[0] = 0;
    say(f, 1, "OUT s [a]");
    verdict(f, SPACES_FAILED, "oh", NULL);
    EXPECT(f, "run 26 before out of 1 (r) [a] 0; 9? 1 oh (15 failures before it were not reported); 1:27 26; ");
    say(f, 1, "OUT s [a]");
    verdict(f, SPACES_FAILED, "oh", NULL);
    EXPECT(f, "run 27 before out of 1 (r) [a] 0; 9? 1 oh; 1:28 27; ");
}

//  ---- Bounds --------------------------------------------------------------

static void test_nothing_passes_by(void **state)
{
    fixture_t *f = *state;
    uint64_t reaction = react(f, "out before nil r 'x'");
    say(f, 1, "BATCH [[OUT, s, [a]]]");
    EXPECT(f, "1:2! state space s has reactions, which see one tuple at a time: no BATCH there; ");
    say(f, 1, "OUT t [a]");
    say(f, 1, "TAKE t [a] {lease=100}");
    f->trace[0] = 0;
    say(f, 1, "ACK 1 [[s, [a]]]");
    say(f, 1, "TAKE s [b] {put=[a]}");
    assert_int_equal(f->spaces->tuples, 0);
    EXPECT(f, "1:5! state space s has reactions, which see one tuple at a time: no ACK there; "
              "1:6! state the space has reactions, which see one tuple at a time: no put and no all there; ");
    say(f, 1, "BATCH [[COUNT, s], [READ, s, [a], {all=3}]]");  //  No reaction before these
    EXPECT(f, "1:7 [[0], [[], []]]; ");
    say(f, 9, "UNREACT %d", (int) reaction);
    say(f, 1, "ACK 1 [[s, [a]]]");
    EXPECT(f, "9:8 true; 1:9 [2]; ");
    check_spaces(f->spaces);
}

//  A batch over two spaces that stand still waits for one after the other.
static void test_a_batch_waits_for_all_its_spaces(void **state)
{
    fixture_t *f = *state;
    react(f, "out after [x] r 'x'");
    say(f, 9, "REACT t out after nil r 'x'");
    say(f, 1, "OUT s [x]");
    uint64_t first = f->run;
    say(f, 1, "OUT t [x]");
    uint64_t second = f->run;
    f->trace[0] = 0;
    say(f, 1, "BATCH [[OUT, s, [a]], [OUT, t, [a]]]");
    EXPECT(f, "");
    f->run = first;
    allow(f);
    EXPECT(f, "");
    f->run = second;
    allow(f);
    EXPECT(f, "1:5 [[3], [4]]; run 3 after out of 1 (r) [a] 4; ");
}

static void test_waiting_for_a_turn_ends(void **state)
{
    fixture_t *f = *state;
    react(f, "out before nil r 'x'");
    say(f, 1, "OUT s [a]");
    f->trace[0] = 0;
    f->ttl = 100;
    uint64_t late = say(f, 2, "TAKE s [a]");
    f->ttl = 0;
    uint64_t forgotten = say(f, 3, "TAKE s [a]");
    say_as(f, 3, forgotten, "TAKE s [a]");
    say(f, 3, "FORGET %d", (int) forgotten);
    say(f, 4, "TAKE s [a]");
    say(f, 4, "REACT s out before nil never 'x'");
    end(f, 4);
    EXPECT(f, "3:4! cancelled it waits no longer; 3:5 true; ");
    elapse(f, 100);
    allow(f);
    EXPECT(f, "1:2 1; 2:3! timeout no tuple matches; ");
    assert_int_equal(late, 3);
    assert_int_equal(f->spaces->tuples, 1);
    check_spaces(f->spaces);
}

static void test_reactions_end(void **state)
{
    fixture_t *f = *state;
    react(f, "out before nil r 'x'");
    say(f, 1, "OUT s [a]");
    say(f, 1, "OUT s [b]");
    end(f, 9);  //  Its run is under way, and still counts
    f->trace[0] = 0;
    verdict(f, SPACES_REFUSE, "no", NULL);
    EXPECT(f, "1:2! denied no; 1:3 1; ");
    assert_int_equal(f->spaces->sessions.count, 0);
    react(f, "out before nil r 'x'");
    react(f, "out after nil r 'x'");
    say(f, 1, "OUT s [c]");
    say(f, 1, "DESTROY s");
    say(f, 1, "OUT s [d]");
    f->trace[0] = 0;
    allow(f);
    allow(f);  //  The run after it
    EXPECT(f, "1:6 2; run 3 after out of 1 (r) [c] 2; 1:7 true; 1:8 3; ");
    assert_int_equal(f->spaces->tuples, 1);
    say(f, 1, "TAKE s [d]");
    assert_int_equal(f->spaces->bytes, 0);
    assert_int_equal(f->spaces->heap.reserved, 0);
    check_spaces(f->spaces);
}

//  A text cannot say so, but whoever breaks the jail can: it comes back, since nobody acknowledges it.
static void test_what_a_run_leases_comes_back(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    react(f, "out before [b] r 'x'");
    say(f, 1, "OUT s [b]");
    f->trace[0] = 0;
    act(f, "TAKE s [a] {lease=100}");
    act(f, "COUNT s [a]");
    EXPECT(f, "> [a] 1 1; > 0; ");
    check_spaces(f->spaces);
    elapse(f, 100);
    act(f, "READ s [a]");
    EXPECT(f, "> [a] 1; ");
    allow(f);
    assert_int_equal(f->spaces->sessions.count, 1);     //  The owner's
}

static void test_they_are_listed(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "REACTIONS s");
    react(f, "out before nil quota 'x'");
    react(f, "take after [a] '' 'x'");
    say(f, 8, "REACT s expire after nil log 'x'");
    f->trace[0] = 0;
    say(f, 1, "REACTIONS s");
    EXPECT(f, "1:5 [{number=1, on=out, phase=before, name=quota, strict=false, owner=9}, "
              "{number=2, on=take, phase=after, name=, strict=false, owner=9}, "
              "{number=3, on=expire, phase=after, name=log, strict=false, owner=8}]; ");
    say(f, 9, "UNREACT 2");
    end(f, 8);
    f->trace[0] = 0;
    say(f, 1, "REACTIONS s");
    say(f, 1, "REACTIONS t");
    say(f, 1, "REACTIONS");
    say(f, 1, "REACTIONS s s");
    EXPECT(f, "1:7 [{number=1, on=out, phase=before, name=quota, strict=false, owner=9}]; 1:8 []; "
              "1:9! malformed REACTIONS: the space's name is not text; 1:10! malformed REACTIONS: too many fields; ");
}

//  What will happen by itself, so that nobody takes a program for stuck or over.
static void test_what_goes_on_by_itself(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a] {ttl=100}");
    say(f, 1, "OUT s [b]");
    say(f, 2, "TAKE t [?]");
    assert_int_equal(spaces_awaited(f->spaces), 0);     //  Nobody hears of the expiry
    uint64_t number = react(f, "expire after nil e 'x'");
    assert_int_equal(spaces_awaited(f->spaces), 1);
    react(f, "out before [c] r 'x'");
    say(f, 1, "OUT s [c]");
    assert_int_equal(spaces_running(f->spaces), 1);
    allow(f);
    assert_int_equal(spaces_running(f->spaces), 0);
    elapse(f, 100);
    assert_int_equal(spaces_awaited(f->spaces), 0);
    assert_int_equal(spaces_running(f->spaces), 1);
    elapse(f, 1000);                                    //  No verdict
    assert_int_equal(spaces_running(f->spaces), 0);
    say(f, 1, "OUT s [d] {ttl=100}");
    assert_int_equal(spaces_awaited(f->spaces), 1);
    say(f, 9, "UNREACT %d", (int) number);
    assert_int_equal(spaces_awaited(f->spaces), 0);
}

static void test_what_is_kept_is_bounded(void **state)
{
    fixture_t *f = *state;
    spaces_destroy(&f->spaces);
    start(f, &(spaces_config_t) { .bytes = 10000 });
    react(f, "out before nil r 'x'");
    f->quiet = true;
    int i = 0;
    for (f->code = 0; f->code == 0 && i < 1000; i++)
        say(f, 1, "OUT s [%d]", i);
    assert_int_equal(f->code, WIRE_E_FULL);
    assert_true(i > 10 && f->spaces->bytes <= 10000);
    say(f, 9, "UNREACT 1");
    allow(f);
    assert_int_equal(f->answers, i + 1);  //  All but the last, REACT and UNREACT
    check_spaces(f->spaces);
}

static void test_what_is_refused(void **state)
{
    fixture_t *f = *state;
    say(f, 9, "REACT s put before nil n 'x'");
    say(f, 9, "REACT s out during nil n 'x'");
    say(f, 9, "REACT s expire before nil n 'x'");
    say(f, 9, "REACT s out before 7 n 'x'");
    say(f, 9, "REACT s out before nil n");
    EXPECT(f, "9:1! usage a reaction is on out, take, read or expire; 9:2! usage a reaction's phase is before or after; "
              "9:3! usage a reaction on expire runs after it; 9:4! usage a template is a table; "
              "9:5! malformed REACT: the code is not text; ");
    assert_int_equal(f->outcome, WIRE_E_MALFORMED);
    assert_int_equal(f->spaces->count, 0);
    for (int i = 0; i < SPACES_REACTIONS; i++)
        react(f, "out before [a] r 'x'");
    say(f, 9, "REACT s out before [a] r 'x'");
    assert_int_equal(f->code, WIRE_E_FULL);
    check_spaces(f->spaces);
}

//  Nothing is left when all ends in the middle.
static void test_all_ends_in_the_middle(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "TAKE s [a]");
    react(f, "take before nil r 'x'");
    react(f, "out after nil r 'x'");
    say(f, 1, "OUT s [a]");
    say(f, 1, "OUT s [b]");
    say(f, 1, "TAKE s [c]");
    assert_int_equal(f->spaces->runs.count, 1);
}

//  ---- At random -----------------------------------------------------------

enum { STEPS = 40000, SESSIONS = 4 };

static uint64_t seed_now;

static int dice(int sides)
{
    seed_now ^= seed_now << 13;
    seed_now ^= seed_now >> 7;
    seed_now ^= seed_now << 17;
    return (int) (seed_now >> 33) % sides;
}

static const char *space_name(void)
{
    static const char *const names[] = { "s", "t", "u" };
    return names[dice(3)];
}

static void some_operation(fixture_t *f, uint64_t session)
{
    static const char *const on[] = { "out", "take", "read", "expire" };
    int which = dice(16);
    const char *space = space_name();
    f->ttl = dice(4) ? 1 + (uint32_t) dice(50) : 0;
    if (which < 5)
        say(f, session, "OUT %s [%d, %d] {ttl=%d}", space, dice(3), dice(3), 1 + dice(100));
    else if (which < 8)
        say(f, session, "TAKE %s [?, %d] {try=%s}", space, dice(3), dice(2) ? "true" : "false");
    else if (which == 8)
        say(f, session, "TAKE %s [%d, ?] {lease=%d}", space, dice(3), 10 + dice(50));
    else if (which == 9)
        say(f, session, "READ %s [%d, ?]", space, dice(3));
    else if (which == 10)
        say(f, session, "TAKE %s [?, 1] {put=[%d, 2]}", space, dice(3));
    else if (which == 11)
        say(f, session, "BATCH [[OUT, %s, [1, 1]], [TAKE, %s, [1, ?]]]", space, space_name());
    else if (which == 12)
        say(f, session, "ACK %d [[%s, [2, 2]]]", dice(200), space);
    else if (which == 13)
        say(f, session, "REACT %s %s %s [%d, ?] r 'x'", space, on[dice(4)], dice(2) ? "before" : "after", dice(3));
    else if (which == 14)
        say(f, session, "UNREACT %d", (int) f->spaces->last_reaction - dice(8));
    else
        say(f, session, dice(20) ? "SPACE_WATCH %s [0, ?]" : "DESTROY %s", space);
}

static void some_verdict(fixture_t *f)
{
    static const char *const texts[] = { "", "no", "[1, 2]", "it failed", "t [1, 2]" };
    if (f->spaces->last_run == 0)
        return;
    f->run = f->spaces->last_run - (uint64_t) dice(3);
    if (dice(4) == 0)
        act(f, dice(2) ? "OUT s [1, 1]" : "TAKE s [1, ?]");
    int what = dice(5);
    verdict(f, (spaces_judgement_t) what, texts[what], dice(3) ? NULL : "[OUT, t, [0, 0]], [TAKE, s, [?, ?]]");
}

static uint64_t asked_by[2 * STEPS];    //  The session of each request

static void some_step(fixture_t *f, bool *ended)
{
    int which = dice(100);
    uint64_t session = 1 + (uint64_t) dice(SESSIONS);
    if (which < 60) {
        asked_by[f->request + 1] = session;
        some_operation(f, session);
    }
    else if (which < 90)
        some_verdict(f);
    else if (which < 99)
        elapse(f, dice(20));
    else {                      //  Who waits for it hears no more
        end(f, session);
        for (uint64_t request = 1; request <= f->request; request++)
            ended[request] |= asked_by[request] == session && f->outcomes[request] == 0;
    }
}

//  Each request has one outcome, whatever reactions do; a session that ended may have had none.
static void play(fixture_t *f, uint64_t seed)
{
    static uint8_t outcomes[2 * STEPS];
    static bool ended[2 * STEPS];
    memset(outcomes, 0, sizeof outcomes);
    memset(ended, 0, sizeof ended);
    seed_now = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    f->outcomes = outcomes;
    f->quiet = true;
    f->request = 0;
    for (int step = 0; step < STEPS / 4; step++) {
        some_step(f, ended);
        if (step % 10 == 0)
            check_spaces(f->spaces);
    }
    f->ttl = 0;
    say(f, 1, "DESTROY s");
    say(f, 1, "DESTROY t");
    say(f, 1, "DESTROY u");
    while (f->spaces->runs.count)
        elapse(f, 1000);
    for (uint64_t request = 1; request <= f->request; request++)
        if (outcomes[request] > 1 || (outcomes[request] == 0 && !ended[request]))
            fail_msg("seed %d: request %d has %d outcomes", (int) seed, (int) request, outcomes[request]);
    assert_true(f->spaces->counters.runs > STEPS / 100);
    check_spaces(f->spaces);
}

static void test_each_request_has_one_outcome(void **state)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        assert_int_equal(setup(state), 0);
        play(*state, seed);
        teardown(state);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_before_out), TEST(test_an_out_goes_elsewhere), TEST(test_where_it_goes_nothing_reacts),
        TEST(test_what_cannot_go_elsewhere),
        TEST(test_the_space_stands_still),
        TEST(test_kept_operations_are_asked_about_in_turn),
        TEST(test_reactions_run_in_the_order_of_installation),
        TEST(test_before_take_and_read),
        TEST(test_the_tuple_went_away_meanwhile),
        TEST(test_waiters_are_asked_about_too),
        TEST(test_a_waiter_ends_while_it_is_asked_about),
        TEST(test_after_an_expiry),
        TEST(test_what_a_reaction_does),
        TEST(test_a_run_that_fails),
        TEST(test_a_strict_one_refuses_what_it_cannot_judge),
        TEST(test_reports_are_bounded),
        TEST(test_nothing_passes_by),
        TEST(test_a_batch_waits_for_all_its_spaces),
        TEST(test_waiting_for_a_turn_ends),
        TEST(test_reactions_end),
        TEST(test_what_a_run_leases_comes_back),
        TEST(test_they_are_listed),
        TEST(test_what_goes_on_by_itself),
        TEST(test_what_is_kept_is_bounded),
        TEST(test_what_is_refused),
        TEST(test_all_ends_in_the_middle),
        cmocka_unit_test(test_each_request_has_one_outcome),
    };
    return cmocka_run_group_tests_name("space reactions", tests, NULL, NULL);
}
