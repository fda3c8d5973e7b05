//  The codec against msgpack-c: what one writes the other reads, for random values and for broken ones.
//
//  Values are made as msgpack-c's own trees; the seed is fixed, so that a failure comes again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <msgpack.h>

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"

#define TREES 3000
#define BREAKS 40                   //  Broken copies of each tree
#define LARGEST_BROKEN 4096         //  Bytes: most of a large tree is its strings, in which nothing breaks
#define DEPTH 6                     //  msgpack-c's unpacker goes down 32 containers, ours twice as many

struct fixture {
    uint64_t random;
    msgpack_zone zone;              //  What the tree of this turn is made in
    msgpack_sbuffer theirs;
    wire_buf_t ours;
};

//  xorshift64*
static uint64_t random_bits(struct fixture *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * UINT64_C(2685821657736338717);
}

static uint32_t random_below(struct fixture *f, uint32_t limit)
{
    return (uint32_t) (random_bits(f) >> 33) % limit;
}

//  Sizes on both sides of each form's boundary, mostly small.
static uint32_t random_size(struct fixture *f)
{
    static const uint32_t boundaries[] = { 0, 1, 2, 4, 8, 15, 16, 17, 31, 32, 33, 255, 256, 257, 65535, 65536 };
    uint32_t last = random_below(f, 100) == 0 ? 16 : 11;
    return random_below(f, 2) ? random_below(f, 12) : boundaries[random_below(f, last)];
}

static int make_fixture(void **state)
{
    static struct fixture f;
    f = (struct fixture) { .random = UINT64_C(0x9e3779b97f4a7c15) };
    msgpack_zone_init(&f.zone, 8192);
    msgpack_sbuffer_init(&f.theirs);
    *state = &f;
    return 0;
}

static int drop_fixture(void **state)
{
    struct fixture *f = *state;
    msgpack_zone_destroy(&f->zone);
    msgpack_sbuffer_destroy(&f->theirs);
    wire_buf_free(&f->ours);
    return 0;
}

//  ---- Values --------------------------------------------------------------

static void *room(struct fixture *f, size_t size)
{
    void *place = msgpack_zone_malloc(&f->zone, size + 1);
    assert_non_null(place);
    return place;
}

static const char *make_bytes(struct fixture *f, uint32_t size)
{
    char *bytes = room(f, size);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (char) random_bits(f);
    return bytes;
}

static void make_integer(struct fixture *f, msgpack_object *out)
{
    uint64_t bits = (random_bits(f) >> random_below(f, 64)) + random_below(f, 3) - 1;
    if (random_below(f, 2) && bits - 1 <= INT64_MAX) {
        out->type = MSGPACK_OBJECT_NEGATIVE_INTEGER;
        out->via.i64 = -(int64_t) (bits - 1) - 1;
    }
    else {
        out->type = MSGPACK_OBJECT_POSITIVE_INTEGER;
        out->via.u64 = bits;
    }
}

//  Any bits but those of a NaN, which equals nothing; it has a test of its own.
static void make_double(struct fixture *f, msgpack_object *out)
{
    static const double special[] = { 0.0, -0.0, 1.0, INFINITY, -INFINITY, 9007199254740993.0, 5e-324 };
    uint64_t bits = random_bits(f);
    out->type = MSGPACK_OBJECT_FLOAT64;
    memcpy(&out->via.f64, &bits, sizeof bits);
    if (isnan(out->via.f64) || random_below(f, 4) == 0)
        out->via.f64 = special[random_below(f, 7)];
}

