//  Requests of a node on their way out: lookup, way, room, outcome

#include "test_node_fixture.h"

static void test_cold_remote_is_looked_up_dialled_and_told_in_order(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(call(f, "1@b"), 0);
    assert_int_equal(tell(f, "1@b"), 0);
    assert_int_equal(call(f, "1@b"), 0);
    said(f, "broker<LOOKUP:1 ");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "dial(b#7) b<CALL:2 b<CHUNK:0 b<CALL:3 ");
    node_core_link_up(&f->core, f->peers[0].link, str("1@b"));
    hear_reply(f, f->peers[0].link, "1@b", 3);
    hear_reply(f, f->peers[0].link, "1@b", 2);
    said(f, "");                            //  Outcomes are events
    run(f);
    said(f, "2=ok 1=ok ");
    assert_string_equal(f->from, "1@b");
    assert_int_equal(f->peers[0].link->sent, 3);        //  What was parked counts as well
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_reply_hands_over_its_results(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    const uint8_t results[] = { 0x92, 7, 0xa1, 'x' };
    wire_buf_t out = WIRE_BUF_EMPTY;
    call(f, "1@b");
    wire_msg_begin_proc(&out, WIRE_REPLY, 3, 0, str("1@b"), str("1@me"), 1);
    wire_buf_append(&out, results, sizeof results);
    hear_bytes(f, b->link, out.data, out.size);
    run(f);
    wire_buf_free(&out);
    said(f, "b<CALL:3 2=ok ");
    assert_int_equal(f->count, 2);
    assert_int_equal(f->size, 3);           //  Their array head was taken off
}

static void test_names_lead_to_the_process_behind(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "printer");
    said(f, "broker<LOOKUP:3 ");
    hear_found(f, 3, "1@b", "b", 7);
    said(f, "b<CALL:4 ");                   //  Over the link there is
    assert_true(wire_str_is(last_sent(b).to, "printer"));
    call(f, "printer");
    said(f, "b<CALL:5 ");
    hear_reply(f, b->link, "1@b", 4);
    hear_reply(f, b->link, "1@b", 5);
    run(f);
    said(f, "2=ok 3=ok ");
    assert_int_equal(b->link->sent, 3);
}

static void test_unknown_name_fails_with_the_brokers_words(void **state)
{
    fixture_t *f = *state;
    call(f, "prnter");
    tell(f, "prnter");
    hear_deny(f, 1, "unknown", "no such process; did you mean printer?");
    said(f, "broker<LOOKUP:1 report(prnter,unknown) ");
    run(f);
    said(f, "1=unknown! ");
    assert_string_equal(f->text, "no such process; did you mean printer?");
    call(f, "prnter");
    said(f, "broker<LOOKUP:3 ");            //  Asked anew the next time
}

static void test_wait_name_asks_until_somebody_has_it(void **state)
{
    fixture_t *f = *state;
    request(f, "printer", 30000, 0, true);
    request(f, "printer", 30000, 0, false);
    hear_deny(f, 1, "unknown", "nobody");
    run(f);
    said(f, "broker<LOOKUP:1 2=unknown! ");
    elapse(f, 99);
    said(f, "");
    elapse(f, 1);
    said(f, "broker<LOOKUP:4 ");
    hear_deny(f, 4, "unknown", "nobody");
    elapse(f, 100);
    said(f, "broker<LOOKUP:5 ");
    hear_found(f, 5, "1@b", "b", 7);
    said(f, "dial(b#7) b<CALL:2 ");         //  And not the one whose outcome was told
    assert_int_equal(last_sent(&f->peers[0]).ttl, 29800);   //  What is left of its time
}

static void test_wait_name_ends_at_the_deadline(void **state)
{
    fixture_t *f = *state;
    request(f, "printer", 250, 0, true);
    for (int id = 1; f->slots[0].outcomes == 0; id += id == 1 ? 2 : 1) {
        hear_deny(f, id, "unknown", "nobody");
        elapse(f, 100);
        assert_true(f->now < 2000);
    }
    said(f, "broker<LOOKUP:1 broker<LOOKUP:3 broker<LOOKUP:4 1=timeout! broker<LOOKUP:5 ");
    hear_found(f, 5, "1@b", "b", 7);
    said(f, "dial(b#7) ");                  //  Nothing of it is sent any more
}

