//  jail_queue - jobs and principals: who is next, and how a job ends

#include "jail_self.h"

#include <stdlib.h>

#define MS_PER_S 1000

//  ---- Principals ------------------------------------------------------------

static void append_principal(jail_t *self, jail_principal_t *principal)
{
    principal->next = NULL;
    principal->back = self->last_principal;
    *self->last_principal = principal;
    self->last_principal = &principal->next;
}

static void remove_principal(jail_t *self, jail_principal_t *principal)
{
    *principal->back = principal->next;
    if (principal->next)
        principal->next->back = principal->back;
    else
        self->last_principal = principal->back;
}

static jail_principal_t *find_principal(jail_t *self, wire_str_t name)
{
    for (jail_principal_t *principal = self->principals; principal; principal = principal->next)
        if (principal->size == name.size && memcmp(principal->name, name.data, name.size) == 0)
            return principal;
    return NULL;
}

static jail_principal_t *get_principal(jail_t *self, wire_str_t name)
{
    jail_principal_t *principal = find_principal(self, name);
    if (principal)
        return principal;
    principal = calloc(1, sizeof *principal + name.size);
    if (!principal)
        return NULL;
    principal->last = &principal->first;
    principal->size = name.size;
    memcpy(principal->name, name.data, name.size);
    append_principal(self, principal);
    return principal;
}

void jail_release(jail_t *self, jail_principal_t *principal)
{
    if (principal->worker || principal->first)
        return;
    remove_principal(self, principal);
    free(principal);
}

//  ---- Copies of jobs --------------------------------------------------------

static wire_str_t copy(char **at, wire_str_t text)
{
    wire_str_t copied = { *at, text.size };
    if (text.size)
        memcpy(*at, text.data, text.size);
    *at += text.size;
    return copied;
}

static wire_reader_t copy_bytes(char **at, const void *data, size_t size)
{
    wire_str_t copied = copy(at, (wire_str_t) { data, size });
    return wire_reader(copied.data, copied.size);
}

