//  serve - an event's way through a task, and back to who sent it

#include "serve.h"

#include <stdio.h>

#include "names.h"
#include "task.h"
#include "topic.h"
#include "wire_error.h"

#define FAILURE_SIZE (64 * 1024)    //  Of an error with its traceback and value

//  ---- Answers -----------------------------------------------------------------

static void answer(lua_State *T, ltask_t *task, const uint8_t *results, size_t size)
{
    lcore_t *core = task->core;
    int rc = alua_reply(core->process, task->from, task->request, results, size);
    if (rc == WIRE_E_TOO_BIG)
        lerror_raise(T, rc, "results: too much for one message");
    else if (rc == WIRE_E_NO_MEMORY)
        lerror_raise(T, rc, NULL);      //  There may be some for saying so
    else if (rc && rc != WIRE_E_GONE)
        lreport_text(core, ltask_what(task), wire_error_text(rc));
}

//  False when whoever asked is gone: somebody has to hear of it.
static bool answer_failure(ltask_t *task, const uint8_t *error, size_t size)
{
    lcore_t *core = task->core;
    uint64_t request = task->flags & WIRE_WANTS_REPLY ? task->request : 0;
    int rc = alua_fail(core->process, task->from, request, error, size);
    if (rc && rc != WIRE_E_GONE)
        lreport_text(core, ltask_what(task), wire_error_text(rc));
    return rc != WIRE_E_GONE;
}

//  When Lua has no memory left, the plain words still go.
static void answer_in_words(ltask_t *task, int code)
{
    wire_buf_t *out = &task->core->out;
    size_t start = out->size;
    wire_put_map(out, 3);
    wire_put_cstr(out, "code");
    wire_put_cstr(out, wire_error_word(code));
    wire_put_cstr(out, "message");
    wire_put_cstr(out, wire_error_text(code));
    wire_put_cstr(out, "definite");
    wire_put_bool(out, true);
    if (out->failed)
        lreport_text(task->core, ltask_what(task), wire_error_text(WIRE_E_NO_MEMORY));
    else
        (void) answer_failure(task, out->data + start, out->size - start);
    wire_buf_truncate(out, start);
}

//  "at 2@ana (call add):" and the traceback's lines below.
static void push_segment(lua_State *S, ltask_t *task)
{
    lua_pushfstring(S, "at %s (%s):", lcore_id(task->core), ltask_what(task));
    lreport_traceback(S, task->L);
    const char *lines = strchr(lua_tostring(S, -1), '\n');
    lua_pushstring(S, lines ? lines : "");
    lua_remove(S, -2);
    lua_concat(S, 2);
}

//  ltask_t.failed: the error value is on top of the service thread's stack.
static void serve_failed(lua_State *S, ltask_t *task, int status)
{
    wire_buf_t *out = &task->core->out;
    size_t start = out->size;
    bool heard = true;
    lpack_t pack;
    if (status == LUA_ERRMEM) {
        lua_resetthread(task->L);       //  What it held is the memory that an answer takes
        lua_gc(S, LUA_GCCOLLECT, 0);
        answer_in_words(task, WIRE_E_NO_MEMORY);
        return;
    }
    lerror_from_caught(S, status);
    push_segment(S, task);
    lpack_init(&pack, S, out);
    pack.limit = out->size + FAILURE_SIZE;
    if (lerror_put(&pack, -2, 0, lcore_id(task->core), lua_tostring(S, -1)) == 0 && out->size <= pack.limit)
        heard = answer_failure(task, out->data + start, out->size - start);
    else
        answer_in_words(task, WIRE_E_NO_MEMORY);
    wire_buf_truncate(out, start);
    lua_pop(S, 1);
    if (!heard)
        lreport(S, task->core, ltask_what(task), task->L);
}

//  ---- Requests ------------------------------------------------------------------

//  The function has returned: its results stand above the task.
static int served(lua_State *T, int status, lua_KContext context)
{
    ltask_t *task = (ltask_t *) context;
    wire_buf_t *out = &task->core->out;
    (void) status;
    if (!(task->flags & WIRE_WANTS_REPLY))
        return 0;
    size_t start = out->size;
    lpack_t pack;
    lpack_init(&pack, T, out);
    pack.hop = lcore_id(task->core);
    int rc = lpack_array(&pack, 2, task->flags & WIRE_WANTS_RESULTS ? lua_gettop(T) - 1 : 0, "results");
    if (rc)
        lerror_raise(T, rc, "%s", lpack_text(&pack));
    answer(T, task, out->data + start, out->size - start);
    wire_buf_truncate(out, start);
    return 0;
}

//  The function that a chunk or a call asks for; raises an error object.
static void push_function(lua_State *T, lcore_t *core, const alua_event_t *event)
{
    if (event->kind == ALUA_CALL) {
        if (lnames_push(T, core, event->name, event->full))
            lua_error(T);
    }
    else {
        int status = lchunks_push(T, &core->chunks, event->name, event->code);
        if (status == LUA_ERRMEM)
            lua_gc(T, LUA_GCCOLLECT, 0);        //  Half a chunk is garbage, and the answer needs room
        if (status != LUA_OK)
            lerror_raise(T, status == LUA_ERRMEM ? WIRE_E_NO_MEMORY : WIRE_E_SYNTAX, "%s", lua_tostring(T, -1));
    }
}

