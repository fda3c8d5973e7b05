//  jail_worker - one worker: its conversation, whose other side is taken for hostile

#include "jail_self.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES  16384
#define KEEP_BYTES  (64 * 1024)     //  A larger buffer is given back after use

static void on_ready(uv_poll_t *poll, int status, int events);

//  ---- Birth and end ---------------------------------------------------------

static void enter(jail_worker_t *worker, jail_state_t state)
{
    worker->state = state;
    worker->since = jail_now();
}

jail_worker_t *jail_worker_ask(jail_t *self, bool ahead)
{
    jail_worker_t *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->jail = self;
    worker->id = ++self->last_id;
    worker->fd = -1;
    worker->closed = true;
    enter(worker, JAIL_ASKED);
    worker->next = self->workers;
    worker->back = &self->workers;
    if (worker->next)
        worker->next->back = &worker->next;
    self->workers = worker;
    jail_watch(self, worker->since + JAIL_PATIENCE);
    jail_server_order(self, (jail_order_t) { JAIL_ORDER_FORK, worker->id, ahead ? JAIL_AHEAD : 0 });
    return worker;
}

jail_worker_t *jail_worker_find(jail_t *self, uint32_t id)
{
    for (jail_worker_t *worker = self->workers; worker; worker = worker->next)
        if (worker->id == id)
            return worker;
    return NULL;
}

int jail_worker_born(jail_worker_t *worker, int fd, pid_t pid)
{
    if (uv_poll_init(worker->jail->loop, &worker->poll, fd))
        return WIRE_E_SYSTEM;
    worker->closed = false;
    worker->fd = fd;
    worker->pid = pid;
    worker->poll.data = worker;
    uv_poll_start(&worker->poll, UV_READABLE, on_ready);
    uv_unref((uv_handle_t *) &worker->poll);
    worker->jail->stat.births++;
    enter(worker, JAIL_BORN);
    return 0;
}

static void maybe_free(jail_worker_t *worker)
{
    jail_t *self = worker->jail;
    if (!worker->dead || !worker->closed)
        return;
    *worker->back = worker->next;
    if (worker->next)
        worker->next->back = worker->back;
    wire_buf_free(&worker->in);
    wire_buf_free(&worker->out);
    free(worker);
    jail_maybe_free(self);
}

static void on_closed(uv_handle_t *handle)
{
    jail_worker_t *worker = handle->data;
    worker->closed = true;
    maybe_free(worker);
}

static void hang_up(jail_worker_t *worker)
{
    if (worker->fd < 0)
        return;
    uv_close((uv_handle_t *) &worker->poll, on_closed);
    close(worker->fd);
    worker->fd = -1;
}

//  Everything is in order before fn is called, since it may do anything.
void jail_worker_end(jail_worker_t *worker, int code, const char *text)
{
    jail_t *self = worker->jail;
    jail_queued_t *job = worker->job;
    jail_principal_t *principal = worker->principal;
    if (worker->state == JAIL_DYING)
        return;
    if (worker->state == JAIL_BUSY)
        self->busy--;
    if (worker->state <= JAIL_SPARE)
        self->failures++;               //  It has never worked
    enter(worker, JAIL_DYING);
    worker->job = NULL;
    worker->principal = NULL;
    hang_up(worker);
    if (!worker->dead) {
        jail_server_order(self, (jail_order_t) { JAIL_ORDER_KILL, worker->id, 0 });
        jail_watch(self, worker->since + JAIL_PATIENCE);
    }
    if (principal) {
        principal->worker = NULL;
        jail_release(self, principal);
    }
    maybe_free(worker);
    if (job && code)
        jail_fail(self, job, code, text);
    else
        free(job);
}

//  The system tells us when it died before it had read all that we sent: then the text has not begun,
//  and another worker may have it.
static void lose(jail_worker_t *worker, bool unread)
{
    jail_t *self = worker->jail;
    jail_queued_t *job = worker->job;
    self->stat.deaths++;
    if (job && !worker->heard && (unread || worker->broken) && ++job->tries < JAIL_TRIES) {
        jail_put_back(self, worker->principal, job);
        worker->job = NULL;
        jail_worker_end(worker, 0, NULL);
    }
    else
        jail_worker_end(worker, WIRE_E_GONE, "the process in which the text ran died");
}

//  What it said last may still stand in the socket.
void jail_worker_dead(jail_worker_t *worker)
{
    if (worker->state == JAIL_BUSY)
        jail_worker_read(worker);
    worker->dead = true;
    if (worker->state == JAIL_DYING)
        maybe_free(worker);
    else
        lose(worker, false);
}

static void protest(jail_worker_t *worker, const char *text)
{
    jail_t *self = worker->jail;
    self->stat.deaths++;
    snprintf(self->error, sizeof self->error, "%s", text);
    jail_worker_end(worker, WIRE_E_MALFORMED, text);
}

