//  Templates: the normal form, what each term matches, what is said about what is wrong, and the keys

#include "test_match_lua.h"

#include <stdio.h>

#define SEED 99

static lua_State *L;

static int open_lua(void **state)
{
    (void) state;
    L = new_lua();
    return 0;
}

static int close_lua(void **state)
{
    (void) state;
    lua_close(L);
    return 0;
}

static wire_buf_t bytes_of(const char *hex)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    for (; *hex; hex += 2) {
        char digits[3] = { hex[0], hex[1], 0 };
        wire_put_byte(&out, (uint8_t) strtoul(digits, NULL, 16));
    }
    return exactly(&out);
}

static match_t *template_of(const char *text)
{
    match_t *match;
    char wrong[MATCH_TEXT];
    wire_buf_t packed = pack_value(L, text);
    packed = exactly(&packed);
    if (match_new(&match, reader_of(&packed), SEED, wrong))
        fail_msg("%s: %s", text, wrong);
    wire_buf_free(&packed);
    return match;
}

static bool matches(const char *template, const char *tuple)
{
    match_t *match = template_of(template);
    wire_buf_t normal = tuple_of(L, tuple);
    bool is = match_test(match, reader_of(&normal));
    wire_buf_free(&normal);
    match_destroy(&match);
    return is;
}

//  ---- Normal form -----------------------------------------------------------------------

static void test_normal_forms(void **state)
{
    static const struct { const char *packed, *normal; } cases[] = {
        { "90", "90" }, { "80", "90" }, { "93010203", "93010203" },
        { "8201a16102a162", "92a161a162" },                                 //  1..n alone are an array
        { "8202a16201a161", "92a161a162" }, { "8202a162cb3ff0000000000000a161", "92a161a162" },
        { "83a17a0101a161a1620d", "8301a161a1620da17a01" },                 //  Names by bytes
        { "83a16101a2616202a003", "83a003a16101a2616202" },
        { "82c40161010102", "820102c4016101" },                             //  What stands there keeps its form
        { "9182a16201a16102", "9182a16102a16201" },                         //  Inside, too
        { "918201a16102a162", "9192a161a162" }, { "9180", "9190" },
        { "9185a17801c302cb4004000000000000030004ff05", "9185ff050004cb400400000000000003c302a17801" },
        { "9184ff01000207030104", "918401040703ff010002" }, { "9191c0", "9191c0" },
        { "91c70303662829", "91c70303662829" },
        { "91d9026869", "91d9026869" }, { "91cd0001", "91cd0001" },
        { "9182cb41e000000000000001cfffffffffffffffff02", "9182ce8000000001cb43f000000000000002" },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_buf_t packed = bytes_of(cases[i].packed);
        wire_reader_t at = reader_of(&packed);
        assert_int_equal(wire_scan(&at), 0);
        wire_buf_t normal = normal_of(&packed), wanted = bytes_of(cases[i].normal);
        if (normal.size != wanted.size || memcmp(normal.data, wanted.data, wanted.size) != 0)
            fail_msg("%s", cases[i].packed);
        wire_buf_free(&packed);
        wire_buf_free(&normal);
        wire_buf_free(&wanted);
    }
}

static void refuse_tuple(const wire_buf_t *packed, int code, const char *said)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    char text[MATCH_TEXT];
    wire_buf_append(&out, "kept", 4);
    int rc = match_normal(reader_of(packed), &out, text);
    if (rc != code || !strstr(text, said))
        fail_msg("%s: %s, %s", said, wire_error_word(rc), rc ? text : "");
    assert_int_equal(out.size, 4);
    wire_buf_free(&out);
}

static void test_what_is_no_tuple(void **state)
{
    static const struct { const char *packed, *said; } cases[] = {
        { "01", "a tuple is a table" }, { "a161", "a tuple is a table" }, { "c0", "a tuple is a table" },
        { "d40301", "a tuple is a table" },
        { "91c0", "position 1: nil is no value" }, { "9201c0", "position 2: nil" }, { "81a178c0", "field x: nil" },
        { "8101c0", "position 1: nil" }, { "91918101c0", "position 1, position 1, position 1: nil" },
        { "8102a162", "position 2: positions are 1 to n" },
        { "8100a161", "position 0: positions are" }, { "81ffa161", "position -1: positions are" },
        { "81c301", "a key is neither" }, { "81cb400400000000000001", "a key is neither" },
        { "81c001", "a key is neither" },
        { "819001", "a key is neither" }, { "81d4030101", "a key is neither" },
        { "8201010102", "position 1: it is there twice" },
        { "82a16101a16102", "field a: it is there twice" }, { "82a16101c4016102", "field a: it is there twice" },
        { "820101cb3ff000000000000002", "position 1: it is there twice" },
        { "9181c001", "position 1: a key is no integer" },
        { "91819001", "position 1: a key is no integer" },
        { "9181cb7ff800000000000001", "position 1: a key is no integer" },
        { "9182c301c302", "position 1, field true: it is there twice" },
        { "91d40290", "position 1: a term is for templates" },
        { "81a17891c7050291a3616e79", "field x, position 1: a term is" },
        { "82a178010201", "position 2: positions are" },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_buf_t packed = bytes_of(cases[i].packed);
        refuse_tuple(&packed, WIRE_E_USAGE, cases[i].said);
        wire_buf_free(&packed);
    }
}

