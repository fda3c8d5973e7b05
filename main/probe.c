//  probe - does anybody listen at an endpoint? See probe.h

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "probe.h"

static bool connects(const struct sockaddr *address, socklen_t size, int ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (fd < 0)
        return false;
    socklen_t length = sizeof error;
    bool yes = connect(fd, address, size) == 0;
    if (!yes && errno == EAGAIN)        //  A unix listener whose queue is full: it lives
        yes = true;
    if (!yes && errno == EINPROGRESS && poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, ms) == 1)
        yes = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
    close(fd);
    return yes;
}

static probe_t probe_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!*path || strlen(path) >= sizeof address.sun_path)
        return PROBE_BAD;
    memcpy(address.sun_path, path, strlen(path));
    return connects((struct sockaddr *) &address, sizeof address, 0) ? PROBE_SOMEBODY : PROBE_NOBODY;
}

//  HOST:PORT or [HOST]:PORT into two strings.
static bool split(const char *text, char host[256], char port[16])
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t) (colon - text) : 0;
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    if (!colon || size == 0 || size > 255 || strlen(colon + 1) > 15)
        return false;
    memcpy(host, text, size);
    host[size] = 0;
    strcpy(port, colon + 1);
    return true;
}

static probe_t probe_tcp(const char *text, int ms)
{
    char host[256], port[16];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
    if (!split(text, host, port))
        return PROBE_BAD;
    if (getaddrinfo(host, port, &hints, &all))
        return PROBE_NOBODY;
    probe_t found = PROBE_NOBODY;
    for (struct addrinfo *one = all; one && found == PROBE_NOBODY; one = one->ai_next)
        if (connects(one->ai_addr, one->ai_addrlen, ms))
            found = PROBE_SOMEBODY;
    freeaddrinfo(all);
    return found;
}

probe_t probe(const char *endpoint, int ms)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return probe_path(endpoint + 6);
    if (strncmp(endpoint, "tcp://", 6) == 0)
        return probe_tcp(endpoint + 6, ms);
    return PROBE_BAD;
}

bool probe_is_local(const char *endpoint)
{
    char host[256], port[16];
    struct in_addr four;
    struct in6_addr six;
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return true;
    if (strncmp(endpoint, "tcp://", 6) != 0 || !split(endpoint + 6, host, port))
        return false;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return strcmp(host, "localhost") == 0;
}
