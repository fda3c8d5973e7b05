//  The rules of tuple spaces, one by one

#include "test_space_check.h"

//  ---- Putting, taking, reading --------------------------------------------

static void test_out_then_take(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT jobs ['job', 7]");
    EXPECT(f, "1:1 1; ");
    say(f, 2, "READ jobs ['job', ?]");
    EXPECT(f, "2:2 [job, 7] 1; ");
    say(f, 2, "TAKE jobs ['job', ?]");
    EXPECT(f, "2:3 [job, 7] 1 nil; ");
    say(f, 2, "TAKE jobs ['job', ?] {try=true}");
    EXPECT(f, "2:4! timeout no tuple matches; ");
    check_spaces(f->spaces);
}

static void test_the_oldest_match_is_taken(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a, 1]");
    say(f, 1, "OUT s [b, 2]");
    say(f, 1, "OUT s [a, 3]");
    f->trace[0] = 0;
    say(f, 1, "TAKE s [?, ?range(2, 9)]");
    EXPECT(f, "1:4 [b, 2] 2 nil; ");
    say(f, 1, "TAKE s [a, ?]");
    EXPECT(f, "1:5 [a, 1] 1 nil; ");
    say(f, 1, "TAKE s [?rest]");
    EXPECT(f, "1:6 [a, 3] 3 nil; ");
}

static void test_named_fields_and_other_spaces(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s {1=job, 'name'=ana, 'size'=3}");
    say(f, 1, "OUT t [job]");
    f->trace[0] = 0;
    say(f, 1, "COUNT s {'name'=ana}");
    say(f, 1, "COUNT s {1=job, 'name'=ana}");
    say(f, 1, "COUNT s {1=job, 'name'=bob}");
    say(f, 1, "COUNT t [job]");
    say(f, 1, "COUNT t");
    say(f, 1, "COUNT u nil");
    EXPECT(f, "1:3 0; 1:4 1; 1:5 0; 1:6 1; 1:7 1; 1:8 0; ");
}

static void test_a_take_waits(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "TAKE s [a]");
    EXPECT(f, "");
    check_spaces(f->spaces);
    say(f, 2, "OUT s [b]");
    EXPECT(f, "2:2 1; ");
    say(f, 2, "OUT s [a]");
    EXPECT(f, "2:3 2; 1:1 [a] 2 nil; ");
    say(f, 2, "COUNT s");
    EXPECT(f, "2:4 1; ");
    check_spaces(f->spaces);
}

static void test_reads_before_the_taker_see_it_too(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "READ s [a, ?]");
    say(f, 2, "READ s [?, 1]");
    say(f, 3, "READ s [?rest]");
    say(f, 4, "TAKE s [a, 1]");
    say(f, 5, "READ s [a, 1]");
    say(f, 6, "TAKE s [?rest]");
    say(f, 9, "OUT s [a, 1]");
    EXPECT(f, "9:7 1; 1:1 [a, 1] 1; 2:2 [a, 1] 1; 3:3 [a, 1] 1; 4:4 [a, 1] 1 nil; ");
    check_spaces(f->spaces);
    say(f, 9, "OUT s [a, 1]");
    EXPECT(f, "9:8 2; 5:5 [a, 1] 2; 6:6 [a, 1] 2 nil; ");
    assert_int_equal(f->spaces->count, 0);
}

static void test_a_wait_ends(void **state)
{
    fixture_t *f = *state;
    f->ttl = 50;
    say(f, 1, "TAKE s [a]");
    f->ttl = 20;
    say(f, 1, "READ s [a]");
    assert_int_equal(spaces_due(f->spaces), 1020);
    elapse(f, 19);
    EXPECT(f, "");
    elapse(f, 1);
    EXPECT(f, "1:2! timeout no tuple matches; ");
    f->ttl = 0;
    f->now += 30;  //  Nobody ticks; the operation itself sees to it
    say(f, 2, "OUT s [a]");
    EXPECT(f, "1:1! timeout no tuple matches; 2:3 1; ");
    assert_int_equal(spaces_due(f->spaces), -1);
}

//  By time, and at the same ms in the order of asking.
static void test_waits_end_in_order(void **state)
{
    fixture_t *f = *state;
    char expected[8000] = "";
    for (int i = 0; i < 100; i++) {
        f->ttl = 1 + (uint32_t) (i * 37 % 10);
        say(f, 1, "TAKE s [%d]", i);
    }
    elapse(f, 20);
    for (int ttl = 1; ttl <= 10; ttl++)
        for (int i = 0; i < 100; i++)
            if (1 + i * 37 % 10 == ttl)
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                         "1:%d! timeout no tuple matches; ", i + 1);
    EXPECT(f, expected);
}

static void test_a_wait_that_is_forgotten(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "TAKE s [a] {put=[b], lease=100}");
    say(f, 2, "FORGET 1");
    EXPECT(f, "2:2 false; ");
    say(f, 1, "FORGET 1");
    EXPECT(f, "1:1! cancelled it waits no longer; 1:3 true; ");
    say(f, 1, "FORGET 1");
    EXPECT(f, "1:4 false; ");
    assert_int_equal(f->spaces->bytes, 0);
    assert_int_equal(f->spaces->sessions.count, 0);
    assert_int_equal(f->spaces->heap.reserved, 0);
    check_spaces(f->spaces);
}