static void put_names(wire_buf_t *out, uint32_t count)
{
    char name[16];
    wire_put_map(out, count + 1);
    wire_put_int(out, 1);
    wire_put_array(out, 0);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%u", i);
        wire_put_cstr(out, name);
        wire_put_uint(out, i);
    }
}

static void test_limits_of_tuples(void **state)
{
    wire_buf_t packed = WIRE_BUF_EMPTY;
    uint32_t keys[MATCH_KEYS];
    (void) state;
    put_names(&packed, MATCH_KEYS - MATCH_POSITIONS);
    wire_buf_t normal = normal_of(&packed);
    assert_int_equal(match_tuple_keys(reader_of(&normal), SEED, keys), MATCH_KEYS - MATCH_POSITIONS);
    wire_buf_free(&normal);
    wire_buf_clear(&packed);
    put_names(&packed, MATCH_KEYS - MATCH_POSITIONS + 1);
    refuse_tuple(&packed, WIRE_E_TOO_BIG, "248 named fields; 247 at most");
    wire_buf_clear(&packed);
    for (int i = 0; i < WIRE_MAX_DEPTH; i++)
        wire_put_array(&packed, 1);
    wire_put_int(&packed, 1);
    normal = normal_of(&packed);
    wire_buf_free(&normal);
    wire_buf_clear(&packed);
    for (int i = 0; i <= WIRE_MAX_DEPTH; i++)
        wire_put_array(&packed, 1);
    wire_put_int(&packed, 1);
    refuse_tuple(&packed, WIRE_E_TOO_DEEP, "position 1, position 1");
    wire_buf_free(&packed);
}

//  ---- Matching -----------------------------------------------------------------------------

typedef struct {
    const char *template, *tuple;
    bool is;
} case_t;

static void check(const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (matches(cases[i].template, cases[i].tuple) != cases[i].is)
            fail_msg("%s should %smatch %s", cases[i].template, cases[i].is ? "" : "not ", cases[i].tuple);
}

#define CHECK(cases) check(cases, sizeof cases / sizeof cases[0])

static void test_literals(void **state)
{
    static const case_t cases[] = {
        { "{}", "{}", true }, { "{}", "{ 1 }", false }, { "{ 1 }", "{}", false }, { "{ 1 }", "{ 1.0 }", true },
        { "{ 1.0 }", "{ 1 }", true },
        { "{ 1 }", "{ '1' }", false }, { "{ 1 }", "{ true }", false }, { "{ 2^53 }", "{ (1 << 53) + 1 }", false },
        { "{ 2^63 }", "{ math.maxinteger }", false },
        { "{ -0.0 }", "{ 0 }", true }, { "{ nan }", "{ nan }", false }, { "{ huge }", "{ huge }", true },
        { "{ 2.5 }", "{ 2.5 }", true },
        { "{ 300 }", "{ 300 }", true }, { "{ -300 }", "{ -300 }", true }, { "{ 300 }", "{ 301 }", false },
        { "{ 5 }", "{ 261 }", false },
        { "{ 'ab' }", "{ 'ab' }", true }, { "{ 'ab' }", "{ 'ac' }", false }, { "{ 'ab' }", "{ 'a' }", false },
        { "{ '' }", "{ '' }", true },
        { "{ ('x'):rep(300) }", "{ ('x'):rep(300) }", true }, { "{ ('x'):rep(300) }", "{ ('x'):rep(299) }", false },
        { "{ '\\xff' }", "{ '\\xff' }", true },
        { "{ true }", "{ true }", true }, { "{ true }", "{ false }", false },
        { "{ code 'x' }", "{ code 'x' }", true }, { "{ code 'x' }", "{ code 'y' }", false },
        { "{ code 'x' }", "{ 'x' }", false }, { "{ 1, 2, 3 }", "{ 1, 2, 3 }", true },
        { "{ 1, 2, 3 }", "{ 1, 2 }", false }, { "{ 1, 2 }", "{ 1, 2, 3 }", false },
        { "{ 'a' }", "{ {} }", false }, { "{ 1 }", "{ { 1 } }", false },
    };
    (void) state;
    CHECK(cases);
}

