//  lerror - error objects: made, read from the wire, put on it, shown

#include "lerror.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "where.h"
#include "wire_error.h"

#define MAX_SEGMENTS 24         //  A call that runs in circles must not fill the message
#define MAX_TEXT 8192           //  Of a message, or of a segment, on the wire

static const char metatable_key = 0;    //  Its address is the registry's key

bool lerror_is_metatable(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    bool same = lua_rawequal(L, index, -1);
    lua_pop(L, 1);
    return same;
}

bool lerror_is(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    bool is = lerror_is_metatable(L, -1);
    lua_pop(L, 1);
    return is;
}

//  ---- Making ----------------------------------------------------------------

//  The table on top becomes an error object.
static void bless(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    lua_setmetatable(L, -2);
}

static void push_new(lua_State *L, const char *word, bool definite, const char *text)
{
    luaL_checkstack(L, 6, "error object");
    lua_createtable(L, 0, 4);
    lua_pushstring(L, word);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, text);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, definite);
    lua_setfield(L, -2, "definite");
    bless(L);
}

static void push_formatted(lua_State *L, int code, const char *format, va_list args)
{
    char text[512];
    if (format)
        vsnprintf(text, sizeof text, format, args);
    push_new(L, wire_error_word(code), wire_error_definite(code), format ? text : wire_error_text(code));
}

void lerror_push(lua_State *L, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    push_formatted(L, code, format, args);
    va_end(args);
}

int lerror_return(lua_State *L, int code, const char *format, ...)
{
    va_list args;
    lua_pushnil(L);
    va_start(args, format);
    push_formatted(L, code, format, args);
    va_end(args);
    return 2;
}

void lerror_raise(lua_State *L, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    push_formatted(L, code, format, args);
    va_end(args);
    lua_error(L);
    abort();                    //  lua_error does not return, but its header does not say so
}

//  "FILE:LINE" out of "FILE:LINE: message", as Lua itself puts it; 0 when it is not there.
static size_t position_size(const char *message)
{
    for (const char *at = strchr(message, ':'); at; at = strchr(at + 1, ':')) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits && at[1 + digits] == ':')
            return (size_t) (at - message) + 1 + digits;
        if (memchr(message, '\n', (size_t) (at - message)))
            return 0;
    }
    return 0;
}

//  Field `where` of the error object on top, out of its message.
static void set_where(lua_State *L, const char *message)
{
    size_t size = position_size(message);
    if (size == 0)
        return;
    lua_pushlstring(L, message, size);
    lua_setfield(L, -2, "where");
}

//  As lua5.4 says it: an address in another process helps nobody.
static int to_text(lua_State *L)
{
    int type = lua_type(L, 1);
    bool plain = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD;
    if (plain && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
        lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    else
        luaL_tolstring(L, 1, NULL);
    return 1;
}

const char *lerror_push_text(lua_State *L, int index)
{
    int value = lua_absindex(L, index);
    lua_pushcfunction(L, to_text);
    lua_pushvalue(L, value);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        lua_pushfstring(L, "a %s whose __tostring fails", luaL_typename(L, value));
    }
    return lua_tostring(L, -1);
}

void lerror_from_caught(lua_State *L, int status)
{
    if (lerror_is(L, -1))
        return;
    luaL_checkstack(L, 8, "error object");
    int value = lua_gettop(L);
    const char *text = lerror_push_text(L, value);
    push_new(L, wire_error_word(status == LUA_ERRMEM ? WIRE_E_NO_MEMORY : WIRE_E_REMOTE), true, text);
    set_where(L, text);
    if (lua_type(L, value) != LUA_TSTRING) {
        lua_pushvalue(L, value);
        lua_setfield(L, -2, "value");
    }
    lua_replace(L, value);
    lua_settop(L, value);
}

//  ---- From the wire ---------------------------------------------------------

void lerror_push_map(lua_State *L, wire_reader_t *map, unsigned depth)
{
    wire_item_t item;
    luaL_checkstack(L, 8, "error object");
    if (wire_read(map, &item) || item.kind != WIRE_IS_MAP)
        lerror_raise(L, WIRE_E_MALFORMED, "an error object's bytes are no map");
    push_new(L, "remote", true, "?");
    for (uint32_t i = 0; i < item.as.count; i++) {
        wire_str_t key;
        if (wire_read_bytes(map, &key))
            lerror_raise(L, WIRE_E_MALFORMED, "a field of an error object has no name");
        if (wire_str_is(key, "traceback"))
            lua_pushliteral(L, "segments");
        else
            lua_pushlstring(L, key.data, key.size);
        lunpack_value(L, map, depth + 1);
        lua_rawset(L, -3);
    }
}