static void test_a_request_said_twice(void **state)
{
    fixture_t *f = *state;
    say_as(f, 1, 7, "TAKE s [a]");
    say_as(f, 1, 7, "TAKE s [a]");
    say_as(f, 2, 7, "TAKE s [a]");
    say(f, 3, "OUT s [a]");
    say(f, 3, "OUT s [a]");
    say(f, 3, "COUNT s");
    EXPECT(f, "3:1 1; 1:7 [a] 1 nil; 3:2 2; 2:7 [a] 2 nil; 3:3 0; ");
}

static void test_nobody_wants_to_know(void **state)
{
    fixture_t *f = *state;
    say_as(f, 1, 0, "OUT s [a]");
    say_as(f, 1, 0, "TAKE s [b]");  //  Does not wait
    say_as(f, 1, 0, "TAKE s [a]");
    EXPECT(f, "");
    assert_int_equal(f->spaces->count, 0);
}

static void test_a_tuple_has_a_ttl(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a] {ttl=100}");
    say(f, 1, "OUT s [b] {ttl=50}");
    say(f, 1, "OUT s [c]");
    elapse(f, 50);
    f->trace[0] = 0;
    say(f, 1, "COUNT s [b]");
    say(f, 1, "COUNT s");
    EXPECT(f, "1:4 0; 1:5 2; ");
    elapse(f, 50);
    say(f, 1, "COUNT s");
    EXPECT(f, "1:6 1; ");
    assert_int_equal(spaces_due(f->spaces), -1);
    check_spaces(f->spaces);
}

static void test_swap(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [n, 1]");
    say(f, 1, "TAKE s [n, ?] {put=[n, 2]}");
    EXPECT(f, "1:1 1; 1:2 [n, 1] 1 nil; ");
    say(f, 1, "READ s [n, ?]");
    EXPECT(f, "1:3 [n, 2] 2; ");
    say(f, 1, "TAKE s [m, ?] {put=[n, 3], try=true}");
    EXPECT(f, "1:4! timeout no tuple matches; ");
    say(f, 1, "COUNT s");
    EXPECT(f, "1:5 1; ");
    check_spaces(f->spaces);
}

//  Each waits for what the one before it puts; the other way round, and it would be a recursion a million deep.
static void test_a_row_of_swaps(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 20000; i++)
        say(f, 1, "TAKE s [n, %d] {put=[n, %d]}", i, i + 1);
    say(f, 2, "SPACE_WATCH s [n, ?]");
    f->quiet = false;
    say(f, 2, "OUT s [n, 0]");
    assert_int_equal(f->answers, 20000 + 2);
    assert_int_equal(f->events, 20001);
    f->trace[0] = 0;
    say(f, 2, "READ s [n, ?]");
    EXPECT(f, "2:20003 [n, 20000] 20001; ");
    check_spaces(f->spaces);
}

static void test_bulk(void **state)
{
    fixture_t *f = *state;
    for (int i = 1; i <= 5; i++)
        say(f, 1, "OUT s [a, %d]", i);
    f->trace[0] = 0;
    say(f, 1, "READ s [a, ?] {all=2}");
    EXPECT(f, "1:6 [[a, 1], [a, 2]] [1, 2]; ");
    say(f, 1, "TAKE s [a, ?range(2, nil)] {all=true}");
    EXPECT(f, "1:7 [[a, 2], [a, 3], [a, 4], [a, 5]] [2, 3, 4, 5]; ");
    say(f, 1, "TAKE s [b] {all=3}");
    say(f, 1, "TAKE t [b] {all=3}");
    EXPECT(f, "1:8 [] []; 1:9 [] []; ");
    say(f, 1, "COUNT s");
    EXPECT(f, "1:10 1; ");
    check_spaces(f->spaces);
}

static void put_big(fixture_t *f, const char *space, size_t size)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    char *text = calloc(1, size);
    memset(text, 'x', size);
    wire_put_cstr(&fields, space);
    wire_put_array(&fields, 1);
    wire_put_text(&fields, text, size);
    apply(f, 1, ++f->request, WIRE_OUT, &fields, 2);
    wire_buf_free(&fields);
    free(text);
}

static void test_bulk_fits_a_message(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 2000; i++)
        say(f, 1, "OUT s [%d]", i);
    say(f, 1, "TAKE s [?] {all=1025}");     //  Not less than was asked for, without a word
    assert_int_equal(f->code, WIRE_E_USAGE);
    assert_int_equal(f->spaces->tuples, 2000);
    say(f, 1, "TAKE s [?] {all=1024}");
    assert_int_equal(f->spaces->tuples, 2000 - SPACES_MAX_BULK);
    say(f, 1, "DESTROY s");
    for (int i = 0; i < 5; i++)
        put_big(f, "s", 300000);
    say(f, 1, "TAKE s [?] {all=true}");
    assert_int_equal(f->spaces->tuples, 2);  //  Three of 300,000 bytes fit
    put_big(f, "s", WIRE_MAX_MESSAGE);
    assert_int_equal(f->code, WIRE_E_TOO_BIG);
    put_big(f, "t", SPACE_ANSWER - 100);
    say(f, 1, "TAKE t [?] {all=true}");
    assert_int_equal(f->spaces->tuples, 2);
}

//  ---- Places --------------------------------------------------------------

