//  Lua's data read without Lua: what it gives, and what it says of what it does not take

#include "test_policy_side.h"

static void check(const char *text, const char *expected)
{
    wire_buf_t out = packed_of(text);
    if (strcmp(line_of(reader_of(&out)), expected) != 0)
        fail_msg("%s\nis       %s\nexpected %s", text, line_of(reader_of(&out)), expected);
    wire_reader_t at = reader_of(&out);
    assert_int_equal(wire_scan(&at), 0);
    assert_ptr_equal(at.at, at.end);
    wire_buf_free(&out);
}

static void check_size(int code, const char *text, size_t size, const char *expected)
{
    char error[POLICY_ERROR_TEXT];
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_cstr(&out, "before");
    int rc = read_text(text, size, &out, error);
    if (rc != code || strcmp(error, expected) != 0)
        fail_msg("%.60s\nsays     %s %s\nexpected %s %s", text, wire_error_word(rc), error, wire_error_word(code), expected);
    assert_string_equal(line_of(reader_of(&out)), "'before'");
    wire_buf_free(&out);
}

static void refused(const char *text, const char *expected)
{
    check_size(WIRE_E_SYNTAX, text, strlen(text), expected);
}

static void test_forms(void **state)
{
    (void) state;
    check("", "{}");
    check("  -- nothing\n", "{}");
    check("return 1", "1");
    check("return 1;", "1");
    check("return nil", "nil");
    check("return {}", "{}");
    check("a = 1 b = 2\nc = 3; d = 4", "{'a'=1 'b'=2 'c'=3 'd'=4}");
    check("a = nil b = 2", "{'b'=2}");
    check("\xef\xbb\xbf#!/usr/bin/alua\na = 1", "{'a'=1}");
    check("#!/usr/bin/alua\r\nreturn true", "true");
    check("# only this", "{}");
    check("\xef\xbb\xbfreturn false", "false");
}

static void test_tables(void **state)
{
    (void) state;
    check("return { 1, 2, 3 }", "[1 2 3]");
    check("return { 1; 2, 3; }", "[1 2 3]");
    check("return { [2] = 'b', [1] = 'a' }", "['a' 'b']");
    check("return { [3] = 'c', 'a', [2.0] = 'b' }", "['a' 'b' 'c']");
    check("return { [2] = 'b' }", "{2='b'}");
    check("return { nil, 2 }", "{2=2}");
    check("return { 1, nil }", "[1]");
    check("return { nil }", "{}");
    check("return { 'r', x = { y = { 'z' } } }", "{1='r' 'x'={'y'=['z']}}");
    check("return { ['a b'] = 1, [true] = 2, [1.5] = 3, [-1] = 4, [0] = 5 }", "{0=5 'a b'=1 true=2 1.5f=3 -1=4}");
    check("return { [-0.0] = 'zero', [0x10] = 16 }", "{0='zero' 16=16}");
    check("return { [ [[k]] ] = [==[v]==] }", "{'k'='v'}");
}

static void test_scalars(void **state)
{
    (void) state;
    check("return { 0, -1, 0x7f, 0xffffffffffffffff, 9223372036854775807, 9223372036854775808, - 5 }",
          "[0 -1 127 -1 9223372036854775807 9.2233720368547758e+18f -5]");
    check("return { 1., .5, 3.0, 1e2, 0x.8p1, -0x8000000000000000, 1e999, -0.0 }",
          "[1f 0.5f 3f 100f 1f -9223372036854775808 inff -0f]");
    check("return { 'a\\n', \"\\x41\\065\\u{e4}\\z   b\", 'it\\'s', '\\\n' }", "['a\n' 'AA\xc3\xa4" "b' 'it's' '\n']");
    check("return { [[\nx]], [=[]]]=], 'a--b', \"\" }", "['x' ']]' 'a--b' '']");
    check("return '\\xff\\0'", "<ff00>");
    check("return --[[ long\n ]] 1 --[==[ ]] ]==] -- short", "1");
}

