//  Links that come, end, and are replaced; the way through the broker

#include "test_node_fixture.h"

static void test_link_gone_ends_each_request_once(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    call(f, "printer");
    hear_found(f, 4, "1@b", "b", 7);
    tell(f, "1@b");
    hush(f);
    link_lost(f, b);
    link_gone(f, b, WIRE_E_GONE, "killed");
    said(f, "report(1@b,gone) ");
    run(f);
    assert_int_equal(f->slots[1].outcomes, 1);
    assert_int_equal(f->slots[2].outcomes, 1);
    assert_string_equal(f->text, "killed");
    elapse(f, 60000);
    assert_int_equal(f->slots[1].outcomes, 1);
    assert_int_equal(f->core.pendings.count, 0);
    hush(f);
    call(f, "printer");
    call(f, "1@b");
    said(f, "broker<LOOKUP:6 broker<LOOKUP:8 ");        //  Both must be found anew
}

static void test_an_orderly_end_says_so(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    link_gone(f, b, WIRE_E_CLOSED, "bye");
    run(f);
    said(f, "b<CALL:3 2=gone? ");
    assert_string_equal(f->text, "the process has ended");
}

//  exit right after the answer: the reply is in the mailbox when the link ends.
static void test_an_answer_that_arrived_outlives_its_link(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    hear_reply(f, b->link, "1@b", 3);
    hear(f, b->link, (head_t) { WIRE_END, 0, 0, "1@b", NULL }, "us", 0, "exit");
    link_gone(f, b, WIRE_E_CLOSED, "bye");
    run(f);
    said(f, "b<CALL:3 2=ok END ");
}

static void test_a_call_that_was_lost_is_not_reported_beside_its_outcome(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    node_core_cancel(&f->core, f->slots[1].id);
    run(f);
    hush(f);
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin_proc(&out, WIRE_CALL, 3, 0, str("1@me"), str("1@b"), 0);
    wire_reader_t at = wire_reader(out.data, out.size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    node_core_link_lost(&f->core, b->link, &msg);
    wire_buf_free(&out);
    link_gone(f, b, WIRE_E_GONE, "killed");
    run(f);
    said(f, "");
}

//  ---- A link that never was up ------------------------------------------------

static peer_t *dial_only(fixture_t *f)
{
    call(f, "1@b");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "broker<LOOKUP:1 dial(b#7) b<CALL:2 ");
    return &f->peers[0];
}

static void test_what_never_left_goes_through_the_broker(void **state)
{
    fixture_t *f = *state;
    peer_t *b = dial_only(f);
    link_lost(f, b);
    link_gone(f, b, WIRE_E_UNKNOWN, "no answer");
    said(f, "broker<CALL:2 ");
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 ");             //  And what follows keeps behind it
    hear_reply(f, NULL, "1@b", 2);
    run(f);
    said(f, "1=ok ");
}

static void test_what_finds_no_way_at_all_was_surely_not_done(void **state)
{
    fixture_t *f = *state;
    peer_t *b = dial_only(f);
    f->broker.refuses = WIRE_E_FULL;
    link_lost(f, b);
    link_gone(f, b, WIRE_E_UNKNOWN, "no answer");
    run(f);
    said(f, "1=gone! ");
    f->broker.refuses = 0;
    elapse(f, 60000);
    said(f, "");
}

static void test_never_up_and_no_broker(void **state)
{
    fixture_t *f = *state;
    peer_t *b = dial_only(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    link_lost(f, b);
    link_gone(f, b, WIRE_E_UNKNOWN, "no answer");
    run(f);
    said(f, "1=gone! ");
}

static void test_answers_too_fall_back_on_the_broker(void **state)
{
    fixture_t *f = *state;
    const uint8_t none = 0x90;
    peer_t *b = dial_only(f);
    f->keep = true;
    hear_call(f, NULL, "1@b", 5, 0);
    run(f);
    node_core_answer(&f->core, WIRE_REPLY, f->author, 5, &none, 1);
    alua_remote_release(f->author);
    said(f, "CALL:5(add) b<REPLY:5 ");
    link_lost(f, b);
    said(f, "broker<REPLY:5 ");
}

//  ---- Through the broker ------------------------------------------------------

static void relay_to_b(fixture_t *f)
{
    f->no_way = true;
    call(f, "1@b");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "broker<LOOKUP:1 dial(b#7) broker<CALL:2 ");
}

static void test_without_a_way_the_broker_carries_it(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    hear_reply(f, NULL, "1@b", 2);
    run(f);
    said(f, "1=ok ");
    assert_int_equal(f->core.stat.relayed, 1);
    call(f, "1@b");
    hear_fail(f, NULL, "1@b", 3, "unknown");        //  The broker's own, in its name
    run(f);
    said(f, "broker<CALL:3 2=unknown! ");
}

