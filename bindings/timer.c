//  timer - one-shot timers whose function runs as an event
//
//  The record is a userdata with the function as its user value, anchored in core->timers
//  under its id, which is all that a cancel needs.

#include "core.h"
#include "task.h"
#include "wire_error.h"

typedef struct {
    lcore_t *core;
    lua_Integer id;             //  What Lua knows it by
    uint64_t timer;             //  The node's
} ltimer_t;

static int fired(lua_State *T, int status, lua_KContext context)
{
    (void) T, (void) status, (void) context;
    return 0;
}

//  Taken out of the table first: the function may make the same wish again.
static int fire(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    lua_Integer id = (lua_Integer) task->request;
    lua_settop(T, 0);
    lua_rawgeti(T, LUA_REGISTRYINDEX, task->core->timers);
    lua_rawgeti(T, 1, id);
    lua_pushnil(T);
    lua_rawseti(T, 1, id);
    lua_getiuservalue(T, 2, 1);
    lua_callk(T, 0, 0, 0, fired);
    return 0;
}

static void on_timer(void *arg)
{
    ltimer_t *self = arg;
    ltask_t *task = ltask_take(self->core, "timer");
    if (!task) {
        lreport_text(self->core, "timer", wire_error_text(WIRE_E_NO_MEMORY));
        return;
    }
    task->request = (uint64_t) self->id;
    ltask_start(task, fire);
}

//  With the table of timers on top.
static void forget(lua_State *L, lua_Integer id)
{
    lua_pushnil(L);
    lua_rawseti(L, -2, id);
}

//  core.timer(seconds, f, background) -> id | nil, err
static int new_timer(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    luaL_argcheck(L, luaL_checknumber(L, 1) <= 1e9, 1, "too long");
    int64_t ms = lcore_ms(L, 1, 0);
    luaL_checkany(L, 2);
    bool background = lua_toboolean(L, 3);
    lcore_need_node(L, core);
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->timers);
    ltimer_t *self = lua_newuserdatauv(L, sizeof *self, 1);
    *self = (ltimer_t) { core, ++core->timer_ids, 0 };
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    lua_rawseti(L, -2, self->id);       //  Anchored before it is armed
    self->timer = alua_timer(core->process, ms, background, on_timer, self);
    if (self->timer == 0) {
        forget(L, self->id);
        return lerror_return(L, WIRE_E_NO_MEMORY, NULL);
    }
    lua_pushinteger(L, self->id);
    return 1;
}

//  core.cancel_timer(id) -> whether it was armed
static int cancel_timer(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lua_Integer id = luaL_checkinteger(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->timers);
    lua_rawgeti(L, -1, id);
    ltimer_t *self = lua_touserdata(L, -1);
    bool armed = self && core->node && alua_timer_cancel(core->process, self->timer);
    lua_pop(L, 1);
    if (armed)
        forget(L, id);
    lua_pushboolean(L, armed);
    return 1;
}

const luaL_Reg ltimer_functions[] = {
    { "timer",        new_timer },
    { "cancel_timer", cancel_timer },
    { NULL, NULL }
};
