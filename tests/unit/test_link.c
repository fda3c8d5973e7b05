//  The rules of one link, in virtual time, over a connection that records what is written.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "link.h"
#include "link_open.h"

typedef struct {
    wire_link_t *link;
    wire_link_stat_t stat;
    int64_t now;
    wire_buf_t last;            //  The last frame written
    unsigned frames, lone_acks;
    uint64_t last_seq, last_ack;
    int write_code, message_code;
    unsigned got, lost;
    uint64_t last_request, lost_request;
    char trace[512];
    uint64_t send_when_lost;    //  Send this message again from inside `lost`
    int live;                   //  Buffers not released
} fixture_t;

static void *op_alloc(void *arg, size_t size)
{
    ((fixture_t *) arg)->live++;
    return malloc(size);
}

static void op_release(void *arg, void *data)
{
    ((fixture_t *) arg)->live--;
    free(data);
}

static int op_write(void *arg, const void *frame, size_t size, bool kept)
{
    fixture_t *f = arg;
    (void) kept;
    if (f->write_code)
        return f->write_code;
    wire_buf_clear(&f->last);
    wire_buf_append(&f->last, frame, size);
    wire_reader_t at = wire_reader(frame, size);
    wire_link_header_t header;
    if (size && wire_link_read(&at, &header) == 0) {
        f->last_seq = header.seq;
        f->last_ack = header.ack;
        f->lone_acks += header.seq == 0;
    }
    f->frames++;
    return 0;
}

static int op_message(void *arg, const wire_msg_t *msg)
{
    fixture_t *f = arg;
    f->got++;
    f->last_request = msg->request;
    return f->message_code;
}

static int put(fixture_t *f, uint64_t request, uint32_t ttl, size_t padding, bool gather);

static void op_lost(void *arg, const wire_msg_t *msg)
{
    fixture_t *f = arg;
    f->lost++;
    f->lost_request = msg->request;
    if (f->send_when_lost == msg->request)
        assert_int_equal(put(f, msg->request + 100, 0, 0, true), 0);
}

static void op_silent(void *arg, bool silent)
{
    strcat(((fixture_t *) arg)->trace, silent ? "silent " : "back ");
}

static void op_ended(void *arg, int code, const char *text)
{
    fixture_t *f = arg;
    (void) text;
    strcat(strcat(f->trace, wire_error_word(code)), " ");
    wire_link_abandon(f->link);
}

static const wire_link_ops_t ops = {
    op_alloc, op_release, op_write, op_message, op_lost, op_silent, op_ended
};

static fixture_t *make_with(const wire_link_config_t *config)
{
    fixture_t *f = calloc(1, sizeof *f);
    f->now = 1000;
    f->link = wire_link_new(config, &ops, f, &f->stat);
    assert_non_null(f->link);
    return f;
}

static fixture_t *make(bool patient)
{
    return make_with(&(wire_link_config_t) { .lease = 10000, .patient = patient, .ring_bytes = 100000, .ring_frames = 100 });
}

static int setup(void **state)
{
    fixture_t *f = make(false);
    wire_link_opened(f->link, 77, true, f->now);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    wire_link_destroy(&f->link);
    assert_int_equal(f->live, 0);
    wire_buf_free(&f->last);
    free(f);
    return 0;
}

static int setup_60_kib(void **state)
{
    fixture_t *f = make_with(&(wire_link_config_t) { .lease = 10000, .ring_bytes = 200000, .ring_frames = 100,
                                                     .batch_bytes = 60 * 1024 });
    wire_link_opened(f->link, 77, true, f->now);
    *state = f;
    return 0;
}

static void put_message(wire_buf_t *out, uint64_t request, uint32_t ttl, size_t padding)
{
    uint8_t *bytes = calloc(1, padding + 1);
    wire_msg_begin(out, WIRE_STAT, request, ttl, 1);
    wire_put_bin(out, bytes, padding);
    free(bytes);
}

