//  From the broker's relay to a link, and back: one core, step by step (test_node_direct_pair has two)

#include "test_node_fixture.h"

static void relay_to_b(fixture_t *f)
{
    f->no_way = true;
    call(f, "1@b");
    hear_found(f, 1, "1@b", "b", 7);
    f->no_way = false;
    said(f, "broker<LOOKUP:1 dial(b#7) broker<CALL:2 ");
}

//  b dials us; its node knows SWITCH.
static peer_t *accept_b(fixture_t *f, int incarnation)
{
    peer_t *peer = &f->peers[f->dialled++];
    snprintf(peer->name, sizeof peer->name, "b");
    peer->link = node_core_link_accept(&f->core, peer, str("b"), (uint64_t) incarnation, str("1@b"));
    peer->link->switches = true;
    node_core_link_up(&f->core, peer->link, str("1@b"));
    return peer;
}

static int hear_switched(fixture_t *f, node_link_t *link, int number)
{
    return hear(f, link, (head_t) { WIRE_SWITCHED, (uint64_t) number, 0, "1@b", NULL }, "");
}

static void test_what_follows_waits_until_the_old_way_is_empty(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    said(f, "broker<SWITCH:3 ");
    call(f, "1@b");
    tell(f, "1@b");
    said(f, "");
    assert_true(node_core_active(&f->core));
    hear_switched(f, b->link, 3);
    said(f, "b<CALL:4 b<CHUNK:0 ");
    call(f, "1@b");
    said(f, "b<CALL:5 ");
    hear_reply(f, NULL, "1@b", 2);              //  Still due by the old way
    hear_reply(f, b->link, "1@b", 4);
    hear_reply(f, b->link, "1@b", 5);
    run(f);
    said(f, "1=ok 2=ok 3=ok ");
    assert_false(node_core_active(&f->core));
    assert_int_equal(f->core.stat.switches, 1);
}

static void test_a_send_that_waits_holds_the_program(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    hear_reply(f, NULL, "1@b", 2);
    run(f);
    peer_t *b = accept_b(f, 7);
    assert_false(node_core_active(&f->core));
    tell(f, "1@b");
    assert_true(node_core_active(&f->core));
    hear_switched(f, b->link, 3);
    assert_false(node_core_active(&f->core));
}

static void test_names_move_with_their_process_in_one_order(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    hush(f);
    peer_t *b = accept_b(f, 7);
    said(f, "broker<SWITCH:5 ");
    call(f, "printer");
    call(f, "1@b");
    call(f, "printer");
    said(f, "");
    hear_switched(f, b->link, 5);
    said(f, "b<CALL:6 b<CALL:7 b<CALL:8 ");
    call(f, "printer");
    said(f, "b<CALL:9 ");
}

static void test_nothing_was_relayed_so_nothing_is_asked(void **state)
{
    fixture_t *f = *state;
    hear_call(f, NULL, "1@b", 5, 0);            //  We would answer through the broker
    run(f);
    hush(f);
    accept_b(f, 7);
    said(f, "");
    call(f, "1@b");
    said(f, "b<CALL:1 ");
}

static void test_who_does_not_know_switch_stays_with_the_broker(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    accept_from(f, "b", 7, "1@b");
    call(f, "1@b");
    said(f, "broker<CALL:3 ");
}

static void test_without_an_answer_all_goes_on_as_before(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    call(f, "1@b");
    said(f, "broker<SWITCH:3 ");
    elapse(f, 4999);
    said(f, "");
    elapse(f, 1);
    said(f, "broker<CALL:4 ");
    hear_switched(f, b->link, 3);               //  Late: what was sent since is not covered
    call(f, "1@b");
    said(f, "broker<CALL:5 ");
    elapse(f, 2000);
    call(f, "1@b");
    said(f, "broker<CALL:6 broker<SWITCH:7 ");  //  With traffic it is tried again
    hear_switched(f, NULL, 7);
    call(f, "1@b");
    said(f, "b<CALL:8 ");
}

static void test_a_link_lost_during_the_switch_returns_what_waits(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    call(f, "1@b");
    said(f, "broker<SWITCH:3 ");
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    run(f);
    said(f, "broker<CALL:4 ");
    hear_switched(f, NULL, 3);
    call(f, "1@b");
    said(f, "broker<CALL:5 ");
}

static void test_a_death_during_the_switch_ends_all(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    call(f, "1@b");
    tell(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_GONE, "killed");
    run(f);
    said(f, "report(1@b,gone) 2=gone! 1=gone? ");
}

