//  task - the pool of coroutines, and how an event passes through one

#include "task.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire_error.h"

#define MAX_IDLE 256            //  Coroutines kept for later; one is about 1 KiB

//  ---- Rings -----------------------------------------------------------------

static void link_waiting(ltask_t *task)
{
    ltask_t *ring = &task->core->waiting;
    task->prev_waiting = ring->prev_waiting;
    task->next_waiting = ring;
    ring->prev_waiting->next_waiting = task;
    ring->prev_waiting = task;
}

static void unlink_waiting(ltask_t *task)
{
    task->prev_waiting->next_waiting = task->next_waiting;
    task->next_waiting->prev_waiting = task->prev_waiting;
}

static void link_task(lcore_t *core, ltask_t *task)
{
    task->next = core->tasks.next;
    task->prev = &core->tasks;
    task->next->prev = task;
    core->tasks.next = task;
}

static void free_task(ltask_t *task)
{
    task->prev->next = task->next;
    task->next->prev = task->prev;
    free(task);
}

//  ---- The pool --------------------------------------------------------------

bool ltask_protected(lcore_t *core, lua_CFunction work, void *arg)
{
    lua_State *S = core->service;
    int top = lua_gettop(S);
    if (!lua_checkstack(S, 4))
        return false;
    lua_pushcfunction(S, work);
    lua_pushlightuserdata(S, arg);
    bool good = lua_pcall(S, 1, 0, 0) == LUA_OK;
    lua_settop(S, top);
    return good;
}

//  The thread is anchored in the table of threads, under its task's address.
static int make_thread(lua_State *S)
{
    ltask_t *task = lua_touserdata(S, 1);
    lua_rawgeti(S, LUA_REGISTRYINDEX, task->core->threads);
    lua_State *L = lua_newthread(S);
    lua_rawsetp(S, -2, task);
    task->L = L;
    return 0;
}

static int drop_thread(lua_State *S)
{
    ltask_t *task = lua_touserdata(S, 1);
    lua_rawgeti(S, LUA_REGISTRYINDEX, task->core->threads);
    lua_pushnil(S);
    lua_rawsetp(S, -2, task);
    return 0;
}

static ltask_t *make_task(lcore_t *core)
{
    ltask_t *task = calloc(1, sizeof *task);
    if (!task)
        return NULL;
    task->core = core;
    if (!ltask_protected(core, make_thread, task)) {
        free(task);
        return NULL;
    }
    link_task(core, task);
    return task;
}

ltask_t *ltask_take(lcore_t *core, const char *what)
{
    ltask_t *task = core->idle;
    if (task) {
        core->idle = task->next_idle;
        core->idle_count--;
    }
    else if ((task = make_task(core)) == NULL)
        return NULL;
    task->failed = ltask_report;
    task->what = what;
    return task;
}

ltask_t *ltask_take_or_tell(lcore_t *core, const char *what)
{
    ltask_t *task = ltask_take(core, what);
    if (!task)
        lreport_text(core, what, wire_error_text(WIRE_E_NO_MEMORY));
    return task;
}

//  Leaves a clean slate, whatever the event has set.
void ltask_give_back(ltask_t *task)
{
    lcore_t *core = task->core;
    if (task->held)
        alua_remote_release(task->from);
    task->event = NULL;
    task->pending = NULL;
    task->from = NULL;
    task->held = task->cancelled = false;
    task->request = 0;
    task->flags = 0;
    task->deadline = task->timeout = 0;
    if (core->idle_count >= MAX_IDLE && ltask_protected(core, drop_thread, task)) {
        free_task(task);
        return;
    }
    task->next_idle = core->idle;
    core->idle = task;
    core->idle_count++;
}

//  Without the mark that Lua wants before a chunk's name.
static void describe(char *what, size_t size, const alua_event_t *event)
{
    bool is_call = event->kind == ALUA_CALL;
    wire_str_t name = event->name;
    if (!is_call && name.size && (*name.data == '@' || *name.data == '=')) {
        name.data++;
        name.size--;
    }
    memcpy(what, is_call ? "call  " : "chunk ", 6);
    size_t n = is_call ? 5 : 6;
    if (name.size > size - n - 1)
        name.size = size - n - 1;
    if (name.size)
        memcpy(what + n, name.data, name.size);
    what[n + name.size] = 0;
}

const char *ltask_what(ltask_t *task)
{
    if (!task->what) {
        describe(task->text, sizeof task->text, task->event);
        task->what = task->text;
    }
    return task->what;
}

static void keep_what(ltask_t *task)
{
    const char *what = ltask_what(task);
    if (what == task->text)
        return;
    size_t size = strlen(what);
    if (size >= sizeof task->text)
        size = sizeof task->text - 1;
    memcpy(task->text, what, size);
    task->text[size] = 0;
    task->what = task->text;
}

void ltask_close(lcore_t *core)
{
    while (core->tasks.next != &core->tasks)
        free_task(core->tasks.next);
    free(core->outer.kept);
    core->outer.kept = NULL;
    core->idle = NULL;
}

