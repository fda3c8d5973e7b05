//  host - what the command line's Lua half asks of C. See host.h

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <lauxlib.h>
#include <uv.h>
#include "address.h"
#include "alua.h"
#include "child.h"
#include "edit.h"
#include "endpoint.h"
#include "host.h"
#include "host_data.h"
#include "host_doctor.h"
#include "host_keys.h"
#include "knock.h"
#include "label.h"
#include "launch.h"
#include "serve.h"

//  A TCP host that does not answer at all should not keep a user waiting for long, ms.
#define PROBE_TIME 1000

//  ---- Options from a table at index 1 -----------------------------------------

static const char *text_field(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key);            //  Stays on the stack, and so alive, until we return to Lua
    return lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
}

static bool flag_field(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static double number_field(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key);
    double value = luaL_optnumber(L, -1, 0);
    lua_pop(L, 1);
    return value;
}

//  The strings of a list, NULL-terminated; the array lives in a userdata on the stack.
static const char *const *list_field(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key);
    luaL_checktype(L, -1, LUA_TTABLE);
    int list = lua_gettop(L), count = (int) lua_rawlen(L, list);
    const char **texts = lua_newuserdatauv(L, ((size_t) count + 1) * sizeof *texts, 0);
    luaL_checkstack(L, count + 8, "too many arguments");
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, list, i + 1);
        texts[i] = luaL_checkstring(L, -1);
    }
    texts[count] = NULL;
    return texts;
}

//  ---- The functions -----------------------------------------------------------

static int host_launch(lua_State *L)
{
    launch_options_t options = {
        .count = (int) number_field(L, "count"), .app = text_field(L, "app"), .name = text_field(L, "name"),
        .broker = text_field(L, "broker"), .file = text_field(L, "file"), .args = list_field(L, "args"),
        .key = text_field(L, "key"), .broker_key = text_field(L, "broker_key"), .code = text_field(L, "code"),
        .timeout = number_field(L, "timeout"), .keep = flag_field(L, "keep"), .end = flag_field(L, "end_"),
        .label = flag_field(L, "label"),
    };
    luaL_argcheck(L, options.count >= 1 && options.file, 1, "count and file are needed");
    lua_pushinteger(L, launch(&options));
    return 1;
}

static serve_options_t serve_options(lua_State *L)
{
    return (serve_options_t) { .listen = list_field(L, "listen"), .until_empty = flag_field(L, "until_empty"),
                               .key = text_field(L, "key"), .trust = text_field(L, "trust"),
                               .policy = text_field(L, "policy"), .insecure = flag_field(L, "insecure"),
                               .ready = (int) number_field(L, "ready") };
}

static int host_serve(lua_State *L)
{
    serve_options_t options = serve_options(L);
    lua_pushinteger(L, serve(&options));
    return 1;
}

//  host.detach{...} -> line | nil, why
static int host_detach(lua_State *L)
{
    char line[1024];
    serve_options_t options = serve_options(L);
    bool started = serve_detached(&options, line, sizeof line);
    if (!started)
        lua_pushnil(L);
    lua_pushstring(L, line);
    return started ? 1 : 2;
}

static int host_probe(lua_State *L)
{
    const char *why;
    address_reach_t found = address_reach(luaL_checkstring(L, 1), PROBE_TIME, &why);
    lua_pushstring(L, found == ADDRESS_ACCEPTED ? "somebody" : found == ADDRESS_BAD ? "bad" : "nobody");
    return 1;
}

static int host_is_local(lua_State *L)
{
    lua_pushboolean(L, endpoint_is_local(luaL_checkstring(L, 1)));
    return 1;
}

//  host.knock{...} -> "ok" | WORD of an error, text
static int host_knock(lua_State *L)
{
    char text[1024] = "";
    knock_t ask = { .broker = text_field(L, "broker"), .key = text_field(L, "key"),
                    .broker_key = text_field(L, "broker_key"), .timeout = (int) (number_field(L, "timeout") * 1000) };
    luaL_argcheck(L, ask.broker, 1, "a broker is needed");
    lua_pushstring(L, wire_error_word(knock(&ask, text, sizeof text)));
    lua_pushstring(L, text);
    return 2;
}

//  host.listenable(endpoint) -> endpoint | nil, why
static int host_listenable(lua_State *L)
{
    char numeric[ADDRESS_TEXT];
    const char *why = address_listen(luaL_checkstring(L, 1), numeric);
    if (why)
        lua_pushnil(L);
    lua_pushstring(L, why ? why : numeric);
    return why ? 2 : 1;
}

//  host.own_address(endpoint) -> text | nil
static int host_own_address(lua_State *L)
{
    char address[ADDRESS_TEXT];
    lua_pushstring(L, address_toward(luaL_checkstring(L, 1), address) ? address : NULL);
    return 1;
}

//  host.absolute(path) -> path; as it is when there is no such file
static int host_absolute(lua_State *L)
{
    char path[PATH_MAX];
    const char *given = luaL_checkstring(L, 1);
    lua_pushstring(L, realpath(given, path) ? path : given);
    return 1;
}

static int push_place(lua_State *L, const char *place)
{
    if (!place)
        return luaL_error(L, "no runtime directory: $XDG_RUNTIME_DIR/alua or /tmp/alua-UID must be yours alone");
    lua_pushstring(L, place);
    return 1;
}

static int host_directory(lua_State *L)
{
    return push_place(L, alua_directory());
}

static int host_default_broker(lua_State *L)
{
    return push_place(L, alua_default_broker());
}

static int host_setenv(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1), *value = luaL_optstring(L, 2, NULL);
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
    return 0;
}

static int host_label(lua_State *L)
{
    label_set(luaL_checkstring(L, 1));
    return 0;
}

static int host_leave(lua_State *L)
{
    child_leave(lua_toboolean(L, 1));
    return 0;
}

static int host_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int) luaL_checkinteger(L, 1)));
    return 1;
}

//  host.now() -> seconds, to the nanosecond: core.now is the loop's, in whole ms.
static int host_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number) uv_hrtime() / 1e9);
    return 1;
}

static const luaL_Reg functions[] = {
    { "launch", host_launch }, { "serve", host_serve }, { "detach", host_detach }, { "probe", host_probe }, { "knock", host_knock },
    { "listenable", host_listenable }, { "own_address", host_own_address }, { "absolute", host_absolute },
    { "is_local", host_is_local }, { "directory", host_directory }, { "default_broker", host_default_broker },
    { "setenv", host_setenv }, { "label", host_label }, { "leave", host_leave }, { "isatty", host_isatty },
    { "data", host_data }, { "now", host_now }, { NULL, NULL },
};

int host_push(lua_State *L)
{
    luaL_newlib(L, functions);
    edit_push(L);
    lua_setfield(L, -2, "edit");
    host_doctor_push(L);
    lua_setfield(L, -2, "doctor");
    host_keys_push(L);
    lua_setfield(L, -2, "keys");
    lua_pushliteral(L, ALUA_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
