//  control - the launcher's end of the control socket. See control.h

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control.h"
#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"

#define HEADER 4                //  Length, big-endian
#define MAX_ROWS 65536
//  A report has a row per link, a list of waits a line per coroutine: both may be long.
#define MAX_MESSAGE (4 * WIRE_MAX_MESSAGE)

typedef struct connection connection_t;
struct connection {
    control_peer_t peer;        //  First
    control_t *control;
    connection_t *next, **link;
    uv_pipe_t pipe;
    wire_buf_t input;
};

struct control {
    uv_loop_t *loop;
    uv_pipe_t listener;
    control_handler_t handler;
    void *arg;
    connection_t *connections;
    uint64_t last;
};

//  ---- Connections -------------------------------------------------------------

static void free_connection(uv_handle_t *handle)
{
    connection_t *self = handle->data;
    wire_buf_free(&self->input);
    free(self->peer.id);
    free(self->peer.node);
    free(self);
}

static void close_connection(connection_t *self)
{
    if (uv_is_closing((uv_handle_t *) &self->pipe))
        return;
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    if (self->peer.number)
        self->control->handler.gone(self->control->arg, &self->peer);
    uv_close((uv_handle_t *) &self->pipe, free_connection);
}

//  ---- What they say -----------------------------------------------------------

static char *copy_text(wire_str_t text)
{
    char *copy = malloc(text.size + 1);
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = 0;
    }
    return copy;
}

//  active and serving are counts or just true.
static int read_amount(wire_reader_t *in, uint64_t *amount)
{
    wire_item_t item;
    if (wire_read(in, &item))
        return WIRE_E_MALFORMED;
    *amount = item.kind == WIRE_IS_BOOL ? item.as.boolean
        : item.kind == WIRE_IS_INT && item.as.integer >= 0 ? (uint64_t) item.as.integer : UINT64_MAX;
    return *amount == UINT64_MAX ? WIRE_E_MALFORMED : 0;
}

static int on_hello(connection_t *self, wire_reader_t *in)
{
    int64_t pid, rank, parent;
    if (self->peer.number || wire_read_int(in, &pid) || wire_read_int(in, &rank) || wire_read_int(in, &parent))
        return WIRE_E_MALFORMED;
    self->peer.number = ++self->control->last;
    self->peer.pid = (int) pid;
    self->peer.rank = (int) rank;
    self->peer.parent = (int) parent;
    self->control->handler.hello(self->control->arg, &self->peer);
    return 0;
}

static int on_open(connection_t *self, wire_reader_t *in)
{
    wire_str_t id, node;
    uint64_t incarnation;
    if (wire_read_name(in, &id) || wire_read_name(in, &node) || wire_read_uint(in, &incarnation))
        return WIRE_E_MALFORMED;
    char full[WIRE_MAX_NAME + 24];
    snprintf(full, sizeof full, "%.*s#%" PRIu64, (int) node.size, node.data, incarnation);
    free(self->peer.id);
    free(self->peer.node);
    self->peer.id = copy_text(id);
    self->peer.node = strdup(full);
    if (!self->peer.id || !self->peer.node)
        return WIRE_E_NO_MEMORY;
    self->control->handler.open(self->control->arg, &self->peer);
    return 0;
}

static int on_idle(connection_t *self, wire_reader_t *in)
{
    (void) in;
    self->control->handler.idle(self->control->arg, &self->peer);
    return 0;
}

static int on_ready(connection_t *self, wire_reader_t *in)
{
    (void) self;
    (void) in;
    return 0;                   //  Its idle says all that we want to know
}

static int read_row(wire_reader_t *in, over_row_t *row)
{
    wire_str_t peer;
    uint32_t fields;
    if (wire_read_array(in, &fields) || fields != 3 || wire_read_bytes(in, &peer)
        || wire_read_uint(in, &row->sent) || wire_read_uint(in, &row->received))
        return WIRE_E_MALFORMED;
    row->peer = copy_text(peer);
    return row->peer ? 0 : WIRE_E_NO_MEMORY;
}