//  The names of calls as a packed array.
static int pack_names(const char *const *calls, wire_buf_t *names)
{
    uint32_t count = 0;
    while (calls && calls[count])
        if (strlen(calls[count]) - 1 >= WIRE_MAX_NAME || ++count > JAIL_MAX_NAMES)
            return WIRE_E_USAGE;
    wire_put_array(names, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_cstr(names, calls[i]);
    return names->failed ? WIRE_E_NO_MEMORY : 0;
}

static jail_queued_t *new_job(const jail_t *self, const jail_job_t *job, const wire_buf_t *names)
{
    static const uint8_t no_args = 0x90;
    const void *args = job->args.at == job->args.end ? &no_args : job->args.at;
    size_t args_size = job->args.at == job->args.end ? 1 : (size_t) (job->args.end - job->args.at);
    size_t size = sizeof(jail_queued_t) + job->name.size + job->code.size + names->size + args_size;
    jail_queued_t *queued = malloc(size);
    if (!queued)
        return NULL;
    char *at = (char *) (queued + 1);
    unsigned deadline = job->deadline ? job->deadline : self->config.deadline;
    if (deadline > JAIL_MAX_DEADLINE * MS_PER_S)
        deadline = JAIL_MAX_DEADLINE * MS_PER_S;
    *queued = (jail_queued_t) { .fn = job->fn, .call = job->call, .arg = job->arg, .size = size,
                                .due = jail_now() + (job->patience ? job->patience : deadline),
                                .deadline = job->patience ? deadline : 0 };
    queued->name = copy(&at, job->name);
    queued->code = copy(&at, job->code);
    queued->names = copy_bytes(&at, names->data, names->size);
    queued->args = copy_bytes(&at, args, args_size);
    jail_hash(self->key, queued->name, queued->code, queued->hash);
    return queued;
}

//  ---- In and out of the queue -----------------------------------------------

static int check(const jail_t *self, const jail_job_t *job)
{
    wire_reader_t args = job->args, array;
    if (job->principal.size - 1 >= WIRE_MAX_NAME || job->name.size > WIRE_MAX_NAME || !job->fn
        || (job->calls && !job->call))
        return WIRE_E_USAGE;
    if (job->code.size > self->config.code)
        return WIRE_E_TOO_BIG;
    if (args.at != args.end && (jail_frame_value(&args, WIRE_IS_ARRAY, &array) || args.at != args.end))
        return WIRE_E_MALFORMED;
    return self->waiting >= self->config.queue || self->waiting_bytes > JAIL_MAX_BYTES ? WIRE_E_FULL : 0;
}

void jail_keep_loop(jail_t *self)
{
    if (self->busy + self->waiting && !self->closing)
        uv_ref((uv_handle_t *) &self->timer);
    else
        uv_unref((uv_handle_t *) &self->timer);
}

static void append_job(jail_t *self, jail_principal_t *principal, jail_queued_t *job)
{
    *principal->last = job;
    principal->last = &job->next;
    principal->waiting++;
    principal->waiting_bytes += job->size;
    self->waiting++;
    self->waiting_bytes += job->size;
    jail_keep_loop(self);
}

void jail_put_back(jail_t *self, jail_principal_t *principal, jail_queued_t *job)
{
    if (!principal->first)
        principal->last = &job->next;
    job->next = principal->first;
    principal->first = job;
    principal->waiting++;
    principal->waiting_bytes += job->size;
    self->waiting++;
    self->waiting_bytes += job->size;
}

//  Unlink what *at points to.
static jail_queued_t *take_job(jail_t *self, jail_principal_t *principal, jail_queued_t **at)
{
    jail_queued_t *job = *at;
    *at = job->next;
    if (principal->last == &job->next)
        principal->last = at;
    principal->waiting--;
    principal->waiting_bytes -= job->size;
    self->waiting--;
    self->waiting_bytes -= job->size;
    return job;
}

//  So that one principal cannot fill the queue for all.
static size_t share_of_one(const jail_t *self)
{
    return self->config.queue > 4 ? self->config.queue / 4 : 1;
}

int jail_enqueue(jail_t *self, const jail_job_t *job)
{
    wire_buf_t names = WIRE_BUF_EMPTY;
    int rc = check(self, job);
    if (rc == 0)
        rc = pack_names(job->calls, &names);
    jail_principal_t *principal = rc == 0 ? get_principal(self, job->principal) : NULL;
    if (rc == 0 && !principal)
        rc = WIRE_E_NO_MEMORY;
    if (rc == 0 && (principal->waiting >= share_of_one(self) || principal->waiting_bytes > JAIL_MAX_BYTES / 4))
        rc = WIRE_E_FULL;
    jail_queued_t *queued = rc == 0 ? new_job(self, job, &names) : NULL;
    if (queued) {
        append_job(self, principal, queued);
        jail_watch(self, queued->due);
    }
    else if (principal)
        jail_release(self, principal);
    wire_buf_free(&names);
    return rc == 0 && !queued ? WIRE_E_NO_MEMORY : rc;
}

//  ---- Who is next -----------------------------------------------------------

typedef struct {
    size_t fresh;               //  Asked for, born or spare
    size_t bound;               //  Belong to a principal
    size_t dying;
    jail_worker_t *spare;
    jail_worker_t *oldest;      //  Of those that belong to a principal who has no work: its place can be had
} places_t;

static void count_place(places_t *places, jail_worker_t *worker)
{
    switch (worker->state) {
    case JAIL_SPARE:
        places->spare = worker;
        /* fall through */
    case JAIL_ASKED:
    case JAIL_BORN:
        places->fresh++;
        break;
    case JAIL_DYING:
        places->dying++;
        break;
    default:
        places->bound++;
        if (worker->state == JAIL_IDLE && !worker->principal->first
            && (!places->oldest || worker->since < places->oldest->since))
            places->oldest = worker;
    }
}

static places_t count_places(const jail_t *self)
{
    places_t places = { 0, 0, 0, NULL, NULL };
    for (jail_worker_t *worker = self->workers; worker; worker = worker->next)
        count_place(&places, worker);
    return places;
}

static void start_next(jail_t *self, jail_principal_t *principal, jail_worker_t *worker)
{
    jail_queued_t *job = take_job(self, principal, &principal->first);
    remove_principal(self, principal);
    append_principal(self, principal);      //  The others come first now
    if (job->deadline)
        job->due = jail_now() + job->deadline;
    self->busy++;
    self->stat.runs++;
    jail_worker_start(worker, principal, job);
}

//  For a principal that has work and no worker. True: it began.
static bool give_worker(jail_t *self, jail_principal_t *principal)
{
    places_t places = count_places(self);
    if (!places.spare)
        return false;
    bool crowded = places.bound >= self->config.workers;
    if (crowded && !places.oldest)
        return false;
    start_next(self, principal, places.spare);
    if (crowded)                        //  After the other's start, which it would delay
        jail_worker_end(places.oldest, 0, NULL);
    return true;
}

static bool start_one(jail_t *self)
{
    for (jail_principal_t *principal = self->principals; principal; principal = principal->next) {
        if (!principal->first)
            continue;
        if (!principal->worker) {
            if (give_worker(self, principal))
                return true;
        }
        else if (principal->worker->state == JAIL_IDLE) {
            start_next(self, principal, principal->worker);
            return true;
        }
    }
    return false;
}

//  Who waits for a worker of its own, as far as there are places.
static size_t count_wanted(const jail_t *self, const places_t *places)
{
    size_t wanted = 0, room = self->config.workers > places->bound ? self->config.workers - places->bound : 0;
    if (room == 0 && places->oldest)
        room = 1;
    for (jail_principal_t *principal = self->principals; principal && wanted < room; principal = principal->next)
        wanted += principal->first && !principal->worker;
    return wanted;
}

//  One worker is forked ahead, when nobody waits for one or a run has just ended: beside the first, who is waited for, it
//  would only delay that. The dying count too, lest a slow server is asked for ever more.
static void ask_for_workers(jail_t *self)
{
    places_t places = count_places(self);
    size_t awaited = count_wanted(self, &places), wanted = awaited;
    if (self->pause || (wanted == 0 && self->busy == 0))
        wanted++;
    self->pause = false;
    if (places.fresh >= wanted || places.dying > self->config.workers)
        return;
    if (!self->server && jail_server_start(self)) {
        self->failures = JAIL_FAILURES;
        jail_watch(self, jail_now());
        return;
    }
    while (places.fresh < wanted && self->server && jail_worker_ask(self, places.fresh >= awaited))
        places.fresh++;
}

//  A server that cannot be started now is told to those who wait from the loop.
void jail_schedule(jail_t *self)
{
    if (self->closing || (self->waiting == 0 && !self->server))
        return;
    while (self->waiting && start_one(self))
        ;
    if (self->failures >= JAIL_FAILURES)
        jail_watch(self, jail_now());
    else if (self->resting > jail_now())
        jail_watch(self, self->waiting ? self->resting : INT64_MAX);
    else
        ask_for_workers(self);
}

//  ---- How a job ends --------------------------------------------------------

void jail_finish(jail_t *self, jail_queued_t *job, const jail_outcome_t *outcome)
{
    jail_keep_loop(self);
    self->pause = true;
    job->fn(job->arg, outcome);
    free(job);
}

//  The text has no power but its calls: if it made none, nothing was done.
void jail_fail(jail_t *self, jail_queued_t *job, int code, const char *text)
{
    static const char no_memory[] = "\x82\xa4" "code" "\xa9" "no_memory" "\xa7" "message" "\xad" "out of memory";
    wire_buf_t map = WIRE_BUF_EMPTY;
    wire_put_map(&map, 3);
    wire_put_cstr(&map, "code");
    wire_put_cstr(&map, wire_error_word(code));
    wire_put_cstr(&map, "message");
    wire_put_text(&map, text, strlen(text));
    wire_put_cstr(&map, "definite");
    wire_put_bool(&map, wire_error_definite(code) || job->calls == 0);
    jail_outcome_t outcome = { code, wire_reader(map.data, map.size), false };
    if (map.failed)
        outcome.body = wire_reader(no_memory, sizeof no_memory - 1);
    jail_finish(self, job, &outcome);
    wire_buf_free(&map);
}

typedef bool which_fn(const jail_principal_t *principal, const jail_queued_t *job, const void *arg);

//  The first that waits and that `which` wants; unlinked, or NULL.
static jail_queued_t *take_first(jail_t *self, which_fn *which, const void *arg)
{
    for (jail_principal_t *principal = self->principals; principal; principal = principal->next)
        for (jail_queued_t **at = &principal->first; *at; at = &(*at)->next)
            if (which(principal, *at, arg)) {
                jail_queued_t *job = take_job(self, principal, at);
                jail_release(self, principal);
                return job;
            }
    return NULL;
}

static bool is_any(const jail_principal_t *principal, const jail_queued_t *job, const void *arg)
{
    (void) principal, (void) job, (void) arg;
    return true;
}

static bool has_no_worker(const jail_principal_t *principal, const jail_queued_t *job, const void *arg)
{
    (void) job, (void) arg;
    return !principal->worker;
}

static bool is_due(const jail_principal_t *principal, const jail_queued_t *job, const void *arg)
{
    (void) principal;
    return job->due <= *(const int64_t *) arg;
}

static bool is_of(const jail_principal_t *principal, const jail_queued_t *job, const void *arg)
{
    (void) principal;
    return job->arg == arg;
}

//  One after the other, since each may run, cancel or destroy; but not those that come meanwhile.
void jail_fail_waiting(jail_t *self, bool all, int code, const char *text)
{
    jail_queued_t *job;
    which_fn *which = all ? is_any : has_no_worker;
    for (size_t left = self->waiting; left && (job = take_first(self, which, NULL)) != NULL; left--)
        jail_fail(self, job, code, text);
}

void jail_expire(jail_t *self, int64_t now)
{
    jail_queued_t *job;
    while ((job = take_first(self, is_due, &now)) != NULL)
        jail_fail(self, job, WIRE_E_EXPIRED, "the deadline passed before the text could run");
}

int64_t jail_next_due(const jail_t *self)
{
    int64_t next = INT64_MAX;
    for (const jail_principal_t *principal = self->principals; principal; principal = principal->next)
        for (const jail_queued_t *job = principal->first; job; job = job->next)
            if (job->due < next)
                next = job->due;
    return next;
}

void jail_cancel_waiting(jail_t *self, const void *arg)
{
    jail_queued_t *job;
    while ((job = take_first(self, is_of, arg)) != NULL)
        free(job);
    jail_keep_loop(self);
}
