//  What reaches a node and is handled: requests, cancels, notices, timers, posts, what keeps it active

#include "test_node_fixture.h"

static const uint8_t none = 0x90;

static void test_a_call_is_an_event_and_is_answered(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    f->keep = true;
    assert_int_equal(hear_call(f, b->link, "1@b", 9, 0), 0);
    said(f, "");
    run(f);
    said(f, "CALL:9(add) ");
    assert_int_equal(node_core_answer(&f->core, WIRE_REPLY, f->author, 9, &none, 1), 0);
    said(f, "b<REPLY:9 ");
    assert_true(wire_str_is(last_sent(b).to, "1@b"));
    assert_int_equal(b->link->sent, 2);
    assert_int_equal(b->link->received, 2);
    alua_remote_release(f->author);
}

static void test_events_wait_for_the_main_chunk(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    f->core.ready = false;
    hear_call(f, b->link, "1@b", 1, 0);
    tell(f, "1@me");
    node_core_post(&f->core, NULL, NULL);
    assert_int_equal(node_core_drain(&f->core, 100), 0);
    said(f, "");
    f->core.ready = true;
    assert_int_equal(node_core_drain(&f->core, 2), 2);
    said(f, "CALL:1(add) CHUNK:0(main) ");
    node_mail_t *post = node_mailbox_pop(&f->core.mailbox);
    assert_int_equal(post->kind, NODE_MAIL_POST);
    node_core_drop(&f->core, post);
}

static void drain_inside(void *arg)
{
    fixture_t *f = arg;
    assert_int_equal(node_core_drain(&f->core, 100), 0);
    assert_true(node_core_active(&f->core));
    note(f, "inside ");
}

static void test_no_event_inside_another(void **state)
{
    fixture_t *f = *state;
    node_core_post(&f->core, drain_inside, f);
    tell(f, "1@me");
    run(f);
    said(f, "inside CHUNK:0(main) ");
}

static void test_work_past_its_deadline_is_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear_call(f, b->link, "1@b", 1, 100);
    f->now += 100;
    run(f);
    said(f, "CALL:1(add) ");
    hear_call(f, b->link, "1@b", 2, 100);
    f->now += 101;
    run(f);
    said(f, "b<FAIL:2 ");
    wire_msg_t msg = last_sent(b);
    wire_reader_t at;
    wire_str_t word;
    assert_true(wire_map_find(&msg.fields, "code", &at));
    assert_int_equal(wire_read_bytes(&at, &word), 0);
    assert_true(wire_str_is(word, "expired"));
    assert_int_equal(f->core.stat.expired, 1);
}

//  What waits too long in a mailbox is dropped, each with a word; what does not runs in the order it was sent.
static void test_of_sends_in_a_row_each_late_one_is_told_of(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    const struct {
        const char *name;
        uint32_t ttl;
    } sends[] = { { "one", 0 }, { "two", 100 }, { "three", 500 }, { "four", 100 } };
    for (size_t i = 0; i < 4; i++)
        hear(f, b->link, (head_t) { WIRE_CALL, 0, sends[i].ttl, "1@b", NULL }, "usa", 0, sends[i].name);
    f->now += 101;
    hear(f, b->link, (head_t) { WIRE_CALL, 0, 100, "1@b", NULL }, "usa", 0, "five");
    run(f);
    said(f, "CALL:0(one) b<FAIL:0 CALL:0(three) b<FAIL:0 CALL:0(five) ");
    assert_int_equal(f->core.stat.expired, 2);
}

static void test_a_call_for_somebody_else_is_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear(f, b->link, (head_t) { WIRE_CALL, 3, 0, "1@b", "printer" }, "usa", 1, "add");
    hear(f, b->link, (head_t) { WIRE_CALL, 4, 0, "1@b", "me" }, "usa", 1, "add");
    run(f);
    said(f, "b<FAIL:3 CALL:4(add) ");
}

