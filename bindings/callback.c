//  callback - pending ones, from a free list

#include "callback.h"

#include <stdlib.h>

#include "task.h"
#include "wire_error.h"

//  ---- The free list -----------------------------------------------------------

static bool add_slab(lcore_t *core)
{
    lslab_t *slab = malloc(sizeof *slab);
    if (!slab)
        return false;
    slab->next = core->slabs;
    core->slabs = slab;
    for (size_t i = 0; i < sizeof slab->items / sizeof *slab->items; i++) {
        slab->items[i].core = core;
        slab->items[i].place = ++core->places;
        slab->items[i].next = core->pendings;
        core->pendings = &slab->items[i];
    }
    return true;
}

static void set_what(lpending_t *self, const char *what)
{
    size_t size = strlen(what);
    if (size >= sizeof self->what)
        size = sizeof self->what - 1;
    memcpy(self->what, what, size);
    self->what[size] = 0;
}

//  Keeping the value at index.
static lpending_t *new_pending(lua_State *L, lcore_t *core, int index, int count, const char *what)
{
    if (!core->pendings && !add_slab(core))
        lerror_raise(L, WIRE_E_NO_MEMORY, NULL);
    lpending_t *self = core->pendings;
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->callbacks);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, self->place);
    lua_pop(L, 1);
    core->pendings = self->next;
    self->keeps = true;
    self->count = count;
    self->outcome = false;
    self->timeout = 0;
    self->most = UINT32_MAX;
    set_what(self, what);
    return self;
}

lpending_t *lcallback_new(lua_State *L, lcore_t *core, int index, const char *what)
{
    if (lua_isnoneornil(L, index))
        return NULL;
    return new_pending(L, core, index, -1, what);
}

//  With the table of callbacks on top. The place is kept, so that no memory is needed.
static void clear_place(lua_State *L, lpending_t *self)
{
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, self->place);
    self->keeps = false;
}

static int forget(lua_State *L)
{
    lpending_t *self = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->core->callbacks);
    clear_place(L, self);
    return 0;
}

void lcallback_drop(lpending_t *self)
{
    if (!self)
        return;
    lcore_t *core = self->core;
    if (self->keeps)
        ltask_protected(core, forget, self);
    self->next = core->pendings;
    core->pendings = self;
}

void lcallback_close(lcore_t *core)
{
    while (core->slabs) {
        lslab_t *slab = core->slabs;
        core->slabs = slab->next;
        free(slab);
    }
    core->pendings = NULL;
}

static void push_kept(lua_State *L, const lpending_t *self)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->core->callbacks);
    lua_rawgeti(L, -1, self->place);
    lua_replace(L, -2);
}

//  The same, and forget it: inside the coroutine that calls it.
static void take_kept(lua_State *T, lpending_t *self)
{
    lua_rawgeti(T, LUA_REGISTRYINDEX, self->core->callbacks);
    lua_rawgeti(T, -1, self->place);
    lua_insert(T, -2);
    clear_place(T, self);
    lua_pop(T, 1);
}

//  ---- Outcomes ----------------------------------------------------------------

//  Would it see the error behind the nil? A table that can be called is trusted to.
static bool takes_errors(lua_State *T, int index)
{
    lua_Debug about;
    if (!lua_isfunction(T, index))
        return true;
    lua_pushvalue(T, index);
    lua_getinfo(T, ">u", &about);
    return about.isvararg || about.nparams >= 2;
}

static int call_back(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    uint32_t most = task->pending->most;
    take_kept(T, task->pending);
    if (task->outcome->code && !takes_errors(T, 2)) {
        lerror_push_outcome(T, task->outcome, task->timeout);
        lreport(T, task->core, ltask_what(task), NULL);
        return 0;
    }
    int count = ltask_push_outcome(T, task, most);
    lua_callk(T, count, 0, 0, ltask_over);
    return 0;
}

