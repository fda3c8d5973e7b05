//  Envelope and link header: what is written is read again, what is wrong is refused, and
//  what a hop patches stays the same message.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire_msg.h"

static const wire_str_t ana = { "1@ana", 5 };
static const wire_str_t bob = { "2@bob", 5 };

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

static void begin(wire_buf_t *buf, unsigned type, uint64_t request, uint32_t ttl, uint32_t count)
{
    if (wire_type_way(type) == WIRE_WAY_PROC)
        wire_msg_begin_proc(buf, (wire_type_t) type, request, ttl, ana, bob, count);
    else
        wire_msg_begin(buf, (wire_type_t) type, request, ttl, count);
}

static void put_call(wire_buf_t *buf, uint64_t request)
{
    begin(buf, WIRE_CALL, request, 30000, 3);
    wire_put_uint(buf, WIRE_WANTS_REPLY);
    wire_put_cstr(buf, "account.add");
    wire_put_array(buf, 2);
    wire_put_int(buf, 42);
    wire_put_nil(buf);
}

static int next(const wire_buf_t *buf, wire_msg_t *msg)
{
    wire_reader_t at = wire_reader(buf->data, buf->size);
    int rc = wire_msg_next(&at, msg);
    assert_ptr_equal(at.at, rc ? buf->data : buf->data + buf->size);
    return rc;
}

static void test_every_type_comes_back(void **state)
{
    wire_buf_t *buf = *state;
    wire_msg_t msg;
    for (unsigned type = WIRE_LINK + 1; type < WIRE_TYPE_LIMIT; type++) {
        wire_buf_clear(buf);
        begin(buf, type, UINT64_MAX - type, type * 1000, 2);
        wire_put_cstr(buf, "first");
        wire_put_int(buf, -7);
        assert_int_equal(next(buf, &msg), 0);
        assert_int_equal(msg.type, type);
        assert_true(msg.request == UINT64_MAX - type);
        assert_int_equal(msg.ttl, type * 1000);
        assert_int_equal(msg.count, 2);
        assert_ptr_equal(msg.whole.at, buf->data);
        assert_ptr_equal(msg.whole.end, buf->data + buf->size);
        assert_ptr_equal(msg.fields.end, msg.whole.end);
        wire_str_t first;
        int64_t second;
        assert_int_equal(wire_read_bytes(&msg.fields, &first), 0);
        assert_true(wire_str_is(first, "first"));
        assert_int_equal(wire_read_int(&msg.fields, &second), 0);
        assert_int_equal(second, -7);
        bool proc = wire_type_way(type) == WIRE_WAY_PROC;
        assert_true(wire_str_is(msg.from, proc ? "1@ana" : ""));
        assert_true(wire_str_is(msg.to, proc ? "2@bob" : ""));
    }
}

static void test_messages_back_to_back(void **state)
{
    wire_buf_t *buf = *state;
    for (uint64_t i = 1; i <= 5; i++)
        put_call(buf, i * 100);
    wire_reader_t at = wire_reader(buf->data, buf->size);
    wire_msg_t msg;
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(wire_msg_next(&at, &msg), 0);
        assert_true(msg.request == i * 100);
    }
    assert_ptr_equal(at.at, at.end);
    assert_int_equal(wire_msg_next(&at, &msg), WIRE_E_MALFORMED);
}

//  In a block of its own size, so that a sanitizer sees one byte too far.
static void test_every_cut_is_malformed(void **state)
{
    wire_buf_t *buf = *state;
    put_call(buf, 1234567);
    for (size_t size = 0; size < buf->size; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        assert_non_null(cut);
        memcpy(cut, buf->data, size);
        wire_reader_t at = wire_reader(cut, size);
        wire_msg_t msg;
        assert_int_equal(wire_msg_next(&at, &msg), WIRE_E_MALFORMED);
        assert_ptr_equal(at.at, cut);
        free(cut);
    }
}

static void test_another_version(void **state)
{
    wire_buf_t *buf = *state;
    wire_msg_t msg;
    put_call(buf, 1);
    buf->data[1] = WIRE_VERSION + 1;
    assert_int_equal(next(buf, &msg), WIRE_E_VERSION);
    buf->data[1] = 0;
    assert_int_equal(next(buf, &msg), WIRE_E_VERSION);
    buf->data[1] = 0xff;        //  -1 is no version at all
    assert_int_equal(next(buf, &msg), WIRE_E_MALFORMED);
}