static void test_wait_name_is_given_back_when_the_core_ends(void **state)
{
    fixture_t *f = *state;
    request(f, "printer", 250, 0, true);
    hear_deny(f, 1, "unknown", "nobody");
    f->now += 100;
    node_core_tick(&f->core);               //  Its pause is over, its event queued
    call(f, "other");                       //  And one whose answer never comes
}

static void test_remote_failure_is_an_outcome(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    hear_fail(f, b->link, "1@b", 3, "no_function");
    run(f);
    said(f, "b<CALL:3 2=no_function! ");
    assert_true(f->size > 0);
}

static void test_failure_of_another_kind_is_never_success(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    call(f, "1@b");
    call(f, "1@b");
    call(f, "1@b");
    hush(f);
    hear_fail(f, b->link, "1@b", 3, "ok");
    hear_fail(f, b->link, "1@b", 4, "of_the_future");
    hear(f, b->link, (head_t) { WIRE_FAIL, 5, 0, "1@b", NULL }, "s", "no map");
    run(f);
    said(f, "2=remote! 3=remote! 4=remote? ");
    assert_int_equal(f->size, 0);           //  No map: a sentence instead
    assert_true(f->text[0]);
    hear(f, b->link, (head_t) { WIRE_REPLY, 6, 0, "1@b", NULL }, "s", "no array");
    run(f);
    said(f, "5=malformed? ");
    assert_int_equal(f->size, 0);
    assert_true(f->text[0]);
}

static void test_deadline_tells_the_far_side_once(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    request(f, "1@b", 500, 0, false);
    assert_int_equal(last_sent(b).ttl, 500);
    assert_int_equal(node_core_wait(&f->core), 500);
    elapse(f, 499);
    said(f, "b<CALL:3 ");
    elapse(f, 1);
    said(f, "b<CANCEL:3 2=timeout? ");
    assert_int_equal(node_core_wait(&f->core), -1);
    hear_reply(f, b->link, "1@b", 3);
    elapse(f, 500);
    said(f, "");
    assert_int_equal(f->core.stat.orphans, 1);
    assert_int_equal(f->core.stat.timeouts, 1);
    assert_int_equal(f->slots[1].outcomes, 1);
}

static void test_deadline_before_the_way_was_found_is_definite(void **state)
{
    fixture_t *f = *state;
    request(f, "1@b", 500, 0, false);
    elapse(f, 500);
    said(f, "broker<LOOKUP:1 1=timeout! ");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "dial(b#7) ");                  //  Definite: it must not run after all
}

static void test_answer_that_came_before_the_deadline_counts(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    request(f, "1@b", 500, 0, false);
    f->now += 400;
    hear_reply(f, b->link, "1@b", 3);
    elapse(f, 200);                         //  Due before it was handled
    said(f, "b<CALL:3 2=ok ");
}

static void test_cancel_has_one_outcome_and_tells(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    assert_true(node_core_cancel(&f->core, f->slots[1].id));
    assert_false(node_core_cancel(&f->core, f->slots[1].id));
    hear_reply(f, b->link, "1@b", 3);
    run(f);
    said(f, "b<CALL:3 b<CANCEL:3 2=cancelled? ");
    assert_int_equal(f->core.stat.orphans, 1);
}

static void test_cancelled_before_the_way_was_found_never_leaves(void **state)
{
    fixture_t *f = *state;
    call(f, "1@b");
    call(f, "1@b");
    node_core_cancel(&f->core, f->slots[0].id);
    run(f);
    said(f, "broker<LOOKUP:1 1=cancelled! ");
    hear_found(f, 1, "1@b", "b", 7);
    said(f, "dial(b#7) b<CALL:3 ");
}

static void test_only_whom_we_asked_may_answer(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    peer_t *c = accept_from(f, "c", 3, "1@c");
    call(f, "1@b");
    hear_reply(f, c->link, "1@c", 3);
    hear_fail(f, c->link, "1@c", 3, "remote");
    hear_reply(f, NULL, "1@c", 3);          //  Nor by way of the broker
    run(f);
    said(f, "b<CALL:3 ");
    assert_int_equal(f->core.stat.orphans, 3);
    hear_reply(f, NULL, "1@b", 3);          //  Its answer may take that way
    run(f);
    said(f, "2=ok ");
}