//  ---- Words to it -----------------------------------------------------------

//  What cannot be sent now is sent when there is room; that it is dead is found by reading.
static void flush(jail_worker_t *worker)
{
    const wire_buf_t *out = &worker->out;
    ssize_t size = 0;
    while (worker->sent < out->size && size >= 0) {
        size = send(worker->fd, out->data + worker->sent, out->size - worker->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size > 0)
            worker->sent += (size_t) size;
        else if (errno == EINTR)
            size = 0;
        else if (errno == EPIPE && worker->sent == 0)
            worker->broken = true;
    }
    bool writing = worker->sent < out->size;
    if (writing != worker->writing)
        uv_poll_start(&worker->poll, writing ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_ready);
    worker->writing = writing;
}

//  The frame in `out`; one that could not be built ends the worker.
static void speak(jail_worker_t *worker)
{
    if (worker->out.failed) {
        jail_worker_end(worker, WIRE_E_NO_MEMORY, "out of memory");
        return;
    }
    worker->sent = 0;
    flush(worker);
}

static bool knows(jail_worker_t *worker, const uint8_t hash[JAIL_HASH])
{
    for (unsigned i = 0; i < JAIL_KNOWN; i++)
        if (memcmp(worker->known[i], hash, JAIL_HASH) == 0)
            return true;
    memcpy(worker->known[worker->known_at++ % JAIL_KNOWN], hash, JAIL_HASH);
    return false;
}

static void build_run(jail_worker_t *worker, bool with_code)
{
    wire_buf_t *out = &worker->out;
    jail_queued_t *job = worker->job;
    job->code_sent = with_code;
    jail_frame_begin(out, JAIL_RUN);
    wire_put_bin(out, job->hash, JAIL_HASH);
    wire_put_text(out, job->name.data, job->name.size);
    if (with_code)
        wire_put_bin(out, job->code.data, job->code.size);
    else
        wire_put_nil(out);
    wire_buf_append(out, job->names.at, (size_t) (job->names.end - job->names.at));
    wire_buf_append(out, job->args.at, (size_t) (job->args.end - job->args.at));
    jail_frame_end(out);
}

//  Nobody is called back from here: what fails is found by the loop.
void jail_worker_start(jail_worker_t *worker, jail_principal_t *principal, jail_queued_t *job)
{
    worker->principal = principal;
    principal->worker = worker;
    worker->job = job;
    worker->heard = worker->broken = false;
    enter(worker, JAIL_BUSY);
    build_run(worker, !knows(worker, job->hash));
    jail_watch(worker->jail, worker->out.failed ? worker->since : job->due);
    worker->sent = 0;
    if (!worker->out.failed)
        flush(worker);
    else
        job->due = worker->since;
}

//  ---- Words from it ---------------------------------------------------------

static void refuse_call(jail_worker_t *worker, int code)
{
    wire_buf_t *out = &worker->out;
    jail_frame_begin(out, JAIL_REFUSE);
    wire_put_map(out, 3);
    wire_put_cstr(out, "code");
    wire_put_cstr(out, wire_error_word(code));
    wire_put_cstr(out, "message");
    wire_put_cstr(out, wire_error_text(code));
    wire_put_cstr(out, "definite");
    wire_put_bool(out, wire_error_definite(code));
}

//  Whether what the caller's function appended is one value of this kind.
static bool is_value(const wire_buf_t *out, wire_kind_t kind)
{
    wire_reader_t body = wire_reader(out->data + JAIL_HEAD, out->size - JAIL_HEAD), value;
    return !out->failed && jail_frame_value(&body, kind, &value) == 0 && body.at == body.end;
}

static void answer_call(jail_worker_t *worker, int code)
{
    wire_buf_t *out = &worker->out;
    if (code == 0 && !is_value(out, WIRE_IS_ARRAY))
        refuse_call(worker, WIRE_E_INTERNAL);
    else if (code && is_value(out, WIRE_IS_MAP))
        out->data[JAIL_HEAD - 1] = JAIL_REFUSE;
    else if (code)
        refuse_call(worker, code);
    jail_frame_end(out);
    speak(worker);
}

//  The function may cancel the job or destroy the jail.
static void take_call(jail_worker_t *worker, wire_reader_t body)
{
    jail_queued_t *job = worker->job;
    wire_reader_t name_at, args;
    wire_str_t name;
    if (!job->call || jail_frame_value(&body, WIRE_IS_STR, &name_at) || wire_read_name(&name_at, &name)
        || jail_frame_value(&body, WIRE_IS_ARRAY, &args) || body.at != body.end) {
        protest(worker, "the worker's call is none");
        return;
    }
    if (++job->calls > worker->jail->config.calls) {
        jail_worker_end(worker, WIRE_E_FULL, "the text made too many calls");
        return;
    }
    jail_frame_begin(&worker->out, JAIL_ANSWER);
    int code = job->call(job->arg, name, args, &worker->out);
    if (worker->state == JAIL_BUSY && worker->job == job)
        answer_call(worker, code);
}

