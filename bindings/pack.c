//  pack - the encoder of codec.h
//
//  Nothing is looked up ahead: a cycle shows by its depth, and the path of what failed is
//  put together on the way out, when the keys still stand on the Lua stack.

#include "codec.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "lerror.h"
#include "term.h"
#include "wire_error.h"

#define PLAIN (-1)              //  A metatable that says nothing
#define OTHER (-2)              //  Not 1..n in this order
#define KEY_SHOWN 40            //  Bytes of a long key that a path shows

//  ---- Failure ---------------------------------------------------------------

static int refuse(lpack_t *self, int code, const char *reason)
{
    self->code = code;
    self->reason = reason;
    self->keep = UINT_MAX;
    self->path = sizeof self->text - 1;
    self->text[self->path] = 0;
    return code;
}

//  A path that is too long loses its middle first, but it is never that long for people.
static void prepend(lpack_t *self, const char *text, size_t size)
{
    if (size + sizeof self->detail + 8 > self->path)
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

static void prepend_text_key(lpack_t *self, const char *text, size_t size)
{
    char segment[KEY_SHOWN + 16];
    int n = is_name(text, size)
        ? snprintf(segment, sizeof segment, ".%.*s", (int) size, text)
        : snprintf(segment, sizeof segment, "[\"%.*s%s\"]", (int) (size < KEY_SHOWN ? size : KEY_SHOWN), text,
                   size > KEY_SHOWN ? "..." : "");
    prepend(self, segment, (size_t) n);
}

//  The key at `index` of the table that stands `depth` containers down.
static void prepend_key(lpack_t *self, int index, unsigned depth)
{
    char segment[64];
    size_t size;
    int n = 0;
    if (depth > self->keep)
        return;
    if (lua_type(self->L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(self->L, index, &size);
        prepend_text_key(self, text, size);
        return;
    }
    if (lua_isinteger(self->L, index))
        n = snprintf(segment, sizeof segment, "[%lld]", (long long) lua_tointeger(self->L, index));
    else if (lua_type(self->L, index) == LUA_TNUMBER)
        n = snprintf(segment, sizeof segment, "[%.14g]", lua_tonumber(self->L, index));
    else if (lua_type(self->L, index) == LUA_TBOOLEAN)
        n = snprintf(segment, sizeof segment, "[%s]", lua_toboolean(self->L, index) ? "true" : "false");
    else
        n = snprintf(segment, sizeof segment, "[%s]", luaL_typename(self->L, index));
    prepend(self, segment, (size_t) n);
}

//  Too deep because of a cycle? Then the path ends where the first table comes again.
static int refuse_depth(lpack_t *self, int index)
{
    const void *inner = lua_topointer(self->L, index);
    for (unsigned j = 1; j <= LPACK_DEPTH; j++) {
        const void *table = j < LPACK_DEPTH ? self->open[j] : inner;
        for (unsigned i = 0; i < j; i++)
            if (self->open[i] == table) {
                refuse(self, WIRE_E_UNSENDABLE, "a table that is inside itself");
                self->keep = j - 1;
                return self->code;
            }
    }
    return refuse(self, WIRE_E_TOO_DEEP, "nested too deeply");
}

//  "userdata", or "userdata (FILE*)" when its metatable says more.
static int refuse_type(lpack_t *self, int index)
{
    const char *type = luaL_typename(self->L, index);
    if (!lua_checkstack(self->L, 4))
        return refuse(self, WIRE_E_NO_MEMORY, "no room on the Lua stack");
    const char *name = luaL_getmetafield(self->L, index, "__name") == LUA_TSTRING ? lua_tostring(self->L, -1) : NULL;
    if (name)
        snprintf(self->detail, sizeof self->detail, "%s (%.80s)", type, name);
    return refuse(self, WIRE_E_UNSENDABLE, name ? self->detail : type);
}

//  ---- Values ----------------------------------------------------------------

static int put_string(lpack_t *self, int index)
{
    size_t size;
    const char *text = lua_tolstring(self->L, index, &size);
    if (self->out->size > self->limit || size > self->limit - self->out->size)
        return refuse(self, WIRE_E_TOO_BIG, "too much for one message");
    wire_put_text(self->out, text, size);
    return 0;
}

static int put_number(lpack_t *self, int index)
{
    if (lua_isinteger(self->L, index))
        wire_put_int(self->out, lua_tointeger(self->L, index));
    else
        wire_put_double(self->out, lua_tonumber(self->L, index));
    return 0;
}

static int put_key(lpack_t *self, int index)
{
    switch (lua_type(self->L, index)) {
    case LUA_TSTRING:
        return put_string(self, index);
    case LUA_TNUMBER:
        return put_number(self, index);
    case LUA_TBOOLEAN:
        wire_put_bool(self->out, lua_toboolean(self->L, index));
        return 0;
    default:
        snprintf(self->detail, sizeof self->detail, "a %s as a key", luaL_typename(self->L, index));
        return refuse(self, WIRE_E_UNSENDABLE, self->detail);
    }
}

static int count_objects(lpack_t *self, size_t more)
{
    self->objects += more;
    return self->objects > LPACK_OBJECTS ? refuse(self, WIRE_E_TOO_BIG, "too many values for one message") : 0;
}

//  The value on top, where `top` is, of the key below it.
static int put_member(lpack_t *self, int top, unsigned depth)
{
    int rc = lpack_value(self, top, depth + 1);
    if (rc) {
        lua_settop(self->L, top);
        prepend_key(self, top - 1, depth);
    }
    return rc;
}

//  Keys 1..n in this order, as nearly every list is stored: one walk.
static int put_list(lpack_t *self, int table, lua_Integer n, unsigned depth)
{
    lua_State *L = self->L;
    lua_Integer i = 0;
    int top = lua_gettop(L) + 2, rc = count_objects(self, (size_t) n);
    wire_put_array(self->out, (uint32_t) n);
    for (lua_pushnil(L); rc == 0 && lua_next(L, table); lua_settop(L, top - 1))
        if (!lua_isinteger(L, top - 1) || lua_tointeger(L, top - 1) != ++i)
            return OTHER;
        else
            rc = put_member(self, top, depth);
    return rc;
}

//  Keys 1..n in another order (a list that was filled from its end)?
static bool is_list(lua_State *L, int table, lua_Integer n)
{
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_settop(L, -2))
        if (++count > n || !lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > n)
            return false;
    return count == n;
}

static int put_scattered_list(lpack_t *self, int table, lua_Integer n, unsigned depth)
{
    lua_State *L = self->L;
    int top = lua_gettop(L) + 2, rc = count_objects(self, (size_t) n);
    wire_put_array(self->out, (uint32_t) n);
    for (lua_Integer i = 1; rc == 0 && i <= n; i++) {
        lua_pushinteger(L, i);
        lua_rawgeti(L, table, i);
        rc = put_member(self, top, depth);
        lua_settop(L, top - 2);
    }
    return rc;
}

//  The head of a map whose size we know only now: one byte was left for it at `head`.
static void set_map_head(wire_buf_t *out, size_t head, uint32_t pairs)
{
    size_t more = pairs <= 15 ? 0 : pairs <= UINT16_MAX ? 2 : 4;
    if (more && !wire_buf_reserve(out, more))
        return;
    size_t size = out->size - head - 1;
    memmove(out->data + head + 1 + more, out->data + head + 1, size);
    out->size = head;
    wire_put_map(out, pairs);
    out->size += size;
}

static int put_map(lpack_t *self, int table, unsigned depth)
{
    lua_State *L = self->L;
    size_t head = self->out->size;
    uint32_t pairs = 0;
    int top = lua_gettop(L) + 2, rc = 0;
    wire_put_byte(self->out, 0x80);
    for (lua_pushnil(L); rc == 0 && lua_next(L, table); lua_settop(L, top - 1), pairs++) {
        rc = put_key(self, -2);
        if (rc)
            prepend_key(self, -2, depth);
        else if ((rc = count_objects(self, 2)) == 0)
            rc = put_member(self, top, depth);
    }
    if (rc == 0 && !self->out->failed && pairs)
        set_map_head(self->out, head, pairs);
    return rc;
}

static int put_table(lpack_t *self, int table, unsigned depth)
{
    lua_Integer n = (lua_Integer) lua_rawlen(self->L, table);
    size_t start = self->out->size, objects = self->objects;
    int top = lua_gettop(self->L);
    if (n > LPACK_OBJECTS)
        return refuse(self, WIRE_E_TOO_BIG, "too many values for one message");
    int rc = n ? put_list(self, table, n, depth) : OTHER;
    if (rc == OTHER) {
        lua_settop(self->L, top);
        self->out->size = start;        //  Not truncate, which would forget a failure
        self->objects = objects;
        if (n && is_list(self->L, table, n))
            rc = put_scattered_list(self, table, n, depth);
        else {
            lua_settop(self->L, top);
            rc = put_map(self, table, depth);
        }
    }
    return rc;
}

//  An error object: an extension whose bytes are the map that FAIL carries. Its length is
//  written afterwards, hence always in four bytes.
static int put_error(lpack_t *self, int index, unsigned depth)
{
    size_t head = self->out->size;
    wire_buf_append(self->out, "\xc9\0\0\0\0\1", 6);
    int rc = lerror_put(self, index, depth + 1, self->hop, NULL);
    if (rc || self->out->failed)
        return rc;
    size_t size = self->out->size - head - 6;
    for (int i = 0; i < 4; i++)
        self->out->data[head + 1 + (size_t) i] = (uint8_t) (size >> (24 - 8 * i));
    return 0;
}

static int put_hooked(lpack_t *self, int index, unsigned depth)
{
    lua_State *L = self->L;
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        const char *text = lua_tostring(L, -1);
        snprintf(self->detail, sizeof self->detail, "__pack: %.100s", text ? text : luaL_typename(L, -1));
        return refuse(self, WIRE_E_UNSENDABLE, self->detail);
    }
    return lpack_value(self, lua_gettop(L), depth + 1);
}

