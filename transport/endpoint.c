//  endpoint - what the text of an endpoint says. See endpoint.h

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "endpoint.h"

bool endpoint_split(const char *endpoint, char host[ENDPOINT_HOST], const char **port)
{
    const char *at = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : "", *colon = strrchr(at, ':');
    size_t size = colon ? (size_t) (colon - at) : 0;
    bool brackets = size >= 2 && at[0] == '[' && colon[-1] == ']';
    if (brackets) {
        at++;
        size -= 2;
    }
    if (size == 0 || size >= ENDPOINT_HOST || !colon[1] || strlen(colon + 1) >= ENDPOINT_PORT)
        return false;
    memcpy(host, at, size);
    host[size] = 0;
    *port = colon + 1;
    return true;
}

int endpoint_port(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    int number = digits && digits <= 5 && !port[digits] ? atoi(port) : 0;
    return number <= 65535 ? number : 0;
}

bool endpoint_number(const char *host, endpoint_number_t *number)
{
    memset(number, 0, sizeof *number);
    if (inet_pton(AF_INET, host, &number->in.sin_addr) == 1)
        number->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &number->in6.sin6_addr) == 1)
        number->any.sa_family = AF_INET6;
    return number->any.sa_family != AF_UNSPEC;
}

bool endpoint_is_local(const char *endpoint)
{
    char host[ENDPOINT_HOST];
    const char *port;
    endpoint_number_t number;
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return true;
    if (!endpoint_split(endpoint, host, &port))
        return false;
    if (!endpoint_number(host, &number))
        return strcmp(host, "localhost") == 0;
    if (number.any.sa_family == AF_INET)
        return ntohl(number.in.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&number.in6.sin6_addr);
}
