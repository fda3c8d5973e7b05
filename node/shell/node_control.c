//  node_control - the launcher's socket (../CONTROL.md): reports of activity out, orders in
//
//  A thread of its own watches for the launcher's death, because a process that computes would not see it.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "node_shell.h"

//  After the launcher's death Lua has so long to end in order, ms.
#define GRACE 3000
#define MAX_ORDER 65536

struct node_control {
    alua_node_t *node;
    uv_pipe_t pipe;
    int watched;                //  A copy of the socket, for the thread
    bool dead;
    size_t size;
    char input[4096];
};

typedef struct {
    uv_write_t request;
    uint8_t bytes[];
} write_t;

//  ---- The watching thread -------------------------------------------------------------

typedef void before_kill_fn(void);

static _Atomic(before_kill_fn *) before_kill;   //  May be set while the thread runs

void alua_node_before_kill(void (*fn)(void))
{
    before_kill = fn;
}

static void *watch(void *arg)
{
    struct pollfd item = { .fd = (int) (intptr_t) arg, .events = 0 };
    while (poll(&item, 1, -1) < 0 || !(item.revents & (POLLHUP | POLLERR | POLLNVAL)))
        ;
    poll(NULL, 0, GRACE);
    before_kill_fn *fn = before_kill;
    if (fn)
        fn();
    kill(getpid(), SIGKILL);
    return NULL;
}

static void start_watching(node_control_t *self)
{
    pthread_t thread;
    pthread_attr_t attributes;
    self->watched = fcntl(self->pipe.io_watcher.fd, F_DUPFD_CLOEXEC, 0);    //  Children that outlive us must not hold it
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &attributes, watch, (void *) (intptr_t) self->watched);
    pthread_attr_destroy(&attributes);
}

//  ---- Out -------------------------------------------------------------------------------

static void on_written(uv_write_t *request, int status)
{
    (void) status;
    free(request);
}

static void send_bytes(node_control_t *self, const wire_buf_t *message)
{
    if (!self || self->dead || message->failed)
        return;
    write_t *write = malloc(sizeof *write + 4 + message->size);
    if (!write)
        return;
    uint32_t size = htonl((uint32_t) message->size);
    memcpy(write->bytes, &size, 4);
    memcpy(write->bytes + 4, message->data, message->size);
    uv_buf_t buf = uv_buf_init((char *) write->bytes, (unsigned) (message->size + 4));
    if (uv_write(&write->request, (uv_stream_t *) &self->pipe, &buf, 1, on_written))
        free(write);
}

static void say(node_control_t *self, wire_buf_t *message)
{
    send_bytes(self, message);
    wire_buf_free(message);
}

void node_control_idle(alua_node_t *node)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    if (!node->control)
        return;
    wire_put_array(&message, 1);
    wire_put_cstr(&message, "idle");
    say(node->control, &message);
}

void node_control_opened(alua_node_t *node)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    if (!node->control)
        return;
    wire_put_array(&message, 4);
    wire_put_cstr(&message, "open");
    wire_put_text(&message, node->core.id, strlen(node->core.id));
    wire_put_text(&message, node->core.node, strlen(node->core.node));
    wire_put_uint(&message, node->incarnation);
    say(node->control, &message);
}

static void say_hello(node_control_t *self)
{
    const alua_boot_t *boot = alua_boot();
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 4);
    wire_put_cstr(&message, "hello");
    wire_put_uint(&message, (uint64_t) getpid());
    wire_put_uint(&message, boot ? (uint64_t) boot->rank : 0);
    wire_put_uint(&message, (uint64_t) getppid());
    say(self, &message);
}

//  In the launcher's own network only its processes can put what is waited for.
bool node_is_stuck(const alua_node_t *node)
{
    const alua_boot_t *boot = alua_boot();
    return boot && boot->broker && node->broker_endpoint && strcmp(boot->broker, node->broker_endpoint) == 0
        && node_core_only_takes(&node->core);
}

static void put_row(wire_buf_t *rows, const char *peer, uint64_t sent, uint64_t received)
{
    wire_put_array(rows, 3);
    wire_put_text(rows, peer, strlen(peer));
    wire_put_uint(rows, sent);
    wire_put_uint(rows, received);
}

static uint32_t put_links(const node_core_t *core, wire_buf_t *rows)
{
    uint32_t count = 0;
    for (const node_link_t *link = core->links; link; link = link->next) {
        char key[400];
        if (!link->up)
            continue;
        snprintf(key, sizeof key, "%s#%llu", link->node, (unsigned long long) link->incarnation);
        put_row(rows, key, link->sent, link->received);
        count++;
    }
    return count;
}

static uint32_t put_relayed(const node_core_t *core, wire_buf_t *rows)
{
    uint32_t count = 0;
    for (size_t i = 0; i < core->remotes.size; i++)
        for (const alua_remote_t *remote = core->remotes.buckets[i]; remote; remote = remote->next) {
            char key[WIRE_MAX_NAME + 16];
            if (!remote->relayed_sent && !remote->relayed_received)
                continue;
            snprintf(key, sizeof key, "relay:%s", remote->id);
            put_row(rows, key, remote->relayed_sent, remote->relayed_received);
            count++;
        }
    return count;
}