static void test_names(void **state)
{
    static const case_t cases[] = {
        { "{ x = 1 }", "{ x = 1 }", true }, { "{ x = 1 }", "{ x = 2 }", false }, { "{ x = 1 }", "{}", false },
        { "{}", "{ x = 1 }", true },
        { "{ x = 1 }", "{ y = 1 }", false }, { "{ x = 1 }", "{ a = 0, x = 1, z = 2 }", true },
        { "{ 1, x = 1 }", "{ 1, x = 1 }", true },
        { "{ 1, x = 1 }", "{ 1, 2, x = 1 }", false }, { "{ 1, x = 1 }", "{ x = 1 }", false },
        { "{ a = 1, z = any }", "{ a = 1, b = 2, z = {} }", true },
        { "{ a = 1, z = any }", "{ a = 1, b = 2 }", false }, { "{ x = any }", "{ 1 }", false },
        { "{ a = any, aa = 2 }", "{ a = 1, aa = 2, ab = 3 }", true },
        { "{ any, x = any }", "{ {}, w = { 1, { 2 } }, x = 0 }", true }, { "{ [''] = 1 }", "{ [''] = 1 }", true },
        { "{ 1, 2 }", "{ 1, 2, x = 3 }", true },
    };
    (void) state;
    CHECK(cases);
}

static void test_terms(void **state)
{
    static const case_t cases[] = {
        { "{ any }", "{ {} }", true }, { "{ any }", "{}", false },
        { "{ any, 1 }", "{ { { 1 }, x = 2 }, 1 }", true },
        { "{ is 'boolean' }", "{ false }", true }, { "{ is 'boolean' }", "{ 0 }", false },
        { "{ is 'number' }", "{ 1 }", true },
        { "{ is 'number' }", "{ 1.5 }", true }, { "{ is 'number' }", "{ '1' }", false },
        { "{ is 'int' }", "{ 1 }", true },
        { "{ is 'int' }", "{ 1.0 }", false }, { "{ is 'float' }", "{ 1.0 }", true },
        { "{ is 'float' }", "{ 1 }", false },
        { "{ is 'string' }", "{ '\\xff' }", true }, { "{ is 'string' }", "{ code 'x' }", false },
        { "{ is 'table' }", "{ {} }", true },
        { "{ is 'table' }", "{ { x = 1 } }", true }, { "{ is 'table' }", "{ 'x' }", false },
        { "{ is 'code' }", "{ code '' }", true },
        { "{ is 'code' }", "{ 'x' }", false }, { "{ is 'nil' }", "{ false }", false },
        { "{ is 'table', 1 }", "{ { { 1 } }, 1 }", true },
        { "{ range(1, 3) }", "{ 1 }", true }, { "{ range(1, 3) }", "{ 3 }", true },
        { "{ range(1, 3) }", "{ 3.5 }", false }, { "{ range(1, 3) }", "{ 0 }", false },
        { "{ range(1, 3) }", "{ '2' }", false }, { "{ range(1.5) }", "{ 1 }", false },
        { "{ range(1.5) }", "{ 2 }", true }, { "{ range(nil, 1) }", "{ -huge }", true },
        { "{ range(nil, 1) }", "{ 2 }", false }, { "{ range(nil, nil) }", "{ 2 }", true },
        { "{ range(nil, nil) }", "{ nan }", false },
        { "{ range(nil, nil) }", "{ true }", false }, { "{ range(3, 1) }", "{ 2 }", false },
        { "{ range(nil, 2^53) }", "{ (1 << 53) + 1 }", false },
        { "{ range(2^63) }", "{ math.maxinteger }", false }, { "{ range(1, 3), 'x' }", "{ 2, 'x' }", true },
        { "{ prefix 'ab' }", "{ 'abc' }", true }, { "{ prefix 'ab' }", "{ 'ab' }", true },
        { "{ prefix 'ab' }", "{ 'a' }", false }, { "{ prefix '' }", "{ '' }", true },
        { "{ prefix '' }", "{ 1 }", false }, { "{ prefix 'a' }", "{ 'a' .. ('x'):rep(300) }", true },
        { "{ prefix 'ab' }", "{ 'bab' }", false },
        { "{ name = prefix 'a' }", "{ name = 'ab' }", true },
    };
    (void) state;
    CHECK(cases);
}

