//  hub_lookup - the addresses of a host that is dialled by name: those of IPv4, and when they came to nothing those of IPv6
//
//  A name server may take its time, and libzmq would ask it in the thread that serves all links. So each question has a
//  thread of its own, and who wants to know looks now and then whether it is answered. Either may be through with it
//  first: the memory goes with the last of the two.

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include "hub_self.h"

struct hub_lookup {
    atomic_int owners;
    atomic_bool done;
    int family;
    char host[ENDPOINT_HOST], port[ENDPOINT_PORT];
    struct addrinfo *found, *next;      //  Once it is done
};

//  Brackets are around numbers.
static bool split(const char *endpoint, char host[ENDPOINT_HOST], const char **port)
{
    endpoint_number_t number;
    return endpoint_split(endpoint, host, port) && endpoint[6] != '[' && !endpoint_number(host, &number);
}

bool hub_lookup_is_name(const char *endpoint)
{
    char host[ENDPOINT_HOST];
    const char *port;
    return split(endpoint, host, &port);
}

static void leave(hub_lookup_t *self)
{
    if (atomic_fetch_sub(&self->owners, 1) > 1)
        return;
    if (self->found)
        freeaddrinfo(self->found);
    free(self);
}

static void *ask(void *arg)
{
    hub_lookup_t *self = arg;
    struct addrinfo hints = { .ai_family = self->family, .ai_socktype = SOCK_STREAM };
    if (getaddrinfo(self->host, NULL, &hints, &self->found))
        self->found = NULL;
    self->next = self->found;
    atomic_store(&self->done, true);
    leave(self);
    return NULL;
}

//  Signals are the other threads' business.
static bool start_thread(hub_lookup_t *self)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, ask, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

static hub_lookup_t *lookup_new(const char *endpoint, int family)
{
    hub_lookup_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->owners = 2;
    self->family = family;
    const char *port;
    if (split(endpoint, self->host, &port)) {
        strcpy(self->port, port);
        if (start_thread(self))
            return self;
    }
    free(self);
    return NULL;
}

bool hub_lookup_begin(hub_lookup_t **self_p, const char *endpoint)
{
    int family = *self_p && (*self_p)->family == AF_INET ? AF_INET6 : AF_INET;
    hub_lookup_destroy(self_p);
    *self_p = lookup_new(endpoint, family);
    return *self_p != NULL;
}

bool hub_lookup_is_asked(const hub_lookup_t *self)
{
    return self && !atomic_load(&self->done);
}

bool hub_lookup_next(hub_lookup_t *self, char number[HUB_TEXT])
{
    char host[NI_MAXHOST];
    bool found = false;
    while (self && !hub_lookup_is_asked(self) && self->next && !found) {
        found = getnameinfo(self->next->ai_addr, self->next->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0;
        self->next = self->next->ai_next;
    }
    if (found)
        snprintf(number, HUB_TEXT, self->family == AF_INET6 ? "tcp://[%.200s]:%s" : "tcp://%.200s:%s", host, self->port);
    return found;
}

bool hub_lookup_has_more(const hub_lookup_t *self)
{
    return self && !hub_lookup_is_asked(self) && (self->next || self->family == AF_INET);
}

void hub_lookup_destroy(hub_lookup_t **self_p)
{
    if (*self_p)
        leave(*self_p);
    *self_p = NULL;
}