//  Whether the metatable on top is that of terms, which is looked up once for all values: a template is full of them.
static bool is_term(lpack_t *self, int index)
{
    if (!self->terms)
        self->terms = lterm_metatable(self->L);
    return lua_topointer(self->L, -1) == self->terms && lua_isuserdata(self->L, index);
}

//  What the metatable on top (which is popped) makes of the value.
static int put_by_metatable(lpack_t *self, int index, unsigned depth)
{
    lua_State *L = self->L;
    int rc = PLAIN, top = lua_gettop(L) - 1;
    if (is_term(self, index)) {
        lterm_put(L, index, self->out);
        rc = 0;
    }
    else if (lerror_is_metatable(L, -1))
        rc = put_error(self, index, depth);
    else {
        lua_pushliteral(L, "__pack");
        if (lua_rawget(L, -2) != LUA_TNIL)
            rc = put_hooked(self, index, depth);
    }
    lua_settop(L, top);
    return rc;
}

//  Tables and userdata.
static int put_object(lpack_t *self, int index, unsigned depth)
{
    int rc = PLAIN;
    if (depth >= LPACK_DEPTH)
        return refuse_depth(self, index);
    if (!lua_checkstack(self->L, 10))
        return refuse(self, WIRE_E_NO_MEMORY, "no room on the Lua stack");
    self->open[depth] = lua_topointer(self->L, index);
    if (lua_getmetatable(self->L, index))
        rc = put_by_metatable(self, index, depth);
    if (rc != PLAIN)
        return rc;
    return lua_istable(self->L, index) ? put_table(self, index, depth) : refuse_type(self, index);
}

