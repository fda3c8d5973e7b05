//  environment - the allow-list, and the few functions that differ from Lua's own

#include "environment.h"

#include <lualib.h>
#include <string.h>
#include <time.h>

#include "failure.h"
#include "term.h"
#include "worker.h"

//  Keys of the registry.
#define BASE    "jail.base"     //  What globals are filled from: functions, and tables to copy
#define GLOBALS "jail.globals"  //  Their metatable
#define CURRENT "jail.current"  //  The globals of this run
#define CALLS   "jail.calls"    //  Functions that call out, by name
#define IDS     "jail.ids"      //  Numbers of tables and functions that were shown

static const char *const base_names[] = {
    "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen",
    "rawset", "select", "tonumber", "type", "xpcall", NULL
};
static const char *const string_names[] = {
    "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse",
    "sub", "unpack", "upper", NULL
};
static const char *const table_names[] = { "concat", "insert", "move", "pack", "remove", "sort", "unpack", NULL };
static const char *const math_names[] = {
    "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger",
    "min", "mininteger", "modf", "pi", "rad", "random", "sin", "sqrt", "tan", "tointeger", "type", "ult", NULL
};
static const char *const utf8_names[] = { "char", "charpattern", "codepoint", "codes", "len", "offset", NULL };
static const char *const coroutine_names[] = {
    "close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield", NULL
};
static const char *const os_names[] = { "date", "difftime", "time", NULL };

//  ---- Text without addresses ------------------------------------------------

//  Push a number that stands for the object at index, the same as long as it lives.
static void push_id(lua_State *L, int index)
{
    lua_getfield(L, LUA_REGISTRYINDEX, IDS);
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_Integer next = (lua_rawgeti(L, -2, 0), lua_tointeger(L, -1)) + 1;
        lua_settop(L, -3);
        lua_pushinteger(L, next);
        lua_rawseti(L, -2, 0);
        lua_pushvalue(L, index);
        lua_pushinteger(L, next);
        lua_rawset(L, -3);
        lua_pushinteger(L, next);
    }
    lua_remove(L, -2);
}

void environment_text(lua_State *L, int index)
{
    int type = lua_type(L, index);
    luaL_checkstack(L, 8, "no room for a text");
    index = lua_absindex(L, index);
    bool hides = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD || type == LUA_TUSERDATA;
    if (!hides || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        if (hides)
            lua_settop(L, -2);
        luaL_tolstring(L, index, NULL);
        return;
    }
    if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING)
        lua_pushstring(L, lua_typename(L, type));
    lua_pushliteral(L, ": ");
    push_id(L, index);
    lua_concat(L, 3);
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    environment_text(L, 1);
    return 1;
}

//  ---- Functions of our own --------------------------------------------------

//  Finalizers run when no hook does and at times nobody chose; a metatable gets one only here.
static int base_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not allowed here");
        lua_settop(L, 2);
    }
    lua_setmetatable(L, 1);
    return 1;
}

static int not_loaded(lua_State *L, const char *why)
{
    luaL_pushfail(L);
    lua_pushstring(L, why);
    return 2;
}

//  Text only, and only as a string: a reader could feed the compiler for ever.
static int base_load(lua_State *L)
{
    size_t size;
    const char *code = luaL_checklstring(L, 1, &size), *name = luaL_optstring(L, 2, code);
    bool own = !lua_isnone(L, 4);
    if (!strchr(luaL_optstring(L, 3, "t"), 't'))
        return not_loaded(L, "only text can be loaded here");
    if (size > worker_of(L)->config.code)
        return not_loaded(L, "the text is too long");
    lua_settop(L, 4);
    if (luaL_loadbufferx(L, code, size, name, "t") != LUA_OK) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (own)
        lua_pushvalue(L, 4);
    else
        lua_getfield(L, LUA_REGISTRYINDEX, CURRENT);
    if (!lua_setupvalue(L, -2, 1))
        lua_settop(L, -2);
    return 1;
}

static int base_collectgarbage(lua_State *L)
{
    static const char *const options[] = { "collect", "count", NULL };
    if (luaL_checkoption(L, 1, "collect", options) == 0) {
        lua_gc(L, LUA_GCCOLLECT);
        lua_pushinteger(L, 0);
    }
    else
        lua_pushnumber(L, (lua_Number) worker_of(L)->used / 1024);
    return 1;
}

//  Lua's own goes round the loop for each of 1e15 empty strings.
static int string_rep(lua_State *L)
{
    size_t size, between;
    luaL_checklstring(L, 1, &size);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &between);
    if (size + between == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (n > 0 && (size_t) n > worker_of(L)->config.memory / (size + between))
        return luaL_error(L, "resulting string too large");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

//  Whether the format has a %p, which shows an address.
static bool shows_pointer(const char *format, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (format[i] != '%')
            continue;
        i++;
        while (i < size && strchr("-+ #0123456789.", format[i]) && format[i])
            i++;
        if (i < size && format[i] == 'p')
            return true;
    }
    return false;
}