static void put_counts(const node_core_t *core, wire_buf_t *out)
{
    wire_buf_t rows = WIRE_BUF_EMPTY;
    uint32_t count = put_links(core, &rows) + put_relayed(core, &rows) + 1;
    put_row(&rows, "broker", core->broker_sent, core->broker_received);
    wire_put_array(out, count);
    wire_buf_append(out, rows.data, rows.size);
    out->failed |= rows.failed;
    wire_buf_free(&rows);
}

static uint32_t put_waits(alua_node_t *node, wire_buf_t *out)
{
    wire_buf_t list = WIRE_BUF_EMPTY;
    uint32_t count = node->core.handler.waits ? node->core.handler.waits(node->core.handler_arg, &list) : 0;
    wire_put_array(out, count);
    wire_buf_append(out, list.data, list.size);
    wire_buf_free(&list);
    return count;
}

static void report(node_control_t *self, uint64_t wave)
{
    alua_node_t *node = self->node;
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 8);
    wire_put_cstr(&message, "report");
    wire_put_uint(&message, wave);
    wire_put_bool(&message, node_core_active(&node->core));
    wire_put_bool(&message, node->serving);
    put_counts(&node->core, &message);
    wire_put_uint(&message, node->core.starting);
    wire_put_uint(&message, node->core.pendings.holding + (size_t) (node->core.holds > 0 ? node->core.holds : 0));
    wire_put_uint(&message, node_is_stuck(node));
    say(self, &message);
}

static void say_waits(node_control_t *self)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_put_array(&message, 2);
    wire_put_cstr(&message, "waits");
    put_waits(self->node, &message);
    say(self, &message);
}

//  Written at once and blocking: the process is about to end, no loop will come.
void alua_node_exit_status(alua_node_t *node, int status)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    node->status = status;
    if (!node->control || node->control->dead)
        return;
    wire_put_u32(&message, 0);
    message.size = 0;
    wire_put_array(&message, 2);
    wire_put_cstr(&message, "exit");
    wire_put_uint(&message, (uint64_t) (unsigned) status);
    uint8_t bytes[64];
    uint32_t size = htonl((uint32_t) message.size);
    memcpy(bytes, &size, 4);
    memcpy(bytes + 4, message.data, message.size);
    uv_stream_set_blocking((uv_stream_t *) &node->control->pipe, 1);
    uv_buf_t buf = uv_buf_init((char *) bytes, (unsigned) (message.size + 4));
    uv_try_write((uv_stream_t *) &node->control->pipe, &buf, 1);
    wire_buf_free(&message);
}

//  ---- In --------------------------------------------------------------------------------

static void obey(node_control_t *self, wire_reader_t at)
{
    uint32_t count;
    wire_str_t word;
    uint64_t number = 0;
    if (wire_read_array(&at, &count) || count == 0 || wire_read_bytes(&at, &word))
        return;
    if (count > 1)
        (void) wire_read_uint(&at, &number);
    if (wire_str_is(word, "wave"))
        report(self, number);
    else if (wire_str_is(word, "waits"))
        say_waits(self);
    else if (wire_str_is(word, "end"))
        node_core_event(&self->node->core, ALUA_ORDER, (uint32_t) number);
}

static void read_orders(node_control_t *self)
{
    size_t at = 0;
    while (self->size - at >= 4) {
        uint32_t size;
        memcpy(&size, self->input + at, 4);
        size = ntohl(size);
        if (size > sizeof self->input - 4 || self->size - at - 4 < size)
            break;
        obey(self, wire_reader(self->input + at + 4, size));
        at += 4 + size;
    }
    self->size -= at;
    memmove(self->input, self->input + at, self->size);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    node_control_t *self = handle->data;
    (void) suggested;
    *buf = uv_buf_init(self->input + self->size, (unsigned) (sizeof self->input - self->size));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    node_control_t *self = stream->data;
    (void) buf;
    if (got > 0) {
        self->size += (size_t) got;
        read_orders(self);
    } else if (got < 0) {
        self->dead = true;
        uv_read_stop(stream);
        node_core_event(&self->node->core, ALUA_ORDER, 1);
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &address, sizeof address)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

//  A connect on the same host to a listening launcher does not wait.
int alua_node_control(alua_node_t *node, const char *path)
{
    int fd = connect_to(path);
    node_control_t *self = fd >= 0 ? calloc(1, sizeof *self) : NULL;
    if (!self)
        return WIRE_E_SYSTEM;
    self->node = node;
    uv_pipe_init(&node->loop, &self->pipe, 0);
    self->pipe.data = self;
    uv_pipe_open(&self->pipe, fd);
    self->watched = -1;
    node->control = self;
    start_watching(self);
    uv_read_start((uv_stream_t *) &self->pipe, on_alloc, on_read);
    say_hello(self);
    return 0;
}

static void on_freed(uv_handle_t *handle)
{
    free(handle->data);
}

void node_control_free(alua_node_t *node)
{
    if (!node->control)
        return;
    uv_close((uv_handle_t *) &node->control->pipe, on_freed);
    node->control = NULL;
}
