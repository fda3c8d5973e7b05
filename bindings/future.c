//  future - kept outcomes and who waits for them
//
//  The one user value is a table that is made when something has to be kept in it: values (with
//  their number n), callbacks (a list), cancel (a function).

#include "future.h"

#include <stdlib.h>

#include "callback.h"
#include "task.h"
#include "wire_error.h"

static const char type_name[] = "alua.future";

static lfuture_t *check_future(lua_State *L)
{
    return luaL_checkudata(L, 1, type_name);
}

lfuture_t *lfuture_push(lua_State *L, lcore_t *core, const char *what)
{
    lfuture_t *self = lua_newuserdatauv(L, sizeof *self, 1);
    memset(self, 0, sizeof *self);
    self->core = core;
    self->anchor = LUA_NOREF;
    size_t size = strlen(what);
    memcpy(self->what, what, size < sizeof self->what ? size : sizeof self->what - 1);
    luaL_setmetatable(L, type_name);
    return self;
}

void lfuture_anchor(lua_State *L, lfuture_t *self, int index)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->core->refs);
    lua_pushvalue(L, index);
    self->anchor = luaL_ref(L, -2);
    lua_pop(L, 1);
}

static void release(lua_State *L, lfuture_t *self)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->core->refs);
    luaL_unref(L, -1, self->anchor);
    lua_pop(L, 1);
    self->anchor = LUA_NOREF;
}

//  Push the table of the future at index.
static void push_table(lua_State *L, int index)
{
    if (lua_getiuservalue(L, index, 1) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    index = lua_absindex(L, index);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, 1);
}

//  ---- Results -------------------------------------------------------------------

static int push_values(lua_State *L, int index)
{
    push_table(L, index);
    lua_getfield(L, -1, "values");
    int values = lua_gettop(L);
    lua_getfield(L, values, "n");
    int n = (int) lua_tointeger(L, -1);
    luaL_checkstack(L, n + 2, "too many results");
    for (int i = 1; i <= n; i++)
        lua_rawgeti(L, values, i);
    return n;
}

//  The results, or nil and an error object.
static int push_result(lua_State *L, lfuture_t *self, int index)
{
    if (self->state == LFUTURE_VALUES)
        return push_values(L, index);
    if (self->outcome.code == 0) {
        wire_reader_t in = wire_reader(self->outcome.body, self->outcome.size);
        return lunpack_push(L, &in, self->outcome.count);
    }
    luaL_checkstack(L, 8, "error object");
    lua_pushnil(L);
    lerror_push_outcome(L, &self->outcome, self->timeout);
    return 2;
}

//  ---- Becoming done ---------------------------------------------------------------

//  With the callback on top: it gets the results.
static void post_callback(lua_State *L, lfuture_t *self, int index)
{
    int top = lua_gettop(L);
    int count = push_result(L, self, index);
    lua_pushvalue(L, top);
    lua_insert(L, -count - 1);
    int rc = lcallback_post_outcome(L, self->core, count, self->what);
    if (rc)
        lreport_text(self->core, self->what, wire_error_text(rc));
    lua_settop(L, top);
}

//  Each callback, as an event of its own.
static void post_callbacks(lua_State *L, lfuture_t *self, int index)
{
    self->has_callbacks = false;
    push_table(L, index);
    lua_getfield(L, -1, "callbacks");
    int list = lua_gettop(L);
    for (lua_Integer i = 1; lua_rawgeti(L, list, i) != LUA_TNIL; i++)
        post_callback(L, self, index);
    lua_settop(L, list - 2);
}

static int finish(lua_State *S)
{
    lfuture_t *self = lua_touserdata(S, 1);
    lua_rawgeti(S, LUA_REGISTRYINDEX, self->core->refs);
    lua_rawgeti(S, -1, self->anchor);
    release(S, self);
    if (self->has_callbacks)
        post_callbacks(S, self, lua_gettop(S));
    return 0;
}

