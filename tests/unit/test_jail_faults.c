//  What goes wrong around the jail: killed processes, programs that are none, liars in their place.

#include <dirent.h>
#include <signal.h>

#include "test_jail_side.h"

//  ---- Killed ----------------------------------------------------------------

static bool begun;

static int on_begun(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer)
{
    (void) arg, (void) name, (void) args;
    begun = true;
    wire_put_array(answer, 0);
    return 0;
}

//  And wait until the text runs: one that has not begun would go to another worker.
static void start_endless(fixture_t *f, const char *principal, end_t *end)
{
    static const char *const calls[] = { "begin", NULL };
    jail_job_t job = job_of(principal, "begin() while true do end", end);
    job.calls = calls;
    job.call = on_begun;
    begun = false;
    assert_int_equal(jail_run(f->jail, &job), 0);
    RUN_UNTIL(f, begun);
}

static bool has_spare(fixture_t *f)
{
    for (jail_worker_t *worker = f->jail->workers; worker; worker = worker->next)
        if (worker->state == JAIL_SPARE)
            return true;
    return false;
}

static void test_a_worker_that_is_killed_is_replaced(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    start_endless(f, "eve", &end);
    assert_int_equal(kill(worker_of_principal(f, "eve")->pid, SIGKILL), 0);
    wait_for(f, &end);
    assert_fails(&end, WIRE_E_GONE, "died");
    assert_fails(&end, WIRE_E_GONE, "\"definite\":false");      //  It had made a call
    assert_results(run_as(f, "eve", "return 1"), "[1]");
}

static void test_an_idle_worker_that_is_killed_is_replaced(void **state)
{
    fixture_t *f = *state;
    jail_stat_t stat;
    assert_results(run(f, "return 1"), "[1]");
    assert_int_equal(kill(worker_of_principal(f, "ana")->pid, SIGKILL), 0);
    RUN_UNTIL(f, (jail_stat(f->jail, &stat), stat.deaths == 1));
    assert_results(run(f, "return 2"), "[2]");
}

//  The loop has not heard of the death when the next job comes.
static void test_a_job_for_a_dead_worker_goes_to_another(void **state)
{
    fixture_t *f = *state;
    for (int i = 0; i < 20; i++) {
        assert_results(run(f, "return 1"), "[1]");
        pid_t pid = worker_of_principal(f, "ana")->pid;
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (i % 2 && kill(pid, 0) == 0)                      //  Dead and reaped, or in the middle of dying
            ;
        end_t *end = run(f, "return 2");
        if (i % 2)
            assert_results(end, "[2]");
        else
            assert_true(end->code == 0 || end->code == WIRE_E_GONE);
    }
}

static void test_a_fork_server_that_is_killed_is_started_again(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    jail_stat_t stat;
    assert_results(run_as(f, "ana", "return 1"), "[1]");
    start_endless(f, "eve", &end);
    pid_t eve = worker_of_principal(f, "eve")->pid;
    assert_int_equal(kill(f->jail->server, SIGKILL), 0);
    wait_for(f, &end);
    assert_fails(&end, WIRE_E_GONE, "died");
    RUN_UNTIL(f, kill(eve, 0) != 0 && !worker_of_principal(f, "ana"));     //  They died with their server
    assert_results(run_as(f, "ana", "return 2"), "[2]");
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.starts, 2);
}

static void test_a_server_that_hangs_is_replaced(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    jail_stat_t stat;
    assert_results(run_as(f, "ana", "return 1"), "[1]");
    RUN_UNTIL(f, has_spare(f));
    assert_int_equal(kill(f->jail->server, SIGSTOP), 0);
    jail_job_t job = job_of("eve", "while true do end", &end);
    job.deadline = 100;                                         //  The spare runs it; its death is owed
    assert_int_equal(jail_run(f->jail, &job), 0);
    wait_for(f, &end);
    assert_fails(&end, WIRE_E_TIMEOUT, "");
    assert_results(run_as(f, "ana", "return 2"), "[2]");        //  Whoever has a worker notices nothing
    RUN_UNTIL(f, (jail_stat(f->jail, &stat), stat.starts == 2 || stat.workers == 0));
    assert_results(run_as(f, "eve", "return 3"), "[3]");
}

//  ---- Closed ----------------------------------------------------------------

static bool is_child_of(const char *pid, pid_t parent)
{
    char path[300], line[512] = "";
    int of = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fgets(line, sizeof line, file) && strrchr(line, ')'))
        sscanf(strrchr(line, ')') + 2, "%*c %d", &of);
    fclose(file);
    return of == (int) parent;
}