static void test_refusals(void **state)
{
    (void) state;
    refused("return", "1:7: expected a value, found the end");
    refused("return 1 2", "1:10: expected nothing behind the value that is returned, found '2'");
    refused("return 1, 2", "1:9: expected nothing behind the value that is returned, found ','");
    refused("x = 1\nlocal y = 2", "2:1: expected 'name = value' (or 'return value' as all there is), found 'local'");
    refused("x = os.exit()", "1:5: expected a value (nothing is run here, so a name means nothing; a string has quotes), found the name 'os'");
    refused("x = 1\n\r\n  y = function() end", "3:7: expected a value, found 'function'");
    refused("os.exit()", "1:1: expected '=' behind the name 'os' (nothing is run here, so a name is only a key; a string has quotes)");
    refused("x = { worker }", "1:7: expected '=' behind the name 'worker' (nothing is run here, so a name is only a key; a string has quotes)");
    refused("x = 1 + 1", "1:7: expected 'name = value' (or 'return value' as all there is), found '+'");
    refused("x = { 1 + 1 }", "1:9: expected ',' or '}', found '+'");
    refused("x = not true", "1:5: expected a value, found 'not'");
    refused("x = -'1'", "1:6: expected a number behind '-', found a string");
    refused("x = - - 1", "1:7: expected a number behind '-', found '-'");
    refused("x = -y", "1:6: expected a number behind '-', found the name 'y'");
    refused("x = ('a')", "1:5: expected a value, found '('");
    refused("x = 'a' .. 'b'", "1:9: expected 'name = value' (or 'return value' as all there is), found '..'");
    refused("x = {", "1:6: expected a value, found the end");
    refused("x = { 1", "1:8: expected ',' or '}', found the end");
    refused("x = { , }", "1:7: expected a value, found ','");
    refused("x = { a = }", "1:11: expected a value, found '}'");
    refused("x = { [nil] = 1 }", "1:8: expected a boolean, a number or a string as a key, found 'nil'");
    refused("x = { [{}] = 1 }", "1:8: expected a boolean, a number or a string as a key, found '{'");
    refused("x = { [1 = 1 }", "1:10: expected ']' behind the key, found '='");
    refused("x = { [1] }", "1:11: expected '=' behind the key, found '}'");
    refused("x = 'abc", "1:5: this string has no end");
    refused("x = 'a\nb'", "1:5: this string has no end");
    refused("x = [[ab", "1:5: this string has no end");
    refused("x = 1 --[[ab", "1:7: this comment has no end");
    refused("x = '\\q'", "1:7: no such escape");
    refused("x = '\\300'", "1:10: a byte is 255 at most");
    refused("x = 3x", "1:5: this is no number");
    refused("x = 0x", "1:5: this is no number");
    refused("x = \x01", "1:5: expected a value, found '?'");
    refused("\xef\xbb\xbfx y", "1:1: expected '=' behind the name 'x' (nothing is run here, so a name is only a key; a string has quotes)");
    refused("#!\nx = 1 y", "2:7: expected '=' behind the name 'y' (nothing is run here, so a name is only a key; a string has quotes)");
}

static void test_twice(void **state)
{
    (void) state;
    refused("a = 1\nb = 2\na = 3", "3:1: the key 'a' stands twice in this table");
    refused("x = { a = 1, ['a'] = nil }", "1:14: the key 'a' stands twice in this table");
    refused("x = { 'v', [1] = 2 }", "1:12: the key 1 stands twice in this table (positions count from 1)");
    refused("x = { [2.0] = 1, [2] = 2 }", "1:18: the key 2 stands twice in this table (positions count from 1)");
    refused("x = { [true] = 1, [true] = 2 }", "1:19: this key stands twice in this table");
    check("return { { a = 1 }, { a = 1 } }", "[{'a'=1} {'a'=1}]");
}

static void lines(const char *text, const char *expected)
{
    char error[POLICY_ERROR_TEXT];
    wire_buf_t out = WIRE_BUF_EMPTY, at = WIRE_BUF_EMPTY;
    assert_int_equal(policy_text_read_lines(text, strlen(text), &out, &at, error), 0);
    assert_string_equal(line_of(reader_of(&at)), expected);
    wire_buf_free(&out);
    wire_buf_free(&at);
}

static void test_lines(void **state)
{
    (void) state;
    lines("a = 1\n--[[\n]] b = {\n x = 2 }\r\nc = nil", "{'a'=1 'b'=3 'c'=5}");
    lines("return {\n 'p',\n\n b = { { c = 1 } } }", "{1=2 'b'=4}");
    lines("return 1", "{}");
    lines("", "{}");
}

