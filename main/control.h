//  control - the launcher's end of the control socket (node/CONTROL.md)
//
//  A unix stream socket in the private directory; every process of the run connects, says who it is,
//  when it is idle, and answers waves. What it sends is bounded and checked; whoever breaks the
//  protocol is cut off, which ends it. One thread, one libuv loop; nothing waits.

#ifndef CONTROL_H
#define CONTROL_H

#include <uv.h>
#include "over.h"
#include "wire_read.h"

typedef struct control control_t;

//  A process that is connected. Lent to callbacks; freed when `gone` returns.
typedef struct control_peer control_peer_t;
struct control_peer {
    uint64_t number;            //  Ours for it, never used twice; 0 before hello
    int pid, rank, parent;      //  rank 0: spawned
    char *id;                   //  Its process's id, or NULL before it has joined a network
    char *node;                 //  "NAME#INCARNATION", or NULL
    bool leaving;               //  It said exit, with this status
    int status;
    bool answered;              //  The launcher's: it has told what it waits for
};

typedef struct {
    void (*hello)(void *arg, control_peer_t *peer);
    void (*open)(void *arg, control_peer_t *peer);      //  id and node are set (anew)
    void (*idle)(void *arg, control_peer_t *peer);
    void (*report)(void *arg, control_peer_t *peer, const over_report_t *report);
    void (*waits)(void *arg, control_peer_t *peer, uint32_t count, wire_reader_t texts);
    void (*gone)(void *arg, control_peer_t *peer);      //  Only after hello
} control_handler_t;

//  Listen at `path`. NULL: errno says why.
control_t *control_new(uv_loop_t *loop, const char *path, const control_handler_t *handler, void *arg);
//  Close everything, which ends the processes that are still connected; no callbacks come any more.
//  Run the loop once more before closing it.
void control_destroy(control_t **self_p);

//  Tell everybody.
void control_wave(control_t *self, uint64_t wave);
void control_waits(control_t *self);
void control_end(control_t *self);

//  How many are connected; call fn for each.
size_t control_count(const control_t *self);
void control_each(control_t *self, void (*fn)(void *arg, control_peer_t *peer), void *arg);

#endif
