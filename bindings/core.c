//  core - one Lua state's share of ALua: made by require "alua.core", gone with the state

#include "core.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "alua_core.h"
#include "callback.h"
#include "future.h"
#include "term.h"
#include "serve.h"
#include "task.h"
#include "topic.h"
#include "values.h"
#include "wire_error.h"

static const char core_key = 0;     //  Its address is the registry's key for the module's table

//  ---- Helpers of all files ------------------------------------------------------------

int64_t lcore_ms(lua_State *L, int index, int64_t otherwise)
{
    if (lua_isnoneornil(L, index))
        return otherwise;
    lua_Number seconds = lua_tonumber(L, index);
    if (lua_type(L, index) != LUA_TNUMBER || !(seconds >= 0))
        where_raise(L, "a time must be a number of seconds, 0 or more");
    if (seconds > 1e9)
        return 0;
    return seconds == 0 ? 1 : (int64_t) ceil(seconds * 1000);
}

const char *lcore_id(const lcore_t *core)
{
    const char *id = core->process ? alua_process_id(core->process) : NULL;
    return id && *id ? id : "?";
}

void lcore_register(lua_State *L, const luaL_Reg *functions, lcore_t *core)
{
    lua_pushlightuserdata(L, core);
    luaL_setfuncs(L, functions, 1);
}

//  ---- The end of the operating-system process ---------------------------------------------

//  Nodes that live, also those whose Lua state has been closed by one of its own events.
typedef struct lliving {
    struct lliving *next;
    alua_node_t *node;
    pid_t pid;                  //  A fork of us is not us
} lliving_t;

static lliving_t *living;

//  os.exit ends nothing abruptly, and ZeroMQ wants its sockets closed.
static void at_exit(int status, void *arg)
{
    (void) arg;
    for (lliving_t *item = living; item; item = item->next)
        if (item->pid == getpid())
            alua_node_at_exit(item->node, status);
}

static bool remember(alua_node_t *node)
{
    static bool registered;
    lliving_t *item = malloc(sizeof *item);
    if (!item)
        return false;
    *item = (lliving_t) { living, node, getpid() };
    living = item;
    if (!registered)
        on_exit(at_exit, NULL);
    registered = true;
    return true;
}

static void forget(const alua_node_t *node)
{
    for (lliving_t **link = &living; *link; link = &(*link)->next)
        if ((*link)->node == node) {
            lliving_t *item = *link;
            *link = item->next;
            free(item);
            return;
        }
}

//  ---- The node --------------------------------------------------------------------------

//  Started by alua, events wait for the main chunk (core.main).
static void make_node(lua_State *L, lcore_t *core, const alua_config_t *config)
{
    const char *error = "?";
    if (core->closed)
        where_raise(L, "the Lua state is closing");
    core->node = alua_node_new(config, &error);
    if (core->node && !remember(core->node))
        alua_node_destroy(&core->node);
    if (!core->node) {
        lua_pushfstring(L, "cannot start: %s", error);
        where_raise(L, lua_tostring(L, -1));
    }
    core->process = alua_node_process(core->node);
    lserve_attach(core);
    if (core->boot && core->boot->control)
        alua_node_control(core->node, core->boot->control);
    if (!core->boot)
        alua_process_ready(core->process, true);
}

void lcore_make_node(lua_State *L, lcore_t *core)
{
    alua_config_t config = { .name = NULL };
    if (core->boot) {
        config.name = core->boot->name;
        config.spawned = core->boot->spawned;
    }
    make_node(L, core, core->boot ? &config : NULL);
}

static const char *text_field(lua_State *L, int index, const char *key)
{
    lua_getfield(L, index, key);
    return luaL_optstring(L, -1, NULL);     //  Stays on the stack, and so alive
}

//  core.configure{ name =, directory =, listen =, advertise =, executable =, visitor =, lease = seconds, key =, broker_key =, code =,
//  insecure = }: before anything else needs the node
static int configure(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (core->node)
        where_raise(L, "the node has started already");
    alua_config_t config = {
        .name = text_field(L, 1, "name"),
        .directory = text_field(L, 1, "directory"),
        .listen = text_field(L, 1, "listen"),
        .advertise = text_field(L, 1, "advertise"),
        .executable = text_field(L, 1, "executable"),
        .key = text_field(L, 1, "key"),
        .broker_key = text_field(L, 1, "broker_key"),
        .code = text_field(L, 1, "code")
    };
    lua_getfield(L, 1, "visitor");
    config.visitor = lua_toboolean(L, -1);
    lua_getfield(L, 1, "insecure");
    config.insecure = lua_toboolean(L, -1);
    lua_getfield(L, 1, "lease");
    config.lease = (int) lcore_ms(L, lua_gettop(L), 0);
    make_node(L, core, &config);
    return 0;
}