static int put(fixture_t *f, uint64_t request, uint32_t ttl, size_t padding, bool gather)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    put_message(&out, request, ttl, padding);
    int rc = wire_link_send(f->link, out.data, out.size, gather, f->now);
    wire_buf_free(&out);
    return rc;
}

static int hear_bytes(fixture_t *f, uint64_t seq, uint64_t ack, const void *data, size_t size)
{
    wire_buf_t frame = WIRE_BUF_EMPTY;
    wire_link_put(&frame, seq, ack);
    wire_buf_append(&frame, data, size);
    int rc = wire_link_input(f->link, frame.data, frame.size, f->now);
    wire_buf_free(&frame);
    return rc;
}

static int hear(fixture_t *f, uint64_t seq, uint64_t ack)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    put_message(&out, seq, 0, 3);
    int rc = hear_bytes(f, seq, ack, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

//  Let time pass as a loop would: stop at each moment that is due.
static void elapse(fixture_t *f, int64_t ms)
{
    int64_t until = f->now + ms;
    while (wire_link_due(f->link) <= until) {
        f->now = wire_link_due(f->link) > f->now ? wire_link_due(f->link) : f->now;
        wire_link_tick(f->link, f->now);
    }
    f->now = until;
}

//  Acknowledgements

static void test_a_lone_ack_goes_after_20_ms(void **state)
{
    fixture_t *f = *state;
    hear(f, 1, 0);
    hear(f, 2, 0);
    elapse(f, 19);
    assert_int_equal(f->frames, 0);
    elapse(f, 1);
    assert_int_equal(f->lone_acks, 1);
    assert_int_equal(f->last_ack, 2);
    assert_true(wire_link_due(f->link) == WIRE_LINK_NEVER);     //  An idle link costs nothing
}

static void test_an_answer_carries_the_ack(void **state)
{
    fixture_t *f = *state;
    hear(f, 1, 0);
    put(f, 1, 0, 5, false);
    assert_int_equal(f->last_seq, 1);
    assert_int_equal(f->last_ack, 1);
    elapse(f, 100);
    assert_int_equal(f->lone_acks, 0);
}

static void test_64_frames_are_acknowledged_at_the_flush(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 63; i++)
        hear(f, i, 0);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->lone_acks, 0);
    hear(f, 64, 0);
    assert_true(wire_link_wants_flush(f->link));
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->lone_acks, 1);
    assert_int_equal(f->last_ack, 64);
}

static void test_acks_empty_the_ring(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 5; i++) {
        put(f, i, 0, 10, false);
        wire_link_flush(f->link, f->now);
    }
    assert_false(wire_link_drained(f->link));
    hear_bytes(f, 0, 3, "", 0);
    assert_false(wire_link_drained(f->link));
    hear_bytes(f, 0, 2, "", 0);         //  An older one changes nothing
    hear_bytes(f, 0, 5, "", 0);
    assert_true(wire_link_drained(f->link));
    assert_int_equal(wire_link_bytes(f->link), 0);
}

//  Coalescing

static void test_the_first_goes_at_once_and_the_others_gather(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    put(f, 2, 0, 10, false);
    put(f, 3, 0, 10, false);
    assert_int_equal(f->frames, 1);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->frames, 2);
    put(f, 4, 0, 10, false);
    assert_int_equal(f->frames, 3);
}

static void test_inside_a_wake_up_all_gather(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, true);
    put(f, 2, 0, 10, true);
    assert_int_equal(f->frames, 0);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->frames, 1);
    assert_int_equal(f->last_seq, 1);
}

//  Of so many messages of 1000 bytes one frame was written out.
static void expect_batch(fixture_t *f, uint64_t messages, size_t kib)
{
    for (uint64_t i = 0; i < messages; i++)
        put(f, i, 0, 1000, true);
    assert_int_equal(f->frames, 1);
    assert_in_range(f->last.size, kib * 1024, (kib + 2) * 1024);
}

