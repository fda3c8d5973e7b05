//  jail_rtt - what it costs to run a text in the jail, beside a plain call in the same process
//
//      jail_rtt [PATH OF alua-jail]
//
//  On one core (all processes pinned to it) and on all. "plain" is lua_pcall of the compiled text with globals of
//  its own; "by hash" the same text in a worker that has it; "with code" a text that it has not; "call out" what each
//  call of the text to us adds; "new principal" the first run on a worker forked ahead; "fork" the same without
//  one; "start" a first run that must start alua-jail itself. Percentiles in microseconds.

#include <lauxlib.h>
#include <lualib.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jail.h"
#include "jail_self.h"

#define RUNS        20000
#define FORKS       1000
#define STARTS      100
#define CALLS_OUT   100

static const char text[] = "local n, who = ... return n + 1, who";

typedef struct {
    uv_loop_t loop;
    jail_t *jail;
    const char *program;
    double samples[RUNS];
    size_t count;
    bool over;
} bench_t;

static double now_us(void)
{
    return (double) uv_hrtime() / 1000;
}

//  ---- Printing --------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double percentile(bench_t *self, double share)
{
    return self->samples[(size_t) ((double) (self->count - 1) * share)];
}

static double report(bench_t *self, const char *what)
{
    qsort(self->samples, self->count, sizeof *self->samples, compare);
    double median = percentile(self, 0.5);
    printf("%-24s %10.1f %10.1f %10.1f %8zu\n", what, median, percentile(self, 0.9), percentile(self, 0.99), self->count);
    fflush(stdout);
    self->count = 0;
    return median;
}

static void add_sample(bench_t *self, double start)
{
    self->samples[self->count++] = now_us() - start;
}

//  ---- Plain -----------------------------------------------------------------

static void bench_plain(bench_t *self)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_loadbuffer(L, text, sizeof text - 1, "=text"))
        abort();
    while (self->count < RUNS) {
        double start = now_us();
        lua_pushvalue(L, 1);
        lua_newtable(L);
        lua_setupvalue(L, 2, 1);
        lua_pushinteger(L, 1);
        lua_pushliteral(L, "ana");
        if (lua_pcall(L, 2, LUA_MULTRET, 0))
            abort();
        lua_settop(L, 1);
        add_sample(self, start);
    }
    lua_close(L);
}

//  ---- The jail --------------------------------------------------------------

static void on_end(void *arg, const jail_outcome_t *outcome)
{
    bench_t *self = arg;
    if (outcome->code) {
        fprintf(stderr, "jail_rtt: %s\n", wire_error_word(outcome->code));
        exit(1);
    }
    self->over = true;
}

static int on_call(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer)
{
    (void) arg, (void) name;
    wire_buf_append(answer, args.at, (size_t) (args.end - args.at));
    return 0;
}

static void run(bench_t *self, const char *principal, const char *code)
{
    static const char *const calls[] = { "out", NULL };
    static const char args[] = "\x92\1\xa3" "ana";
    jail_job_t job = { .principal = { principal, strlen(principal) }, .name = { "=text", 5 }, .code = { code, strlen(code) },
                       .args = wire_reader(args, sizeof args - 1), .calls = calls, .call = on_call,
                       .fn = on_end, .arg = self, .deadline = 10000 };
    self->over = false;
    if (jail_run(self->jail, &job)) {
        fprintf(stderr, "jail_rtt: %s\n", jail_error(self->jail));
        exit(1);
    }
    while (!self->over)
        uv_run(&self->loop, UV_RUN_ONCE);
}

static void open_jail(bench_t *self)
{
    self->jail = jail_new(&self->loop, &(jail_config_t) { .program = self->program });
}

static void close_jail(bench_t *self)
{
    jail_destroy(&self->jail);
    uv_run(&self->loop, UV_RUN_DEFAULT);
}

static size_t count_workers(const bench_t *self, jail_state_t state)
{
    size_t count = 0;
    for (const jail_worker_t *worker = self->jail->workers; worker; worker = worker->next)
        count += worker->state == state;
    return count;
}

