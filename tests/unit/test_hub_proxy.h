//  test_hub_proxy - a TCP relay in a thread of its own that cuts connections
//
//  Each connection lives a random time between `shortest` and `longest` ms and then dies
//  in both directions at once, with what was on its way. Or it stalls, when told.

#ifndef TEST_HUB_PROXY_H
#define TEST_HUB_PROXY_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROXY_PAIRS 16

typedef struct {
    int fd[2];
    int64_t until;
    size_t held[2];             //  Bytes for fd[i] that it did not take yet
    uint8_t bytes[2][16384];
} proxy_pair_t;

typedef struct {
    pthread_t thread;
    int listener;
    uint16_t target;
    char endpoint[64];
    atomic_int shortest, longest;
    atomic_bool quit, calm;     //  calm: cut no more
    atomic_bool slow;           //  Some 25 MiB/s at most
    atomic_bool cut_now;        //  All that stand, once
    atomic_bool stalled;        //  Pass nothing on, as if the network were gone
    atomic_uint cuts;
    unsigned seed;
    proxy_pair_t pairs[PROXY_PAIRS];
} proxy_t;

static inline int64_t proxy_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void proxy_cut(proxy_pair_t *pair)
{
    struct linger at_once = { 1, 0 };
    for (int i = 0; i < 2; i++) {
        if (pair->fd[i] >= 0) {
            setsockopt(pair->fd[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            close(pair->fd[i]);
        }
        pair->fd[i] = -1;
        pair->held[i] = 0;
    }
}

static inline int proxy_connect(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline void proxy_accept(proxy_t *self)
{
    int fd = accept(self->listener, NULL, NULL);
    for (int i = 0; i < PROXY_PAIRS && fd >= 0; i++) {
        proxy_pair_t *pair = &self->pairs[i];
        if (pair->fd[0] >= 0)
            continue;
        int there = proxy_connect(self->target);
        if (there < 0)
            break;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(there, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        fcntl(there, F_SETFL, O_NONBLOCK);
        pair->fd[0] = fd;
        pair->fd[1] = there;
        pair->until = proxy_now() + self->shortest + rand_r(&self->seed) % (self->longest - self->shortest + 1);
        return;
    }
    if (fd >= 0)
        close(fd);
}

//  Move bytes from one side to the other. False: the connection is over.
static inline bool proxy_move(proxy_pair_t *pair, int from)
{
    int to = 1 - from;
    if (pair->held[to] == 0) {
        ssize_t size = recv(pair->fd[from], pair->bytes[to], sizeof pair->bytes[to], 0);
        if (size <= 0)
            return size < 0 && errno == EAGAIN;
        pair->held[to] = (size_t) size;
    }
    ssize_t size = send(pair->fd[to], pair->bytes[to], pair->held[to], MSG_NOSIGNAL);
    if (size < 0)
        return errno == EAGAIN;
    pair->held[to] -= (size_t) size;
    memmove(pair->bytes[to], pair->bytes[to] + size, pair->held[to]);
    return true;
}

static inline void *proxy_run(void *arg)
{
    proxy_t *self = arg;
    while (!self->quit) {
        struct pollfd items[1 + 2 * PROXY_PAIRS];
        bool stalled = self->stalled;
        items[0] = (struct pollfd) { self->listener, POLLIN, 0 };
        for (int i = 0; i < PROXY_PAIRS; i++)
            for (int side = 0; side < 2; side++) {
                proxy_pair_t *pair = &self->pairs[i];
                short events = pair->held[1 - side] ? 0 : POLLIN;
                if (pair->held[side])
                    events |= POLLOUT;
                items[1 + 2 * i + side] = (struct pollfd) { stalled ? -1 : pair->fd[side], events, 0 };
            }
        poll(items, 1 + 2 * PROXY_PAIRS, 1);
        if (self->slow)
            usleep(500);
        if (items[0].revents)
            proxy_accept(self);
        bool cut_now = atomic_exchange(&self->cut_now, false);
        for (int i = 0; i < PROXY_PAIRS; i++) {
            proxy_pair_t *pair = &self->pairs[i];
            if (pair->fd[0] < 0 || stalled)
                continue;
            bool over = !proxy_move(pair, 0) || !proxy_move(pair, 1);
            if (!over && (cut_now || (!self->calm && proxy_now() >= pair->until))) {
                over = true;
                self->cuts++;
            }
            if (over)
                proxy_cut(pair);
        }
    }
    return NULL;
}

//  Relay to the endpoint "tcp://127.0.0.1:PORT".
static inline void proxy_open(proxy_t *self, const char *target, int shortest, int longest)
{
    memset(self, 0, sizeof *self);
    self->shortest = shortest;
    self->longest = longest;
    self->seed = 42;
    self->target = (uint16_t) atoi(strrchr(target, ':') + 1);
    for (int i = 0; i < PROXY_PAIRS; i++)
        self->pairs[i].fd[0] = self->pairs[i].fd[1] = -1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(self->listener, (struct sockaddr *) &address, size) || listen(self->listener, 64)
            || getsockname(self->listener, (struct sockaddr *) &address, &size))
        abort();
    snprintf(self->endpoint, sizeof self->endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&self->thread, NULL, proxy_run, self);
}

static inline void proxy_close(proxy_t *self)
{
    self->quit = true;
    pthread_join(self->thread, NULL);
    for (int i = 0; i < PROXY_PAIRS; i++)
        proxy_cut(&self->pairs[i]);
    close(self->listener);
}

#endif
