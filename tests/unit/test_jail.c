//  The jail as its users see it: texts run in real processes.

#include "test_jail_side.h"

//  ---- Results and errors ----------------------------------------------------

static void test_a_text_runs_and_returns(void **state)
{
    fixture_t *f = *state;
    assert_results(run(f, "return 6 * 7"), "[42]");
    assert_results(run(f, "return"), "[]");
    assert_results(run(f, "return 1, nil, 'x', nil"), "[1,nil,\"x\",nil]");
    assert_results(run(f, "return {1, {2}}, {a = true}, {}, 1.0, 0/0 ~= 0/0"), "[[1,[2]],{\"a\":true},{},1f,true]");
    assert_results(run(f, "return math.mininteger, math.maxinteger, -33, 200, 1e300"),
                   "[-9223372036854775808,9223372036854775807,-33,200,1e+300f]");
    assert_results(run(f, "return #'\\255\\0', '\\255' == ('\\xff')"), "[2,true]");
}

static void test_arguments_arrive(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    wire_buf_t args = WIRE_BUF_EMPTY;
    wire_put_array(&args, 4);
    wire_put_int(&args, 7);
    wire_put_nil(&args);
    wire_put_map(&args, 2);
    wire_put_cstr(&args, "list");
    wire_put_array(&args, 2);
    wire_put_cstr(&args, "a");
    wire_put_bin(&args, "\xff", 1);
    wire_put_int(&args, 3);
    wire_put_double(&args, 0.5);
    wire_put_ext(&args, JAIL_EXT_CODE, "return 1", 8);
    jail_job_t job = job_of("ana", "local n, x, t, code = ... return n, x, t.list[1], #t.list[2], t[3], tostring(code), select('#', ...)",
                            &end);
    job.args = wire_reader(args.data, args.size);
    assert_int_equal(jail_run(f->jail, &job), 0);
    wire_buf_free(&args);               //  It was copied
    wait_for(f, &end);
    assert_results(&end, "[7,nil,\"a\",1,0.5f,\"return 1\",4]");
}

static void test_errors_tell_where(void **state)
{
    fixture_t *f = *state;
    end_t *end = run(f, "local function inner() error('broken') end\n\ninner()");
    assert_fails(end, WIRE_E_REMOTE, "\"message\":\"text:1: broken\"");
    assert_fails(end, WIRE_E_REMOTE, "\"where\":\"text:1\"");
    assert_fails(end, WIRE_E_REMOTE, "stack traceback");
    assert_fails(end, WIRE_E_REMOTE, "\"definite\":true");
    assert_true(end->claimed);
    assert_fails(run(f, "return 1 +"), WIRE_E_SYNTAX, "text:1: unexpected symbol near <eof>");
    assert_fails(run(f, "return nil .. 'x'"), WIRE_E_REMOTE, "text:1: attempt to concatenate a nil value");
    assert_fails(run(f, "error({ reason = 7 })"), WIRE_E_REMOTE, "\"value\":{\"reason\":7}");
    assert_fails(run(f, "error(setmetatable({}, { __tostring = function() return 'mine' end }))"), WIRE_E_REMOTE,
                 "\"message\":\"mine\"");
    assert_fails(run(f, "error()"), WIRE_E_REMOTE, "\"message\":\"nil\"");
}

static void test_what_cannot_be_sent_is_named(void **state)
{
    fixture_t *f = *state;
    assert_fails(run(f, "return 1, { a = { print = next } }"), WIRE_E_UNSENDABLE, "results[2].a.print: function");
    assert_fails(run(f, "local t = {} t[1] = t return t"), WIRE_E_TOO_DEEP, "inside itself");
    assert_fails(run(f, "return ('x'):rep(2000000)"), WIRE_E_TOO_BIG, "too much");
    assert_fails(run(f, "return { [{}] = 1 }"), WIRE_E_UNSENDABLE, "key");
}

