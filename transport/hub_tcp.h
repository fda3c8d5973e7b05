//  hub_tcp - what the kernel knows of a TCP connection
//
//  In a file of its own because the C library's idea of TCP_INFO (which libuv's header brings in) is older than the
//  field that we want, and the two headers cannot be read together.

#ifndef HUB_TCP_H
#define HUB_TCP_H

#include <stdint.h>

//  A number that no other socket of this host ever has; 0: it is no TCP connection.
uint64_t hub_tcp_cookie(int fd);

//  What came on it so far.
typedef struct {
    uint64_t bytes;
    int64_t quiet;              //  ms since the last of them
} hub_tcp_t;

hub_tcp_t hub_tcp_heard(int fd);

#endif
