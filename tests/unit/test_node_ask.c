//  Takes and reads that wait at the broker: ended there, cancelled, late, and asked anew of another broker

#include "test_node_fixture.h"

static uint64_t take_with(fixture_t *f, wire_type_t type, int64_t timeout, bool background)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint64_t id = 0;
    wire_put_cstr(&fields, "jobs");
    wire_put_array(&fields, 1);
    wire_put_cstr(&fields, "job");
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    assert_int_equal(node_core_ask(&f->core, &(node_ask_t) { .type = type, .fields = fields.data, .size = fields.size,
        .count = 2, .timeout = timeout, .waits = true, .background = background, .fn = on_outcome, .arg = slot,
        .id = &id }), 0);
    wire_buf_free(&fields);
    return id;
}

static uint64_t take(fixture_t *f, int64_t timeout)
{
    return take_with(f, WIRE_TAKE, timeout, false);
}

static void count_closed(void *arg, const alua_outcome_t *outcome)
{
    assert_int_equal(outcome->code, WIRE_E_CLOSED);
    assert_string_equal(outcome->text, "the door is closed");
    ++*(size_t *) arg;
}

//  ANSWER with a tuple, its number and perhaps a lease.
static void hear_tuple(fixture_t *f, uint64_t request, int number, int lease)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_ANSWER, request, 0, 3);
    wire_put_array(&out, 1);
    wire_put_cstr(&out, "job");
    wire_put_uint(&out, (uint64_t) number);
    if (lease)
        wire_put_uint(&out, (uint64_t) lease);
    else
        wire_put_nil(&out);
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
}

static void assert_last_sent(fixture_t *f, const wire_buf_t *expected)
{
    assert_int_equal(f->broker.last_size, expected->size);
    assert_memory_equal(f->broker.last, expected->data, expected->size);
}

static void expect_back(fixture_t *f, int number)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_OUT, 0, 0, 3);
    wire_put_cstr(&out, "jobs");
    wire_put_array(&out, 1);
    wire_put_cstr(&out, "job");
    wire_put_map(&out, 1);
    wire_put_cstr(&out, "number");
    wire_put_uint(&out, (uint64_t) number);
    assert_last_sent(f, &out);
    wire_buf_free(&out);
}

static void test_a_take_is_answered_or_denied(void **state)
{
    fixture_t *f = *state;
    take(f, 0);
    take(f, 500);
    hear_tuple(f, 1, 7, 0);
    hear_deny(f, 2, "timeout", "no tuple matches");
    run(f);
    said(f, "broker<TAKE:1 broker<TAKE:2 1=ok 2=timeout! ");
    assert_int_equal(f->core.pendings.count, 0);
    assert_int_equal(f->core.pendings.takes, 0);
}

static void test_the_broker_has_time_to_end_it(void **state)
{
    fixture_t *f = *state;
    take(f, 500);
    assert_int_equal(last_sent(&f->broker).ttl, 500);
    elapse(f, 2499);
    said(f, "broker<TAKE:1 ");
    elapse(f, 1);
    said(f, "broker<FORGET:0 1=timeout? ");
}

static void test_a_tuple_that_comes_late_goes_back_to_its_place(void **state)
{
    fixture_t *f = *state;
    uint64_t id = take(f, 0);
    assert_true(node_core_cancel(&f->core, id));
    assert_false(node_core_cancel(&f->core, 2));        //  What stays behind is nobody's to cancel
    run(f);
    said(f, "broker<TAKE:1 broker<FORGET:0 1=cancelled? ");
    hear_tuple(f, 1, 7, 0);
    said(f, "broker<OUT:0 ");
    expect_back(f, 7);
    assert_int_equal(f->core.pendings.count, 0);
    hear_tuple(f, 1, 7, 0);             //  Only once
    said(f, "");
}

static void test_a_lease_that_comes_late_is_released(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, take(f, 0)));
    hush(f);
    hear_tuple(f, 1, 7, 40);
    run(f);
    said(f, "broker<RELEASE:0 1=cancelled? ");
}

static void test_the_broker_forgot_in_time(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, take(f, 0)));
    hush(f);
    hear_deny(f, 1, "cancelled", "");
    run(f);
    said(f, "1=cancelled? ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_a_read_that_comes_late_is_dropped(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, take_with(f, WIRE_READ, 0, false)));
    run(f);
    hush(f);
    hear_tuple(f, 1, 7, 0);
    run(f);
    said(f, "");
    assert_int_equal(f->core.pendings.count, 0);
}