static void test_oneof(void **state)
{
    static const case_t cases[] = {
        { "{ oneof(1, 2) }", "{ 2.0 }", true }, { "{ oneof(1, 2) }", "{ 3 }", false },
        { "{ oneof(1, 'a', true) }", "{ true }", true },
        { "{ oneof(1, 'a', true) }", "{ false }", false }, { "{ oneof('a') }", "{ 'a' }", true },
        { "{ oneof(nan) }", "{ nan }", false },
        { "{ oneof(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'a', 'b', 2.5, code 'x') }", "{ 'b' }", true },
        { "{ oneof(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'a', 'b', 2.5, code 'x') }", "{ code 'x' }", true },
        { "{ oneof(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'a', 'b', 2.5, code 'x') }", "{ 11 }", false },
        { "{ oneof(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'a', 'b', 2.5, code 'x') }", "{ {} }", false },
        { "{ oneof(1, 1, 1.0, 1) }", "{ 1 }", true }, { "{ oneof({ 1 }, { 2 }) }", "{ { 2 } }", true },
        { "{ oneof({ 1 }, { 2 }) }", "{ { 3 } }", false },
        { "{ oneof(5, { any, x = 1 }, prefix 'a') }", "{ { 9, x = 1 } }", true },
        { "{ oneof(5, { any, x = 1 }, prefix 'a') }", "{ 'ab' }", true },
        { "{ oneof(5, { any, x = 1 }, prefix 'a') }", "{ 5 }", true },
        { "{ oneof(5, { any, x = 1 }, prefix 'a') }", "{ 6 }", false },
        { "{ oneof(range(1, 2), oneof(7, range(9, 10))), 1 }", "{ 9.5, 1 }", true },
        { "{ oneof({ 1, rest }, 2), 3 }", "{ { 1, 2, 3 }, 3 }", true },
        { "{ oneof({ b = 1, a = 2 }) }", "{ { a = 2, b = 1 } }", true },
        { "{ x = oneof('a', 'b') }", "{ x = 'b' }", true },
    };
    (void) state;
    CHECK(cases);
}

static void test_rest(void **state)
{
    static const case_t cases[] = {
        { "{ rest }", "{}", true }, { "{ rest }", "{ 1, 2, 3 }", true }, { "{ 1, rest }", "{ 1 }", true },
        { "{ 1, rest }", "{ 1, 2 }", true },
        { "{ 1, rest }", "{}", false }, { "{ 1, rest }", "{ 2, 1 }", false },
        { "{ 1, rest, x = 1 }", "{ 1, 2, 3, x = 1 }", true },
        { "{ 1, rest, x = 1 }", "{ 1, 2, 3, x = 2 }", false }, { "{ 1, rest }", "{ 1, { { 2 } }, x = 5 }", true },
        { "{ { 1, rest }, 2 }", "{ { 1, 5, 6 }, 2 }", true },
        { "{ { rest }, 2 }", "{ { x = 1 }, 2 }", true }, { "{ rest, where 't.x' }", "{ 1, x = true }", true },
    };
    (void) state;
    CHECK(cases);
}

static void test_variables(void **state)
{
    static const case_t cases[] = {
        { "{ var 'a', var 'a' }", "{ 1, 1.0 }", true }, { "{ var 'a', var 'a' }", "{ 1, 2 }", false },
        { "{ var 'a', var 'b' }", "{ 1, 2 }", true },
        { "{ var 'a', any, var 'a' }", "{ 'x', 0, 'x' }", true }, { "{ var 'a', var 'a' }", "{ {}, {} }", true },
        { "{ var 'a', var 'a' }", "{ { x = 1, y = { 2 } }, { y = { 2.0 }, x = 1 } }", true },
        { "{ var 'a', var 'a' }", "{ { x = 1 }, { x = 1, y = 2 } }", false },
        { "{ var 'a', var 'a' }", "{ { 1, 2 }, { 1, 2, x = 1 } }", false },
        { "{ var 'a', var 'a' }", "{ { 1 }, 1 }", false },
        { "{ var 'a', x = var 'a' }", "{ 5, x = 5 }", true },
        { "{ var 'a', { var 'a', rest } }", "{ 5, { 5, 6 } }", true },
        { "{ var 'a', { var 'a', rest } }", "{ 5, { 6, 5 } }", false },
        { "{ var 'a', var 'a' }", "{ nan, nan }", false }, { "{ var 'a' }", "{ nan }", true },
        { "{ var 'a', var 'a' }", "{ { nan }, { nan } }", false },
        { "{ var 'a', var 'a' }", "{ code 'x', code 'x' }", true },
        { "{ var 'a', var 'a' }", "{ { [true] = 1, [2.5] = 2, [7] = 3, x = 4 }, { x = 4, [7] = 3, [2.5] = 2, [true] = 1 } }", true },
    };
    (void) state;
    CHECK(cases);
}