//  An idle jail does not keep the loop, so something must.
static void on_tick(uv_timer_t *timer)
{
    (void) timer;
}

static void wait_while(bench_t *self, bool (*condition)(const bench_t *))
{
    uv_timer_t tick;
    uv_timer_init(&self->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    while (condition(self))
        uv_run(&self->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *) &tick, NULL);
    uv_run(&self->loop, UV_RUN_NOWAIT);
}

static bool has_no_spare(const bench_t *self)
{
    return count_workers(self, JAIL_SPARE) == 0;
}

static bool has_dying(const bench_t *self)
{
    return count_workers(self, JAIL_DYING) > 0;
}

static void bench_by_hash(bench_t *self)
{
    run(self, "ana", text);
    while (self->count < RUNS) {
        double start = now_us();
        run(self, "ana", text);
        add_sample(self, start);
    }
}

static void bench_with_code(bench_t *self)
{
    char code[128];
    for (unsigned i = 0; self->count < RUNS / 4; i++) {
        snprintf(code, sizeof code, "%s -- %u", text, i);
        double start = now_us();
        run(self, "ana", code);
        add_sample(self, start);
    }
}

static void bench_call_out(bench_t *self)
{
    char code[128];
    snprintf(code, sizeof code, "for i = 1, %d do out(i, 'x') end", CALLS_OUT);
    run(self, "ana", code);
    while (self->count < RUNS / CALLS_OUT) {
        double start = now_us();
        run(self, "ana", code);
        self->samples[self->count++] = (now_us() - start) / CALLS_OUT;
    }
}

static void bench_new_principal(bench_t *self)
{
    char name[32];
    for (unsigned i = 0; self->count < FORKS; i++) {
        wait_while(self, has_no_spare);
        snprintf(name, sizeof name, "new %u", i);
        double start = now_us();
        run(self, name, text);
        add_sample(self, start);
    }
}

//  The one that is forked ahead is ended first.
static void bench_fork(bench_t *self)
{
    char name[32];
    for (unsigned i = 0; self->count < FORKS; i++) {
        wait_while(self, has_no_spare);
        self->jail->resting = INT64_MAX;
        for (jail_worker_t *worker = self->jail->workers; worker; worker = worker->next)
            jail_worker_end(worker, 0, NULL);
        wait_while(self, has_dying);
        self->jail->resting = self->jail->failures = 0;
        snprintf(name, sizeof name, "fork %u", i);
        double start = now_us();
        run(self, name, text);
        add_sample(self, start);
    }
}

static void bench_start(bench_t *self)
{
    while (self->count < STARTS) {
        open_jail(self);
        double start = now_us();
        run(self, "ana", text);
        add_sample(self, start);
        close_jail(self);
    }
}

static void bench_all(bench_t *self, const char *where)
{
    printf("%-24s %10s %10s %10s %8s\n", where, "p50", "p90", "p99", "runs");
    bench_plain(self);
    double plain = report(self, "plain");
    open_jail(self);
    bench_by_hash(self);
    double hashed = report(self, "by hash");
    bench_with_code(self);
    report(self, "with code");
    bench_call_out(self);
    report(self, "call out");
    bench_new_principal(self);
    report(self, "new principal");
    bench_fork(self);
    report(self, "fork");
    close_jail(self);
    bench_start(self);
    report(self, "start");
    printf("by hash over plain, p50: %.1f us\n\n", hashed - plain);
}

static void pin(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
    static bench_t self;
    cpu_set_t all;
    self.program = argc > 1 ? argv[1] : NULL;
    uv_loop_init(&self.loop);
    sched_getaffinity(0, sizeof all, &all);
    pin();
    bench_all(&self, "one core, us");
    sched_setaffinity(0, sizeof all, &all);
    bench_all(&self, "all cores, us");
    uv_loop_close(&self.loop);
    return 0;
}
