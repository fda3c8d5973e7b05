//  launch - `alua run`. See launch.h

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "boot.h"
#include "control.h"
#include "embed.h"
#include "launch.h"
#include "rundir.h"

//  After the order to end, ms: enough to flush, short enough for somebody who pressed Ctrl-C.
#define GRACE 3000
//  timeout(1) sends its signal to us, and then to our group: that is no second one. ms
#define SIGNAL_ECHO 100
//  To tell what one waits for, ms. Whoever computes longer is said not to answer.
#define ANSWER_TIME 500
#define STATUS_TIMEOUT 124      //  As timeout(1)
#define STATUS_SIGNAL 128       //  Plus the signal, as shells do

typedef enum { WORKING, ASKING, ENDING, KILLING } phase_t;

typedef struct launch launch_t;

typedef struct {
    uv_process_t process;       //  First; pid 0 when it could not be started
    launch_t *launch;
    int rank;
    bool running;
} first_t;

struct launch {
    const launch_options_t *options;
    uv_loop_t loop;
    rundir_t dir;
    embed_t *broker;            //  NULL when it is not ours
    control_t *control;
    over_t *over;
    first_t *first;
    int running;                //  Of the first
    int *spawned;               //  Process numbers of the others, as long as they may live
    size_t spawned_count;
    uv_timer_t step, limit, phase_timer;
    uv_signal_t signals[3];
    phase_t phase;
    bool told;                  //  Who waits for what: of one at least
    uint64_t signalled;         //  When the first signal came; 0: none did
    int status;                 //  The highest so far
    int forced;                 //  Instead of it, or -1
};

static const int watched_signals[] = { SIGINT, SIGTERM, SIGHUP };

//  ---- Phases ------------------------------------------------------------------

static void raise_status(launch_t *self, int status)
{
    if (status > self->status)
        self->status = status;
}

static void kill_one(void *arg, control_peer_t *peer)
{
    (void) arg;
    fprintf(stderr, "alua: %s (process %d) does not end: killed\n", peer->id ? peer->id : "a process", peer->pid);
    kill(peer->pid, SIGKILL);
}

static void kill_first(launch_t *self)
{
    self->phase = KILLING;
    for (int i = 0; i < self->options->count; i++)
        if (self->first[i].running)
            uv_process_kill(&self->first[i].process, SIGKILL);
}

static void kill_all(launch_t *self)
{
    if (self->control)
        control_each(self->control, kill_one, self);
    kill_first(self);
}

//  One cannot join. The program begins in none before all have, so nothing is lost by killing the others, who
//  wait for that and for nothing else.
static void give_up(launch_t *self)
{
    self->forced = 1;
    kill_first(self);
}

static void on_grace_over(uv_timer_t *timer)
{
    kill_all(timer->data);
}

static void end_all(launch_t *self)
{
    if (self->phase >= ENDING)
        return;
    self->phase = ENDING;
    control_end(self->control);
    uv_timer_start(&self->phase_timer, on_grace_over, GRACE, 0);
}

static void tell_silent(void *arg, control_peer_t *peer)
{
    launch_t *self = arg;
    if (peer->answered)
        return;
    self->told = true;
    fprintf(stderr, "  %s does not answer: it computes, or is stopped (process %d)\n",
            peer->id ? peer->id : "a process", peer->pid);
}

static void stop_asking(launch_t *self)
{
    control_each(self->control, tell_silent, self);
    if (!self->told)
        fprintf(stderr, "  nobody: all processes have ended before they were asked\n");
    end_all(self);
}

static void on_answers_over(uv_timer_t *timer)
{
    stop_asking(timer->data);
}

static void count_silent(void *arg, control_peer_t *peer)
{
    *(size_t *) arg += !peer->answered;
}

static void stop_asking_when_all_told(launch_t *self)
{
    size_t silent = 0;
    control_each(self->control, count_silent, &silent);
    if (self->phase == ASKING && silent == 0)
        stop_asking(self);
}

//  Tell why the program ends and who waits for what; then it ends with this status.
static void ask_and_end(launch_t *self, int status, const char *why)
{
    if (self->phase != WORKING)
        return;
    self->phase = ASKING;
    self->forced = status;
    fflush(stdout);
    fprintf(stderr, "alua: %s. Who waits for what:\n", why);
    control_waits(self->control);
    uv_timer_start(&self->phase_timer, on_answers_over, ANSWER_TIME, 0);
    stop_asking_when_all_told(self);
}

//  The first ones have ended: the others end by themselves, as their parents did. Nobody: we are done.
static void leave_when_done(launch_t *self)
{
    if (self->running > 0)
        return;
    if (control_count(self->control) == 0)
        uv_stop(&self->loop);
    else if (self->phase == WORKING) {
        self->phase = ENDING;
        uv_timer_start(&self->phase_timer, on_grace_over, GRACE, 0);
    }
}

