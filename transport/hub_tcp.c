//  hub_tcp - what the kernel knows of a TCP connection

#include "hub_tcp.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

uint64_t hub_tcp_cookie(int fd)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) || protocol != IPPROTO_TCP)
        return 0;
    uint64_t cookie = 0;
    size = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) ? 0 : cookie;
}

hub_tcp_t hub_tcp_heard(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);      //  An old kernel fills in less
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return (hub_tcp_t) { info.tcpi_bytes_received, info.tcpi_last_data_recv };
}