static void test_bounds(void **state)
{
    char text[512];
    (void) state;
    for (int depth = WIRE_MAX_DEPTH; depth <= WIRE_MAX_DEPTH + 1; depth++) {
        int size = snprintf(text, sizeof text, "return ");
        memset(text + size, '{', (size_t) depth);
        memset(text + size + depth, '}', (size_t) depth);
        text[size + 2 * depth] = 0;
        wire_buf_t out = WIRE_BUF_EMPTY;
        char error[POLICY_ERROR_TEXT];
        assert_int_equal(read_text(text, strlen(text), &out, error), depth > WIRE_MAX_DEPTH ? WIRE_E_TOO_DEEP : 0);
        wire_reader_t at = reader_of(&out);
        assert_true(depth > WIRE_MAX_DEPTH || wire_scan(&at) == 0);
        wire_buf_free(&out);
    }
    memset(text + 7, '{', 300);
    check_size(WIRE_E_TOO_DEEP, text, 300, "1:72: more than 64 tables inside each other");
}

static void test_sizes(void **state)
{
    size_t size = POLICY_TEXT_MAX + 1;
    char *text = malloc(size);
    (void) state;
    assert_non_null(text);
    memset(text, ' ', size);
    check_size(WIRE_E_TOO_BIG, text, size, "1:1: more than 1048576 bytes");
    memcpy(text, "return {", 8);
    for (size_t i = 8; i + 1 < size; i += 2)
        memcpy(text + i, "1,", 2);
    check_size(WIRE_E_TOO_BIG, text, size - 1, "1:262153: more than 262144 keys and values");
    free(text);
}

//  ---- Against real Lua ------------------------------------------------------------
//
//  Random literals, and the same with blows: whatever we take, Lua takes too and finds the same value in it.

#include <lauxlib.h>
#include <lualib.h>

static const char same_text[] =
    "function same(a, b)\n"
    "  if type(a) ~= type(b) or math.type(a) ~= math.type(b) then return false end\n"
    "  if type(a) ~= 'table' then return a == b end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end";

static bool is_list(lua_State *L, uint32_t count)
{
    bool all = count > 0;
    for (uint32_t i = 1; all && i <= count; i++) {
        all = lua_rawgeti(L, -1, i) != LUA_TNIL;
        lua_pop(L, 1);
    }
    return all;
}

static void push(lua_State *L, wire_reader_t *at)
{
    wire_item_t item;
    luaL_checkstack(L, 8, NULL);
    assert_int_equal(wire_read(at, &item), 0);
    switch (item.kind) {
    case WIRE_IS_NIL:    lua_pushnil(L); break;
    case WIRE_IS_BOOL:   lua_pushboolean(L, item.as.boolean); break;
    case WIRE_IS_INT:    lua_pushinteger(L, item.as.integer); break;
    case WIRE_IS_DOUBLE: lua_pushnumber(L, item.as.number); break;
    case WIRE_IS_STR: case WIRE_IS_BIN: lua_pushlstring(L, item.as.bytes.data, item.as.bytes.size); break;
    default:
        lua_newtable(L);
        for (uint32_t i = 0; i < item.as.count; i++) {
            if (item.kind == WIRE_IS_MAP)
                push(L, at);
            else
                lua_pushinteger(L, i + 1);
            push(L, at);
            lua_rawset(L, -3);
        }
        assert_int_equal(item.kind == WIRE_IS_ARRAY, is_list(L, item.as.count));
    }
}

static void put(wire_buf_t *text, const char *more)
{
    wire_buf_append(text, more, strlen(more));
}

static const char *pick(const char *const *of, size_t count)
{
    return of[draw(count)];
}

#define PICK(...) pick((const char *const[]) { __VA_ARGS__ }, sizeof (const char *const[]) { __VA_ARGS__ } / sizeof (char *))

static void put_blank(wire_buf_t *text)
{
    put(text, PICK(" ", " ", "\n", "\t", "\r\n", " --[[ c ]] ", " --[=[ ]] ]=] ", " -- c\n", " --[ c\n", "\f\v"));
}

static void put_number(wire_buf_t *text)
{
    char number[64];
    if (draw(4) == 0)
        put(text, PICK("-", "- "));
    switch (draw(5)) {
    case 0:  put(text, PICK("0", "0x7fffffffffffffff", "0xFFFFFFFFFFFFFFFFF", "9223372036854775807", "9223372036854775808", "1e308", "0x1p4", ".5", "5.",
                            "0xA.8p-2", "1E+3", "3e-2", "0x.1", "00012", "1e999")); return;
    case 1:  snprintf(number, sizeof number, "%llu", (unsigned long long) (draw(UINT64_MAX) >> draw(64))); break;
    case 2:  snprintf(number, sizeof number, "0x%llX", (unsigned long long) (draw(UINT64_MAX) >> draw(64))); break;
    case 3:  snprintf(number, sizeof number, "%.17g", (double) draw(1u << 30) / (double) (1 + draw(1000))); break;
    default: snprintf(number, sizeof number, "%a", (double) draw(1u << 30) / (double) (1 + draw(1000))); break;
    }
    put(text, number);
}