//  It is free before fn is called, which may run the next job on it: that touches only `out`.
static void finish(jail_worker_t *worker, const jail_outcome_t *outcome)
{
    jail_t *self = worker->jail;
    jail_queued_t *job = worker->job;
    worker->spent += jail_now() - worker->since + 1;
    bool spent = worker->spent > (int64_t) JAIL_CPU_RETIRE * 1000 || outcome->code == WIRE_E_NO_MEMORY;
    worker->job = NULL;
    enter(worker, JAIL_IDLE);
    self->busy--;
    self->failures = 0;
    if (spent)                          //  Its buffers live until libuv lets go of it
        jail_worker_end(worker, 0, NULL);
    jail_finish(self, job, outcome);
}

static void take_results(jail_worker_t *worker, wire_reader_t body)
{
    jail_outcome_t outcome = { 0, body, false };
    if (jail_frame_value(&body, WIRE_IS_ARRAY, &outcome.body) || body.at != body.end)
        protest(worker, "the worker's results are none");
    else
        finish(worker, &outcome);
}

static void take_failure(jail_worker_t *worker, wire_reader_t body)
{
    wire_reader_t map, at;
    wire_str_t code, text;
    if (jail_frame_value(&body, WIRE_IS_MAP, &map) || body.at != body.end
        || !wire_map_find(&map, "code", &at) || wire_read_name(&at, &code)
        || !wire_map_find(&map, "message", &at) || wire_read_bytes(&at, &text)) {
        protest(worker, "the worker's error is none");
        return;
    }
    jail_outcome_t outcome = { wire_error_of(code.data, code.size), map, true };
    if (outcome.code == WIRE_E_OK)
        outcome.code = WIRE_E_REMOTE;   //  A failure that calls itself none
    finish(worker, &outcome);
}

static void take_want(jail_worker_t *worker)
{
    if (worker->job->code_sent) {
        protest(worker, "the worker wants a text that it was given");
        return;
    }
    build_run(worker, true);
    speak(worker);
}

//  It may speak when we have spoken to the end, and in its turn.
static void take_frame(jail_worker_t *worker, const jail_frame_t *frame)
{
    bool turn = worker->sent == worker->out.size;
    worker->heard = true;
    if (turn && worker->state == JAIL_BORN && frame->type == JAIL_READY)
        enter(worker, JAIL_SPARE);
    else if (!turn || worker->state != JAIL_BUSY)
        protest(worker, "the worker spoke out of turn");
    else
        switch (frame->type) {
        case JAIL_WANT: take_want(worker); break;
        case JAIL_CALL: take_call(worker, frame->body); break;
        case JAIL_DONE: take_results(worker, frame->body); break;
        case JAIL_FAIL: take_failure(worker, frame->body); break;
        default:        protest(worker, "the worker spoke nonsense");
        }
}

static void forget_input(jail_worker_t *worker)
{
    if (worker->in.capacity > KEEP_BYTES)
        wire_buf_free(&worker->in);
    wire_buf_clear(&worker->in);
}

//  What there is, up to a frame's bound. False: the end, or nothing now.
static bool receive(jail_worker_t *worker)
{
    uint8_t *at = wire_buf_reserve(&worker->in, READ_BYTES);
    if (!at) {
        jail_worker_end(worker, WIRE_E_NO_MEMORY, "out of memory");
        return false;
    }
    ssize_t size = recv(worker->fd, at, worker->in.capacity - worker->in.size, MSG_DONTWAIT);
    if (size > 0)
        worker->in.size += (size_t) size;
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        lose(worker, size < 0 && errno == ECONNRESET);
    return size > 0;
}

void jail_worker_read(jail_worker_t *worker)
{
    jail_frame_t frame;
    while (receive(worker)) {
        int rc = jail_frame_look(&worker->in, JAIL_MAX_UP, &frame);
        if (rc == WIRE_E_STATE)
            continue;
        if (rc)
            protest(worker, "the worker spoke nonsense");
        else
            take_frame(worker, &frame);
        forget_input(worker);
        return;
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    jail_worker_t *worker = poll->data;
    jail_t *self = worker->jail;
    if (worker->state != JAIL_DYING && (events & UV_WRITABLE))
        flush(worker);
    if (worker->state != JAIL_DYING && (status || (events & UV_READABLE)))
        jail_worker_read(worker);
    jail_schedule(self);
}
