//  endpoint - what the text of an endpoint says: tcp://HOST:PORT, with brackets around IPv6, or ipc://PATH. Asks nobody

#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>

#define ENDPOINT_HOST 256       //  Bytes of a host, with its end
#define ENDPOINT_PORT 16        //  Bytes of a port, with its end

//  HOST without brackets, and where PORT begins in the text, which may be "*". False: no tcp://HOST:PORT.
bool endpoint_split(const char *endpoint, char host[ENDPOINT_HOST], const char **port);

//  From 1 to 65535; 0: that is no number of a port.
int endpoint_port(const char *port);

//  Of a host that is a number, the address without a port; the family is AF_INET or AF_INET6. False: a name, or nonsense.
typedef union { struct sockaddr any; struct sockaddr_in in; struct sockaddr_in6 in6; } endpoint_number_t;
bool endpoint_number(const char *host, endpoint_number_t *number);

//  Only this machine can reach it: ipc, or TCP on 127.0.0.0/8, ::1, localhost.
bool endpoint_is_local(const char *endpoint);

#endif