static void test_24_kib_are_enough(void **state)
{
    expect_batch(*state, 40, 24);
}

static void test_a_batch_has_the_size_that_is_asked_for(void **state)
{
    expect_batch(*state, 80, 60);
}

static void test_a_large_message_travels_alone(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, true);
    put(f, 2, 0, 70000, true);
    put(f, 3, 0, 10, true);
    assert_int_equal(f->frames, 2);
    assert_int_equal(f->last_seq, 2);
    assert_in_range(f->last.size, 70000, 70100);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->last_seq, 3);
}

//  Bounds

static void test_the_ring_is_bound_in_bytes(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 9; i++)
        assert_int_equal(put(f, i, 0, 10000, true), 0);
    assert_int_equal(put(f, 10, 0, 20000, true), WIRE_E_FULL);
    assert_false(wire_link_has_room(f->link, 20000));
    assert_true(wire_link_bytes(f->link) <= 100000);
    assert_int_equal(f->stat.full, 1);
    hear_bytes(f, 0, 5, "", 0);
    assert_int_equal(put(f, 10, 0, 20000, true), 0);
}

static void test_the_ring_is_bound_in_frames(void **state)
{
    fixture_t *f = *state;
    unsigned sent = 0;
    while (put(f, sent + 1, 0, 100, false) == 0) {
        wire_link_flush(f->link, f->now);
        sent++;
    }
    assert_int_equal(f->frames, 100);           //  The rest is a batch that waits
    assert_in_range(sent, 500, 1000);
    hear_bytes(f, 0, 100, "", 0);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->frames, 101);
    assert_int_equal(put(f, 1, 0, 100, false), 0);
}

static void test_what_the_connection_does_not_take_is_tried_again(void **state)
{
    fixture_t *f = *state;
    f->write_code = WIRE_E_FULL;
    assert_int_equal(put(f, 1, 0, 10, false), 0);
    f->write_code = 0;
    elapse(f, 20);
    assert_int_equal(f->frames, 1);
    f->write_code = WIRE_E_FULL;
    put(f, 2, 0, 10, false);
    wire_link_flush(f->link, f->now);
    f->write_code = 0;
    hear_bytes(f, 0, 1, "", 0);                 //  An ACK wakes it, too
    assert_int_equal(f->last_seq, 2);
}

static void test_too_big_is_refused(void **state)
{
    fixture_t *f = *state;
    void *bytes = calloc(1, WIRE_MAX_MESSAGE + 1);
    assert_int_equal(wire_link_send(f->link, bytes, WIRE_MAX_MESSAGE + 1, false, f->now), WIRE_E_TOO_BIG);
    free(bytes);
}

//  Broken and resumed

static void resume(fixture_t *f, uint64_t received)
{
    assert_true(wire_link_connected(f->link, 5, f->now));
    assert_int_equal(wire_link_resumed(f->link, 5, 77, received, f->now), 0);
}

static void test_resume_sends_what_is_missing(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 5; i++) {
        put(f, i, 0, 10, false);
        wire_link_flush(f->link, f->now);
    }
    hear(f, 1, 1);
    wire_link_broken(f->link, f->now);
    put(f, 6, 0, 10, false);                    //  Gathers meanwhile
    wire_msg_t msg;
    wire_resume_t asked;
    assert_true(wire_link_connected(f->link, 5, f->now));
    wire_reader_t at = wire_reader(f->last.data, f->last.size);
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_int_equal(wire_read_resume(&msg, &asked), 0);
    assert_int_equal(asked.nonce, 5);
    assert_int_equal(asked.session, 77);
    assert_int_equal(asked.received, 1);
    unsigned before = f->frames;
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 3, f->now), 0);
    assert_int_equal(f->frames - before, 3);    //  4, 5 and the one that waited
    assert_int_equal(f->last_seq, 6);
    assert_int_equal(f->stat.resent, 2);
}