static void test_cancel_of_queued_work(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    peer_t *c = accept_from(f, "c", 1, "1@c");
    hear_call(f, b->link, "1@b", 5, 0);
    hear_call(f, c->link, "1@c", 5, 0);     //  Another one's request of the same number
    hear(f, b->link, (head_t) { WIRE_CANCEL, 5, 0, "1@b", NULL }, "");
    said(f, "");
    run(f);
    said(f, "CALL:5(add) ");
    assert_string_equal(alua_remote_id(f->author), "1@c");
    assert_int_equal(f->core.mailbox.events, 0);
}

static void test_cancel_of_running_work_is_an_event(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear_call(f, b->link, "1@b", 5, 0);
    run(f);
    hear(f, b->link, (head_t) { WIRE_CANCEL, 5, 0, "1@b", NULL }, "");
    said(f, "CALL:5(add) ");                //  Not from inside whatever received it
    run(f);
    said(f, "cancel:5 ");
}

//  ---- Credit for what was handled -------------------------------------------

static void hear_many(fixture_t *f, peer_t *b, int count)
{
    f->quiet = true;
    for (int i = 0; i < count; i++)
        hear(f, b->link, (head_t) { WIRE_CHUNK, 0, 0, "1@b", NULL }, "ussa", 0, "n", "c");
    f->quiet = false;
}

static uint64_t credit_told(const peer_t *b)
{
    wire_msg_t msg = last_sent(b);
    uint64_t events = 0;
    assert_int_equal(msg.type, WIRE_CREDIT);
    assert_int_equal(wire_read_uint(&msg.fields, &events), 0);
    return events;
}

static void test_credit_returns_when_work_was_handled(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear_many(f, b, 5000);
    said(f, "");                            //  Arrived is not handled
    f->quiet = true;
    run(f);
    assert_int_equal(credit_told(b), WIRE_CREDIT_EVENTS / 4);
    hear_many(f, b, 5000);
    f->quiet = true;
    run(f);
    assert_int_equal(credit_told(b), WIRE_CREDIT_EVENTS / 2);
    assert_int_equal(b->link->sent, 1);     //  Credit is no event
}

static void test_refused_and_cancelled_work_gives_its_credit_back(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    f->quiet = true;
    for (int i = 0; i < WIRE_CREDIT_EVENTS / 4; i++) {
        const char *to = i % 2 ? "nobody" : "1@me";
        hear(f, b->link, (head_t) { WIRE_CALL, 1, 0, "1@b", to }, i % 3 ? "usa" : "s", "no flags", "add");
    }
    hear(f, b->link, (head_t) { WIRE_CANCEL, 1, 0, "1@b", NULL }, "");
    run(f);
    assert_int_equal(node_remotes_find(&f->core.remotes, str("1@b"))->told_events, WIRE_CREDIT_EVENTS / 4);
}

//  What came through the broker cost its sender nothing.
static void test_relayed_work_gives_no_credit(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    f->quiet = true;
    for (int i = 0; i < 6000; i++)
        hear(f, NULL, (head_t) { WIRE_CHUNK, 0, 0, "1@b", NULL }, "ussa", 0, "n", "c");
    run(f);
    assert_int_equal(last_sent(b).type, WIRE_CALL);
    assert_int_equal(node_remotes_find(&f->core.remotes, str("1@b"))->used_events, 0);
}

//  Nor does what an earlier link brought count for the next one.
static void test_a_peer_that_ignores_its_credit_is_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    f->core.ready = false;
    for (int i = 0; i < 2 * WIRE_CREDIT_EVENTS; i++)
        assert_int_equal(hear_call(f, b->link, "1@b", i + 1, 0), 0);
    assert_int_equal(hear_call(f, b->link, "1@b", 2 * WIRE_CREDIT_EVENTS + 1, 0), WIRE_E_FULL);
    assert_int_equal(f->core.mailbox.events, 2 * WIRE_CREDIT_EVENTS);
}

