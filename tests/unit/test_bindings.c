//  test_bindings - two Lua states that call each other over a fake node, in virtual time
//
//  Each story is Lua text: what A (1@test) does stands in one string, what B (2@test) has in
//  another. `say(...)` adds a line to the state's trace.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "alua_core.h"
#include "fake_alua.h"

#define A 1
#define B 2

typedef struct {
    lua_State *L[3];
    char trace[3][8192];
    char *report;               //  What went to standard error
    size_t report_size;
    FILE *stderr_before;
    long allowed;               //  Allocations until memory is refused; -1: any number
} fixture_t;

static fixture_t fixture;

//  ---- States ------------------------------------------------------------------------

static void *allocate(void *arg, void *block, size_t old, size_t size)
{
    fixture_t *f = arg;
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (f->allowed >= 0 && (!block || size > old) && f->allowed-- == 0) {
        f->allowed = 0;                 //  And all that follow
        return NULL;
    }
    return realloc(block, size);
}

static int say(lua_State *L)
{
    char *trace = lua_touserdata(L, lua_upvalueindex(1));
    for (int i = 1; i <= lua_gettop(L); i++) {
        size_t at = strlen(trace);
        snprintf(trace + at, 8192 - at, "%s%s", i > 1 ? " " : "", luaL_tolstring(L, i, NULL));
        lua_pop(L, 1);
    }
    size_t at = strlen(trace);
    snprintf(trace + at, 8192 - at, "\n");
    return 0;
}

static void do_text(lua_State *L, const char *name, const char *text)
{
    if (luaL_loadbuffer(L, text, strlen(text), name) || lua_pcall(L, 0, 0, 0))
        fail_msg("%s", lua_tostring(L, -1));
}

static lua_State *new_state(fixture_t *f, int node)
{
    lua_State *L = lua_newstate(allocate, f);
    luaL_openlibs(L);
    luaL_requiref(L, "alua.core", luaopen_alua_core, 0);
    lua_setglobal(L, "core");
    lua_pushlightuserdata(L, f->trace[node]);
    lua_pushcclosure(L, say, 1);
    lua_setglobal(L, "say");
    do_text(L, "=setup", "sync, async, future, error_of = core.sync, core.async, core.future, core.error "
                         "core.now()");
    return L;
}

static int setup(void **state)
{
    fixture_t *f = &fixture;
    memset(f, 0, sizeof *f);
    f->allowed = -1;
    f->stderr_before = stderr;
    stderr = open_memstream(&f->report, &f->report_size);
    fake_reset();
    f->L[A] = new_state(f, A);
    f->L[B] = new_state(f, B);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    lua_close(f->L[A]);
    lua_close(f->L[B]);
    fclose(stderr);
    stderr = f->stderr_before;
    free(f->report);
    fake_reset();
    return 0;
}

//  ---- Verbs -------------------------------------------------------------------------

//  Run text in a state, outside any event.
static void has(fixture_t *f, int node, const char *text)
{
    do_text(f->L[node], node == A ? "=a.lua" : "=b.lua", text);
}

//  Run text as an event, with what follows from it.
static void runs(fixture_t *f, int node, const char *text)
{
    lua_State *L = f->L[node];
    lua_getglobal(L, "core");
    lua_getfield(L, -1, "task");
    if (luaL_loadbuffer(L, text, strlen(text), node == A ? "=a.lua" : "=b.lua"))
        fail_msg("%s", lua_tostring(L, -1));
    lua_call(L, 1, 0);
    lua_pop(L, 1);
    fake_run();
}

static void said(fixture_t *f, int node, const char *expected)
{
    assert_string_equal(f->trace[node], expected);
    *f->trace[node] = 0;
}

static void said_part(fixture_t *f, int node, const char *part)
{
    if (!strstr(f->trace[node], part))
        fail_msg("'%s' is not in '%s'", part, f->trace[node]);
    *f->trace[node] = 0;
}

static void reported(fixture_t *f, const char *part)
{
    fflush(stderr);
    if (!f->report || !strstr(f->report, part))
        fail_msg("'%s' was not reported, but '%s'", part, f->report ? f->report : "");
}