static size_t count_children(pid_t parent)
{
    size_t count = 0;
    DIR *folder = opendir("/proc");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && is_child_of(entry->d_name, parent);
    closedir(folder);
    return count;
}

static void test_destroying_ends_everything(void **state)
{
    fixture_t *f = *state;
    end_t running = { 0 }, waiting = { 0 };
    start_endless(f, "eve", &running);
    pid_t server = f->jail->server, worker = worker_of_principal(f, "eve")->pid;
    assert_true(count_children(server) >= 1);
    jail_job_t job = job_of("eve", "return 1", &waiting);
    assert_int_equal(jail_run(f->jail, &job), 0);
    jail_destroy(&f->jail);
    assert_null(f->jail);
    assert_fails(&running, WIRE_E_CLOSED, "closed");
    assert_fails(&waiting, WIRE_E_CLOSED, "closed");
    assert_int_equal(count_children(getpid()), 0);              //  Reaped already
    RUN_UNTIL(f, kill(worker, 0) != 0);
    assert_int_equal(running.ends + waiting.ends, 2);
}

typedef struct {
    fixture_t *f;
    int ends;
} destroyer_t;

static void destroy_at_end(void *arg, const jail_outcome_t *outcome)
{
    destroyer_t *self = arg;
    (void) outcome;
    self->ends++;
    jail_destroy(&self->f->jail);
}

static void test_destroying_from_inside_an_end(void **state)
{
    fixture_t *f = *state;
    destroyer_t arg = { f, 0 };
    end_t other = { 0 };
    jail_job_t job = job_of("ana", "return 1", NULL);
    job.fn = destroy_at_end;
    job.arg = &arg;
    start_endless(f, "eve", &other);
    assert_int_equal(jail_run(f->jail, &job), 0);
    RUN_UNTIL(f, arg.ends);
    assert_int_equal(arg.ends, 1);
    assert_fails(&other, WIRE_E_CLOSED, "");
}

static int destroy_in_call(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer)
{
    destroyer_t *self = arg;
    (void) name, (void) args;
    jail_destroy(&self->f->jail);
    wire_put_array(answer, 0);
    return 0;
}

static void count_end(void *arg, const jail_outcome_t *outcome)
{
    destroyer_t *self = arg;
    assert_int_equal(outcome->code, WIRE_E_CLOSED);
    self->ends++;
}

static void test_destroying_from_inside_a_call(void **state)
{
    fixture_t *f = *state;
    destroyer_t arg = { f, 0 };
    static const char *const calls[] = { "x", NULL };
    jail_job_t job = job_of("ana", "x()", NULL);
    job.fn = count_end;
    job.call = destroy_in_call;
    job.calls = calls;
    job.arg = &arg;
    assert_int_equal(jail_run(f->jail, &job), 0);
    RUN_UNTIL(f, arg.ends);
    assert_int_equal(arg.ends, 1);
}

static void test_cancelled_jobs_end_silently(void **state)
{
    fixture_t *f = *state;
    end_t cancelled = { 0 };
    start_endless(f, "eve", &cancelled);
    jail_job_t job = job_of("eve", "return 1", &cancelled);
    assert_int_equal(jail_run(f->jail, &job), 0);
    jail_cancel(f->jail, &cancelled);
    assert_results(run_as(f, "eve", "return 2"), "[2]");
    assert_int_equal(cancelled.ends, 0);
    jail_stat_t stat;
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.waiting + stat.running, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);           //  An idle jail lets a loop end
}

//  A result starts the next run from inside its end, on the worker that is just free.
typedef struct {
    fixture_t *f;
    int left;
} chain_t;

static void run_next(void *arg, const jail_outcome_t *outcome)
{
    chain_t *chain = arg;
    assert_int_equal(outcome->code, 0);
    jail_job_t job = job_of("ana", "return 1", NULL);
    job.fn = run_next;
    job.arg = chain;
    if (--chain->left)
        assert_int_equal(jail_run(chain->f->jail, &job), 0);
}

static void test_running_from_inside_an_end(void **state)
{
    fixture_t *f = *state;
    chain_t chain = { f, 1000 };
    jail_job_t job = job_of("ana", "return 1", NULL);
    job.fn = run_next;
    job.arg = &chain;
    assert_int_equal(jail_run(f->jail, &job), 0);
    RUN_UNTIL(f, chain.left == 0);
}

//  ---- Programs that are none ------------------------------------------------

