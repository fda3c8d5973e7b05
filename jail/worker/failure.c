//  failure - from Lua's errors to FAIL's map

#include "failure.h"

#include <stdio.h>
#include <string.h>

#include "environment.h"
#include "values.h"
#include "wire_error.h"

#define METATABLE "jail.error"
#define MAX_MESSAGE 4096        //  Bytes of text that leave
#define MAX_VALUE   65536       //  Bytes of a thrown value that leave
#define MAX_LEVELS  64

//  ---- Objects ---------------------------------------------------------------

static void push_field(lua_State *L, int index, const char *name, const char *otherwise)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TSTRING) {
        lua_settop(L, -2);
        lua_pushstring(L, otherwise);
    }
}

//  "code: message"
static int error_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    push_field(L, 1, "code", "remote");
    lua_pushliteral(L, ": ");
    push_field(L, 1, "message", "?");
    lua_concat(L, 3);
    return 1;
}

static int error_concat(lua_State *L)
{
    lua_settop(L, 2);
    environment_text(L, 1);
    environment_text(L, 2);
    lua_concat(L, 2);
    return 1;
}

void failure_open(lua_State *L)
{
    static const luaL_Reg methods[] = { { "__tostring", error_text }, { "__concat", error_concat }, { NULL, NULL } };
    luaL_newmetatable(L, METATABLE);
    luaL_setfuncs(L, methods, 0);
    lua_pushliteral(L, "error");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_settop(L, -2);
}

bool failure_is(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, METATABLE);
    bool same = lua_rawequal(L, -1, -2);
    lua_settop(L, -3);
    return same;
}

void failure_push(lua_State *L, wire_reader_t *map, unsigned depth)
{
    luaL_checkstack(L, 8, "nested too deeply");
    values_push(L, map, depth);
    luaL_setmetatable(L, METATABLE);
}

//  ---- Where it was ----------------------------------------------------------

static void note_where(worker_t *self, lua_State *L)
{
    lua_Debug frame;
    for (int level = 0; level < MAX_LEVELS && lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0) {
            snprintf(self->where, sizeof self->where, "%s:%d", frame.short_src, frame.currentline);
            return;
        }
    }
}

int failure_note(lua_State *L)
{
    worker_t *self = worker_of(L);
    self->where[0] = 0;
    note_where(self, L);
    luaL_traceback(L, L, NULL, 1);
    snprintf(self->trace, sizeof self->trace, "%s", lua_tostring(L, -1));
    lua_settop(L, -2);
    return 1;
}

//  ---- FAIL ------------------------------------------------------------------

static void put_pair(wire_buf_t *out, const char *key, const char *text, size_t size)
{
    wire_put_cstr(out, key);
    wire_put_text(out, text, size < MAX_MESSAGE ? size : MAX_MESSAGE);
}

//  code, message, definite, where and traceback, and what the caller adds.
static void begin(worker_t *self, const char *code, size_t code_size, const char *text, size_t size, uint32_t more)
{
    wire_buf_t *out = &self->out;
    uint32_t places = (self->where[0] ? 1u : 0u) + (self->trace[0] ? 1u : 0u);
    jail_frame_begin(out, JAIL_FAIL);
    wire_put_map(out, 3 + places + more);
    put_pair(out, "code", code, code_size);
    put_pair(out, "message", text, size);
    wire_put_cstr(out, "definite");
    wire_put_bool(out, wire_error_definite(wire_error_of(code, code_size)));
    if (self->where[0])
        put_pair(out, "where", self->where, strlen(self->where));
    if (self->trace[0]) {
        wire_put_cstr(out, "traceback");
        wire_put_array(out, 1);
        wire_put_text(out, self->trace, strlen(self->trace));
    }
}

void failure_say(worker_t *self, int code, const char *text, size_t size)
{
    const char *word = wire_error_word(code);
    begin(self, word, strlen(word), text, size, 0);
    jail_frame_end(&self->out);
}

//  The value itself goes along when it is a table of modest size; what stands in the way of that
//  is not worth a second error.
static void tell_value(lua_State *L, int index, const char *text, size_t size)
{
    worker_t *self = worker_of(L);
    values_t packing;
    wire_buf_t value = WIRE_BUF_EMPTY;
    int rc = values_one(&packing, L, &value, index, "value");
    bool good = rc == 0 && value.size <= MAX_VALUE;
    begin(self, "remote", 6, text, size, good);
    if (good) {
        wire_put_cstr(&self->out, "value");
        wire_buf_append(&self->out, value.data, value.size);
    }
    wire_buf_free(&value);
    jail_frame_end(&self->out);
}

//  A string must not be cut in the middle of a character by its size alone; wire_put_text then
//  writes bytes, which is a form of text too.
static void tell_object(lua_State *L, int index)
{
    worker_t *self = worker_of(L);
    size_t code_size, size;
    push_field(L, index, "code", "remote");
    push_field(L, index, "message", "?");
    push_field(L, index, "where", self->where);
    snprintf(self->where, sizeof self->where, "%s", lua_tostring(L, -1));
    const char *code = lua_tolstring(L, -3, &code_size), *text = lua_tolstring(L, -2, &size);
    begin(self, code, code_size < WIRE_MAX_NAME ? code_size : WIRE_MAX_NAME, text, size, 0);
    jail_frame_end(&self->out);
}

static int text_of(lua_State *L)
{
    environment_text(L, 1);
    return 1;
}

//  Push the value as text; its __tostring is foreign code.
static void push_text(lua_State *L, int index)
{
    lua_pushcfunction(L, text_of);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_isstring(L, -1)) {
        lua_settop(L, -2);
        lua_pushliteral(L, "an error whose __tostring fails");
    }
}

void failure_tell(lua_State *L, int status)
{
    worker_t *self = worker_of(L);
    int index = lua_gettop(L);
    size_t size;
    if (status == LUA_ERRMEM) {
        self->where[0] = self->trace[0] = 0;    //  No handler ran
        failure_say(self, WIRE_E_NO_MEMORY, "not enough memory", 17);
        return;
    }
    if (failure_is(L, index)) {
        tell_object(L, index);
        return;
    }
    push_text(L, index);
    const char *text = lua_tolstring(L, -1, &size);
    if (lua_istable(L, index))
        tell_value(L, index, text, size);
    else
        failure_say(self, WIRE_E_REMOTE, text, size);
}
