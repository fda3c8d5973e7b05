//  Reader: every token of msgpack, and whatever is no token; limits before anything else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"

static uint8_t nibble(char c)
{
    return (uint8_t) (c <= '9' ? c - '0' : c - 'a' + 10);
}

//  The bytes of `hex` in a block of exactly their size, so that a sanitizer sees one byte too far.
static uint8_t *bytes_of(const char *hex, size_t *size)
{
    *size = strlen(hex) / 2;
    uint8_t *bytes = malloc(*size ? *size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < *size; i++)
        bytes[i] = (uint8_t) (nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return bytes;
}

static int scan_hex(const char *hex)
{
    size_t size;
    uint8_t *bytes = bytes_of(hex, &size);
    wire_reader_t at = wire_reader(bytes, size);
    int rc = wire_scan(&at);
    assert_ptr_equal(at.at, rc ? bytes : bytes + size);     //  An error leaves the cursor
    free(bytes);
    return rc;
}

static wire_item_t read_hex(const char *hex)
{
    static uint8_t kept[64];
    size_t size;
    uint8_t *bytes = bytes_of(hex, &size);
    assert_true(size <= sizeof kept);
    memcpy(kept, bytes, size);
    free(bytes);
    wire_reader_t at = wire_reader(kept, size);
    wire_item_t item;
    assert_int_equal(wire_read(&at, &item), 0);
    if (item.kind != WIRE_IS_ARRAY && item.kind != WIRE_IS_MAP)
        assert_ptr_equal(at.at, at.end);
    return item;
}

static void test_integers_in_any_form(void **state)
{
    static const struct { const char *hex; int64_t value; } cases[] = {
        { "00", 0 }, { "7f", 127 }, { "ff", -1 }, { "e0", -32 },
        { "cc01", 1 }, { "ccff", 255 }, { "cd0001", 1 }, { "cdffff", 65535 },
        { "ce00000001", 1 }, { "ceffffffff", 4294967295 }, { "cf0000000000000001", 1 },
        { "cf7fffffffffffffff", INT64_MAX },
        { "d001", 1 }, { "d080", -128 }, { "d1ffff", -1 }, { "d18000", -32768 },
        { "d2ffffffff", -1 }, { "d280000000", INT32_MIN },
        { "d3ffffffffffffffff", -1 }, { "d38000000000000000", INT64_MIN },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_item_t item = read_hex(cases[i].hex);
        assert_int_equal(item.kind, WIRE_IS_INT);
        assert_true(item.as.integer == cases[i].value);
    }
    wire_item_t item = read_hex("cf8000000000000000");
    assert_int_equal(item.kind, WIRE_IS_UINT);
    assert_true(item.as.natural == (uint64_t) INT64_MAX + 1);
}

static void test_nil_booleans_doubles(void **state)
{
    (void) state;
    assert_int_equal(read_hex("c0").kind, WIRE_IS_NIL);
    assert_int_equal(read_hex("c2").kind, WIRE_IS_BOOL);
    assert_false(read_hex("c2").as.boolean);
    assert_true(read_hex("c3").as.boolean);
    assert_int_equal(read_hex("cb3ff8000000000000").kind, WIRE_IS_DOUBLE);
    assert_true(read_hex("cb3ff8000000000000").as.number == 1.5);
    assert_int_equal(read_hex("ca3fc00000").kind, WIRE_IS_DOUBLE);
    assert_true(read_hex("ca3fc00000").as.number == 1.5);
}

static void test_bytes_in_any_form(void **state)
{
    static const struct { const char *hex; wire_kind_t kind; } cases[] = {
        { "a26869", WIRE_IS_STR }, { "d9026869", WIRE_IS_STR }, { "da00026869", WIRE_IS_STR },
        { "db000000026869", WIRE_IS_STR }, { "c4026869", WIRE_IS_BIN }, { "c500026869", WIRE_IS_BIN },
        { "c6000000026869", WIRE_IS_BIN }, { "d5fb6869", WIRE_IS_EXT }, { "c702fb6869", WIRE_IS_EXT },
        { "c80002fb6869", WIRE_IS_EXT }, { "c900000002fb6869", WIRE_IS_EXT },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_item_t item = read_hex(cases[i].hex);
        assert_int_equal(item.kind, cases[i].kind);
        assert_int_equal(item.as.bytes.size, 2);
        assert_memory_equal(item.as.bytes.data, "hi", 2);
        if (item.kind == WIRE_IS_EXT)
            assert_int_equal(item.ext, -5);
    }
    assert_int_equal(read_hex("d40161").as.bytes.size, 1);
    assert_int_equal(read_hex("d60161616161").as.bytes.size, 4);
    assert_int_equal(read_hex("d7016161616161616161").as.bytes.size, 8);
    assert_int_equal(read_hex("d80161616161616161616161616161616161").as.bytes.size, 16);
    assert_int_equal(read_hex("a0").as.bytes.size, 0);
}

static void test_container_heads_in_any_form(void **state)
{
    static const struct { const char *hex; wire_kind_t kind; } cases[] = {
        { "920102", WIRE_IS_ARRAY }, { "dc00020102", WIRE_IS_ARRAY }, { "dd000000020102", WIRE_IS_ARRAY },
        { "8201020304", WIRE_IS_MAP }, { "de000201020304", WIRE_IS_MAP }, { "df0000000201020304", WIRE_IS_MAP },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_item_t item = read_hex(cases[i].hex);
        assert_int_equal(item.kind, cases[i].kind);
        assert_int_equal(item.as.count, 2);
        assert_int_equal(scan_hex(cases[i].hex), 0);
    }
}

static void test_scan_accepts_every_token(void **state)
{
    static const char *good[] = {
        "00", "ff", "c0", "c2", "c3", "cc00", "cd0000", "ce00000000", "cf0000000000000000",
        "d000", "d10000", "d200000000", "d30000000000000000", "ca00000000", "cb0000000000000000",
        "a0", "a161", "d900", "da0000", "db00000000", "c400", "c50000", "c600000000",
        "d40161", "d5016161", "d60161616161", "c70001", "c8000001", "c90000000001",
        "90", "80", "91c0", "81a161c0", "dc0000", "dd00000000", "de0000", "df00000000",
        "9391c081a161920102c3",
    };
    (void) state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(scan_hex(good[i]), 0);
    assert_int_equal(scan_hex("c1"), WIRE_E_MALFORMED);
    assert_int_equal(scan_hex("92c0c1"), WIRE_E_MALFORMED);
    assert_int_equal(scan_hex(""), WIRE_E_MALFORMED);
}

static void test_every_cut_is_malformed(void **state)
{
    static const char *whole[] = {
        "cc80", "cd0100", "ce00010000", "cf0000000100000000", "d0df", "d1ff7f", "d2ffff7fff",
        "d3ffffffff7fffffff", "ca3fc00000", "cb3ff8000000000000", "a26869", "d9026869", "da00026869",
        "db000000026869", "c4026869", "c500026869", "c6000000026869", "d40161", "d5016161",
        "d7016161616161616161", "c702fb6869", "c80002fb6869", "c900000002fb6869", "920102", "dc00020102",
        "dd000000020102", "8201020304", "de000201020304", "df0000000201020304", "9391c081a161920102c3",
    };
    char cut[64];
    (void) state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        assert_int_equal(scan_hex(whole[i]), 0);
        for (size_t size = 0; size < strlen(whole[i]); size += 2) {
            memcpy(cut, whole[i], size);
            cut[size] = 0;
            assert_int_equal(scan_hex(cut), WIRE_E_MALFORMED);
        }
    }
}

