//  network - the broker, apps, children, and who we are

#include <stdlib.h>

#include "callback.h"
#include "core.h"
#include "wire_error.h"

//  true; or, with an error code, nil, err
static int push_status(lua_State *L, int rc)
{
    if (rc)
        return lerror_return(L, rc, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

//  The same for what had a callback waiting, which hears of the failure too: it has one outcome in any case.
static int push_started(lua_State *L, int rc, lpending_t *pending)
{
    push_status(L, rc);
    if (rc)
        lcallback_refuse(L, pending);
    return rc ? 2 : 1;
}

static lpending_t *need_callback(lua_State *L, int index, const char *what)
{
    luaL_checkany(L, index);
    lpending_t *pending = lcallback_new(L, lcore_of(L), index, what);
    luaL_argcheck(L, pending, index, "a callback is needed");
    return pending;
}

//  ---- The broker ------------------------------------------------------------------

//  core.open(broker, timeout, cb) -> true | nil, err; cb(id, address, node)
static int open_network(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const char *broker = luaL_checkstring(L, 1);
    int64_t timeout = lcore_ms(L, 2, WIRE_TIMEOUT);
    lcore_need_node(L, core);
    lpending_t *pending = need_callback(L, 3, "open");
    return push_started(L, alua_node_open(core->node, broker, timeout, lcallback_on_outcome, pending), pending);
}

//  core.close() -> true | nil, err
static int close_network(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    return push_status(L, core->node ? alua_node_close(core->node) : WIRE_E_OFFLINE);
}

//  core.probe(endpoint, cb) -> true | nil, err; cb(boolean): does anybody listen there
static int probe(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const char *endpoint = luaL_checkstring(L, 1);
    lcore_need_node(L, core);
    lpending_t *pending = need_callback(L, 2, "probe");
    return push_started(L, alua_probe(core->node, endpoint, lcallback_on_outcome, pending), pending);
}

//  core.start_broker(endpoint, cb) -> true | nil, err; cb(endpoint) or cb(nil, err)
static int start_broker(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const char *endpoint = luaL_checkstring(L, 1);
    lcore_need_node(L, core);
    lpending_t *pending = need_callback(L, 2, "start_broker");
    return push_started(L, alua_start_broker(core->node, endpoint, lcallback_on_outcome, pending), pending);
}

//  An answer that nobody waits for.
static void unheard(void *arg, const alua_outcome_t *outcome)
{
    if (outcome->code)
        lreport_text(arg, "broker", outcome->text ? outcome->text : wire_error_text(outcome->code));
}

//  core.ask(type, timeout, cb, ...) -> true | nil, err; cb(fields...); cb nil: failures are reported
static int ask(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    wire_buf_t *out = &core->out;
    wire_type_t type = lask_check_type(L, 1);
    int64_t timeout = lcore_ms(L, 2, WIRE_TIMEOUT);
    lpack_t pack;
    lcore_need_node(L, core);
    lpending_t *pending = lcallback_new(L, core, 3, wire_type_name(type));
    size_t start = out->size;
    int count = lua_gettop(L) < 4 ? 0 : lua_gettop(L) - 3;
    lpack_init(&pack, L, out);
    int rc = lpack_values(&pack, 4, count, "fields");
    if (rc) {
        lerror_return(L, rc, "%s", lpack_text(&pack));
        lcallback_refuse(L, pending);
        return 2;
    }
    alua_ask_t request = { .type = type, .fields = out->data + start, .size = out->size - start, .count = (uint32_t) count,
                           .timeout = timeout, .fn = pending ? lcallback_on_outcome : unheard,
                           .arg = pending ? (void *) pending : core };
    rc = alua_ask(core->node, &request, NULL);
    wire_buf_truncate(out, start);
    return push_started(L, rc, pending);
}

//  ---- Apps --------------------------------------------------------------------------

//  Push the app's kept { list, changes }, made anew when it has changed.
static void push_view(lua_State *L, lcore_t *core, const char *app, int64_t size)
{
    int64_t changes = alua_app_changes(core->node, app);
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->views);
    int views = lua_gettop(L);
    if (lua_getfield(L, views, app) == LUA_TTABLE) {
        lua_rawgeti(L, -1, 2);
        bool same = lua_tointeger(L, -1) == changes;
        lua_pop(L, 1);
        if (same)
            return;
    }
    lua_createtable(L, 2, 0);
    lua_createtable(L, (int) size, 0);
    for (int64_t i = 0; i < size; i++) {
        lua_pushstring(L, alua_app_member(core->node, app, (size_t) i));
        lua_rawseti(L, -2, i + 1);
    }
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, changes);
    lua_rawseti(L, -2, 2);
    lua_pushvalue(L, -1);
    lua_setfield(L, views, app);
}