static void test_relayed_work_beyond_the_mailbox_is_told_full(void **state)
{
    fixture_t *f = *state;
    uint64_t refused = f->core.stat.refused;
    f->core.ready = false;
    for (int i = 0; i < 4 * WIRE_CREDIT_EVENTS; i++)
        assert_int_equal(hear_call(f, NULL, "1@far", i + 1, 0), 0);
    assert_int_equal(f->core.stat.refused, refused);
    assert_int_equal(hear_call(f, NULL, "1@far", 4 * WIRE_CREDIT_EVENTS + 1, 0), 0);
    assert_int_equal(f->core.stat.refused, refused + 1);
    assert_int_equal(f->core.mailbox.events, 4 * WIRE_CREDIT_EVENTS);
}

static void test_credit_is_counted_anew_with_each_link(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear_many(f, b, 5000);
    link_gone(f, b, WIRE_E_GONE, "lease over");
    b = accept_from(f, "b", 7, "1@b");
    hear_many(f, b, 100);
    f->quiet = true;
    run(f);
    assert_int_equal(node_remotes_find(&f->core.remotes, str("1@b"))->used_events, 100);
    assert_null(b->last);
}

static void test_credit_returns_by_the_link_whatever_our_own_way(void **state)
{
    fixture_t *f = *state;
    call(f, "1@b");
    f->no_way = true;
    hear_found(f, 1, "1@b", "b", 7);        //  We reach it through the broker
    said(f, "broker<LOOKUP:1 dial(b#7) broker<CALL:2 ");
    peer_t *b = accept_from(f, "b", 7, "1@b");
    hear_many(f, b, 5000);
    f->quiet = true;
    run(f);
    assert_int_equal(credit_told(b), WIRE_CREDIT_EVENTS / 4);
}

static void test_credit_that_found_no_room_is_told_later(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear_many(f, b, WIRE_CREDIT_EVENTS / 4 + 1);
    f->quiet = true;
    b->refuses = WIRE_E_FULL;
    node_core_drain(&f->core, WIRE_CREDIT_EVENTS / 4);
    b->refuses = 0;
    run(f);
    assert_int_equal(credit_told(b), WIRE_CREDIT_EVENTS / 4 + 1);
}

//  ---- Notices ---------------------------------------------------------------

static void test_notices_are_events(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear(f, b->link, (head_t) { WIRE_END, 0, 0, "1@b", NULL }, "us", 0, "exit");
    hear(f, NULL, (head_t) { WIRE_WATCHED, 0, 0, NULL, NULL }, "sssus", "silent", "1@c", "c", 4, "no sign");
    hear(f, NULL, (head_t) { WIRE_REACTION, 0, 0, NULL, NULL }, "us", 1, "it failed");
    node_core_event(&f->core, ALUA_PARENT, 0);
    node_core_event(&f->core, ALUA_ORDER, 3);
    run(f);
    said(f, "END WATCHED REACTION PARENT ORDER ");
    assert_int_equal(b->link->received, 2);
    assert_int_equal(f->core.broker_received, 3);       //  What befriend looked up, WATCHED and REACTION
    assert_int_equal(f->core.broker_sent, 1);
}

static void test_failure_of_a_send_is_reported(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear(f, b->link, (head_t) { WIRE_FAIL, 0, 0, "1@b", NULL }, "e", "syntax", 1);
    hear(f, b->link, (head_t) { WIRE_FAIL, 0, 0, "1@b", NULL }, "s", "no map");
    run(f);
    said(f, "report(1@b,syntax) report(1@b,remote) ");
    assert_int_equal(f->size, 0);
    assert_int_equal(f->core.stat.reports, 2);
}

//  ---- Timers ----------------------------------------------------------------

static void ticked(void *arg)
{
    slot_t *slot = arg;
    note(slot->f, "tick(%d) ", slot->number);
}