static void free_rows(over_row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *) rows[i].peer);
    free(rows);
}

static int read_rows(wire_reader_t *in, over_row_t **rows, size_t *count)
{
    uint32_t all;
    if (wire_read_array(in, &all) || all > MAX_ROWS)
        return WIRE_E_MALFORMED;
    *rows = calloc(all + 1, sizeof **rows);
    int rc = *rows ? 0 : WIRE_E_NO_MEMORY;
    while (!rc && *count < all) {
        rc = read_row(in, &(*rows)[*count]);
        if (!rc)
            ++*count;
    }
    return rc;
}

static int on_report(connection_t *self, wire_reader_t *in)
{
    over_report_t report = { 0 };
    over_row_t *rows = NULL;
    uint64_t serving = 0;
    int rc = WIRE_E_MALFORMED;
    if (wire_read_uint(in, &report.wave) || read_amount(in, &report.active) || read_amount(in, &serving))
        return rc;
    rc = read_rows(in, &rows, &report.count);
    report.rows = rows;
    report.serving = serving > 0;
    if (!rc && (wire_read_uint(in, &report.children) || wire_read_uint(in, &report.waits)
                || wire_read_uint(in, &report.takes)))
        rc = WIRE_E_MALFORMED;
    if (!rc)
        self->control->handler.report(self->control->arg, &self->peer, &report);
    free_rows(rows, report.count);
    return rc;
}

static int on_waits(connection_t *self, wire_reader_t *in)
{
    uint32_t count;
    if (wire_read_array(in, &count))
        return WIRE_E_MALFORMED;
    self->control->handler.waits(self->control->arg, &self->peer, count, *in);
    return 0;
}

static int on_exit_status(connection_t *self, wire_reader_t *in)
{
    int64_t status;
    if (wire_read_int(in, &status))
        return WIRE_E_MALFORMED;
    self->peer.leaving = true;
    self->peer.status = (int) (status & 0xff);
    return 0;
}

static const struct {
    const char *word;
    uint32_t fields;
    int (*action)(connection_t *self, wire_reader_t *in);
} actions[] = {
    { "hello",  4, on_hello },
    { "open",   4, on_open },
    { "ready",  1, on_ready },
    { "idle",   1, on_idle },
    { "report", 8, on_report },
    { "waits",  2, on_waits },
    { "exit",   2, on_exit_status },
};

//  One message, complete. hello comes first.
static int take(connection_t *self, const void *data, size_t size)
{
    wire_reader_t whole = wire_reader(data, size), in = whole;
    wire_str_t word;
    uint32_t fields;
    if (wire_scan(&whole) || whole.at != whole.end || wire_read_array(&in, &fields) || wire_read_bytes(&in, &word))
        return WIRE_E_MALFORMED;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (wire_str_is(word, actions[i].word))
            return fields == actions[i].fields && (i == 0 || self->peer.number)
                ? actions[i].action(self, &in) : WIRE_E_MALFORMED;
    return WIRE_E_MALFORMED;
}

static size_t length_at(const uint8_t *at)
{
    return (size_t) at[0] << 24 | (size_t) at[1] << 16 | (size_t) at[2] << 8 | at[3];
}

//  All complete messages; what is left over moves to the front.
static int take_all(connection_t *self)
{
    wire_buf_t *in = &self->input;
    size_t at = 0;
    int rc = in->failed ? WIRE_E_NO_MEMORY : 0;
    while (!rc && in->size - at >= HEADER) {
        size_t length = length_at(in->data + at);
        if (length > MAX_MESSAGE)
            return WIRE_E_TOO_BIG;
        if (in->size - at - HEADER < length)
            break;
        rc = take(self, in->data + at + HEADER, length);
        at += HEADER + length;
    }
    if (at > 0 && at <= in->size) {
        memmove(in->data, in->data + at, in->size - at);
        in->size -= at;
    }
    return rc;
}

