//  address - what an endpoint's host means on this machine. See address.h

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "address.h"
#include "endpoint.h"

//  For documentation (RFC 5737): it is nobody's, and goes where all goes that is not near.
#define SOMEWHERE "192.0.2.1"

//  Numbers of the older kind first, as when a name is dialled.
static struct addrinfo *look_up(const char *host, int type)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = type, .ai_flags = AI_PASSIVE }, *found;
    if (getaddrinfo(host, "9", &hints, &found) == 0)
        return found;
    hints.ai_family = AF_UNSPEC;
    return getaddrinfo(host, "9", &hints, &found) == 0 ? found : NULL;
}

const char *address_listen(const char *endpoint, char *numeric)
{
    char host[ENDPOINT_HOST], number[NI_MAXHOST];
    const char *port;
    endpoint_number_t known;
    if (strlen(endpoint) >= ADDRESS_TEXT)
        return "it is too long";
    strcpy(numeric, endpoint);
    if (!endpoint_split(endpoint, host, &port) || strcmp(host, "*") == 0 || endpoint_number(host, &known) || if_nametoindex(host))
        return NULL;
    struct addrinfo *found = look_up(host, SOCK_STREAM);
    if (!found)
        return "no host and no network interface has this name";
    bool six = found->ai_family == AF_INET6;
    int rc = getnameinfo(found->ai_addr, found->ai_addrlen, number, sizeof number, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    int size = snprintf(numeric, ADDRESS_TEXT, "tcp://%s%.255s%s:%.32s", six ? "[" : "", number, six ? "]" : "", port);
    return rc || size >= ADDRESS_TEXT ? "its address cannot be written" : NULL;
}

//  Connecting a datagram socket chooses the way and sends nothing.
static bool way_to(const struct addrinfo *to, char *address)
{
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0
        && getsockname(fd, (struct sockaddr *) &own, &size) == 0
        && getnameinfo((struct sockaddr *) &own, size, address, ADDRESS_TEXT, NULL, 0, NI_NUMERICHOST) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

bool address_toward(const char *endpoint, char *address)
{
    char host[ENDPOINT_HOST];
    const char *port;
    if (!endpoint_split(endpoint, host, &port) || endpoint_is_local(endpoint))
        snprintf(host, sizeof host, SOMEWHERE);
    struct addrinfo *all = look_up(host, SOCK_DGRAM);
    bool found = false;
    for (const struct addrinfo *one = all; one && !found; one = one->ai_next)
        found = way_to(one, address);
    if (all)
        freeaddrinfo(all);
    return found;
}

//  ---- Reaching ----------------------------------------------------------------

//  0, or errno.
static int connects(const struct sockaddr *to, socklen_t size, int ms)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    socklen_t length = sizeof error;
    if (fd < 0)
        return errno;
    if (connect(fd, to, size))
        error = errno == EAGAIN ? 0 : errno;    //  A unix listener whose queue is full: it lives
    if (error == EINPROGRESS && poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, ms) != 1)
        error = ETIMEDOUT;
    else if (error == EINPROGRESS && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length))
        error = errno;
    close(fd);
    return error;
}

static address_reach_t judge(int error, const char **why)
{
    *why = strerror(error);
    return error == 0 ? ADDRESS_ACCEPTED : error == ECONNREFUSED || error == ENOENT ? ADDRESS_REFUSED : ADDRESS_SILENT;
}

static address_reach_t reach_path(const char *path, const char **why)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (!*path || strlen(path) >= sizeof to.sun_path)
        return ADDRESS_BAD;
    memcpy(to.sun_path, path, strlen(path));
    return judge(connects((struct sockaddr *) &to, sizeof to, 0), why);
}

address_reach_t address_reach(const char *endpoint, int ms, const char **why)
{
    char host[ENDPOINT_HOST];
    const char *port;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return reach_path(endpoint + 6, why);
    if (!endpoint_split(endpoint, host, &port) || !endpoint_port(port))
        return ADDRESS_BAD;
    int rc = getaddrinfo(host, port, &hints, &all);
    *why = rc ? gai_strerror(rc) : "";
    if (rc)
        return ADDRESS_UNRESOLVED;
    address_reach_t found = ADDRESS_UNRESOLVED;
    for (const struct addrinfo *one = all; one && found != ADDRESS_ACCEPTED; one = one->ai_next) {
        const char *word;
        address_reach_t next = judge(connects(one->ai_addr, one->ai_addrlen, ms), &word);
        if (next < found) {
            found = next;
            *why = word;
        }
    }
    freeaddrinfo(all);
    return found;
}