static void test_a_broker_that_dies_during_the_switch_leaves_the_link(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    accept_b(f, 7);
    call(f, "1@b");
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    said(f, "b<CALL:4 ");
    run(f);
    said(f, "1=gone? ");
}

static void test_answers_due_by_a_dead_broker_are_not_waited_for(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    hear_switched(f, b->link, 3);
    call(f, "1@b");
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    run(f);
    said(f, "2=gone? 1=gone? ");                //  It may not have switched itself
    hear_reply(f, b->link, "1@b", 4);
    run(f);
    said(f, "");
}

static void test_answers_that_come_by_the_link_do_not_need_the_broker(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    peer_t *b = accept_b(f, 7);
    hear_switched(f, b->link, 3);
    hear_call(f, b->link, "1@b", 9, 0);         //  So it sends by the link, and this is behind all it relayed
    run(f);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    hear_reply(f, b->link, "1@b", 2);
    run(f);
    said(f, "1=ok ");
}

static void test_a_question_is_answered_when_it_comes(void **state)
{
    fixture_t *f = *state;
    hear_call(f, NULL, "1@b", 5, 0);
    hush(f);
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_SWITCH, 77, 0, "1@b", NULL }, ""), 0);
    said(f, "broker<SWITCHED:77 ");             //  No link yet here
    peer_t *b = accept_b(f, 7);
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_SWITCH, 78, 0, "1@b", NULL }, ""), 0);
    said(f, "b<SWITCHED:78 ");
    assert_int_equal(hear(f, b->link, (head_t) { WIRE_SWITCH, 79, 0, "1@b", NULL }, ""), WIRE_E_STATE);
    run(f);
}

//  ---- Looking for a way --------------------------------------------------------

static void test_traffic_has_a_way_looked_for_at_intervals(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 ");
    elapse(f, 1000);
    said(f, "");                                //  Not without traffic
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 broker<LOOKUP:3 ");
    f->no_way = true;
    hear_found(f, 3, "1@b", "b", 7);
    said(f, "dial(b#7) ");
    tell(f, "1@b");
    elapse(f, 1999);
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 broker<CHUNK:0 ");
    elapse(f, 1);
    hear_call(f, NULL, "1@b", 9, 0);            //  What comes is traffic, too
    said(f, "broker<LOOKUP:4 ");
    f->no_way = false;
    hear_found(f, 4, "1@b", "b", 7);
    said(f, "dial(b#7) ");
    run(f);
    hear_reply(f, NULL, "1@b", 2);
    run(f);
    hush(f);
    assert_false(node_core_active(&f->core));   //  A trial holds no program
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 ");
    peer_t *b = &f->peers[0];
    link_gone(f, b, WIRE_E_UNKNOWN, "no answer");
    tell(f, "1@b");
    said(f, "broker<CHUNK:0 ");
    assert_int_equal(f->core.opening, 0);
}

static void test_a_trial_that_succeeds_is_switched_to(void **state)
{
    fixture_t *f = *state;
    relay_to_b(f);
    elapse(f, 1000);
    tell(f, "1@b");
    hear_found(f, 3, "1@b", "b", 7);
    peer_t *b = &f->peers[0];
    hush(f);
    b->link->switches = true;
    node_core_link_up(&f->core, b->link, str("1@b"));
    said(f, "broker<SWITCH:4 ");
    assert_int_equal(f->core.opening, 0);
    hear_switched(f, b->link, 4);
    tell(f, "1@b");
    said(f, "b<CHUNK:0 ");
}

//  ---- A link that is lost ---------------------------------------------------------

static peer_t *befriend_b(fixture_t *f)
{
    peer_t *b = befriend(f);
    b->link->switches = true;
    return b;
}

static void test_a_lost_link_falls_back_when_the_broker_knows_it_alive(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");                             //  Acknowledged
    call(f, "1@b");
    link_lost(f, b);                            //  This one not
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    call(f, "1@b");
    run(f);
    said(f, "broker<LOOKUP:5 3=gone? ");
    hear_found(f, 5, "1@b", "b", 7);
    said(f, "broker<CALL:6 ");
    hear_reply(f, NULL, "1@b", 3);
    hear_reply(f, NULL, "1@b", 6);
    run(f);
    said(f, "2=ok 4=ok ");
    assert_int_equal(f->core.stat.fallbacks, 1);
}

static void test_a_lost_link_to_nobody_ends_all(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    call(f, "1@b");
    hear_deny(f, 4, "unknown", "nobody");
    run(f);
    said(f, "broker<LOOKUP:4 3=gone! 2=gone? ");
}

static void test_another_incarnation_is_another(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    hear_found(f, 4, "1@b", "b", 8);
    run(f);
    said(f, "broker<LOOKUP:4 2=gone? ");
    call(f, "1@b");
    said(f, "broker<LOOKUP:5 ");
}