int lpack_value(lpack_t *self, int index, unsigned depth)
{
    switch (lua_type(self->L, index)) {
    case LUA_TNIL:
        wire_put_nil(self->out);
        return 0;
    case LUA_TBOOLEAN:
        wire_put_bool(self->out, lua_toboolean(self->L, index));
        return 0;
    case LUA_TNUMBER:
        return put_number(self, index);
    case LUA_TSTRING:
        return put_string(self, index);
    case LUA_TTABLE:
    case LUA_TUSERDATA:
        return put_object(self, index, depth);
    default:
        return refuse_type(self, index);
    }
}

//  ---- Lists of values ---------------------------------------------------------

void lpack_init(lpack_t *self, lua_State *L, wire_buf_t *out)
{
    self->L = L;
    self->out = out;
    self->limit = out->size + LPACK_SIZE;
    self->objects = 0;
    self->hop = NULL;
    self->terms = NULL;
    self->code = 0;
}

//  Too big or out of memory may show only at the end.
static int check_end(lpack_t *self)
{
    if (self->out->failed)
        return refuse(self, WIRE_E_NO_MEMORY, "out of memory");
    if (self->out->size > self->limit)
        return refuse(self, WIRE_E_TOO_BIG, "too much for one message");
    return 0;
}

static int put_all(lpack_t *self, int first, int count, const char *place)
{
    int top = lua_gettop(self->L);
    int rc = count_objects(self, (size_t) count);
    for (int i = 0; rc == 0 && i < count; i++)
        if (lua_isinteger(self->L, first + i))
            wire_put_int(self->out, lua_tointeger(self->L, first + i));
        else if ((rc = lpack_value(self, first + i, 0)) != 0) {
            char segment[32];
            prepend(self, segment, (size_t) snprintf(segment, sizeof segment, "[%d]", i + 1));
        }
    if (rc)
        lua_settop(self->L, top);
    else
        rc = check_end(self);
    if (rc)
        prepend(self, place, strlen(place));
    return rc;
}

int lpack_values(lpack_t *self, int first, int count, const char *place)
{
    size_t start = self->out->size;
    int rc = put_all(self, first, count, place);
    if (rc)
        wire_buf_truncate(self->out, start);
    return rc;
}

int lpack_array(lpack_t *self, int first, int count, const char *place)
{
    size_t start = self->out->size;
    wire_put_array(self->out, (uint32_t) count);
    int rc = put_all(self, first, count, place);
    if (rc)
        wire_buf_truncate(self->out, start);
    return rc;
}

//  The path stands at the text's end; it moves to the front and the reason goes behind it.
const char *lpack_text(lpack_t *self)
{
    size_t size = strlen(self->text + self->path);
    if (self->path == 0)
        return self->text;
    memmove(self->text, self->text + self->path, size);
    snprintf(self->text + size, sizeof self->text - size, ": %s", self->reason);
    self->path = 0;
    return self->text;
}