static void callback_failed(lua_State *S, ltask_t *task, int status)
{
    lua_pushfstring(S, "callback of %s", ltask_what(task));
    lua_insert(S, -2);
    lreport(S, task->core, lua_tostring(S, -2), status == LUA_ERRMEM ? NULL : task->L);
}

void lcallback_on_outcome(void *arg, const alua_outcome_t *outcome)
{
    lpending_t *self = arg;
    ltask_t *task = ltask_take_or_tell(self->core, self->what);
    if (task) {
        task->pending = self;
        task->outcome = outcome;
        task->timeout = self->timeout;
        task->failed = callback_failed;
        ltask_start(task, call_back);
    }
    lcallback_drop(self);
}

//  ---- Posted functions ----------------------------------------------------------

//  Function and arguments stand above the table that kept them.
static bool is_lost_failure(lua_State *T, int count)
{
    return count >= 2 && lua_isnil(T, 3) && lerror_is(T, 4) && !takes_errors(T, 2);
}

static int call_posted(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    int count = task->pending->count;
    lua_settop(T, 0);
    luaL_checkstack(T, count + 8, "too many arguments");
    take_kept(T, task->pending);
    for (int i = 1; i <= count + 1; i++)
        lua_rawgeti(T, 1, i);
    if (task->pending->outcome && is_lost_failure(T, count)) {
        lua_settop(T, 4);
        lreport(T, task->core, ltask_what(task), NULL);
        return 0;
    }
    lua_callk(T, count, 0, 0, ltask_over);
    return 0;
}

static void on_turn(void *arg)
{
    lpending_t *self = arg;
    ltask_t *task = ltask_take_or_tell(self->core, self->what);
    if (task) {
        task->pending = self;
        if (self->outcome)
            task->failed = callback_failed;
        ltask_start(task, call_posted);
    }
    lcallback_drop(self);
}

static int post(lua_State *L, lcore_t *core, int count, const char *what, bool outcome)
{
    lcore_need_node(L, core);
    lua_createtable(L, count + 1, 0);
    lua_insert(L, -count - 2);
    for (int i = count + 1; i >= 1; i--)
        lua_rawseti(L, -i - 1, i);
    lpending_t *self = new_pending(L, core, lua_gettop(L), count, what);
    lua_pop(L, 1);
    self->outcome = outcome;
    int rc = alua_post(core->process, on_turn, self);
    if (rc)
        lcallback_drop(self);
    return rc;
}

int lcallback_post(lua_State *L, lcore_t *core, int count, const char *what)
{
    return post(L, core, count, what, false);
}

int lcallback_post_outcome(lua_State *L, lcore_t *core, int count, const char *what)
{
    return post(L, core, count, what, true);
}

void lcallback_refuse(lua_State *L, lpending_t *self)
{
    if (!self)
        return;
    push_kept(L, self);
    lua_pushnil(L);
    lua_pushvalue(L, -3);
    lcallback_post_outcome(L, self->core, 2, self->what);
    lcallback_drop(self);
}

//  core.task(f, ...) -> true | nil, err
static int new_task(lua_State *L)
{
    if (!lua_isfunction(L, 1) && luaL_getmetafield(L, 1, "__call") == LUA_TNIL)
        where_raise(L, "a function must be given");
    int rc = lcallback_post(L, lcore_of(L), lua_gettop(L) - 1, "task");
    if (rc)
        return lerror_return(L, rc, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

//  core.on(kind, f): f nil takes it away
static int on(lua_State *L)
{
    static const char *const kinds[] = { "members", "watched", "tuple", "reaction", "broker",
                                        "end", "parent", "order", NULL };
    lcore_t *core = lcore_of(L);
    const char *kind = kinds[luaL_checkoption(L, 1, NULL, kinds)];
    lua_settop(L, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->handlers);
    lua_insert(L, 2);
    lua_setfield(L, 2, kind);
    return 0;
}

const luaL_Reg lcallback_functions[] = {
    { "task", new_task },
    { "on",   on },
    { NULL, NULL }
};
