//  Predicates: what each part of the language means, and what is said about what is wrong

#include "test_match_lua.h"

#include <stdio.h>

static const char *const roots[] = { "t", "value" };

static const char tuple[] =
    "{ 'job', 10, 'hello', 2.5, { 1, 2, { x = 5 } }, name = 'frame', limit = 7, on = true, off = false,"
    "  sub = { [1] = 'a', [2] = 'b', [4] = 'd', [true] = 'yes', [2.5] = 'half', [-1] = 'minus' }, code = code('f()') }";

enum { FALSE, TRUE, FAULT };

static int evaluate(const wire_buf_t *value, const char *source)
{
    predicate_t *self;
    char text[MATCH_TEXT];
    bool fault;
    wire_reader_t both[] = { reader_of(value), reader_of(value) };
    if (predicate_new(&self, (wire_str_t) { source, strlen(source) }, roots, 2, text))
        fail_msg("%s: %s", source, text);
    bool is = predicate_test(self, both, &fault);
    assert_int_equal(predicate_test(self, both, NULL), is);
    assert_false(is && fault);
    assert_true(predicate_size(self) > 0);
    predicate_destroy(&self);
    assert_null(self);
    predicate_destroy(&self);
    return fault ? FAULT : is;
}

typedef struct {
    const char *source;
    int result;
} case_t;

static void check(const case_t *cases, size_t count)
{
    lua_State *L = new_lua();
    wire_buf_t value = tuple_of(L, tuple);
    for (size_t i = 0; i < count; i++)
        if (evaluate(&value, cases[i].source) != cases[i].result)
            fail_msg("%s is not %d", cases[i].source, cases[i].result);
    wire_buf_free(&value);
    lua_close(L);
}

#define CHECK(cases) check(cases, sizeof cases / sizeof cases[0])

static void test_indexing(void **state)
{
    static const case_t cases[] = {
        { "t", TRUE }, { "t[1] == 'job'", TRUE }, { "t[2] == 10", TRUE }, { "t[2.0] == 10", TRUE },
        { "t.name == 'frame'", TRUE },
        { "t['name'] == t.name", TRUE }, { "t[6] == nil", TRUE }, { "t[0] == nil", TRUE },
        { "t.none == nil", TRUE },
        { "t[nil] == nil", TRUE }, { "t[0/0] == nil", TRUE }, { "t[t] == nil", TRUE }, { "t['2'] == nil", TRUE },
        { "t[5][3].x == 5", TRUE }, { "t[5][1 + 2]['x'] == 5", TRUE }, { "t[5][3.0] ~= nil", TRUE },
        { "t[5].x == nil", TRUE },
        { "t[5]['1'] == nil", TRUE }, { "t[5][4] == nil", TRUE }, { "t[5][2^53] == nil", TRUE },
        { "t[5][1.5] == nil", TRUE },
        { "t.sub[true] == 'yes'", TRUE }, { "t.sub[2.5] == 'half'", TRUE }, { "t.sub[-1] == 'minus'", TRUE },
        { "t.sub[4] == 'd'", TRUE }, { "t.sub[false] == nil", TRUE }, { "t.sub[3 + 1.0] == 'd'", TRUE },
        { "t.none.x", FAULT }, { "t[2].x", FAULT }, { "t.name.x", FAULT }, { "t.on[1]", FAULT },
        { "(nil)[1]", FAULT },
        { "t.code.x", FAULT }, { "(t.none or t).limit == 7", TRUE }, { "(t.off or t).limit == 7", TRUE },
        { "(t.on and t)[2] == 10", TRUE }, { "(t.sub or t)[1] == 'a'", TRUE }, { "(t)[2] == 10", TRUE }, { "((t)).limit == 7", TRUE },
        { "value[2] == 10", TRUE },
        { "value == t", TRUE },
    };
    (void) state;
    CHECK(cases);
}