//  So many that the table grows while they are closed, since each leaves a record behind.
static void test_a_group_is_closed_and_no_other(void **state)
{
    fixture_t *f = *state;
    size_t ended = 0;
    uint64_t other = take(f, 0);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_READ, .fields = "\xa4jobs\x90", .size = 6,
            .count = 2, .waits = true, .group = 7 + i / 190, .fn = count_closed, .arg = &ended }), 0);
    node_core_close_group(&f->core, 7, "the door is closed");
    assert_int_equal(ended, 0);                         //  Each is an event of its own
    run(f);
    assert_int_equal(ended, 190);
    node_core_close_group(&f->core, 7, "the door is closed");
    node_core_close_group(&f->core, 8, "the door is closed");
    run(f);
    assert_int_equal(ended, 200);
    hush(f);
    hear_tuple(f, other, 7, 0);
    run(f);
    said(f, "1=ok ");
    for (int i = 1; i <= 200; i++)
        hear_deny(f, (int) other + i, "cancelled", "");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_a_publish_that_was_refused_is_reported(void **state)
{
    fixture_t *f = *state;
    char longest[258];
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_DENY, 0, 0, NULL, NULL }, "sss", "usage", "no empty word", "a..b"), 0);
    run(f);
    said(f, "report(publish to a..b,usage) ");
    assert_string_equal(f->text, "no empty word");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    hear(f, NULL, (head_t) { WIRE_DENY, 0, 0, NULL, NULL }, "sss", "usage", "", longest);
    hear(f, NULL, (head_t) { WIRE_DENY, 0, 0, NULL, NULL }, "ss", "usage", "");
    run(f);
    said(f, "");                        //  Not as it is said
}

//  TAKE with this option of a value true, which does not wait.
static uint64_t try_take(fixture_t *f, const char *option, bool waits)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint64_t id = 0;
    wire_put_cstr(&fields, "jobs");
    wire_put_array(&fields, 1);
    wire_put_cstr(&fields, "job");
    wire_put_map(&fields, 1);
    wire_put_cstr(&fields, option);
    wire_put_bool(&fields, true);
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    assert_int_equal(node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_TAKE, .fields = fields.data,
        .size = fields.size, .count = 3, .timeout = 30000, .waits = waits, .fn = on_outcome, .arg = slot, .id = &id }), 0);
    wire_buf_free(&fields);
    return id;
}

static void test_what_a_take_without_waiting_brings_late_goes_back_too(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, try_take(f, "try", false)));
    uint64_t second = try_take(f, "try", false);
    hush(f);
    elapse(f, 30000);
    hear_tuple(f, 1, 7, 0);
    expect_back(f, 7);
    hear_tuple(f, second, 8, 0);
    expect_back(f, 8);
    run(f);
    said(f, "broker<FORGET:0 1=cancelled? 2=timeout? broker<OUT:0 broker<OUT:0 ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_all_that_come_late_go_back_each_to_its_place(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    assert_true(node_core_cancel(&f->core, try_take(f, "all", false)));
    run(f);
    hush(f);
    wire_msg_begin(&out, WIRE_ANSWER, 1, 0, 2);
    wire_put_array(&out, 2);
    for (int i = 0; i < 2; i++) {
        wire_put_array(&out, 1);
        wire_put_cstr(&out, "job");
    }
    wire_put_array(&out, 2);
    wire_put_uint(&out, 7);
    wire_put_uint(&out, 9);
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
    said(f, "broker<OUT:0 broker<OUT:0 ");
    expect_back(f, 9);
}

//  The tuple that it put stands in the place of the one that it took.
static void test_a_swap_that_comes_late_stays_done(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, try_take(f, "put", true)));
    run(f);
    hush(f);
    hear_tuple(f, 1, 7, 0);
    run(f);
    said(f, "");
    assert_int_equal(f->core.pendings.count, 0);
}

//  ---- Batches -----------------------------------------------------------------

//  [READ jobs ['job']], [TAKE jobs ['job'] options], and perhaps [OUT jobs ['job']]
static uint64_t batch(fixture_t *f, const char *option, bool out)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint64_t id = 0;
    const wire_type_t types[] = { WIRE_READ, WIRE_TAKE, WIRE_OUT };
    wire_put_array(&fields, out ? 3 : 2);
    for (int i = 0; i < (out ? 3 : 2); i++) {
        wire_put_array(&fields, option && types[i] == WIRE_TAKE ? 4 : 3);
        wire_put_uint(&fields, types[i]);
        wire_put_cstr(&fields, "jobs");
        wire_put_array(&fields, 1);
        wire_put_cstr(&fields, "job");
        if (option && types[i] == WIRE_TAKE) {
            wire_put_map(&fields, 1);
            wire_put_cstr(&fields, option);
            wire_put_bool(&fields, true);
        }
    }
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    assert_int_equal(node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_BATCH, .fields = fields.data,
        .size = fields.size, .count = 1, .timeout = 30000, .fn = on_outcome, .arg = slot, .id = &id }), 0);
    wire_buf_free(&fields);
    return id;
}