//  With the same nonce, so that an answer that is late only comes twice.
static void test_a_question_without_answer_is_repeated_as_it_was(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    wire_link_broken(f->link, f->now);
    wire_link_ask_again(f->link);                       //  Nothing was asked
    assert_int_equal(f->frames, 1);
    wire_link_connected(f->link, 5, f->now);
    f->now += 2500;
    f->write_code = WIRE_E_FULL;
    wire_link_ask_again(f->link);
    f->write_code = 0;
    wire_link_ask_again(f->link);
    assert_int_equal(f->frames, 3);
    wire_reader_t at = wire_reader(f->last.data, f->last.size);
    wire_msg_t msg;
    wire_resume_t asked;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_int_equal(wire_read_resume(&msg, &asked), 0);
    assert_int_equal(asked.nonce, 5);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 0, f->now), 0);
    assert_int_equal(f->last_seq, 1);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 0, f->now), WIRE_E_STATE);
    wire_link_ask_again(f->link);
    assert_int_equal(f->frames, 4);
}

static void test_a_resume_that_is_repeated_is_answered_twice(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    wire_link_broken(f->link, f->now);
    assert_int_equal(wire_link_resume(f->link, 5, 0, f->now), 0);
    assert_int_equal(wire_link_resume(f->link, 5, 0, f->now), 0);
    assert_int_equal(f->frames, 5);                     //  The other end drops the frame that it has
    assert_int_equal(f->last_seq, 1);
}

static void test_stale_answers_are_void(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    wire_link_broken(f->link, f->now);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 0, f->now), WIRE_E_STATE);   //  Nobody asked
    wire_link_connected(f->link, 6, f->now);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 0, f->now), WIRE_E_STATE);   //  An older nonce
    assert_int_equal(wire_link_resumed(f->link, 6, 78, 0, f->now), WIRE_E_STATE);   //  Another session
    hear(f, 1, 0);                              //  And what comes before the answer
    assert_int_equal(f->got, 0);
    wire_link_connected(f->link, 7, f->now);
    assert_false(wire_link_awaits(f->link, 6));
    assert_int_equal(wire_link_resumed(f->link, 7, 77, 1, f->now), 0);
    assert_int_equal(wire_link_resumed(f->link, 7, 77, 1, f->now), WIRE_E_STATE);   //  Twice
    assert_true(wire_link_drained(f->link));
}

static void test_impossible_counts_are_told(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    hear_bytes(f, 0, 1, "", 0);
    wire_link_connected(f->link, 5, f->now);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 0, f->now), WIRE_E_MALFORMED);
    assert_int_equal(wire_link_resumed(f->link, 5, 77, 2, f->now), WIRE_E_MALFORMED);
    assert_int_equal(wire_link_resume(f->link, 5, 2, f->now), WIRE_E_STATE);
    assert_int_equal(wire_link_resume(f->link, 5, 0, f->now), WIRE_E_STATE);
}

static void test_a_resume_that_cannot_be_answered_changes_nothing(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    f->write_code = WIRE_E_GONE;
    assert_int_equal(wire_link_resume(f->link, 5, 1, f->now), WIRE_E_GONE);
    assert_false(wire_link_drained(f->link));
    f->write_code = 0;
    assert_int_equal(wire_link_resume(f->link, 6, 1, f->now), 0);
    assert_true(wire_link_drained(f->link));
}

static void test_what_comes_twice_is_dropped(void **state)
{
    fixture_t *f = *state;
    hear(f, 1, 0);
    hear(f, 2, 0);
    assert_int_equal(hear(f, 2, 0), 0);
    assert_int_equal(hear(f, 1, 0), 0);
    assert_int_equal(f->got, 2);
    assert_int_equal(f->stat.duplicates, 2);
}

static uint32_t last_ttl(fixture_t *f)
{
    wire_reader_t at = wire_reader(f->last.data, f->last.size);
    wire_link_header_t header;
    wire_msg_t msg;
    assert_int_equal(wire_link_read(&at, &header), 0);
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    return msg.ttl;
}

