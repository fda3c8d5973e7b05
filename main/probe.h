//  probe - does anybody listen at an endpoint?
//
//  A ZeroMQ connect never fails, so whoever wants to know within milliseconds asks the socket below it.

#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

typedef enum { PROBE_NOBODY, PROBE_SOMEBODY, PROBE_BAD } probe_t;

//  endpoint: "ipc://PATH" or "tcp://HOST:PORT". Waits up to `ms` for TCP (and for the resolver).
//  BAD: not an endpoint, or a host that nobody knows.
probe_t probe(const char *endpoint, int ms);

//  Whether only this machine can reach it: ipc, or TCP on 127.0.0.0/8, ::1, localhost.
bool probe_is_local(const char *endpoint);

#endif