//  Few results stand in the future itself.
static void keep_outcome(lfuture_t *self, const alua_outcome_t *outcome)
{
    self->state = LFUTURE_OUTCOME;
    self->failed = outcome->code != 0;
    self->outcome = *outcome;
    if (!self->failed && outcome->size <= sizeof self->small) {
        if (outcome->size)
            memcpy(self->small, outcome->body, outcome->size);
        self->outcome.body = self->small;
        return;
    }
    self->copy = lerror_copy_outcome(outcome);
    self->failed |= !self->copy;
    self->outcome = self->copy ? *self->copy : (alua_outcome_t) { .code = WIRE_E_NO_MEMORY };
}

static ltask_t *take_waiter(lfuture_t *self)
{
    ltask_t *task = self->waiters;
    if (task)
        self->waiters = task->next_waiter;
    return task;
}

void lfuture_on_outcome(void *arg, const alua_outcome_t *outcome)
{
    lfuture_t *self = arg;
    lcore_t *core = self->core;
    keep_outcome(self, outcome);
    for (ltask_t *task = take_waiter(self); task; task = take_waiter(self)) {
        task->wait.ended = 0;
        ltask_wake(task);
    }
    if (!ltask_protected(core, finish, self))
        lreport_text(core, self->what, "no memory to call back");
}

//  With `count` values on top, which are popped: the future at index is done.
static void set_values(lua_State *L, lfuture_t *self, int index, int count)
{
    int first = lua_gettop(L) - count + 1;
    self->failed = count >= 2 && lua_isnil(L, first) && lerror_is(L, first + 1);
    lua_createtable(L, count, 1);
    lua_insert(L, first);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, first, i);
    lua_pushinteger(L, count);
    lua_setfield(L, first, "n");
    push_table(L, index);
    lua_insert(L, first);
    lua_setfield(L, first, "values");
    lua_settop(L, first - 1);
    self->state = LFUTURE_VALUES;
}

static void resolve_with(lua_State *L, lfuture_t *self, int index, int count)
{
    set_values(L, self, index, count);
    for (ltask_t *task = take_waiter(self); task; task = take_waiter(self))
        ltask_wake_later(task, 0);
    if (self->has_callbacks)
        post_callbacks(L, self, index);
}

void lfuture_refuse(lua_State *L, lfuture_t *self, int index)
{
    release(L, self);
    lua_pushnil(L);
    lua_insert(L, -2);
    set_values(L, self, index, 2);
}

//  ---- Waiting ---------------------------------------------------------------------

static void leave_waiters(ltask_t *task)
{
    lfuture_t *self = task->wait.object;
    for (ltask_t **link = &self->waiters; *link; link = &(*link)->next_waiter)
        if (*link == task) {
            *link = task->next_waiter;
            return;
        }
}

static void join_waiters(lfuture_t *self, ltask_t *task)
{
    ltask_t **link = &self->waiters;
    while (*link)
        link = &(*link)->next_waiter;
    *link = task;
    task->next_waiter = NULL;
}

static void stop_waiting(ltask_t *task)
{
    leave_waiters(task);
    ltask_wake_later(task, WIRE_E_CANCELLED);
}

static void on_timeout(void *arg)
{
    ltask_t *task = arg;
    leave_waiters(task);
    task->wait.timer = 0;
    task->wait.ended = WIRE_E_TIMEOUT;
    ltask_wake(task);
}

static int no_result(lua_State *L, int64_t timeout)
{
    return lerror_return(L, WIRE_E_TIMEOUT, "no result within %g s", (double) timeout / 1000);
}

static int got(lua_State *L, int status, lua_KContext context)
{
    ltask_t *task = (ltask_t *) context;
    (void) status;
    if (task->wait.ended == WIRE_E_TIMEOUT)
        return no_result(L, task->timeout);
    if (task->wait.ended)
        return lerror_return(L, task->wait.ended, NULL);
    return push_result(L, check_future(L), 1);
}

//  f:get(timeout) -> results... | nil, err. Waits; without a timeout until it is done.
static int future_get(lua_State *L)
{
    lfuture_t *self = check_future(L);
    int64_t timeout = lcore_ms(L, 2, 0);
    if (self->state != LFUTURE_PENDING)
        return push_result(L, self, 1);
    if (!lua_isnoneornil(L, 2) && lua_tonumber(L, 2) == 0)
        return no_result(L, 0);
    ltask_t *task = ltask_here(L, self->core);
    lua_settop(L, 1);
    join_waiters(self, task);
    task->timeout = timeout;
    task->wait = (lwait_t) { .verb = "future", .name = self->what, .stop = stop_waiting, .object = self,
                             .holds = self->request == 0 };
    if (timeout)
        task->wait.timer = alua_timer(self->core->process, timeout, true, on_timeout, task);
    return ltask_wait(L, task, got);
}