static void test_what_is_refused_at_the_door(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    jail_job_t job = job_of("", "return 1", &end);
    assert_int_equal(jail_run(f->jail, &job), WIRE_E_USAGE);
    job = job_of("ana", "return 1", &end);
    job.args = wire_reader("\x91", 1);
    assert_int_equal(jail_run(f->jail, &job), WIRE_E_MALFORMED);
    char *long_text = calloc(1, 64 * 1024 + 2);
    memset(long_text, ' ', 64 * 1024 + 1);
    job = job_of("ana", long_text, &end);
    assert_int_equal(jail_run(f->jail, &job), WIRE_E_TOO_BIG);
    long_text[64 * 1024] = 0;
    assert_results(run(f, long_text), "[]");
    free(long_text);
    assert_int_equal(end.ends, 0);
}

static void test_the_program_is_found(void **state)
{
    fixture_t *f = *state;
    char path[512];
    jail_program_find("/some/where", path, sizeof path);
    assert_string_equal(path, "/some/where");
    unsetenv("ALUA_JAIL");
    jail_program_find(NULL, path, sizeof path);         //  None is near this test
    assert_non_null(strstr(path, "/bin/alua-jail"));
    setenv("ALUA_JAIL", JAIL_PROGRAM, 1);
    close_jail(f);
    f->jail = jail_new(&f->loop, NULL);
    assert_results(run(f, "return 1"), "[1]");
    unsetenv("ALUA_JAIL");
}

//  ---- State -----------------------------------------------------------------

static void test_nothing_is_kept_between_runs(void **state)
{
    fixture_t *f = *state;
    assert_results(run(f, "x = 1; string.format = nil; math.pi = 3; _G.y = 2; string.own = 1"), "[]");
    assert_results(run(f, "return x, y, string.format('%d', 7), math.pi > 3.1, string.own, ('%d'):format(1)"),
                   "[nil,nil,\"7\",true,nil,\"1\"]");
    const char *counts = "count = (count or 0) + 1 return count";
    assert_results(run(f, counts), "[1]");
    assert_results(run(f, counts), "[1]");
    jail_stat_t stat;
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.timeouts + stat.deaths, 0);
    assert_in_range(stat.births, 1, 2);         //  Ana's, and perhaps the one forked ahead
}

static void test_principals_have_processes_of_their_own(void **state)
{
    fixture_t *f = *state;
    assert_results(run_as(f, "ana", "return 1"), "[1]");
    assert_results(run_as(f, "bob", "return 2"), "[2]");
    jail_worker_t *ana = worker_of_principal(f, "ana"), *bob = worker_of_principal(f, "bob");
    assert_non_null(ana);
    assert_non_null(bob);
    assert_int_not_equal(ana->pid, bob->pid);
    pid_t before = ana->pid;
    assert_results(run_as(f, "ana", "return 3"), "[3]");
    assert_int_equal(worker_of_principal(f, "ana")->pid, before);
}

//  One that is forked ahead is made elsewhere than one that somebody waits for: so that there are some of both.
static void test_workers_have_seeds_of_their_own(void **state)
{
    static const char order[] = "local t, all = {}, {} for i = 1, 40 do t['k' .. i] = i end"
                                " for _, i in pairs(t) do all[#all + 1] = i end return table.concat(all, ' ')";
    static const char chance[] = "return math.random(0)";
    enum { WORKERS = 6 };
    static end_t orders[WORKERS], chances[WORKERS];
    fixture_t *f = *state;
    for (int i = 0; i < WORKERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        orders[i] = *run_as(f, name, order);
        chances[i] = *run_as(f, name, chance);
        assert_int_equal(orders[i].code | chances[i].code, 0);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(orders[i].shown, orders[j].shown);
            assert_string_not_equal(chances[i].shown, chances[j].shown);
        }
    }
}