//  ---- Input and output --------------------------------------------------------

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[65536];    //  Used up before the next read: one thread, and we copy
    (void) handle;
    (void) suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_input(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    connection_t *self = stream->data;
    if (size == 0)
        return;
    int rc = 0;
    if (size > 0) {
        wire_buf_append(&self->input, buf->base, (size_t) size);
        rc = take_all(self);
        if (rc)
            fprintf(stderr, "alua: process %d says what it may not: %s\n", self->peer.pid, wire_error_text(rc));
    }
    if (size < 0 || rc)
        close_connection(self);
}

static void on_connection(uv_stream_t *listener, int status)
{
    control_t *self = listener->data;
    connection_t *new = status == 0 ? calloc(1, sizeof *new) : NULL;
    if (!new)
        return;
    new->control = self;
    new->pipe.data = new;
    new->next = self->connections;
    new->link = &self->connections;
    if (new->next)
        new->next->link = &new->next;
    self->connections = new;
    uv_pipe_init(self->loop, &new->pipe, 0);
    if (uv_accept(listener, (uv_stream_t *) &new->pipe)
        || uv_read_start((uv_stream_t *) &new->pipe, give_room, on_input))
        close_connection(new);
}

typedef struct {
    uv_write_t request;         //  First
    uint8_t bytes[];
} output_t;

static void on_written(uv_write_t *request, int status)
{
    (void) status;              //  A connection that broke tells its reader
    free(request);
}

static void tell(connection_t *self, const wire_buf_t *message)
{
    output_t *output = message->failed ? NULL : malloc(sizeof *output + HEADER + message->size);
    if (!output)
        return;
    for (int i = 0; i < HEADER; i++)
        output->bytes[i] = (uint8_t) (message->size >> (24 - 8 * i));
    memcpy(output->bytes + HEADER, message->data, message->size);
    uv_buf_t buf = uv_buf_init((char *) output->bytes, (unsigned) (HEADER + message->size));
    if (uv_write(&output->request, (uv_stream_t *) &self->pipe, &buf, 1, on_written))
        free(output);
}

static void tell_all(control_t *self, wire_buf_t *message)
{
    for (connection_t *c = self->connections; c; c = c->next)
        if (c->peer.number)
            tell(c, message);
    wire_buf_free(message);
}

void control_wave(control_t *self, uint64_t wave)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 2);
    wire_put_cstr(&message, "wave");
    wire_put_uint(&message, wave);
    tell_all(self, &message);
}

void control_waits(control_t *self)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 1);
    wire_put_cstr(&message, "waits");
    tell_all(self, &message);
}

//  Always status 0: 1 is what the node makes of our death.
void control_end(control_t *self)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 2);
    wire_put_cstr(&message, "end");
    wire_put_int(&message, 0);
    tell_all(self, &message);
}

//  ---- Constructor, destructor, looking at them --------------------------------

control_t *control_new(uv_loop_t *loop, const char *path, const control_handler_t *handler, void *arg)
{
    control_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->loop = loop;
    self->handler = *handler;
    self->arg = arg;
    self->listener.data = self;
    int rc = uv_pipe_init(loop, &self->listener, 0);
    assert(rc == 0);
    rc = uv_pipe_bind(&self->listener, path);
    if (!rc)
        rc = uv_listen((uv_stream_t *) &self->listener, 1024, on_connection);
    if (rc) {
        control_destroy(&self);
        errno = -rc;
    }
    return self;
}

static void free_control(uv_handle_t *handle)
{
    free(handle->data);
}

void control_destroy(control_t **self_p)
{
    control_t *self = *self_p;
    if (!self)
        return;
    for (connection_t *c = self->connections; c; c = c->next)
        c->peer.number = 0;     //  No more callbacks
    while (self->connections)
        close_connection(self->connections);
    uv_close((uv_handle_t *) &self->listener, free_control);
    *self_p = NULL;
}

size_t control_count(const control_t *self)
{
    size_t count = 0;
    for (const connection_t *c = self->connections; c; c = c->next)
        count++;
    return count;
}

void control_each(control_t *self, void (*fn)(void *arg, control_peer_t *peer), void *arg)
{
    for (connection_t *c = self->connections; c; c = c->next)
        if (c->peer.number)
            fn(arg, &c->peer);
}