static void reported_nothing(fixture_t *f)
{
    fflush(stderr);
    assert_string_equal(f->report ? f->report : "", "");
}

//  ---- Calls -------------------------------------------------------------------------

static void test_a_call_returns_all_results(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function mix(a, b, c) return c, nil, b, a, nil end");
    runs(f, A, "say(select('#', sync('2@test', 'mix')(1, nil, 'x')), sync('2@test', 'mix')(1, nil, 'x'))");
    said(f, A, "5 x nil nil 1 nil\n");
    runs(f, A, "say(select('#', sync('2@test', 'string.format')('%d', 7))) "
               "say(select('#', sync('2@test', 'collectgarbage')('step')))");
    said(f, A, "1\n1\n");
    has(f, B, "function none() end");
    runs(f, A, "say(select('#', sync('2@test', 'none')()))");
    said(f, A, "0\n");
    reported_nothing(f);
}

static void test_the_main_thread_waits_too(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function add(a, b) return a + b end");
    has(f, A, "local add = sync('2@test', 'add') say(add(1, 2), add(3, 4)) say(add({}))");
    said_part(f, A, "3 7\nnil remote: b.lua:1: attempt to perform arithmetic");
}

static void test_a_process_that_waits_keeps_serving(void **state)
{
    fixture_t *f = *state;
    has(f, A, "function back(n) return n * 2 end function down(n) if n == 0 then return 'end' end "
              "return sync('2@test', 'up')(n) end");
    has(f, B, "function up(n) return n .. sync('1@test', 'down')(n - 1) end");
    runs(f, A, "say(sync('2@test', 'up')(5))");
    said(f, A, "54321end\n");
    assert_int_equal(fake_remotes_held(), 0);
}

static void test_a_function_is_found_by_path_and_anew(void **state)
{
    fixture_t *f = *state;
    has(f, B, "m = { deep = { f = function() return 1 end } } g = setmetatable({}, { __call = function() return 'g' end })");
    runs(f, A, "F = sync('2@test', 'm.deep.f') say(F(), (sync('2@test', 'g')()))");
    has(f, B, "function m.deep.f() return 2 end");
    runs(f, A, "say(F())");
    has(f, B, "core.exports['m.deep.f'] = function() return 'exact' end");
    runs(f, A, "say(F())");
    has(f, B, "core.exports['m.deep.f'] = nil core.exports.m = { deep = { f = function() return 'exported' end } }");
    runs(f, A, "say(F())");
    has(f, B, "function h() return 'global' end core.exports.h = g");
    runs(f, A, "say((sync('2@test', 'h')()))");
    said(f, A, "1 g\n2\nexact\nexported\ng\n");
}

static void test_unknown_functions_come_with_a_guess(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function currValue() end mutex = { request = function() end }");
    runs(f, A, "local _, e = sync('2@test', 'currvalue')() say(e.code, e.definite, e.message)");
    said(f, A, "no_function true no function 'currvalue' here (did you mean 'currValue'?)\n");
    runs(f, A, "local _, e = sync('2@test', 'mutex.reqest')() say(e.message)");
    said(f, A, "no function 'mutex.reqest' here (did you mean 'mutex.request'?)\n");
    runs(f, A, "local _, e = sync('2@test', 'mutex')() say(e.code) local _, e = sync('2@test', '..')() say(e.code)");
    said(f, A, "no_function\nno_function\n");
    has(f, B, "core.globals(false)");
    runs(f, A, "local _, e = sync('2@test', 'currValue')() say(e.code)");
    said(f, A, "not_exported\n");
}