static void test_tables_inside(void **state)
{
    static const case_t cases[] = {
        { "{ { 1, 2 } }", "{ { 1, 2 } }", true }, { "{ { 1, 2 } }", "{ { 1, 2, 3 } }", false },
        { "{ { 1, 2 } }", "{ { 1, 2, x = 1 } }", true },
        { "{ { x = 1 } }", "{ { x = 1, y = 2 } }", true }, { "{ { x = 1 } }", "{ { 5, x = 1 } }", false },
        { "{ { x = { y = any } }, 1 }", "{ { x = { y = 0, z = 0 }, z = 0 }, 1 }", true },
        { "{ { x = { y = any } }, 1 }", "{ { x = { z = 0 }, z = 0 }, 1 }", false }, { "{ {} }", "{ {} }", true },
        { "{ {} }", "{ { x = 1 } }", true },
        { "{ {} }", "{ 'x' }", false }, { "{ { [10] = 'x' } }", "{ { [10] = 'x' } }", true },
        { "{ { [10] = 'x' } }", "{ { [10] = 'y' } }", false },
        { "{ { [10] = 'x' } }", "{ { [9] = 1, [10] = 'x', [11] = 1 } }", true },
        { "{ { [true] = 1, [2.5] = 2 } }", "{ { [true] = 1, [2.5] = 2, [false] = 3 } }", true },
        { "{ { 'a', [3] = 'c' } }", "{ { 'a', [3] = 'c' } }", true },
        { "{ { 'a', [3] = 'c' } }", "{ { 'a', 'b', 'c' } }", false },
        { "{ { [0] = 1, [-1] = 2 } }", "{ { [0] = 1, [-1] = 2 } }", true },
    };
    (void) state;
    CHECK(cases);
}

//  nil inside an array, which Lua cannot write.
static void test_nil_inside(void **state)
{
    match_t *match = template_of("{ { is 'nil', 1 } }");
    wire_buf_t tuple = bytes_of("9192c001"), packed = bytes_of("9192c001");
    char text[MATCH_TEXT];
    (void) state;
    assert_true(match_test(match, reader_of(&tuple)));
    match_destroy(&match);
    assert_int_equal(match_new(&match, reader_of(&packed), SEED, text), 0);
    assert_true(match_test(match, reader_of(&tuple)));
    match_destroy(&match);
    wire_buf_free(&tuple);
    wire_buf_free(&packed);
}

static void test_where(void **state)
{
    static const case_t cases[] = {
        { "{ any, where 't[1] > 5' }", "{ 6 }", true }, { "{ any, where 't[1] > 5' }", "{ 5 }", false },
        { "{ any, where 't[1] > 5' }", "{ 'x' }", false },
        { "{ any, where 't[1] > 5' }", "{ 6, 7 }", false },
        { "{ where 't[1] < t[2]', any, any }", "{ 1, 2 }", true },
        { "{ any, where 't.x == 1', any }", "{ 1, 2, x = 1 }", true },
        { "{ where 't.x', y = 1 }", "{ x = true, y = 1 }", true },
        { "{ where 't.x', where 't.y' }", "{ x = 1, y = false }", false },
        { "{ where 't.x', where 't.y' }", "{ x = 1, y = 0 }", true }, { "{ where 'nil' }", "{}", false },
    };
    (void) state;
    CHECK(cases);
}

//  ---- Wrong templates ---------------------------------------------------------------------------

static void refuse_template(const char *what, const wire_buf_t *packed, int code, const char *said)
{
    match_t *match = (match_t *) (void *) &code;
    char text[MATCH_TEXT];
    int rc = match_new(&match, reader_of(packed), SEED, text);
    if (rc != code || !strstr(text, said))
        fail_msg("%s: %s, %s", what, wire_error_word(rc), rc ? text : "");
    assert_null(match);
}

