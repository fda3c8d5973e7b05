//  values - the small strict codec

#include "values.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "failure.h"
#include "term.h"
#include "wire_error.h"

#define KEY_SHOWN 40

static int put_value(values_t *self, int index, unsigned depth);

//  ---- Failure ---------------------------------------------------------------

static int refuse(values_t *self, int code, const char *reason)
{
    self->reason = reason;
    self->path = sizeof self->text - 1;
    self->text[self->path] = 0;
    return code;
}

//  A path that is too long loses its beginning: no person reads that far.
static void prepend(values_t *self, const char *text)
{
    size_t size = strlen(text);
    if (size > self->path)
        return;
    self->path -= size;
    memcpy(self->text + self->path, text, size);
}

static bool is_name(const char *text, size_t size)
{
    if (size == 0 || size > KEY_SHOWN || isdigit((unsigned char) text[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char) text[i]) && text[i] != '_')
            return false;
    return true;
}

static void prepend_key(values_t *self, int index)
{
    char segment[KEY_SHOWN + 16];
    size_t size;
    int type = lua_type(self->L, index);
    if (type == LUA_TSTRING) {
        const char *text = lua_tolstring(self->L, index, &size);
        bool plain = is_name(text, size);
        snprintf(segment, sizeof segment, plain ? ".%.*s" : "[\"%.*s\"]",
                 (int) (size < KEY_SHOWN ? size : KEY_SHOWN), text);
    }
    else if (lua_isinteger(self->L, index))
        snprintf(segment, sizeof segment, "[%lld]", (long long) lua_tointeger(self->L, index));
    else if (type == LUA_TNUMBER)
        snprintf(segment, sizeof segment, "[%.14g]", lua_tonumber(self->L, index));
    else
        snprintf(segment, sizeof segment, "[%s]", luaL_typename(self->L, index));
    prepend(self, segment);
}

//  ---- To msgpack ------------------------------------------------------------

static int count_objects(values_t *self, size_t more)
{
    self->objects += more;
    return self->objects > JAIL_VALUE_OBJECTS ? refuse(self, WIRE_E_TOO_BIG, "too many values for one message") : 0;
}

static int put_string(values_t *self, int index)
{
    size_t size;
    const char *text = lua_tolstring(self->L, index, &size);
    if (self->out->size > self->limit || size > self->limit - self->out->size)
        return refuse(self, WIRE_E_TOO_BIG, "too much for one message");
    wire_put_text(self->out, text, size);
    return 0;
}

static int put_code(values_t *self, int table)
{
    size_t size = 0;
    const char *text = term_code(self->L, table, &size);
    if (!text)
        return refuse(self, WIRE_E_UNSENDABLE, "code that is none any more");
    if (self->out->size > self->limit || size > self->limit - self->out->size)
        return refuse(self, WIRE_E_TOO_BIG, "too much for one message");
    wire_put_ext(self->out, JAIL_EXT_CODE, text, size);
    return 0;
}

static int put_number(values_t *self, int index)
{
    if (lua_isinteger(self->L, index))
        wire_put_int(self->out, lua_tointeger(self->L, index));
    else
        wire_put_double(self->out, lua_tonumber(self->L, index));
    return 0;
}

static int put_key(values_t *self, int index)
{
    int type = lua_type(self->L, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        return put_value(self, index, 0);
    return refuse(self, WIRE_E_UNSENDABLE, "a key that is no string, number or boolean");
}

//  The value on top, of the key below it.
static int put_member(values_t *self, unsigned depth)
{
    int top = lua_gettop(self->L);
    int rc = put_value(self, top, depth + 1);
    if (rc) {
        lua_settop(self->L, top);
        prepend_key(self, top - 1);
    }
    return rc;
}

//  The number of pairs, and whether the keys are exactly 1..n with n >= 1.
static size_t count_pairs(lua_State *L, int table, bool *list)
{
    lua_Integer n = (lua_Integer) lua_rawlen(L, table);
    size_t pairs = 0;
    bool within = n >= 1;
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, -2), pairs++)
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n)
            within = false;
    *list = within && pairs == (size_t) n;
    return pairs;
}

static int put_list(values_t *self, int table, lua_Integer n, unsigned depth)
{
    int rc = count_objects(self, (size_t) n);
    wire_put_array(self->out, (uint32_t) n);
    for (lua_Integer i = 1; rc == 0 && i <= n; i++) {
        lua_pushinteger(self->L, i);
        lua_rawgeti(self->L, table, i);
        rc = put_member(self, depth);
        lua_settop(self->L, -3);
    }
    return rc;
}