static void test_logic(void **state)
{
    static const case_t cases[] = {
        { "nil", FALSE }, { "false", FALSE }, { "true", TRUE }, { "0", TRUE }, { "''", TRUE }, { "not nil", TRUE },
        { "not 0", FALSE }, { "not not t", TRUE }, { "(nil or 3) == 3", TRUE }, { "(false or nil) == nil", TRUE },
        { "(1 and 2) == 2", TRUE }, { "(nil and t.none.x) == nil", TRUE }, { "(1 or t.none.x) == 1", TRUE },
        { "false and true or true", TRUE }, { "true or true and false", TRUE }, { "not nil == true", TRUE },
        { "nil == false", FALSE }, { "(false == nil) == false", TRUE }, { "t.off == false", TRUE },
        { "t.on and t.limit > 3 and t[2]", TRUE }, { "t.none or t.off", FALSE },
    };
    (void) state;
    CHECK(cases);
}

static void test_comparisons(void **state)
{
    static const case_t cases[] = {
        { "1 == 1.0", TRUE }, { "1 ~= 1.0", FALSE }, { "'1' == 1", FALSE }, { "1 < 2", TRUE }, { "2 <= 2.0", TRUE },
        { "9007199254740993 == 9007199254740992.0", FALSE }, { "9007199254740993 > 9007199254740992.0", TRUE },
        { "9223372036854775807 < 9223372036854775808.0", TRUE }, { "9223372036854775807 == 2^63", FALSE },
        { "math.abs(-9223372036854775807 - 1) == -2^63", TRUE }, { "1 < 1e400", TRUE },
        { "-1e400 < -9223372036854775807", TRUE },
        { "0/0 == 0/0", FALSE }, { "0/0 ~= 0/0", TRUE }, { "0/0 < 1", FALSE }, { "1 <= 0/0", FALSE },
        { "not (1 > 0/0)", TRUE },
        { "3 < 3.5 and 3.5 < 4 and -4 < -3.5 and -3.5 < -3", TRUE }, { "'a' < 'b'", TRUE }, { "'a' < 'ab'", TRUE },
        { "'' < 'a'", TRUE }, { "'Z' < 'a'", TRUE }, { "'\\xff' > 'z'", TRUE }, { "'a\\0b' > 'a'", TRUE },
        { "'a' >= 'a'", TRUE },
        { "'10' < 9", FAULT }, { "nil < 1", FAULT }, { "true < false", FAULT }, { "t < t", FAULT },
        { "1 < 2 < 3", FAULT },
        { "t == t", TRUE }, { "t[5] == t[5]", TRUE }, { "t[5] == t.sub", FALSE }, { "t[5] == 1", FALSE },
        { "t.code == t.code", TRUE },
        { "t.code == 'f()'", FALSE },
    };
    (void) state;
    CHECK(cases);
}

static void test_arithmetic(void **state)
{
    static const case_t cases[] = {
        { "1 + 2 * 3 == 7", TRUE }, { "(1 + 2) * 3 == 9", TRUE }, { "2 ^ 3 ^ 2 == 512", TRUE },
        { "-2 ^ 2 == -4", TRUE },
        { "2 ^ -1 == 0.5", TRUE }, { "7 // 2 == 3", TRUE }, { "-7 // 2 == -4", TRUE }, { "7 // -2.0 == -4", TRUE },
        { "-7 % 3 == 2", TRUE }, { "7 % -3 == -2", TRUE }, { "-7.5 % 2 == 0.5", TRUE }, { "5 % 1e400 == 5", TRUE },
        { "math.type(4 / 2) == 'float'", TRUE }, { "math.type(4 // 2) == 'integer'", TRUE },
        { "9223372036854775807 + 1 == -9223372036854775807 - 1", TRUE },
        { "(-9223372036854775807 - 1) // -1 < 0", TRUE },
        { "(-9223372036854775807 - 1) % -1 == 0", TRUE }, { "1 // 0", FAULT }, { "1 % 0", FAULT },
        { "1 // 0.0 == 1e400", TRUE },
        { "1 % 0.0 ~= 1 % 0.0", TRUE }, { "1 / 0 == 1e400", TRUE }, { "10 - 2 - 3 == 5", TRUE },
        { "-t[2] == -10", TRUE },
        { "- -3 == 3", TRUE }, { "nil + 1", FAULT }, { "t + 1", FAULT }, { "true * 2", FAULT }, { "-nil", FAULT },
        { "'10' + 5 == 15", TRUE }, { "math.type('10' + 5) == 'integer'", TRUE }, { "'0x10' * 1 == 16", TRUE },
        { "' 1e1 ' + 0 == 10", TRUE }, { "-'2' == -2", TRUE }, { "'abc' + 1", FAULT }, { "'' + 1", FAULT },
        { "'inf' + 1", FAULT },
        { "'nan' + 1", FAULT }, { "'1\\0' + 1", FAULT }, { "'1 2' + 1", FAULT },
    };
    (void) state;
    CHECK(cases);
}

