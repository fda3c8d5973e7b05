//  knock - would this broker let us in? A visitor's join and leave, by a node of its own

#ifndef KNOCK_H
#define KNOCK_H

#include <stddef.h>

typedef struct {
    const char *broker;         //  Endpoint
    const char *key, *broker_key;   //  As in alua_config_t; NULL: as found there
    int timeout;                //  ms
} knock_t;

//  0: it would. Else WIRE_E_*, and text[size] has the reason for people. Waits.
int knock(const knock_t *self, char *text, size_t size);

#endif
