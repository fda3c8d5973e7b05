//  spaces - the tuple spaces of one broker, without a socket, a clock or a thread
//
//  A space is a named bag of tuples (match.h). It begins with its first use and is dropped when nothing is in it and nobody
//  waits there. Operations come in as they stand in messages, with the session and request that asked and the time;
//  answers leave through spaces_output_t, once for each request, in the same call or later.
//
//  Order: the oldest match is taken; who waits longest is served first (all reads that waited longer than the taker see the
//  tuple, too). A tuple that comes back (lease over, released, returned) has its old place again.
//  Cost does not grow with what lies in a space or waits there, as long as a template binds one scalar field that few share.
//
//  Fields and answers are those of wire_types.h. Options are maps, empty or nil or absent; one that is unknown is USAGE:
//
//      OUT     ttl: ms, then it is gone. number: its old place, for a tuple that a taker gives back; it is not told as an
//              arrival. Where another tuple has the number, or it was never given, the tuple is put as any other.
//      TAKE    try: does not wait, DENY timeout. lease: ms, SPACES_LEASE_MIN..MAX. put: a tuple that is put in the same
//              space in the same step. all: up to so many (true: SPACES_MAX_BULK), as fit a message, possibly none;
//              never waits, goes without lease and put.
//      READ    try, all.
//
//  COUNT without a template, or nil, counts all. What is asked with request 0 does not wait either.
//  A TAKE or READ with the session and request of one that waits is left out: that will be answered.
//  ACK, RELEASE, EXTEND of a lease that is over or another session's: EXPIRED. The ttl of a leased tuple goes on, but it
//  ends only when it would come back. DESTROY and SPACE_UNWATCH answer false when there was nothing; a watch of a
//  destroyed space is over: its last TUPLE has number 0 and no tuple, but nil. SPACES lists those that began first, as many as fit a message.
//  A BATCH that fails names the operation ("operation 3: ..."); nothing was changed and nobody was told. What it puts
//  and takes again nobody else ever saw.
//
//  Everything is decided by the arguments alone, so a replica that applies the same operations has the same state.

#ifndef SPACES_H
#define SPACES_H

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"
#include "wire_types.h"

typedef struct spaces spaces_t;

#define SPACES_MAX_BATCH    128         //  Operations in a BATCH, tuples in an ACK
#define SPACES_MAX_BULK     1024        //  Tuples that TAKE and READ with `all` bring at most
#define SPACES_ENDED        512         //  Destroyed spaces that are remembered, for `after`
#define SPACES_LEASE_MIN    10          //  ms
#define SPACES_LEASE_MAX    86400000
#define SPACES_REACTIONS    64          //  In a space

//  Quotas; 0 means the default. More is denied with WIRE_E_FULL and counted.
typedef struct {
    size_t bytes;               //  In memory: tuples with their index entries, templates that wait and watch, reactions
                                //  and what is kept for them; default 1 GiB
    size_t session_waiters;     //  Parked takes and reads of one session; default 1,048,576
    size_t session_watches;     //  default 1024
    size_t session_leases;      //  Takes that wait for one included; default 65,536
    size_t spaces;              //  default 65,536
    uint32_t run_ms;            //  In which a reaction's run must have its verdict; default 1000
    uint64_t seed;              //  For hashes
} spaces_config_t;

//  ---- Reactions -----------------------------------------------------------
//
//  REACT puts Lua text into a space that changes what a basic operation does there. `on` says which: "out", "take", "read",
//  "expire"; `phase` when: "before" (it may refuse the operation or change its tuple) or "after"; the template, nil for
//  any, for which tuples. A reaction ends with UNREACT, its session, or its space.
//
//  The core runs no code. It hands a run to output.run, and the space stands still: operations on it are kept, in order,
//  until spaces_verdict. What is due (waits, leases, ttl) goes on. Reactions run one by one, in the order in which they
//  were installed; those before a take or read also when the operation had waited for the tuple. A run that fails,
//  or has no verdict in time, is reported to output.failed (ten a second to one owner; more are counted, and the next
//  report says how many) and counts as allowed; of a strict reaction (option `strict` of REACT, before only) the
//  operation is denied DENIED then.
//
//  No reaction runs for what a reaction does. Operations on more than one tuple (a BATCH, an ACK that puts, put, all) are
//  denied STATE in a space with reactions before what they may do: nothing passes by a reaction. "expire" is only "after".
//  An operation of a session that ended while it was kept is carried out when it is its turn, unless it waits or watches.

//  A run. What it points to is the spaces', and there until output.run returns.
typedef struct {
    uint64_t run;               //  For the verdict
    uint64_t reaction, owner;   //  Its number, and the session that installed it
    uint64_t session;           //  Whose operation it is; 0: nobody's
    wire_str_t space, name, code;
    const char *on, *phase;
    uint64_t number;            //  The tuple's; 0: it is not yet put
    wire_reader_t tuple;
} spaces_run_t;