//  "no answer from 2@ana within 30 s"
static const char *describe_timeout(char *text, size_t size, wire_str_t from, int64_t timeout)
{
    snprintf(text, size, "no answer%s%.*s within %g s", from.size ? " from " : "", (int) from.size,
             from.size ? from.data : "", (double) timeout / 1000);
    return text;
}

//  What was found out here, but about the process that was asked.
static bool is_about_peer(int code)
{
    return code == WIRE_E_GONE || code == WIRE_E_TIMEOUT;
}

void lerror_push_outcome(lua_State *L, const alua_outcome_t *outcome, int64_t timeout)
{
    wire_reader_t map = wire_reader(outcome->body, outcome->size);
    char text[WIRE_MAX_NAME + 64];
    const char *said = outcome->text;
    if (outcome->body && outcome->size) {
        lerror_push_map(L, &map, 0);
        return;
    }
    if (outcome->code == WIRE_E_TIMEOUT && !said && timeout)
        said = describe_timeout(text, sizeof text, outcome->from, timeout);
    push_new(L, wire_error_word(outcome->code), outcome->definite, said ? said : wire_error_text(outcome->code));
    if (is_about_peer(outcome->code) && outcome->from.size) {
        lua_pushlstring(L, outcome->from.data, outcome->from.size);
        lua_setfield(L, -2, "node");
    }
}

alua_outcome_t *lerror_copy_outcome(const alua_outcome_t *outcome)
{
    size_t text = outcome->text ? strlen(outcome->text) + 1 : 0;
    alua_outcome_t *copy = malloc(sizeof *copy + outcome->size + text + outcome->from.size + 1);
    if (!copy)
        return NULL;
    char *at = (char *) (copy + 1);
    *copy = *outcome;
    if (outcome->size)
        copy->body = memcpy(at, outcome->body, outcome->size);
    at += outcome->size;
    if (text)
        copy->text = memcpy(at, outcome->text, text);
    at += text;
    if (outcome->from.size)
        copy->from.data = memcpy(at, outcome->from.data, outcome->from.size);
    return copy;
}

//  ---- To the wire -----------------------------------------------------------

static void put_cut(wire_buf_t *out, const char *text, size_t size)
{
    wire_put_text(out, text, size < MAX_TEXT ? size : MAX_TEXT);
}

//  The field as text; false, and nothing written, when it is none.
static bool put_field(lpack_t *pack, int index, const char *name, const char *otherwise)
{
    lua_State *L = pack->L;
    size_t size;
    lua_pushstring(L, name);
    const char *text = lua_rawget(L, index) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : otherwise;
    if (text == otherwise && text)
        size = strlen(text);
    if (text) {
        wire_put_cstr(pack->out, name);
        put_cut(pack->out, text, size);
    }
    lua_pop(L, 1);
    return text != NULL;
}

static bool put_definite(lpack_t *pack, int index)
{
    lua_pushliteral(pack->L, "definite");
    lua_rawget(pack->L, index);
    wire_put_cstr(pack->out, "definite");
    wire_put_bool(pack->out, lua_toboolean(pack->L, -1));
    lua_pop(pack->L, 1);
    return true;
}

static void put_segment(wire_buf_t *out, const char *hop, const char *segment)
{
    char passed[WIRE_MAX_NAME + 32];
    if (!segment)
        snprintf(passed, sizeof passed, "passed on by %s", hop);
    put_cut(out, segment ? segment : passed, strlen(segment ? segment : passed));
}

//  The segments there are, the newest last, and one more.
static bool put_segments(lpack_t *pack, int index, const char *hop, const char *segment)
{
    lua_State *L = pack->L;
    lua_pushliteral(L, "segments");
    size_t n = lua_rawget(L, index) == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    if (n > MAX_SEGMENTS)
        n = MAX_SEGMENTS;
    wire_put_cstr(pack->out, "traceback");
    wire_put_array(pack->out, (uint32_t) n + (hop ? 1 : 0));
    for (size_t i = 1; i <= n; i++) {
        size_t size;
        lua_rawgeti(L, -1, (lua_Integer) i);
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
        put_cut(pack->out, text ? text : "?", text ? size : 1);
        lua_pop(L, 1);
    }
    if (hop)
        put_segment(pack->out, hop, segment);
    lua_pop(L, 1);
    return true;
}