static void test_what_is_wrong_and_where(void **state)
{
    static const struct { const char *template, *said; int code; } cases[] = {
        { "1", "a template is a table", WIRE_E_USAGE }, { "any", "a template is a table", WIRE_E_USAGE },
        { "'x'", "a template is a table", WIRE_E_USAGE },
        { "{ 1, term 'foo' }", "position 2: no term is called foo (any type", WIRE_E_USAGE },
        { "{ frame = term 'ANY' }", "field frame: no term is called ANY", WIRE_E_USAGE },
        { "{ 1, { x = { term 'foo' } } }", "position 2, field x, position 1: no term", WIRE_E_USAGE },
        { "{ term('any', 1) }", "position 1: `any` takes no argument", WIRE_E_USAGE },
        { "{ term 'type' }", "position 1: `type` takes the name", WIRE_E_USAGE },
        { "{ is(1) }", "`type` takes the name", WIRE_E_USAGE },
        { "{ is('int', 'int') }", "`type` takes", WIRE_E_USAGE },
        { "{ is 'integer' }", "no type is called integer (boolean number int", WIRE_E_USAGE },
        { "{ term 'range' }", "`range` takes two numbers", WIRE_E_USAGE },
        { "{ range(1, 2, 3) }", "`range` takes two numbers", WIRE_E_USAGE },
        { "{ range('a', 'b') }", "`range` takes two numbers", WIRE_E_USAGE },
        { "{ range(1, {}) }", "`range` takes", WIRE_E_USAGE },
        { "{ range(nan, 1) }", "`range` takes two numbers", WIRE_E_USAGE },
        { "{ frame = range(true, 1) }", "field frame: `range` takes", WIRE_E_USAGE },
        { "{ prefix() }", "`prefix` takes a string", WIRE_E_USAGE },
        { "{ prefix(1) }", "`prefix` takes a string", WIRE_E_USAGE },
        { "{ prefix('a', 'b') }", "`prefix` takes a string", WIRE_E_USAGE },
        { "{ oneof() }", "`oneof` takes at least one", WIRE_E_USAGE },
        { "{ oneof(1, term 'foo') }", "position 1, choice 2: no term", WIRE_E_USAGE },
        { "{ oneof(1, { {}, range() }) }", "position 1, choice 2, position 2: `range`", WIRE_E_USAGE },
        { "{ oneof({ term 'any', var 'x' }) }", "choice 1, position 2: `var` cannot stand inside `oneof`", WIRE_E_USAGE },
        { "{ oneof(where 't') }", "choice 1: `where` stands among", WIRE_E_USAGE },
        { "{ oneof(rest) }", "choice 1: `rest` stands among", WIRE_E_USAGE },
        { "{ rest, 1 }", "position 2: `rest` comes last", WIRE_E_USAGE },
        { "{ rest, rest }", "position 2: `rest` a second time", WIRE_E_USAGE },
        { "{ term('rest', 1) }", "`rest` takes no argument", WIRE_E_USAGE },
        { "{ x = rest }", "field x: `rest` stands among", WIRE_E_USAGE },
        { "{ { rest, [5] = 1 } }", "position 1, position 5: `rest` leaves no place", WIRE_E_USAGE },
        { "{ var() }", "`var` takes a name", WIRE_E_USAGE }, { "{ var '' }", "`var` takes a name", WIRE_E_USAGE },
        { "{ var(1) }", "`var` takes a name", WIRE_E_USAGE },
        { "{ var(('x'):rep(256)) }", "`var` takes a name", WIRE_E_USAGE },
        { "{ where() }", "`where` takes an expression", WIRE_E_USAGE },
        { "{ where(1) }", "`where` takes an expression", WIRE_E_USAGE },
        { "{ x = where 't' }", "field x: `where` stands among", WIRE_E_USAGE },
        { "{ { where 't' } }", "position 1, position 1: `where` is about the whole tuple", WIRE_E_USAGE },
        { "{ any, where 't ==' }", "position 2: column 5: a value is missing at the end", WIRE_E_SYNTAX },
        { "{ where('t' .. (' '):rep(4096)) }", "longer than 4096", WIRE_E_TOO_BIG },
        { "{ [2] = 1 }", "position 2: positions are 1 to n", WIRE_E_USAGE },
        { "{ [true] = 1 }", "a key is neither", WIRE_E_USAGE },
        { "{ where't', where't', where't', where't', where't', where't', where't', where't', where't' }", "position 9: more than 8 times `where`", WIRE_E_USAGE },
        { "(function() local t = {} for i = 1, 33 do t[i] = var('v' .. i) end return t end)()", "position 33: more than 32 variables", WIRE_E_USAGE },
        { "(function() local t = {} for i = 1, 257 do t[i] = any end return { oneof(table.unpack(t)) } end)()", "more than 256 tables and terms", WIRE_E_TOO_BIG },
        { "(function() local t = 1 for i = 1, 60 do t = oneof({ t }) end return { t } end)()", "choice 1, ...: nested deeper", WIRE_E_TOO_DEEP },
        { "{ [('long'):rep(20)] = { [('name'):rep(20)] = { [('more'):rep(20)] = range() } } }", ", ...: `range` takes two numbers", WIRE_E_USAGE },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_buf_t packed = pack_value(L, cases[i].template);
        packed = exactly(&packed);
        refuse_template(cases[i].template, &packed, cases[i].code, cases[i].said);
        wire_buf_free(&packed);
    }
}