static void test_a_process_cannot_answer_for_the_broker(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@x");
    said(f, "broker<LOOKUP:3 ");
    hear_reply(f, b->link, "1@b", 3);
    assert_int_equal(hear(f, b->link, (head_t) { WIRE_ANSWER, 3, 0, NULL, NULL }, "f", "1@x", "x", 1), WIRE_E_STATE);
    hear(f, NULL, (head_t) { WIRE_ANSWER, 4, 0, NULL, NULL }, "u", 1);      //  Nor the broker for a process
    run(f);
    said(f, "");
    assert_int_equal(f->core.stat.orphans, 2);
    hear_found(f, 3, "1@x", "x", 1);
    said(f, "dial(x#1) x<CALL:4 ");
}

static void test_author_is_what_the_link_proved(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    assert_int_equal(hear_call(f, b->link, "1@c", 9, 0), WIRE_E_DENIED);
    assert_int_equal(hear_reply(f, b->link, "1@bb", 9), WIRE_E_DENIED);
    assert_int_equal(b->link->received, 1);
    run(f);
    said(f, "");
}

//  ---- Names that move ---------------------------------------------------------

static void test_a_name_that_moved_is_looked_up_anew(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    call(f, "printer");
    hush(f);
    hear_fail(f, b->link, "1@b", 4, "unknown");         //  It is not 1@b any more
    run(f);
    said(f, "2=unknown! ");
    call(f, "printer");
    said(f, "broker<LOOKUP:6 ");
    hear_found(f, 6, "1@c", "c", 1);
    said(f, "dial(c#1) c<CALL:7 ");
    hear_reply(f, b->link, "1@b", 5);                   //  What was under way is still answered
    run(f);
    said(f, "3=ok ");
}

//  As whoever does not hold the name says it: surely not executed.
static void hear_not_here(fixture_t *f, peer_t *peer, const char *from, int request)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin_proc(&out, WIRE_FAIL, (uint64_t) request, 0, str(from), str("1@me"), 1);
    wire_put_map(&out, 3);
    wire_put_cstr(&out, "code");
    wire_put_cstr(&out, "unknown");
    wire_put_cstr(&out, "definite");
    wire_put_bool(&out, true);
    wire_put_cstr(&out, "not_here");
    wire_put_cstr(&out, "printer");
    hear_bytes(f, peer->link, out.data, out.size);
    wire_buf_free(&out);
}