//  After the operation all but FAILED are the same. REDIRECT is for an OUT alone: it is done in another space, at once and
//  without the reactions there, with the options that it has; what fails there is the run's failure.
typedef enum { SPACES_ALLOW, SPACES_REFUSE, SPACES_REWRITE, SPACES_FAILED, SPACES_REDIRECT } spaces_judgement_t;
typedef struct {
    spaces_judgement_t what;
    wire_str_t text;            //  REFUSE: the operation is denied DENIED with it. FAILED: for the owner. REDIRECT: the space
    wire_reader_t tuple;        //  REWRITE: one packed tuple, scanned; is put, or answered, instead. REDIRECT: likewise, or
                                //  nothing: the tuple as it is
    uint32_t count;             //  Operations that it does further, in order:
    wire_reader_t operations;   //      [type, space, ...] as in a BATCH, scanned: OUT TAKE READ COUNT
} spaces_verdict_t;

//  None of them may call the spaces.
typedef struct {
    //  The outcome of a request: `count` fields packed back to back.
    void (*answer)(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count);
    void (*deny)(void *arg, uint64_t session, uint64_t request, int code, const char *text);
    //  A watch's event: fields of TUPLE (watch, n, missed, number, tuple). False: it could not be said now; what is left
    //  out is counted in the next event's `missed`.
    bool (*tell)(void *arg, uint64_t session, const void *fields, size_t size, uint32_t count);
    //  Run a reaction's code. NULL: there are no reactions (REACT is denied STATE).
    void (*run)(void *arg, const spaces_run_t *run);
    //  A run of this reaction failed, or what it did further. May be NULL.
    void (*failed)(void *arg, uint64_t owner, uint64_t reaction, const char *text);
    //  Append a session as people call it, one packed value. NULL: its number.
    void (*put_owner)(void *arg, uint64_t session, wire_buf_t *out);
    //  Whether SPACES shows a space to this session. NULL: all of them.
    bool (*shows)(void *arg, uint64_t session, wire_str_t space);
} spaces_output_t;

//  One operation, as its message has it. types: OUT TAKE READ COUNT ACK RELEASE EXTEND BATCH FORGET SPACE_WATCH
//  SPACE_UNWATCH DESTROY SPACES REACT UNREACT REACTIONS (see wire_types.h for fields and answers).
typedef struct {
    uint64_t session, request;  //  session is not 0; request 0: nobody wants to know
    wire_type_t type;
    uint32_t ttl;               //  ms left to wait; 0: no deadline (TAKE and READ)
    int64_t now;
    uint32_t count;             //  Fields
    wire_reader_t fields;       //  Scanned before
} spaces_op_t;

//  config may be NULL. NULL: no memory.
spaces_t *spaces_new(const spaces_config_t *config, const spaces_output_t *output, void *arg);
void spaces_destroy(spaces_t **self_p);

//  Carry out one operation: exactly one answer or denial leaves, now or when it has waited long enough; its own answer
//  before those that it causes for others. What is due at op->now happens first.
//  0, or WIRE_E_MALFORMED when the fields are not as the vocabulary says (it was denied, too).
int spaces_apply(spaces_t *self, const spaces_op_t *op);

//  A session has ended: it waits for nothing, its watches end, its leased tuples come back.
void spaces_session_end(spaces_t *self, uint64_t session, int64_t now);

//  What a session began is looked at again, as it may have lost rights: takes and reads that wait, watches (SPACE_WATCH),
//  reactions (REACT), and operations that are kept. What it may not have any more ends: whoever waits is denied DENIED.
//  Returns how many. Neither function may call the spaces.
typedef struct {
    bool (*stands)(void *arg, wire_type_t type, wire_str_t space);
    bool (*may)(void *arg, const spaces_op_t *op);
    void *arg;
} spaces_review_t;
size_t spaces_review(spaces_t *self, uint64_t session, const spaces_review_t *review, int64_t now);

//  The session whose reaction this is a run of; 0: the run is over.
uint64_t spaces_run_owner(const spaces_t *self, uint64_t run);

//  A run came to this. 0; WIRE_E_UNKNOWN: it is over. What the verdict points to stays the caller's.
int spaces_verdict(spaces_t *self, uint64_t run, const spaces_verdict_t *verdict, int64_t now);

//  The code of a run, which is under way, does an operation (OUT TAKE READ COUNT; never waits) on any space, at once. 0
//  with the answer's fields appended to out, *count of them; or an error code (UNKNOWN: the run is over) with text[256].
int spaces_reaction_op(spaces_t *self, uint64_t run, const spaces_op_t *op, wire_buf_t *out, uint32_t *count,
                       char *text);

//  What the time asks for: waits that end (DENY timeout), tuples that expire, leases that are over.
//  due: when that is next wanted, -1: never.
void    spaces_tick(spaces_t *self, int64_t now);
int64_t spaces_due(const spaces_t *self);

//  While somebody waits: leases of tuples that come back, and tuples whose expiry is reacted to.
size_t spaces_awaited(const spaces_t *self);

//  Runs that are under way.
size_t spaces_running(const spaces_t *self);

//  Counters, for STAT: appended as pairs "space.outs": n; returns how many pairs.
uint32_t spaces_stat(const spaces_t *self, wire_buf_t *out);

#endif
