//  alua-jail - the fork server of the jail: started by a client (jail.h), never by hand
//
//      alua-jail MEMORY CODE           bytes: of one worker's Lua state, of one text
//
//  Descriptor 3 is the client's control socket. FORK makes a worker and hands the client its end of
//  the worker's socket; KILL ends one; DEAD tells of each that was reaped. No foreign text comes
//  here, so nothing here can hang; when the client is gone, so are we, and our workers with us.

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"
#include "jail_frame.h"
#include "worker.h"

//  What the C library and Lua's buffers take beside the counted memory.
#define MEMORY_BESIDE ((size_t) 64 * 1024 * 1024)
#define MAX_WORKERS 1024

//  ms without an order after which the next worker's Lua state is made: by then who waited has been served, most times.
#define QUIET 2

//  What a new Lua state takes, with room, behind a gap.
#define ARENA ((size_t) (UINT16_MAX + 128 * 1024))

typedef struct {
    cell_t cell;
    worker_config_t config;
    arena_t arena;              //  Of its Lua state
    worker_t next;              //  The one that the next child will be, with its Lua state
    bool ready;                 //  It is made, and nobody's yet
    bool due;                   //  It shall be made in the next quiet moment
    int signals;
    struct { uint32_t id; pid_t pid; } born[MAX_WORKERS];
    size_t count;
} server_t;

static void die(const char *what, int error)
{
    fprintf(stderr, "alua-jail: %s: %s\n", what, strerror(error));
    exit(3);
}

//  ---- Words with the client -------------------------------------------------

//  The client is gone when it cannot be told.
static void tell(jail_order_type_t type, uint32_t id, int32_t status, int fd)
{
    jail_order_t order = { type, id, status };
    struct iovec bytes = { &order, sizeof order };
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
    memset(&control, 0, sizeof control);
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head = (struct cmsghdr) { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    ssize_t sent;
    do
        sent = sendmsg(JAIL_SERVER_FD, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        exit(0);
}

//  ---- Workers ---------------------------------------------------------------

static void draw(void *bytes, size_t size)
{
    struct timespec now;
    if (getrandom(bytes, size, 0) == (ssize_t) size)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(bytes, &now.tv_nsec, size < sizeof now.tv_nsec ? size : sizeof now.tv_nsec);
}

//  Each is for one child alone. Lua seeds its hashes from the time in seconds and from where the state lies: without the
//  gap all workers of a second would share a seed.
static int prepare(server_t *self)
{
    uint16_t gap = 0;
    if (self->ready)
        return 0;
    draw(&gap, sizeof gap);
    arena_forget(&self->arena, gap);
    int rc = worker_open(&self->next, CELL_FD, &self->config);
    self->ready = rc == 0;
    return rc;
}

//  It is the child's now.
static void forget(server_t *self)
{
    worker_close(&self->next);
    arena_forget(&self->arena, 0);
    self->ready = false;
    self->due = true;
}

static void live(server_t *self, int fd)
{
    uint64_t seed[2] = { 0, 0 };
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    draw(seed, sizeof seed);
    arena_warm(&self->arena);
    if (prepare(self) || worker_seed(&self->next, seed) || cell_enter(&self->cell, fd))
        _exit(4);
    worker_serve(&self->next);
    _exit(0);
}

static void give_birth(server_t *self, uint32_t id)
{
    int ends[2];
    if (self->count == MAX_WORKERS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
        tell(JAIL_ORDER_DEAD, id, -(self->count == MAX_WORKERS ? EAGAIN : errno), -1);
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        live(self, ends[1]);
    int error = errno;
    close(ends[1]);
    if (pid > 0) {
        self->born[self->count].id = id;
        self->born[self->count++].pid = pid;
        tell(JAIL_ORDER_BORN, id, (int32_t) pid, ends[0]);
        forget(self);
    }
    else
        tell(JAIL_ORDER_DEAD, id, -error, -1);
    close(ends[0]);
}

//  Who is in the list is not reaped yet, so the pid is nobody else's.
static void end_worker(server_t *self, uint32_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->born[i].id == id)
            kill(self->born[i].pid, SIGKILL);
}

static void bury(server_t *self, pid_t pid, int status)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->born[i].pid == pid) {
            tell(JAIL_ORDER_DEAD, self->born[i].id, status, -1);
            self->born[i] = self->born[--self->count];
            return;
        }
}

static void reap(server_t *self)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    if (read(self->signals, &info, sizeof info) < 0 && errno != EINTR && errno != EAGAIN)
        die("signalfd", errno);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        bury(self, pid, status);
}

//  ---- The loop --------------------------------------------------------------

static void obey(server_t *self)
{
    jail_order_t order;
    ssize_t size = recv(JAIL_SERVER_FD, &order, sizeof order, 0);
    if (size < 0 && errno == EINTR)
        return;
    if (size != sizeof order)
        exit(0);                        //  The client is gone
    if (order.type == JAIL_ORDER_FORK) {
        give_birth(self, order.id);
        if (order.status == JAIL_AHEAD)
            prepare(self);
    }
    else if (order.type == JAIL_ORDER_KILL)
        end_worker(self, order.id);
}

static void serve(server_t *self)
{
    struct pollfd ready[2] = { { JAIL_SERVER_FD, POLLIN, 0 }, { self->signals, POLLIN, 0 } };
    for (;;) {
        int count = poll(ready, 2, self->due ? QUIET : -1);
        if (count < 0 && errno != EINTR)
            die("poll", errno);
        if (count == 0) {
            prepare(self);              //  If it cannot, the child tries again
            self->due = false;
        }
        if (ready[1].revents)
            reap(self);
        if (ready[0].revents)
            obey(self);
    }
}

static int watch_children(void)
{
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

//  Of the client we want its socket and its standard error, whatever else it has open.
static void close_inherited(void)
{
    struct rlimit most;
    if (syscall(SYS_close_range, JAIL_SERVER_FD + 1, ~0U, 0) == 0)
        return;
    int end = getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_cur < 65536 ? (int) most.rlim_cur : 65536;
    for (int fd = JAIL_SERVER_FD + 1; fd < end; fd++)
        close(fd);
}

static size_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    return *end || value > SIZE_MAX / 4 ? 0 : (size_t) value;
}

static void check_usage(int argc, char **argv, worker_config_t *worker)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (argc == 3 && getsockopt(JAIL_SERVER_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
        worker->memory = number(argv[1]);
        worker->code = number(argv[2]);
        if (worker->memory && worker->code)
            return;
    }
    fprintf(stderr, "alua-jail runs foreign Lua text for alua, which starts it; there is nothing to start by hand.\n");
    exit(2);
}

int main(int argc, char **argv)
{
    static server_t server;
    check_usage(argc, argv, &server.config);
    close_inherited();
    setenv("TZ", "UTC0", 1);            //  So that the C library reads no file for the time
    tzset();
    int rc = cell_drop_root();
    if (rc)
        die("cannot give up privileges", rc);
    rc = cell_init(&server.cell, server.config.memory + MEMORY_BESIDE, getpid());
    if (rc == 0)
        rc = cell_guard_server(&server.cell);
    if (rc)
        die("cannot compile the filter of system calls", rc);
    server.signals = watch_children();
    if (server.signals < 0)
        die("signalfd", errno);
    arena_open(&server.arena, ARENA);
    server.config.arena = server.arena.base ? &server.arena : NULL;
    server.due = true;
    serve(&server);
}
