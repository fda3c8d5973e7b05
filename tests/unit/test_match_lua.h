//  test_match_lua - Lua values as tuples, templates and predicates' roots
//
//  Lua text makes them: { "job", any, range(1, 5), frame = oneof("a", "b") }. What is not written in test_match_words is
//  plain Lua.

#ifndef TEST_MATCH_LUA_H
#define TEST_MATCH_LUA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "predicate.h"
#include "test_draw.h"

static const char test_match_words[] =
    "local kind = { __eq = function(a, b) return a.code ~= nil and a.code == b.code end }\n"
    "function term(word, ...) return setmetatable({ term = word, n = select('#', ...), ... }, kind) end\n"
    "function code(text) return setmetatable({ code = text }, kind) end\n"
    "any, rest = term('any'), term('rest')\n"
    "for _, word in ipairs { 'range', 'prefix', 'oneof', 'var', 'where', 'is' } do\n"
    "  _G[word] = function(...) return term(word == 'is' and 'type' or word, ...) end\n"
    "end\n"
    "huge, nan = math.huge, 0/0\n";

static inline lua_State *new_lua(void)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    if (luaL_dostring(L, test_match_words))
        fail_msg("%s", lua_tostring(L, -1));
    return L;
}

//  The value of an expression, on the stack.
static inline void push_value(lua_State *L, const char *text)
{
    lua_pushfstring(L, "return %s", text);
    if (luaL_dostring(L, lua_tostring(L, -1)))
        fail_msg("%s: %s", text, lua_tostring(L, -1));
    lua_remove(L, -2);
}

//  ---- Packing -------------------------------------------------------------------------
//
//  loose: any of the forms that msgpack has for a value, by chance.

static inline void pack(lua_State *L, int index, wire_buf_t *out, bool loose);

static inline void pack_text(const char *text, size_t size, wire_buf_t *out, bool loose)
{
    if (loose && draw(2))
        wire_put_bin(out, text, size);
    else
        wire_put_text(out, text, size);
}

static inline void pack_long_integer(int64_t value, wire_buf_t *out)
{
    uint8_t bytes[9] = { 0xd3 };
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (uint8_t) ((uint64_t) value >> (56 - 8 * i));
    wire_buf_append(out, bytes, sizeof bytes);
}

static inline void pack_number(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    if (!lua_isinteger(L, index))
        wire_put_double(out, lua_tonumber(L, index));
    else if (loose && draw(2))
        pack_long_integer(lua_tointeger(L, index), out);
    else
        wire_put_int(out, lua_tointeger(L, index));
}

static inline void pack_list(lua_State *L, int index, int n, wire_buf_t *out, bool loose)
{
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        pack(L, lua_gettop(L), out, loose);
        lua_pop(L, 1);
    }
}

static inline void pack_pairs(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        pack(L, lua_gettop(L) - 1, out, loose);
        pack(L, lua_gettop(L), out, loose);
    }
}

static inline void pack_table(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    uint32_t n = (uint32_t) lua_rawlen(L, index), count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        count++;
    if (n == count && !(loose && draw(4) == 0)) {
        wire_put_array(out, n);
        pack_list(L, index, (int) n, out, loose);
    }
    else {
        wire_put_map(out, count);
        pack_pairs(L, index, out, loose);
    }
}

static inline void pack_term(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    wire_buf_t bytes = WIRE_BUF_EMPTY;
    lua_getfield(L, index, "n");
    lua_getfield(L, index, "term");
    int n = (int) lua_tointeger(L, -2);
    wire_put_array(&bytes, (uint32_t) n + 1);
    pack(L, lua_gettop(L), &bytes, false);
    pack_list(L, index, n, &bytes, loose);
    wire_put_ext(out, MATCH_EXT_TERM, bytes.data, bytes.size);
    wire_buf_free(&bytes);
    lua_pop(L, 2);
}

static inline void pack_special(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    size_t size;
    if (lua_getfield(L, index, "code") == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &size);
        wire_put_ext(out, MATCH_EXT_CODE, text, size);
    }
    else
        pack_term(L, index, out, loose);
    lua_pop(L, 1);
}

static inline void pack(lua_State *L, int index, wire_buf_t *out, bool loose)
{
    size_t size;
    luaL_checkstack(L, 10, NULL);
    switch (lua_type(L, index)) {
    case LUA_TNIL:     wire_put_nil(out); break;
    case LUA_TBOOLEAN: wire_put_bool(out, lua_toboolean(L, index)); break;
    case LUA_TNUMBER:  pack_number(L, index, out, loose); break;
    case LUA_TTABLE:
        if (!lua_getmetatable(L, index))
            pack_table(L, index, out, loose);
        else {
            lua_pop(L, 1);
            pack_special(L, index, out, loose);
        }
        break;
    default: {
        const char *text = lua_tolstring(L, index, &size);
        pack_text(text, size, out, loose);
    }
    }
}

static inline wire_buf_t pack_value(lua_State *L, const char *text)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    push_value(L, text);
    pack(L, lua_gettop(L), &out, false);
    lua_pop(L, 1);
    return out;
}

static inline wire_reader_t reader_of(const wire_buf_t *bytes)
{
    return wire_reader(bytes->data, bytes->size);
}

//  The bytes in a block of exactly their size, so that a sanitizer sees one byte too far; `bytes` is freed.
static inline wire_buf_t exactly(wire_buf_t *bytes)
{
    wire_buf_t copy = { malloc(bytes->size ? bytes->size : 1), bytes->size, bytes->size, false };
    assert_non_null(copy.data);
    if (bytes->size)
        memcpy(copy.data, bytes->data, bytes->size);
    wire_buf_free(bytes);
    return copy;
}

static inline wire_buf_t normal_of(const wire_buf_t *packed)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    char text[MATCH_TEXT];
    int rc = match_normal(reader_of(packed), &out, text);
    if (rc)
        fail_msg("%s: %s", wire_error_word(rc), text);
    return exactly(&out);
}

static inline wire_buf_t tuple_of(lua_State *L, const char *text)
{
    wire_buf_t packed = pack_value(L, text), normal = normal_of(&packed);
    wire_buf_free(&packed);
    return normal;
}

#endif