static void test_who_may_not_run_code_reaches_exports_only(void **state)
{
    fixture_t *f = *state;
    has(f, B, "core.exports.add = function(a, b) return a + b end core.exports.m = { f = function() return 'f' end } "
              "function secret() return 1 end touched = setmetatable({}, { __index = function() say 'touched' end })");
    fake_full(false);
    runs(f, A, "say((sync('2@test', 'add')(1, 2))) say((sync('2@test', 'm.f')()))");
    said(f, A, "3\nf\n");
    runs(f, A, "for _, name in ipairs { 'secret', 'nothing', 'touched.f', 'os.exit' } do "
               "local _, e = sync('2@test', name)() say(e.code, (e.message:gsub(name, 'X'))) end");
    const char *line = "not_exported 'X' is not exported here, and to call what is not takes the right 'code' in full\n";
    char all[512];
    snprintf(all, sizeof all, "%s%s%s%s", line, line, line, line);      //  Whether it exists is none of their business
    said(f, A, all);
    said(f, B, "");
}

static void test_strict_globals_do_not_hide_that_it_is_missing(void **state)
{
    fixture_t *f = *state;
    has(f, B, "setmetatable(_G, { __index = function(_, k) error('undefined ' .. k) end })");
    runs(f, A, "local _, e = sync('2@test', 'nowhere')() say(e.code)");
    said(f, A, "no_function\n");
}

//  ---- Errors ------------------------------------------------------------------------

static void test_errors_are_objects(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function bad() error('boom') end function odd() error({ 1, why = 'x' }) end "
              "function none() error() end");
    runs(f, A, "local n, e = sync('2@test', 'bad')() say(n, core.iserror(e), e.code, e.node, e.where, e.definite) "
               "say(e) say('x: ' .. e) say(e.traceback)");
    said(f, A, "nil true remote 2@test b.lua:1 true\nremote: b.lua:1: boom (at 2@test)\n"
               "x: remote: b.lua:1: boom (at 2@test)\n"
               "at 2@test (call bad):\n\t[C]: in function 'error'\n\tb.lua:1: in function 'bad'\n");
    runs(f, A, "local n, e = sync('2@test', 'odd')() say(e.value[1], e.value.why)");
    said(f, A, "1 x\n");
    runs(f, A, "local n, e = sync('2@test', 'none')() say(e.code, e.message)");
    said(f, A, "remote nil\n");
    assert_false(fake_failed(B));
    reported_nothing(f);
}

static void test_an_error_gains_a_segment_per_hop(void **state)
{
    fixture_t *f = *state;
    has(f, A, "function inner() error('deep') end");
    has(f, B, "function raise() error((select(2, sync('1@test', 'inner')()))) end "
              "function pass() return sync('1@test', 'inner')() end");
    runs(f, A, "local _, e = sync('2@test', 'raise')() say(#e.segments, e.node, e.message, e.segments[2]:match('^[^\\n]*'))");
    said(f, A, "2 1@test a.lua:1: deep at 2@test (call raise):\n");
    runs(f, A, "local n, e = sync('2@test', 'pass')() say(n, core.iserror(e), #e.segments, e.segments[2])");
    said(f, A, "nil true 2 passed on by 2@test\n");
}

static void test_own_nil_and_text_are_no_failure(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f() return nil, 'not found' end");
    runs(f, A, "local n, e = sync('2@test', 'f')() say(n, e, core.iserror(e))");
    said(f, A, "nil not found false\n");
}

static void test_what_cannot_be_sent_names_its_path(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f() return 1, { a = { print } } end function endless() local t = {} t.t = t return t end "
              "function many() return table.unpack({}, 1, 200000), 1 end "
              "function huge() local t = {} for i = 1, 300000 do t[i] = i end return t end");
    runs(f, A, "local n, e = sync('2@test', 'f')(1, { player = { socket = io.stdout } }) say(n, e.code, e.message, e.node)");
    said(f, A, "nil unsendable args[2].player.socket: userdata (FILE*) nil\n");
    runs(f, A, "local n, e = sync('2@test', 'f')() say(n, e.code, e.message, e.node)");
    said(f, A, "nil unsendable results[2].a[1]: function 2@test\n");
    runs(f, A, "local n, e = sync('2@test', 'endless')() say(e.message)");
    said(f, A, "results[1].t: a table that is inside itself\n");
    runs(f, A, "local n, e = sync('2@test', 'huge')() say(e.code)");
    said(f, A, "too_big\n");
}