static void test_an_unknown_type_is_the_sessions_call(void **state)
{
    static const uint64_t types[] = { 0, 15, 63, 100, 127, 128, 65536, INT32_MAX };
    wire_buf_t *buf = *state;
    wire_msg_t msg;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        wire_buf_clear(buf);
        wire_put_array(buf, 5);
        wire_put_uint(buf, WIRE_VERSION);
        wire_put_uint(buf, types[i]);
        wire_put_uint(buf, 7);
        wire_put_u32(buf, 0);
        wire_put_cstr(buf, "whatever");
        assert_int_equal(next(buf, &msg), 0);
        assert_null(wire_type_name((unsigned) msg.type));
        assert_true(msg.request == 7);
        assert_int_equal(msg.count, 1);
    }
    wire_buf_clear(buf);
    wire_put_array(buf, 4);
    wire_put_uint(buf, WIRE_VERSION);
    wire_put_uint(buf, UINT64_C(1) << 32 | WIRE_WHO);       //  Must not be cut to WHO
    wire_put_uint(buf, 0);
    wire_put_u32(buf, 0);
    assert_int_equal(next(buf, &msg), WIRE_E_MALFORMED);
}

static int next_hex(const char *hex)
{
    uint8_t bytes[64];
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        bytes[i] = (uint8_t) strtoul(two, NULL, 16);
    }
    wire_reader_t at = wire_reader(bytes, size);
    wire_msg_t msg;
    return wire_msg_next(&at, &msg);
}

static void test_envelopes_that_are_none(void **state)
{
    static const char *bad[] = {
        "00", "c0", "a161", "80", "84010800ce00000000", "90", "9101", "920108", "93010800",      //  No array, or a short one
        "94c0080000", "9401c00000", "9401a10800", "940108c000", "940108ff00",   //  Wrong kinds
        "94010800c0", "94010800ff", "94010800cf0000000100000000",      //  ttl_ms: nil, negative, too large
        "94010108ce00000000",                   //  LINK is no message
        "94011107ce00000000",                   //  CALL without its ends
        "95011107ce00000000a161",               //  with one only
        "96011107ce00000000a161c0",             //  with one that is no name
        "96011107ce00000000a0a162",             //  or an empty one
        "ddffffffff01080000",
    };
    (void) state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(next_hex(bad[i]), WIRE_E_MALFORMED);
    assert_int_equal(next_hex("94010800ce00000000"), 0);
    assert_int_equal(next_hex("96011107ce00000000a161a162"), 0);
}

//  Another implementation need not choose our forms.
static void test_other_forms_are_read(void **state)
{
    (void) state;
    assert_int_equal(next_hex("9401080000"), 0);
    assert_int_equal(next_hex("dc0004cc01cd0008ce00000000cd7530"), 0);
    assert_int_equal(next_hex("dd00000006" "d10001" "d014" "cf0000000000000007" "00" "d90161" "c40162"), 0);
    assert_int_equal(next_hex("dd00000006" "d10002" "d014" "cf0000000000000007" "00" "d90161" "c40162"), WIRE_E_VERSION);
}

static void test_names_of_the_ends_are_bounded(void **state)
{
    wire_buf_t *buf = *state;
    wire_msg_t msg;
    char text[WIRE_MAX_NAME + 1];
    memset(text, 'n', sizeof text);
    wire_msg_begin_proc(buf, WIRE_CANCEL, 1, 0, (wire_str_t) { text, WIRE_MAX_NAME }, bob, 0);
    assert_int_equal(next(buf, &msg), 0);
    assert_int_equal(msg.from.size, WIRE_MAX_NAME);
    wire_buf_clear(buf);
    wire_msg_begin_proc(buf, WIRE_CANCEL, 1, 0, (wire_str_t) { text, WIRE_MAX_NAME + 1 }, bob, 0);
    assert_int_equal(next(buf, &msg), WIRE_E_MALFORMED);
}

static int next_nested(wire_buf_t *buf, unsigned depth)
{
    wire_msg_t msg;
    wire_buf_clear(buf);
    begin(buf, WIRE_REPLY, 1, 0, 1);
    for (unsigned i = 0; i < depth; i++)
        wire_put_array(buf, 1);
    wire_put_nil(buf);
    return next(buf, &msg);
}