static void test_a_tuple_that_is_given_back(void **state)
{
    fixture_t *f = *state;
    for (int i = 1; i <= 3; i++)
        say(f, 1, "OUT s [a, %d]", i);
    say(f, 1, "SPACE_WATCH s [?rest]");
    say(f, 1, "TAKE s [a, 2]");
    f->trace[0] = 0;
    say(f, 1, "OUT s [a, 2] {number=2}");  //  No arrival: it was here before
    EXPECT(f, "1:6 2; ");
    say(f, 1, "READ s [a, ?] {all=9}");
    EXPECT(f, "1:7 [[a, 1], [a, 2], [a, 3]] [1, 2, 3]; ");
    say(f, 1, "OUT s [a, 4] {number=2}");  //  Another has it
    EXPECT(f, "1:8 4; 1~ 1 1 0 4 [a, 4]; ");
    say(f, 1, "OUT s [a, 5] {number=77}");  //  Never given
    EXPECT(f, "1:9 5; 1~ 1 2 0 5 [a, 5]; ");
    say(f, 1, "TAKE s [a, 1] {lease=100}");
    say(f, 1, "OUT s [a, 6] {number=1}");  //  Leased: it may come back
    EXPECT(f, "1:10 [a, 1] 1 1; 1:11 6; 1~ 1 3 0 6 [a, 6]; ");
    check_spaces(f->spaces);
}

static void test_many_come_back_to_their_places(void **state)
{
    fixture_t *f = *state;
    enum { COUNT = 3000 };
    f->quiet = true;
    for (int i = 1; i <= COUNT; i++)
        say(f, 1, "OUT s [a, %d, %d]", i, i % 7);
    for (int i = 1; i <= COUNT; i++)
        say(f, 1, "TAKE s [a, %d, ?]", 1 + (i * 1009) % COUNT);
    assert_int_equal(f->spaces->count, 0);
    for (int i = 1; i <= COUNT; i++)
        say(f, 1, "OUT s [a, %d, %d] {number=%d}", 1 + (i * 997) % COUNT, (1 + (i * 997) % COUNT) % 7,
            1 + (i * 997) % COUNT);
    assert_int_equal(f->spaces->tuples, COUNT);
    check_spaces(f->spaces);
    f->quiet = false;
    say(f, 1, "READ s [a, ?, 3] {all=3}");
    EXPECT(f, "1:9001 [[a, 3, 3], [a, 10, 3], [a, 17, 3]] [3, 10, 17]; ");
}

//  ---- Leases --------------------------------------------------------------

static void test_a_lease_is_acknowledged(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 2, "TAKE s [a] {lease=100}");
    EXPECT(f, "1:1 1; 2:2 [a] 1 1; ");
    assert_int_equal(spaces_due(f->spaces), 1100);
    check_spaces(f->spaces);
    say(f, 3, "ACK 1");
    EXPECT(f, "3:3! expired lease 1 is another session's; ");
    say(f, 2, "ACK 1 [[s, [b], {ttl=50}], [t, [c]]]");
    EXPECT(f, "2:4 [2, 3]; ");
    say(f, 2, "ACK 1 nil");
    EXPECT(f, "2:5! expired lease 1 is over; ");
    say(f, 2, "COUNT s");
    say(f, 2, "COUNT t");
    EXPECT(f, "2:6 1; 2:7 1; ");
    elapse(f, 100);
    assert_int_equal(f->spaces->tuples, 1);
    check_spaces(f->spaces);
}

static void test_the_last_tuple_is_acknowledged(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 1, "TAKE s [a] {lease=100}");
    say(f, 1, "ACK 1");
    assert_int_equal(f->spaces->count, 0);
    check_spaces(f->spaces);
}

static void test_an_ack_that_fails_puts_nothing(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "ACK 1 [[s, [a]]]");
    EXPECT(f, "1:1! expired lease 1 is over; ");
    say(f, 1, "OUT s [a]");
    say(f, 1, "TAKE s [a] {lease=100}");
    f->trace[0] = 0;
    say(f, 1, "ACK 1 [[s, [b]], [s, 7]]");
    assert_int_equal(f->code, WIRE_E_USAGE);
    assert_int_equal(f->spaces->tuples, 0);
    check_spaces(f->spaces);
    say(f, 1, "RELEASE 1");
    assert_int_equal(f->spaces->tuples, 1);
}

static void test_a_lease_ends(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a, 1]");
    say(f, 1, "OUT s [a, 2]");
    say(f, 1, "TAKE s [a, ?] {lease=100}");
    say(f, 2, "SPACE_WATCH s [a, ?]");
    elapse(f, 99);
    f->trace[0] = 0;
    say(f, 1, "READ s [a, ?]");
    EXPECT(f, "1:5 [a, 2] 2; ");
    elapse(f, 1);
    say(f, 1, "READ s [a, ?]");
    EXPECT(f, "1:6 [a, 1] 1; ");  //  In its old place, and the watch knows it
    say(f, 1, "ACK 1");
    EXPECT(f, "1:7! expired lease 1 is over; ");
    check_spaces(f->spaces);
}

static void test_a_lease_is_released_and_extended(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 1, "TAKE s [a] {lease=100}");
    elapse(f, 60);
    say(f, 1, "EXTEND 1 100");
    elapse(f, 60);
    f->trace[0] = 0;
    say(f, 2, "EXTEND 1 100");
    say(f, 2, "RELEASE 1");
    say(f, 2, "TAKE s [a] {lease=50}");
    EXPECT(f, "2:4! expired lease 1 is another session's; 2:5! expired lease 1 is another session's; ");
    say(f, 1, "RELEASE 1");
    EXPECT(f, "1:7 true; 2:6 [a] 1 2; ");
    say(f, 1, "RELEASE 1");
    EXPECT(f, "1:8! expired lease 1 is over; ");
    say(f, 2, "EXTEND 2 9");
    EXPECT(f, "2:9! usage a lease lasts 10..86400000 ms; ");
    check_spaces(f->spaces);
}