//  What Lua's side never sends: nil, and terms whose bytes are none.
static void test_broken_templates(void **state)
{
    static const struct { const char *packed, *said; } cases[] = {
        { "c0", "a template is a table" }, { "91c0", "position 1: nil matches nothing; `any` matches all" },
        { "81a178c0", "field x: nil matches" },
        { "91d40201", "position 1: a term is a list" }, { "91c70002", "a term is a list" },
        { "91d40290", "a term is a list" }, { "91d5029101", "a term is a list" },
        { "91d60291a3616e", "a term is a list" }, { "91c7060291a3616e7900", "a term is a list" },
        { "91d402c1", "a term is a list" },
        { "8101d40280", "position 1: a term is a list" }, { "8201010102", "position 1: it is there twice" },
        { "91c70a0292a56f6e656f668101c0", "position 1, choice 1, position 1: nil matches nothing" },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_buf_t packed = bytes_of(cases[i].packed);
        refuse_template(cases[i].packed, &packed, WIRE_E_USAGE, cases[i].said);
        wire_buf_free(&packed);
    }
}

//  ---- Keys -----------------------------------------------------------------------------------------

static size_t keys_of(const char *tuple, uint64_t seed, uint32_t keys[MATCH_KEYS])
{
    wire_buf_t normal = tuple_of(L, tuple);
    size_t n = match_tuple_keys(reader_of(&normal), seed, keys);
    wire_buf_free(&normal);
    return n;
}

static void test_keys_of_tuples(void **state)
{
    static const struct { const char *tuple; size_t count; } cases[] = {
        { "{}", 0 }, { "{ 1, 'a', true, 2.5 }", 4 }, { "{ {}, code 'x', 1 }", 1 },
        { "{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }", 8 },
        { "{ x = 1, y = {}, z = 'a' }", 2 }, { "{ 1, 2, x = 3 }", 3 },
        { "{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, x = 1, y = 1 }", 10 },
        { "{ {}, { 1 }, 1, x = { 2 }, y = 3 }", 2 },
    };
    uint32_t keys[MATCH_KEYS];
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (keys_of(cases[i].tuple, SEED, keys) != cases[i].count)
            fail_msg("%s has not %zu keys", cases[i].tuple, cases[i].count);
}

//  Same place and same value, same key; nothing else.
static void test_keys_tell_apart(void **state)
{
    static const char *const differ[] = {
        "{ 1 }", "{ 2 }", "{ '1' }", "{ true }", "{ false }", "{ 2.5 }", "{ '' }", "{ 'a' }", "{ 'b' }", "{ 'a\\0' }", "{ '12345678' }", "{ '123456789' }",
        "{ x = 1 }", "{ x = 2 }", "{ y = 1 }", "{ xx = 1 }", "{ 0 }", "{ -1 }", "{ 2^63 }", "{ {}, 1 }", "{ {}, 2 }", "{ [''] = 1 }", "{ ('a'):rep(16) }", "{ ('a'):rep(17) }",
        "{ '123456781234567' }", "{ '123456781234568' }", "{ 'abc' }", "{ 'acb' }", "{ 'abcd' }", "{ 'abcde' }", "{ 'abdce' }",
    };
    static const char *const agree[][2] = {
        { "{ 1 }", "{ 1.0 }" }, { "{ 0 }", "{ -0.0 }" }, { "{ 2^53 }", "{ 1 << 53 }" },
        { "{ 'a', x = 1 }", "{ 'a' }" },
    };
    uint32_t keys[sizeof differ / sizeof differ[0]][MATCH_KEYS], other[MATCH_KEYS];
    (void) state;
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++) {
        assert_int_equal(keys_of(differ[i], SEED, keys[i]), 1);
        assert_int_equal(keys_of(differ[i], SEED + 1, other), 1);
        assert_int_not_equal(keys[i][0], other[0]);
        for (size_t j = 0; j < i; j++)
            if (keys[i][0] == keys[j][0])
                fail_msg("%s has the key of %s", differ[i], differ[j]);
    }
    for (size_t i = 0; i < sizeof agree / sizeof agree[0]; i++) {
        assert_true(keys_of(agree[i][0], SEED, keys[0]) && keys_of(agree[i][1], SEED, other));
        assert_int_equal(keys[0][0], other[0]);
    }
    wire_buf_t text = bytes_of("91a161"), bin = bytes_of("91c40161");
    match_tuple_keys(reader_of(&text), SEED, keys[0]);
    match_tuple_keys(reader_of(&bin), SEED, other);
    assert_int_equal(keys[0][0], other[0]);
    wire_buf_free(&text);
    wire_buf_free(&bin);
}