//  ---- Is it over --------------------------------------------------------------

static void on_step(uv_timer_t *timer);

static void step(launch_t *self)
{
    if (self->phase != WORKING)
        return;
    int64_t now = (int64_t) uv_now(&self->loop);
    switch (over_step(self->over, now)) {
    case OVER_WAVE:
        control_wave(self->control, over_wave(self->over));
        break;
    case OVER_DONE:
        end_all(self);
        break;
    case OVER_DEADLOCK:
        ask_and_end(self, 1, "nothing can ever happen any more: only takes and reads are left");
        break;
    case OVER_NOT_YET:
        break;
    }
    int64_t wait = over_timeout(self->over, now);
    if (wait >= 0)
        uv_timer_start(&self->step, on_step, (uint64_t) wait, 0);
}

static void on_step(uv_timer_t *timer)
{
    step(timer->data);
}

static bool broker_counts(void *arg, const char *peer, over_broker_t *counts)
{
    launch_t *self = arg;
    return self->broker && embed_counts(self->broker, peer, counts);
}

//  ---- What the processes say --------------------------------------------------

static void out_of_memory(launch_t *self)
{
    fprintf(stderr, "alua: out of memory\n");
    self->forced = 1;
    end_all(self);
}

static void remember_spawned(launch_t *self, int pid)
{
    int *list = realloc(self->spawned, (self->spawned_count + 1) * sizeof *list);
    if (!list) {
        out_of_memory(self);
        return;
    }
    self->spawned = list;
    list[self->spawned_count++] = pid;
}

static void on_hello(void *arg, control_peer_t *peer)
{
    launch_t *self = arg;
    if (over_join(self->over, peer->number))
        out_of_memory(self);
    if (peer->rank == 0)
        remember_spawned(self, peer->pid);
    if (self->phase >= ENDING)          //  Late: it missed the order
        control_end(self->control);
}

static void on_open(void *arg, control_peer_t *peer)
{
    launch_t *self = arg;
    if (over_opened(self->over, peer->number, peer->node, peer->id))
        out_of_memory(self);
}

static void on_idle(void *arg, control_peer_t *peer)
{
    launch_t *self = arg;
    over_idle(self->over, peer->number);
    step(self);
}

static void on_report(void *arg, control_peer_t *peer, const over_report_t *report)
{
    launch_t *self = arg;
    if (over_report(self->over, peer->number, report))
        out_of_memory(self);
    step(self);
}

static void on_waits(void *arg, control_peer_t *peer, uint32_t count, wire_reader_t texts)
{
    launch_t *self = arg;
    wire_str_t text;
    const char *id = peer->id ? peer->id : "a process";
    if (self->phase != ASKING || peer->answered)
        return;
    peer->answered = self->told = true;
    if (count == 0)
        fprintf(stderr, "  %s waits for nothing\n", id);
    while (count-- > 0 && wire_read_bytes(&texts, &text) == 0)
        fprintf(stderr, "  %s waits: %.*s\n", id, (int) text.size, text.data);
    stop_asking_when_all_told(self);
}

static void on_gone(void *arg, control_peer_t *peer)
{
    launch_t *self = arg;
    over_leave(self->over, peer->number);
    if (self->broker && !peer->leaving)
        embed_child_died(self->broker, peer->node);
    rundir_remove_sockets(peer->pid);
    if (peer->leaving && peer->rank == 0)
        raise_status(self, peer->status);
    if (!peer->id && peer->rank > 0 && self->phase == WORKING)
        give_up(self);
    peer->answered = true;
    stop_asking_when_all_told(self);
    step(self);
    leave_when_done(self);
}

static const control_handler_t control_handler = {
    .hello = on_hello, .open = on_open, .idle = on_idle, .report = on_report, .waits = on_waits, .gone = on_gone,
};

//  ---- Children ----------------------------------------------------------------

static void tell_death(const first_t *first, int signal)
{
    fprintf(stderr, "alua: process %d of %d (number %d) was killed by signal %d (%s)\n", first->rank,
            first->launch->options->count, first->process.pid, signal, strsignal(signal));
}

static void on_exit_first(uv_process_t *process, int64_t status, int signal)
{
    first_t *first = (first_t *) process;
    launch_t *self = first->launch;
    first->running = false;
    self->running--;
    rundir_remove_sockets(process->pid);
    if (signal && self->phase == WORKING)
        tell_death(first, signal);
    raise_status(self, signal ? STATUS_SIGNAL + signal : (int) status);
    leave_when_done(self);
}

static bool start_one(launch_t *self, int rank)
{
    first_t *first = &self->first[rank - 1];
    boot_t boot = { .options = self->options, .directory = self->dir.path, .rank = rank,
                    .private = self->broker ? embed_endpoint(self->broker) : NULL,
                    .address = self->broker ? embed_address(self->broker) : NULL };
    first->launch = self;
    first->rank = rank;
    int rc = boot_start(&boot, &self->loop, &first->process, on_exit_first);
    if (rc)
        fprintf(stderr, "alua: cannot start process %d of %d: %s\n", rank, self->options->count, uv_strerror(rc));
    first->running = rc == 0;
    self->running += first->running;
    return rc == 0;
}