static void expect_relayed(fixture_t *f, const char *id, int sent, int received)
{
    const alua_remote_t *remote = node_remotes_find(&f->core.remotes, str(id));
    assert_non_null(remote);
    assert_int_equal(remote->relayed_sent, sent);
    assert_int_equal(remote->relayed_received, received);
}

//  A FAIL of the broker itself: it says where it was made.
static void hear_refusal(fixture_t *f, const char *about, int request)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin_proc(&out, WIRE_FAIL, (uint64_t) request, 0, str(about), str("1@me"), 1);
    wire_put_map(&out, 2);
    wire_put_cstr(&out, "code");
    wire_put_cstr(&out, "full");
    wire_put_cstr(&out, "node");
    wire_put_cstr(&out, "net");
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
}

static void test_what_the_broker_carries_is_counted_by_both_ends(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);                                  //  One call
    expect_relayed(f, "1@b", 1, 0);
    tell(f, "1@b");
    hear_reply(f, NULL, "1@b", 2);
    hear_call(f, NULL, "1@b", 5, 0);
    hear(f, NULL, (head_t) { WIRE_CANCEL, 5, 0, "1@b", NULL }, "");
    expect_relayed(f, "1@b", 2, 2);                 //  CANCEL does not count
    hear_refusal(f, "1@b", 0);
    expect_relayed(f, "1@b", 1, 2);
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    expect_relayed(f, "1@b", 2, 2);
    hear_reply(f, NULL, "1@c", 4);                  //  The broker knew better who has the name
    expect_relayed(f, "1@b", 1, 2);
    expect_relayed(f, "1@c", 1, 1);
    run(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    expect_relayed(f, "1@b", 0, 0);
    expect_relayed(f, "1@c", 0, 0);
}

static void test_through_the_broker_a_name_has_whatever_holder_it_has(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    call(f, "printer");
    hush(f);
    hear_reply(f, NULL, "1@c", 4);                  //  It has moved, and the broker knew
    hear_fail(f, NULL, "printer", 5, "unknown");    //  Then nobody had it
    run(f);
    said(f, "2=ok 3=unknown! ");
}

static void test_a_caller_by_the_broker_is_answered_by_the_broker(void **state)
{
    fixture_t *f = *state;
    const uint8_t none = 0x90;
    f->keep = true;
    hear_call(f, NULL, "1@b", 5, 0);
    run(f);
    node_core_answer(&f->core, WIRE_REPLY, f->author, 5, &none, 1);
    alua_remote_release(f->author);
    said(f, "CALL:5(add) broker<REPLY:5 ");
}

static void watched(fixture_t *f, const char *what, const char *id, const char *node, int incarnation)
{
    hear(f, NULL, (head_t) { WIRE_WATCHED, 0, 0, NULL, NULL }, "sssus", what, id, node, incarnation, "lease over");
}

static void test_the_brokers_word_ends_who_it_carried_for(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    hush(f);
    watched(f, "silent", "1@b", "b", 7);
    run(f);
    said(f, "WATCHED ");
    watched(f, "gone", "1@b", "b", 7);
    run(f);
    assert_int_equal(f->slots[0].outcomes, 1);
    assert_int_equal(f->slots[1].outcomes, 1);
    assert_int_equal(f->code, WIRE_E_GONE);
}

static void test_who_left_does_not_answer_any_more(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    watched(f, "left", "1@b", "b", 7);
    run(f);
    said(f, "WATCHED 1=gone? ");
}

static void test_who_left_over_a_link_is_heard_to_the_end(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    watched(f, "left", "1@b", "b", 7);
    run(f);
    said(f, "b<CALL:3 WATCHED ");
    hear_reply(f, b->link, "1@b", 3);       //  Faster was the broker's word
    run(f);
    said(f, "2=ok ");
}

static void test_the_brokers_word_buries_a_link(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    call(f, "1@b");
    watched(f, "gone", "1@b", "b", 6);      //  Of another incarnation: not this one
    run(f);
    said(f, "b<CALL:3 WATCHED ");
    watched(f, "gone", "1@b", "b", 7);
    said(f, "bury(b) ");
    run(f);
    said(f, "WATCHED 2=gone? ");
    assert_null(f->core.links);
}

//  ---- Two links ---------------------------------------------------------------

static void test_a_new_incarnation_buries_the_old_one(void **state)
{
    fixture_t *f = *state;
    const uint8_t none = 0x90;
    befriend(f);
    call(f, "1@b");
    peer_t *second = accept_from(f, "b", 8, "1@b");
    said(f, "b<CALL:3 bury(b) ");
    f->keep = true;
    hear_call(f, second->link, "1@b", 1, 0);
    run(f);
    said(f, "2=gone? CALL:1(add) ");
    assert_int_equal(node_core_answer(&f->core, WIRE_REPLY, f->author, 1, &none, 1), 0);
    alua_remote_release(f->author);
    said(f, "b<REPLY:1 ");
    assert_int_equal(last_sent(second).type, WIRE_REPLY);
    call(f, "1@b");
    said(f, "b<CALL:4 ");
    assert_int_equal(last_sent(second).request, 4);
}

