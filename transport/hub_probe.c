//  hub_probe - whether anybody listens at an address, by a plain connect that does not wait
//
//  Refused, or no such path: nobody, which proves that a peer of this host (or of a host
//  that answers) is dead. Accepted: somebody, perhaps stopped. All else proves nothing.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hub_self.h"

typedef union {
    struct sockaddr any;
    struct sockaddr_un un;
    endpoint_number_t number;
} address_t;

static bool parse_ipc(const char *path, address_t *address, socklen_t *size)
{
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->un.sun_path)
        return false;
    address->un.sun_family = AF_UNIX;
    memcpy(address->un.sun_path, path, length + 1);
    if (path[0] == '@')                 //  Abstract: no path, and its length counts
        address->un.sun_path[0] = 0;
    *size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '@' ? 0 : 1));
    return true;
}

//  Numbers only: looking a name up would wait.
static bool parse_tcp(const char *endpoint, address_t *address, socklen_t *size)
{
    char host[ENDPOINT_HOST];
    const char *port;
    if (!endpoint_split(endpoint, host, &port) || !endpoint_number(host, &address->number))
        return false;
    bool six = address->any.sa_family == AF_INET6;
    *(six ? &address->number.in6.sin6_port : &address->number.in.sin_port) = htons((uint16_t) endpoint_port(port));
    *size = six ? sizeof address->number.in6 : sizeof address->number.in;
    return true;
}

static bool parse(const char *endpoint, address_t *address, socklen_t *size)
{
    memset(address, 0, sizeof *address);
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return parse_ipc(endpoint + 6, address, size);
    return parse_tcp(endpoint, address, size);
}

static hub_probe_result_t judge(int error)
{
    if (error == 0 || error == EAGAIN)  //  EAGAIN: a path whose listener is swamped
        return HUB_SOMEBODY;
    if (error == EINPROGRESS)
        return HUB_UNDECIDED;
    return error == ECONNREFUSED || error == ENOENT ? HUB_NOBODY : HUB_UNSURE;
}

static int pending_error(int fd)
{
    struct pollfd item = { fd, POLLOUT, 0 };
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&item, 1, 0) == 0)
        return EINPROGRESS;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) ? errno : error;
}

static int start(hub_probe_t *self, const char *endpoint)
{
    address_t address;
    socklen_t size;
    if (!parse(endpoint, &address, &size))
        return EINVAL;
    self->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return errno;
    int error = connect(self->fd, &address.any, size) ? errno : 0;
    return error == EINPROGRESS ? pending_error(self->fd) : error;
}

hub_probe_result_t hub_probe_ask(hub_probe_t *self, const char *endpoint)
{
    int error = self->fd >= 0 ? pending_error(self->fd) : start(self, endpoint);
    hub_probe_result_t result = judge(error);
    if (result != HUB_UNDECIDED)
        hub_probe_stop(self);
    return result;
}

void hub_probe_stop(hub_probe_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

bool hub_probe_ipc_exists(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) == 0
        && (endpoint[6] == '@' || access(endpoint + 6, F_OK) == 0);
}

bool hub_probe_is_at(const char *endpoint, const char *host)
{
    char its[ENDPOINT_HOST];
    const char *port;
    return endpoint_split(endpoint, its, &port) && strcmp(its, host) == 0;
}