static void test_unknown_process_and_refused_send(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "say(sync('9@test', 'f')())");
    said(f, A, "nil unknown: no such process\n");
    fake_refuse(WIRE_E_FULL);
    runs(f, A, "say(sync('2@test', 'f')())");
    said_part(f, A, "nil full: ");
    fake_refuse(WIRE_E_FULL);
    runs(f, A, "say(async('2@test', 'f', function(...) say('called', ...) end)())");
    said_part(f, A, "called nil full: ");
    fake_refuse(WIRE_E_OFFLINE);
    runs(f, A, "async('2@test', 'f')()");
    reported(f, "alua: f: offline: ");
}

//  ---- Misuse ------------------------------------------------------------------------

static void test_misuse_raises_at_the_callers_line(void **state)
{
    fixture_t *f = *state;
    static const char *const cases[] = {
        "sync(nil, 'f')", "a.lua:2: the process must be a string of 1 to 255 bytes, got nil",
        "sync('p', {})", "a.lua:2: the function's name must be a string of 1 to 255 bytes, got table",
        "sync('p', 'f', 1)", "a.lua:2: options must be a table",
        "sync('p', 'f', { timeou = 1 })", "a.lua:2: unknown option 'timeou' (timeout, wait, background)",
        "async('p', 'f', 1)", "a.lua:2: the callback must be a function",
        "future('p', 'f', { timeout = -1 })", "a.lua:2: a time must be a number of seconds, 0 or more",
        "sync('p', 'f', { timeout = 0/0 })", "a.lua:2: a time must be a number of seconds, 0 or more",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += 2) {
        char text[512];
        snprintf(text, sizeof text, "say(select(2, pcall(function()\n%s end)))", cases[i]);
        runs(f, A, text);
        snprintf(text, sizeof text, "%s\n", cases[i + 1]);
        said(f, A, text);
    }
}

static void test_waiting_in_a_foreign_coroutine_raises(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f() return 1 end");
    runs(f, A, "local co = coroutine.wrap(function() return pcall(sync('2@test', 'f')) end) say(co())");
    said_part(f, A, "false a.lua:1: cannot wait in a coroutine that was not started by ALua");
    has(f, A, "say(coroutine.wrap(function() return pcall(sync('2@test', 'f')) end)())");
    said_part(f, A, "luarpc.future");
    runs(f, A, "say(pcall(table.sort, { 2, 1 }, function() sync('2@test', 'f')() end))");
    said_part(f, A, "false a.lua:1: cannot wait inside a function that C code calls");
    runs(f, A, "local co = coroutine.wrap(function() coroutine.yield(1) return 2 end) say(co(), co())");
    said(f, A, "1 2\n");
    reported_nothing(f);
}

static void test_a_plain_yield_of_an_event_is_an_error(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "coroutine.yield()");
    reported(f, "alua: task: coroutine.yield outside any coroutine");
    assert_true(fake_failed(A));
    has(f, B, "function f() coroutine.yield(1) end");
    runs(f, A, "say((select(2, sync('2@test', 'f')())).message)");
    said_part(f, A, "coroutine.yield outside");
}

//  ---- Time --------------------------------------------------------------------------

static void test_timeout_and_cancel_reach_the_far_side(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function slow() say(core.await(function() end, 'slow')) say(core.cancelled(), core.caller()) end");
    runs(f, A, "say(sync('2@test', 'slow', { timeout = 2 })())");
    said(f, A, "nil timeout: no answer from 2@test within 2 s\n");
    said(f, B, "nil cancelled: cancelled\ntrue 1@test\n");
    assert_int_equal(fake_cancels(), 1);
    assert_int_equal(fake_holds(B), 0);
    assert_int_equal(fake_remotes_held(), 0);
}

static void test_a_cancel_goes_on_along_the_chain(void **state)
{
    fixture_t *f = *state;
    has(f, A, "function last() say(core.await(function() end, 'last')) end");
    has(f, B, "function middle() say(sync('1@test', 'last')()) end");
    runs(f, A, "local fut = future('2@test', 'middle')() core.timer(1, function() say(fut:cancel(), fut:cancel()) end) "
               "say(fut:get())");
    said(f, A, "true false\nnil cancelled: cancelled\nnil cancelled: cancelled\n");
    said(f, B, "nil cancelled: cancelled\n");
}