//  ---- Opening and closing -----------------------------------------------------------------

//  What was sent goes out. A state that is closed by one of its own events (os.exit(code, true))
//  leaves the node, in whose loop we are, to the process's end.
static void leave_node(lcore_t *core)
{
    static const alua_handler_t nobody = { NULL, NULL, NULL, NULL, NULL };
    alua_node_finish(core->node, 0, LFINISH_TIME);
    lreport_told(core);
    if (core->running) {
        alua_process_handle(core->process, &nobody, NULL);
        return;
    }
    forget(core->node);
    alua_node_destroy(&core->node);
}

static int core_gc(lua_State *L)
{
    lcore_t *core = lua_touserdata(L, 1);
    if (core->closed)
        return 0;
    core->closed = true;
    if (core->node)
        leave_node(core);
    core->node = NULL;
    core->process = NULL;
    ltask_close(core);
    lcallback_close(core);
    lchunks_close(&core->chunks);
    wire_buf_free(&core->out);
    return 0;
}

static int new_ref(lua_State *L, int array)
{
    lua_createtable(L, array, 0);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void init_rings(lcore_t *core)
{
    core->tasks.next = core->tasks.prev = &core->tasks;
    core->waiting.core = core->outer.core = core;
    core->waiting.next_waiting = core->waiting.prev_waiting = &core->waiting;
    core->due_tail = &core->due;
}

static void init_states(lua_State *L, lcore_t *core)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    core->L = core->outer.L = lua_tothread(L, -1);
    lua_pop(L, 1);
    core->service = lua_newthread(L);
    luaL_ref(L, LUA_REGISTRYINDEX);
}

//  The functions' table has one place each, so that storing one never needs memory.
static void init_tables(lua_State *L, lcore_t *core)
{
    core->refs = new_ref(L, 64);
    core->callbacks = new_ref(L, 64);
    core->threads = new_ref(L, 0);
    core->handlers = new_ref(L, 0);
    core->timers = new_ref(L, 0);
    core->views = new_ref(L, 0);
    core->chunks.functions = new_ref(L, LCHUNKS_MAX);
}

//  A userdata with a finalizer, anchored for the life of the state. Its first bytes are
//  zeros, which is what the finalizer needs if anything after it runs out of memory.
static lcore_t *new_core(lua_State *L)
{
    lcore_t *core = lua_newuserdatauv(L, sizeof *core, 0);
    memset(core, 0, sizeof *core);
    init_rings(core);
    core->status = -1;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, core_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    luaL_ref(L, LUA_REGISTRYINDEX);
    init_states(L, core);
    init_tables(L, core);
    core->boot = alua_boot();
    wire_buf_reserve(&core->out, 4096);     //  An error in plain words has room from now on
    return core;
}

static const luaL_Reg core_functions[] = {
    { "configure", configure },
    { NULL, NULL }
};

static void register_all(lua_State *L, lcore_t *core)
{
    const luaL_Reg *const lists[] = {
        core_functions, lerror_functions, lcall_functions, lfuture_functions, lawait_functions,
        lcallback_functions, ltimer_functions, lloop_functions, lnetwork_functions, lvalue_functions,
        lnames_functions, lsignal_functions, lask_functions, lterm_functions, ltopic_functions
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        lcore_register(L, lists[i], core);
}

static void make_module(lua_State *L)
{
    lerror_register(L);
    lterm_register(L);
    lcore_t *core = new_core(L);
    lfuture_register(L, core);
    lua_newtable(L);
    register_all(L, core);
    lserve_push_exports(L, core);
    lua_setfield(L, -2, "exports");
    ltopic_register(L, core);
    lvalue_constants(L);
    if (core->boot)
        lcore_make_node(L, core);
}

//  One per state, however often it is asked for.
int luaopen_alua_core(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key) == LUA_TTABLE)
        return 1;
    lua_pop(L, 1);
    make_module(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
    return 1;
}
