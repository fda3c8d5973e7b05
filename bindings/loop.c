//  loop - running, stopping, ending; the main chunk

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core.h"
#include "task.h"
#include "wire_error.h"

static const char loop_verb[] = "loop";

static void refuse_in_event(lua_State *L, const lcore_t *core, const char *name)
{
    if (!core->running)
        return;
    lua_pushfstring(L, "%s cannot be called by an event, which the loop itself has called", name);
    where_raise(L, lua_tostring(L, -1));
}

//  Seconds to ms for a wait that may be none: nil is -1, until something happens.
static int wait_time(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return -1;
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0, index, "negative");
    return seconds > 1e6 ? -1 : (int) ceil(seconds * 1000);
}

//  ---- loop, quit --------------------------------------------------------------------

static int looped(lua_State *L, int status, lua_KContext context)
{
    (void) L, (void) status, (void) context;
    return 0;
}

static int loop_in_event(lua_State *L, ltask_t *task)
{
    task->wait = (lwait_t) { .verb = loop_verb };
    task->core->loopers++;
    alua_node_serve(task->core->node, true);
    return ltask_wait(L, task, looped);
}

//  Under alua run its launcher answers Ctrl-C; the plain interpreter does it by a hook.
static void loop_in_main(lua_State *L, lcore_t *core)
{
    core->quit = false;
    core->looping = true;
    if (core->boot)
        alua_node_run(core->node);
    else
        while (!core->quit && !ltask_interrupted(L))
            alua_node_step(core->node, LTASK_POKE);
    core->looping = false;
    if (!core->boot && !core->quit)
        lua_error(L);
}

//  core.loop(): until quit
static int loop(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    ltask_t *task = ltask_here(L, core);
    lua_settop(L, 0);
    if (task != &core->outer)
        return loop_in_event(L, task);
    loop_in_main(L, core);
    return 0;
}

static void wake_loopers(lcore_t *core)
{
    for (ltask_t *task = core->waiting.next_waiting; task != &core->waiting; task = task->next_waiting)
        if (task->wait.verb == loop_verb)
            ltask_wake_later(task, 0);
    core->loopers = 0;
    alua_node_serve(core->node, false);
}

//  core.quit(): loops in events return; if there are none, the main thread's
static int quit(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    if (core->loopers) {
        wake_loopers(core);
        return 0;
    }
    core->quit = true;
    alua_node_quit(core->node);
    return 0;
}

//  ---- For other loops -----------------------------------------------------------------

//  core.step(seconds) -> whether there is something to wait for
static int step(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    refuse_in_event(L, core, "step");
    lua_pushboolean(L, alua_node_step(core->node, wait_time(L, 1)));
    return 1;
}

//  core.pump(seconds): input and output only
static int pump(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    int ms = wait_time(L, 1);
    alua_node_pump(core->node, ms < 0 ? 0 : ms);
    return 0;
}

static int fd(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    lua_pushinteger(L, alua_node_fd(core->node));
    return 1;
}

//  core.timeout() -> seconds until the next timer | nil
static int timeout(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    int ms = alua_node_timeout(core->node);
    if (ms < 0)
        return 0;
    lua_pushnumber(L, ms / 1000.0);
    return 1;
}

static int flush(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    if (core->node)
        alua_node_flush(core->node);
    return 0;
}

//  core.now() -> monotonic seconds
static int now(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    lua_pushnumber(L, (lua_Number) alua_now(core->node) / 1000.0);
    return 1;
}

//  core.holds(change)
static int holds(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    alua_hold(core->process, (int) luaL_checkinteger(L, 1));
    return 0;
}

//  ---- The main chunk --------------------------------------------------------------------

static void main_over(lcore_t *core, int status)
{
    core->status = status;
}

static int main_returned(lua_State *T, int status, lua_KContext context)
{
    ltask_t *task = (ltask_t *) context;
    (void) T, (void) status;
    main_over(task->core, 0);
    return 0;
}