static int put_map(values_t *self, int table, size_t pairs, unsigned depth)
{
    lua_State *L = self->L;
    int rc = count_objects(self, 2 * pairs);
    wire_put_map(self->out, (uint32_t) pairs);
    if (rc)
        return rc;
    for (lua_pushnil(L); rc == 0 && lua_next(L, table); lua_settop(L, -2)) {
        rc = put_key(self, -2);
        if (rc)
            prepend_key(self, -2);
        else
            rc = put_member(self, depth);
    }
    return rc;
}

//  An extension's head, whose length is written afterwards.
static size_t begin_extension(values_t *self, uint8_t type)
{
    wire_buf_append(self->out, "\xc9\0\0\0\0", 5);
    wire_buf_append(self->out, &type, 1);
    return self->out->size;
}

static int end_extension(values_t *self, size_t begin, int rc)
{
    size_t size = self->out->size - begin;
    for (unsigned i = 0; i < 4 && !rc && !self->out->failed; i++)
        self->out->data[begin - 5 + i] = (uint8_t) (size >> (24 - 8 * i));
    return rc;
}

//  An error object: a map.
static int put_error(values_t *self, int table, size_t pairs, unsigned depth)
{
    size_t begin = begin_extension(self, JAIL_EXT_ERROR);
    return end_extension(self, begin, put_map(self, table, pairs, depth + 1));
}

//  A term: an array, in which there may be nil.
static int put_term(values_t *self, int table, lua_Integer n, unsigned depth)
{
    if (n < 1 || n > JAIL_VALUE_OBJECTS)
        return refuse(self, WIRE_E_UNSENDABLE, "a term that is none any more");
    size_t begin = begin_extension(self, JAIL_EXT_TERM);
    return end_extension(self, begin, put_list(self, table, n, depth + 1));
}

//  A cycle is one of the ways to be too deep.
static int put_table(values_t *self, int table, unsigned depth)
{
    bool list;
    lua_Integer n;
    if (depth >= JAIL_VALUE_DEPTH)
        return refuse(self, WIRE_E_TOO_DEEP, "nested too deeply, or inside itself");
    if (!lua_checkstack(self->L, 8))
        return refuse(self, WIRE_E_NO_MEMORY, "no room on the Lua stack");
    if (term_is(self->L, table, &n))
        return put_term(self, table, n, depth);
    if (term_is_code(self->L, table))
        return put_code(self, table);
    size_t pairs = count_pairs(self->L, table, &list);
    if (pairs > JAIL_VALUE_OBJECTS)
        return refuse(self, WIRE_E_TOO_BIG, "too many values for one message");
    if (failure_is(self->L, table))
        return put_error(self, table, pairs, depth);
    return list ? put_list(self, table, (lua_Integer) pairs, depth) : put_map(self, table, pairs, depth);
}

static int put_value(values_t *self, int index, unsigned depth)
{
    switch (lua_type(self->L, index)) {
    case LUA_TNIL:      wire_put_nil(self->out); return 0;
    case LUA_TBOOLEAN:  wire_put_bool(self->out, lua_toboolean(self->L, index)); return 0;
    case LUA_TNUMBER:   return put_number(self, index);
    case LUA_TSTRING:   return put_string(self, index);
    case LUA_TTABLE:    return put_table(self, index, depth);
    default:            return refuse(self, WIRE_E_UNSENDABLE, luaL_typename(self->L, index));
    }
}

static void init(values_t *self, lua_State *L, wire_buf_t *out)
{
    self->L = L;
    self->out = out;
    self->limit = out->size + JAIL_VALUE_SIZE;
    self->objects = 0;
}

//  Too big or out of memory may show only at the end.
static int finish(values_t *self, int rc, size_t start)
{
    if (rc == 0 && self->out->failed)
        rc = refuse(self, WIRE_E_NO_MEMORY, "out of memory");
    if (rc == 0 && self->out->size > self->limit)
        rc = refuse(self, WIRE_E_TOO_BIG, "too much for one message");
    if (rc)
        wire_buf_truncate(self->out, start);
    return rc;
}

