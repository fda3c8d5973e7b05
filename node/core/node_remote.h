//  node_remote - the other processes this node knows, and the way to each
//
//            first message            FOUND, dialled
//    COLD ------------------> ASKING ----------------> DIRECT --+
//      ^                        |  \  FOUND, no way             | the link ends, the
//      |        UNKNOWN         |   +----------------> RELAY ---+ broker says gone
//      +------------------------+<------------------------------+
//
//                  a link is up              SWITCHED
//      RELAY -------------------> SWITCH -----------------> DIRECT
//        ^ ^     no answer, link lost |                       | link lost, no proof of a death
//        | +--------------------------+                       v
//        +---------------------------------------------- ASKING (doubted)     node_direct
//
//  SELF is us. A registered name or a node's name is a remote too, whose `target` is the process
//  behind it: messages keep the name in `to`, and the receiver checks that it still holds it.
//  Messages for an ASKING remote, or one in SWITCH, are parked here, in order; those under a name that has a target
//  are parked with it.

#ifndef NODE_REMOTE_H
#define NODE_REMOTE_H

#include "alua.h"

typedef struct node_link node_link_t;
typedef struct node_pending node_pending_t;

typedef enum { NODE_COLD, NODE_ASKING, NODE_DIRECT, NODE_RELAY, NODE_SWITCH, NODE_SELF } node_route_t;

struct alua_remote {
    alua_remote_t *next;        //  In its bucket of the table
    uint32_t hash;
    unsigned refs;              //  Events, requests and tasks that name it; the table itself is none
    node_route_t route;
    node_link_t *link;          //  DIRECT, SWITCH: to its node
    alua_remote_t *target;      //  A name: the process behind it, held; else NULL
    unsigned aliases;           //  Names whose target this is
    wire_buf_t parked;          //  ASKING, SWITCH: messages back to back
    size_t parked_count;
    size_t parked_alone;        //  Of these, messages for which no request of ours waits
    node_pending_t *pendings;   //  Requests it has not answered
    bool moves;                 //  A registered name, which may come to be another's
    wire_buf_t again;           //  ASKING: what its last holder refused, in order; goes before what is parked
    alua_remote_t *mover;       //  That holder, held, until the new one is reached
    uint64_t refused, refusable;    //  The last request that it refused; the last that it may
    int64_t hurry;              //  Wait for these until then; 0: as long as it takes
    uint64_t epoch;             //  Of the counts below: one for each link with its node
    uint64_t sent_events, sent_bytes;       //  Since the epoch began
    uint64_t granted_events, granted_bytes; //  Consumed there, as CREDIT says
    uint64_t had_events, had_bytes;         //  What it sent us, in the mailbox or behind it
    uint64_t used_events, used_bytes;       //  Consumed here of that
    uint64_t told_events, told_bytes;       //  As of our last CREDIT
    uint64_t relayed_sent, relayed_received;    //  Counted events that the broker carried between it and us
    uint64_t undrained;         //  Messages given to the broker since it was last known to hold none from us to it
    uint64_t relay_until;       //  Requests up to this number went through the broker, if not before it by a link
    bool comes_relayed;         //  What it sends us comes through the broker, or may
    bool doubted;               //  ASKING: its link was lost, and the broker is asked whether it is alive
    uint64_t switching;         //  SWITCH: the number of the question
    int64_t switch_until;       //  and when it is too late for an answer
    int64_t try_at;             //  RELAY: from then on the next message has a direct way looked for
    unsigned tries;             //  so often in vain
    struct node_author *author; //  Behind the broker: who it is, held; NULL: not looked up yet
    bool starved;               //  The last message looked for room as long as it may, in vain
    size_t size;
    char id[];                  //  Zero-terminated
};

typedef struct {
    alua_remote_t **buckets;
    size_t size, count;         //  size is a power of two, or 0
    size_t sweep_above;         //  Below so many a sweep is not worth its walk
    alua_remote_t *last;        //  Who was asked for last, as often again
} node_remotes_t;

void node_remotes_free(node_remotes_t *self);

//  The remote of that id, made when missing; NULL: no memory. Not held.
alua_remote_t *node_remotes_get(node_remotes_t *self, wire_str_t id);

//  The remote of that id, or NULL.
alua_remote_t *node_remotes_find(const node_remotes_t *self, wire_str_t id);

//  Forget remotes that nobody holds and that have no route, when there are many.
void node_remotes_sweep(node_remotes_t *self);

static inline wire_str_t node_remote_name(const alua_remote_t *self)
{
    wire_str_t name = { self->id, self->size };
    return name;
}

//  The process meant: itself, or what its name stands for.
static inline alua_remote_t *node_remote_target(alua_remote_t *self)
{
    return self->target ? self->target : self;
}

#endif