static void test_time_left_shrinks_while_a_message_waits(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 5000, 10, false);
    assert_int_equal(last_ttl(f), 5000);
    wire_link_broken(f->link, f->now);
    elapse(f, 1500);
    resume(f, 0);
    assert_int_equal(last_ttl(f), 3500);
    wire_link_broken(f->link, f->now);
    elapse(f, 4000);
    resume(f, 0);
    assert_int_equal(last_ttl(f), 1);           //  Expired, which 0 would not say
    wire_link_broken(f->link, f->now);
    resume(f, 1);
    put(f, 2, 0, 10, false);
    wire_link_broken(f->link, f->now);
    elapse(f, 1000);
    resume(f, 1);
    assert_int_equal(last_ttl(f), 0);           //  No deadline stays none
}

//  A few ms are the clock's own grain; they count as soon as there are more of them.
static void test_a_moment_is_not_taken_off_but_remembered(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 5000, 10, true);
    elapse(f, 7);
    wire_link_flush(f->link, f->now);
    assert_int_equal(last_ttl(f), 5000);
    wire_link_broken(f->link, f->now);
    elapse(f, 3);
    resume(f, 0);
    assert_int_equal(last_ttl(f), 4990);
}

static bool joins(fixture_t *f, size_t padding)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    put_message(&out, 3, 5000, padding);
    bool joined = wire_link_join(f->link, out.data, out.size);
    wire_buf_free(&out);
    return joined;
}

static void test_a_message_that_joins_others_takes_the_short_way(void **state)
{
    fixture_t *f = *state;
    assert_false(joins(f, 50));                 //  There are none
    put(f, 1, 5000, 10, true);
    assert_true(joins(f, 50));
    assert_false(joins(f, 9000));               //  Travels alone
    for (int i = 0; i < 3; i++)
        assert_true(joins(f, 7000));
    assert_false(joins(f, 7000));               //  Would fill the batch
    assert_int_equal(f->frames, 0);
    assert_int_equal(f->stat.messages_out, 5);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->frames, 1);
    assert_in_range(f->last.size, 3 * 7000, 3 * 7100);
    assert_false(joins(f, 50));
}

static void test_no_message_joins_past_the_rings_bound_or_a_good_bye(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 9; i++)
        assert_int_equal(put(f, i, 0, 10000, true), 0);
    put(f, 10, 0, 5000, true);
    assert_false(joins(f, 5000));
    assert_true(joins(f, 50));
    wire_link_close(f->link, 0, "", f->now);
    assert_false(joins(f, 50));
}

//  Silent and gone

static void test_silent_then_gone(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    put(f, 2, 0, 10, false);
    wire_link_broken(f->link, f->now);
    wire_link_broken(f->link, f->now);
    elapse(f, 2499);
    assert_string_equal(f->trace, "");
    elapse(f, 1);
    assert_string_equal(f->trace, "silent ");
    elapse(f, 7499);
    assert_string_equal(f->trace, "silent ");
    assert_int_equal(f->lost, 0);
    elapse(f, 1);
    assert_string_equal(f->trace, "silent gone ");
    assert_int_equal(f->lost, 2);
    assert_int_equal(put(f, 3, 0, 10, false), WIRE_E_GONE);
}

static void test_an_idle_link_is_silent_soon_after_the_break(void **state)
{
    fixture_t *f = *state;
    elapse(f, 60000);
    wire_link_broken(f->link, f->now);
    elapse(f, 149);
    assert_string_equal(f->trace, "");
    elapse(f, 1);
    assert_string_equal(f->trace, "silent ");
    resume(f, 0);
    assert_string_equal(f->trace, "silent back ");
    elapse(f, 60000);
    assert_string_equal(f->trace, "silent back ");
}