static void test_ttl_goes_on_under_a_lease(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a] {ttl=100}");
    say(f, 1, "OUT s [b] {ttl=100}");
    say(f, 1, "TAKE s [a] {lease=50}");
    say(f, 1, "TAKE s [b] {lease=1000}");
    elapse(f, 50);
    assert_int_equal(f->spaces->tuples, 1);
    elapse(f, 50);
    assert_int_equal(f->spaces->tuples, 0);
    f->trace[0] = 0;
    say(f, 1, "EXTEND 2 1000");  //  Leased, it lives on
    say(f, 1, "RELEASE 2");
    EXPECT(f, "1:5 true; 1:6 true; ");
    assert_int_equal(f->spaces->bytes, 0);
    assert_int_equal(f->spaces->heap.reserved, 0);
    check_spaces(f->spaces);
}

static void test_a_session_ends(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a, 1]");
    say(f, 1, "OUT s [a, 2]");
    say(f, 1, "OUT s [a, 3]");
    say(f, 2, "TAKE s [a, 1] {lease=1000}");
    say(f, 2, "TAKE s [a, 2] {lease=1000}");
    say(f, 2, "TAKE s [b] {lease=1000, put=[c]}");
    say(f, 2, "TAKE s [a, 9]");
    say(f, 2, "SPACE_WATCH s [?rest]");
    say(f, 3, "TAKE s [a, 1]");
    f->trace[0] = 0;
    check_spaces(f->spaces);
    end(f, 2);
    EXPECT(f, "3:9 [a, 1] 1 nil; ");
    assert_int_equal(f->spaces->sessions.count, 0);
    assert_int_equal(f->spaces->leases.count, 0);
    check_spaces(f->spaces);
    say(f, 1, "OUT s [b]");
    say(f, 1, "READ s [a, ?] {all=9}");
    EXPECT(f, "1:10 4; 1:11 [[a, 2], [a, 3]] [2, 3]; ");
    end(f, 77);  //  That has nothing here
    check_spaces(f->spaces);
}

//  ---- Batches -------------------------------------------------------------

static void test_a_batch(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a, 1]");
    say(f, 1, "TAKE s [a, ?] {lease=100}");
    say(f, 1, "OUT s [b, 1]");
    say(f, 2, "SPACE_WATCH s [?rest]");
    say(f, 3, "TAKE s [d]");
    f->trace[0] = 0;
    say(f, 1, "BATCH [[OUT, s, [c]], [READ, s, [c]], [TAKE, s, [c]], [COUNT, s, [c]], [TAKE, s, [b, ?], {put=[b, 2]}],"
              "[ACK, 1, [[t, [x]]]], [OUT, s, [d]], [COUNT, s]]");
    EXPECT(f, "1:6 [[3], [[c], 3], [[c], 3, nil], [0], [[b, 1], 2, nil], [[5]], [6], [2]]; "
              "2~ 1 1 0 4 [b, 2]; 2~ 1 2 0 6 [d]; 3:5 [d] 6 nil; ");
    check_spaces(f->spaces);
    say(f, 1, "BATCH []");
    EXPECT(f, "1:7 []; ");
}

static void test_a_batch_that_fails_did_nothing(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a, 1] {ttl=1000}");
    say(f, 1, "OUT s [a, 2]");
    say(f, 1, "OUT s [a, 3]");
    say(f, 1, "TAKE s [a, 3] {lease=1000}");
    say(f, 2, "SPACE_WATCH s [?rest]");
    say(f, 3, "TAKE s [c]");
    f->trace[0] = 0;
    say(f, 1, "BATCH [[OUT, s, [c]], [TAKE, s, [a, 1], {lease=50}], [TAKE, s, [c]], [ACK, 1, [[t, [x]]]],"
              "[TAKE, s, [a, ?], {put=[y]}], [READ, s, [a, 1]]]");
    EXPECT(f, "1:7! timeout operation 6: no tuple matches; ");
    check_spaces(f->spaces);
    say(f, 1, "READ s [a, ?] {all=9}");
    EXPECT(f, "1:8 [[a, 1], [a, 2]] [1, 2]; ");
    say(f, 1, "BATCH [[ACK, 1], [ACK, 1]]");
    EXPECT(f, "1:9! expired operation 2: lease 1 is over; ");
    say(f, 1, "RELEASE 1");
    say(f, 1, "OUT s [e]");
    EXPECT(f, "1:10 true; 1:11 4; 2~ 1 1 0 4 [e]; ");  //  Numbers go on where they were
    elapse(f, 1000);
    assert_int_equal(f->spaces->tuples, 3);
    check_spaces(f->spaces);
}

static void test_a_batch_takes_bulk_and_leases(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "BATCH [[OUT, s, [a, 1]], [OUT, s, [a, 2]], [OUT, s, [b]], [TAKE, s, [a, ?], {all=5}],"
              "[TAKE, s, [b], {lease=100}], [TAKE, s, [z], {all=5}]]");
    EXPECT(f, "1:1 [[1], [2], [3], [[[a, 1], [a, 2]], [1, 2]], [[b], 3, 1], [[], []]]; ");
    assert_int_equal(f->spaces->lease_count, 1);
    elapse(f, 100);
    assert_int_equal(f->spaces->tuples, 1);
    check_spaces(f->spaces);
}