//  c is known and has a link; "printer" leads to b.
static void befriend_two(fixture_t *f, peer_t **b, peer_t **c)
{
    *b = befriend(f);
    *c = accept_from(f, "c", 1, "1@c");
    call(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    hear_reply(f, (*b)->link, "1@b", 4);
    run(f);
    hush(f);
}

static void test_a_call_that_meets_a_moved_name_is_delivered_to_its_new_holder(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    request(f, "printer", 5000, 0, false);
    f->now += 100;
    hear_not_here(f, b, "1@b", 5);
    run(f);
    said(f, "b<CALL:5 broker<LOOKUP:6 ");
    hear_found(f, 6, "1@c", "c", 1);
    said(f, "c<CALL:5 ");
    wire_msg_t msg = last_sent(c);
    assert_true(wire_str_is(msg.to, "printer"));
    assert_int_equal(msg.ttl, 4900);
    hear_reply(f, c->link, "1@c", 5);
    run(f);
    said(f, "3=ok ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_it_is_delivered_again_only_once(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");
    hear_not_here(f, b, "1@b", 5);
    hear_found(f, 6, "1@c", "c", 1);
    hear_not_here(f, c, "1@c", 5);                      //  Moved on, or it has not heard yet that it holds the name
    run(f);
    said(f, "b<CALL:5 broker<LOOKUP:6 c<CALL:5 3=unknown! ");
}

//  An executed function may fail with that word as well.
static void test_what_was_executed_is_not_delivered_again(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");
    hear_fail(f, b->link, "1@b", 5, "unknown");
    run(f);
    said(f, "b<CALL:5 3=unknown! ");
    (void) c;
}

static void test_calls_under_a_moved_name_keep_their_order(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");                                 //  5: begun before the name moved, and takes its time
    for (int i = 6; i <= 8; i++)
        call(f, "printer");
    hush(f);
    hear_not_here(f, b, "1@b", 6);
    said(f, "broker<LOOKUP:9 ");
    call(f, "printer");                                 //  10
    hear_found(f, 9, "1@c", "c", 1);                    //  Not yet: 7 and 8 must come first
    said(f, "");
    hear_not_here(f, b, "1@b", 7);
    elapse(f, 10);
    said(f, "broker<LOOKUP:11 ");
    hear_not_here(f, b, "1@b", 8);
    hear_found(f, 11, "1@c", "c", 1);
    said(f, "c<CALL:6 c<CALL:7 c<CALL:8 c<CALL:10 ");
    hear_reply(f, b->link, "1@b", 5);
    for (int i = 6; i <= 8; i++)
        hear_reply(f, c->link, "1@c", i);
    hear_reply(f, c->link, "1@c", 10);
    run(f);
    said(f, "3=ok 4=ok 5=ok 6=ok 7=ok ");
}

//  It has the name again: what it refused in between would come behind what it takes.
static void test_a_refused_call_does_not_come_behind_a_later_one(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");
    call(f, "printer");
    hear_not_here(f, b, "1@b", 5);
    hear_reply(f, b->link, "1@b", 6);
    hear_found(f, 7, "1@b", "b", 7);
    run(f);
    said(f, "b<CALL:5 b<CALL:6 broker<LOOKUP:7 3=unknown! 4=ok ");
    call(f, "printer");
    said(f, "b<CALL:8 ");
    (void) c;
}

//  FAIL of a send says whose name has moved, too; the calls that are on their way come before what follows.
static void test_a_refused_send_has_the_name_looked_up(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    tell(f, "printer");
    call(f, "printer");                                 //  5
    hear_not_here(f, b, "1@b", 0);
    call(f, "printer");                                 //  7
    hear_found(f, 6, "1@c", "c", 1);
    said(f, "b<CHUNK:0 b<CALL:5 broker<LOOKUP:6 ");
    hear_not_here(f, b, "1@b", 5);
    elapse(f, 10);
    hear_found(f, 8, "1@c", "c", 1);
    said(f, "report(1@b,unknown) broker<LOOKUP:8 c<CALL:5 c<CALL:7 ");
}

static void refuse_send(fixture_t *f)
{
    if (f->pumped == 1)
        hear_not_here(f, &f->peers[0], "1@b", 0);
}

//  The name moves while a call waits for room: it is not sent to its last holder.
static void test_a_name_that_moves_while_pumping(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    tell(f, "printer");
    b->full = true;
    f->on_pump = refuse_send;
    assert_int_equal(call(f, "printer"), 0);            //  5
    said(f, "b<CHUNK:0 broker<LOOKUP:6 ");
    hear_found(f, 6, "1@c", "c", 1);
    wire_msg_t msg = last_sent(c);
    assert_int_equal(msg.type, WIRE_CALL);
    hear_reply(f, c->link, "1@c", 5);
    run(f);
    said(f, "c<CALL:5 report(1@b,unknown) 3=ok ");
}

static void test_a_moved_name_without_a_holder_is_unknown(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");
    request(f, "printer", 5000, 0, true);
    hear_not_here(f, b, "1@b", 5);
    hear_not_here(f, b, "1@b", 6);
    hear_deny(f, 7, "unknown", "nobody");
    run(f);
    said(f, "b<CALL:5 b<CALL:6 broker<LOOKUP:7 3=unknown! ");
    elapse(f, 100);                                     //  The other one waits for a holder
    hear_found(f, 8, "1@c", "c", 1);
    said(f, "broker<LOOKUP:8 c<CALL:6 ");
    node_core_cancel(&f->core, 6);
    run(f);
    said(f, "c<CANCEL:6 4=cancelled? ");
}

static void test_a_moved_name_when_the_broker_goes(void **state)
{
    fixture_t *f = *state;
    peer_t *b, *c;
    befriend_two(f, &b, &c);
    call(f, "printer");
    hear_not_here(f, b, "1@b", 5);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    run(f);
    said(f, "b<CALL:5 broker<LOOKUP:6 3=gone! ");
    (void) c;
}

static void test_a_send_tells_of_a_moved_name_too(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    tell(f, "printer");
    hear_found(f, 3, "1@b", "b", 7);
    hear_fail(f, b->link, "1@b", 0, "unknown");
    run(f);
    said(f, "broker<LOOKUP:3 b<CHUNK:0 report(1@b,unknown) ");
    tell(f, "printer");
    said(f, "broker<LOOKUP:4 ");
}

//  ---- Room ------------------------------------------------------------------

static int tell_many(fixture_t *f, const char *to, int count)
{
    int rc = 0;
    f->quiet = true;
    for (int i = 0; i < count && rc == 0; i++)
        rc = tell(f, to);
    f->quiet = false;
    return rc;
}

static int hear_credit(fixture_t *f, peer_t *peer, const char *from, int events, int bytes)
{
    return hear(f, peer->link, (head_t) { WIRE_CREDIT, 0, 0, from, NULL }, "uu", events, bytes);
}

static void test_without_credit_a_send_pumps_for_thirty_seconds(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    assert_int_equal(tell_many(f, "1@b", WIRE_CREDIT_EVENTS - 1), 0);      //  befriend sent one
    assert_int_equal(f->pumped, 0);
    int64_t begin = f->now;
    assert_int_equal(tell(f, "1@b"), WIRE_E_FULL);
    assert_true(f->now - begin >= 30000 && f->now - begin < 30100);
    assert_int_equal(f->core.stat.full, 1);
    assert_int_equal(hear_credit(f, b, "1@b", 1, 50), 0);
    assert_int_equal(tell(f, "1@b"), 0);
    assert_int_equal(tell(f, "1@b"), WIRE_E_FULL);
}

static void give_credit(fixture_t *f)
{
    if (f->pumped == 3)
        assert_int_equal(hear_credit(f, &f->peers[0], "1@b", 100, 100), 0);
}

static void test_credit_that_comes_while_pumping_makes_room(void **state)
{
    fixture_t *f = *state;
    befriend(f);
    tell_many(f, "1@b", WIRE_CREDIT_EVENTS - 1);
    f->on_pump = give_credit;
    assert_int_equal(tell(f, "1@b"), 0);
    assert_int_equal(f->pumped, 3);
}

static void test_bytes_are_credited_too(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    char *big = calloc(1, 1024 * 1024);
    memset(big, 'x', 1024 * 1024);
    alua_request_t chunk = { .kind = ALUA_CHUNK, .to = str("1@b"), .name = { "n", 1 }, .code = { big, 1024 * 1024 } };
    for (int i = 0; i < 7; i++)
        assert_int_equal(node_core_request(&f->core, &chunk, NULL), 0);
    assert_int_equal(node_core_request(&f->core, &chunk, NULL), WIRE_E_FULL);
    assert_int_equal(hear_credit(f, b, "1@b", 7, 7 * 1024 * 1024), 0);
    assert_int_equal(node_core_request(&f->core, &chunk, NULL), 0);
    chunk.code.size += 64 * 1024;
    char *too_big = realloc(big, chunk.code.size);
    memset(too_big, 'y', chunk.code.size);
    chunk.code.data = too_big;
    assert_int_equal(node_core_request(&f->core, &chunk, NULL), WIRE_E_TOO_BIG);
    free(too_big);
}

static void test_credit_beyond_what_was_sent_is_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    tell_many(f, "1@b", 9);
    assert_int_equal(hear_credit(f, b, "1@b", 11, 10), WIRE_E_STATE);
    assert_int_equal(hear_credit(f, b, "1@b", 10, 100000), WIRE_E_STATE);
    assert_int_equal(hear_credit(f, b, "1@b", 5, 50), 0);
    assert_int_equal(hear_credit(f, b, "1@b", 4, 50), WIRE_E_STATE);        //  Totals never shrink
    assert_int_equal(hear_credit(f, b, "1@c", 5, 50), WIRE_E_DENIED);
    assert_int_equal(hear(f, b->link, (head_t) { WIRE_CREDIT, 0, 0, "1@b", NULL }, "s", "x"), WIRE_E_MALFORMED);
    //  By way of the broker it means nothing, and the broker gets no strike for what it carries
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_CREDIT, 0, 0, "1@b", NULL }, "uu", 999, 999), 0);
    assert_int_equal(f->core.remotes.count > 0, 1);
    assert_int_equal(node_remotes_find(&f->core.remotes, str("1@b"))->granted_events, 5);
}