//  ---- Running -----------------------------------------------------------------

typedef struct {
    ltask_t *task;
    int status;
} lfailure_t;

//  On the service thread: the error value moves here from the coroutine, whose frames are
//  still there for the traceback.
static int handle_failure(lua_State *S)
{
    lfailure_t *failure = lua_touserdata(S, 1);
    ltask_t *task = failure->task;
    lua_settop(S, 0);
    if (failure->status == LUA_YIELD)
        lua_pushliteral(S, "coroutine.yield outside any coroutine of the program's own: an event waits by "
                           "luarpc.sync, alua.sleep and their like");
    else
        lua_xmove(task->L, S, 1);
    task->failed(S, task, failure->status);
    return 0;
}

static void fail(ltask_t *task, int status)
{
    lfailure_t failure = { task, status };
    if (!ltask_protected(task->core, handle_failure, &failure))
        lreport_text(task->core, ltask_what(task), "failed, and there was no memory to say how");
    lua_resetthread(task->L);
    lua_settop(task->L, 0);
}

//  It waits: whoever it works for may not vanish meanwhile, and the event's bytes will.
static void suspend(ltask_t *task)
{
    keep_what(task);
    task->event = NULL;
    if (task->from && !task->held) {
        alua_remote_hold(task->from);
        task->held = true;
    }
}

static void settle(ltask_t *task, int status)
{
    if (status == LUA_YIELD && task->wait.verb) {
        suspend(task);
        return;
    }
    if (status != LUA_OK)
        fail(task, status);
    ltask_give_back(task);
}

//  Garbage that an error has left in core->out goes when its event is over.
static void run(ltask_t *task, int arguments)
{
    lcore_t *core = task->core;
    ltask_t *outer = core->running;
    size_t base = core->out.size;
    int results;
    core->running = task;
    int status = lua_resume(task->L, NULL, arguments, &results);
    core->running = outer;
    wire_buf_truncate(&core->out, base);
    settle(task, status);
}

void ltask_start(ltask_t *task, lua_CFunction entry)
{
    lua_pushcfunction(task->L, entry);
    lua_pushlightuserdata(task->L, task);
    run(task, 1);
}

void ltask_start_ref(ltask_t *task, int ref)
{
    lua_rawgeti(task->L, LUA_REGISTRYINDEX, ref);
    lua_pushlightuserdata(task->L, task);
    run(task, 1);
}

void ltask_start_with(ltask_t *task, lua_CFunction entry, lua_State *L, int count)
{
    if (!lua_checkstack(task->L, count + 4)) {
        ltask_give_back(task);
        lerror_raise(L, WIRE_E_NO_MEMORY, NULL);
    }
    lua_pushcfunction(task->L, entry);
    lua_pushlightuserdata(task->L, task);
    lua_xmove(L, task->L, count);
    run(task, count + 1);
}

int ltask_over(lua_State *T, int status, lua_KContext context)
{
    (void) T, (void) status, (void) context;
    return 0;
}

void ltask_report(lua_State *S, ltask_t *task, int status)
{
    lreport(S, task->core, ltask_what(task), status == LUA_ERRMEM ? NULL : task->L);
}

//  ---- Waiting -----------------------------------------------------------------

ltask_t *ltask_here(lua_State *L, lcore_t *core)
{
    lcore_need_node(L, core);
    ltask_t *task = core->running;
    if (task && task->L == L) {
        if (!lua_isyieldable(L))
            where_raise(L, "cannot wait inside a function that C code calls (require, table.sort, string.gsub, "
                           "a metamethod): use a callback or a future, and wait outside");
        return task;
    }
    if (L != core->L)
        where_raise(L, "cannot wait in a coroutine that was not started by ALua, since its own resumer would get "
                       "the yield: use a callback (luarpc.async), a future (luarpc.future), or let one loop drive the "
                       "other (alua.fd, alua.timeout, alua.step)");
    if (core->outer.wait.verb || task)
        where_raise(L, "cannot wait here: the main program waits already");
    return &core->outer;
}

static int nothing(lua_State *L)
{
    (void) L;
    return 0;
}

bool ltask_interrupted(lua_State *L)
{
    lua_pushcfunction(L, nothing);
    return lua_pcall(L, 0, 0, 0) != LUA_OK;
}

//  Plain Lua's main thread: turn the loop until woken. An interrupted wait is ended in order,
//  since its outcome would otherwise wake the next one.
static void turn_until_woken(lua_State *L, ltask_t *task)
{
    lcore_t *core = task->core;
    bool raise = false;
    while (!task->woken) {
        bool more = alua_node_step(core->node, LTASK_POKE);
        if (!raise && ltask_interrupted(L)) {
            raise = true;
            if (!task->woken && !task->due && task->wait.stop)
                task->wait.stop(task);
        }
        if (!more && !task->woken && !*alua_node_name(core->node)) {
            task->wait.ended = WIRE_E_DEADLOCK;
            ltask_wake(task);
        }
    }
    if (raise)
        lua_error(L);
}

