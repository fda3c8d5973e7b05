//  signals - the loop of a process that stays until it is told to end

#include <signal.h>
#include <uv.h>

#include "core.h"

//  Signals are the process's, and so are these.
static uv_signal_t watchers[3];
static bool told;

static void on_signal(uv_signal_t *watcher, int number)
{
    (void) number;
    told = true;
    alua_node_quit(watcher->data);
}

//  core.signals(): from now on SIGINT, SIGTERM and SIGHUP end serve
static int signals(lua_State *L)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(alua_node_loop(core->node), &watchers[i]);
        watchers[i].data = core->node;
        uv_signal_start(&watchers[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *) &watchers[i]);
    }
    return 0;
}

//  core.serve(): the loop, until such a signal has come
static int serve(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    if (core->running)
        where_raise(L, "serve cannot be called by an event, which the loop itself has called");
    while (!told)
        alua_node_run(core->node);
    return 0;
}

const luaL_Reg lsignal_functions[] = {
    { "signals", signals },
    { "serve",   serve },
    { NULL, NULL }
};