static int main_entry(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    lua_remove(T, 1);
    lua_callk(T, lua_gettop(T) - 1, 0, (lua_KContext) task, main_returned);
    return main_returned(T, LUA_OK, (lua_KContext) task);
}

static void main_failed(lua_State *S, ltask_t *task, int status)
{
    main_over(task->core, 1);
    lreport(S, task->core, NULL, status == LUA_ERRMEM ? NULL : task->L);
}

//  core.main(f, ...) -> core.status()
static int main_chunk(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    luaL_checkany(L, 1);
    lcore_need_node(L, core);
    refuse_in_event(L, core, "main");
    ltask_t *task = ltask_take(core, "main chunk");
    if (!task)
        lerror_raise(L, WIRE_E_NO_MEMORY, NULL);
    task->failed = main_failed;
    core->status = -1;
    ltask_start_with(task, main_entry, L, lua_gettop(L));
    alua_process_ready(core->process, true);
    lua_settop(L, 0);
    if (core->status >= 0)
        lua_pushinteger(L, core->status);
    return lua_gettop(L);
}

//  core.status() -> nil while the main chunk goes on; else 1 when it or an event failed, or 0
static int status_of(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    if (core->status < 0)
        return 0;
    lua_pushinteger(L, core->status || (core->node && alua_node_has_failed(core->node)));
    return 1;
}

//  ---- Ending ------------------------------------------------------------------------------

static int check_code(lua_State *L, int index)
{
    if (lua_isboolean(L, index))
        return lua_toboolean(L, index) ? EXIT_SUCCESS : EXIT_FAILURE;
    return (int) luaL_optinteger(L, index, EXIT_SUCCESS);
}

//  core.finish(code, seconds) -> the number of peers that had not acknowledged
static int finish(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    int code = check_code(L, 1);
    int64_t ms = lcore_ms(L, 2, LFINISH_TIME);
    lua_pushinteger(L, core->node ? alua_node_finish(core->node, code, (int) ms) : 0);
    return 1;
}

//  core.exit(code): does not return. The C library's exit functions are passed over: they
//  belong to libraries that are in the middle of something here.
static int exit_process(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    int code = check_code(L, 1);
    if (core->node) {
        fflush(NULL);
        alua_node_finish(core->node, code, LFINISH_TIME);
        lreport_told(core);
        if (code == 0 && alua_node_has_failed(core->node))
            code = EXIT_FAILURE;        //  Whatever the program thinks of itself
        alua_node_at_exit(core->node, code);
    }
    fflush(NULL);
    _exit(code);
}

//  ---- About the event that runs -------------------------------------------------------------

//  core.caller() -> id | nil
static int caller(lua_State *L)
{
    const ltask_t *task = lcore_of(L)->running;
    if (!task || !task->from)
        return 0;
    lua_pushstring(L, alua_remote_id(task->from));
    return 1;
}

//  core.cancelled() -> boolean
static int cancelled(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const ltask_t *task = core->running;
    bool late = task && task->deadline && alua_now(core->node) >= task->deadline;
    lua_pushboolean(L, task && (task->cancelled || late));
    return 1;
}

//  core.report(what, err)
static int report(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, NULL);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    lreport(L, lcore_of(L), what, NULL);
    return 0;
}

//  core.wall() -> seconds since 1970
static int wall(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    lua_pushnumber(L, (lua_Number) now.tv_sec + (lua_Number) now.tv_nsec / 1e9);
    return 1;
}

const luaL_Reg lloop_functions[] = {
    { "wall", wall },
    { "loop",      loop },
    { "quit",      quit },
    { "step",      step },
    { "pump",      pump },
    { "fd",        fd },
    { "timeout",   timeout },
    { "flush",     flush },
    { "now",       now },
    { "holds",     holds },
    { "main",      main_chunk },
    { "status",    status_of },
    { "finish",    finish },
    { "exit",      exit_process },
    { "caller",    caller },
    { "cancelled", cancelled },
    { "report",    report },
    { NULL, NULL }
};