static int string_format(lua_State *L)
{
    size_t size;
    const char *format = luaL_checklstring(L, 1, &size);
    if (shows_pointer(format, size))
        return luaL_error(L, "%%p is not allowed here");
    for (int i = 2, top = lua_gettop(L); i <= top; i++)
        if (lua_type(L, i) >= LUA_TTABLE) {
            environment_text(L, i);
            lua_replace(L, i);
        }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

//  Without arguments Lua's own takes an address for a seed, and returns it.
static int math_randomseed(lua_State *L)
{
    worker_t *self = worker_of(L);
    if (lua_gettop(L) == 0) {
        self->config.seed[0] += UINT64_C(0x9e3779b97f4a7c15);
        lua_pushinteger(L, (lua_Integer) self->config.seed[0]);
        lua_pushinteger(L, (lua_Integer) self->config.seed[1]);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
    return 0;
}

//  Processor time, in steps of a millisecond: a finer clock is a tool for side channels.
static int os_clock(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    lua_pushnumber(L, (lua_Number) ((long long) now.tv_sec * 1000 + now.tv_nsec / 1000000) / 1000);
    return 1;
}

//  ---- The base, once per state ----------------------------------------------

//  From the table on top into the one below it; pops the upper one.
static void take_names(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_settop(L, -2);
}

//  Replace a function of the library on top by one that has it as an upvalue.
static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

//  A library of our base: the listed names of Lua's own. Left on top; the base is below it.
static void open_library(lua_State *L, const char *name, lua_CFunction open, const char *const *names)
{
    lua_newtable(L);
    luaL_requiref(L, name, open, 0);
    take_names(L, names);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
}

//  The methods of strings are a table that only their metatable knows.
static void open_string(lua_State *L)
{
    open_library(L, "string", luaopen_string, string_names);
    wrap(L, "rep", string_rep);
    wrap(L, "format", string_format);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_settop(L, -4);
}

static void open_math(lua_State *L)
{
    open_library(L, "math", luaopen_math, math_names);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushcclosure(L, math_randomseed, 1);
    lua_setfield(L, -4, "randomseed");
    lua_settop(L, -3);
    lua_getfield(L, -1, "randomseed");
    lua_call(L, 0, 0);
    lua_settop(L, -2);
}

static void open_os(lua_State *L)
{
    open_library(L, "os", luaopen_os, os_names);
    lua_pushcfunction(L, os_clock);
    lua_setfield(L, -2, "clock");
    lua_settop(L, -2);
}

static void open_base(lua_State *L)
{
    static const luaL_Reg own[] = {
        { "collectgarbage", base_collectgarbage }, { "load", base_load }, { "setmetatable", base_setmetatable },
        { "code", term_code_new }, { "term", term_new }, { "tostring", base_tostring }, { NULL, NULL }
    };
    luaL_requiref(L, "_G", luaopen_base, 0);
    take_names(L, base_names);
    luaL_setfuncs(L, own, 0);
}

//  Traceback finds the names of functions here; Lua's full libraries must not stay.
static void replace_loaded(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "_G");
    for (lua_pushnil(L); lua_next(L, -3); lua_settop(L, -2))
        if (lua_istable(L, -1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

//  ---- Globals, one per run --------------------------------------------------

//  Replace the table on top by a copy.
static void copy_table(lua_State *L)
{
    lua_createtable(L, 0, 32);
    for (lua_pushnil(L); lua_next(L, -3);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
}

//  A global that is not there (yet).
static int globals_index(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
        return 1;
    if (lua_istable(L, -1))
        copy_table(L);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

static void open_globals(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, globals_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setfield(L, LUA_REGISTRYINDEX, GLOBALS);
}

static void open_registry(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, CALLS);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, IDS);
}

void environment_open(lua_State *L)
{
    static const struct { const char *name; lua_CFunction open; const char *const *names; } plain[] = {
        { "table", luaopen_table, table_names }, { "utf8", luaopen_utf8, utf8_names },
        { "coroutine", luaopen_coroutine, coroutine_names },
    };
    failure_open(L);
    term_open(L);
    open_registry(L);
    lua_newtable(L);
    open_base(L);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        open_library(L, plain[i].name, plain[i].open, plain[i].names);
        lua_settop(L, -2);
    }
    open_string(L);
    open_math(L);
    open_os(L);
    replace_loaded(L);
    open_globals(L);
    lua_setfield(L, LUA_REGISTRYINDEX, BASE);
}

void environment_reseed(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, BASE);
    lua_getfield(L, -1, "math");
    lua_getfield(L, -1, "randomseed");
    lua_call(L, 0, 0);
    lua_settop(L, -3);
}

void environment_push(lua_State *L)
{
    lua_createtable(L, 0, 8);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    luaL_getmetatable(L, GLOBALS);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CURRENT);
}

//  ---- Calls out -------------------------------------------------------------

//  Push the function of this name, made once per state.
static void push_call(lua_State *L, const char *name, size_t size)
{
    lua_getfield(L, LUA_REGISTRYINDEX, CALLS);
    lua_pushlstring(L, name, size);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_settop(L, -2);
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, worker_call_out, 1);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_replace(L, -3);
    lua_settop(L, -2);
}

//  Push the table that the table on top has as `name`, made if need be.
static void push_table(lua_State *L, const char *name, size_t size)
{
    lua_pushlstring(L, name, size);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TTABLE) {
        lua_settop(L, -2);
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_remove(L, -2);
}

void environment_add_call(lua_State *L, const char *name, size_t size)
{
    const char *dot = memchr(name, '.', size);
    size_t head = dot ? (size_t) (dot - name) : 0;
    if (dot)
        push_table(L, name, head);
    else
        lua_pushvalue(L, -1);
    lua_pushlstring(L, dot ? dot + 1 : name, dot ? size - head - 1 : size);
    push_call(L, name, size);
    lua_rawset(L, -3);
    lua_settop(L, -2);
}
