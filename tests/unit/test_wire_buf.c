//  Writers: the one canonical form of each value, at every boundary of every form.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire_buf.h"

static int empty_buffer(void **state)
{
    static wire_buf_t buf;
    buf = (wire_buf_t) WIRE_BUF_EMPTY;
    *state = &buf;
    return 0;
}

static int free_buffer(void **state)
{
    wire_buf_free(*state);
    return 0;
}

//  What was written since the last look, in hex, must be `hex`.
static void expect(wire_buf_t *buf, const char *hex)
{
    char text[128] = "";
    assert_false(buf->failed);
    assert_true(buf->size * 2 < sizeof text);
    for (size_t i = 0; i < buf->size; i++)
        snprintf(text + 2 * i, 3, "%02x", buf->data[i]);
    assert_string_equal(text, hex);
    wire_buf_clear(buf);
}

//  Only the first bytes and the size, of what is long.
static void expect_head(wire_buf_t *buf, const char *hex, size_t size)
{
    assert_int_equal(buf->size, size);
    buf->size = strlen(hex) / 2;
    expect(buf, hex);
}

static void test_nil_and_booleans(void **state)
{
    wire_buf_t *buf = *state;
    wire_put_nil(buf);
    wire_put_bool(buf, false);
    wire_put_bool(buf, true);
    expect(buf, "c0c2c3");
}

static void test_integers_take_their_shortest_form(void **state)
{
    static const struct { int64_t value; const char *hex; } cases[] = {
        { 0, "00" }, { 127, "7f" }, { 128, "cc80" }, { 255, "ccff" },
        { 256, "cd0100" }, { 65535, "cdffff" }, { 65536, "ce00010000" },
        { 4294967295, "ceffffffff" }, { 4294967296, "cf0000000100000000" },
        { INT64_MAX, "cf7fffffffffffffff" },
        { -1, "ff" }, { -32, "e0" }, { -33, "d0df" }, { -128, "d080" }, { -129, "d1ff7f" },
        { -32768, "d18000" }, { -32769, "d2ffff7fff" }, { INT32_MIN, "d280000000" },
        { (int64_t) INT32_MIN - 1, "d3ffffffff7fffffff" }, { INT64_MIN, "d38000000000000000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_put_int(*state, cases[i].value);
        expect(*state, cases[i].hex);
        if (cases[i].value >= 0) {
            wire_put_uint(*state, (uint64_t) cases[i].value);
            expect(*state, cases[i].hex);
        }
    }
    wire_put_uint(*state, UINT64_MAX);
    expect(*state, "cfffffffffffffffff");
}

static void test_u32_always_takes_five_bytes(void **state)
{
    wire_put_u32(*state, 0);
    expect(*state, "ce00000000");
    wire_put_u32(*state, 30000);
    expect(*state, "ce00007530");
}

static void test_doubles_always_take_nine_bytes(void **state)
{
    wire_put_double(*state, 1.0);
    expect(*state, "cb3ff0000000000000");
    wire_put_double(*state, -0.0);
    expect(*state, "cb8000000000000000");
    wire_put_double(*state, (double) INFINITY);
    expect(*state, "cb7ff0000000000000");
    wire_put_double(*state, DBL_MIN);
    expect(*state, "cb0010000000000000");
}

static void test_there_is_one_nan(void **state)
{
    wire_put_double(*state, (double) NAN);
    expect(*state, "cb7ff8000000000000");
    wire_put_double(*state, -(double) NAN);
    expect(*state, "cb7ff8000000000000");
}

static void test_container_heads(void **state)
{
    static const struct { uint32_t count; const char *array; const char *map; } cases[] = {
        { 0, "90", "80" }, { 15, "9f", "8f" }, { 16, "dc0010", "de0010" },
        { 65535, "dcffff", "deffff" }, { 65536, "dd00010000", "df00010000" },
        { UINT32_MAX, "ddffffffff", "dfffffffff" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_put_array(*state, cases[i].count);
        expect(*state, cases[i].array);
        wire_put_map(*state, cases[i].count);
        expect(*state, cases[i].map);
    }
}

static void test_str_and_bin_heads(void **state)
{
    static const struct { size_t size; const char *str; const char *bin; } cases[] = {
        { 0, "a0", "c400" }, { 31, "bf61", "c41f61" }, { 32, "d92061", "c42061" },
        { 255, "d9ff61", "c4ff61" }, { 256, "da010061", "c5010061" },
        { 65535, "daffff61", "c5ffff61" }, { 65536, "db0001000061", "c60001000061" },
    };
    char *text = malloc(65536);
    assert_non_null(text);
    memset(text, 'a', 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size, shown = size ? 1 : 0;
        wire_put_str(*state, text, size);
        expect_head(*state, cases[i].str, strlen(cases[i].str) / 2 + size - shown);
        wire_put_text(*state, text, size);
        expect_head(*state, cases[i].str, strlen(cases[i].str) / 2 + size - shown);
        wire_put_bin(*state, text, size);
        expect_head(*state, cases[i].bin, strlen(cases[i].bin) / 2 + size - shown);
    }
    free(text);
    wire_put_cstr(*state, "ana");
    expect(*state, "a3616e61");
    wire_put_str(*state, NULL, 0);
    expect(*state, "a0");
}

static void test_ext_heads(void **state)
{
    static const struct { size_t size; const char *hex; } cases[] = {
        { 0, "c700ff" }, { 1, "d4ff61" }, { 2, "d5ff61" }, { 3, "c703ff61" }, { 4, "d6ff61" },
        { 8, "d7ff61" }, { 16, "d8ff61" }, { 17, "c711ff61" }, { 256, "c80100ff61" },
    };
    char text[256];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size;
        wire_put_ext(*state, -1, text, size);
        expect_head(*state, cases[i].hex, strlen(cases[i].hex) / 2 + size - (size ? 1 : 0));
    }
}

static void test_what_is_utf8(void **state)
{
    static const char *good[] = {
        "", "a", "plain text of more than eight bytes", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        ("12345678\xc3\xa9" "12345678"), "1234567\xc3\xa9", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 and on",
    };
    static const char *bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xe0\xa0", "\xe1\x80z",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "\xf0\x90\x80", "\xf1\x80\x80z", ("12345678\xff" "1234567"), "1234567\xc3", "12345678\xc3\xa9\x80",
    };
    (void) state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(wire_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wire_utf8(bad[i], strlen(bad[i])));
    assert_true(wire_utf8("nul\0inside", 10));
}

