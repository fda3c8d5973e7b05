//  jail_server - the fork server: its start, its orders, its end

#include "jail_self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ORDERS 64           //  That are taken in one go

//  ---- The start -------------------------------------------------------------

//  Nothing of ours but the socket and standard error; no environment; signals as they come.
static int set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int fd)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawn_file_actions_adddup2(files, fd, JAIL_SERVER_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, 0, 1);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    //  A group of its own: a terminal's interrupt is for the client, who may want to tidy up.
    return rc ? rc : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                                              | POSIX_SPAWN_SETPGROUP);
}

static int spawn(jail_t *self, const char *path, int fd)
{
    char memory[32], code[32];
    char *const argv[] = { (char *) "alua-jail", memory, code, NULL }, *const nothing[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    snprintf(memory, sizeof memory, "%zu", self->config.memory);
    snprintf(code, sizeof code, "%zu", self->config.code);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = set_up(&files, &attributes, fd);
        if (rc == 0)
            rc = posix_spawn(&self->server, path, &files, &attributes, argv, nothing);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

//  ---- Its words -------------------------------------------------------------

static int fd_of(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

//  One packet: its size, 0 at the end, -1 with errno. *fd is -1, or ours to close.
static ssize_t receive(int control, jail_order_t *order, int *fd)
{
    struct iovec bytes = { order, sizeof *order };
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } rights;
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &rights,
                              .msg_controllen = sizeof rights };
    ssize_t size = recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *fd = size >= 0 ? fd_of(&message) : -1;
    return size;
}

static bool take_born(jail_t *self, const jail_order_t *order, int fd)
{
    jail_worker_t *worker = jail_worker_find(self, order->id);
    if (fd < 0 || !worker || (worker->state != JAIL_ASKED && worker->state != JAIL_DYING) || worker->fd >= 0)
        return false;
    return worker->state == JAIL_ASKED && jail_worker_born(worker, fd, (pid_t) order->status) == 0;
}

static void note_death(jail_t *self, const jail_order_t *order)
{
    int status = order->status;
    if (status < 0)
        snprintf(self->error, sizeof self->error, "alua-jail cannot fork: %s", strerror(-status));
    else if (WIFEXITED(status))
        snprintf(self->error, sizeof self->error, "a worker of alua-jail ended with status %d", WEXITSTATUS(status));
    else
        snprintf(self->error, sizeof self->error, "a worker of alua-jail was ended by signal %d", WTERMSIG(status));
}

static bool take_order(jail_t *self, const jail_order_t *order, ssize_t size, int fd)
{
    if (size == sizeof *order && order->type == JAIL_ORDER_BORN) {
        bool kept = take_born(self, order, fd);
        if (!kept && fd >= 0)
            close(fd);
        return kept || (fd >= 0 && jail_worker_find(self, order->id));
    }
    if (fd >= 0)
        close(fd);
    if (size != sizeof *order || order->type != JAIL_ORDER_DEAD)
        return false;
    jail_worker_t *worker = jail_worker_find(self, order->id);
    if (worker && !worker->dead) {
        note_death(self, order);
        jail_worker_dead(worker);
    }
    return worker != NULL;
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    jail_t *self = poll->data;
    (void) status, (void) events;
    for (int left = MAX_ORDERS; left && self->control == poll && self->control_fd >= 0; left--) {
        jail_order_t order;
        int fd;
        ssize_t size = receive(self->control_fd, &order, &fd);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (size <= 0)
            jail_server_end(self, "alua-jail ended");
        else if (!take_order(self, &order, size, fd))
            jail_server_end(self, "alua-jail spoke nonsense");
    }
    jail_schedule(self);
}

//  ---- Our words -------------------------------------------------------------

static void on_control_closed(uv_handle_t *handle)
{
    jail_t *self = handle->data;
    self->handles--;
    free(handle);
    jail_maybe_free(self);
}

static int watch(jail_t *self, int fd)
{
    uv_poll_t *control = malloc(sizeof *control);
    if (!control || uv_poll_init(self->loop, control, fd)) {
        free(control);
        return WIRE_E_NO_MEMORY;
    }
    control->data = self;
    uv_poll_start(control, UV_READABLE, on_control);
    uv_unref((uv_handle_t *) control);
    self->control = control;
    self->control_fd = fd;
    self->handles++;
    return 0;
}

//  SIGKILL does not take long; where we may not (it is nobody, we are not root) it ends by itself,
//  since its socket is closed, and is reaped when we come by.
void jail_server_reap(jail_t *self)
{
    int status;
    if (self->orphan && waitpid(self->orphan, &status, WNOHANG) != 0)
        self->orphan = 0;
}

static void kill_server(jail_t *self)
{
    int status;
    pid_t server = self->server;
    self->server = 0;
    if (server == 0)
        return;
    if (kill(server, SIGKILL) == 0)
        while (waitpid(server, &status, 0) < 0 && errno == EINTR)
            ;
    else
        self->orphan = server;
    jail_server_reap(self);
}

int jail_server_start(jail_t *self)
{
    char path[PATH_MAX];
    int ends[2];
    jail_server_reap(self);
    jail_program_find(self->program, path, sizeof path);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
        snprintf(self->error, sizeof self->error, "no socket: %s", strerror(errno));
        return WIRE_E_SYSTEM;
    }
    int rc = spawn(self, path, ends[1]);
    close(ends[1]);
    if (rc == 0 && watch(self, ends[0]) == 0) {
        self->stat.starts++;
        return 0;
    }
    snprintf(self->error, sizeof self->error, "%.180s: %s", path, strerror(rc ? rc : ENOMEM));
    close(ends[0]);
    if (rc)
        self->server = 0;               //  What a failed posix_spawn leaves there is undefined
    kill_server(self);
    return WIRE_E_SYSTEM;
}

//  A server that has not read so many orders hangs; one that is dead is found by reading.
void jail_server_order(jail_t *self, jail_order_t order)
{
    if (self->control_fd >= 0)
        (void) !send(self->control_fd, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL);
}

//  ---- The end ---------------------------------------------------------------

static jail_worker_t *find_living(jail_t *self)
{
    for (jail_worker_t *worker = self->workers; worker; worker = worker->next)
        if (!worker->dead)
            return worker;
    return NULL;
}

//  Workers die with their server. One that was never born counts as a failure, so that a program
//  that dies at once is not started for ever.
void jail_server_end(jail_t *self, const char *text)
{
    jail_worker_t *worker;
    if (self->control_fd >= 0) {
        uv_close((uv_handle_t *) self->control, on_control_closed);
        close(self->control_fd);
        self->control_fd = -1;
        self->control = NULL;
    }
    kill_server(self);
    if (self->failures == 0 || !self->error[0])
        snprintf(self->error, sizeof self->error, "%s", text);
    while ((worker = find_living(self)) != NULL)
        jail_worker_dead(worker);
}
