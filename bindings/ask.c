//  ask - what spaces and topics ask of the broker: the functions that core.asker makes
//
//  ask(timeout, background, what, cb, [group,] ...fields): with a callback it never waits, without one it waits and returns
//  ANSWER's fields (or only the first of them), or nil, err. Takes and reads have a group, for core.close_group; nil: none.
//  C throughout: the hot path of luats and luaps.

#include <stdio.h>

#include "callback.h"
#include "task.h"
#include "wire_error.h"

//  The arguments in front of the fields.
enum { TIMEOUT = 1, BACKGROUND, WHAT, CALLBACK, GROUP };

//  The upvalue.
typedef struct {
    lcore_t *core;
    wire_type_t type;
    bool waits;                 //  As in alua_ask_t; then no timeout means none
    bool first;                 //  Of ANSWER's fields only the first is given
    int fields;                 //  Where they begin among the arguments
    const char *table;          //  What messages call the second of them, which must be a table; NULL: it may be anything
} lasker_t;

wire_type_t lask_check_type(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (unsigned type = 0; type < WIRE_TYPE_LIMIT; type++)
        if (wire_type_way(type) == WIRE_WAY_ASK && strcmp(wire_type_name(type), name) == 0)
            return (wire_type_t) type;
    luaL_argerror(L, index, "no request to the broker");
    return WIRE_TYPE_LIMIT;
}

//  Pack the fields and hand them on. 0, or a code and an error object pushed.
static int send(lua_State *L, const lasker_t *self, alua_ask_t *ask, uint64_t *id)
{
    wire_buf_t *out = &self->core->out;
    size_t start = out->size;
    lpack_t pack;
    lpack_init(&pack, L, out);
    ask->count = (uint32_t) (lua_gettop(L) - self->fields + 1);
    int rc = lpack_values(&pack, self->fields, (int) ask->count, "fields");
    if (rc) {
        lerror_push(L, rc, "%s", lpack_text(&pack));
        return rc;
    }
    ask->fields = out->data + start;
    ask->size = out->size - start;
    rc = alua_ask(self->core->node, ask, id);
    wire_buf_truncate(out, start);
    if (rc)
        lerror_push(L, rc, NULL);
    return rc;
}

static int return_failure(lua_State *L)
{
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

//  ---- With a callback ---------------------------------------------------------------

//  true, request | nil, err
static int later(lua_State *L, const lasker_t *self, alua_ask_t *ask)
{
    uint64_t id = 0;
    lpending_t *pending = lcallback_new(L, self->core, CALLBACK, lua_tostring(L, WHAT));
    pending->timeout = ask->timeout;
    pending->most = self->first ? 1 : UINT32_MAX;
    ask->fn = lcallback_on_outcome;
    ask->arg = pending;
    if (send(L, self, ask, &id)) {
        lcallback_refuse(L, pending);
        return return_failure(L);
    }
    lua_pushboolean(L, 1);
    lua_pushinteger(L, (lua_Integer) id);
    return 2;
}

//  ---- Without one ---------------------------------------------------------------------

static int done(lua_State *L, int status, lua_KContext context)
{
    (void) status;
    return ltask_push_outcome(L, (ltask_t *) context, UINT32_MAX);
}

static int done_first(lua_State *L, int status, lua_KContext context)
{
    (void) status;
    return ltask_push_outcome(L, (ltask_t *) context, 1);
}

//  The outcome of the cancelled request ends the wait.
static void stop(ltask_t *task)
{
    alua_cancel(task->core->process, task->wait.request);
}

static int now(lua_State *L, const lasker_t *self, alua_ask_t *ask)
{
    ltask_t *task = ltask_here(L, self->core);
    ask->fn = ltask_on_outcome;
    ask->arg = task;
    ask->background |= (task->flags & WIRE_BACKGROUND) != 0;
    task->timeout = ask->timeout;
    if (send(L, self, ask, &task->wait.request))
        return return_failure(L);
    task->wait.verb = lua_tostring(L, WHAT);
    task->wait.name = task->wait.of = NULL;
    task->wait.stop = stop;
    task->wait.holds = false;           //  The request does
    return ltask_wait(L, task, self->first ? done_first : done);
}

static _Noreturn void refuse(lua_State *L, const char *what, const char *wanted, int index)
{
    char text[80];
    snprintf(text, sizeof text, "%s must be a %s, got %s", what, wanted, luaL_typename(L, index));
    where_raise(L, text);
}

//  Here, and not in Lua, where to ask for a value's type costs more than all of this.
static void check(lua_State *L, const lasker_t *self)
{
    if (self->table && !lua_istable(L, self->fields + 1))
        refuse(L, self->table, "table", self->fields + 1);
    if (!lua_isnil(L, CALLBACK) && !lua_isfunction(L, CALLBACK))
        refuse(L, "callback", "function", CALLBACK);
}

static int ask(lua_State *L)
{
    const lasker_t *self = lua_touserdata(L, lua_upvalueindex(1));
    check(L, self);
    lcore_need_node(L, self->core);
    alua_ask_t request = { .type = self->type, .waits = self->waits, .background = lua_toboolean(L, BACKGROUND) };
    if (self->fields > GROUP)
        request.group = (uint32_t) lua_tointeger(L, GROUP);
    request.timeout = lcore_ms(L, TIMEOUT, self->waits ? 0 : WIRE_TIMEOUT);
    return lua_isnil(L, CALLBACK) ? now(L, self, &request) : later(L, self, &request);
}

static const char *table_of(wire_type_t type)
{
    bool template = type == WIRE_TAKE || type == WIRE_READ || type == WIRE_COUNT;
    return type == WIRE_OUT ? "a tuple" : template ? "a template" : NULL;
}

//  core.asker(type, waits, first) -> ask. waits: a TAKE or READ that the broker lets wait
static int asker(lua_State *L)
{
    wire_type_t type = lask_check_type(L, 1);
    bool waits = lua_toboolean(L, 2), first = lua_toboolean(L, 3), grouped = type == WIRE_TAKE || type == WIRE_READ;
    lasker_t *self = lua_newuserdatauv(L, sizeof *self, 0);
    *self = (lasker_t) { lcore_of(L), type, waits, first, grouped ? GROUP + 1 : GROUP, table_of(type) };
    lua_pushcclosure(L, ask, 1);
    return 1;
}

//  core.close_group(group, text): who waits in that group hears nil and an error, code "closed"
static int close_group(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    if (core->node)
        alua_close_group(core->process, (uint32_t) luaL_checkinteger(L, 1), luaL_checkstring(L, 2));
    return 0;
}

//  core.tell(type, ...fields) -> true | nil, err: without an answer
static int tell(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    wire_buf_t *out = &core->out;
    size_t start = out->size;
    wire_type_t type = (wire_type_t) luaL_checkinteger(L, 1);
    int count = lua_gettop(L) - 1;
    lpack_t pack;
    lcore_need_node(L, core);
    lpack_init(&pack, L, out);
    int rc = lpack_values(&pack, 2, count, "fields");
    if (rc)
        return lerror_return(L, rc, "%s", lpack_text(&pack));
    rc = alua_tell(core->node, type, out->data + start, out->size - start, (uint32_t) count, 0);
    wire_buf_truncate(out, start);
    if (rc)
        return lerror_return(L, rc, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

const luaL_Reg lask_functions[] = {
    { "asker", asker }, { "close_group", close_group }, { "tell", tell }, { NULL, NULL }
};