static void test_text_that_is_not_utf8_is_a_bin(void **state)
{
    wire_put_text(*state, "\xc3\xa9", 2);
    expect(*state, "a2c3a9");
    wire_put_text(*state, "\xc3", 1);
    expect(*state, "c401c3");
}

static void test_growing_keeps_the_contents(void **state)
{
    wire_buf_t *buf = *state;
    for (unsigned i = 0; i < 5000; i++)
        wire_put_byte(buf, (uint8_t) (i % 251));
    assert_int_equal(buf->size, 5000);
    assert_true(buf->capacity >= 5000);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(buf->data[i], i % 251);
}

static void test_append_nothing(void **state)
{
    wire_buf_append(*state, NULL, 0);
    expect(*state, "");
    wire_buf_append(*state, "xy", 2);
    expect(*state, "7879");
}

static void test_a_failed_buffer_ignores_writes(void **state)
{
    wire_buf_t *buf = *state;
    wire_put_int(buf, 1);
    assert_null(wire_buf_reserve(buf, SIZE_MAX));
    assert_true(buf->failed);
    wire_put_int(buf, 2);
    wire_put_int(buf, 300);
    wire_put_cstr(buf, "short");
    wire_put_double(buf, 2.5);
    wire_put_array(buf, 3);
    wire_put_ext(buf, 1, "x", 1);
    assert_int_equal(buf->size, 1);
    assert_true(buf->failed);
}

static void test_clear_and_truncate_end_a_failure(void **state)
{
    wire_buf_t *buf = *state;
    wire_put_cstr(buf, "abc");
    assert_null(wire_buf_reserve(buf, SIZE_MAX));
    wire_buf_truncate(buf, 1);
    wire_put_int(buf, 7);
    expect(buf, "a307");
    assert_null(wire_buf_reserve(buf, SIZE_MAX));
    wire_buf_clear(buf);
    wire_put_cstr(buf, "again, and with more than there was room for");
    assert_false(buf->failed);
    assert_int_equal(buf->size, 46);
}

static void test_a_length_without_a_form_fails(void **state)
{
    wire_buf_t *buf = *state;
    wire_put_bin(buf, "x", (size_t) UINT32_MAX + 1);
    assert_true(buf->failed);
    assert_int_equal(buf->size, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, empty_buffer, free_buffer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nil_and_booleans),
        CASE(test_integers_take_their_shortest_form),
        CASE(test_u32_always_takes_five_bytes),
        CASE(test_doubles_always_take_nine_bytes),
        CASE(test_there_is_one_nan),
        CASE(test_container_heads),
        CASE(test_str_and_bin_heads),
        CASE(test_ext_heads),
        CASE(test_what_is_utf8),
        CASE(test_text_that_is_not_utf8_is_a_bin),
        CASE(test_growing_keeps_the_contents),
        CASE(test_append_nothing),
        CASE(test_a_failed_buffer_ignores_writes),
        CASE(test_clear_and_truncate_end_a_failure),
        CASE(test_a_length_without_a_form_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
