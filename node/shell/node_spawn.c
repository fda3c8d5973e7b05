//  node_spawn - further operating-system processes: started here, joined by themselves, ended after us
//
//  A child shares our output, has no input, and holds one end of a stream: on it, it writes one line when it
//  knows its fate ("ok ID NODE" or "error WORD TEXT"); its end-of-file tells it that we have ended.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

extern char **environ;

//  Until a child has joined, ms.
#define JOIN_TIMEOUT 30000
#define CHILD_FD     3

struct node_child {
    node_child_t *next;
    alua_node_t *node;
    uv_process_t process;
    uv_pipe_t pipe;
    int open_handles;           //  Of the two above
    bool told;                  //  Its outcome is out
    uint64_t timer;
    alua_outcome_fn *fn;
    void *arg;
    size_t size;
    char line[1024];
};

static void forget(node_child_t *self)
{
    node_child_t **place = &self->node->children;
    while (*place && *place != self)
        place = &(*place)->next;
    if (*place)
        *place = self->next;
    free(self);
}

static void on_closed(uv_handle_t *handle)
{
    node_child_t *self = handle->data;
    if (--self->open_handles == 0)
        forget(self);
}

static void close_one(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void tell(node_child_t *self, const alua_outcome_t *outcome)
{
    if (self->told)
        return;
    self->told = true;
    self->node->core.starting--;
    if (self->timer)
        node_core_timer_cancel(&self->node->core, self->timer);
    self->timer = 0;
    node_post_outcome(self->node, self->fn, self->arg, outcome);
}

static void tell_failure(node_child_t *self, int code, const char *text)
{
    alua_outcome_t outcome = { .code = code, .definite = true, .text = text };
    tell(self, &outcome);
}

static void tell_joined(node_child_t *self, const char *id, const char *node)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_text(&fields, id, strlen(id));
    wire_put_text(&fields, node, strlen(node));
    alua_outcome_t outcome = { .count = 2, .body = fields.data, .size = fields.size };
    tell(self, &outcome);
    wire_buf_free(&fields);
}

static char *next_word(char **text)
{
    char *word = *text;
    char *space = strchr(word, '\t');
    *text = space ? space + 1 : word + strlen(word);
    if (space)
        *space = 0;
    return word;
}

//  Fields are parted by tabs: ids may hold spaces.
static void read_line(node_child_t *self)
{
    char *text = self->line;
    char *verdict = next_word(&text);
    char *first = next_word(&text);
    if (strcmp(verdict, "ok") == 0)
        tell_joined(self, first, text);
    else
        tell_failure(self, wire_error_of(first, strlen(first)), text);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    node_child_t *self = handle->data;
    (void) suggested;
    *buf = uv_buf_init(self->line + self->size, (unsigned) (sizeof self->line - 1 - self->size));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    node_child_t *self = stream->data;
    (void) buf;
    if (got > 0) {
        self->size += (size_t) got;
        self->line[self->size] = 0;
        char *end = memchr(self->line, '\n', self->size);
        if (end) {
            *end = 0;
            read_line(self);
            self->size = 0;
        } else if (self->size == sizeof self->line - 1)
            self->size = 0;
    } else if (got < 0)
        uv_read_stop(stream);           //  The pipe stays open on our side: its end is our message
}

static void on_exit_child(uv_process_t *process, int64_t status, int signal)
{
    node_child_t *self = process->data;
    char text[128];
    if (signal)
        snprintf(text, sizeof text, "the new process was killed by signal %d before it had joined", signal);
    else
        snprintf(text, sizeof text, "the new process ended with status %d before it had joined", (int) status);
    tell_failure(self, WIRE_E_SYSTEM, text);
    close_one((uv_handle_t *) &self->process);
    close_one((uv_handle_t *) &self->pipe);
}

static void on_late(void *arg)
{
    node_child_t *self = arg;
    self->timer = 0;
    tell_failure(self, WIRE_E_TIMEOUT, "the new process did not join in time");
    uv_process_kill(&self->process, SIGKILL);
}

static void add_line(wire_buf_t *out, const char *key, const char *value)
{
    if (!value)
        return;
    wire_buf_append(out, key, strlen(key));
    wire_buf_append(out, "=", 1);
    wire_buf_append(out, value, strlen(value));
    wire_buf_append(out, "\n", 1);
}