//  Short ids and few fields go a way of their own: the bytes are the same as those of the general one.
static void check_opening(wire_buf_t *buf, wire_str_t from, wire_str_t to, uint32_t count)
{
    wire_buf_t plain = WIRE_BUF_EMPTY;
    wire_put_array(&plain, 6 + count);
    wire_put_uint(&plain, WIRE_VERSION);
    wire_put_uint(&plain, WIRE_CALL);
    wire_put_uint(&plain, 70000);
    wire_put_u32(&plain, 30000);
    wire_put_str(&plain, from.data, from.size);
    wire_put_str(&plain, to.data, to.size);
    wire_buf_clear(buf);
    wire_msg_begin_proc(buf, WIRE_CALL, 70000, 30000, from, to, count);
    assert_int_equal(buf->size, plain.size);
    assert_memory_equal(buf->data, plain.data, plain.size);
    wire_buf_free(&plain);
}

static void test_openings_of_every_length(void **state)
{
    wire_buf_t *buf = *state;
    char text[48];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char) ('!' + i);
    for (size_t size = 1; size <= 40; size++)
        for (uint32_t count = 0; count < 12; count++)
            check_opening(buf, (wire_str_t) { text, size }, (wire_str_t) { text + 3, 41 - size }, count);
}

static void test_ids_are_compared_to_the_last_byte(void **state)
{
    char a[48], b[48];
    (void) state;
    for (size_t size = 0; size <= 40; size++) {
        memset(a, 'x', sizeof a);
        memset(b, 'x', sizeof b);
        b[size] = 'y';                              //  Behind the end
        assert_true(wire_str_same((wire_str_t) { a, size }, (wire_str_t) { b, size }));
        assert_false(wire_str_same((wire_str_t) { a, size }, (wire_str_t) { b, size + 1 }));
        for (size_t i = 0; i < size; i++) {
            b[i] = 'y';
            assert_false(wire_str_same((wire_str_t) { a, size }, (wire_str_t) { b, size }));
            b[i] = 'x';
        }
    }
}

//  What a usual message's fields look like is scanned by a short way, the rest by the general one: both agree with
//  a scan of field after field.
static void check_fields(wire_buf_t *buf, const char *fields, size_t size, uint32_t count)
{
    wire_buf_clear(buf);
    begin(buf, WIRE_CALL, 1, 0, count);
    size_t start = buf->size;
    wire_buf_append(buf, fields, size);
    wire_reader_t at = wire_reader(buf->data, buf->size), plain = { at.at + start, at.end };
    wire_msg_t msg;
    int expected = 0;
    for (uint32_t i = 0; expected == 0 && i < count; i++)
        expected = wire_scan(&plain);
    assert_int_equal(wire_msg_next(&at, &msg), expected);
    if (expected == 0)
        assert_ptr_equal(at.at, plain.at);
}