static void make_scalar(struct fixture *f, msgpack_object *out)
{
    switch (random_below(f, 8)) {
    case 0:
        out->type = MSGPACK_OBJECT_NIL;
        return;
    case 1:
        out->type = MSGPACK_OBJECT_BOOLEAN;
        out->via.boolean = random_below(f, 2);
        return;
    case 2: case 3:
        make_integer(f, out);
        return;
    case 4:
        make_double(f, out);
        return;
    case 5:
        out->type = MSGPACK_OBJECT_BIN;
        out->via.bin.size = random_size(f);
        out->via.bin.ptr = make_bytes(f, out->via.bin.size);
        return;
    case 6:
        out->type = MSGPACK_OBJECT_EXT;
        out->via.ext.type = (int8_t) random_bits(f);
        out->via.ext.size = random_size(f);
        out->via.ext.ptr = make_bytes(f, out->via.ext.size);
        return;
    default:
        out->type = MSGPACK_OBJECT_STR;
        out->via.str.size = random_size(f);
        out->via.str.ptr = make_bytes(f, out->via.str.size);
    }
}

static void make_value(struct fixture *f, msgpack_object *out, int depth);

static void make_container(struct fixture *f, msgpack_object *out, int depth)
{
    uint32_t count = depth == 1 ? random_size(f) : random_below(f, 18);
    out->type = random_below(f, 2) ? MSGPACK_OBJECT_ARRAY : MSGPACK_OBJECT_MAP;
    bool map = out->type == MSGPACK_OBJECT_MAP;
    //  Keys and values of a map lie in one row: { key, val } is two objects and nothing else.
    msgpack_object *items = room(f, (map ? 2 : 1) * count * sizeof *items);
    for (uint32_t i = 0; i < (map ? 2 : 1) * count; i++)
        make_value(f, &items[i], depth + (depth == 1 && count > 20 ? DEPTH : 1));
    if (map) {
        out->via.map.size = count;
        out->via.map.ptr = (msgpack_object_kv *) (void *) items;
    }
    else {
        out->via.array.size = count;
        out->via.array.ptr = items;
    }
}

static void make_value(struct fixture *f, msgpack_object *out, int depth)
{
    if (depth < DEPTH && random_below(f, depth == 0 ? 8 : 100) < (depth == 0 ? 7u : 12u))
        make_container(f, out, depth + 1);
    else
        make_scalar(f, out);
}

//  ---- Writing -------------------------------------------------------------

static void write_ours(wire_buf_t *buf, const msgpack_object *value);

static void write_pairs(wire_buf_t *buf, const msgpack_object_map *map)
{
    wire_put_map(buf, map->size);
    for (uint32_t i = 0; i < map->size; i++) {
        write_ours(buf, &map->ptr[i].key);
        write_ours(buf, &map->ptr[i].val);
    }
}

static void write_items(wire_buf_t *buf, const msgpack_object_array *array)
{
    wire_put_array(buf, array->size);
    for (uint32_t i = 0; i < array->size; i++)
        write_ours(buf, &array->ptr[i]);
}

static void write_ours(wire_buf_t *buf, const msgpack_object *value)
{
    switch (value->type) {
    case MSGPACK_OBJECT_NIL:                wire_put_nil(buf); break;
    case MSGPACK_OBJECT_BOOLEAN:            wire_put_bool(buf, value->via.boolean); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:   wire_put_uint(buf, value->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:   wire_put_int(buf, value->via.i64); break;
    case MSGPACK_OBJECT_FLOAT64:            wire_put_double(buf, value->via.f64); break;
    case MSGPACK_OBJECT_STR:                wire_put_str(buf, value->via.str.ptr, value->via.str.size); break;
    case MSGPACK_OBJECT_BIN:                wire_put_bin(buf, value->via.bin.ptr, value->via.bin.size); break;
    case MSGPACK_OBJECT_ARRAY:              write_items(buf, &value->via.array); break;
    case MSGPACK_OBJECT_MAP:                write_pairs(buf, &value->via.map); break;
    case MSGPACK_OBJECT_EXT:
        wire_put_ext(buf, value->via.ext.type, value->via.ext.ptr, value->via.ext.size);
        break;
    default:
        fail_msg("no value of this test: %d", (int) value->type);
    }
}

static void write_theirs(msgpack_sbuffer *out, const msgpack_object *value)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, msgpack_sbuffer_write);
    assert_int_equal(msgpack_pack_object(&packer, *value), 0);
}