//  What the child inherits of our own boot record, and what is its own.
static char *boot_record(const alua_node_t *self, const alua_spawn_t *spawn)
{
    static const char *const inherited[] = { "CONTROL", "LABEL", "KEEP", "END" };
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_buf_append(&out, "ALUA_BOOT=", 10);
    add_line(&out, "SPAWNED", "1");
    add_line(&out, "BROKER", spawn->broker ? spawn->broker : self->broker_endpoint);
    add_line(&out, "DIRECTORY", self->directory);
    add_line(&out, "NAME", spawn->name);
    add_line(&out, "PARENT_FD", "3");
    add_line(&out, "PARENT", self->core.id);
    add_line(&out, "KEY", self->key_path);
    add_line(&out, "BROKER_KEY", self->broker_key_path);
    add_line(&out, "CODE", self->core.rights.most < RIGHTS_FULL ? rights_code_word(self->core.rights.most) : NULL);
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        add_line(&out, inherited[i], alua_boot_value(inherited[i]));
    for (const char *const *more = spawn->env; more && *more; more++) {
        wire_buf_append(&out, *more, strlen(*more));
        wire_buf_append(&out, "\n", 1);
    }
    wire_buf_append(&out, "", 1);
    if (out.failed) {
        wire_buf_free(&out);
        return NULL;
    }
    return (char *) out.data;
}

static char **environment_with(char *record)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **env = calloc(count + 2, sizeof *env);
    if (!env)
        return NULL;
    memcpy(env, environ, count * sizeof *env);
    env[count] = record;
    return env;
}

static int run(alua_node_t *node, node_child_t *self, char **env)
{
    char *args[] = { node->executable, (char *) "child", NULL };
    uv_stdio_container_t stdio[CHILD_FD + 1] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 1 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
        { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *) &self->pipe },
    };
    uv_process_options_t options = { .exit_cb = on_exit_child, .file = node->executable, .args = args, .env = env,
                                     .stdio_count = CHILD_FD + 1, .stdio = stdio };
    uv_pipe_init(&node->loop, &self->pipe, 0);
    self->pipe.data = self->process.data = self;
    self->open_handles = 2;
    return uv_spawn(&node->loop, &self->process, &options);
}

static void watch(node_child_t *self)
{
    uv_read_start((uv_stream_t *) &self->pipe, on_alloc, on_read);
    self->timer = node_core_timer(&self->node->core, JOIN_TIMEOUT, true, on_late, self);
}

static void could_not_run(node_child_t *self, int rc)
{
    char text[512];
    node_place_cannot_start(text, sizeof text, self->node->executable, rc);
    tell_failure(self, WIRE_E_SYSTEM, text);
    uv_close((uv_handle_t *) &self->process, on_closed);
    uv_close((uv_handle_t *) &self->pipe, on_closed);
}

int alua_spawn(alua_process_t *process, const alua_spawn_t *spawn, alua_outcome_fn *fn, void *arg)
{
    alua_node_t *node = process->node;
    char *record = boot_record(node, spawn);
    char **env = record ? environment_with(record) : NULL;
    node_child_t *self = env ? calloc(1, sizeof *self) : NULL;
    if (self) {
        self->node = node;
        self->fn = fn;
        self->arg = arg;
        self->next = node->children;
        node->children = self;
        node->core.starting++;
        int rc = run(node, self, env);
        if (rc)
            could_not_run(self, rc);
        else
            watch(self);
    }
    free(env);
    free(record);
    return self ? 0 : WIRE_E_NO_MEMORY;
}

//  The pipes close, and with them the children learn that we have ended. Their handles go with the loop's.
static void on_last_closed(uv_handle_t *handle)
{
    on_closed(handle);
}

void node_children_free(alua_node_t *self)
{
    for (node_child_t *child = self->children; child; child = child->next) {
        uv_handle_t *handles[] = { (uv_handle_t *) &child->process, (uv_handle_t *) &child->pipe };
        for (size_t i = 0; i < 2; i++)
            if (!uv_is_closing(handles[i]))
                uv_close(handles[i], on_last_closed);
    }
    while (self->children)
        uv_run(&self->loop, UV_RUN_NOWAIT);
}
