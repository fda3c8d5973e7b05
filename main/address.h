//  address - what an endpoint's host means on this machine

#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>

#define ADDRESS_TEXT 512

//  ZeroMQ listens at numbers and interfaces, not at names: the endpoint with a number for a name, to numeric[ADDRESS_TEXT].
//  NULL, or why not (a string that lives). Waits for the resolver.
const char *address_listen(const char *endpoint, char *numeric);

//  The address of ours from which packets to a tcp endpoint leave, so by which it would reach us, without brackets to
//  address[ADDRESS_TEXT]; for one of this machine, that of the way out to others. False: no way. Sends nothing.
bool address_toward(const char *endpoint, char *address);

//  The best first.
typedef enum { ADDRESS_ACCEPTED, ADDRESS_REFUSED, ADDRESS_SILENT, ADDRESS_UNRESOLVED, ADDRESS_BAD } address_reach_t;

//  Does anybody listen there? A ZeroMQ connect never fails, so this is a plain connect to the endpoint, to each address that its name has, for at most `ms` each: the best that one
//  of them has. *why: what the system says of that, a string that lives. Waits, also for the resolver.
address_reach_t address_reach(const char *endpoint, int ms, const char **why);

#endif
