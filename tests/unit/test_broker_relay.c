//  Messages from process to process that go through the broker

#include "broker_fixture.h"

#define FAILED(code, message, definite)                                                          \
    "{code=" code " message=" message " node=" ADDRESS " where= traceback=[] definite=" definite \
    " value=nil}\n"

static void test_the_author_is_stamped(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    come(f, "bob");
    tell(f, ana, WIRE_CALL, 5, "1@ana", "1@bob");
    expect(f, "bob< CALL#5 1@ana->1@bob 1 add [1 nil]\n");
    tell(f, ana, WIRE_CALL, 6, "1@bob", "1@bob");  //  Not believed
    expect(f, "bob< CALL#6 1@ana->1@bob 1 add [1 nil]\n");
    assert_int_equal(counters(f)->relayed, 2);
    assert_true(counters(f)->relayed_bytes > 40);
}

static void test_any_name_of_the_receiver_will_do(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, bob, WIRE_REGISTER, "svc");
    ignore(f);
    tell(f, ana, WIRE_CHUNK, 1, "1@ana", "bob");
    tell(f, ana, WIRE_CANCEL, 1, "1@ana", "svc");
    expect(f, "bob< CHUNK#1 1@ana->1@bob 1 add [1 nil]\n"
              "bob< CANCEL#1 1@ana->1@bob 1 add [1 nil]\n");
    tell(f, ana, WIRE_REPLY, 9, "1@ana", "ana");  //  To oneself is a way like any other
    expect(f, "ana< REPLY#9 1@ana->1@ana 1 add [1 nil]\n");
}

static void test_nobody_of_that_name(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    tell(f, ana, WIRE_CALL, 5, "1@ana", "1@bob");
    expect(f, "ana< FAIL#5 1@bob->1@ana " FAILED("unknown", "no such process, node or name: 1@bob", "true"));
    tell(f, ana, WIRE_CHUNK, 6, "1@ana", "anna");
    expect(f, "ana< FAIL#6 anna->1@ana " FAILED(
                  "unknown", "no such process, node or name: anna; did you mean ana?", "true"));
    tell(f, ana, WIRE_CALL, 0, "1@ana", "1@bob");  //  Nobody waits, but somebody should be told
    expect(f, "ana< FAIL 1@bob->1@ana " FAILED("unknown", "no such process, node or name: 1@bob", "true"));
    tell(f, ana, WIRE_REPLY, 7, "1@ana", "1@bob");
    tell(f, ana, WIRE_FAIL, 7, "1@ana", "1@bob");
    tell(f, ana, WIRE_CREDIT, 0, "1@ana", "1@bob");
    expect(f, "");
    assert_int_equal(counters(f)->relay_unknown, 6);
    assert_int_equal(counters(f)->relayed, 0);
}

static void test_a_receiver_that_does_not_read(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    bob->refuses = WIRE_E_FULL;
    tell(f, ana, WIRE_CALL, 5, "1@ana", "1@bob");
    expect(f, "ana< FAIL#5 1@bob->1@ana " FAILED(
                  "full", "1@bob does not read what it is sent: no room in the broker", "true"));
    assert_int_equal(counters(f)->relay_full, 1);
    bob->refuses = 0;  //  What ana did to it is not held against bob
    tell(f, ana, WIRE_CALL, 6, "1@ana", "1@bob");
    expect(f, "bob< CALL#6 1@ana->1@bob 1 add [1 nil]\n");
    bob->refuses = WIRE_E_GONE;
    tell(f, ana, WIRE_CALL, 7, "1@ana", "1@bob");
    expect(f, "ana< FAIL#7 1@bob->1@ana " FAILED("gone", "cannot pass it on to 1@bob", "true"));
    assert_int_equal(counters(f)->relay_failed, 1);
}

static void test_the_deadline_shrinks_while_it_waits(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    come(f, "bob");
    tell_late(f, ana, WIRE_CALL, 1, 500, "1@ana", "1@bob", 120);
    expect(f, "bob< CALL#1 ttl=380 1@ana->1@bob 1 add [1 nil]\n");
    tell_late(f, ana, WIRE_CALL, 2, 0, "1@ana", "1@bob", 120);
    expect(f, "bob< CALL#2 1@ana->1@bob 1 add [1 nil]\n");  //  0 stays: no deadline
    tell_late(f, ana, WIRE_CALL, 3, 500, "1@ana", "1@bob", 500);
    expect(f, "ana< FAIL#3 1@bob->1@ana " FAILED("expired", "the deadline passed in the broker", "true"));
    assert_int_equal(counters(f)->relay_expired, 1);
}