static void test_who_waits_for_what(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function slow() core.await(function() end, 'a light') end");
    has(f, A, "core.task(function()\n sync('2@test', 'slow', { timeout = math.huge })()\n end) "
              "core.task(function() core.new_future('what'):get() end)");
    fake_run();
    assert_string_equal(fake_waits(A), "sync call slow of 2@test, a.lua:2\nfuture what, a.lua:3\n");
    assert_string_equal(fake_waits(B), "a light, b.lua:1\n");
    assert_int_equal(fake_holds(A), 1);
}

static void test_timers(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "local t0 = core.now() core.timer(2, function() say('two', core.now() - t0) end) "
               "core.timer(1, function() say('one', core.now() - t0) end) "
               "local id = core.timer(1.5, function() say('never') end) "
               "say(core.cancel_timer(id), core.cancel_timer(id), core.cancel_timer(77))");
    said(f, A, "true false false\none 1.0\ntwo 2.0\n");
    runs(f, A, "core.timer(1, function() error('late') end)");
    reported(f, "alua: timer: a.lua:1: late\nstack traceback:\n");
    assert_true(fake_failed(A));
}

//  ---- Callbacks and futures -----------------------------------------------------------

static void test_callbacks(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f(x) if x then error(x, 0) end return 1, nil, 3 end");
    runs(f, A, "say(async('2@test', 'f', function(...) say(select('#', ...), ...) end)())");
    said(f, A, "true\n3 1 nil 3\n");
    runs(f, A, "async('2@test', 'f', function(a, b) say(a, b) end)('no')");
    said(f, A, "nil remote: no (at 2@test)\n");
    reported_nothing(f);
    runs(f, A, "async('2@test', 'f', function(a) say('called', a) end)('lost')");
    said(f, A, "");
    reported(f, "alua: f: remote: lost (at 2@test)\nat 2@test (call f):\n");
    runs(f, A, "async('2@test', 'f')('gone')");
    reported(f, "alua: test: remote: gone (at 2@test)");
    runs(f, A, "async('2@test', 'f', function() error('in callback') end)()");
    reported(f, "alua: callback of f: a.lua:1: in callback\nstack traceback:\n");
}

static void test_a_callback_may_wait(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f(x) return x end");
    runs(f, A, "async('2@test', 'f', function(a) say(a, sync('2@test', 'f')(2)) end)(1)");
    said(f, A, "1 2\n");
}

static void test_futures(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f(x) if x == 0 then error('zero') end return x, nil, ('long'):rep(100) end "
              "function slow() core.await(function(r) core.timer(5, r) end, 'slow') return 'slow' end");
    runs(f, A, "local fut = future('2@test', 'f')(1) say(fut:ready()) say(select('#', fut:get()), (fut:get())) "
               "say(fut:ready(), #select(3, fut:get()))");
    said(f, A, "false\n3 1\ntrue 400\n");
    runs(f, A, "local fut = future('2@test', 'f')(0) fut:on(function(a, e) say('on', a, e.code) end) say(fut:outcome()) "
               "say(select(2, fut:get()).code) say(fut:outcome())");
    said(f, A, "\nremote\nfalse remote: b.lua:1: zero (at 2@test)\non nil remote\n");
    runs(f, A, "local fut = future('2@test', 'slow')() say(fut:get(1)) say(fut:get(0)) say(fut:get())");
    said(f, A, "nil timeout: no result within 1 s\nnil timeout: no result within 0 s\nslow\n");
    runs(f, A, "local fut = future('2@test', 'f')(print) say(fut:ready(), select(2, fut:get()).code)");
    said(f, A, "true unsendable\n");
}

