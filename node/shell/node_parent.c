//  node_parent - the pipe to whoever spawned us: one line out, and its end tells us of theirs

#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

struct node_parent {
    alua_node_t *node;
    uv_pipe_t pipe;
    bool told;
    char ignored[64];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    node_parent_t *self = handle->data;
    (void) suggested;
    *buf = uv_buf_init(self->ignored, sizeof self->ignored);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    node_parent_t *self = stream->data;
    (void) buf;
    if (got >= 0)
        return;
    uv_read_stop(stream);
    node_core_event(&self->node->core, ALUA_PARENT, 0);     //  Behind all it sent, which is in the mailbox
}

bool node_parent_watch(alua_node_t *node, int fd)
{
    if (fd < 0)
        return true;
    node_parent_t *self = calloc(1, sizeof *self);
    if (!self)
        return false;
    self->node = node;
    uv_pipe_init(&node->loop, &self->pipe, 0);
    self->pipe.data = self;
    node->parent = self;
    return uv_pipe_open(&self->pipe, fd) == 0
        && uv_read_start((uv_stream_t *) &self->pipe, on_alloc, on_read) == 0;
}

static void write_line(node_parent_t *self, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *) text, (unsigned) strlen(text));
    (void) uv_try_write((uv_stream_t *) &self->pipe, &buf, 1);      //  Far smaller than an empty pipe
}

void node_parent_tell(alua_node_t *node, const alua_outcome_t *opened)
{
    node_parent_t *self = node->parent;
    char line[1024];
    if (!self || self->told)
        return;
    self->told = true;
    if (opened->code)
        snprintf(line, sizeof line, "error\t%s\t%.800s\n", wire_error_word(opened->code),
                 opened->text ? opened->text : wire_error_text(opened->code));
    else
        snprintf(line, sizeof line, "ok\t%s\t%s\n", node->core.id, node->core.node);
    write_line(self, line);
}

static void on_freed(uv_handle_t *handle)
{
    free(handle->data);
}

void node_parent_free(alua_node_t *node)
{
    if (node->parent)
        uv_close((uv_handle_t *) &node->parent->pipe, on_freed);
    node->parent = NULL;
}