static void test_announced_counts_are_not_believed(void **state)
{
    static const char *bombs[] = {
        "ddffffffff", "dfffffffff", "ddffffffffc0", "df80000000c0c0", "dcffff", "deffff", "dbffffffff61",
        "c6ffffffff61", "c9ffffffff0161", "92ddffffffffc0", "9fddffffffff",
    };
    (void) state;
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        size_t size;
        uint8_t *bytes = bytes_of(bombs[i], &size);
        wire_reader_t at = wire_reader(bytes, size);
        wire_item_t item;
        if (bytes[0] >= 0xc0)
            assert_int_equal(wire_read(&at, &item), WIRE_E_MALFORMED);
        assert_int_equal(wire_skip(&at), WIRE_E_MALFORMED);
        assert_ptr_equal(at.at, bytes);
        free(bytes);
        assert_int_equal(scan_hex(bombs[i]), WIRE_E_MALFORMED);
    }
}

//  `depth` arrays inside each other; the innermost holds nil, or nothing.
static int scan_nested(size_t depth, bool empty, uint8_t head)
{
    uint8_t bytes[4096];
    size_t size = 0;
    for (size_t i = 0; i < depth; i++) {
        bytes[size++] = empty && i == depth - 1 ? head & 0xf0 : head;
        if (head == 0x81 && !(empty && i == depth - 1))
            bytes[size++] = 0xc0;           //  The key; the value follows
    }
    if (!empty)
        bytes[size++] = 0xc0;
    wire_reader_t at = wire_reader(bytes, size);
    return wire_scan(&at);
}