//  Its upvalues are those of names.h.
static int serve(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    const alua_event_t *event = task->event;
    wire_reader_t args = wire_reader(event->args, event->args_size);
    push_function(T, task->core, event);
    int count = lunpack_push(T, &args, event->count);
    lua_callk(T, count, LUA_MULTRET, (lua_KContext) task, served);
    return served(T, LUA_OK, (lua_KContext) task);
}

void lserve_push_exports(lua_State *L, lcore_t *core)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_pushglobaltable(L);
    lua_pushcclosure(L, serve, 2);
    core->serve = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void copy_request(ltask_t *task, const alua_event_t *event)
{
    task->event = event;
    task->from = event->from;
    task->request = event->request;
    task->flags = event->flags;
    task->deadline = event->deadline;
    if (event->from)
        task->failed = serve_failed;
}

static void serve_request(lcore_t *core, const alua_event_t *event)
{
    ltask_t *task = ltask_take(core, NULL);
    if (!task) {
        ltask_t words = { .core = core, .event = event, .from = event->from, .request = event->request, .flags = event->flags };
        answer_in_words(&words, WIRE_E_NO_MEMORY);
        return;
    }
    copy_request(task, event);
    ltask_start_ref(task, task->core->serve);
}

//  ---- Notices -------------------------------------------------------------------

static const char *const kinds[] = {
    [ALUA_MEMBERS] = "members", [ALUA_WATCHED] = "watched", [ALUA_END] = "end",
    [ALUA_PARENT] = "parent", [ALUA_ORDER] = "order", [ALUA_TUPLE] = "tuple",
    [ALUA_REACTION] = "reaction", [ALUA_BROKER] = "broker"
};

//  handler(args...); of an END the id of who has ended goes first.
static int notice(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    const alua_event_t *event = task->event;
    wire_reader_t args = wire_reader(event->args, event->args_size);
    int count = 0;
    lua_settop(T, 0);
    lua_rawgeti(T, LUA_REGISTRYINDEX, task->core->handlers);
    if (lua_getfield(T, 1, kinds[event->kind]) == LUA_TNIL)
        return 0;
    if (event->kind == ALUA_END) {
        lua_pushlstring(T, event->from_id.data, event->from_id.size);
        count++;
    }
    if (event->kind == ALUA_ORDER && event->count == 0) {
        lua_pushinteger(T, event->flags);
        count++;
    }
    count += lunpack_push(T, &args, event->count);
    lua_callk(T, count, 0, 0, ltask_over);
    return 0;
}

static void serve_notice(lcore_t *core, const alua_event_t *event)
{
    ltask_t *task = ltask_take_or_tell(core, kinds[event->kind]);
    if (!task)
        return;
    task->event = event;
    ltask_start(task, notice);
}

//  ---- The handler ---------------------------------------------------------------

static void on_event(void *arg, const alua_event_t *event)
{
    if (event->kind == ALUA_CALL || event->kind == ALUA_CHUNK)
        serve_request(arg, event);
    else if (event->kind == ALUA_TOPIC)
        ltopic_serve(arg, event);
    else
        serve_notice(arg, event);
}

static void on_cancel(void *arg, alua_remote_t *from, uint64_t request)
{
    ltask_cancel(arg, from, request);
}

typedef struct {
    lcore_t *core;
    wire_str_t about;
    alua_outcome_t outcome;
} lloss_t;

static int report_loss(lua_State *S)
{
    lloss_t *loss = lua_touserdata(S, 1);
    lerror_push_outcome(S, &loss->outcome, 0);
    lua_pushlstring(S, loss->about.data, loss->about.size);
    lua_insert(S, -2);
    lreport(S, loss->core, loss->about.size ? lua_tostring(S, -2) : NULL, NULL);
    return 0;
}

static void on_report(void *arg, wire_str_t about, int code, const char *text, const void *error, size_t size)
{
    lloss_t loss = { arg, about, { .code = code ? code : WIRE_E_REMOTE, .text = text, .body = error, .size = size } };
    if (!error && !lreport_is_news(arg, about, text ? text : wire_error_text(loss.outcome.code)))
        return;
    loss.outcome.definite = wire_error_definite(loss.outcome.code);
    if (!ltask_protected(arg, report_loss, &loss))
        lreport_text(arg, NULL, text ? text : wire_error_text(loss.outcome.code));
}

static uint32_t on_waits(void *arg, wire_buf_t *out)
{
    return lwaits_list(arg, out);
}

static bool on_begun(void *arg)
{
    return ltask_serves(arg);
}

void lserve_attach(lcore_t *core)
{
    const alua_handler_t handler = { on_event, on_cancel, on_report, on_waits, on_begun };
    alua_process_handle(core->process, &handler, core);
}