static void test_a_peer_that_computes_is_neither(void **state)
{
    fixture_t *f = *state;
    wire_link_broken(f->link, f->now);
    wire_link_connected(f->link, 5, f->now);    //  ZeroMQ answers, Lua does not
    elapse(f, 60000);
    assert_string_equal(f->trace, "");
    wire_link_broken(f->link, f->now);
    elapse(f, 10000);
    assert_string_equal(f->trace, "silent gone ");
}

static void test_the_patient_wait_for_ever(void **state)
{
    fixture_t *f = make(true);
    (void) state;
    wire_link_opened(f->link, 77, true, f->now);
    wire_link_broken(f->link, f->now);
    elapse(f, 1000000);
    assert_string_equal(f->trace, "silent ");
    resume(f, 0);
    assert_string_equal(f->trace, "silent back ");
    void *again = f;
    teardown(&again);
}

static void test_restart_reports_and_begins_anew(void **state)
{
    fixture_t *f = make(true);
    (void) state;
    wire_link_opened(f->link, 77, true, f->now);
    put(f, 1, 0, 10, false);
    put(f, 2, 0, 10, false);                    //  Never written
    hear(f, 1, 0);
    f->send_when_lost = 2;
    wire_link_connected(f->link, 5, f->now);
    wire_link_restart(f->link);
    assert_int_equal(f->lost, 2);
    assert_false(wire_link_is_open(f->link));
    assert_false(wire_link_connected(f->link, 6, f->now));      //  It has to say HELLO
    wire_link_opened(f->link, 78, true, f->now);
    assert_int_equal(f->last_seq, 1);           //  What was sent from inside `lost`
    assert_int_equal(f->last_ack, 0);
    hear(f, 1, 1);
    assert_true(wire_link_drained(f->link));
    assert_int_equal(f->got, 2);
    void *again = f;
    teardown(&again);
}

//  Opening

static void test_messages_wait_for_welcome(void **state)
{
    fixture_t *f = make(false);
    (void) state;
    assert_int_equal(put(f, 1, 0, 10, false), 0);
    assert_int_equal(put(f, 2, 0, 10, false), 0);
    wire_link_flush(f->link, f->now);
    assert_int_equal(f->frames, 0);
    assert_false(wire_link_connected(f->link, 5, f->now));
    assert_true(wire_link_awaits(f->link, 5));
    assert_false(wire_link_awaits(f->link, 4));
    wire_link_opened(f->link, 1, true, f->now);
    assert_int_equal(f->frames, 1);
    void *again = f;
    teardown(&again);
}