static void answer_strangers(fixture_t *f)
{
    f->peers[0].full = false;
    hear_call(f, f->peers[0].link, "1@b", 77, 0);
    hear(f, f->peers[0].link, (head_t) { WIRE_CALL, 78, 0, "1@b", "nobody" }, "usa", WIRE_WANTS_REPLY, "add");
    hear(f, f->peers[0].link, (head_t) { WIRE_CANCEL, 77, 0, "1@b", NULL }, "");
    hear_deny(f, 4, "unknown", "nobody");
}

//  What comes in during the pump may not touch the message that waits to be sent.
static void test_input_while_pumping_does_not_spoil_the_message(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@x");                                     //  Its lookup is 3, itself 4
    b->full = true;
    f->on_pump = answer_strangers;
    assert_int_equal(call(f, "1@b"), 0);
    wire_msg_t msg = last_sent(b);
    assert_int_equal(msg.type, WIRE_CALL);
    assert_int_equal(msg.request, f->slots[2].id);
    said(f, "broker<LOOKUP:3 b<CALL:5 ");               //  Nothing was handled meanwhile
    run(f);
    said(f, "b<FAIL:78 ");
}

static void end_link(fixture_t *f)
{
    link_gone(f, &f->peers[0], WIRE_E_GONE, "killed");
    f->on_pump = NULL;
}