//  Many values in one place: hardly any two share a key of 32 bits.
static void test_keys_scatter(void **state)
{
    enum { MANY = 20000 };
    static uint32_t seen[1 << 16];
    size_t shared = 0;
    (void) state;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MANY; i++) {
        wire_buf_t tuple = WIRE_BUF_EMPTY;
        uint32_t key[MATCH_KEYS];
        wire_put_array(&tuple, 1);
        wire_put_int(&tuple, i);
        match_tuple_keys(reader_of(&tuple), SEED, key);
        shared += seen[key[0] >> 16]++ > 0;
        wire_buf_free(&tuple);
    }
    assert_true(shared > 2000 && shared < 3600);    //  By chance 2764
}

static void test_keys_of_templates(void **state)
{
    static const struct { const char *template, *tuple; size_t count; } cases[] = {
        { "{ 'job', any, 5 }", "{ 'job', 1, 5 }", 2 }, { "{ any }", "{ 1 }", 0 },
        { "{ 1.0, x = 'a', y = any }", "{ 1, x = 'a', y = 0 }", 2 },
        { "{ oneof('a'), oneof(1, 2) }", "{ 'a', 1 }", 1 }, { "{ { 1 }, x = { 2 } }", "{ { 1 }, x = { 2 } }", 0 },
        { "{ code 'x', true }", "{ code 'x', true }", 1 },
        { "{ 1, 2, 3, 4, 5, 6, 7, 8, 9 }", "{ 1, 2, 3, 4, 5, 6, 7, 8, 9 }", 8 },
        { "{ where 'true', 'b', rest }", "{ 'b' }", 1 },
        { "{ any, where 'true', 'b', rest }", "{ 0, 'b' }", 1 },
        { "{ 7, where 'true', x = 1 }", "{ 7, x = 1 }", 2 },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        match_t *match = template_of(cases[i].template);
        const uint32_t *keys;
        uint32_t have[MATCH_KEYS];
        size_t n = match_keys(match, &keys), m = keys_of(cases[i].tuple, SEED, have);
        if (n != cases[i].count)
            fail_msg("%s has %zu keys", cases[i].template, n);
        for (size_t j = 0; j < n; j++) {
            size_t k = 0;
            while (k < m && have[k] != keys[j])
                k++;
            assert_true(k < m);
        }
        assert_true(matches(cases[i].template, cases[i].tuple));
        assert_true(match_size(match) >= sizeof (void *) + n * sizeof *keys);
        match_destroy(&match);
        assert_null(match);
        match_destroy(&match);
    }
}

//  A template's literals beyond the keys that tuples have: the rest is left out.
static void test_many_names(void **state)
{
    wire_buf_t packed = WIRE_BUF_EMPTY;
    match_t *match;
    const uint32_t *keys;
    char text[MATCH_TEXT];
    (void) state;
    put_names(&packed, MATCH_KEYS - MATCH_POSITIONS);
    assert_int_equal(match_new(&match, reader_of(&packed), SEED, text), 0);
    assert_int_equal(match_keys(match, &keys), MATCH_KEYS - MATCH_POSITIONS);
    wire_buf_t normal = normal_of(&packed);
    assert_true(match_test(match, reader_of(&normal)));
    match_destroy(&match);
    wire_buf_free(&packed);
    wire_buf_free(&normal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_forms),
        cmocka_unit_test(test_what_is_no_tuple),
        cmocka_unit_test(test_limits_of_tuples),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_oneof),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_tables_inside),
        cmocka_unit_test(test_nil_inside),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_what_is_wrong_and_where),
        cmocka_unit_test(test_broken_templates),
        cmocka_unit_test(test_keys_of_tuples),
        cmocka_unit_test(test_keys_tell_apart),
        cmocka_unit_test(test_keys_scatter),
        cmocka_unit_test(test_keys_of_templates),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests(tests, open_lua, close_lua);
}
