//  call - requests to other processes: sync, async and future calls, and chunks
//
//  The functions that luarpc.sync and its kin return are C closures, with what they need as
//  upvalues: the core, the process, the name, and the options in one integer.

#include "callback.h"
#include "future.h"
#include "task.h"
#include "wire_error.h"

//  ---- Options -------------------------------------------------------------------

//  { timeout = seconds, wait = boolean, background = boolean } in one integer, of which the
//  timeout in ms (0: none) takes the upper bits.
#define OPTION_WAIT         1
#define OPTION_BACKGROUND   2
#define OPTION_BITS         2
#define OPTIONS_DEFAULT     ((lua_Integer) WIRE_TIMEOUT << OPTION_BITS)

static void refuse_option(lua_State *L, int key)
{
    lua_pushfstring(L, "unknown option '%s' (timeout, wait, background)", luaL_tolstring(L, key, NULL));
    where_raise(L, lua_tostring(L, -1));
}

static lua_Integer check_timeout(lua_State *L, int index)
{
    lua_Integer ms = (lua_Integer) lcore_ms(L, index, WIRE_TIMEOUT);
    return ms << OPTION_BITS;
}

static lua_Integer check_options(lua_State *L, int index)
{
    lua_Integer timeout = OPTIONS_DEFAULT, bits = 0;
    if (lua_isnoneornil(L, index))
        return OPTIONS_DEFAULT;
    if (!lua_istable(L, index))
        where_raise(L, "options must be a table");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(key, "timeout") == 0)
            timeout = check_timeout(L, lua_gettop(L));
        else if (strcmp(key, "wait") == 0)
            bits |= lua_toboolean(L, -1) ? OPTION_WAIT : 0;
        else if (strcmp(key, "background") == 0)
            bits |= lua_toboolean(L, -1) ? OPTION_BACKGROUND : 0;
        else
            refuse_option(L, lua_gettop(L) - 1);
    }
    return timeout | bits;
}

static void set_options(alua_request_t *request, lua_Integer options)
{
    request->timeout = options >> OPTION_BITS;
    request->wait_name = options & OPTION_WAIT;
    if (options & OPTION_BACKGROUND)
        request->flags |= WIRE_BACKGROUND;
}

//  A process, or the name of a function.
static void check_name(lua_State *L, int index, const char *what)
{
    size_t size = 0;
    if (lua_type(L, index) == LUA_TSTRING)
        lua_tolstring(L, index, &size);
    if (size >= 1 && size <= WIRE_MAX_NAME)
        return;
    lua_pushfstring(L, "%s must be a string of 1 to %d bytes, got %s", what, WIRE_MAX_NAME,
                    lua_type(L, index) == LUA_TSTRING ? "another length" : luaL_typename(L, index));
    where_raise(L, lua_tostring(L, -1));
}

static void check_callback(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index) || lua_isfunction(L, index))
        return;
    if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
        where_raise(L, "the callback must be a function");
    lua_pop(L, 1);
}

//  ---- Sending ---------------------------------------------------------------------

static wire_str_t string_at(lua_State *L, int index)
{
    wire_str_t text;
    text.data = lua_tolstring(L, index, &text.size);
    return text;
}

static int push_refusal(lua_State *L, int rc, const alua_request_t *request)
{
    lerror_push(L, rc, "%s (%.*s)", wire_error_text(rc), (int) request->to.size, request->to.data);
    return rc;
}

//  Pack the arguments from `first` to the top and send. 0, or a code and an error object pushed.
static int send(lua_State *L, lcore_t *core, alua_request_t *request, int first, uint64_t *id)
{
    wire_buf_t *out = &core->out;
    size_t start = out->size;
    lpack_t pack;
    lpack_init(&pack, L, out);
    int rc = lpack_array(&pack, first, lua_gettop(L) - first + 1, "args");
    if (rc) {
        lerror_push(L, rc, "%s", lpack_text(&pack));
        return rc;
    }
    request->args = out->data + start;
    request->args_size = out->size - start;
    rc = alua_request(core->process, request, id);
    wire_buf_truncate(out, start);
    return rc ? push_refusal(L, rc, request) : 0;
}

//  Upvalues of the closures, from 2 on: process, name, options.
static alua_request_t closure_request(lua_State *L)
{
    alua_request_t request = {
        .kind = ALUA_CALL,
        .to = string_at(L, lua_upvalueindex(2)),
        .flags = WIRE_WANTS_RESULTS,
        .name = string_at(L, lua_upvalueindex(3))
    };
    set_options(&request, lua_tointeger(L, lua_upvalueindex(4)));
    return request;
}