static void test_bits(void **state)
{
    static const case_t cases[] = {
        { "6 & 3 == 2", TRUE }, { "(6 & 3) == 2", TRUE }, { "(6 | 3) == 7", TRUE }, { "(6 ~ 3) == 5", TRUE },
        { "~0 == -1", TRUE },
        { "1 << 63 < 0", TRUE }, { "1 << 64 == 0", TRUE }, { "-1 >> 63 == 1", TRUE }, { "1 << -1 == 0", TRUE },
        { "2 >> -1 == 4", TRUE },
        { "1 << -9223372036854775807 - 1 == 0", TRUE }, { "1 >> -9223372036854775807 - 1 == 0", TRUE },
        { "(3.0 & 1) == 1", TRUE },
        { "(3.5 & 1) == 1", FAULT }, { "2^63 | 0", FAULT }, { "('7' & 3) == 3", FAULT }, { "'x' & 3", FAULT },
        { "~1.5", FAULT },
        { "~'3' == -4", FAULT }, { "1 | 2 ~ 3 & 4 << 1 == 3", TRUE }, { "(1 | 2 ~ 3 & 4 << 1) == 3", TRUE },
        { "~t", FAULT },
        { "1 << 2 + 1 == 8", TRUE },
    };
    (void) state;
    CHECK(cases);
}

static void test_lengths(void **state)
{
    static const case_t cases[] = {
        { "#t[3] == 5", TRUE }, { "#'' == 0", TRUE }, { "#'\\u{e4}' == 2", TRUE }, { "#t == 5", TRUE },
        { "#t[5] == 3", TRUE },
        { "#t.sub == 2", TRUE }, { "#t[5][3] == 0", TRUE }, { "#t[2]", FAULT }, { "#nil", FAULT },
        { "#t.on", FAULT },
        { "#t.code", FAULT }, { "-#t == -5", TRUE }, { "#t[3] < 10 and t[2] > t.limit", TRUE },
    };
    (void) state;
    CHECK(cases);
}

