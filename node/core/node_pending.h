//  node_pending - requests that wait for their one outcome: id -> who waits, until when
//
//  Ids are counted up and never used twice in a node's life; the table is hashed by their low bits,
//  so that a run of calls falls into a run of buckets. Records come from a free list.

#ifndef NODE_PENDING_H
#define NODE_PENDING_H

#include "wire_heap.h"
#include "node_remote.h"

//  wire_due_t.kind
enum { NODE_DUE_PENDING, NODE_DUE_TIMER };

//  An about of fewer bytes stands in memory that its record keeps: one is made for every take.
#define NODE_ABOUT_ROOM 64

struct node_pending {
    wire_due_t due;             //  First: the heap gives it back
    node_pending_t *next;       //  In its bucket, or the free list
    node_pending_t *before, *after;     //  Among the remote's
    uint64_t id;
    alua_remote_t *to;          //  Held; NULL: the broker was asked
    alua_outcome_fn *fn;
    void *arg;
    wire_type_t type;           //  What was asked
    int64_t timeout;            //  ms, as given, for the message
    bool background;
    bool wait_name;             //  Ask again when the name has no holder
    bool inner;                 //  fn is the core's own: call it at once, not as an event
    bool late;                  //  Nobody waits for it: what a TAKE brings goes back
    bool waits;                 //  A TAKE or READ that the broker lets wait (node_ask)
    bool again;                 //  A copy was sent
    bool parked;                //  Its message waits for a way: surely not done
    bool lost;                  //  Its message was not acknowledged before the link ended
    uint32_t group;             //  Of those that may be ended together; 0: none
    uint8_t *copy;              //  The message, as long as a moved name may have it sent again; owned, or NULL
    size_t copy_size;
    wire_str_t about;           //  JOIN, FOLLOW, LEAVE, REGISTER ...: the name asked for, owned; of what lingers, all fields
    char *room;                 //  For the next about of this record, NODE_ABOUT_ROOM bytes; owned, or NULL
    uint32_t count;             //  of which there are so many
    int64_t until;              //  When the broker is to end what waits; 0: never
};

typedef struct {
    node_pending_t **buckets;
    size_t size, count;
    size_t holding;             //  Those not in the background
    size_t takes;               //  Of these, takes and reads without a deadline: nothing but another's OUT ends them
    uint64_t last_id;
    node_pending_t *spare;
} node_pendings_t;

void node_pendings_free(node_pendings_t *self);

//  A record with a fresh id, in the table; NULL: no memory. `to` may be NULL.
node_pending_t *node_pendings_add(node_pendings_t *self, alua_remote_t *to, bool background);

node_pending_t *node_pendings_find(const node_pendings_t *self, uint64_t id);

//  Out of the table and of its remote's list; still the caller's to recycle.
void node_pendings_take(node_pendings_t *self, node_pending_t *pending);

//  Copy text as what it is about. Without memory it has none.
void node_pending_keep(node_pending_t *pending, wire_str_t text);

//  Each gets the other's id.
void node_pendings_swap(node_pendings_t *self, node_pending_t *a, node_pending_t *b);

//  It is now `to` who owes the answer.
void node_pendings_move(node_pending_t *pending, alua_remote_t *to);

//  Give the record (and its hold on the remote) back.
void node_pendings_recycle(node_pendings_t *self, node_pending_t *pending);

#endif