static void test_texts_are_compiled_once(void **state)
{
    fixture_t *f = *state;
    char code[64];
    assert_results(run(f, "return 'again'"), "[\"again\"]");
    assert_results(run(f, "return 'again'"), "[\"again\"]");
    //  More than the worker keeps, so that it must ask for some again
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 70; i++) {
            char expected[16];
            snprintf(code, sizeof code, "return %d", i);
            snprintf(expected, sizeof expected, "[%d]", i);
            assert_results(run(f, code), expected);
        }
    //  The same text under another name is another text, as its errors show
    end_t end = { 0 };
    jail_job_t job = job_of("ana", "error('x')", &end);
    job.name = str("@other.lua");
    assert_int_equal(jail_run(f->jail, &job), 0);
    wait_for(f, &end);
    assert_fails(&end, WIRE_E_REMOTE, "other.lua:1: x");
    assert_fails(run(f, "error('x')"), WIRE_E_REMOTE, "text:1: x");
}

static void test_a_worker_is_given_the_text_when_it_has_forgotten(void **state)
{
    fixture_t *f = *state;
    assert_results(run(f, "return 1"), "[1]");
    jail_worker_t *worker = worker_of_principal(f, "ana");
    uint8_t hash[JAIL_HASH];
    jail_hash(f->jail->key, str("=text"), str("return 'never sent'"), hash);
    memcpy(worker->known[10], hash, JAIL_HASH);         //  We believe that it knows
    assert_results(run(f, "return 'never sent'"), "[\"never sent\"]");
    assert_ptr_equal(worker_of_principal(f, "ana"), worker);
}

//  ---- Calls out -------------------------------------------------------------

static int on_call(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer)
{
    struct { end_t end; fixture_t *f; } *job = arg;
    fixture_t *f = job->f;
    f->call_count++;
    add(f->calls, name.data, name.size);
    wire_reader_t shown = args;
    show(&shown, f->calls);
    add(f->calls, " ", 1);
    if (f->call_code == WIRE_E_DENIED) {
        wire_put_map(answer, 3);
        wire_put_cstr(answer, "code");
        wire_put_cstr(answer, "denied");
        wire_put_cstr(answer, "message");
        wire_put_cstr(answer, "not yours");
        wire_put_cstr(answer, "definite");
        wire_put_bool(answer, true);
    }
    else if (f->call_code == 0)
        wire_buf_append(answer, args.at, (size_t) (args.end - args.at));
    return f->call_code;
}

static const char *const space_calls[] = { "space.out", "space.take", "log", NULL };

static end_t *run_with_calls(fixture_t *f, const char *code)
{
    static struct { end_t end; fixture_t *f; } arg;
    memset(&arg, 0, sizeof arg);
    arg.f = f;
    f->calls[0] = 0;
    jail_job_t job = job_of("ana", code, &arg.end);
    job.calls = space_calls;
    job.call = on_call;
    assert_int_equal(jail_run(f->jail, &job), 0);
    wait_for(f, &arg.end);
    return &arg.end;
}

static void test_calls_go_out_and_answers_come_back(void **state)
{
    fixture_t *f = *state;
    assert_results(run_with_calls(f, "return space.out('a', 1, nil), select('#', space.take()), log({x = 1}).x"),
                   "[\"a\",0,1]");
    assert_string_equal(f->calls, "space.out[\"a\",1,nil] space.take[] log[{\"x\":1}] ");
    //  From a coroutine too, and the functions are those of this job only
    assert_results(run_with_calls(f, "return coroutine.wrap(function() return log(1, 2) end)()"), "[1,2]");
    assert_results(run(f, "return space, log"), "[nil,nil]");
}

static void test_a_refused_call_raises(void **state)
{
    fixture_t *f = *state;
    f->call_code = WIRE_E_DENIED;
    assert_results(run_with_calls(f, "local ok, e = pcall(log) return ok, e.code, e.message, tostring(e), 'so: ' .. e"),
                   "[false,\"denied\",\"not yours\",\"denied: not yours\",\"so: denied: not yours\"]");
    end_t *end = run_with_calls(f, "space.out(1)");
    assert_fails(end, WIRE_E_DENIED, "\"message\":\"not yours\"");
    assert_true(end->claimed);
    f->call_code = WIRE_E_FULL;
    assert_fails(run_with_calls(f, "space.out(1)"), WIRE_E_FULL, "no room");
    f->call_code = 0;
    assert_fails(run_with_calls(f, "space.out(print)  space.out(next)"), WIRE_E_REMOTE, "args[1]: function");
}