static void test_peer_that_dies_while_pumping_gives_one_outcome(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    b->full = true;
    f->on_pump = end_link;
    assert_int_equal(call(f, "1@b"), 0);                //  Its outcome came as an event
    run(f);
    said(f, "2=gone? ");
    assert_int_equal(f->slots[1].outcomes, 1);
}

static void die_and_return(fixture_t *f)
{
    end_link(f);
    accept_from(f, "b", 8, "1@b");
}

static void test_settled_while_pumping_is_not_sent(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    b->full = true;
    f->on_pump = die_and_return;
    assert_int_equal(call(f, "1@b"), 0);
    run(f);
    said(f, "2=gone? ");
}

static void test_a_link_that_refuses_means_no_outcome(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    b->refuses = WIRE_E_GONE;
    assert_int_equal(call(f, "1@b"), WIRE_E_GONE);
    elapse(f, 60000);
    said(f, "");
    assert_int_equal(f->core.pendings.count, 0);
    assert_int_equal(b->link->sent, 1);
}

static void test_parked_messages_are_bounded(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(tell_many(f, "1@b", WIRE_CREDIT_EVENTS), 0);
    assert_int_equal(tell(f, "1@b"), WIRE_E_FULL);
    f->quiet = true;
    hear_found(f, 1, "1@b", "b", 7);
    f->quiet = false;
    assert_int_equal(f->peers[0].link->sent, WIRE_CREDIT_EVENTS);
    assert_int_equal(tell(f, "1@b"), WIRE_E_FULL);      //  They took the credit
    node_core_link_up(&f->core, f->peers[0].link, str("1@b"));
    assert_int_equal(hear_credit(f, &f->peers[0], "1@b", WIRE_CREDIT_EVENTS, 1000), 0);
    assert_int_equal(tell(f, "1@b"), 0);
}

static void test_parked_that_find_no_room_have_their_outcome(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "printer");
    tell(f, "printer");
    b->refuses = WIRE_E_FULL;
    hear_found(f, 3, "1@b", "b", 7);
    run(f);
    said(f, "broker<LOOKUP:3 report(printer,full) 2=full! ");
}

//  ---- Ourselves -------------------------------------------------------------

static void test_to_oneself_is_an_event_too(void **state)
{
    fixture_t *f = *state;
    call(f, "1@me");
    call(f, "me");                          //  The node's name will do
    tell(f, "1@me");
    said(f, "");
    assert_int_equal(node_core_drain(&f->core, 1), 1);
    said(f, "CALL:1(add) ");
    const uint8_t none = 0x90;
    assert_int_equal(node_core_answer(&f->core, WIRE_REPLY, f->author, f->request, &none, 1), 0);
    run(f);
    said(f, "CALL:2(add) CHUNK:0(main) 1=ok ");
    assert_string_equal(f->from, "1@me");
}