static uint64_t timer(fixture_t *f, int number, int64_t ms)
{
    f->slots[number] = (slot_t) { f, number, 0, 0 };
    return node_core_timer(&f->core, ms, false, ticked, &f->slots[number]);
}

static void test_timers_fire_in_order_of_time_then_of_making(void **state)
{
    fixture_t *f = *state;
    for (int i = 0; i < 8; i++)
        assert_int_not_equal(timer(f, i, i % 2 ? 20 : 10), 0);
    timer(f, 8, 15);
    timer(f, 9, 0);
    assert_int_equal(node_core_wait(&f->core), 0);
    elapse(f, 9);
    said(f, "tick(9) ");
    elapse(f, 1);
    said(f, "tick(0) tick(2) tick(4) tick(6) ");
    assert_int_equal(node_core_wait(&f->core), 5);
    elapse(f, 50);
    said(f, "tick(8) tick(1) tick(3) tick(5) tick(7) ");
    assert_int_equal(f->core.stat.timers, 10);
    assert_false(node_core_active(&f->core));
}

static void test_a_timer_is_cancelled_once(void **state)
{
    fixture_t *f = *state;
    uint64_t a = timer(f, 1, 10), b = timer(f, 2, 10);
    assert_true(node_core_timer_cancel(&f->core, a));
    assert_false(node_core_timer_cancel(&f->core, a));
    assert_false(node_core_timer_cancel(&f->core, 0));
    elapse(f, 10);
    said(f, "tick(2) ");
    assert_false(node_core_timer_cancel(&f->core, b));
}

static void test_an_id_is_not_used_again(void **state)
{
    fixture_t *f = *state;
    uint64_t a = timer(f, 1, 10);
    assert_true(node_core_timer_cancel(&f->core, a));
    assert_int_not_equal(timer(f, 2, 10), a);
    assert_false(node_core_timer_cancel(&f->core, a));
    elapse(f, 10);
    said(f, "tick(2) ");
}

static void cancel_the_other(void *arg)
{
    slot_t *slot = arg;
    note(slot->f, "cancel ");
    assert_true(node_core_timer_cancel(&slot->f->core, slot->id));
    assert_false(node_core_timer_cancel(&slot->f->core, slot->id));
}

//  Both fall due at once, and the first one's event takes the second back.
static void test_a_timer_that_fell_due_can_still_be_cancelled(void **state)
{
    fixture_t *f = *state;
    f->slots[0] = (slot_t) { f, 0, 0, 0 };
    node_core_timer(&f->core, 10, false, cancel_the_other, &f->slots[0]);
    f->slots[0].id = timer(f, 1, 10);
    elapse(f, 10);
    said(f, "cancel ");
    assert_int_equal(f->core.timer_count, 0);
    assert_int_equal(f->core.timers_holding, 0);
}

static void test_timers_that_never_rang_are_given_back(void **state)
{
    fixture_t *f = *state;
    timer(f, 1, 10);
    timer(f, 2, 20);
    f->now += 10;
    node_core_tick(&f->core);               //  One waits in the mailbox, one in the heap
}

static void test_posts_keep_their_place(void **state)
{
    fixture_t *f = *state;
    f->slots[1] = (slot_t) { f, 1, 0, 0 };
    tell(f, "1@me");
    node_core_post(&f->core, ticked, &f->slots[1]);
    tell(f, "1@me");
    run(f);
    said(f, "CHUNK:0(main) tick(1) CHUNK:0(main) ");
}

//  ---- Active? ---------------------------------------------------------------

