//  call - requests to other processes: sync, async and future calls, and chunks
//
//  The functions that luarpc.sync and its kin return are C closures, whose first upvalue is the request
//  as far as it is the same each time.

#include "callback.h"
#include "future.h"
#include "task.h"
#include "wire_error.h"

//  ---- Options -------------------------------------------------------------------

static void refuse_option(lua_State *L, int key)
{
    lua_pushfstring(L, "unknown option '%s' (timeout, wait, background)", luaL_tolstring(L, key, NULL));
    where_raise(L, lua_tostring(L, -1));
}

//  { timeout = seconds, wait = boolean, background = boolean }
static void check_options(lua_State *L, int index, alua_request_t *request)
{
    request->timeout = WIRE_TIMEOUT;
    if (lua_isnoneornil(L, index))
        return;
    if (!lua_istable(L, index))
        where_raise(L, "options must be a table");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(key, "timeout") == 0)
            request->timeout = lcore_ms(L, lua_gettop(L), WIRE_TIMEOUT);
        else if (strcmp(key, "wait") == 0)
            request->wait_name = lua_toboolean(L, -1);
        else if (strcmp(key, "background") == 0)
            request->flags |= lua_toboolean(L, -1) ? WIRE_BACKGROUND : 0;
        else
            refuse_option(L, lua_gettop(L) - 1);
    }
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

//  A userdata, since each string or number that a closure reads of its upvalues is a call of Lua's.
typedef struct {
    lcore_t *core;
    alua_request_t request;
    char texts[];               //  Its `to` and `name`, zero-terminated
} lprepared_t;

static wire_str_t copy_text(char *place, wire_str_t text)
{
    memcpy(place, text.data, text.size + 1);
    return (wire_str_t) { place, text.size };
}

//  From the process at 1, the name at 2 and the options.
static void push_prepared(lua_State *L, int options)
{
    alua_request_t request = { .kind = ALUA_CALL, .flags = WIRE_WANTS_RESULTS };
    check_options(L, options, &request);
    wire_str_t to = string_at(L, 1), name = string_at(L, 2);
    lprepared_t *self = lua_newuserdatauv(L, sizeof *self + to.size + 1 + name.size + 1, 0);
    self->core = lcore_of(L);
    self->request = request;
    self->request.to = copy_text(self->texts, to);
    self->request.name = copy_text(self->texts + to.size + 1, name);
}

static const lprepared_t *prepared(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
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
    return ltask_push_outcome(L, (ltask_t *) context, UINT32_MAX);
}

//  The outcome of the cancelled request ends the wait.
static void stop_request(ltask_t *task)
{
    alua_cancel(task->core->process, task->wait.request);
}

static int sync_call(lua_State *L)
{
    const lprepared_t *self = prepared(L);
    lcore_t *core = self->core;
    ltask_t *task = ltask_here(L, core);
    alua_request_t request = self->request;
    request.flags |= task->flags & WIRE_BACKGROUND;     //  What a background call waits for holds nobody either
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
    push_prepared(L, 3);
    lua_pushcclosure(L, sync_call, 1);
    return 1;
}

//  ---- async -----------------------------------------------------------------------

//  Nothing was sent, but each call has one outcome: the callback hears it as an event too.
static int async_failed(lua_State *L, lcore_t *core, const char *name)
{
    if (lua_isnil(L, lua_upvalueindex(2))) {
        lua_pushvalue(L, -1);
        lreport(L, core, name, NULL);
    }
    else {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_pushnil(L);
        lua_pushvalue(L, -3);
        lcallback_post_outcome(L, core, 2, name);
    }
    return return_failure(L);
}

static int async_call(lua_State *L)
{
    const lprepared_t *self = prepared(L);
    lcore_t *core = self->core;
    alua_request_t request = self->request;
    lcore_need_node(L, core);
    lpending_t *pending = lcallback_new(L, core, lua_upvalueindex(2), request.name.data);
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
    lua_settop(L, 4);
    push_prepared(L, 4);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, async_call, 2);
    return 1;
}

//  ---- future ----------------------------------------------------------------------

static int future_call(lua_State *L)
{
    const lprepared_t *self = prepared(L);
    lcore_t *core = self->core;
    alua_request_t request = self->request;
    lcore_need_node(L, core);
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
    check_name(L, 1, "the process");
    check_name(L, 2, "the function's name");
    push_prepared(L, 3);
    lua_pushcclosure(L, future_call, 1);
    return 1;
}

//  ---- call, chunk, cancel: for the Lua modules ---------------------------------------

//  Nobody waits and nobody asks for what a send returns: it is told on standard error as well.
static void report_unsent(lua_State *L, lcore_t *core, const alua_request_t *request)
{
    lua_pushvalue(L, -1);
    lreport(L, core, request->to.data, NULL);
}

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
        if (!pending)
            report_unsent(L, core, request);
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
    check_options(L, 3, &request);
    if (!lua_isnil(L, 4))
        request.flags |= WIRE_WANTS_RESULTS;
    return send_with_callback(L, &request, 4, request.name.data);
}

//  Lua's mark of a chunk's name: @ for a place, = for other texts.
static bool is_marked(const char *name)
{
    return *name == '@' || *name == '=';
}

//  Our caller's caller is a C function (pcall), or lost in a tail call.
static wire_str_t next_line(lua_State *L, char text[WHERE_SIZE + 1])
{
    *text = '@';
    if (!where_user(L, text + 1))
        strcpy(text, "=chunk");
    return (wire_str_t) { text, strlen(text) };
}

//  "@FILE:LINE" of who called the Lua function that called us. Done for each send: no formats here.
static wire_str_t sender_line(lua_State *L, char text[WHERE_SIZE + 1])
{
    lua_Debug frame;
    char digits[12];
    if (!lua_getstack(L, 2, &frame) || !lua_getinfo(L, "Sl", &frame) || frame.currentline <= 0)
        return next_line(L, text);
    size_t size = strlen(frame.short_src), count = 0;
    for (int line = frame.currentline; line; line /= 10)
        digits[count++] = (char) ('0' + line % 10);
    text[0] = '@';
    memcpy(text + 1, frame.short_src, size++);
    text[size++] = ':';
    while (count)
        text[size++] = digits[--count];
    text[size] = 0;
    return (wire_str_t) { text, size };
}

//  As the event that runs: whoever wants results waits for them.
static uint32_t background_here(const lcore_t *core)
{
    return core->running ? core->running->flags & WIRE_BACKGROUND : 0;
}

//  core.chunk(to, text, name, want, timeout, cb, ...): name nil is the line that our caller's caller is at,
//  timeout nil or infinity is none
static int chunk(lua_State *L)
{
    char line[WHERE_SIZE + 1];
    check_name(L, 1, "the process");
    luaL_checkstring(L, 2);
    check_callback(L, 6);
    if (lua_gettop(L) < 6)
        lua_settop(L, 6);
    alua_request_t request = { .kind = ALUA_CHUNK, .to = string_at(L, 1), .code = string_at(L, 2),
                               .timeout = lcore_ms(L, 5, 0) };
    request.name = lua_isnil(L, 3) ? sender_line(L, line) : string_at(L, 3);
    if (request.name.size > WIRE_MAX_NAME)
        request.name.size = WIRE_MAX_NAME;
    if (luaL_checkinteger(L, 4) == 2)
        request.flags |= WIRE_WANTS_RESULTS | background_here(lcore_of(L));
    return send_with_callback(L, &request, 6, request.name.data + is_marked(request.name.data));
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