static void test_a_late_end_of_the_old_link_spares_the_new_one(void **state)
{
    fixture_t *f = *state;
    peer_t *stray = accept_from(f, "b", 6, "1@b");
    stray->link->remote->route = NODE_COLD;         //  As if it had ended for the core, not for the hub
    stray->link->remote->link = NULL;
    peer_t *second = accept_from(f, "b", 8, "1@b");
    call(f, "1@b");
    link_gone(f, stray, WIRE_E_GONE, "killed");
    run(f);
    said(f, "b<CALL:1 ");
    hear_reply(f, second->link, "1@b", 1);
    run(f);
    said(f, "1=ok ");
}

static void test_the_same_incarnation_may_begin_anew(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    call(f, "1@b");
    peer_t *again = accept_from(f, "b", 7, "1@b");
    said(f, "b<CALL:3 bury(b) broker<LOOKUP:4 ");
    call(f, "1@b");
    hear_reply(f, again->link, "1@b", 5);
    hear_reply(f, again->link, "1@b", 3);   //  What it had it still answers
    run(f);
    said(f, "b<CALL:5 3=ok 2=ok ");
    assert_non_null(f->core.links);
    assert_null(f->core.links->next);
}

static void test_who_calls_us_while_we_look_it_up_needs_no_dialling(void **state)
{
    fixture_t *f = *state;
    call(f, "1@b");
    accept_from(f, "b", 7, "1@b");
    said(f, "broker<LOOKUP:1 b<CALL:2 ");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "");
}

//  The hub keeps one link when both dial: the peer that was dialled is the one that comes up.
static void test_both_dial_and_one_link_stays(void **state)
{
    fixture_t *f = *state;
    peer_t *b = dial_only(f);
    assert_ptr_equal(node_core_link_accept(&f->core, b, str("b"), 7, str("1@b")), b->link);
    node_core_link_up(&f->core, b->link, str("1@b"));
    assert_null(f->core.links->next);
    assert_int_equal(hear_reply(f, b->link, "1@b", 2), 0);
    run(f);
    said(f, "1=ok ");
}

static void test_another_process_answers_at_the_address(void **state)
{
    fixture_t *f = *state;
    peer_t *b = dial_only(f);
    node_core_link_up(&f->core, b->link, str("1@other"));
    assert_int_equal(hear_reply(f, b->link, "1@b", 2), WIRE_E_DENIED);
    assert_int_equal(hear_reply(f, b->link, "1@other", 2), 0);
    run(f);
    said(f, "");
    assert_int_equal(f->core.stat.orphans, 1);
    link_gone(f, b, WIRE_E_GONE, "killed");
    run(f);
    said(f, "1=gone? ");
}

static void test_farewell_goes_to_everybody(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    accept_from(f, "c", 1, "1@c");
    node_core_farewell(&f->core, 3, "exit");
    said(f, "c<END:0 b<END:0 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_link_gone_ends_each_request_once),
        TEST(test_an_orderly_end_says_so),
        TEST(test_an_answer_that_arrived_outlives_its_link),
        TEST(test_a_call_that_was_lost_is_not_reported_beside_its_outcome),
        TEST(test_what_never_left_goes_through_the_broker),
        TEST(test_what_finds_no_way_at_all_was_surely_not_done),
        TEST(test_never_up_and_no_broker),
        TEST(test_answers_too_fall_back_on_the_broker),
        TEST(test_without_a_way_the_broker_carries_it),
        TEST(test_what_the_broker_carries_is_counted_by_both_ends),
        TEST(test_through_the_broker_a_name_has_whatever_holder_it_has),
        TEST(test_a_caller_by_the_broker_is_answered_by_the_broker),
        TEST(test_the_brokers_word_ends_who_it_carried_for),
        TEST(test_who_left_does_not_answer_any_more),
        TEST(test_who_left_over_a_link_is_heard_to_the_end),
        TEST(test_the_brokers_word_buries_a_link),
        TEST(test_a_new_incarnation_buries_the_old_one),
        TEST(test_a_late_end_of_the_old_link_spares_the_new_one),
        TEST(test_the_same_incarnation_may_begin_anew),
        TEST(test_who_calls_us_while_we_look_it_up_needs_no_dialling),
        TEST(test_both_dial_and_one_link_stays),
        TEST(test_another_process_answers_at_the_address),
        TEST(test_farewell_goes_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