static void test_what_holds_the_program(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    assert_false(node_core_active(&f->core));
    f->core.ready = false;
    assert_true(node_core_active(&f->core));
    f->core.ready = true;
    f->core.holds = 1;
    assert_true(node_core_active(&f->core));
    f->core.holds = 0;
    f->core.starting = 1;
    assert_true(node_core_active(&f->core));
    f->core.starting = 0;
    uint64_t t = timer(f, 1, 10);
    assert_true(node_core_active(&f->core));
    node_core_timer_cancel(&f->core, t);
    assert_false(node_core_active(&f->core));
    call(f, "1@b");
    assert_true(node_core_active(&f->core));
    hear_reply(f, b->link, "1@b", 3);
    assert_true(node_core_active(&f->core));    //  Its outcome is an event still to come
    run(f);
    assert_false(node_core_active(&f->core));
    hear_call(f, b->link, "1@b", 1, 0);
    assert_true(node_core_active(&f->core));
}

//  A send has no outcome to wait for; until its link is up it is counted nowhere else.
static void test_what_has_not_left_holds(void **state)
{
    fixture_t *f = *state;
    tell(f, "1@b");
    assert_true(node_core_active(&f->core));
    hear_found(f, 1, "1@b", "b", 7);
    assert_true(node_core_active(&f->core));
    node_core_link_up(&f->core, f->peers[0].link, str("1@b"));
    assert_false(node_core_active(&f->core));
    tell(f, "1@c");
    hear_found(f, 2, "1@c", "c", 7);
    link_gone(f, &f->peers[1], WIRE_E_UNKNOWN, "no answer");
    assert_false(node_core_active(&f->core));
    tell(f, "1@d");
    hear_deny(f, 3, "unknown", "nobody");
    assert_false(node_core_active(&f->core));
    request(f, "1@e", 5000, WIRE_BACKGROUND, true);
    assert_false(node_core_active(&f->core));
    hear_deny(f, 4, "unknown", "nobody");
    assert_false(node_core_active(&f->core));
}

static void test_what_is_in_the_background_does_not(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    request(f, "1@b", 1000, WIRE_BACKGROUND, false);
    f->slots[9] = (slot_t) { f, 9, 0, 0 };
    node_core_timer(&f->core, 500, true, ticked, &f->slots[9]);
    node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_NODES, .background = true, .fn = on_outcome, .arg = f->slots });
    assert_false(node_core_active(&f->core));
    elapse(f, 1000);
    said(f, "b<CALL:3 broker<NODES:4 b<CANCEL:3 tick(9) 2=timeout? ");
    assert_false(node_core_active(&f->core));
    assert_int_equal(f->core.pendings.holding, 0);
    node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_NODES, .fn = on_outcome, .arg = f->slots });
    assert_true(node_core_active(&f->core));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_is_an_event_and_is_answered),
        TEST(test_events_wait_for_the_main_chunk),
        TEST(test_no_event_inside_another),
        TEST(test_work_past_its_deadline_is_refused),
        TEST(test_of_sends_in_a_row_each_late_one_is_told_of),
        TEST(test_a_call_for_somebody_else_is_refused),
        TEST(test_cancel_of_queued_work),
        TEST(test_cancel_of_running_work_is_an_event),
        TEST(test_credit_returns_when_work_was_handled),
        TEST(test_refused_and_cancelled_work_gives_its_credit_back),
        TEST(test_relayed_work_gives_no_credit),
        TEST(test_a_peer_that_ignores_its_credit_is_refused),
        TEST(test_relayed_work_beyond_the_mailbox_is_told_full),
        TEST(test_credit_is_counted_anew_with_each_link),
        TEST(test_credit_returns_by_the_link_whatever_our_own_way),
        TEST(test_credit_that_found_no_room_is_told_later),
        TEST(test_notices_are_events),
        TEST(test_failure_of_a_send_is_reported),
        TEST(test_timers_fire_in_order_of_time_then_of_making),
        TEST(test_a_timer_is_cancelled_once),
        TEST(test_an_id_is_not_used_again),
        TEST(test_a_timer_that_fell_due_can_still_be_cancelled),
        TEST(test_timers_that_never_rang_are_given_back),
        TEST(test_posts_keep_their_place),
        TEST(test_what_holds_the_program),
        TEST(test_what_has_not_left_holds),
        TEST(test_what_is_in_the_background_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