static void test_calls_are_counted(void **state)
{
    fixture_t *f = *state;
    close_jail(f);
    open_jail(f, &(jail_config_t) { .deadline = 20000, .calls = 100 });
    assert_fails(run_with_calls(f, "while true do pcall(log, 1) end"), WIRE_E_FULL, "too many calls");
    assert_int_equal(f->call_count, 100);
    assert_results(run_with_calls(f, "return log(1)"), "[1]");
}

//  ---- Deadlines and queues --------------------------------------------------

static void test_a_deadline_kills_and_neighbours_notice_nothing(void **state)
{
    fixture_t *f = *state;
    end_t endless = { 0 };
    jail_job_t job = job_of("eve", "while true do end", &endless);
    job.deadline = 300;
    assert_results(run_as(f, "ana", "return 1"), "[1]");
    pid_t before = worker_of_principal(f, "ana")->pid;
    int64_t start = jail_now();
    assert_int_equal(jail_run(f->jail, &job), 0);
    size_t meanwhile = 0;
    while (!endless.ends) {
        assert_results(run_as(f, "ana", "return 2"), "[2]");
        meanwhile++;
    }
    assert_in_range(jail_now() - start, 300, 5000);
    assert_true(meanwhile >= 2);
    assert_fails(&endless, WIRE_E_TIMEOUT, "deadline");
    assert_false(endless.claimed);
    assert_int_equal(worker_of_principal(f, "ana")->pid, before);
    assert_results(run_as(f, "eve", "return 3"), "[3]");
}

static void test_jobs_of_a_principal_run_in_order(void **state)
{
    fixture_t *f = *state;
    end_t ends[20] = { { 0 } };
    char codes[20][32];
    for (int i = 0; i < 20; i++) {
        snprintf(codes[i], sizeof codes[i], "return %d", i);
        jail_job_t job = job_of("ana", codes[i], &ends[i]);
        assert_int_equal(jail_run(f->jail, &job), 0);
    }
    RUN_UNTIL(f, ends[19].ends);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ends[i].ends, 1);
        assert_int_equal(ends[i].order, ends[0].order + (unsigned) i);
    }
    assert_string_equal(ends[19].shown, "[19]");
}

static void test_who_waits_too_long_never_began(void **state)
{
    fixture_t *f = *state;
    end_t first = { 0 }, second = { 0 };
    jail_job_t job = job_of("eve", "while true do end", &first);
    job.deadline = 1500;
    assert_int_equal(jail_run(f->jail, &job), 0);
    job = job_of("eve", "return 1", &second);
    job.deadline = 100;
    assert_int_equal(jail_run(f->jail, &job), 0);
    RUN_UNTIL(f, second.ends);
    assert_int_equal(first.ends, 0);
    assert_fails(&second, WIRE_E_EXPIRED, "\"definite\":true");
    wait_for(f, &first);
    assert_fails(&first, WIRE_E_TIMEOUT, "");
}

//  What it does is measured from its own begin: who is before it costs it nothing but time.
static void test_a_deadline_may_count_from_the_begin(void **state)
{
    fixture_t *f = *state;
    close_jail(f);
    open_jail(f, &(jail_config_t) { .workers = 1 });
    end_t ends[4] = { { 0 } };
    jail_job_t job = job_of("eve", "while true do end", &ends[0]);
    for (int i = 0; i < 4; i++) {
        job = job_of(i < 3 ? "eve" : "ana", i < 3 ? "while true do end" : "return 1", &ends[i]);
        job.deadline = 150;
        job.patience = i < 2 ? 20000 : i == 2 ? 200 : 20000;
        assert_int_equal(jail_run(f->jail, &job), 0);
    }
    wait_for(f, &ends[3]);
    assert_int_equal(ends[0].ends, 1);
    assert_fails(&ends[0], WIRE_E_TIMEOUT, "");
    assert_results(&ends[3], "[1]");    //  Behind one of the others' runs, not behind all
    wait_for(f, &ends[1]);
    assert_fails(&ends[1], WIRE_E_TIMEOUT, "");     //  It began long after its deadline from jail_run
    wait_for(f, &ends[2]);
    assert_fails(&ends[2], WIRE_E_EXPIRED, "");     //  It waited as long as it may
}