static bool start_all(launch_t *self)
{
    for (int rank = 1; rank <= self->options->count; rank++)
        if (!start_one(self, rank)) {
            self->forced = 1;
            end_all(self);
            return self->running > 0;
        }
    return true;
}

//  ---- Signals and the limit ---------------------------------------------------

//  The terminal sends Ctrl-C to all of us; the children leave it to us. Twice: at once.
static void on_signal(uv_signal_t *watcher, int number)
{
    launch_t *self = watcher->data;
    uint64_t now = uv_now(&self->loop);
    if (self->phase == WORKING) {
        self->signalled = now;
        ask_and_end(self, STATUS_SIGNAL + number, number == SIGINT ? "interrupted" : "told to end");
    } else if (now - self->signalled > SIGNAL_ECHO)
        kill_all(self);
}

static void on_limit(uv_timer_t *timer)
{
    launch_t *self = timer->data;
    char why[64];
    snprintf(why, sizeof why, "not over after %g s", self->options->timeout);
    ask_and_end(self, STATUS_TIMEOUT, why);
}

static void watch_signals(launch_t *self)
{
    for (size_t i = 0; i < sizeof watched_signals / sizeof *watched_signals; i++) {
        uv_signal_init(&self->loop, &self->signals[i]);
        self->signals[i].data = self;
        uv_signal_start(&self->signals[i], on_signal, watched_signals[i]);
        uv_unref((uv_handle_t *) &self->signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void start_timers(launch_t *self)
{
    uv_timer_t *timers[] = { &self->step, &self->limit, &self->phase_timer };
    for (size_t i = 0; i < 3; i++) {
        uv_timer_init(&self->loop, timers[i]);
        timers[i]->data = self;
    }
    if (self->options->timeout > 0)
        uv_timer_start(&self->limit, on_limit, (uint64_t) (self->options->timeout * 1000), 0);
}

//  ---- From beginning to end ---------------------------------------------------

static bool start_broker(launch_t *self)
{
    char endpoint[PATH_MAX + 32];
    if (self->options->broker)
        return true;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/broker", self->dir.path);
    self->broker = embed_new(&self->loop, endpoint);
    return self->broker != NULL;
}

static bool start_control(launch_t *self)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/control", self->dir.path);
    self->control = control_new(&self->loop, path, &control_handler, self);
    if (!self->control)
        fprintf(stderr, "alua: cannot listen at %s: %s\n", path, strerror(errno));
    return self->control != NULL;
}

static bool start_over(launch_t *self)
{
    over_rules_t rules = { .first = (size_t) self->options->count, .keep = self->options->keep,
                           .end = self->options->end, .shared = self->options->broker != NULL };
    self->over = over_new(&rules, broker_counts, self);
    self->first = calloc((size_t) self->options->count, sizeof *self->first);
    return self->over && self->first;
}

static bool start_dir(launch_t *self)
{
    if (rundir_make(&self->dir))
        return true;
    fprintf(stderr, "alua: no private directory for this run: %s\n", strerror(errno));
    return false;
}

//  Grandchildren whose parents died become ours, so that they can be waited for by number.
static bool start(launch_t *self)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return start_dir(self) && start_over(self) && start_broker(self) && start_control(self);
}

//  Each spawned process that is still ours to wait for: its control socket is closed, so it is about to end.
static void reap_spawned(launch_t *self)
{
    int waited = 0;
    for (size_t i = 0; i < self->spawned_count; i++) {
        while (waitpid(self->spawned[i], NULL, WNOHANG) == 0 && waited++ < GRACE)
            usleep(1000);
        if (waited >= GRACE && waitpid(self->spawned[i], NULL, WNOHANG) == 0)
            kill(self->spawned[i], SIGKILL);
    }
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void) arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(launch_t *self)
{
    if (self->control)
        control_destroy(&self->control);
    if (self->broker)
        embed_destroy(&self->broker);
    uv_walk(&self->loop, close_handle, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    reap_spawned(self);
    rundir_remove(&self->dir);
    over_destroy(&self->over);
    free(self->first);
    free(self->spawned);
}

int launch(const launch_options_t *options)
{
    launch_t self = { .options = options, .forced = -1, .dir.lock = -1 };
    if (uv_loop_init(&self.loop))
        return 1;
    watch_signals(&self);
    start_timers(&self);
    if (!start(&self))
        self.forced = 1;
    else if (start_all(&self))
        uv_run(&self.loop, UV_RUN_DEFAULT);
    finish(&self);
    return self.forced >= 0 ? self.forced : self.status;
}