static void test_literals(void **state)
{
    static const case_t cases[] = {
        { "0xff == 255", TRUE }, { "0XA == 10", TRUE }, { "0x.8 == 0.5", TRUE }, { "0x1p4 == 16", TRUE },
        { "0xA.8p1 == 21", TRUE },
        { "0xffffffffffffffff == -1", TRUE }, { "1e2 == 100", TRUE }, { "math.type(1e2) == 'float'", TRUE },
        { ".5 == 0.5", TRUE },
        { "5. == 5", TRUE }, { "3e-2 == .03", TRUE }, { "1E+2 == 100", TRUE },
        { "9223372036854775808 == 2^63", TRUE },
        { "math.type(9223372036854775808) == 'float'", TRUE },
        { "math.type(-9223372036854775808) == 'float'", TRUE },
        { "'a' == \"a\"", TRUE }, { "'a' == [[a]]", TRUE }, { "[==[\n]]a]=]]==] == ']]a]=]'", TRUE },
        { "[[\r\na\r\nb\n\rc\rd]] == 'a\\nb\\nc\\nd'", TRUE },
        { "'\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"' == '\\7\\8\\12\\10\\13\\9\\11\\92\\39\\34'", TRUE },
        { "'\\x41\\65\\065' == 'AAA'", TRUE },
        { "'\\u{41}\\u{20AC}' == 'A\\xe2\\x82\\xac'", TRUE }, { "#'\\u{7fffffff}' == 6", TRUE },
        { "#'\\u{800}' == 3 and #'\\u{7ff}' == 2", TRUE },
        { "'a\\\nb' == 'a\\nb'", TRUE }, { "'a\\z  \n\t b' == 'ab'", TRUE }, { "#'a\\0b' == 3", TRUE },
        { "'\"' == \"\\\"\"", TRUE },
        { "1 --[[ a comment ]] == 1 -- another", TRUE }, { "1 --[==[ ]] ]==] + 1 == 2", TRUE },
        { " \t\r\n\v\f1", TRUE }, { "1--2", TRUE },
    };
    (void) state;
    CHECK(cases);
}

static void test_functions(void **state)
{
    static const case_t cases[] = {
        { "prefix(t.name, 'fra')", TRUE }, { "prefix(t.name, '')", TRUE }, { "prefix(t.name, 'frames')", FALSE },
        { "prefix('ab', 'b')", FALSE },
        { "suffix(t.name, 'ame')", TRUE }, { "suffix(t.name, '')", TRUE }, { "suffix('a', 'aa')", FALSE },
        { "suffix(1, 'a')", FAULT },
        { "prefix('a', nil)", FAULT }, { "find('hello', 'l') == 3", TRUE }, { "find('hello', 'l', 4) == 4", TRUE },
        { "find('hello', 'x') == nil", TRUE }, { "find('hello', '') == 1", TRUE },
        { "find('hello', '', 6) == 6", TRUE },
        { "find('hello', '', 7) == nil", TRUE }, { "find('hello', 'l', -2) == 4", TRUE },
        { "find('hello', 'h', -99) == 1", TRUE },
        { "find('hello', 'h', 0) == 1", TRUE }, { "find('hello', 'l', 4.0) == 4", TRUE },
        { "find('hello', 'l', 4.5)", FAULT },
        { "find('hello', 'l', nil)", FAULT }, { "find('a.b', '.') == 2", TRUE }, { "find(1, '1')", FAULT },
        { "find('a', 'a', -9223372036854775807 - 1) == 1", TRUE },
        { "find('a', 'a', 9223372036854775807) == nil", TRUE },
        { "type(nil) == 'nil'", TRUE }, { "type(1) == 'number'", TRUE }, { "type('') == 'string'", TRUE },
        { "type(t) == 'table'", TRUE },
        { "type(true) == 'boolean'", TRUE }, { "type(t.code) == 'code'", TRUE },
        { "math.type(1) == 'integer'", TRUE },
        { "math.type(1.0) == 'float'", TRUE }, { "math.type('1') == nil", TRUE }, { "abs(-3) == 3", TRUE },
        { "math.abs(-3.5) == 3.5", TRUE },
        { "math.type(abs('-3')) == 'float'", TRUE }, { "abs(nil)", FAULT }, { "floor(3.7) == 3", TRUE },
        { "math.type(floor(3.7)) == 'integer'", TRUE },
        { "floor(-3.2) == -4", TRUE }, { "ceil(3.2) == 4", TRUE }, { "math.ceil(-3.7) == -3", TRUE },
        { "math.type(floor(1e300)) == 'float'", TRUE },
        { "floor('3.7') == 3", TRUE }, { "floor(t)", FAULT }, { "min(3, 1, 2) == 1", TRUE },
        { "max(3, 1, 2.5) == 3", TRUE }, { "min(1) == 1", TRUE },
        { "max('10') == '10'", TRUE }, { "max('10', 2)", FAULT }, { "max('10', '9') == '9'", TRUE },
        { "min(1, 'x')", FAULT }, { "max(nil) == nil", TRUE }, { "max('a', 'b') == 'b'", TRUE },
        { "max(1, nil)", FAULT },
        { "math.max(1, 2) + math.min(1, 2) == 3", TRUE }, { "type (t) == 'table'", TRUE },
        { "min(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,0) == 0", TRUE },
    };
    (void) state;
    CHECK(cases);
}

//  ---- What is wrong ---------------------------------------------------------------------------

static void check_wrong(const char *source, size_t size, int code, const char *said)
{
    predicate_t *self = (predicate_t *) (void *) &code;
    char text[MATCH_TEXT];
    int rc = predicate_new(&self, (wire_str_t) { source, size }, roots, 2, text);
    if (rc != code || !strstr(text, said))
        fail_msg("%.80s: %s, %s", source, wire_error_word(rc), rc ? text : "");
    assert_null(self);
}

static void test_what_is_wrong_and_where(void **state)
{
    static const struct { const char *source, *said; } cases[] = {
        { "", "column 1: a value is missing at the end" }, { "t[1] ==", "column 8: a value is missing at the end" },
        { "t[1] = 2", "column 6: an operator is missing before '='" },
        { "t[1", "column 4: ']' is missing at the end" },
        { "(t", "column 3: ')' is missing at the end" }, { "t t", "column 3: an operator is missing before 't'" },
        { "t.", "column 3: the name of a field" }, { "t.1", "column 2: an operator is missing before '.1'" },
        { "t.end", "column 3: the name of a field is missing before 'end'" }, { "t:x()", "before ':'" },
        { "{1}", "before '{'" },
        { "function() end", "before 'function'" }, { "'a' .. 'b'", "column 5: '..' would make a string" },
        { "1 + t.a .. 'b'", "column 9: '..' would" }, { "a.b", "column 1: 'a' is unknown here" },
        { "string.len('x')", "'string' is unknown" },
        { "math.sin(1)", "'math.sin' is unknown" }, { "math", "column 5: '.' behind math" },
        { "math.prefix('a', 'b')", "unknown" },
        { "prefix('a')", "column 1: prefix takes 2 arguments" }, { "1 + type()", "column 5: type takes 1 argument" }, { "\xe2\x82\xac", "before '\xe2\x82\xac'" },
        { "min()", "min takes 1 to 16" },
        { "type(1, 2)", "column 1: type takes 1 argument" }, { "find('a', 'b', 1, true)", "find takes 2 to 3" },
        { "type", "'(' is missing" },
        { "type(1 2)", "',' or ')' is missing" }, { "min(1,)", "a value is missing before ')'" },
        { "t.x(1)", "column 4: only the functions" },
        { "t'x'", "only the functions" }, { "t[[x]]", "only the functions" }, { "type 'x'", "'(' is missing" },
        { "'abc", "column 1: this string has no end" },
        { "'abc\ndef'", "column 1: this string has no end" }, { "[[abc", "this string has no end" },
        { "[=x", "long bracket" }, { "1 --[[x", "this comment has no end" },
        { "'\\q'", "column 3: no such escape" }, { "'\\x4'", "hexadecimal digits follow" },
        { "'\\300'", "255 at most" }, { "'\\u41'", "{ follows" },
        { "'\\u{}'", "hexadecimal digits and }" }, { "'\\u{80000000}'", "too large" }, { "'\\", "no such escape" },
        { "3x", "column 1: this is no number" },
        { "0x", "this is no number" }, { "1..2", "this is no number" }, { "1e", "this is no number" },
        { "0xep1p", "this is no number" },
        { "1 ! 2", "column 3: an operator is missing before '!'" }, { "...", "a value is missing before '...'" },
        { "not", "a value is missing at the end" },
        { "1 and", "column 6: a value" }, { "return 1", "before 'return'" }, { "1;", "before ';'" },
        { "'a'.x", "an operator is missing before '.'" },
    };
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_wrong(cases[i].source, strlen(cases[i].source), WIRE_E_SYNTAX, cases[i].said);
    check_wrong("1\0", 2, WIRE_E_SYNTAX, "column 2: an operator is missing");
    check_wrong("'a\0", 3, WIRE_E_SYNTAX, "column 1: this string has no end");
}

//  `count` times `text`, then `tail`.
static void check_long(const char *text, size_t count, const char *tail, const char *said)
{
    size_t size = strlen(text);
    char *source = malloc(size * count + strlen(tail) + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(source + i * size, text, size);
    strcpy(source + size * count, tail);
    check_wrong(source, size * count + strlen(tail), WIRE_E_TOO_BIG, said);
    free(source);
}

static void test_limits(void **state)
{
    (void) state;
    check_long("(", 4000, "1", "nested too deeply");
    check_long("not ", 1000, "1", "nested too deeply");
    check_long("t[", 1000, "1", "too many values at one time");
    check_long("2^", 1000, "1", "too many values at one time");
    check_long("-(", 1000, "1", "nested too deeply");
    check_long("min(", 600, "1", "nested too deeply");
    check_long("1+(", 1000, "1", "nested too deeply");
    check_long("min(1,1,1,1,", 90, "1", "too many values at one time");
    check_long(" ", 4096, "1", "longer than 4096 bytes");
}

//  As many operators as fit, side by side.
static void test_a_long_expression(void **state)
{
    char source[PREDICATE_SOURCE + 1];
    lua_State *L = new_lua();
    wire_buf_t value = tuple_of(L, tuple);
    (void) state;
    size_t at = 0;
    for (; at + 20 < sizeof source; at += 2)
        memcpy(source + at, "1+", 2);
    snprintf(source + at, sizeof source - at, "0 == %zu", at / 2);
    assert_int_equal(evaluate(&value, source), TRUE);
    wire_buf_free(&value);
    lua_close(L);
}

//  Whoever sends a large value and an expression that walks it again and again is stopped.
static void test_work_is_bounded(void **state)
{
    wire_buf_t value = WIRE_BUF_EMPTY;
    char source[PREDICATE_SOURCE];
    (void) state;
    wire_put_array(&value, 200000);
    for (int i = 0; i < 200000; i++)
        wire_put_int(&value, 1000);
    strcpy(source, "t[200000]");
    assert_int_equal(evaluate(&value, source), TRUE);
    for (int i = 0; i < 200; i++)
        strcat(source, "+t[200000]");
    assert_int_equal(evaluate(&value, source), FAULT);
    wire_buf_free(&value);
}

//  The same with long strings, be they compared or searched.
static void test_long_strings_are_work(void **state)
{
    static const char *const questions[] = { "t[1] ~= t[2]", "t[1] < t[2]", "find(t[1], t[1] and 'x')", "suffix(t[1], t[2] and 'x')" };
    enum { LONG = 1000000 };
    wire_buf_t value = WIRE_BUF_EMPTY;
    char source[PREDICATE_SOURCE], *text = malloc(LONG);
    (void) state;
    memset(text, 'a', LONG);
    wire_put_array(&value, 2);
    wire_put_str(&value, text, LONG);
    wire_put_str(&value, text, LONG);
    free(text);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        strcpy(source, questions[i]);
        assert_int_equal(evaluate(&value, source), FALSE);
        for (int j = 0; j < 20; j++)
            strcat(strcat(source, " or "), questions[i]);
        assert_int_equal(evaluate(&value, source), FAULT);
    }
    wire_buf_free(&value);
}

//  Values of topics are in no normal form: any order of keys, any form of numbers.
static void test_values_in_any_form(void **state)
{
    static const uint8_t bytes[] = "\x86\x03\xc4\x01""c" "\xcb\x3f\xf0\0\0\0\0\0\0\xc4\x01""a" "\xd0\x02\xd9\x01""b"
        "\xc4\x01n\xca\x3f\x80\0\0" "\xa1u\xcf\xff\xff\xff\xff\xff\xff\xff\xff" "\xa1x\xc0";
    wire_buf_t value = { (uint8_t *) (uintptr_t) bytes, sizeof bytes - 1, 0, false };
    (void) state;
    assert_int_equal(evaluate(&value, "#t == 3 and t[1] == 'a' and t[2] == 'b' and t[3] == 'c'"), TRUE);
    assert_int_equal(evaluate(&value, "t.n == 1 and math.type(t.n) == 'float' and t.u == 2^64"), TRUE);
    assert_int_equal(evaluate(&value, "t.x == nil and type(t.x) == 'nil'"), TRUE);
}

//  Keys 1..200 in reverse: more than one look at the map.
static void test_length_of_a_map(void **state)
{
    wire_buf_t value = WIRE_BUF_EMPTY;
    (void) state;
    wire_put_map(&value, 201);
    wire_put_int(&value, 300);
    wire_put_int(&value, 0);
    for (int i = 200; i > 0; i--) {
        wire_put_int(&value, i);
        wire_put_int(&value, i);
    }
    assert_int_equal(evaluate(&value, "#t == 200"), TRUE);
    wire_buf_free(&value);
}

static void test_roots_that_are_no_tables(void **state)
{
    wire_buf_t value = WIRE_BUF_EMPTY;
    (void) state;
    wire_put_cstr(&value, "abc");
    assert_int_equal(evaluate(&value, "t == 'abc' and value == t"), TRUE);
    assert_int_equal(evaluate(&value, "t.x"), FAULT);
    assert_int_equal(evaluate(&value, "t[1]"), FAULT);
    wire_buf_clear(&value);
    wire_put_nil(&value);
    assert_int_equal(evaluate(&value, "t == nil"), TRUE);
    wire_buf_free(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexing),
        cmocka_unit_test(test_logic),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_what_is_wrong_and_where),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_a_long_expression),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_long_strings_are_work),
        cmocka_unit_test(test_values_in_any_form),
        cmocka_unit_test(test_length_of_a_map),
        cmocka_unit_test(test_roots_that_are_no_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