static void test_usual_fields_and_others(void **state)
{
    static const char *const fields[] = {
        "\x03\xa3" "add\x92\x01\xcd\x01\x02", "\x03\xa3" "add\x90", "\x93\x01\x02\x03", "\x01\x02\x03",
        "\x91\x91\x01\x02\x03", "\x91\x01\x02\x92\x03\x04", "\x81\x01\x02\x03\x04", "\x92\xc1\x01\x02",
        "\xd9\x02hi\x92\x01\x02\x01", "\x01\x02\xdc\x01\x01\x07", "\xc1", "",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (size_t size = 0; size <= strlen(fields[i]); size++)
            for (uint32_t count = 0; count < 20; count++)
                check_fields(*state, fields[i], size, count);
}

static void test_depth_includes_the_envelope(void **state)
{
    assert_int_equal(next_nested(*state, WIRE_MAX_DEPTH - 1), 0);
    assert_int_equal(next_nested(*state, WIRE_MAX_DEPTH), WIRE_E_TOO_DEEP);
}

static int next_wide(wire_buf_t *buf, bool flat, uint32_t count)
{
    wire_msg_t msg;
    wire_buf_clear(buf);
    begin(buf, WIRE_REPLY, 1, 0, flat ? count : 1);
    if (!flat)
        wire_put_array(buf, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_nil(buf);
    return next(buf, &msg);
}

static void test_objects_include_the_envelope(void **state)
{
    //  The array of the message, four fields, from, to; and the array inside
    assert_int_equal(next_wide(*state, true, WIRE_MAX_OBJECTS - 7), 0);
    assert_int_equal(next_wide(*state, true, WIRE_MAX_OBJECTS - 6), WIRE_E_TOO_BIG);
    assert_int_equal(next_wide(*state, false, WIRE_MAX_OBJECTS - 8), 0);
    assert_int_equal(next_wide(*state, false, WIRE_MAX_OBJECTS - 7), WIRE_E_TOO_BIG);
}

static int next_large(wire_buf_t *buf, size_t message)
{
    wire_msg_t msg;
    char *bytes = calloc(1, message);
    assert_non_null(bytes);
    wire_buf_clear(buf);
    begin(buf, WIRE_REPLY, 1, 0, 1);
    wire_put_bin(buf, bytes, message - buf->size - 5);
    free(bytes);
    assert_int_equal(buf->size, message);
    return next(buf, &msg);
}

static void test_size_includes_the_envelope(void **state)
{
    assert_int_equal(next_large(*state, WIRE_MAX_MESSAGE), 0);
    assert_int_equal(next_large(*state, WIRE_MAX_MESSAGE + 1), WIRE_E_TOO_BIG);
}

static void test_ttl_is_patched_in_place(void **state)
{
    wire_buf_t *buf = *state;
    wire_msg_t msg;
    put_call(buf, 1234567);
    size_t size = buf->size;
    uint32_t ttls[] = { 0, 1, 29999, UINT32_MAX };
    for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
        wire_msg_set_ttl(buf->data, buf->size, ttls[i]);
        assert_int_equal(buf->size, size);
        assert_int_equal(next(buf, &msg), 0);
        assert_true(msg.ttl == ttls[i]);
        assert_true(msg.request == 1234567);
        assert_true(wire_str_is(msg.from, "1@ana"));
    }
}

//  A form that another implementation chose is kept; what fits it least is the form's most.
static void test_ttl_is_patched_in_any_form(void **state)
{
    static const struct { uint8_t bytes[13]; size_t size; uint32_t set, get; } cases[] = {
        { { 0x94, 1, 8, 0, 0x64 }, 5, 99, 99 },
        { { 0x94, 1, 8, 0, 0x64 }, 5, 1000, 127 },
        { { 0x94, 1, 8, 0, 0xcc, 200 }, 6, 150, 150 },
        { { 0x94, 1, 8, 0, 0xcc, 200 }, 6, 1000, 255 },
        { { 0x94, 1, 8, 0, 0xcd, 0x75, 0x30 }, 7, 29000, 29000 },
        { { 0x94, 1, 8, 0, 0xd1, 0x75, 0x30 }, 7, 65000, 32767 },
        { { 0x94, 1, 8, 0, 0xd2, 0, 0, 0, 9 }, 9, 70000, 70000 },
        { { 0x94, 1, 8, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 9 }, 13, 70000, 70000 },
        { { 0x94, 1, 8, 0, 0xd3, 0, 0, 0, 0, 0, 0, 0, 9 }, 13, UINT32_MAX, UINT32_MAX },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[13];
        memcpy(bytes, cases[i].bytes, sizeof bytes);
        wire_msg_set_ttl(bytes, cases[i].size, cases[i].set);
        wire_reader_t at = wire_reader(bytes, cases[i].size);
        wire_msg_t msg;
        assert_int_equal(wire_msg_next(&at, &msg), 0);
        assert_ptr_equal(at.at, at.end);
        assert_true(msg.ttl == cases[i].get);
    }
}

static void test_ttl_of_what_is_no_message_is_left_alone(void **state)
{
    static const char *others[] = { "", "\xc0", "\x90", "\x94\x01", "\x94\x01\x08\x00\xa1z", "\x94\x01\x08\x00\xce\x01" };
    (void) state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint8_t bytes[8] = { 0 }, before[8];
        size_t size = i == 0 ? 0 : i < 3 ? 1 : i == 3 ? 2 : 6;
        memcpy(bytes, others[i], size);
        memcpy(before, bytes, sizeof bytes);
        wire_msg_set_ttl(bytes, size, 77);
        assert_memory_equal(bytes, before, sizeof bytes);
    }
}

static void test_link_header(void **state)
{
    wire_buf_t *buf = *state;
    wire_link_header_t header;
    wire_link_put(buf, 5, UINT64_MAX);
    assert_int_equal(buf->size, WIRE_LINK_HEADER_SIZE);
    put_call(buf, 9);
    wire_reader_t at = wire_reader(buf->data, buf->size);
    assert_int_equal(wire_link_read(&at, &header), 0);
    assert_true(header.seq == 5 && header.ack == UINT64_MAX);
    assert_ptr_equal(at.at, buf->data + WIRE_LINK_HEADER_SIZE);

    wire_link_set_ack(buf->data, 77);
    at = wire_reader(buf->data, buf->size);
    assert_int_equal(wire_link_read(&at, &header), 0);
    assert_true(header.seq == 5 && header.ack == 77);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_true(msg.request == 9);
}