static void test_what_does_not_go_into_a_batch(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "BATCH [[RELEASE, 1]]");
    EXPECT(f, "1:1! usage operation 1: RELEASE does not go into a batch; ");
    say(f, 1, "BATCH [[OUT, s, [a]], 7]");
    EXPECT(f, "1:2! malformed operation 2: no array that begins with a type; ");
    assert_int_equal(f->outcome, WIRE_E_MALFORMED);
    say(f, 1, "BATCH [[OUT, s, [a]], [OUT, s, [?]]]");
    assert_int_equal(f->code, WIRE_E_USAGE);
    assert_int_equal(f->outcome, 0);
    say(f, 1, "BATCH [[OUT, s, [a], {foo=1}]]");
    assert_non_null(strstr(f->trace, "usage operation 1: OUT has no option \"foo\""));
    assert_int_equal(f->spaces->count, 0);
    check_spaces(f->spaces);
}

//  Its answers are larger than a message: nothing was taken.
static void test_a_batch_that_cannot_be_answered(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 5; i++)
        put_big(f, "s", 300000);
    f->quiet = false;
    f->trace[0] = 0;
    say(f, 1, "BATCH [[TAKE, s, [?]], [TAKE, s, [?]], [TAKE, s, [?]], [TAKE, s, [?]], [TAKE, s, [?]]]");
    EXPECT(f, "1:6! too_big operation 4: the answers together are too big for a message; ");
    assert_int_equal(f->spaces->tuples, 5);
    check_spaces(f->spaces);
}

//  ---- Watches -------------------------------------------------------------

static void test_a_watch_is_told(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "SPACE_WATCH s [a, ?] {}");
    say(f, 2, "SPACE_WATCH s [?rest] nil");
    EXPECT(f, "1:1 1 0; 2:2 2 0; ");
    say(f, 3, "OUT s [a, 1]");
    EXPECT(f, "3:3 1; 1~ 1 1 0 1 [a, 1]; 2~ 2 1 0 1 [a, 1]; ");
    f->deaf = true;
    say(f, 3, "OUT s [a, 2]");
    say(f, 3, "OUT s [b, 3]");
    f->deaf = false;
    say(f, 3, "OUT s [a, 4]");
    EXPECT(f, "3:4 2; 3:5 3; 3:6 4; 1~ 1 2 1 4 [a, 4]; 2~ 2 2 2 4 [a, 4]; ");
    say(f, 1, "SPACE_UNWATCH 2");
    say(f, 2, "SPACE_UNWATCH 2");
    say(f, 2, "SPACE_UNWATCH 2");
    EXPECT(f, "1:7 false; 2:8 true; 2:9 false; ");
    check_spaces(f->spaces);
}

static void test_a_watch_begins_behind_a_number(void **state)
{
    fixture_t *f = *state;
    for (int i = 1; i <= 4; i++)
        say(f, 3, "OUT s [a, %d]", i);
    say(f, 3, "OUT s [b, 5]");
    say(f, 3, "OUT t [a, 6]");
    say(f, 3, "TAKE s [a, 3] {lease=1000}");            //  Not there
    f->trace[0] = 0;
    say(f, 1, "SPACE_WATCH s [a, ?] {after=1}");
    EXPECT(f, "1:8 1 6; 1~ 1 1 0 2 [a, 2]; 1~ 1 2 0 4 [a, 4]; ");
    say(f, 3, "OUT s [a, 7]");
    EXPECT(f, "3:9 7; 1~ 1 3 0 7 [a, 7]; ");
    f->deaf = true;
    say(f, 1, "SPACE_WATCH s [?rest] {after=0}");
    f->deaf = false;
    say(f, 3, "OUT s [c]");
    EXPECT(f, "1:10 2 7; 3:11 8; 1~ 2 1 5 8 [c]; ");      //  All but the leased one were left out
    check_spaces(f->spaces);
}

//  ---- Whole spaces --------------------------------------------------------

static void test_a_space_is_destroyed(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 1, "OUT s [b]");
    say(f, 1, "TAKE s [a] {lease=1000}");
    say(f, 2, "TAKE s [c]");
    say(f, 3, "READ s [?] {try=false}");
    say(f, 3, "READ s [d]");
    say(f, 2, "SPACE_WATCH s [e]");
    f->trace[0] = 0;
    say(f, 4, "DESTROY s");
    EXPECT(f, "2:4! closed the space was destroyed; 3:6! closed the space was destroyed; 2~ 1 1 0 0 nil; 4:8 true; ");
    say(f, 1, "ACK 1");
    say(f, 2, "SPACE_UNWATCH 1");
    say(f, 4, "DESTROY s");
    EXPECT(f, "1:9! expired lease 1 is over; 2:10 false; 4:11 false; ");
    assert_int_equal(f->spaces->bytes, 0);
    assert_int_equal(f->spaces->sessions.count, 0);
    assert_int_equal(f->spaces->heap.reserved, 0);
    check_spaces(f->spaces);
}

//  It learns of the end when it reads again, if not before; not of what is put into the next space of that name.
static void test_a_watcher_that_does_not_read_learns_of_the_end(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "SPACE_WATCH s [?]");
    say(f, 2, "SPACE_WATCH s [?]");
    say(f, 3, "OUT s [a]");
    f->deaf = true;
    say(f, 3, "OUT s [b]");
    say(f, 3, "DESTROY s");
    check_spaces(f->spaces);
    say(f, 3, "OUT s [c]");
    f->trace[0] = 0;
    elapse(f, 5000);
    assert_true(spaces_due(f->spaces) > f->now);
    EXPECT(f, "");
    end(f, 2);
    f->deaf = false;
    elapse(f, 100);
    EXPECT(f, "1~ 1 2 1 0 nil; ");
    say(f, 1, "SPACE_UNWATCH 1");
    EXPECT(f, "1:7 false; ");
    assert_int_equal(spaces_due(f->spaces), -1);
    assert_int_equal(f->spaces->sessions.count, 0);
    assert_int_equal(f->spaces->heap.reserved, 0);
    check_spaces(f->spaces);
}

