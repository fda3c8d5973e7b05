//  await - the waiting point for Lua code
//
//  core.await(start, what, background): start(resume) is called; when resume(...) is, at once or later
//  and from anywhere, await returns what it was given. A start that cannot begin returns nil and an error (not nil), as
//  what asks and calls does: await returns these.

#include "core.h"
#include "task.h"
#include "wire_error.h"

//  Its user value is the table of what resume was given.
typedef struct {
    lcore_t *core;
    ltask_t *task;              //  Waits; NULL: not yet, or no longer
    bool resumed;
    bool background;
    int count;
} lawait_t;

//  Stack of await: start, what, background, the userdata.
#define WHAT    2
#define SELF    4

//  resume(...) -> whether it was the first
static int resume(lua_State *L)
{
    lawait_t *self = lua_touserdata(L, lua_upvalueindex(2));
    bool first = !self->resumed;
    if (first) {
        int count = lua_gettop(L);
        lua_createtable(L, count, 0);
        lua_insert(L, 1);
        for (int i = count; i >= 1; i--)
            lua_rawseti(L, 1, i);
        lua_setiuservalue(L, lua_upvalueindex(2), 1);
        self->count = count;
        self->resumed = true;
        if (self->task)
            ltask_wake_later(self->task, 0);
        self->task = NULL;
    }
    lua_pushboolean(L, first);
    return 1;
}

static int push_values(lua_State *L, lawait_t *self)
{
    luaL_checkstack(L, self->count + 4, "too many results");
    lua_getiuservalue(L, SELF, 1);
    int values = lua_gettop(L);
    for (int i = 1; i <= self->count; i++)
        lua_rawgeti(L, values, i);
    return self->count;
}

static void stop(ltask_t *task)
{
    lawait_t *self = task->wait.object;
    self->resumed = true;               //  What comes now comes too late
    self->task = NULL;
    ltask_wake_later(task, WIRE_E_CANCELLED);
}

static int waited(lua_State *L, int status, lua_KContext context)
{
    lawait_t *self = lua_touserdata(L, SELF);
    ltask_t *task = (ltask_t *) context;
    (void) status;
    if (task->wait.ended) {
        self->resumed = true;
        self->task = NULL;
        return lerror_return(L, task->wait.ended, NULL);
    }
    return push_values(L, self);
}

static int started(lua_State *L, int status, lua_KContext context)
{
    lawait_t *self = lua_touserdata(L, SELF);
    ltask_t *task = (ltask_t *) context;
    (void) status;
    if (self->resumed)
        return push_values(L, self);
    if (lua_isnil(L, -2) && !lua_isnil(L, -1)) {
        self->resumed = true;
        return 2;
    }
    lua_settop(L, SELF);
    self->task = task;
    task->wait = (lwait_t) { .verb = lua_tostring(L, WHAT), .stop = stop, .object = self,
                             .holds = !self->background };
    return ltask_wait(L, task, waited);
}

static int await(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    luaL_checkany(L, 1);
    luaL_optstring(L, WHAT, "");
    lua_settop(L, 3);
    ltask_t *task = ltask_here(L, core);
    if (lua_isnil(L, WHAT)) {
        lua_pushliteral(L, "await");
        lua_replace(L, WHAT);
    }
    lawait_t *self = lua_newuserdatauv(L, sizeof *self, 1);
    *self = (lawait_t) { .core = core, .background = lua_toboolean(L, 3) };
    lua_pushvalue(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, SELF);
    lua_pushcclosure(L, resume, 2);
    lua_callk(L, 1, 2, (lua_KContext) task, started);
    return started(L, LUA_OK, (lua_KContext) task);
}

const luaL_Reg lawait_functions[] = {
    { "await", await },
    { NULL, NULL }
};