static void test_an_uncounted_link_has_no_header_and_no_memory(void **state)
{
    fixture_t *f = make(false);
    (void) state;
    put(f, 1, 0, 10, false);
    wire_link_opened(f->link, 1, false, f->now);
    wire_reader_t at = wire_reader(f->last.data, f->last.size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_true(wire_link_drained(f->link));
    assert_int_equal(wire_link_input(f->link, f->last.data, f->last.size, f->now), 0);
    assert_int_equal(f->got, 1);
    elapse(f, 1000);
    assert_int_equal(f->lone_acks, 0);
    wire_link_probe(f->link, f->now);
    assert_int_equal(f->last.size, 0);
    wire_link_broken(f->link, f->now);
    assert_string_equal(f->trace, "gone ");
    void *again = f;
    teardown(&again);
}

//  The end

static int hear_bye(fixture_t *f, uint64_t seq, uint64_t ack)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_bye(&out, WIRE_E_CLOSED, "enough");
    int rc = hear_bytes(f, seq, ack, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

static void test_bye_waits_for_its_ack(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    wire_link_close(f->link, 0, "enough", f->now);
    wire_link_flush(f->link, f->now);
    assert_int_equal(put(f, 2, 0, 10, false), WIRE_E_GONE);
    hear_bytes(f, 0, 1, "", 0);
    assert_string_equal(f->trace, "");
    hear_bytes(f, 0, 2, "", 0);
    assert_string_equal(f->trace, "closed ");
    assert_int_equal(f->lost, 0);
}

static void test_bye_gives_up_after_30_s(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 10, false);
    wire_link_close(f->link, 0, "enough", f->now);
    elapse(f, 29999);
    assert_string_equal(f->trace, "");
    elapse(f, 1);
    assert_string_equal(f->trace, "closed ");
    assert_int_equal(f->lost, 1);               //  BYE itself is none of theirs
}

static void test_the_patient_wait_no_longer_when_they_leave(void **state)
{
    fixture_t *f = make(true);
    (void) state;
    wire_link_opened(f->link, 77, true, f->now);
    wire_link_broken(f->link, f->now);
    elapse(f, 60000);
    wire_link_close(f->link, 0, "enough", f->now);
    elapse(f, 9999);
    assert_string_equal(f->trace, "silent ");
    elapse(f, 1);
    assert_string_equal(f->trace, "silent gone ");
    void *again = f;
    teardown(&again);
}

static void test_bye_is_said_even_when_the_ring_is_full(void **state)
{
    fixture_t *f = *state;
    uint64_t seq = 0;
    while (put(f, ++seq, 0, 600, false) == 0)
        wire_link_flush(f->link, f->now);
    wire_link_close(f->link, 0, "enough", f->now);
    for (int i = 0; i < 5 && f->trace[0] == 0; i++) {
        hear_bytes(f, 0, f->last_seq, "", 0);
        wire_link_flush(f->link, f->now);
    }
    assert_string_equal(f->trace, "closed ");
    assert_int_equal(f->lost, 0);
    wire_reader_t at = wire_reader(f->last.data, f->last.size);
    wire_link_header_t header;
    wire_msg_t msg = { .type = 0 };
    wire_link_read(&at, &header);
    while (at.at < at.end)
        assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_int_equal(msg.type, WIRE_BYE);
}

static void test_bye_is_acknowledged_at_once(void **state)
{
    fixture_t *f = *state;
    hear(f, 1, 0);
    hear_bye(f, 2, 0);
    assert_int_equal(f->lone_acks, 1);
    assert_int_equal(f->last_ack, 2);
    assert_string_equal(f->trace, "closed ");
}

static void test_the_end_reports_each_message_once(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 18; i++)
        put(f, i, 0, 3000, true);
    hear_bytes(f, 0, 1, "", 0);
    wire_link_end(f->link, WIRE_E_GONE, "dead");
    wire_link_end(f->link, WIRE_E_GONE, "dead");
    assert_string_equal(f->trace, "gone ");
    assert_int_equal(f->lost, 9);               //  Nine filled the first 24 KiB
    assert_int_equal(f->lost_request, 18);
    assert_true(wire_link_due(f->link) == WIRE_LINK_NEVER);
}

//  Bad input

static void test_three_strikes(void **state)
{
    fixture_t *f = *state;
    f->message_code = WIRE_E_STATE;
    assert_int_equal(hear(f, 1, 0), WIRE_E_STATE);
    assert_int_equal(hear_bytes(f, 2, 0, "\xc1", 1), WIRE_E_MALFORMED);
    assert_string_equal(f->trace, "");
    assert_int_equal(wire_link_input(f->link, "garbage", 7, f->now), WIRE_E_MALFORMED);
    assert_string_equal(f->trace, "malformed ");
    assert_int_equal(f->stat.strikes, 3);
}

static void test_a_bad_message_does_not_take_the_good_ones_before_it(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    put_message(&out, 1, 0, 3);
    put_message(&out, 2, 0, 3);
    assert_int_equal(hear_bytes(f, 1, 0, out.data, out.size - 1), WIRE_E_MALFORMED);
    assert_int_equal(f->got, 1);
    assert_int_equal(hear(f, 2, 0), 0);         //  The frame was counted
    wire_buf_free(&out);
}