static void test_link_headers_that_are_none(void **state)
{
    wire_buf_t *buf = *state;
    wire_link_header_t header;
    wire_link_put(buf, 5, 6);
    for (size_t size = 0; size < buf->size; size++) {
        wire_reader_t cut = wire_reader(buf->data, size);
        assert_int_equal(wire_link_read(&cut, &header), WIRE_E_MALFORMED);
        assert_ptr_equal(cut.at, buf->data);
    }
    for (size_t i = 0; i < 3; i++) {        //  Head, version, type
        buf->data[i]++;
        wire_reader_t at = wire_reader(buf->data, buf->size);
        assert_int_equal(wire_link_read(&at, &header), WIRE_E_MALFORMED);
        buf->data[i]--;
    }
    wire_reader_t at = wire_reader(buf->data, buf->size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), WIRE_E_MALFORMED);       //  Not a message
}

static void test_types_that_are_not_listed(void **state)
{
    (void) state;
    unsigned known = 0;
    for (unsigned type = 0; type < 2 * WIRE_TYPE_LIMIT; type++) {
        bool listed = wire_type_name(type) != NULL;
        known += listed;
        assert_true((wire_type_fields(type) != NULL) == listed);
        assert_true((wire_type_way(type) != WIRE_WAY_NONE) == listed);
        if (!listed)
            assert_false(wire_type_early(type) || wire_type_changes(type) || wire_type_counts(type));
    }
#define X(...) + 1
    assert_int_equal(known, 0 WIRE_TYPES(X));
#undef X
    assert_null(wire_type_name(UINT32_MAX));
}

static void test_columns(void **state)
{
    (void) state;
    assert_string_equal(wire_type_name(WIRE_CALL), "CALL");
    assert_int_equal(wire_type_way(WIRE_CALL), WIRE_WAY_PROC);
    assert_true(wire_type_early(WIRE_HELLO) && !wire_type_early(WIRE_CALL));
    assert_true(wire_type_changes(WIRE_JOIN) && !wire_type_changes(WIRE_LOOKUP));
    assert_true(wire_type_counts(WIRE_REPLY) && !wire_type_counts(WIRE_CREDIT));
}

static void test_errors(void **state)
{
    (void) state;
#define X(name, id, word, sure, text)                                       \
    assert_string_equal(wire_error_word(WIRE_E_##name), word);              \
    assert_string_equal(wire_error_text(WIRE_E_##name), text);              \
    assert_true(wire_error_definite(WIRE_E_##name) == (sure));              \
    assert_int_equal(wire_error_of(word, strlen(word)), WIRE_E_##name);
    WIRE_ERRORS(X)
#undef X
    assert_string_equal(wire_error_word(-1), "internal");
    assert_string_equal(wire_error_word(1000), "internal");
    assert_false(wire_error_definite(1000));
    assert_int_equal(wire_error_of("timeouts", 8), WIRE_E_REMOTE);
    assert_int_equal(wire_error_of("timeou", 6), WIRE_E_REMOTE);
    assert_int_equal(wire_error_of("", 0), WIRE_E_REMOTE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, empty_buffer, free_buffer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_type_comes_back),
        CASE(test_messages_back_to_back),
        CASE(test_every_cut_is_malformed),
        CASE(test_another_version),
        CASE(test_an_unknown_type_is_the_sessions_call),
        CASE(test_envelopes_that_are_none),
        CASE(test_other_forms_are_read),
        CASE(test_names_of_the_ends_are_bounded),
        CASE(test_openings_of_every_length),
        cmocka_unit_test(test_ids_are_compared_to_the_last_byte),
        CASE(test_usual_fields_and_others),
        CASE(test_depth_includes_the_envelope),
        CASE(test_objects_include_the_envelope),
        CASE(test_size_includes_the_envelope),
        CASE(test_ttl_is_patched_in_place),
        CASE(test_ttl_is_patched_in_any_form),
        CASE(test_ttl_of_what_is_no_message_is_left_alone),
        CASE(test_link_header),
        CASE(test_link_headers_that_are_none),
        cmocka_unit_test(test_types_that_are_not_listed),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