static void test_several_wait_for_one_future(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "local fut, resolve = core.new_future() for i = 1, 3 do core.task(function() say(i, fut:get()) end) end "
               "core.task(function() say('four', fut:get(1)) end) "
               "core.timer(2, function() say(resolve(1, nil), resolve(2)) end) fut:on(function(...) say('on', ...) end)");
    said(f, A, "four nil timeout: no result within 1 s\ntrue false\n1 1 nil\n2 1 nil\n3 1 nil\non 1 nil\n");
    runs(f, A, "local fut = core.new_future() fut:oncancel(function() say('stopped') end) "
               "core.task(function() say(fut:get()) end) core.timer(1, function() say(fut:cancel(), fut:cancel()) end)");
    said(f, A, "stopped\ntrue false\nnil cancelled: cancelled\n");
}

static void test_await(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "say(core.await(function(resume) say(resume(1, nil), resume(2)) end, 'now'))");
    said(f, A, "true false\n1 nil\n");
    runs(f, A, "say(core.await(function(resume) core.timer(1, function() resume('later') end) end, 'later'))");
    said(f, A, "later\n");
    has(f, A, "say(core.await(function(resume) core.timer(1, function() resume('main') end) end, 'main'))");
    said(f, A, "main\n");
    runs(f, A, "say(pcall(core.await, function() error('in start', 0) end))");
    said(f, A, "false in start\n");
    runs(f, A, "say(core.await(function() return nil, 'cannot begin' end, 'never'))");
    said(f, A, "nil cannot begin\n");
    runs(f, A, "say(core.await(function(resume) resume('first') return nil, 'too late' end, 'now'))");
    said(f, A, "first\n");
    has(f, A, "say(core.await(function() return nil, 'on main' end, 'never'))");
    said(f, A, "nil on main\n");
    assert_int_equal(fake_holds(A), 0);
}

//  ---- Chunks ------------------------------------------------------------------------

static void test_chunks(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "local function send(text, ...) core.chunk('2@test', text, 'prog.lua:7', 2, 5, say, ...) end "
               "send('x = (x or 0) + 1 return ..., x', 'a') send('x = (x or 0) + 1 return ..., x', 'b') "
               "send('return +') send('error \"oops\"') send(string.dump(function() end)) "
               "core.chunk('2@test', 'return 5', 'c', 1, 5, say)");
    said(f, A, "a 1\nb 2\n"
               "nil syntax: prog.lua:7:1: unexpected symbol near '+' (at 2@test)\n"
               "nil remote: prog.lua:7:1: oops (at 2@test)\n"
               "nil syntax: attempt to load a binary chunk (mode is 't') (at 2@test)\n\n");
    reported_nothing(f);
    runs(f, A, "core.chunk('2@test', 'error \"unseen\"', 'c', 0)");
    reported(f, "alua: test: remote: c:1: unseen (at 2@test)\n");
    assert_true(fake_failed(A));
}

static void test_a_chunk_that_sets_its_environment_does_not_spoil_the_cache(void **state)
{
    fixture_t *f = *state;
    for (int i = 0; i < 2; i++)
        runs(f, A, "core.chunk('2@test', 'local r = tostring(print) _ENV = {} return r', 'c', 2, 5, "
                   "function(r) say(r:match('^%a+')) end)");
    said(f, A, "function\nfunction\n");
}

static void test_more_chunks_than_the_cache_keeps(void **state)
{
    fixture_t *f = *state;
    has(f, B, "n = 0");
    runs(f, A, "for round = 1, 2 do for i = 1, 600 do core.chunk('2@test', 'n = n + ' .. i, 'c', 0) end end "
               "core.chunk('2@test', ('x'):rep(9000) .. ' = 1', 'c', 0) "
               "for i = 1, 300 do core.chunk('2@test', 'n = n + 1 --' .. ('y'):rep(9000) .. i, 'c', 0) end");
    has(f, B, "say(n)");
    said(f, B, "360900\n");
    reported_nothing(f);
}

//  ---- The rest ----------------------------------------------------------------------