//  The author's id is longer than what it said, and the message already as big as one may be.
static void test_a_message_that_grows_too_big(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "a-very-long-name-of-a-node-that-says-little-of-itself");
    come(f, "bob");
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_msg_begin_proc(&message, WIRE_CALL, 3, 0, (wire_str_t){ "x", 1 }, (wire_str_t){ "1@bob", 5 }, 1);
    size_t size = WIRE_MAX_MESSAGE - message.size - 5;
    char *filler = calloc(1, size);
    wire_put_bin(&message, filler, size);
    assert_int_equal(message.size, WIRE_MAX_MESSAGE);
    hear(f, ana, &message, f->now);
    assert_non_null(strstr(f->trace, "FAIL#3 1@bob->1@a-very"));
    assert_non_null(strstr(f->trace, "{code=too_big"));
    wire_buf_free(&message);
    free(filler);
}

static void lose(fixture_t *f, client_t *target, wire_type_t type, uint64_t request, const char *author)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_str_t from = { author, strlen(author) }, to = { target->id, strlen(target->id) };
    wire_msg_begin_proc(&message, type, request, 0, from, to, 0);
    wire_reader_t frame = wire_reader(message.data, message.size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&frame, &msg), 0);
    broker_core_lost(f->core, target->session, &msg, f->now);
    wire_buf_free(&message);
}

static void test_what_the_dead_did_not_acknowledge(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    tell(f, ana, WIRE_CALL, 5, "1@ana", "1@bob");
    ignore(f);
    lose(f, bob, WIRE_CALL, 5, ana->id);
    expect(f, "ana< FAIL#5 1@bob->1@ana " FAILED(
                  "gone", "1@bob did not acknowledge this before its link ended", "false"));
    lose(f, bob, WIRE_REPLY, 6, ana->id);
    lose(f, bob, WIRE_CALL, 7, "1@eva");  //  Gone itself
    lose(f, bob, WIRE_MEMBERS, 0, "");
    expect(f, "");
    assert_int_equal(counters(f)->relay_lost, 3);
}

//  For the launcher, which compares it with what the node has had from the broker and told it.
static void test_what_counts_as_said_by_the_broker(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_with(f, "ana", "apps=game"), *bob = come_with(f, "bob", "apps=game");
    tell(f, bob, WIRE_CALL, 5, "1@bob", "1@ana");   //  Passed on
    tell(f, ana, WIRE_CALL, 6, "1@ana", "nobody");  //  Answered by a FAIL
    tell(f, ana, WIRE_CANCEL, 6, "1@ana", "1@bob"); //  Does not count
    ask(f, ana, WIRE_LOOKUP, "bob");
    end(f, bob, WIRE_E_GONE, "");
    assert_int_equal(broker_core_sent(f->core, ana->session), 4);  //  ANSWER, MEMBERS twice, WATCHED
    assert_int_equal(broker_core_sent(f->core, bob->session), 0);
    broker_seat_t seat;
    assert_true(broker_core_seat(f->core, ana->session, &seat));
    assert_int_equal(seat.received, 1);     //  LOOKUP
    client_t again = { .f = f, .incarnation = ana->incarnation };
    assert_int_equal(hello(f, &again, "ana", ""), 0);  //  On a new link both ends count anew
    assert_int_equal(broker_core_sent(f->core, again.session), 0);
    assert_true(broker_core_seat(f->core, again.session, &seat));
    assert_int_equal(seat.received, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_author_is_stamped),
        TEST(test_any_name_of_the_receiver_will_do),
        TEST(test_nobody_of_that_name),
        TEST(test_a_receiver_that_does_not_read),
        TEST(test_the_deadline_shrinks_while_it_waits),
        TEST(test_a_message_that_grows_too_big),
        TEST(test_what_the_dead_did_not_acknowledge),
        TEST(test_what_counts_as_said_by_the_broker),
    };
    return cmocka_run_group_tests_name("broker relay", tests, NULL, NULL);
}