static void test_no_program_is_said_at_once(void **state)
{
    fixture_t *f = *state;
    end_t end = { 0 };
    open_jail(f, &(jail_config_t) { .program = "/nowhere/alua-jail" });
    jail_job_t job = job_of("ana", "return 1", &end);
    assert_int_equal(jail_start(f->jail), WIRE_E_SYSTEM);
    assert_int_equal(jail_run(f->jail, &job), WIRE_E_SYSTEM);
    assert_non_null(strstr(jail_error(f->jail), "/nowhere/alua-jail: No such file"));
}

static void test_the_program_is_started_ahead(void **state)
{
    fixture_t *f = *state;
    jail_stat_t stat;
    open_jail(f, &(jail_config_t) { .deadline = 5000 });
    assert_int_equal(jail_start(f->jail), 0);
    assert_int_equal(jail_start(f->jail), 0);
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.starts, 1);
    assert_int_equal(run(f, "return 1")->code, 0);
    jail_stat(f->jail, &stat);
    assert_int_equal(stat.starts, 1);
}

static void test_a_program_that_ends_at_once(void **state)
{
    fixture_t *f = *state;
    open_jail(f, &(jail_config_t) { .program = "/bin/true", .deadline = 5000 });
    assert_fails(run(f, "return 1"), WIRE_E_SYSTEM, "alua-jail ended");
    jail_stat_t stat;
    jail_stat(f->jail, &stat);
    assert_in_range(stat.starts, 1, 4);         //  Not for ever
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

//  ---- Liars -----------------------------------------------------------------

static end_t *run_against(fixture_t *f, unsigned mode)
{
    if (f->jail)
        close_jail(f);
    open_jail(f, &(jail_config_t) { .program = FAKE_JAIL, .code = 1000 + mode, .deadline = 1000 });
    return run(f, "return 1");
}

static void test_the_fake_can_be_honest(void **state)
{
    assert_results(run_against(*state, 99), "[1]");
}

static void test_a_lying_fork_server_is_survived(void **state)
{
    static const unsigned modes[] = { 1, 2, 3, 4, 5, 6, 8 };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        end_t *end = run_against(*state, modes[i]);
        if (end->code != WIRE_E_SYSTEM)
            fail_msg("mode %u: %s", modes[i], end->shown);
    }
    run_against(*state, 7);             //  The first of the twins may have answered by then
    assert_fails(run_against(*state, 9), WIRE_E_EXPIRED, "");
}

static void test_lying_workers_are_ended(void **state)
{
    for (unsigned mode = 101; mode <= 121; mode++) {
        int expected = mode >= 116 && mode <= 118 ? WIRE_E_GONE : mode == 119 ? WIRE_E_REMOTE : WIRE_E_MALFORMED;
        end_t *end = run_against(*state, mode);
        if (end->code != expected)
            fail_msg("mode %u: %s %s", mode, wire_error_word(end->code), end->shown);
    }
}

//  Whatever it is, it ends, and what is handed on as an outcome is whole (on_end looks).
static void test_workers_that_speak_by_chance(void **state)
{
    unsigned ours = 0;
    for (unsigned mode = 1000; mode < 1300; mode++)
        ours += run_against(*state, mode)->code == WIRE_E_MALFORMED;
    assert_in_range(ours, 100, 299);
}

static void test_workers_that_never_get_ready(void **state)
{
    assert_int_equal(run_against(*state, 100)->code, WIRE_E_SYSTEM);
    assert_fails(run_against(*state, 130), WIRE_E_EXPIRED, "");
    run_against(*state, 131);           //  An answer ahead of the job, if it comes late enough, is one
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
#define LIARS(name) cmocka_unit_test_setup_teardown(test_##name, setup_loop, teardown)
        TEST(a_worker_that_is_killed_is_replaced), TEST(an_idle_worker_that_is_killed_is_replaced),
        TEST(a_job_for_a_dead_worker_goes_to_another), TEST(a_fork_server_that_is_killed_is_started_again),
        TEST(a_server_that_hangs_is_replaced),
        TEST(destroying_ends_everything), TEST(destroying_from_inside_an_end),
        TEST(destroying_from_inside_a_call), TEST(cancelled_jobs_end_silently), TEST(running_from_inside_an_end),
        LIARS(no_program_is_said_at_once), LIARS(the_program_is_started_ahead), LIARS(a_program_that_ends_at_once), LIARS(the_fake_can_be_honest),
        LIARS(a_lying_fork_server_is_survived), LIARS(lying_workers_are_ended),
        LIARS(workers_that_speak_by_chance), LIARS(workers_that_never_get_ready),
    };
    return cmocka_run_group_tests_name("jail_faults", tests, NULL, NULL);
}