static void test_all_ends_before_a_watcher_was_told(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "SPACE_WATCH s [?]");
    f->deaf = true;
    say(f, 3, "DESTROY s");
    assert_int_equal(f->spaces->sessions.count, 1);
}

//  It was busy with its last tuple when the space was destroyed.
static void test_a_worker_learns_of_the_end(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 2, "TAKE s [a] {lease=1000}");
    say(f, 1, "DESTROY s");
    f->trace[0] = 0;
    say(f, 2, "TAKE s [a] {lease=1000, after=1}");
    EXPECT(f, "2:4! closed the space was destroyed; ");
    say(f, 1, "OUT s [a]");             //  A new one of that name; a lease of it is newer
    say(f, 2, "TAKE s [a] {lease=1000, after=1, try=true}");
    say(f, 3, "TAKE s [a] {lease=1000}");
    say(f, 3, "TAKE s [a] {lease=1000, after=2, try=true}");
    say(f, 3, "TAKE s [a] {after=0}");
    EXPECT(f, "1:5 2; 2:6! closed the space was destroyed; 3:7 [a] 2 2; 3:8! timeout no tuple matches; "
              "3:9! usage TAKE: after is not a lease's number; ");
    say(f, 3, "ACK 2");
    f->trace[0] = 0;
    say(f, 1, "DESTROY s");             //  There is none: nothing was in it and nobody waited
    say(f, 3, "TAKE s [a] {lease=1000, after=2}");
    EXPECT(f, "1:11 false; 3:12! closed the space was destroyed; ");
    check_spaces(f->spaces);
}

static void test_spaces_are_listed(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 1, "OUT t [a]");
    say(f, 1, "TAKE u [a]");
    say(f, 1, "TAKE t [a]");
    f->trace[0] = 0;
    say(f, 1, "SPACES");
    size_t bytes = offsetof(space_tuple_t, entries) + sizeof(space_entry_t) + 3;
    char expected[300];
    snprintf(expected, sizeof expected,
             "1:5 [{name=s, tuples=1, bytes=%zu, leases=0, waiters=0, watches=0, reactions=0}, "
             "{name=u, tuples=0, bytes=0, leases=0, waiters=1, watches=0, reactions=0}]; ",
             bytes);
    EXPECT(f, expected);
}

//  Memory of empty spaces is kept, but not for ever.
static void test_many_spaces_come_and_go(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 2000; i++)
        say(f, 1, "OUT s%d [a]", i);
    assert_int_equal(f->spaces->count, 2000);
    for (int i = 0; i < 2000; i++)
        say(f, 1, "TAKE s%d [a]", i);
    assert_int_equal(f->spaces->count, 0);
    assert_int_equal(f->spaces->idle_count, SPACE_IDLE);
    check_spaces(f->spaces);
}

static void test_counters(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a]");
    say(f, 1, "TAKE s [a]");
    say(f, 1, "TAKE s [a] {try=true}");
    wire_buf_t out = WIRE_BUF_EMPTY;
    uint32_t pairs = spaces_stat(f->spaces, &out);
    wire_reader_t in = wire_reader(out.data, out.size);
    f->trace[0] = 0;
    for (uint32_t i = 0; i < 2 * pairs; i++) {
        note_value(f, &in);
        note(f, i % 2 ? " " : "=");
    }
    assert_ptr_equal(in.at, in.end);
    assert_non_null(strstr(f->trace, "space.outs=1 space.takes=1 space.reads=0"));
    assert_non_null(strstr(f->trace, "space.timeouts=1"));
    wire_buf_free(&out);
}

//  ---- What is refused -----------------------------------------------------

static void refuse(fixture_t *f, const char *operation, const char *denial)
{
    f->trace[0] = 0;
    say(f, 1, "%s", operation);
    const char *found = strstr(f->trace, denial);
    if (!found)
        fail_msg("%s: %s", operation, f->trace);
    assert_int_equal(f->outcome, strncmp(denial, "malformed", 9) == 0 ? WIRE_E_MALFORMED : 0);
    assert_int_equal(f->spaces->count, 0);
    check_spaces(f->spaces);
}