//  ---- Comparing -----------------------------------------------------------

//  Doubles by their bits: 0.0 is not -0.0.
static bool same_double(double a, double b)
{
    return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

static bool same_bytes(wire_str_t a, const char *data, uint32_t size)
{
    return a.size == size && (size == 0 || memcmp(a.data, data, size) == 0);
}

static bool same(wire_reader_t *at, const msgpack_object *value);

static bool same_row(wire_reader_t *at, const msgpack_object *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!same(at, &items[i]))
            return false;
    return true;
}

static bool same_natural(const wire_item_t *item, uint64_t value)
{
    return item->kind == WIRE_IS_UINT ? item->as.natural == value && value > INT64_MAX
                                      : item->kind == WIRE_IS_INT && value <= INT64_MAX
                                            && item->as.integer == (int64_t) value;
}

//  What the reader reads next is this value, whole.
static bool same(wire_reader_t *at, const msgpack_object *value)
{
    wire_item_t item;
    if (wire_read(at, &item))
        return false;
    switch (value->type) {
    case MSGPACK_OBJECT_NIL:
        return item.kind == WIRE_IS_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return item.kind == WIRE_IS_BOOL && item.as.boolean == value->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return same_natural(&item, value->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return item.kind == WIRE_IS_INT && item.as.integer == value->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return item.kind == WIRE_IS_DOUBLE && same_double(item.as.number, value->via.f64);
    case MSGPACK_OBJECT_STR:
        return item.kind == WIRE_IS_STR && same_bytes(item.as.bytes, value->via.str.ptr, value->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return item.kind == WIRE_IS_BIN && same_bytes(item.as.bytes, value->via.bin.ptr, value->via.bin.size);
    case MSGPACK_OBJECT_EXT:
        return item.kind == WIRE_IS_EXT && item.ext == value->via.ext.type
            && same_bytes(item.as.bytes, value->via.ext.ptr, value->via.ext.size);
    case MSGPACK_OBJECT_ARRAY:
        return item.kind == WIRE_IS_ARRAY && item.as.count == value->via.array.size
            && same_row(at, value->via.array.ptr, value->via.array.size);
    case MSGPACK_OBJECT_MAP:
        return item.kind == WIRE_IS_MAP && item.as.count == value->via.map.size
            && same_row(at, (const msgpack_object *) (const void *) value->via.map.ptr, 2 * value->via.map.size);
    default:
        return false;
    }
}

//  ---- Tests ---------------------------------------------------------------

static msgpack_object next_tree(struct fixture *f)
{
    msgpack_object tree;
    msgpack_zone_clear(&f->zone);
    msgpack_sbuffer_clear(&f->theirs);
    wire_buf_clear(&f->ours);
    make_value(f, &tree, 0);
    return tree;
}

static void test_they_read_what_we_write(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < TREES; i++) {
        msgpack_object tree = next_tree(f);
        write_ours(&f->ours, &tree);
        assert_false(f->ours.failed);

        msgpack_unpacked result;
        msgpack_unpacked_init(&result);
        size_t offset = 0;
        assert_int_equal(msgpack_unpack_next(&result, (const char *) f->ours.data, f->ours.size, &offset),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(offset, f->ours.size);
        assert_true(msgpack_object_equal(result.data, tree));
        msgpack_unpacked_destroy(&result);
    }
}

static void test_we_read_what_they_write(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < TREES; i++) {
        msgpack_object tree = next_tree(f);
        write_theirs(&f->theirs, &tree);

        wire_reader_t at = wire_reader(f->theirs.data, f->theirs.size), start = at;
        if (f->theirs.size > WIRE_MAX_MESSAGE) {
            assert_int_equal(wire_scan(&at), WIRE_E_TOO_BIG);
            continue;
        }
        assert_int_equal(wire_scan(&at), 0);
        assert_ptr_equal(at.at, at.end);
        assert_true(same(&start, &tree));
        assert_ptr_equal(start.at, start.end);
    }
}

//  Both take the shortest form of everything.
static void test_both_write_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < TREES; i++) {
        msgpack_object tree = next_tree(f);
        write_ours(&f->ours, &tree);
        write_theirs(&f->theirs, &tree);
        assert_int_equal(f->ours.size, f->theirs.size);
        assert_memory_equal(f->ours.data, f->theirs.data, f->ours.size);
    }
}