//  f:outcome() -> true, results... | false, err; nothing while it is pending
static int future_outcome(lua_State *L)
{
    lfuture_t *self = check_future(L);
    if (self->state == LFUTURE_PENDING)
        return 0;
    int count = push_result(L, self, 1);
    lua_pushboolean(L, !self->failed);
    if (self->failed) {
        lua_pushvalue(L, -count);           //  Of nil, err the second, now one further down
        return 2;
    }
    lua_insert(L, -count - 1);
    return count + 1;
}

//  f:ready() -> boolean
static int future_ready(lua_State *L)
{
    lua_pushboolean(L, check_future(L)->state != LFUTURE_PENDING);
    return 1;
}

//  f:on(cb): called as an event of its own when it is done, or at once
static int future_on(lua_State *L)
{
    lfuture_t *self = check_future(L);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (self->state != LFUTURE_PENDING) {
        post_callback(L, self, 1);
        return 0;
    }
    push_table(L, 1);
    if (lua_getfield(L, -1, "callbacks") == LUA_TNIL) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, 3, "callbacks");
        lua_replace(L, 4);
    }
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, (lua_Integer) lua_rawlen(L, 4) + 1);
    self->has_callbacks = true;
    return 0;
}

//  Of new_future: what was started is told to stop, then the future is cancelled.
static void cancel_values(lua_State *L, lfuture_t *self)
{
    push_table(L, 1);
    if (lua_getfield(L, -1, "cancel") != LUA_TNIL)
        lua_call(L, 0, 0);
    if (self->state != LFUTURE_PENDING)
        return;
    lua_settop(L, 1);
    resolve_with(L, self, 1, lerror_return(L, WIRE_E_CANCELLED, NULL));
}

//  f:cancel() -> whether it was still pending
static int future_cancel(lua_State *L)
{
    lfuture_t *self = check_future(L);
    bool pending = self->state == LFUTURE_PENDING && !self->core->closed;
    if (pending && self->request == 0)
        cancel_values(L, self);
    else if (pending)
        pending = alua_cancel(self->core->process, self->request);
    lua_pushboolean(L, pending);
    return 1;
}

//  f:oncancel(fn): of new_future; fn is called by cancel
static int future_oncancel(lua_State *L)
{
    check_future(L);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    push_table(L, 1);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "cancel");
    return 0;
}

//  resolve(...) -> whether it was the first
static int resolve(lua_State *L)
{
    lfuture_t *self = lua_touserdata(L, lua_upvalueindex(2));
    int count = lua_gettop(L);
    bool first = self->state == LFUTURE_PENDING;
    if (first) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_insert(L, 1);
        resolve_with(L, self, 1, count);
    }
    lua_pushboolean(L, first);
    return 1;
}

//  core.new_future(what) -> future, resolve
static int new_future(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    const char *what = luaL_optstring(L, 1, "get");
    lcore_need_node(L, core);
    lfuture_push(L, core, what);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, resolve, 2);
    return 2;
}

static int future_gc(lua_State *L)
{
    lfuture_t *self = check_future(L);
    free(self->copy);
    self->copy = NULL;
    return 0;
}

static const luaL_Reg methods[] = {
    { "get",      future_get },
    { "outcome",  future_outcome },
    { "ready",    future_ready },
    { "on",       future_on },
    { "cancel",   future_cancel },
    { "close",    future_cancel },
    { "oncancel", future_oncancel },
    { NULL, NULL }
};

static const luaL_Reg metamethods[] = {
    { "__gc",    future_gc },
    { "__close", future_cancel },
    { NULL, NULL }
};

const luaL_Reg lfuture_functions[] = {
    { "new_future", new_future },
    { NULL, NULL }
};

void lfuture_register(lua_State *L, lcore_t *core)
{
    luaL_newmetatable(L, type_name);
    lcore_register(L, metamethods, core);
    lua_newtable(L);
    lcore_register(L, methods, core);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
