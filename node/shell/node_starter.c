//  node_starter - a broker of its own, started for a program that opens an address where none answers
//
//  `alua broker --detach` says "listening on ENDPOINT" and ends with status 0, or gives the reason on
//  standard error and ends with another. The reason becomes the outcome's text; whether it matters is the caller's to
//  say, since another program may just have been faster.

#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

typedef struct {
    uv_process_t process;
    uv_pipe_t output, errors;
    int open_handles;
    alua_node_t *node;
    alua_outcome_fn *fn;
    void *arg;
    bool ended;
    int64_t status;
    size_t size;
    char text[512];
} starter_t;

static void on_starter_closed(uv_handle_t *handle)
{
    starter_t *self = handle->data;
    if (--self->open_handles == 0)
        free(self);
}

static void starter_close(starter_t *self)
{
    uv_close((uv_handle_t *) &self->process, on_starter_closed);
    uv_close((uv_handle_t *) &self->output, on_starter_closed);
    uv_close((uv_handle_t *) &self->errors, on_starter_closed);
}

static void say_failed(starter_t *self)
{
    static const char author[] = "alua broker: ";
    const char *why = self->text;
    if (strncmp(why, author, sizeof author - 1) == 0)
        why += sizeof author - 1;
    node_post_failure(self->node, self->fn, self->arg, WIRE_E_SYSTEM, *why ? why : "the broker could not be started");
}

static void say_started(starter_t *self)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    const char *endpoint = strstr(self->text, "ipc://") ? strstr(self->text, "ipc://") : strstr(self->text, "tcp://");
    wire_put_text(&fields, endpoint ? endpoint : "", endpoint ? strcspn(endpoint, "\n") : 0);
    alua_outcome_t outcome = { .count = 1, .body = fields.data, .size = fields.size };
    node_post_outcome(self->node, self->fn, self->arg, &outcome);
    wire_buf_free(&fields);
}

//  Its end and that of all it says are needed; they come in any order.
static void starter_over(starter_t *self)
{
    if (!self->ended || uv_is_active((uv_handle_t *) &self->output) || uv_is_active((uv_handle_t *) &self->errors))
        return;
    self->node->core.starting--;
    while (self->size && self->text[self->size - 1] == '\n')
        self->size--;
    self->text[self->size] = 0;
    if (self->status)
        say_failed(self);
    else
        say_started(self);
    starter_close(self);
}

static void on_starter_exit(uv_process_t *process, int64_t status, int signal)
{
    starter_t *self = process->data;
    self->ended = true;
    self->status = status ? status : signal;
    starter_over(self);
}

static void on_starter_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    starter_t *self = handle->data;
    (void) suggested;
    *buf = uv_buf_init(self->text + self->size, (unsigned) (sizeof self->text - 1 - self->size));
}

static void on_starter_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    starter_t *self = stream->data;
    (void) buf;
    if (got > 0)
        self->size += (size_t) got;
    if (got >= 0 && self->size < sizeof self->text - 1)
        return;
    uv_read_stop(stream);
    starter_over(self);
}

static int starter_run(starter_t *self, const char *endpoint)
{
    char copy[512];
    char *executable = self->node->executable;
    char *args[] = { executable, (char *) "broker", (char *) "--listen", copy, (char *) "--until-empty", (char *) "--detach", NULL };
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_IGNORE },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *) &self->output },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *) &self->errors },
    };
    uv_process_options_t options = { .exit_cb = on_starter_exit, .file = executable, .args = args, .stdio_count = 3, .stdio = stdio };
    snprintf(copy, sizeof copy, "%s", endpoint);
    uv_pipe_init(&self->node->loop, &self->output, 0);
    uv_pipe_init(&self->node->loop, &self->errors, 0);
    self->output.data = self->errors.data = self;
    self->open_handles = 3;
    int rc = uv_spawn(&self->node->loop, &self->process, &options);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *) &self->output, on_starter_alloc, on_starter_read);
    return rc ? rc : uv_read_start((uv_stream_t *) &self->errors, on_starter_alloc, on_starter_read);
}

int alua_start_broker(alua_node_t *node, const char *endpoint, alua_outcome_fn *fn, void *arg)
{
    starter_t *self = calloc(1, sizeof *self);
    if (!self)
        return WIRE_E_NO_MEMORY;
    self->node = node;
    self->fn = fn;
    self->arg = arg;
    self->process.data = self;
    int rc = starter_run(self, endpoint);
    if (rc) {
        node_place_cannot_start(self->text, sizeof self->text, node->executable, rc);
        say_failed(self);
        starter_close(self);
    } else
        node->core.starting++;
    return 0;
}