static void test_a_full_box_refuses_oneself_at_once(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(tell_many(f, "1@me", WIRE_CREDIT_EVENTS), 0);
    assert_int_equal(tell(f, "1@me"), WIRE_E_FULL);
    assert_int_equal(f->pumped, 0);
    assert_int_equal(call(f, "1@me"), WIRE_E_FULL);
    assert_int_equal(f->core.pendings.count, 0);
    f->quiet = true;
    node_core_drain(&f->core, 1);
    f->quiet = false;
    assert_int_equal(tell(f, "1@me"), 0);
}

static void test_reply_to_oneself_always_fits(void **state)
{
    fixture_t *f = *state;
    const uint8_t none = 0x90;
    call(f, "1@me");
    f->keep = true;
    run(f);
    f->keep = false;
    tell_many(f, "1@me", WIRE_CREDIT_EVENTS);
    assert_int_equal(node_core_answer(&f->core, WIRE_REPLY, f->author, f->request, &none, 1), 0);
    alua_remote_release(f->author);
    f->quiet = true;
    run(f);
    assert_int_equal(f->slots[0].outcomes, 1);
}

static void test_cancel_of_a_call_to_oneself(void **state)
{
    fixture_t *f = *state;
    call(f, "1@me");
    node_core_cancel(&f->core, f->slots[0].id);
    run(f);
    said(f, "1=cancelled? ");               //  It waited: dropped where it stood
    call(f, "1@me");
    run(f);
    node_core_cancel(&f->core, f->slots[1].id);
    run(f);
    said(f, "CALL:2(add) cancel:2 2=cancelled? ");
}

static void test_a_name_of_ours_goes_to_us_while_it_is_ours(void **state)
{
    fixture_t *f = *state;
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_cstr(&field, "printer");
    node_ask_t ask = { .type = WIRE_REGISTER, .fields = field.data, .size = field.size, .count = 1 };
    node_core_ask(&f->core, &ask);
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "b", 1);
    said(f, "broker<REGISTER:1 claims ");
    tell(f, "printer");
    run(f);
    said(f, "CHUNK:0(main) ");
    ask.type = WIRE_UNREGISTER;
    node_core_ask(&f->core, &ask);
    wire_buf_free(&field);
    hear(f, NULL, (head_t) { WIRE_ANSWER, 2, 0, NULL, NULL }, "b", 1);
    said(f, "broker<UNREGISTER:2 claims ");
    tell(f, "printer");
    said(f, "broker<LOOKUP:3 ");
    hear_found(f, 3, "1@me", "me", 1);      //  The broker thinks it is ours
    run(f);
    said(f, "CHUNK:0(main) ");
    tell(f, "printer");
    said(f, "broker<LOOKUP:4 ");            //  Which is not remembered
    hear_found(f, 4, "1@b", "b", 7);
    said(f, "dial(b#7) b<CHUNK:0 ");
}

//  ---- Refused at the door -----------------------------------------------------

static void test_misuse_and_offline_fail_at_once(void **state)
{
    fixture_t *f = *state;
    char *name = calloc(1, WIRE_MAX_NAME + 2);
    memset(name, 'x', WIRE_MAX_NAME + 1);
    assert_int_equal(call(f, ""), WIRE_E_UNKNOWN);
    assert_int_equal(call(f, name), WIRE_E_UNKNOWN);
    free(name);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    assert_int_equal(call(f, "1@b"), WIRE_E_OFFLINE);
    said(f, "");
    fixture_t *alone = offline();
    assert_int_equal(call(alone, "1@b"), WIRE_E_OFFLINE);
    assert_int_equal(node_core_ask(&alone->core, &(node_ask_t) { .type = WIRE_NODES }), WIRE_E_OFFLINE);
    finish(alone);
}

