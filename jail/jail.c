//  jail - the public functions, and the clock that watches everything

#include "jail_self.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY      ((size_t) 32 * 1024 * 1024)
#define MIN_MEMORY  ((size_t) 256 * 1024)       //  Lua's libraries take 50 KB of it
#define CODE        ((size_t) 64 * 1024)        //  Compiling can take time in the square of the size
#define DEADLINE    1000
#define WORKERS     4
#define MAX_WORKERS 256
#define QUEUE       1000
#define CALLS       10000

int64_t jail_now(void)
{
    return (int64_t) (uv_hrtime() / 1000000);
}

//  ---- The clock -------------------------------------------------------------

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

//  When a worker is overdue; INT64_MAX: it is not waited for.
static int64_t due_of(const jail_worker_t *worker)
{
    if (worker->state == JAIL_BUSY)
        return worker->job->due;
    if (worker->state == JAIL_SPARE || worker->state == JAIL_IDLE || worker->dead)
        return INT64_MAX;
    return worker->since + JAIL_PATIENCE;
}

static jail_worker_t *find_overdue(jail_t *self, int64_t now)
{
    for (jail_worker_t *worker = self->workers; worker; worker = worker->next)
        if (due_of(worker) <= now)
            return worker;
    return NULL;
}

//  The answer may be there already, and it was our loop that had no time for it.
static void time_out(jail_worker_t *worker)
{
    char text[80];
    jail_queued_t *job = worker->job;
    jail_worker_read(worker);
    if (worker->state != JAIL_BUSY || worker->job != job)
        return;
    snprintf(text, sizeof text, "the text ran until its deadline, after %lld ms",
             (long long) (jail_now() - worker->since));
    worker->jail->stat.timeouts++;
    jail_worker_end(worker, worker->out.failed ? WIRE_E_NO_MEMORY : WIRE_E_TIMEOUT, text);
}

//  Deadlines of those who run; and a server that owes us a birth or a death is replaced.
static void look_after_workers(jail_t *self, int64_t now)
{
    jail_worker_t *worker;
    while (!self->closing && (worker = find_overdue(self, now)) != NULL)
        if (worker->state == JAIL_BUSY)
            time_out(worker);
        else
            jail_server_end(self, "alua-jail does not answer");
}

//  Who has a worker goes on with it.
static void give_up_births(jail_t *self, int64_t now)
{
    char text[sizeof self->error];
    if (self->closing || self->failures < JAIL_FAILURES)
        return;
    self->failures = 0;
    self->resting = now + JAIL_REST;
    snprintf(text, sizeof text, "%s", self->error);
    jail_fail_waiting(self, false, WIRE_E_SYSTEM, text);
}

static void on_timer(uv_timer_t *timer)
{
    jail_t *self = timer->data;
    int64_t now = jail_now(), next = INT64_MAX;
    self->timer_due = INT64_MAX;
    look_after_workers(self, now);
    jail_expire(self, now);
    give_up_births(self, now);
    jail_schedule(self);
    for (const jail_worker_t *worker = self->workers; worker; worker = worker->next)
        next = min(next, due_of(worker));
    jail_watch(self, min(next, jail_next_due(self)));
}

//  An earlier turn stands: it looks at everything, and asks for the next. So a job that is answered costs
//  the clock nothing.
void jail_watch(jail_t *self, int64_t due)
{
    if (self->closing || due >= self->timer_due)
        return;
    int64_t left = due - jail_now();
    self->timer_due = due;
    uv_update_time(self->loop);
    uv_timer_start(&self->timer, on_timer, left > 0 ? (uint64_t) left + 1 : 0, 0);
}

//  ---- Birth and end ---------------------------------------------------------

static void set_defaults(jail_config_t *config)
{
    if (config->memory == 0)
        config->memory = MEMORY;
    if (config->memory < MIN_MEMORY)
        config->memory = MIN_MEMORY;
    if (config->code == 0)
        config->code = CODE;
    if (config->code > JAIL_MAX_CODE)
        config->code = JAIL_MAX_CODE;
    if (config->deadline == 0)
        config->deadline = DEADLINE;
    if (config->workers == 0)
        config->workers = WORKERS;
    if (config->workers > MAX_WORKERS)
        config->workers = MAX_WORKERS;
    if (config->queue == 0)
        config->queue = QUEUE;
    if (config->calls == 0)
        config->calls = CALLS;
}

jail_t *jail_new(uv_loop_t *loop, const jail_config_t *config)
{
    jail_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    if (config)
        self->config = *config;
    set_defaults(&self->config);
    self->program = self->config.program ? strdup(self->config.program) : NULL;
    if ((self->config.program && !self->program) || uv_random(NULL, NULL, self->key, sizeof self->key, 0, NULL)
        || uv_timer_init(loop, &self->timer)) {
        free(self->program);
        free(self);
        return NULL;
    }
    self->config.program = self->program;
    self->loop = loop;
    self->control_fd = -1;
    self->last_principal = &self->principals;
    self->timer.data = self;
    self->timer_due = INT64_MAX;
    uv_unref((uv_handle_t *) &self->timer);
    return self;
}

void jail_maybe_free(jail_t *self)
{
    if (!self->closing || !self->timer_closed || self->workers || self->handles)
        return;
    free(self->program);
    free(self);
}

static void on_timer_closed(uv_handle_t *handle)
{
    jail_t *self = handle->data;
    self->timer_closed = true;
    jail_maybe_free(self);
}

//  Whoever runs jobs from their ends is refused by now, so both loops end.
void jail_destroy(jail_t **self_p)
{
    jail_t *self = *self_p;
    *self_p = NULL;
    if (!self || self->closing)
        return;
    self->closing = true;
    for (jail_worker_t *worker = self->workers; worker;)
        if (worker->job) {
            jail_worker_end(worker, WIRE_E_CLOSED, "the jail was closed");
            worker = self->workers;
        }
        else
            worker = worker->next;
    jail_fail_waiting(self, true, WIRE_E_CLOSED, "the jail was closed");
    jail_server_end(self, "the jail was closed");
    uv_close((uv_handle_t *) &self->timer, on_timer_closed);
}

//  ---- Running ---------------------------------------------------------------

int jail_start(jail_t *self)
{
    if (self->closing)
        return WIRE_E_CLOSED;
    return self->server ? 0 : jail_server_start(self);
}

int jail_run(jail_t *self, const jail_job_t *job)
{
    int rc = jail_start(self);
    if (rc == 0)
        rc = jail_enqueue(self, job);
    if (rc == 0)
        jail_schedule(self);
    return rc;
}

static jail_worker_t *find_runner(jail_t *self, const void *arg)
{
    for (jail_worker_t *worker = self->workers; worker; worker = worker->next)
        if (worker->job && worker->job->arg == arg)
            return worker;
    return NULL;
}

void jail_cancel(jail_t *self, const void *arg)
{
    jail_worker_t *worker;
    jail_cancel_waiting(self, arg);
    while ((worker = find_runner(self, arg)) != NULL)
        jail_worker_end(worker, 0, NULL);
    jail_keep_loop(self);
    jail_schedule(self);
}

//  ---- Looking ---------------------------------------------------------------

const char *jail_error(const jail_t *self)
{
    return self->error;
}

void jail_stat(const jail_t *self, jail_stat_t *stat)
{
    *stat = self->stat;
    stat->waiting = self->waiting;
    stat->running = self->busy;
    stat->workers = 0;
    for (const jail_worker_t *worker = self->workers; worker; worker = worker->next)
        stat->workers += worker->state != JAIL_ASKED && worker->state != JAIL_DYING;
}