static void test_nan_and_single_precision(void **state)
{
    struct fixture *f = *state;
    msgpack_packer packer;
    msgpack_packer_init(&packer, &f->theirs, msgpack_sbuffer_write);
    msgpack_pack_double(&packer, -NAN);
    msgpack_pack_float(&packer, 0.5f);
    msgpack_pack_float(&packer, -INFINITY);
    wire_reader_t at = wire_reader(f->theirs.data, f->theirs.size);
    static const double expected[] = { NAN, 0.5, -INFINITY };
    for (int i = 0; i < 3; i++) {
        wire_item_t item;
        assert_int_equal(wire_read(&at, &item), 0);
        assert_int_equal(item.kind, WIRE_IS_DOUBLE);
        assert_true(same_double(item.as.number, expected[i]));
    }
    wire_put_double(&f->ours, -NAN);
    msgpack_object value;
    assert_int_equal(msgpack_unpack((const char *) f->ours.data, f->ours.size, NULL, &f->zone, &value),
                     MSGPACK_UNPACK_SUCCESS);
    assert_true(value.type == MSGPACK_OBJECT_FLOAT64 && isnan(value.via.f64));
}

//  Cut somewhere, or a few bytes changed. false: a container of a 32-bit count, for which msgpack-c asks
//  for gigabytes before it looks further.
static bool break_it(struct fixture *f)
{
    if (random_below(f, 4) == 0)
        f->theirs.size = random_below(f, (uint32_t) f->theirs.size);
    else
        for (uint32_t n = 1 + random_below(f, 3); n > 0; n--)
            f->theirs.data[random_below(f, (uint32_t) f->theirs.size)] = (char) random_bits(f);
    return !memchr(f->theirs.data, 0xdd, f->theirs.size) && !memchr(f->theirs.data, 0xdf, f->theirs.size);
}

//  One verdict on the bytes of f->theirs; where both accept, one value of one size. True: accepted.
static bool judge_alike(struct fixture *f)
{
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    wire_reader_t at = wire_reader(f->theirs.data, f->theirs.size), start = at;
    int rc = wire_scan(&at);
    size_t offset = 0;
    bool accepted = msgpack_unpack_next(&result, f->theirs.data, f->theirs.size, &offset) == MSGPACK_UNPACK_SUCCESS;
    if (accepted) {
        assert_int_equal(rc, 0);
        assert_int_equal(at.at - start.at, offset);
        assert_true(same(&start, &result.data));
    }
    else
        assert_int_not_equal(rc, 0);
    msgpack_unpacked_destroy(&result);
    return accepted;
}

static void test_broken_bytes_are_judged_alike(void **state)
{
    struct fixture *f = *state;
    unsigned accepted = 0, refused = 0;
    for (int i = 0; i < TREES; i++) {
        msgpack_object tree = next_tree(f);
        for (int n = 0; n < BREAKS; n++) {
            msgpack_sbuffer_clear(&f->theirs);
            write_theirs(&f->theirs, &tree);
            if (f->theirs.size > LARGEST_BROKEN || !break_it(f))
                continue;
            if (judge_alike(f))
                accepted++;
            else
                refused++;
        }
    }
    assert_true(accepted > 1000 && refused > 1000);     //  Both verdicts were asked for
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_they_read_what_we_write, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_we_read_what_they_write, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_both_write_the_same_bytes, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_nan_and_single_precision, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_broken_bytes_are_judged_alike, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
