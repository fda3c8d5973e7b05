//  hub_gate - who asks to come in by CURVE is answered here: a ZAP handler in a thread of its own, one a process
//
//  libzmq asks a ZAP handler (RFC 27) about each CURVE connection before anything is read from it, at one address for
//  the whole process. The gate answers from what the hubs told it, at once and whatever their threads do meanwhile;
//  for a key that it does not know it asks the hub, and lets the connection wait, two seconds at most.
//
//  Not czmq's zauth: it knows certificates in files and a yes or no for each, and cannot ask; a node learns from its
//  broker who may come, while the connection waits. And it does not tell one hub of a process from another.
//
//      hub (DEALER, named like its ZAP domain)                     gate (ROUTER)
//          "Y" KEY     come in; the verdict is kept    ------->
//          "N" KEY     stay out; kept verdicts are withdrawn
//          "L"         all of this hub's are forgotten
//                                                      <-------    KEY: what of this one?

#ifndef HUB_GATE_H
#define HUB_GATE_H

#include <stdbool.h>

//  Who waits longer for an answer is turned away with 500: not refused, but to come again.
#define HUB_GATE_PATIENCE 2000

//  Start the gate, or use it too. The address that hubs connect to in where[64]. False: no socket, or the ZAP address
//  of this process is somebody else's.
bool hub_gate_join(char *where);

//  It ends with its last user.
void hub_gate_leave(void);

#endif