//  core.members(app) -> list, version | nil
static int members(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const char *app = luaL_checkstring(L, 1);
    int64_t size = core->node ? alua_app_size(core->node, app) : -1;
    if (size < 0)
        return 0;
    push_view(L, core, app, size);
    lua_rawgeti(L, -1, 1);
    lua_pushinteger(L, alua_app_version(core->node, app));
    return 2;
}

//  ---- Children ------------------------------------------------------------------------

//  { KEY = value } -> an array of "KEY=value" for C, in a userdata that is left on the stack
//  with the table of the strings.
static const char *const *check_env(lua_State *L, int index)
{
    size_t count = 0;
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        count++;
    const char **env = lua_newuserdatauv(L, (count + 1) * sizeof *env, 0);
    lua_createtable(L, (int) count, 0);
    int strings = lua_gettop(L);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1), index, "strings are needed");
        const char *value = luaL_tolstring(L, -1, NULL);
        env[i] = lua_pushfstring(L, "%s=%s", lua_tostring(L, -3), value);
        lua_rawseti(L, strings, (lua_Integer) ++i);
        lua_pop(L, 1);
    }
    env[count] = NULL;
    return env;
}

//  core.spawn(name, env, cb) -> true | nil, err; cb(id, node)
static int spawn(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    lua_settop(L, 3);
    alua_spawn_t child = { .name = luaL_optstring(L, 1, NULL), .env = check_env(L, 2) };
    lpending_t *pending = need_callback(L, 3, "spawn");
    return push_started(L, alua_spawn(core->process, &child, lcallback_on_outcome, pending), pending);
}

//  ---- Who we are ------------------------------------------------------------------------

//  Nothing is set for NULL and "".
static void set_text(lua_State *L, const char *key, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, bool flag)
{
    lua_pushboolean(L, flag);
    lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, lua_Integer number)
{
    lua_pushinteger(L, number);
    lua_setfield(L, -2, key);
}

static void add_node(lua_State *L, const lcore_t *core)
{
    alua_stat_t stat;
    bool open = *alua_node_name(core->node) != 0;
    alua_node_stat(core->node, &stat);
    set_text(L, "id", alua_process_id(core->process));
    set_text(L, "node", alua_node_name(core->node));
    set_text(L, "address", alua_node_address(core->node));
    set_text(L, "broker", alua_node_broker(core->node));
    set_text(L, "endpoint", alua_node_endpoint(core->node));
    set_flag(L, "open", open);
    set_number(L, "restarts", (lua_Integer) stat.restarts);
    set_number(L, "incarnation", (lua_Integer) stat.broker);
    set_number(L, "relayed", (lua_Integer) stat.relayed);
    set_number(L, "switches", (lua_Integer) stat.switches);
    set_number(L, "fallbacks", (lua_Integer) stat.fallbacks);
}

static void add_args(lua_State *L)
{
    lua_newtable(L);
    for (lua_Integer i = 1;; i++) {
        const char *value = alua_boot_value(lua_pushfstring(L, "ARG%I", (LUAI_UACINT) i));
        lua_pop(L, 1);
        if (!value)
            break;
        lua_pushstring(L, value);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, -2, "args");
}

static void add_boot(lua_State *L, const alua_boot_t *boot)
{
    set_text(L, "app", boot->app);
    set_text(L, "name", boot->name);
    set_text(L, "boot_broker", boot->broker);
    set_text(L, "file", alua_boot_value("FILE"));
    set_number(L, "rank", boot->rank);
    set_number(L, "size", boot->size);
    set_flag(L, "spawned", boot->spawned);
    set_flag(L, "keep", boot->keep);
    set_flag(L, "end_", boot->end);
    set_flag(L, "label", boot->label);
    add_args(L);
}

//  core.info() -> table
static int info(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lua_newtable(L);
    set_flag(L, "open", false);
    if (core->node)
        add_node(L, core);
    if (core->boot)
        add_boot(L, core->boot);
    return 1;
}

//  core.boot(key) -> string | nil
static int boot(lua_State *L)
{
    const char *value = alua_boot_value(luaL_checkstring(L, 1));
    if (!value)
        return 0;
    lua_pushstring(L, value);
    return 1;
}

const luaL_Reg lnetwork_functions[] = {
    { "open",    open_network },
    { "close",   close_network },
    { "ask",     ask },
    { "members", members },
    { "spawn",   spawn },
    { "probe",   probe },
    { "start_broker", start_broker },
    { "info",    info },
    { "boot",    boot },
    { NULL, NULL }
};