static void put_string(wire_buf_t *text)
{
    const char *quote = PICK("'", "\"");
    if (draw(4) == 0) {
        put(text, PICK("[[a]]", "[==[\n]]\r\n]=]]==]", "[[\n\r\n]]", "[=[\\n]=]", "[[]]"));
        return;
    }
    put(text, quote);
    for (uint64_t n = draw(6); n; n--)
        put(text, PICK("a", "b c", "\\n", "\\\\", "\\'", "\\\"", "\\065", "\\9", "\\x7F", "\\u{7FFFFFFF}", "\\u{e4}", "\\z \n x", "\\\n", "\\\r\n",
                       "\xc3\xa4", "\xff", "\\a\\b\\f\\r\\t\\v", "--", "[["));
    put(text, quote);
}

static void put_literal(wire_buf_t *text, unsigned depth);

static void put_pair(wire_buf_t *text, unsigned depth, uint64_t n)
{
    char key[64];
    if (draw(2)) {
        snprintf(key, sizeof key, PICK("k%llu", "[%llu000]", "[-%llu]", "[%llu.25]", "['k %llu']", "[ [[%llu]] ]", "[1e3%llu]"), (unsigned long long) n);
        put(text, key);
        put_blank(text);
        put(text, "=");
    }
    put_blank(text);
    put_literal(text, depth + 1);
}

static void put_table(wire_buf_t *text, unsigned depth)
{
    uint64_t count = draw(7);
    if (draw(6) == 0) {
        put(text, "{ [2] = 'b', [1] = 'a', [3.0] = 'c' }");
        return;
    }
    put(text, "{");
    for (uint64_t n = 1; n <= count; n++) {
        put_pair(text, depth, n);
        put_blank(text);
        if (n < count || draw(2))
            put(text, PICK(",", ";"));
    }
    put(text, "}");
}

static void put_literal(wire_buf_t *text, unsigned depth)
{
    uint64_t kind = draw(depth > 4 ? 6 : 9);
    if (kind < 2)
        put(text, PICK("nil", "true", "false"));
    else if (kind < 4)
        put_number(text);
    else if (kind < 6)
        put_string(text);
    else
        put_table(text, depth);
}

//  1 when both took it, 0 when we refused.
static int compare_with_lua(lua_State *L, const wire_buf_t *text, bool must)
{
    char error[POLICY_ERROR_TEXT];
    wire_buf_t out = WIRE_BUF_EMPTY;
    int rc = read_text((const char *) text->data, text->size, &out, error);
    if (rc) {
        if (must)
            fail_msg("%.*s\n%s", (int) text->size, (const char *) text->data, error);
        assert_true(error[0] >= '1' && error[0] <= '9');
        wire_buf_free(&out);
        return 0;
    }
    lua_getglobal(L, "same");
    wire_reader_t at = reader_of(&out);
    push(L, &at);
    if (luaL_loadbufferx(L, (const char *) text->data, text->size, "=text", "t") || lua_pcall(L, 0, 1, 0))
        fail_msg("%.*s\n%s", (int) text->size, (const char *) text->data, lua_tostring(L, -1));
    lua_call(L, 2, 1);
    if (!lua_toboolean(L, -1))
        fail_msg("%.*s\nis %s", (int) text->size, (const char *) text->data, line_of(reader_of(&out)));
    lua_settop(L, 0);
    wire_buf_free(&out);
    return 1;
}

static void test_like_lua(void **state)
{
    lua_State *L = luaL_newstate();
    int taken = 0, blown = 0;
    (void) state;
    luaL_openlibs(L);
    assert_int_equal(luaL_dostring(L, same_text), LUA_OK);
    for (int i = 0; i < 4000; i++) {
        wire_buf_t text = WIRE_BUF_EMPTY;
        put(&text, "return ");
        put_table(&text, 0);
        taken += compare_with_lua(L, &text, true);
        for (int j = 0; j < 4; j++) {
            text.data[7 + draw(text.size - 7)] = (uint8_t) "{}[]=,;'\"\\-.0xe \n%#a1\xff"[draw(22)];
            if (memcmp(text.data, "return ", 7) == 0)
                blown += compare_with_lua(L, &text, false);
        }
        wire_buf_free(&text);
    }
    assert_int_equal(taken, 4000);
    assert_true(blown > 400);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_like_lua),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
