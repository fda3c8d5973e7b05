//  space_state - what the files of the tuple spaces share
//
//  Private to broker/space; with it go space_step.h (an operation on its way) and space_react.h (reactions). One file, one
//  idea:
//
//      spaces          the doors: operations, sessions that end, time
//      space_fields    an operation's fields become a step: tuples made, templates compiled, nothing done yet
//      space_step      a step is carried out, undone or made final; its answer
//      space_ops       the operations that are one step, and those of leases
//      space_batch     the operation that is many
//      space_table     spaces by name, their beginning and end
//      space_tuples    tuples: made, put, taken, looked for
//      space_order     the tuples of a space by number
//      space_index     from a key to those who have it
//      space_slab      memory for tuples, waiters and watches
//      space_crowd     who listens in a space, by key: waiters, watches
//      space_waiters   takes and reads that wait
//      space_ended     spaces that were destroyed, for workers that did not see it
//      space_leases    taken tuples that may come back
//      space_watches   who is told of arrivals
//      space_reactions what changes the operations of a space: installed, found, removed
//      space_runs      their runs: begun, judged, failed
//      space_obstacles what keeps an operation from being carried out at once
//      space_kept      operations that are kept until it is their turn
//      space_turns     what a space does next while reactions run: tuples that are offered, operations that were kept
//      space_sessions  what each session has here
//      space_review    what a session began and may not do any more
//      space_map       from numbers to things
//      space_report    SPACES, counters
//
//  Memory: all that an operation needs is had in its first part, where it can still be denied; from there on nothing
//  fails. So a tuple that is in no index holds a promise of its space's index for its keys, whatever can fall due
//  has a place in the heap, and the scratch buffer has room for the largest tuple there ever was.

#ifndef SPACE_STATE_H
#define SPACE_STATE_H

#include <stddef.h>

#include "match.h"
#include "wire_heap.h"
#include "wire_rate.h"
#include "space_index.h"
#include "space_map.h"
#include "space_order.h"
#include "space_slab.h"
#include "spaces.h"

//  wire_due_t.kind
enum { SPACE_DUE_TUPLE, SPACE_DUE_WAITER, SPACE_DUE_LEASE, SPACE_DUE_RUN, SPACE_DUE_WATCH };

#define SPACE_TEXT      512
#define SPACE_IDLE      64              //  Empty spaces whose memory is kept, since most are used again
#define SPACE_ANSWER    (WIRE_MAX_MESSAGE - 4096)   //  Bytes of fields that fit a message

typedef struct space space_t;
typedef struct space_session space_session_t;
typedef struct space_waiter space_waiter_t;
typedef struct space_lease space_lease_t;
typedef struct space_reactor space_reactor_t;

//  ---- Lists whose links are inside their members --------------------------

typedef struct space_link space_link_t;
struct space_link {
    space_link_t *prev, *next;  //  A ring; its head is a link, too
};

#define SPACE_OF(link, type, member) ((type *) (void *) ((char *) (link) - offsetof(type, member)))

static inline void space_link_init(space_link_t *self)
{
    self->prev = self->next = self;
}

static inline void space_link_add(space_link_t *head, space_link_t *self)
{
    self->prev = head->prev;
    self->next = head;
    self->prev->next = self;
    head->prev = self;
}

//  Twice is fine.
static inline void space_link_remove(space_link_t *self)
{
    self->prev->next = self->next;
    self->next->prev = self->prev;
    space_link_init(self);
}

static inline bool space_link_none(const space_link_t *head)
{
    return head->next == head;
}

//  A run of tuples, in the order of operations.
typedef struct {
    space_tuple_t *tuple;       //  NULL: no longer of interest
    space_t *space;
    uint64_t wish;              //  The number that it would like to have again, or 0
} space_item_t;

typedef struct {
    space_item_t *items;
    size_t count, capacity;
} space_list_t;

//  False: no memory.
bool space_list_add(space_list_t *self, space_item_t item);

//  ---- Tuples --------------------------------------------------------------

//  One thing of the slab: the deadline of its ttl if it has one, this, an entry for each key, its bytes.
struct space_tuple {
    space_t *space;
    uint64_t number;            //  0: not yet put
    space_ref_t self;
    space_ref_t prev, next;     //  In the order of numbers; next: in self->arriving, too
    uint32_t size;              //  Bytes
    uint8_t keys;
    bool mortal : 1;            //  A wire_due_t stands before it
    bool linked : 1;            //  In its space's order and index
    bool marked : 1;            //  In space_order
    bool returned : 1;          //  It was here before: no arrival
    bool offered : 1;           //  Those who wait have yet to be asked, with reactions
    space_entry_t entries[];
};