int values_array(values_t *self, lua_State *L, wire_buf_t *out, int first, int count, const char *place)
{
    size_t start = out->size;
    int top = lua_gettop(L);
    init(self, L, out);
    int rc = count_objects(self, (size_t) count);
    wire_put_array(out, (uint32_t) count);
    for (int i = 0; rc == 0 && i < count; i++)
        if ((rc = put_value(self, first + i, 1)) != 0) {
            char segment[32];
            snprintf(segment, sizeof segment, "[%d]", i + 1);
            prepend(self, segment);
        }
    lua_settop(L, top);
    rc = finish(self, rc, start);
    if (rc)
        prepend(self, place);
    return rc;
}

int values_one(values_t *self, lua_State *L, wire_buf_t *out, int index, const char *place)
{
    size_t start = out->size;
    int top = lua_gettop(L);
    init(self, L, out);
    int rc = put_value(self, lua_absindex(L, index), 1);
    lua_settop(L, top);
    rc = finish(self, rc, start);
    if (rc)
        prepend(self, place);
    return rc;
}

const char *values_text(values_t *self)
{
    size_t size = strlen(self->text + self->path);
    memmove(self->text, self->text + self->path, size + 1);
    self->path = 0;
    snprintf(self->text + size, sizeof self->text - size, ": %s", self->reason);
    return self->text;
}

//  ---- From msgpack ----------------------------------------------------------

static void push_array(lua_State *L, wire_reader_t *in, uint32_t count, unsigned depth)
{
    lua_createtable(L, (int) count, 0);
    for (uint32_t i = 1; i <= count; i++) {
        values_push(L, in, depth + 1);
        lua_rawseti(L, -2, i);
    }
}

static bool is_key(wire_reader_t in)
{
    wire_item_t item;
    if (wire_read(&in, &item) || item.kind == WIRE_IS_NIL || item.kind >= WIRE_IS_ARRAY)
        return false;
    return item.kind != WIRE_IS_DOUBLE || item.as.number == item.as.number;
}

static void push_map(lua_State *L, wire_reader_t *in, uint32_t pairs, unsigned depth)
{
    lua_createtable(L, 0, (int) pairs);
    for (; pairs; pairs--) {
        if (!is_key(*in))
            luaL_error(L, "a table's key is nil, NaN or no simple value");
        values_push(L, in, depth + 1);
        values_push(L, in, depth + 1);
        lua_rawset(L, -3);
    }
}

//  The bytes of an error object are nobody's until now: they are scanned here. The depth goes on
//  counting, so that errors inside errors cannot exhaust the C stack.
static void push_extension(lua_State *L, const wire_item_t *item, unsigned depth)
{
    wire_reader_t in = wire_reader(item->as.bytes.data, item->as.bytes.size), map;
    if (item->ext == JAIL_EXT_CODE) {
        lua_pushcfunction(L, term_code_new);
        lua_pushlstring(L, item->as.bytes.data, item->as.bytes.size);
        lua_call(L, 1, 1);
        return;
    }
    if (item->ext != JAIL_EXT_ERROR)
        luaL_error(L, "extension type %d is unknown here", item->ext);
    if (depth + 8 > WIRE_MAX_DEPTH || jail_frame_value(&in, WIRE_IS_MAP, &map) || in.at != in.end)
        luaL_error(L, "an error object's bytes are no map");
    failure_push(L, &map, depth + 8);
}

static void push_container(lua_State *L, wire_reader_t *in, const wire_item_t *item, unsigned depth)
{
    if (depth >= WIRE_MAX_DEPTH)
        luaL_error(L, "nested too deeply");
    luaL_checkstack(L, 8, "nested too deeply");
    if (item->kind == WIRE_IS_ARRAY)
        push_array(L, in, item->as.count, depth);
    else if (item->kind == WIRE_IS_MAP)
        push_map(L, in, item->as.count, depth);
    else
        push_extension(L, item, depth);
}

void values_push(lua_State *L, wire_reader_t *in, unsigned depth)
{
    wire_item_t item;
    if (wire_read(in, &item))
        luaL_error(L, "a value is cut short");
    switch (item.kind) {
    case WIRE_IS_NIL:    lua_pushnil(L); break;
    case WIRE_IS_BOOL:   lua_pushboolean(L, item.as.boolean); break;
    case WIRE_IS_INT:    lua_pushinteger(L, item.as.integer); break;
    case WIRE_IS_UINT:   lua_pushnumber(L, (lua_Number) item.as.natural); break;
    case WIRE_IS_DOUBLE: lua_pushnumber(L, item.as.number); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN:    lua_pushlstring(L, item.as.bytes.data, item.as.bytes.size); break;
    default:             push_container(L, in, &item, depth); break;
    }
}