//  A remote that is looked up while the table is swept is not swept.
static void test_sweep_spares_the_one_being_looked_up(void **state)
{
    fixture_t *f = *state;
    char name[32];
    f->quiet = true;
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%d@net", i);
        assert_int_equal(tell(f, name), 0);
        hear_deny(f, i + 1, "unknown", "nobody");
    }
    assert_true(f->core.remotes.count < 2100);
}

static void ask_another(void *arg, const alua_outcome_t *outcome)
{
    slot_t *slot = arg;
    fixture_t *f = slot->f;
    char name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "%d@net", i);
        node_remotes_get(&f->core.remotes, str(name));
    }
    node_remotes_sweep(&f->core.remotes);
    on_outcome(arg, outcome);               //  Reads outcome->from
}

static void test_the_name_in_an_outcome_lives_through_a_sweep(void **state)
{
    fixture_t *f = *state;
    f->slots[0] = (slot_t) { f, 1, 0, 0 };
    alua_request_t one = { .kind = ALUA_CALL, .to = str("1@b"), .name = { "add", 3 }, .fn = ask_another, .arg = f->slots };
    assert_int_equal(node_core_request(&f->core, &one, NULL), 0);
    hear_deny(f, 1, "unknown", "nobody");
    run(f);
    said(f, "broker<LOOKUP:1 1=unknown! ");
    assert_string_equal(f->from, "1@b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cold_remote_is_looked_up_dialled_and_told_in_order),
        TEST(test_reply_hands_over_its_results),
        TEST(test_names_lead_to_the_process_behind),
        TEST(test_unknown_name_fails_with_the_brokers_words),
        TEST(test_wait_name_asks_until_somebody_has_it),
        TEST(test_wait_name_ends_at_the_deadline),
        TEST(test_wait_name_is_given_back_when_the_core_ends),
        TEST(test_remote_failure_is_an_outcome),
        TEST(test_failure_of_another_kind_is_never_success),
        TEST(test_deadline_tells_the_far_side_once),
        TEST(test_deadline_before_the_way_was_found_is_definite),
        TEST(test_answer_that_came_before_the_deadline_counts),
        TEST(test_cancel_has_one_outcome_and_tells),
        TEST(test_cancelled_before_the_way_was_found_never_leaves),
        TEST(test_only_whom_we_asked_may_answer),
        TEST(test_a_process_cannot_answer_for_the_broker),
        TEST(test_author_is_what_the_link_proved),
        TEST(test_a_name_that_moved_is_looked_up_anew),
        TEST(test_a_call_that_meets_a_moved_name_is_delivered_to_its_new_holder),
        TEST(test_it_is_delivered_again_only_once),
        TEST(test_what_was_executed_is_not_delivered_again),
        TEST(test_calls_under_a_moved_name_keep_their_order),
        TEST(test_a_refused_call_does_not_come_behind_a_later_one),
        TEST(test_a_refused_send_has_the_name_looked_up),
        TEST(test_a_name_that_moves_while_pumping),
        TEST(test_a_moved_name_without_a_holder_is_unknown),
        TEST(test_a_moved_name_when_the_broker_goes),
        TEST(test_a_send_tells_of_a_moved_name_too),
        TEST(test_without_credit_a_send_pumps_for_thirty_seconds),
        TEST(test_credit_that_comes_while_pumping_makes_room),
        TEST(test_bytes_are_credited_too),
        TEST(test_credit_beyond_what_was_sent_is_refused),
        TEST(test_input_while_pumping_does_not_spoil_the_message),
        TEST(test_peer_that_dies_while_pumping_gives_one_outcome),
        TEST(test_settled_while_pumping_is_not_sent),
        TEST(test_a_link_that_refuses_means_no_outcome),
        TEST(test_parked_messages_are_bounded),
        TEST(test_parked_that_find_no_room_have_their_outcome),
        TEST(test_to_oneself_is_an_event_too),
        TEST(test_a_full_box_refuses_oneself_at_once),
        TEST(test_reply_to_oneself_always_fits),
        TEST(test_cancel_of_a_call_to_oneself),
        TEST(test_a_name_of_ours_goes_to_us_while_it_is_ours),
        TEST(test_misuse_and_offline_fail_at_once),
        TEST(test_sweep_spares_the_one_being_looked_up),
        TEST(test_the_name_in_an_outcome_lives_through_a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
