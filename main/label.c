//  label - whole, labelled lines on an output that several processes share. See label.h

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "label.h"
#include "wire_buf.h"

#define MAX_LABEL 300
//  A line that does not end is written in pieces of this size, so that memory stays bounded.
#define MAX_LINE (1024 * 1024)

typedef struct {
    int fd;                     //  Where it goes
    wire_buf_t line;            //  The beginning of a line
    wire_buf_t out;             //  Whole lines with their labels
} outlet_t;

static char label[MAX_LABEL];
static int lock = -1;
static outlet_t outlets[2];

static void write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EAGAIN)     //  Somebody made the shared end non-blocking
            poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, -1);
        else if (written < 0 && errno != EINTR)
            return;                             //  Nobody reads any more
        if (written > 0) {
            data += written;
            size -= (size_t) written;
        }
    }
}

//  Up to PIPE_BUF a write is whole by itself: such writers only keep out of the long ones' way.
static void take_turn(size_t size)
{
    while (lock >= 0 && flock(lock, size <= PIPE_BUF ? LOCK_SH : LOCK_EX) && errno == EINTR)
        ;
}

static void write_out(outlet_t *self)
{
    if (!self->out.size)
        return;
    take_turn(self->out.size);
    write_all(self->fd, self->out.data, self->out.size);
    if (lock >= 0)
        flock(lock, LOCK_UN);
    wire_buf_clear(&self->out);
}

//  A line is complete. A batch stays below PIPE_BUF where its lines do.
static void end_line(outlet_t *self)
{
    size_t size = strlen(label) + self->line.size;
    if (self->out.size + size > PIPE_BUF)
        write_out(self);
    wire_buf_append(&self->out, label, strlen(label));
    wire_buf_append(&self->out, self->line.data, self->line.size);
    wire_buf_clear(&self->line);
}

static ssize_t on_write(void *cookie, const char *data, size_t size)
{
    outlet_t *self = cookie;
    const char *at = data, *end = data + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t) (end - at));
        const char *stop = newline ? newline + 1 : end;
        wire_buf_append(&self->line, at, (size_t) (stop - at));
        if (newline || self->line.size >= MAX_LINE)
            end_line(self);
        at = stop;
    }
    write_out(self);
    return (ssize_t) size;
}

//  A last line without an end gets one: the next process's line must not stick to it.
static void finish(outlet_t *self)
{
    if (self->line.size) {
        wire_buf_append(&self->line, "\n", 1);
        end_line(self);
    }
    write_out(self);
}

void label_finish(void)
{
    fflush(stdout);
    fflush(stderr);
    for (size_t i = 0; i < 2 && outlets[i].fd; i++)
        finish(&outlets[i]);
}

static FILE *open_stream(outlet_t *self, int fd)
{
    *self = (outlet_t) { .fd = fd };
    FILE *stream = fopencookie(self, "w", (cookie_io_functions_t) { .write = on_write });
    if (stream)
        setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    return stream;
}

bool label_start(const char *text, const char *lock_path)
{
    label_set(text);
    FILE *out = open_stream(&outlets[0], STDOUT_FILENO);
    FILE *err = open_stream(&outlets[1], STDERR_FILENO);
    if (!out || !err || atexit(label_finish))
        return false;
    if (lock_path)
        lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    stdout = out;
    stderr = err;
    return true;
}

void label_set(const char *text)
{
    snprintf(label, sizeof label, "%s", text);
}