static void test_a_broker_that_is_silent_itself_is_not_asked(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    f->core.broker_silent = true;
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    run(f);
    said(f, "2=gone? ");
}

static void test_a_broker_that_does_not_answer_is_not_waited_for(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    tell(f, "1@b");
    elapse(f, 2000);
    said(f, "broker<LOOKUP:4 broker<CHUNK:0 "); //  Only slow: it will tell when nobody is there
    hear_reply(f, NULL, "1@b", 3);
    run(f);
    said(f, "2=ok ");
}

static void test_a_broker_that_has_fallen_silent_does_not_know(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    f->core.broker_silent = true;
    elapse(f, 2000);
    said(f, "broker<LOOKUP:4 2=gone? ");
}

static void test_the_brokers_word_ends_a_doubt(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    hush(f);
    hear(f, NULL, (head_t) { WIRE_WATCHED, 0, 0, NULL, NULL }, "sssus", "gone", "1@b", "b", 7, "lease over");
    run(f);
    said(f, "WATCHED 2=gone? ");
    hear_found(f, 4, "1@b", "b", 7);            //  Older than that
    run(f);
    said(f, "");
}

static void test_answers_that_were_not_acknowledged_go_by_the_broker(void **state)
{
    fixture_t *f = *state;
    const uint8_t none = 0x90;
    peer_t *b = befriend_b(f);
    f->keep = true;
    hear_call(f, b->link, "1@b", 5, 0);
    run(f);
    node_core_answer(&f->core, WIRE_REPLY, f->author, 5, &none, 1);
    alua_remote_release(f->author);
    link_lost(f, b);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    said(f, "CALL:5(add) b<REPLY:5 broker<LOOKUP:3 ");
    hear_found(f, 3, "1@b", "b", 7);
    said(f, "broker<REPLY:5 ");
}

static void test_whoever_begins_anew_has_not_died(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    call(f, "1@b");
    hush(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "it opened its link anew");
    tell(f, "1@b");
    said(f, "broker<LOOKUP:4 ");
    peer_t *again = accept_b(f, 7);
    said(f, "b<CHUNK:0 ");
    hear_reply(f, again->link, "1@b", 3);
    run(f);
    said(f, "2=ok ");
    hear_found(f, 4, "1@b", "b", 7);            //  Nobody needs it any more
    call(f, "1@b");
    said(f, "b<CALL:5 ");
}

static void test_the_way_back_to_a_link_is_asked_for_again(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend_b(f);
    link_gone(f, b, WIRE_E_TIMEOUT, "lease");
    hear_found(f, 3, "1@b", "b", 7);
    call(f, "1@b");
    hush(f);
    peer_t *again = accept_b(f, 7);
    tell(f, "1@b");
    said(f, "broker<SWITCH:5 ");
    hear_switched(f, again->link, 5);
    said(f, "b<CHUNK:0 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_follows_waits_until_the_old_way_is_empty),
        TEST(test_a_send_that_waits_holds_the_program),
        TEST(test_names_move_with_their_process_in_one_order),
        TEST(test_nothing_was_relayed_so_nothing_is_asked),
        TEST(test_who_does_not_know_switch_stays_with_the_broker),
        TEST(test_without_an_answer_all_goes_on_as_before),
        TEST(test_a_link_lost_during_the_switch_returns_what_waits),
        TEST(test_a_death_during_the_switch_ends_all),
        TEST(test_a_broker_that_dies_during_the_switch_leaves_the_link),
        TEST(test_answers_due_by_a_dead_broker_are_not_waited_for),
        TEST(test_answers_that_come_by_the_link_do_not_need_the_broker),
        TEST(test_a_question_is_answered_when_it_comes),
        TEST(test_traffic_has_a_way_looked_for_at_intervals),
        TEST(test_a_trial_that_succeeds_is_switched_to),
        TEST(test_a_lost_link_falls_back_when_the_broker_knows_it_alive),
        TEST(test_a_lost_link_to_nobody_ends_all),
        TEST(test_another_incarnation_is_another),
        TEST(test_a_broker_that_is_silent_itself_is_not_asked),
        TEST(test_a_broker_that_does_not_answer_is_not_waited_for),
        TEST(test_a_broker_that_has_fallen_silent_does_not_know),
        TEST(test_the_brokers_word_ends_a_doubt),
        TEST(test_answers_that_were_not_acknowledged_go_by_the_broker),
        TEST(test_whoever_begins_anew_has_not_died),
        TEST(test_the_way_back_to_a_link_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