static void put_job(wire_buf_t *out)
{
    wire_put_array(out, 1);
    wire_put_cstr(out, "job");
}

//  [['job'], 3], [['job'], number, lease or nil]
static void hear_batch(fixture_t *f, uint64_t request, int number, int lease)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_ANSWER, request, 0, 1);
    wire_put_array(&out, 2);
    wire_put_array(&out, 2);
    put_job(&out);
    wire_put_uint(&out, 3);
    wire_put_array(&out, 3);
    put_job(&out);
    wire_put_uint(&out, (uint64_t) number);
    if (lease)
        wire_put_uint(&out, (uint64_t) lease);
    else
        wire_put_nil(&out);
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
}

static void test_what_a_batch_takes_late_goes_back(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, batch(f, NULL, false)));
    uint64_t second = batch(f, "lease", false);
    run(f);
    hush(f);
    hear_batch(f, 1, 7, 0);
    said(f, "broker<OUT:0 ");
    expect_back(f, 7);
    elapse(f, 30000);
    hear_batch(f, second, 8, 40);
    run(f);
    said(f, "broker<FORGET:0 2=timeout? broker<RELEASE:0 ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_all_that_a_batch_takes_late_go_back(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    assert_true(node_core_cancel(&f->core, batch(f, "all", false)));
    run(f);
    hush(f);
    wire_msg_begin(&out, WIRE_ANSWER, 1, 0, 1);
    wire_put_array(&out, 2);
    wire_put_array(&out, 0);
    wire_put_array(&out, 2);
    wire_put_array(&out, 2);
    put_job(&out);
    put_job(&out);
    wire_put_array(&out, 2);
    wire_put_uint(&out, 7);
    wire_put_uint(&out, 9);
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
    said(f, "broker<OUT:0 broker<OUT:0 ");
    expect_back(f, 9);
}

//  All or nothing: half of it is not taken back. Somebody is told.
static void test_a_batch_that_puts_stays_done(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, batch(f, NULL, true)));
    uint64_t second = batch(f, "put", false);
    assert_true(node_core_cancel(&f->core, second));
    run(f);
    hush(f);
    hear_batch(f, 1, 7, 0);
    hear_batch(f, second, 8, 0);
    said(f, "report(the broker,cancelled) report(the broker,cancelled) ");
    assert_int_equal(f->core.pendings.count, 0);
}

