//  HELLO and its kin: what is written is what is read, and nothing less is accepted.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "link_open.h"

static wire_str_t text(const char *chars)
{
    return (wire_str_t) { chars, strlen(chars) };
}

static const uint8_t body[] = { 0x81, 0xa1, 'k', 0x07 };

static void put_hello(wire_buf_t *out)
{
    wire_hello_t hello = { 1, 3, WIRE_FEATURE_RESUME, 1234567890123, text("node"), text("ana"), 42,
                           text("secret"), 99, wire_reader(body, sizeof body) };
    wire_put_hello(out, &hello);
}

static int next(const wire_buf_t *frame, size_t size, wire_msg_t *msg)
{
    wire_reader_t at = wire_reader(frame->data, size);
    return wire_msg_next(&at, msg);
}

static void test_hello(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_t msg;
    wire_hello_t hello;
    wire_reader_t value;
    (void) state;
    put_hello(&out);
    assert_int_equal(next(&out, out.size, &msg), 0);
    assert_int_equal(wire_read_hello(&msg, &hello), 0);
    assert_int_equal(hello.max_version, 3);
    assert_int_equal(hello.nonce, 1234567890123);
    assert_true(wire_str_is(hello.role, "node"));
    assert_true(wire_str_is(hello.name, "ana"));
    assert_true(wire_str_is(hello.proof, "secret"));
    assert_int_equal(hello.incarnation, 42);
    assert_int_equal(hello.session, 99);
    assert_true(wire_map_find(&hello.body, "k", &value));
    wire_buf_free(&out);
}

static void test_hello_cut_anywhere_is_no_hello(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_t msg;
    (void) state;
    put_hello(&out);
    for (size_t size = 0; size < out.size; size++)
        assert_int_not_equal(next(&out, size, &msg), 0);
    wire_buf_free(&out);
}

static void test_hello_with_any_byte_changed_is_read_or_refused(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    (void) state;
    put_hello(&out);
    for (size_t i = 0; i < out.size; i++)
        for (int value = 0; value < 256; value++) {
            uint8_t saved = out.data[i];
            wire_msg_t msg;
            wire_hello_t hello;
            out.data[i] = (uint8_t) value;
            if (next(&out, out.size, &msg) == 0)
                wire_read_hello(&msg, &hello);  //  The sanitizers watch
            out.data[i] = saved;
        }
    wire_buf_free(&out);
}

static void test_an_empty_body_is_an_empty_map(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_welcome_t said = { 1, 0, 5, text("broker"), text("net"), 7, 8, 9, { NULL, NULL } }, welcome;
    wire_msg_t msg;
    (void) state;
    wire_put_welcome(&out, &said);
    assert_int_equal(next(&out, out.size, &msg), 0);
    assert_int_equal(wire_read_welcome(&msg, &welcome), 0);
    assert_int_equal(welcome.nonce, 5);
    assert_int_equal(welcome.session, 8);
    assert_int_equal(welcome.term, 9);
    assert_int_equal(welcome.body.end - welcome.body.at, 1);
    assert_int_equal(welcome.body.at[0], 0x80);
    wire_buf_free(&out);
}

static void test_the_short_ones(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_refused_t refused;
    wire_resume_t resume = { 1, 2, 3 }, read;
    wire_str_t farewell;
    wire_msg_t msg;
    int code;
    (void) state;
    wire_put_refused(&out, 6, WIRE_E_DENIED, "wrong token");
    assert_int_equal(next(&out, out.size, &msg), 0);
    assert_int_equal(wire_read_refused(&msg, &refused), 0);
    assert_int_equal(refused.nonce, 6);
    assert_int_equal(refused.code, WIRE_E_DENIED);
    assert_true(wire_str_is(refused.text, "wrong token"));

    wire_buf_clear(&out);
    wire_put_resume(&out, WIRE_RESUMED, &resume);
    assert_int_equal(next(&out, out.size, &msg), 0);
    assert_int_equal(msg.type, WIRE_RESUMED);
    assert_int_equal(wire_read_resume(&msg, &read), 0);
    assert_memory_equal(&read, &resume, sizeof read);
    assert_int_not_equal(wire_read_refused(&msg, &refused), 0);

    wire_buf_clear(&out);
    wire_put_bye(&out, WIRE_E_CLOSED, NULL);
    assert_int_equal(next(&out, out.size, &msg), 0);
    assert_int_equal(wire_read_bye(&msg, &code, &farewell), 0);
    assert_int_equal(code, WIRE_E_CLOSED);
    assert_int_equal(farewell.size, 0);
    wire_buf_free(&out);
}

static void test_proofs(void **state)
{
    (void) state;
    assert_true(wire_proof_equal(text("abc"), text("abc")));
    assert_true(wire_proof_equal(text(""), text("")));
    assert_false(wire_proof_equal(text("abc"), text("abd")));
    assert_false(wire_proof_equal(text("abc"), text("ab")));
    assert_false(wire_proof_equal(text("abab"), text("ab")));
    assert_false(wire_proof_equal(text("abc"), text("")));
    assert_false(wire_proof_equal(text(""), text("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_hello_cut_anywhere_is_no_hello),
        cmocka_unit_test(test_hello_with_any_byte_changed_is_read_or_refused),
        cmocka_unit_test(test_an_empty_body_is_an_empty_map),
        cmocka_unit_test(test_the_short_ones),
        cmocka_unit_test(test_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