static inline wire_reader_t space_tuple_bytes(const space_tuple_t *self)
{
    return wire_reader(self->entries + self->keys, self->size);
}

static inline wire_due_t *space_tuple_due(space_tuple_t *self)
{
    return self->mortal ? (wire_due_t *) (void *) self - 1 : NULL;
}

//  ---- Who listens ---------------------------------------------------------

//  The beginning of a waiter and of a watch: a template that arrivals are held against.
typedef struct {
    space_ref_t self;           //  In the slab
    space_entry_t entry;
    space_link_t in_space, in_session;
    space_t *space;
    space_session_t *session;
    uint64_t number;            //  In the order of beginning
    match_t *match;
    bool bound;                 //  Under one of its template's keys; else in the list of those without
} space_listener_t;

typedef struct {
    space_index_t index;
    space_chain_t unbound;
    space_link_t all;           //  In the order of beginning
    size_t count;
} space_crowd_t;

//  Those of a crowd whose keys a tuple has, in the order of beginning.
typedef struct {
    const space_index_t *index;
    space_steps_t chains[MATCH_KEYS + 1];
    size_t count;
} space_walk_t;

struct space_waiter {
    space_listener_t listener;
    wire_due_t due;
    uint64_t request;
    space_tuple_t *put;         //  What is put when it has taken, or NULL
    space_lease_t *lease;       //  Under which it takes, or NULL
    bool take;
};

typedef struct {
    space_listener_t listener;  //  Its space is NULL when that was destroyed, and the watcher has yet to be told
    uint64_t told, missed;
    wire_due_t due;
} space_watch_t;

struct space_lease {
    uint64_t number;
    wire_due_t due;
    space_link_t in_space;      //  While it has a tuple
    space_link_t in_session;
    space_session_t *session;
    space_tuple_t *tuple;       //  NULL: its taker still waits, or has not finished
    uint32_t ms;
    bool acked;                 //  By an earlier operation of the same batch
};

struct space_session {
    uint64_t number;
    space_link_t waiters, watches, leases, reactions;
    size_t waiter_count, watch_count, lease_count, reaction_count;
    wire_rate_t reports;        //  Of failures of its reactions,
    uint64_t unreported;        //  and so many left out since the last one
};

struct space {
    space_t *same;              //  Next with the same hash in the table
    const space_slab_t *slab;   //  Where its tuples are
    space_link_t link;          //  In self->all or self->idle
    space_order_t order;
    space_index_t index;
    space_crowd_t waiters, watches;
    space_link_t leases;
    size_t lease_count;
    size_t bytes;               //  Of its tuples, leased ones too
    size_t mortals;             //  Tuples in it that have a ttl
    size_t pins;                //  Steps that go on with it
    space_reactor_t *reactor;   //  NULL: there are no reactions
    bool idle;
    uint32_t hash;
    uint32_t size;
    char name[];
};

static inline space_tuple_t *space_tuple_at(const space_t *self, space_ref_t ref)
{
    return space_slab_at(self->slab, ref);
}

static inline space_tuple_t *space_tuple_next(const space_tuple_t *self)
{
    return space_tuple_at(self->space, self->next);
}

static inline space_tuple_t *space_tuple_prev(const space_tuple_t *self)
{
    return space_tuple_at(self->space, self->prev);
}

//  ---- All of it -----------------------------------------------------------

#define SPACE_COUNTERS(X)                                                                       \
    X(outs) X(takes) X(reads) X(counts) X(acks) X(releases) X(extends) X(batches) X(destroys)   \
    X(waited) X(timeouts) X(expired) X(leases_over) X(told) X(missed) X(denied) X(full) \
    X(runs) X(refused) X(rewritten) X(redirected) X(failed) X(unreported)

typedef struct {
#define X(name) uint64_t name;
    SPACE_COUNTERS(X)
#undef X
} space_counters_t;

typedef struct {
    uint64_t name, last_lease;  //  Its hash, and the last lease that was granted before its end
} space_ended_t;

struct spaces {
    spaces_config_t config;
    spaces_output_t output;
    void *arg;
    int64_t now;                //  Never goes back

    space_t **table;            //  By name
    size_t table_capacity;
    space_link_t all, idle;
    size_t count, idle_count;   //  Spaces in use, and empty ones
    space_map_t sessions, leases, watches;      //  By number
    space_map_t waiters;                        //  By session and request
    wire_heap_t heap;
    space_slab_t slab;          //  Tuples, waiters, watches
    size_t bytes;               //  What counts for the quota
    size_t tuples, waiter_count, watch_count, lease_count;
    uint64_t last_number, last_lease, last_watch, last_waiter;