static void test_missing_frames_end_the_link(void **state)
{
    fixture_t *f = *state;
    hear(f, 1, 0);
    assert_int_equal(hear(f, 3, 0), WIRE_E_MALFORMED);
    assert_string_equal(f->trace, "malformed ");
}

static void test_an_ack_of_the_future_ends_the_link(void **state)
{
    fixture_t *f = *state;
    put(f, 1, 0, 3, false);
    assert_int_equal(hear_bytes(f, 0, 2, "", 0), WIRE_E_MALFORMED);
    assert_string_equal(f->trace, "malformed ");
    assert_int_equal(f->lost, 1);
}

static void test_opening_messages_have_no_business_inside(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_who(&out);
    assert_int_equal(hear_bytes(f, 1, 0, out.data, out.size), WIRE_E_STATE);
    assert_int_equal(f->got, 0);
    wire_buf_free(&out);
}

//  Which link survives

static wire_str_t name(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static void test_exactly_one_of_two_links_survives(void **state)
{
    static const struct { const char *name; uint64_t incarnation; } who[] = {
        { "", 1 }, { "a", 1 }, { "a", 2 }, { "ab", 1 }, { "b", 1 }, { "\xff", 9 }
    };
    (void) state;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            assert_int_equal(wire_link_ours_wins(name(who[i].name), who[i].incarnation,
                                                 name(who[j].name), who[j].incarnation), i < j);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_lone_ack_goes_after_20_ms),
        T(test_an_answer_carries_the_ack),
        T(test_64_frames_are_acknowledged_at_the_flush),
        T(test_acks_empty_the_ring),
        T(test_the_first_goes_at_once_and_the_others_gather),
        T(test_inside_a_wake_up_all_gather),
        T(test_24_kib_are_enough),
        cmocka_unit_test_setup_teardown(test_a_batch_has_the_size_that_is_asked_for, setup_60_kib, teardown),
        T(test_a_large_message_travels_alone),
        T(test_the_ring_is_bound_in_bytes),
        T(test_the_ring_is_bound_in_frames),
        T(test_what_the_connection_does_not_take_is_tried_again),
        T(test_too_big_is_refused),
        T(test_resume_sends_what_is_missing),
        T(test_a_question_without_answer_is_repeated_as_it_was),
        T(test_a_resume_that_is_repeated_is_answered_twice),
        T(test_stale_answers_are_void),
        T(test_impossible_counts_are_told),
        T(test_a_resume_that_cannot_be_answered_changes_nothing),
        T(test_what_comes_twice_is_dropped),
        T(test_time_left_shrinks_while_a_message_waits),
        T(test_a_moment_is_not_taken_off_but_remembered),
        T(test_a_message_that_joins_others_takes_the_short_way),
        T(test_no_message_joins_past_the_rings_bound_or_a_good_bye),
        T(test_silent_then_gone),
        T(test_an_idle_link_is_silent_soon_after_the_break),
        T(test_a_peer_that_computes_is_neither),
        cmocka_unit_test(test_the_patient_wait_for_ever),
        cmocka_unit_test(test_restart_reports_and_begins_anew),
        cmocka_unit_test(test_messages_wait_for_welcome),
        cmocka_unit_test(test_an_uncounted_link_has_no_header_and_no_memory),
        T(test_bye_waits_for_its_ack),
        T(test_bye_gives_up_after_30_s),
        cmocka_unit_test(test_the_patient_wait_no_longer_when_they_leave),
        T(test_bye_is_said_even_when_the_ring_is_full),
        T(test_bye_is_acknowledged_at_once),
        T(test_the_end_reports_each_message_once),
        T(test_three_strikes),
        T(test_a_bad_message_does_not_take_the_good_ones_before_it),
        T(test_missing_frames_end_the_link),
        T(test_an_ack_of_the_future_ends_the_link),
        T(test_opening_messages_have_no_business_inside),
        cmocka_unit_test(test_exactly_one_of_two_links_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