static void test_depth_is_bounded(void **state)
{
    (void) state;
    for (int map = 0; map <= 1; map++)
        for (int empty = 0; empty <= 1; empty++) {
            uint8_t head = map ? 0x81 : 0x91;
            assert_int_equal(scan_nested(WIRE_MAX_DEPTH, empty, head), 0);
            assert_int_equal(scan_nested(WIRE_MAX_DEPTH + 1, empty, head), WIRE_E_TOO_DEEP);
            assert_int_equal(scan_nested(2000, empty, head), WIRE_E_TOO_DEEP);
        }
}

//  Siblings do not add up: the bound is on nesting.
static void test_depth_counts_what_is_open(void **state)
{
    wire_buf_t buf = WIRE_BUF_EMPTY;
    (void) state;
    wire_put_array(&buf, 1000);
    for (int i = 0; i < 1000; i++) {
        wire_put_array(&buf, 1);
        wire_put_map(&buf, 0);
    }
    wire_reader_t at = wire_reader(buf.data, buf.size);
    assert_int_equal(wire_scan(&at), 0);
    wire_buf_free(&buf);
}

static int scan_flat(uint32_t items)
{
    wire_buf_t buf = WIRE_BUF_EMPTY;
    wire_put_array(&buf, items);
    for (uint32_t i = 0; i < items; i++)
        wire_put_nil(&buf);
    wire_reader_t at = wire_reader(buf.data, buf.size);
    int rc = wire_scan(&at);
    wire_buf_free(&buf);
    return rc;
}

static void test_objects_are_bounded(void **state)
{
    (void) state;
    assert_int_equal(scan_flat(WIRE_MAX_OBJECTS - 1), 0);      //  And the array itself
    assert_int_equal(scan_flat(WIRE_MAX_OBJECTS), WIRE_E_TOO_BIG);
}

static void test_size_is_bounded(void **state)
{
    (void) state;
    wire_buf_t buf = WIRE_BUF_EMPTY;
    char *bytes = calloc(1, WIRE_MAX_MESSAGE);
    assert_non_null(bytes);
    wire_put_bin(&buf, bytes, WIRE_MAX_MESSAGE - 5);
    wire_reader_t at = wire_reader(buf.data, buf.size);
    assert_int_equal(wire_scan(&at), 0);
    wire_buf_clear(&buf);
    wire_put_bin(&buf, bytes, WIRE_MAX_MESSAGE - 4);
    at = wire_reader(buf.data, buf.size);
    assert_int_equal(wire_scan(&at), WIRE_E_TOO_BIG);
    wire_buf_free(&buf);
    free(bytes);
}

static void test_skip_steps_over_one_value(void **state)
{
    size_t size;
    uint8_t *bytes = bytes_of("9391c081a161920102c307", &size);
    wire_reader_t at = wire_reader(bytes, size);
    (void) state;
    assert_int_equal(wire_skip(&at), 0);
    assert_int_equal(at.end - at.at, 1);
    assert_int_equal(wire_skip(&at), 0);
    assert_int_equal(wire_skip(&at), WIRE_E_MALFORMED);
    free(bytes);
}

//  One of each kind; `right` names those that `read` takes.
#define KINDS 11
static const char *const one_of_each[KINDS] = {
    "c0", "c3", "05", "fb", "cf8000000000000000", "cb3ff8000000000000", "a161", "c40161", "9105", "810505", "d40161"
};

#define EXPECT_KINDS(read, type, right)                                             \
    do {                                                                            \
        for (size_t k = 0; k < KINDS; k++) {                                        \
            size_t n;                                                               \
            uint8_t *b = bytes_of(one_of_each[k], &n);                              \
            wire_reader_t at = wire_reader(b, n);                                   \
            type value;                                                             \
            memset(&value, 0, sizeof value);                                        \
            int want = strchr(right, 'a' + (int) k) ? 0 : WIRE_E_MALFORMED;         \
            assert_int_equal(read(&at, &value), want);                              \
            if (want)                                                               \
                assert_ptr_equal(at.at, b);                                         \
            else                                                                    \
                assert_true(at.at > b);                                             \
            free(b);                                                                \
        }                                                                           \
        wire_reader_t none = { NULL, NULL };                                        \
        type unused;                                                                \
        assert_int_equal(read(&none, &unused), WIRE_E_MALFORMED);                   \
    } while (0)