    space_tuple_t *arriving, *arriving_last;    //  Put by takers that were served: still to be put
    space_list_t made, found;   //  Of the steps of the current operation
    wire_buf_t normal, one, results;    //  Scratch: a normal form; one tuple's message; other answers
    space_map_t reactions, runs;    //  By number; a run's value is its reactor
    space_link_t ended_watches;     //  Whose space is destroyed, and who are not yet told
    uint64_t last_reaction, last_run;
    space_link_t reactors;      //  All, and
    space_link_t awake;         //  those that may have something to do
    uint64_t actor;             //  The session of the current operation, 0: none
    bool reacting;              //  The current operation is a reaction's
    wire_buf_t *captured;       //  Where its answer goes, NULL: nowhere
    uint32_t captured_count;
    space_reactor_t *turning;   //  Whose kept operation this is, or NULL
    const wire_buf_t *rewritten;    //  What is answered instead of the tuple of the current operation, or NULL

    space_ended_t ended[SPACES_ENDED];      //  A ring
    size_t next_ended;

    char text[SPACE_TEXT];      //  The sentence that goes with an error code
    space_counters_t counters;
};

//  A sentence into self->text; returns `code`.
int spaces_say(spaces_t *self, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int spaces_no_memory(spaces_t *self);

//  To the session, unless request is 0.
void spaces_answer(spaces_t *self, uint64_t session, uint64_t request, const wire_buf_t *fields, uint32_t count);
void spaces_deny(spaces_t *self, uint64_t session, uint64_t request, int code, const char *text);

//  One operation, at once: answered, or (carry_out) denied; the code.
int spaces_try(spaces_t *self, const spaces_op_t *op);
int spaces_carry_out(spaces_t *self, const spaces_op_t *op);

//  0 or FULL with a sentence: room for so many bytes more.
int spaces_quota(spaces_t *self, size_t more);

//  ---- space_table ---------------------------------------------------------

//  The space, when anything is in it or waits there; NULL: none.
space_t *space_find(const spaces_t *self, wire_str_t name);

//  The space, new if need be, pinned. 0 or an error code with a sentence.
int  space_open(spaces_t *self, wire_str_t name, space_t **space);
//  One pin less; an empty space that nobody holds is no more. space may be NULL.
void space_close(spaces_t *self, space_t *space);
//  After anything left it: the same.
void space_tidy(spaces_t *self, space_t *space);
//  Everything in it goes, who waits is denied CLOSED.
void space_empty(spaces_t *self, space_t *space);
void space_table_free(spaces_t *self);

//  ---- space_tuples --------------------------------------------------------

//  A tuple for the space out of packed bytes, not yet put; ttl 0: for ever. 0 or an error code with a sentence.
int  space_tuple_new(spaces_t *self, space_t *space, wire_reader_t packed, int64_t ttl, space_tuple_t **tuple);
//  One that is not linked.
void space_tuple_free(spaces_t *self, space_tuple_t *tuple);
size_t space_tuple_footprint(const space_tuple_t *self);
//  The tuple as it is answered: what a reaction made of it, or its bytes.
void space_tuple_write(const spaces_t *self, const space_tuple_t *tuple, wire_buf_t *out);
//  Room in self->one for a message with a tuple of that size. False: no memory, nothing changed.
bool space_tuple_room(spaces_t *self, size_t size);

//  Number it: `wish` when it was given before and no tuple has it, else the next one.
void space_tuple_number(spaces_t *self, space_tuple_t *tuple, uint64_t wish);
void space_tuple_link(spaces_t *self, space_tuple_t *tuple);
void space_tuple_unlink(spaces_t *self, space_tuple_t *tuple);

//  It is there: watches are told, waiters served; if no taker has it, it stays. The tuple may be gone then.
void space_tuple_arrive(spaces_t *self, space_tuple_t *tuple);
//  Put what served takers had to put, until nobody puts any more.
void space_tuples_settle(spaces_t *self);
//  A lease is over: it comes back, unless its ttl is over, too.
void space_tuple_return(spaces_t *self, space_tuple_t *tuple);
//  Its ttl is over.
void space_tuple_expire(spaces_t *self, wire_due_t *due);

//  Tuples that match, the oldest first; nothing may change between one and the next.
typedef struct {
    const match_t *match;       //  NULL: all
    const space_t *space;
    space_steps_t steps;        //  From the next candidate on, when a key is bound
    space_ref_t tuple;          //  else this
    bool bound;
} space_scan_t;
void space_scan(space_scan_t *self, const space_t *space, const match_t *match);
space_tuple_t *space_scan_next(space_scan_t *self);

//  ---- space_crowd ---------------------------------------------------------

void space_crowd_init(space_crowd_t *self, const space_slab_t *slab);
void space_crowd_free(space_crowd_t *self);
//  False: no memory.
bool space_crowd_add(space_crowd_t *self, space_listener_t *listener);
void space_crowd_remove(space_crowd_t *self, space_listener_t *listener);
void space_walk(space_walk_t *self, const space_crowd_t *crowd, const space_tuple_t *tuple);
//  The next whose template matches it, or NULL. The one before may be gone.
space_listener_t *space_walk_next(space_walk_t *self, const space_tuple_t *tuple);

//  ---- space_waiters -------------------------------------------------------

//  What a take or read that found nothing waits for; match, put and lease become the waiter's when it is made.
typedef struct {
    uint64_t session, request;
    uint32_t ttl;
    bool take;
    match_t *match;
    space_tuple_t *put;
    uint32_t lease;             //  ms, or 0
} space_wish_t;
int  space_waiter_new(spaces_t *self, space_t *space, const space_wish_t *wish);
//  Out of all lists, and freed with what it has. Its space may be empty then.
void space_waiter_free(spaces_t *self, space_waiter_t *waiter);
void space_waiter_deny(spaces_t *self, space_waiter_t *waiter, int code, const char *text);
space_waiter_t *space_waiter_find(const spaces_t *self, uint64_t session, uint64_t request);
//  Serve all reads, and the first take, that want the tuple. True: it was taken, and is no longer ours.
bool space_waiters_offer(spaces_t *self, space_tuple_t *tuple);
//  The one that waited longest for such a tuple, or NULL; and to serve it, which frees it.
space_waiter_t *space_waiter_for(space_tuple_t *tuple);
void space_waiter_serve(spaces_t *self, space_waiter_t *waiter, space_tuple_t *tuple);

//  ---- space_leases --------------------------------------------------------

//  A lease that has no tuple yet. 0 or an error code with a sentence.
int  space_lease_new(spaces_t *self, uint64_t session, uint32_t ms, space_lease_t **lease);
//  Take it back: nobody ever heard of it.
void space_lease_free(spaces_t *self, space_lease_t *lease);
//  The tuple, which is not linked, is leased from now on.
void space_lease_begin(spaces_t *self, space_lease_t *lease, space_tuple_t *tuple);
//  The lease is over; what is to become of the tuple is the caller's matter.
space_tuple_t *space_lease_end(spaces_t *self, space_lease_t *lease);
void space_lease_extend(spaces_t *self, space_lease_t *lease, uint32_t ms);
//  0 with the lease of that session, or EXPIRED with a sentence.
int  space_lease_find(spaces_t *self, uint64_t session, uint64_t number, space_lease_t **lease);
bool space_lease_has(const space_t *space, uint64_t tuple);     //  A tuple of that number is leased

//  ---- space_watches -------------------------------------------------------

//  match becomes the watch's on success.
int  space_watch_new(spaces_t *self, space_t *space, uint64_t session, match_t *match, uint64_t *number);
void space_watch_free(spaces_t *self, space_watch_t *watch);
//  Its space is destroyed: the watcher is told, now or when it reads, and then it is freed.
void space_watch_end(spaces_t *self, space_watch_t *watch);
void space_watch_late(spaces_t *self, wire_due_t *due);
void space_watches_tell(spaces_t *self, const space_tuple_t *tuple);
//  This one is told of what is there and has a number behind `since`, the oldest first.
void space_watch_replay(spaces_t *self, space_t *space, uint64_t watch, uint64_t since);

//  ---- space_sessions ------------------------------------------------------

//  New if need be; NULL: no memory.
space_session_t *space_session_open(spaces_t *self, uint64_t number);
space_session_t *space_session_find(const spaces_t *self, uint64_t number);
//  When it has nothing any more it is no more.
void space_session_tidy(spaces_t *self, space_session_t *session);

//  ---- space_ended ---------------------------------------------------------

void space_ended_note(spaces_t *self, wire_str_t name);
//  Whether the space of that name has ended after this lease was granted.
bool space_ended_since(const spaces_t *self, wire_str_t name, uint64_t lease);

#endif