static void test_what_is_refused(void **state)
{
    fixture_t *f = *state;
    refuse(f, "OUT", "malformed OUT: the space's name is not text");
    refuse(f, "OUT 7 [a]", "malformed OUT: the space's name is not text");
    refuse(f, "OUT '' [a]", "usage a space's name has 1..255 bytes, not 0");
    refuse(f, "OUT 'a\nb' [a]", "usage a space's name has no control characters");
    refuse(f, "OUT s", "malformed OUT: there is no tuple");
    refuse(f, "OUT s 7", "usage");
    refuse(f, "OUT s [a] 7", "malformed OUT: the options are no map");
    refuse(f, "OUT s [a] {} 7", "malformed OUT: too many fields");
    refuse(f, "OUT s [a] {lease=100}", "usage OUT has no option \"lease\"");
    refuse(f, "OUT s [a] {7=100}", "usage OUT: an option's name is not text");
    refuse(f, "OUT s [a] {ttl=0}", "usage OUT: ttl is not a number of ms");
    refuse(f, "OUT s [a] {ttl=1.5}", "usage OUT: ttl is not a number of ms");
    refuse(f, "OUT s [a] {number=0}", "usage OUT: number is not a tuple's number");
    refuse(f, "TAKE s", "malformed TAKE: there is no template");
    refuse(f, "TAKE s nil", "usage");
    refuse(f, "TAKE s [a] {try=1}", "usage TAKE: try is not true or false");
    refuse(f, "TAKE s [a] {lease=9}", "usage TAKE: lease is not 10..86400000 ms");
    refuse(f, "TAKE s [a] {lease=86400001}", "usage TAKE: lease is not 10..86400000 ms");
    refuse(f, "TAKE s [a] {put=7}", "usage TAKE: put is not a tuple");
    refuse(f, "TAKE s [a] {put=[?]}", "usage");
    refuse(f, "TAKE s [a] {all=0}", "usage TAKE: all is not a number of tuples from 1 to 1024, or true");
    refuse(f, "TAKE s [a] {all=2, lease=100}", "usage TAKE: all does not go with lease");
    refuse(f, "TAKE s [a] {all=2, put=[a]}", "usage TAKE: all does not go with put");
    refuse(f, "READ s [a] {lease=100}", "usage READ has no option \"lease\"");
    refuse(f, "COUNT s [a] {}", "malformed COUNT: too many fields");
    refuse(f, "SPACE_WATCH s [a] {after=-1}", "usage SPACE_WATCH: after is not a tuple's number, or 0");
    refuse(f, "SPACE_WATCH s [a] {foo=1}", "usage SPACE_WATCH has no option \"foo\"");
    refuse(f, "ACK a", "malformed ACK: the lease is no number");
    refuse(f, "ACK 1 7", "malformed ACK: outs is no array");
    refuse(f, "ACK 1 [7]", "malformed ACK: an out is no array");
    refuse(f, "RELEASE", "malformed RELEASE: the lease is no number");
    refuse(f, "EXTEND 1", "malformed EXTEND: ms is no number");
    refuse(f, "FORGET a", "malformed FORGET: the request is no number");
    refuse(f, "SPACE_UNWATCH 1 2", "malformed SPACE_UNWATCH: too many fields");
    refuse(f, "SPACES 1", "malformed SPACES: too many fields");
    refuse(f, "BATCH 1", "malformed BATCH: there is no array of operations");
    refuse(f, "JOIN a", "malformed no operation of tuple spaces");
    EXPECT(f, "1:37! malformed no operation of tuple spaces; ");
}

static void test_options_that_are_not_there(void **state)
{
    fixture_t *f = *state;
    say(f, 1, "OUT s [a] []");
    say(f, 1, "OUT s [b] {ttl=nil}");
    say(f, 1, "TAKE s [a] {lease=nil, all=false, put=nil}");
    EXPECT(f, "1:1 1; 1:2 2; 1:3 [a] 1 nil; ");
    assert_int_equal(spaces_due(f->spaces), -1);
}

static void test_quotas(void **state)
{
    fixture_t *f = *state;
    spaces_destroy(&f->spaces);
    start(f, &(spaces_config_t) { .bytes = 2000, .session_waiters = 2, .session_watches = 1, .session_leases = 2,
                                  .spaces = 3 });
    say(f, 1, "TAKE s [a]");
    say(f, 1, "TAKE s [b]");
    f->trace[0] = 0;
    say(f, 1, "READ s [c]");
    EXPECT(f, "1:3! full the session waits for 2 tuples, which is the limit; ");
    say(f, 1, "SPACE_WATCH s [?]");
    say(f, 1, "SPACE_WATCH s [?]");
    EXPECT(f, "1:4 1 0; 1:5! full the session has 1 watches, which is the limit; ");
    say(f, 2, "OUT t [1]");
    say(f, 2, "OUT u [1]");
    say(f, 2, "OUT v [1]");
    EXPECT(f, "2:6 1; 2:7 2; 2:8! full there are 3 spaces, which is the limit; ");
    say(f, 2, "TAKE t [?] {lease=100}");
    say(f, 2, "TAKE w [?] {lease=100}");
    say(f, 2, "TAKE u [?] {lease=100}");
    f->trace[0] = 0;
    say(f, 2, "TAKE u [?] {lease=100}");
    EXPECT(f, "2:12! full the session has 2 leases, which is the limit; ");
    put_big(f, "u", 2000);
    assert_int_equal(f->code, WIRE_E_FULL);
    assert_true(f->spaces->counters.full >= 5);
    check_spaces(f->spaces);
}

//  What is there counts, leased or parked, and what is gone does not.
static void test_bytes_are_bounded(void **state)
{
    fixture_t *f = *state;
    spaces_destroy(&f->spaces);
    start(f, &(spaces_config_t) { .bytes = 100000 });
    f->quiet = true;
    int i = 0;
    for (f->code = 0; f->code == 0; i++)
        say(f, 1, "OUT s [%d]", i);
    assert_int_equal(f->code, WIRE_E_FULL);
    assert_true(i > 1000 && f->spaces->bytes <= 100000);
    say(f, 1, "TAKE s [z]");
    assert_int_equal(f->code, WIRE_E_FULL);
    say(f, 1, "TAKE s [7] {lease=100}");
    say(f, 1, "OUT s [a]");
    assert_int_equal(f->code, WIRE_E_FULL);
    say(f, 1, "ACK 1");
    say(f, 1, "OUT s [a]");
    assert_int_equal(f->code, 0);
    say(f, 1, "DESTROY s");
    assert_int_equal(f->spaces->bytes, 0);
    check_spaces(f->spaces);
}

//  ---- Many ----------------------------------------------------------------

enum { WAITERS = 1000, TUPLES = 100000 };

