//  fake_alua - alua.h for tests of what stands on it: nodes that talk by queue, in virtual time
//
//  Each alua_node_new makes a node "1@test", "2@test" ... that is a member at once. Messages are
//  copied and handled in the order they were sent.

#ifndef FAKE_ALUA_H
#define FAKE_ALUA_H

#include "alua.h"

//  Forget the nodes, messages, timers; time is 1000 again.
void fake_reset(void);

//  Handle events; when there are none, let time go on to the next timer or deadline. Until
//  nothing is left (run), or until so many ms have passed (elapse).
void fake_run(void);
void fake_elapse(int64_t ms);

//  Whether an event of the node failed; and begin anew.
bool fake_failed(int node);
int  fake_holds(int node);          //  Sum of alua_hold
uint64_t fake_cancels(void);        //  Cancels that were handed over
//  What the node's handler says of who waits, in lines. Static.
const char *fake_waits(int node);
//  Refuse the next alua_request with this code.
void fake_refuse(int code);
//  Whether the authors of what is sent may run code in full (they may at first).
void fake_full(bool full);
//  Hand an event of the broker to a node.
void fake_notice(int node, alua_kind_t kind, const void *args, size_t size, uint32_t count);
//  How many remotes are held.
int  fake_remotes_held(void);

#endif