int ltask_wait(lua_State *L, ltask_t *task, lua_KFunction then)
{
    if (task->flags & WIRE_BACKGROUND)
        task->wait.holds = false;       //  Nor does what is done for such a call
    if (task->wait.holds)
        alua_hold(task->core->process, 1);
    link_waiting(task);
    if (task != &task->core->outer)
        return lua_yieldk(L, 0, (lua_KContext) task, then);
    task->woken = false;
    turn_until_woken(L, task);
    return then(L, LUA_YIELD, (lua_KContext) task);
}

static void end_wait(ltask_t *task)
{
    unlink_waiting(task);
    if (task->wait.holds)
        alua_hold(task->core->process, -1);
    if (task->wait.timer)
        alua_timer_cancel(task->core->process, task->wait.timer);
    task->wait.timer = 0;
    task->wait.verb = NULL;
}

void ltask_wake(ltask_t *task)
{
    end_wait(task);
    if (task == &task->core->outer)
        task->woken = true;
    else
        run(task, 0);
}

static void wake_due(void *arg)
{
    lcore_t *core = arg;
    ltask_t *due = core->due;
    core->due = NULL;
    core->due_tail = &core->due;
    core->due_posted = false;
    while (due) {
        ltask_t *task = due;
        due = task->next_due;
        task->due = false;
        ltask_wake(task);
    }
}

//  One event for all that are due. When no room is left for it, a timer has some.
void ltask_wake_later(ltask_t *task, int ended)
{
    lcore_t *core = task->core;
    if (task->due)
        return;
    task->due = true;
    task->wait.ended = ended;
    if (task->wait.timer)
        alua_timer_cancel(core->process, task->wait.timer);
    task->wait.timer = 0;
    task->next_due = NULL;
    *core->due_tail = task;
    core->due_tail = &task->next_due;
    if (!core->due_posted)
        core->due_posted = alua_post(core->process, wake_due, core) == 0
            || alua_timer(core->process, 1, false, wake_due, core) != 0;
}

//  ---- Outcomes ------------------------------------------------------------------

void ltask_wake_with(ltask_t *task, const alua_outcome_t *outcome)
{
    static const alua_outcome_t no_memory = { .code = WIRE_E_NO_MEMORY };
    if (task != &task->core->outer) {
        task->outcome = outcome;
        ltask_wake(task);
        return;
    }
    free(task->kept);
    task->kept = lerror_copy_outcome(outcome);
    task->outcome = task->kept ? task->kept : &no_memory;
    ltask_wake(task);
}

void ltask_on_outcome(void *arg, const alua_outcome_t *outcome)
{
    ltask_wake_with(arg, outcome);
}

int ltask_push_outcome(lua_State *L, ltask_t *task, uint32_t most)
{
    const alua_outcome_t *outcome = task->outcome;
    if (outcome->code == 0) {
        wire_reader_t in = wire_reader(outcome->body, outcome->size);
        return lunpack_push(L, &in, outcome->count < most ? outcome->count : most);
    }
    luaL_checkstack(L, 8, "error object");
    lua_pushnil(L);
    lerror_push_outcome(L, outcome, task->timeout);
    return 2;
}

//  ---- For the node ----------------------------------------------------------------

static void cancel_task(ltask_t *task)
{
    task->cancelled = true;
    if (task->wait.verb && task->wait.stop && !task->due)
        task->wait.stop(task);
}

void ltask_cancel(lcore_t *core, const alua_remote_t *from, uint64_t request)
{
    ltask_t *task = core->running;
    if (task && task->from == from && task->request == request) {
        cancel_task(task);
        return;
    }
    for (task = core->waiting.next_waiting; task != &core->waiting; task = task->next_waiting)
        if (task->from == from && task->request == request) {
            cancel_task(task);
            return;
        }
}

bool ltask_serves(const lcore_t *core)
{
    const ltask_t *task = core->waiting.next_waiting;
    while (task != &core->waiting && !(task->from && !(task->flags & WIRE_BACKGROUND)))
        task = task->next_waiting;
    return task != &core->waiting;
}

//  "sync call add of 2@ana, FILE:LINE"
static void put_wait(wire_buf_t *out, ltask_t *task)
{
    char text[512], where[WHERE_SIZE];
    where_user(task->L, where);
    int n = snprintf(text, sizeof text, "%s%s%.*s%s%.*s, %s", task->wait.verb, task->wait.name ? " " : "", 160,
                     task->wait.name ? task->wait.name : "", task->wait.of ? " of " : "", 160,
                     task->wait.of ? task->wait.of : "", where);
    wire_put_text(out, text, (size_t) n);
}

uint32_t ltask_list(lcore_t *core, wire_buf_t *out)
{
    uint32_t count = 0;
    for (ltask_t *task = core->waiting.next_waiting; task != &core->waiting; task = task->next_waiting) {
        put_wait(out, task);
        count++;
    }
    return count;
}