//  It is settled like any other ask.
static void test_a_batch_that_takes_nothing_is_dropped(void **state)
{
    fixture_t *f = *state;
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint64_t id = 0;
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    wire_put_array(&fields, 1);
    wire_put_array(&fields, 3);
    wire_put_uint(&fields, WIRE_OUT);
    wire_put_cstr(&fields, "jobs");
    put_job(&fields);
    assert_int_equal(node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_BATCH, .fields = fields.data,
        .size = fields.size, .count = 1, .timeout = 30000, .fn = on_outcome, .arg = slot, .id = &id }), 0);
    wire_buf_free(&fields);
    assert_true(node_core_cancel(&f->core, id));
    run(f);
    said(f, "broker<BATCH:1 1=cancelled? ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_an_answer_that_came_before_the_cancel_stands(void **state)
{
    fixture_t *f = *state;
    uint64_t id = take(f, 0);
    hear_tuple(f, 1, 7, 0);
    assert_false(node_core_cancel(&f->core, id));
    run(f);
    said(f, "broker<TAKE:1 1=ok ");
}

//  ---- A restarted broker ------------------------------------------------------

static void restart(fixture_t *f)
{
    node_core_broker_gone(&f->core, WIRE_E_GONE, "the broker was restarted");
    run(f);
    assert_int_equal(node_core_welcome(&f->core, &f->broker, str("1@me"), str("me"), str("here")), 0);
}

static void test_what_waits_is_asked_anew(void **state)
{
    fixture_t *f = *state;
    take(f, 0);
    take(f, 5000);
    f->now += 1000;
    restart(f);
    hear_tuple(f, 1, 7, 0);
    run(f);
    assert_non_null(strstr(f->trace, "broker<TAKE:1"));
    assert_non_null(strstr(f->trace, "1=ok"));
    assert_null(strstr(f->trace, "gone"));
    assert_int_equal(f->core.pendings.count, 1);
}

//  Numbers whose buckets stand the other way round.
static void test_who_waited_longest_is_asked_for_first(void **state)
{
    fixture_t *f = *state;
    f->core.pendings.last_id = 254;
    for (int i = 0; i < 3; i++)
        take(f, 0);
    hush(f);
    restart(f);
    said(f, "broker<TAKE:255 broker<TAKE:256 broker<TAKE:257 ");
}

static void test_what_finds_no_room_at_a_new_broker_is_asked_for_later(void **state)
{
    fixture_t *f = *state;
    take(f, 0);
    take(f, 0);
    hush(f);
    f->broker.full = true;
    restart(f);
    said(f, "");
    f->broker.full = false;
    elapse(f, 10);
    said(f, "broker<TAKE:1 broker<TAKE:2 ");
    elapse(f, 1000);
    said(f, "");
    f->broker.full = true;
    restart(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "");
    f->broker.full = false;
    elapse(f, 10);
    said(f, "");
}

static void test_the_time_that_is_left_is_told(void **state)
{
    fixture_t *f = *state;
    take(f, 5000);
    f->now += 1000;
    restart(f);
    assert_int_equal(last_sent(&f->broker).ttl, 4000);
    f->now += 4500;                     //  Over, but the broker is asked once more
    restart(f);
    assert_int_equal(last_sent(&f->broker).ttl, 1);
}

static void test_what_is_late_dies_with_the_broker(void **state)
{
    fixture_t *f = *state;
    assert_true(node_core_cancel(&f->core, take(f, 0)));
    hush(f);
    restart(f);
    said(f, "1=cancelled? ");
    assert_int_equal(f->core.pendings.count, 0);
}

static void test_a_take_for_a_broker_that_is_away_is_sent_later(void **state)
{
    fixture_t *f = *state;
    node_core_broker_gone(&f->core, WIRE_E_GONE, "");
    take(f, 0);
    said(f, "");
    restart(f);
    said(f, "broker<TAKE:1 ");
}

static void test_leaving_the_network_ends_it(void **state)
{
    fixture_t *f = *state;
    take(f, 0);
    node_core_forget(&f->core);
    run(f);
    said(f, "broker<TAKE:1 1=closed? ");
}

//  ---- What holds the program -------------------------------------------------

static void test_only_takes_are_left(void **state)
{
    fixture_t *f = *state;
    assert_false(node_core_only_takes(&f->core));
    take_with(f, WIRE_TAKE, 0, true);
    assert_false(node_core_only_takes(&f->core));
    assert_false(node_core_active(&f->core));
    take(f, 0);
    assert_true(node_core_only_takes(&f->core));
    assert_true(node_core_active(&f->core));
    take(f, 1000);                      //  This one ends by itself
    assert_false(node_core_only_takes(&f->core));
    hear_deny(f, 3, "timeout", "");
    run(f);
    assert_true(node_core_only_takes(&f->core));
    node_core_cancel(&f->core, 2);
    run(f);
    assert_false(node_core_active(&f->core));
}

//  ---- Without an answer --------------------------------------------------------

static void test_telling_waits_for_room(void **state)
{
    fixture_t *f = *state;
    f->broker.full = true;
    assert_int_equal(node_core_tell(&f->core, WIRE_PUBLISH, "\xa1t\x01", 3, 2, 0), WIRE_E_FULL);
    assert_true(f->pumped > 0);
    f->broker.full = false;
    assert_int_equal(node_core_tell(&f->core, WIRE_PUBLISH, "\xa1t\x01", 3, 2, 0), 0);
    said(f, "broker<PUBLISH:0 ");
    node_core_broker_gone(&f->core, WIRE_E_GONE, "");
    assert_int_equal(node_core_tell(&f->core, WIRE_PUBLISH, "\xa1t\x01", 3, 2, 0), WIRE_E_OFFLINE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_take_is_answered_or_denied),
        TEST(test_the_broker_has_time_to_end_it),
        TEST(test_a_tuple_that_comes_late_goes_back_to_its_place),
        TEST(test_a_lease_that_comes_late_is_released),
        TEST(test_the_broker_forgot_in_time),
        TEST(test_a_read_that_comes_late_is_dropped),
        TEST(test_a_group_is_closed_and_no_other),
        TEST(test_a_publish_that_was_refused_is_reported),
        TEST(test_what_a_take_without_waiting_brings_late_goes_back_too),
        TEST(test_all_that_come_late_go_back_each_to_its_place),
        TEST(test_a_swap_that_comes_late_stays_done),
        TEST(test_what_a_batch_takes_late_goes_back),
        TEST(test_all_that_a_batch_takes_late_go_back),
        TEST(test_a_batch_that_puts_stays_done),
        TEST(test_a_batch_that_takes_nothing_is_dropped),
        TEST(test_an_answer_that_came_before_the_cancel_stands),
        TEST(test_what_waits_is_asked_anew),
        TEST(test_who_waited_longest_is_asked_for_first),
        TEST(test_what_finds_no_room_at_a_new_broker_is_asked_for_later),
        TEST(test_the_time_that_is_left_is_told),
        TEST(test_what_is_late_dies_with_the_broker),
        TEST(test_a_take_for_a_broker_that_is_away_is_sent_later),
        TEST(test_leaving_the_network_ends_it),
        TEST(test_only_takes_are_left),
        TEST(test_telling_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