static void test_a_reader_takes_only_its_kind(void **state)
{
    (void) state;
    EXPECT_KINDS(wire_read_bool, bool, "b");
    EXPECT_KINDS(wire_read_uint, uint64_t, "ce");
    EXPECT_KINDS(wire_read_u32, uint32_t, "c");
    EXPECT_KINDS(wire_read_int, int64_t, "cd");
    EXPECT_KINDS(wire_read_bytes, wire_str_t, "gh");
    EXPECT_KINDS(wire_read_name, wire_str_t, "gh");
    EXPECT_KINDS(wire_read_array, uint32_t, "i");
    EXPECT_KINDS(wire_read_map, uint32_t, "j");
}

static void test_names_are_bounded(void **state)
{
    (void) state;
    char text[WIRE_MAX_NAME + 1];
    memset(text, 'n', sizeof text);
    for (size_t size = 0; size <= sizeof text; size++) {
        wire_buf_t buf = WIRE_BUF_EMPTY;
        wire_put_str(&buf, text, size);
        wire_reader_t at = wire_reader(buf.data, buf.size);
        wire_str_t name;
        int want = size >= 1 && size <= WIRE_MAX_NAME ? 0 : WIRE_E_MALFORMED;
        assert_int_equal(wire_read_name(&at, &name), want);
        if (!want)
            assert_int_equal(name.size, size);
        wire_buf_free(&buf);
    }
}

static void test_u32_is_bounded(void **state)
{
    size_t size;
    (void) state;
    uint8_t *bytes = bytes_of("ceffffffffcf0000000100000000", &size);
    wire_reader_t at = wire_reader(bytes, size);
    uint32_t value;
    assert_int_equal(wire_read_u32(&at, &value), 0);
    assert_true(value == UINT32_MAX);
    assert_int_equal(wire_read_u32(&at, &value), WIRE_E_MALFORMED);
    free(bytes);
}

static bool find_int(const char *hex, const char *key, int64_t *value)
{
    size_t size;
    uint8_t *bytes = bytes_of(hex, &size);
    wire_reader_t map = wire_reader(bytes, size), at;
    bool found = wire_map_find(&map, key, &at);
    assert_ptr_equal(map.at, bytes);
    if (found)
        assert_int_equal(wire_read_int(&at, value), 0);
    free(bytes);
    return found;
}

static void test_find_in_a_map(void **state)
{
    int64_t value = 0;
    (void) state;
    //  { 5: {"id": 9}, "i": 1, "id": 2, bin "lease": 3, "id": 4 }
    const char *map = "850581a2696409a16901a2696402c4056c6561736503a2696404";
    assert_true(find_int(map, "id", &value));
    assert_int_equal(value, 2);
    assert_true(find_int(map, "lease", &value));
    assert_int_equal(value, 3);
    assert_false(find_int(map, "idx", &value));
    assert_false(find_int(map, "", &value));
    assert_false(find_int("80", "id", &value));
    assert_false(find_int("92a2696402", "id", &value));     //  An array
    assert_false(find_int("", "id", &value));
    assert_false(find_int("82a16901a269", "id", &value));   //  Cut
}

static void test_str_is(void **state)
{
    (void) state;
    assert_true(wire_str_is((wire_str_t) { "abc", 3 }, "abc"));
    assert_false(wire_str_is((wire_str_t) { "abc", 2 }, "abc"));
    assert_false(wire_str_is((wire_str_t) { "abc", 3 }, "ab"));
    assert_false(wire_str_is((wire_str_t) { "ab\0", 3 }, "ab"));
    assert_true(wire_str_is((wire_str_t) { NULL, 0 }, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_in_any_form),
        cmocka_unit_test(test_nil_booleans_doubles),
        cmocka_unit_test(test_bytes_in_any_form),
        cmocka_unit_test(test_container_heads_in_any_form),
        cmocka_unit_test(test_scan_accepts_every_token),
        cmocka_unit_test(test_every_cut_is_malformed),
        cmocka_unit_test(test_announced_counts_are_not_believed),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_depth_counts_what_is_open),
        cmocka_unit_test(test_objects_are_bounded),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_skip_steps_over_one_value),
        cmocka_unit_test(test_a_reader_takes_only_its_kind),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_u32_is_bounded),
        cmocka_unit_test(test_find_in_a_map),
        cmocka_unit_test(test_str_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