static void test_more_principals_than_workers(void **state)
{
    fixture_t *f = *state;
    end_t ends[24] = { { 0 } };
    char names[24][16];
    for (int round = 0; round < 3; round++) {
        memset(ends, 0, sizeof ends);
        for (int i = 0; i < 24; i++) {
            snprintf(names[i], sizeof names[i], "p%d", i % 12);
            jail_job_t job = job_of(names[i], "x = (x or 0) + 1 return x", &ends[i]);
            assert_int_equal(jail_run(f->jail, &job), 0);
        }
        for (int i = 0; i < 24; i++) {
            RUN_UNTIL(f, ends[i].ends);
            assert_results(&ends[i], "[1]");
        }
    }
    jail_stat_t stat;
    jail_stat(f->jail, &stat);
    assert_in_range(stat.workers, 1, 5);        //  Four, and one ahead
    assert_int_equal(stat.runs, 72);
    assert_int_equal(stat.deaths, 0);
}

static void test_queues_are_bounded(void **state)
{
    fixture_t *f = *state;
    end_t ends[12] = { { 0 } };
    close_jail(f);
    open_jail(f, &(jail_config_t) { .deadline = 500, .queue = 8, .workers = 1 });
    int full = 0;
    for (int i = 0; i < 12; i++) {
        jail_job_t job = job_of("eve", "while true do end", &ends[i]);
        full += jail_run(f->jail, &job) == WIRE_E_FULL;
    }
    assert_int_equal(full, 10);                 //  A quarter may wait
    assert_int_equal(run_as(f, "ana", "return 1")->code, WIRE_E_EXPIRED);   //  One worker, which is eve's
    for (int i = 0; i < 2; i++)
        RUN_UNTIL(f, ends[i].ends);
}

//  ---- Memory ----------------------------------------------------------------

static void test_memory_is_bounded(void **state)
{
    fixture_t *f = *state;
    assert_fails(run(f, "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(1000) .. i end"), WIRE_E_NO_MEMORY,
                 "not enough memory");
    assert_fails(run(f, "return ('x'):rep(40 * 1024 * 1024)"), WIRE_E_REMOTE, "resulting string too large");
    assert_fails(run(f, "return #(('x'):rep(20 * 1024 * 1024) .. ('y'):rep(20 * 1024 * 1024))"), WIRE_E_NO_MEMORY, "");
    //  A text that can do with less goes on
    assert_results(run(f, "local ok, e = pcall(function() local s = 'x' while true do s = s .. s end end) return ok, e"),
                   "[false,\"not enough memory\"]");
    assert_results(run(f, "local n = 0 for i = 1, 200 do n = n + #('x'):rep(1024 * 1024) end return n"), "[209715200]");
    jail_stat_t stat;
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.deaths + stat.timeouts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
        TEST(a_text_runs_and_returns), TEST(arguments_arrive), TEST(errors_tell_where),
        TEST(what_cannot_be_sent_is_named), TEST(what_is_refused_at_the_door), TEST(the_program_is_found),
        TEST(nothing_is_kept_between_runs),
        TEST(principals_have_processes_of_their_own), TEST(workers_have_seeds_of_their_own), TEST(texts_are_compiled_once),
        TEST(a_worker_is_given_the_text_when_it_has_forgotten), TEST(calls_go_out_and_answers_come_back),
        TEST(a_refused_call_raises), TEST(calls_are_counted),
        TEST(a_deadline_kills_and_neighbours_notice_nothing), TEST(jobs_of_a_principal_run_in_order),
        TEST(a_deadline_may_count_from_the_begin),
        TEST(who_waits_too_long_never_began), TEST(more_principals_than_workers), TEST(queues_are_bounded),
        TEST(memory_is_bounded),
    };
    return cmocka_run_group_tests_name("jail", tests, NULL, NULL);
}