//  nil, and the error object that is on top.
static int return_failure(lua_State *L)
{
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

//  ---- sync ------------------------------------------------------------------------

static int sync_done(lua_State *L, int status, lua_KContext context)
{
    (void) status;
    return ltask_push_outcome(L, (ltask_t *) context);
}

//  The outcome of the cancelled request ends the wait.
static void stop_request(ltask_t *task)
{
    alua_cancel(task->core->process, task->wait.request);
}

static int sync_call(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    ltask_t *task = ltask_here(L, core);
    alua_request_t request = closure_request(L);
    request.fn = ltask_on_outcome;
    request.arg = task;
    task->timeout = request.timeout;
    if (send(L, core, &request, 1, &task->wait.request))
        return return_failure(L);
    task->wait.verb = "sync call";
    task->wait.name = request.name.data;
    task->wait.of = request.to.data;
    task->wait.stop = stop_request;
    task->wait.holds = false;           //  The request does
    return ltask_wait(L, task, sync_done);
}

//  core.sync(to, fname, opts) -> function
static int sync_new(lua_State *L)
{
    check_name(L, 1, "the process");
    check_name(L, 2, "the function's name");
    lua_Integer options = check_options(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, options);
    lua_pushcclosure(L, sync_call, 4);
    return 1;
}

//  ---- async -----------------------------------------------------------------------

//  Nothing was sent, but each call has one outcome: the callback hears it as an event too.
static int async_failed(lua_State *L, lcore_t *core, const char *name)
{
    if (lua_isnil(L, lua_upvalueindex(5))) {
        lua_pushvalue(L, -1);
        lreport(L, core, name, NULL);
    }
    else {
        lua_pushvalue(L, lua_upvalueindex(5));
        lua_pushnil(L);
        lua_pushvalue(L, -3);
        lcallback_post(L, core, 2, name);
    }
    return return_failure(L);
}

static int async_call(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    alua_request_t request = closure_request(L);
    lpending_t *pending = lcallback_new(L, core, lua_upvalueindex(5), request.name.data);
    request.fn = pending ? lcallback_on_outcome : NULL;
    request.arg = pending;
    if (pending)
        pending->timeout = request.timeout;
    if (send(L, core, &request, 1, NULL)) {
        lcallback_drop(pending);
        return async_failed(L, core, request.name.data);
    }
    lua_pushboolean(L, 1);
    return 1;
}

//  core.async(to, fname, cb, opts) -> function, which returns true, or nil, err
static int async_new(lua_State *L)
{
    check_name(L, 1, "the process");
    check_name(L, 2, "the function's name");
    check_callback(L, 3);
    lua_Integer options = check_options(L, 4);
    lua_settop(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, options);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, async_call, 5);
    return 1;
}

//  ---- future ----------------------------------------------------------------------

static int future_call(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lcore_need_node(L, core);
    alua_request_t request = closure_request(L);
    lfuture_t *future = lfuture_push(L, core, request.name.data);
    lua_insert(L, 1);
    request.fn = lfuture_on_outcome;
    request.arg = future;
    future->timeout = request.timeout;
    lfuture_anchor(L, future, 1);
    if (send(L, core, &request, 2, &future->request))
        lfuture_refuse(L, future, 1);
    lua_settop(L, 1);
    return 1;
}

//  core.future(to, fname, opts) -> function, which returns a future
static int future_new(lua_State *L)
{
    sync_new(L);
    int other = lua_gettop(L);
    for (int i = 1; i <= 4; i++)
        lua_getupvalue(L, other, i);
    lua_pushcclosure(L, future_call, 4);
    return 1;
}

//  ---- call, chunk, cancel: for the Lua modules ---------------------------------------

//  The request's id, or nil, err; the callback hears nothing when it was not sent.
static int send_with_callback(lua_State *L, alua_request_t *request, int callback, const char *what)
{
    lcore_t *core = lcore_of(L);
    uint64_t id = 0;
    lcore_need_node(L, core);
    lpending_t *pending = lcallback_new(L, core, callback, what);
    request->fn = pending ? lcallback_on_outcome : NULL;
    request->arg = pending;
    if (pending)
        pending->timeout = request->timeout;
    if (send(L, core, request, callback + 1, &id)) {
        lcallback_drop(pending);
        return return_failure(L);
    }
    lua_pushinteger(L, (lua_Integer) id);
    return 1;
}

//  core.call(to, fname, opts, cb, ...)
static int call(lua_State *L)
{
    check_name(L, 1, "the process");
    check_name(L, 2, "the function's name");
    check_callback(L, 4);
    if (lua_gettop(L) < 4)
        lua_settop(L, 4);
    alua_request_t request = { .kind = ALUA_CALL, .to = string_at(L, 1), .name = string_at(L, 2) };
    set_options(&request, check_options(L, 3));
    if (!lua_isnil(L, 4))
        request.flags |= WIRE_WANTS_RESULTS;
    return send_with_callback(L, &request, 4, request.name.data);
}

//  core.chunk(to, text, chunkname, want, timeout, cb, ...): timeout nil or infinity is none
static int chunk(lua_State *L)
{
    check_name(L, 1, "the process");
    luaL_checkstring(L, 2);
    luaL_checkstring(L, 3);
    check_callback(L, 6);
    if (lua_gettop(L) < 6)
        lua_settop(L, 6);
    alua_request_t request = { .kind = ALUA_CHUNK, .to = string_at(L, 1), .name = string_at(L, 3),
                               .code = string_at(L, 2), .timeout = lcore_ms(L, 5, 0) };
    if (request.name.size > WIRE_MAX_NAME)
        request.name.size = WIRE_MAX_NAME;
    if (luaL_checkinteger(L, 4) == 2)
        request.flags |= WIRE_WANTS_RESULTS;
    return send_with_callback(L, &request, 6, request.name.data);
}

//  core.cancel(request) -> boolean
static int cancel(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    uint64_t id = (uint64_t) luaL_checkinteger(L, 1);
    lua_pushboolean(L, core->node && alua_cancel(core->process, id));
    return 1;
}

const luaL_Reg lcall_functions[] = {
    { "sync",   sync_new },
    { "async",  async_new },
    { "future", future_new },
    { "call",   call },
    { "chunk",  chunk },
    { "cancel", cancel },
    { NULL, NULL }
};