static void test_main_comes_first(void **state)
{
    fixture_t *f = *state;
    has(f, A, "say(core.main(function(...) say('main', ...) core.task(function() say('task') end) say('end') end, 1, 2)) "
              "say(core.status())");
    fake_run();
    said(f, A, "main 1 2\nend\n0\n0\ntask\n");
    has(f, A, "say(core.main(function() core.await(function(r) core.timer(1, r) end, 'x') error('late') end))");
    assert_int_equal(fake_holds(A), 1);     //  The wait; the main chunk itself holds by not being ready
    fake_run();
    said(f, A, "\n");
    assert_int_equal(fake_holds(A), 0);
    has(f, A, "say(core.status())");
    said(f, A, "1\n");
    reported(f, "alua: a.lua:1: late\nstack traceback:\n");
}

static void test_loop_in_an_event_waits_for_quit(void **state)
{
    fixture_t *f = *state;
    runs(f, A, "core.timer(3, core.quit) local t = core.now() core.loop() say(core.now() - t)");
    said(f, A, "3.0\n");
    runs(f, A, "say(pcall(core.step, 0))");
    said_part(f, A, "step cannot be called by an event");
}

static void test_notices_reach_their_handlers(void **state)
{
    fixture_t *f = *state;
    has(f, A, "core.on('members', function(...) say('members', ...) end) core.on('end', function(...) say('end', ...) end)");
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_cstr(&out, "app");
    wire_put_int(&out, 7);
    wire_put_cstr(&out, "join");
    wire_put_cstr(&out, "3@test");
    wire_put_cstr(&out, "3");
    fake_notice(A, ALUA_MEMBERS, out.data, out.size, 5);
    wire_buf_clear(&out);
    wire_put_int(&out, 0);
    wire_put_cstr(&out, "bye");
    fake_notice(A, ALUA_END, out.data, out.size, 2);
    fake_notice(A, ALUA_PARENT, NULL, 0, 0);
    fake_run();
    wire_buf_free(&out);
    said(f, A, "members app 7 join 3@test 3\nend 1@test 0 bye\n");
}

static void test_hooks_that_call_while_packing(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f(...) return ... end");
    runs(f, A, "local t = setmetatable({}, { __pack = function() async('2@test', 'f', function(x) say('inner', x) end)('i') "
               "return { 'packed' } end }) local r, s = sync('2@test', 'f')(t, 2) say(r[1], s)");
    said_part(f, A, "packed 2\n");
}

//  Refuse memory at each point of a call in turn: the caller always hears something, and the
//  next call finds everything in order.
static void test_memory_refused_at_each_point(void **state)
{
    fixture_t *f = *state;
    long refused = 0;
    has(f, B, "function f(t, s) local copy = {} for k, v in pairs(t) do copy[k] = v .. s end return copy, #s end "
              "for i = 1, 3 do core.task(function() end) end");
    has(f, A, "function call() say(sync('2@test', 'f')({ 'one', 'two', key = ('x'):rep(50) }, ('long'):rep(30))) end");
    runs(f, A, "call()");
    *f->trace[A] = 0;
    for (long allowed = 0; allowed < 400; allowed++) {
        lua_State *L = f->L[A];
        lua_gc(f->L[B], LUA_GCCOLLECT);
        has(f, A, "for _ = 1, 2 do core.task(function() end) end");
        lua_getglobal(L, "core");
        lua_getfield(L, -1, "call");
        lua_pushliteral(L, "2@test");
        lua_pushliteral(L, "f");
        lua_pushnil(L);
        lua_getglobal(L, "say");
        lua_newtable(L);
        lua_pushliteral(L, "value");
        lua_rawseti(L, -2, 1);
        lua_pushfstring(L, "argument %d of forty bytes and some more....", (int) allowed);
        lua_call(L, 6, 0);
        lua_pop(L, 1);
        f->allowed = allowed;
        alua_node_step(NULL, 0);        //  A's two tasks, then B's call
        alua_node_step(NULL, 0);
        f->allowed = allowed;
        alua_node_step(NULL, 0);
        bool out = f->allowed == 0;
        f->allowed = -1;
        fake_run();
        if (*f->trace[A] == 0)
            fail_msg("no outcome after %ld allocations", allowed);
        if (strstr(f->trace[A], "no_memory"))
            refused++;
        else if (!strstr(f->trace[A], "table: "))
            fail_msg("after %ld allocations: %s", allowed, f->trace[A]);
        *f->trace[A] = 0;
        if (!out)
            break;
    }
    assert_true(refused > 5);
    runs(f, A, "call()");
    said_part(f, A, "table: ");
    assert_int_equal(fake_remotes_held(), 0);
}