//  Who was served waits again, behind all others.
static void test_a_thousand_waiters_are_served_in_order(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    static const char *const takes[] = { "TAKE s [job, ?]", "TAKE s [?, ?]", "TAKE s [?, ?range(0, 1000000)]" };
    for (int i = 0; i < WAITERS; i++)
        say(f, (uint64_t) (i + 1), "%s", takes[i % 3]);
    f->quiet = false;
    for (int i = 0; i < TUPLES; i++) {
        char expected[200];
        f->trace[0] = 0;
        say(f, 5000, "OUT s [job, %d]", i);
        snprintf(expected, sizeof expected, "5000:%d %d; %d:%d [job, %d] %d nil; ", (int) f->request, i + 1,
                 i % WAITERS + 1, i < WAITERS ? i + 1 : WAITERS + 2 * (i - WAITERS) + 2, i, i + 1);
        assert_string_equal(f->trace, expected);
        say(f, (uint64_t) (i % WAITERS + 1), i % 3 == 0 ? "TAKE s [job, ?]" : "TAKE s [?, ?]");
    }
    assert_int_equal(f->spaces->waiter_count, WAITERS);
    check_spaces(f->spaces);
}

//  The most that one session may have waiting by itself, half a GiB; fewer where memory is dear.
#ifdef __SANITIZE_ADDRESS__
#define MILLION 100000
#else
#define MILLION (1 << 20)
#endif

static void test_a_million_waiters(void **state)
{
    fixture_t *f = *state;
    spaces_destroy(&f->spaces);
    start(f, MILLION == 1 << 20 ? NULL : &(spaces_config_t) { .session_waiters = MILLION });
    f->quiet = true;
    for (int i = 0; i < MILLION; i++)
        say(f, 1, "TAKE s [job, %d]", i);
    assert_int_equal(f->answers + f->denials, 0);
    assert_int_equal(f->spaces->waiter_count, MILLION);
    say(f, 1, "TAKE s [job, 0]");
    assert_int_equal(f->code, WIRE_E_FULL);
    say(f, 2, "TAKE s [other]");            //  Another session may
    assert_int_equal(f->spaces->waiter_count, MILLION + 1);
    for (int i = 0; i < 1000; i++)          //  Each is found without looking at the others
        say(f, 3, "OUT s [job, %d]", i * (MILLION / 1000));
    assert_int_equal(f->spaces->waiter_count, MILLION - 999);
    assert_int_equal(f->spaces->tuples, 0);
    say(f, 1, "TAKE s [job, 0]");           //  There is room again
    assert_int_equal(f->spaces->waiter_count, MILLION - 998);
    end(f, 1);
    assert_int_equal(f->spaces->waiter_count, 1);
    end(f, 2);
    assert_int_equal(f->spaces->bytes, 0);
}

static void test_a_hundred_thousand_tuples_leave_in_order(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < TUPLES; i++)
        say(f, 1, "OUT s [job, %d, %d]", i, i % 10);
    check_spaces(f->spaces);
    for (int i = 0; i < TUPLES; i++) {
        char expected[100];
        f->quiet = false;
        f->trace[0] = 0;
        say(f, 2, i % 2 ? "TAKE s [job, ?, ?]" : "TAKE s [job, ?, %d]", i % 10);
        snprintf(expected, sizeof expected, "2:%d [job, %d, %d] %d nil; ", TUPLES + i + 1, i, i % 10, i + 1);
        assert_string_equal(f->trace, expected);
    }
    assert_int_equal(f->spaces->count, 0);
    check_spaces(f->spaces);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_out_then_take),
        TEST(test_the_oldest_match_is_taken),
        TEST(test_named_fields_and_other_spaces),
        TEST(test_a_take_waits),
        TEST(test_reads_before_the_taker_see_it_too),
        TEST(test_a_wait_ends),
        TEST(test_waits_end_in_order),
        TEST(test_a_wait_that_is_forgotten),
        TEST(test_a_request_said_twice),
        TEST(test_nobody_wants_to_know),
        TEST(test_a_tuple_has_a_ttl),
        TEST(test_swap),
        TEST(test_a_row_of_swaps),
        TEST(test_bulk),
        TEST(test_bulk_fits_a_message),
        TEST(test_a_tuple_that_is_given_back),
        TEST(test_many_come_back_to_their_places),
        TEST(test_a_lease_is_acknowledged),
        TEST(test_the_last_tuple_is_acknowledged),
        TEST(test_an_ack_that_fails_puts_nothing),
        TEST(test_a_lease_ends),
        TEST(test_a_lease_is_released_and_extended),
        TEST(test_ttl_goes_on_under_a_lease),
        TEST(test_a_session_ends),
        TEST(test_a_batch),
        TEST(test_a_batch_that_fails_did_nothing),
        TEST(test_a_batch_takes_bulk_and_leases),
        TEST(test_what_does_not_go_into_a_batch),
        TEST(test_a_batch_that_cannot_be_answered),
        TEST(test_a_watch_is_told),
        TEST(test_a_watch_begins_behind_a_number),
        TEST(test_a_space_is_destroyed),
        TEST(test_a_watcher_that_does_not_read_learns_of_the_end),
        TEST(test_all_ends_before_a_watcher_was_told),
        TEST(test_a_worker_learns_of_the_end),
        TEST(test_spaces_are_listed),
        TEST(test_many_spaces_come_and_go),
        TEST(test_counters),
        TEST(test_what_is_refused),
        TEST(test_options_that_are_not_there),
        TEST(test_quotas),
        TEST(test_bytes_are_bounded),
        TEST(test_a_thousand_waiters_are_served_in_order),
        TEST(test_a_million_waiters),
        TEST(test_a_hundred_thousand_tuples_leave_in_order),
    };
    return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