//  The original value travels when it can; when not, the message has to do.
static bool put_value(lpack_t *pack, int index, unsigned depth)
{
    lua_State *L = pack->L;
    size_t start = pack->out->size;
    lua_pushliteral(L, "value");
    bool good = lua_rawget(L, index) != LUA_TNIL;
    if (good) {
        wire_put_cstr(pack->out, "value");
        good = lpack_value(pack, lua_gettop(L), depth + 1) == 0 && !pack->out->failed;
        if (!good)
            wire_buf_truncate(pack->out, start);
    }
    return good;
}

int lerror_put(lpack_t *pack, int index, unsigned depth, const char *hop, const char *segment)
{
    lua_State *L = pack->L;
    wire_buf_t *out = pack->out;
    size_t head = out->size;
    unsigned fields = 0;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 12))
        return WIRE_E_NO_MEMORY;
    index = lua_absindex(L, index);
    wire_put_byte(out, 0x80);           //  The number of fields goes in at the end
    fields += put_field(pack, index, "code", "remote");
    fields += put_field(pack, index, "message", "?");
    fields += put_field(pack, index, "node", hop);
    fields += put_field(pack, index, "where", NULL);
    fields += put_definite(pack, index);
    fields += put_segments(pack, index, hop, segment);
    fields += put_value(pack, index, depth);
    lua_settop(L, top);
    if (out->failed || out->size <= head)
        return WIRE_E_NO_MEMORY;
    out->data[head] = (uint8_t) (0x80 | fields);
    return 0;
}

//  ---- For Lua ---------------------------------------------------------------

//  With the message on top: push " (at NODE)", or "" when there is none or the message has it already.
static void push_place(lua_State *L)
{
    bool told = lua_getfield(L, 1, "node") != LUA_TSTRING;
    if (!told && lua_isstring(L, -2))
        told = strstr(lua_tostring(L, -2), lua_tostring(L, -1)) != NULL;
    if (told)
        lua_pushliteral(L, "");
    else
        lua_pushfstring(L, " (at %s)", lua_tostring(L, -1));
    lua_remove(L, -2);
}

//  tostring(err): "code: message (at NODE)"
static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "code");
    luaL_tolstring(L, -1, NULL);
    lua_pushliteral(L, ": ");
    lua_getfield(L, 1, "message");
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    push_place(L);
    lua_concat(L, 4);
    return 1;
}

static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

//  err.traceback, the only field that is made when it is asked for.
static int error_index(lua_State *L)
{
    const char *name = lua_tostring(L, 2);
    if (!name || strcmp(name, "traceback") != 0)
        return 0;
    lua_pushliteral(L, "segments");
    if (lua_rawget(L, 1) != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        return 0;
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (lua_Integer i = 1; lua_rawgeti(L, 3, i) == LUA_TSTRING; i++) {
        if (i > 1) {
            lua_pushliteral(L, "\n");
            lua_insert(L, -2);
            lua_concat(L, 2);
        }
        luaL_addvalue(&buffer);
    }
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    return 1;
}

//  core.error(code, message, fields) -> error object; where is the caller's line
static int new_error(lua_State *L)
{
    size_t size;
    char where[WHERE_SIZE];
    const char *word = luaL_checklstring(L, 1, &size);
    const char *message = luaL_checkstring(L, 2);
    push_new(L, word, wire_error_definite(wire_error_of(word, size)), message);
    if (where_user(L, where)) {
        lua_pushstring(L, where);
        lua_setfield(L, -2, "where");
    }
    if (lua_istable(L, 3))
        for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
    return 1;
}

static int is_error(lua_State *L)
{
    lua_pushboolean(L, lerror_is(L, 1));
    return 1;
}

static const luaL_Reg metamethods[] = {
    { "__tostring", error_tostring },
    { "__concat",   error_concat },
    { "__index",    error_index },
    { NULL, NULL }
};

const luaL_Reg lerror_functions[] = {
    { "error",   new_error },
    { "iserror", is_error },
    { NULL, NULL }
};

void lerror_register(lua_State *L)
{
    luaL_newlib(L, metamethods);
    lua_pushliteral(L, "alua.error");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}