static void test_map_over_two_processes(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function sq(x) if x == 'bad' then error('bad item', 0) end return x * x end");
    has(f, A, "function sq(x) return x * x end package.path = 'lua/?.lua' package.preload['alua.core'] = function() return core end "
              "luarpc = require 'luarpc'");
    runs(f, A, "say(table.concat(luarpc.map({ '1@test', '2@test' }, 'sq', { 1, 2, 3, 4, 5 }), ' '))");
    said(f, A, "1 4 9 16 25\n");
    runs(f, A, "local r, e, part = luarpc.map({ '2@test' }, 'sq', { 1, 'bad', 3 }) say(r, e, part[1], part[3])");
    said(f, A, "nil remote: bad item (at 2@test) 1 nil\n");
    has(f, B, "function job() local r, e = luarpc.map({ '1@test' }, 'never', { 1, 2 }) say(r, e) end "
              "package.path = 'lua/?.lua' package.preload['alua.core'] = function() return core end luarpc = require 'luarpc'");
    has(f, A, "calls = 0 function never() calls = calls + 1 core.await(function() end, 'never') end");
    runs(f, A, "say(sync('2@test', 'job', { timeout = 1 })())");
    said(f, A, "nil timeout: no answer from 2@test within 1 s\n");
    said(f, B, "nil cancelled: cancelled\n");
    has(f, A, "say(calls)");
    said(f, A, "1\n");
}

static void test_many_waiting_events_and_back(void **state)
{
    fixture_t *f = *state;
    has(f, B, "function f(i) core.await(function(r) core.timer(1 + i % 7, r) end, 'x') return i end");
    runs(f, A, "local left = 2000 for i = 1, 2000 do core.task(function() assert(sync('2@test', 'f')(i) == i) left = left - 1 "
               "if left == 0 then say('all') end end) end");
    said(f, A, "all\n");
    assert_int_equal(fake_holds(B), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_returns_all_results),
        TEST(test_the_main_thread_waits_too),
        TEST(test_a_process_that_waits_keeps_serving),
        TEST(test_a_function_is_found_by_path_and_anew),
        TEST(test_unknown_functions_come_with_a_guess),
        TEST(test_strict_globals_do_not_hide_that_it_is_missing),
        TEST(test_errors_are_objects),
        TEST(test_an_error_gains_a_segment_per_hop),
        TEST(test_own_nil_and_text_are_no_failure),
        TEST(test_who_may_not_run_code_reaches_exports_only),
        TEST(test_what_cannot_be_sent_names_its_path),
        TEST(test_unknown_process_and_refused_send),
        TEST(test_misuse_raises_at_the_callers_line),
        TEST(test_waiting_in_a_foreign_coroutine_raises),
        TEST(test_a_plain_yield_of_an_event_is_an_error),
        TEST(test_timeout_and_cancel_reach_the_far_side),
        TEST(test_a_cancel_goes_on_along_the_chain),
        TEST(test_who_waits_for_what),
        TEST(test_timers),
        TEST(test_callbacks),
        TEST(test_a_callback_may_wait),
        TEST(test_futures),
        TEST(test_several_wait_for_one_future),
        TEST(test_await),
        TEST(test_chunks),
        TEST(test_a_chunk_that_sets_its_environment_does_not_spoil_the_cache),
        TEST(test_more_chunks_than_the_cache_keeps),
        TEST(test_main_comes_first),
        TEST(test_loop_in_an_event_waits_for_quit),
        TEST(test_notices_reach_their_handlers),
        TEST(test_hooks_that_call_while_packing),
        TEST(test_memory_refused_at_each_point),
        TEST(test_map_over_two_processes),
        TEST(test_many_waiting_events_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
