//  broker_core - every decision of the broker, without a socket, a clock or a file
//
//  Knows who is there (sessions), under which ids and names (registry), in which apps,
//  who wants to hear of whose end (watches), and passes on what two processes cannot
//  say to each other directly (relay). The vocabulary is wire/wire_types.h.
//
//  Input comes in by the functions below, with the time in ms on any clock that never goes
//  back; output leaves by broker_output_t, from inside the call that caused it. State
//  changes by records only: a function proposes one to the log, and broker_core_apply
//  carries it out once it is committed and then answers whoever asked. The memory log
//  commits at once, from inside `propose`.
//
//  A **session** is one incarnation of a node in this network, numbered from 1 and never
//  again; 0 is no session. A **link** is the shell's handle of the connection that carries a session,
//  opaque here. Input for a session that has ended is ignored, so a shell need not be precise.
//  Not thread-safe: a core belongs to one loop.

#ifndef BROKER_CORE_H
#define BROKER_CORE_H

#include "spaces.h"
#include "wire_msg.h"

typedef struct broker_core broker_core_t;

//  Quotas: what one session may hold. More is refused with WIRE_E_FULL and counted.
#define BROKER_MAX_SESSIONS     16384
#define BROKER_MAX_ENDPOINTS    16
#define BROKER_MAX_NAMES        1024
#define BROKER_MAX_APPS         1024        //  Joined; and as many followed
#define BROKER_MAX_WATCHES      4096
#define BROKER_MAX_ANSWERS      256         //  Kept for a repeated request
#define BROKER_MAX_ANSWER_BYTES (256 * 1024)
#define BROKER_MIN_LEASE        1000        //  ms; a shorter wish is raised to it
#define BROKER_MAX_OWNED        2048        //  Names that belong to one key: longest unused are forgotten beyond
#define BROKER_MAX_HEEDS        4096        //  Keys that one session is told changes of
#define BROKER_TEXT             1024        //  Bytes for a sentence with two names in it

//  What the broker counts, for STAT. Besides these, each error code has a counter of refused
//  sessions ("refused.exists") and of denied requests ("denied.unknown").
#define BROKER_COUNTERS(X)                                                              \
    X(opened,        "sessions begun")                                                  \
    X(resumed,       "HELLOs of an incarnation that had a session already")             \
    X(taken_over,    "silent sessions whose name another one by the same key took")     \
    X(left,          "orderly ends")                                                    \
    X(gone,          "ends by death, lease or refusal")                                 \
    X(silences,      "times a session fell silent")                                     \
    X(claims_lost,   "names in a HELLO that somebody else holds by now")                \
    X(slow,          "sessions ended because they do not read")                         \
    X(asked,         "requests")                                                        \
    X(repeated,      "requests answered from memory")                                   \
    X(malformed,     "messages whose fields are not as the vocabulary says")            \
    X(strangers,     "messages of a type that nobody here knows")                       \
    X(misdirected,   "messages of a type that only a broker says")                      \
    X(members_sent,  "MEMBERS")                                                         \
    X(watched_sent,  "WATCHED")                                                         \
    X(fails_sent,    "FAILs made here, for what could not be passed on")                \
    X(unsent,        "messages of ours that found no link or no memory")                \
    X(relayed,       "messages passed on")                                              \
    X(relayed_bytes, "their bytes")                                                     \
    X(relay_unknown, "not passed on: nobody has that name")                             \
    X(relay_full,    "not passed on: the receiver does not read")                       \
    X(relay_expired, "not passed on: its deadline had passed")                          \
    X(relay_failed,  "not passed on: too big, no memory, or the link is closing")       \
    X(relay_lost,    "passed on, and not acknowledged when the receiver ended")         \
    X(log_refused,   "records that the log did not take")                               \
    X(tuples_sent,   "TUPLE: what watches of spaces were told")                         \
    X(topics_sent,   "TOPIC: messages delivered")                                       \
    X(reactions_sent, "REACTION: owners told that a run failed") \
    X(rights_refused, "messages refused since their author may not")                    \
    X(unaudited,     "of these, left out of the audit lines of a session that had too many") \
    X(names_refused, "names claimed that belong to another key")                        \
    X(rights_ended,  "waits, watches, subscriptions and so on that ended with the right to them") \
    X(rights_sent,   "RIGHTS")                                                          \
    X(vouched,       "VOUCHes that were answered")                                      \
    X(policies,      "policies put in force")                                           \
    X(revoked,       "keys revoked")                                                    \
    X(rotated,       "keys rotated")                                                    \
    X(drained,       "nodes told to drain")

typedef struct {
#define X(name, text) uint64_t name;
    BROKER_COUNTERS(X)
#undef X
    uint64_t refused[32], denied[32];       //  By error code
} broker_counters_t;

//  Text of a reaction that is to be run. What it points to is the core's, and there until `react` returns.
typedef struct {
    uint64_t run;               //  For the verdict, and for what it does
    uint64_t owner;             //  The session whose rights it has
    const char *who;            //  Id of the process whose operation it is; NULL: nobody's, or it has ended
    wire_str_t space, name, code;
    const char *on, *phase;     //  "out", "take", "read" or "expire"; "before" or "after"
    wire_reader_t tuple;
} broker_run_t;

//  A message that was refused since its author may not.
typedef struct {
    const char *who, *key, *id;     //  The certificate's name (or the key), the key, the process
    const char *type, *right;       //  "TAKE", "take"
    const char *about;              //  The space, topic, function or node, made printable
} broker_refusal_t;

typedef struct {
    //  One message for the session on this link. 0, or WIRE_E_FULL (nothing was queued), _TOO_BIG,
    //  _NO_MEMORY, _GONE. Must not call the core.
    int (*send)(void *arg, void *link, const void *message, size_t size);
    //  End this link at once and say why. The core has ended the session already. May call broker_core_gone.
    void (*drop)(void *arg, void *link, int code, const char *text);
    //  Append further counters to STAT's map: returns how many pairs. May be NULL.
    uint32_t (*stat)(void *arg, wire_buf_t *out);
    //  Somebody installs a reaction: can such text be run here? 0, or the code for DENY with text[BROKER_TEXT]. Must not
    //  call the core.
    int (*ready)(void *arg, char *text);
    //  Run a reaction's text; broker_core_verdict is called with what it came to, not from inside here. Must not call the
    //  core. NULL: there are no reactions. Either both or none.
    void (*react)(void *arg, const broker_run_t *run);
    //  A line for the audit. At most ten per session and ten seconds. Must not call the core. May be NULL.
    void (*audit)(void *arg, const broker_refusal_t *refusal);
    //  A session passes its rights on to a new key: trust that under this certificate's name, and the old one no more. 0, or
    //  the code for DENY with text[BROKER_TEXT]: nothing was changed. Asked once, before the record. Must not call the
    //  core. NULL: nothing to do.
    int (*rotate)(void *arg, const char *name, const char *old_key, const char *new_key, char *text);
} broker_output_t;

//  Where records go. A durable or a replicated log is another pair of these.
typedef struct {
    //  Take one record, copied. 0, or an error code: then it is not and never will be applied.
    //  When it is committed, broker_core_apply is called with it, here or later. NULL: every record is, at once.
    int (*propose)(void *arg, const void *record, size_t size);
} broker_log_t;

//  Commits at once, and keeps nothing.
extern const broker_log_t broker_log_memory;

typedef struct {
    const char *address;        //  What stands behind the @ of minted ids; copied
    int64_t lease;              //  ms that a silent session keeps its names; 0: WIRE_LEASE
    uint64_t first_number;      //  Mint above this: what a broker here before had reached
    uint64_t seed;              //  For hashes: a random number
    bool keys;                  //  There are sessions by key: rights are checked, and nodes are told of them
    const broker_log_t *log;    //  NULL: broker_log_memory
    void *log_arg;
} broker_core_config_t;

//  NULL: no memory, or an address that is empty or no name.
broker_core_t *broker_core_new(const broker_core_config_t *config, const broker_output_t *output, void *arg);
void broker_core_destroy(broker_core_t **self_p);

//  ---- Sessions ------------------------------------------------------------

typedef struct {
    wire_str_t name;            //  The node's; empty: mint one
    uint64_t incarnation;
    //  HELLO's map, all optional: {id: claimed process id, endpoints: [..], host:, apps: [..], names: [..],
    //  visitor: bool, spawn: bool, lease: ms}. Unknown keys are skipped.
    wire_reader_t body;
    wire_str_t key;             //  That the link has proved; empty: it showed the token, and has all rights
    wire_str_t key_name;        //  Of its certificate, up to 63 bytes
} broker_hello_t;

typedef struct {
    uint64_t session;
    const char *id, *node;      //  Live as long as the session
} broker_welcome_t;

//  A node says HELLO on `link`. 0: *welcome is set and WELCOME's map {id, address, lease, lost: [names]}
//  is appended to *body. Else the code for REFUSED, with *text (lives until the next call) for people:
//  USAGE (a name that cannot be), EXISTS (held by somebody else: the text says who and for how long),
//  MALFORMED, FULL, NO_MEMORY. The same name and incarnation again is the same session, now on this link. Another
//  incarnation by the same key takes the name from a session that is silent; that one is gone, and its link dropped.
//  Nothing is sent to this session from inside; others may hear of it. Call broker_core_tick afterwards, once
//  WELCOME is on its way: somebody may have to be ended for not reading what the others were told.
//  Needs a log that commits at once: a replicated one will want HELLO to be answerable later.
int broker_core_hello(broker_core_t *self, const broker_hello_t *hello, void *link, int64_t now,
                      broker_welcome_t *welcome, wire_buf_t *body, const char **text);

//  One message. `arrived` is when it came in: what it waited since is taken off its ttl.
//  0, or the code for a strike: MALFORMED (bad fields), DENIED (a type that is not a node's to say);
//  the sender has been told already where there was a request to tell it about.
int broker_core_message(broker_core_t *self, uint64_t session, const wire_msg_t *msg, int64_t arrived,
                        int64_t now);

//  No sign of life (true), or again one.
void broker_core_silent(broker_core_t *self, uint64_t session, bool silent, int64_t now);

//  A message that was relayed to this session and never acknowledged; its author is told. Call it before
//  broker_core_gone.
void broker_core_lost(broker_core_t *self, uint64_t session, const wire_msg_t *msg, int64_t now);

//  The link is closed: WIRE_E_CLOSED, an orderly end ("left"); any other code, "gone". Ignored when the
//  session is carried by another link by now.
void broker_core_gone(broker_core_t *self, uint64_t session, const void *link, int code, const char *text,
                      int64_t now);

//  A run has ended; what it did further it did by broker_core_reaction_op. A REDIRECT to where its owner may not put
//  anything is FAILED. 0, or WIRE_E_UNKNOWN: it is over for the core already; or the log's refusal.
int broker_core_verdict(broker_core_t *self, uint64_t run, spaces_judgement_t what, wire_str_t text,
                        wire_reader_t tuple, int64_t now);

//  The text of a run, which is under way, does an operation, at once: type OUT, TAKE, READ or COUNT, and `count` fields
//  as in its message, scanned. 0 with the answer's fields appended to out, *fields of them; or an error code with text[256].
int broker_core_reaction_op(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in,
                            int64_t now, wire_buf_t *out, uint32_t *fields, char *text);

//  ---- Keys ----------------------------------------------------------------

//  What keys may do from now on (policy/policy.h); packed.at NULL: no policy. 0, or USAGE / NO_MEMORY with error[BROKER_TEXT]:
//  then the old one stays.
int broker_core_policy(broker_core_t *self, wire_reader_t packed, int64_t now, char *error);

//  The names of all trusted certificates, a map from name to key: each belongs to its key. 0, MALFORMED or NO_MEMORY.
int broker_core_trust(broker_core_t *self, wire_reader_t packed, int64_t now);

//  This key is not trusted any more: its sessions end, and whoever was told of it hears so. Whether it comes again is
//  the shell's to see to.
int broker_core_revoke(broker_core_t *self, wire_str_t key, int64_t now);

//  The time of day, ms since 1970, from now on: messages of topics carry it.
void broker_core_wall(broker_core_t *self, int64_t wall);

//  Some link has room again, perhaps: say what waited for that.
void broker_core_room(broker_core_t *self);

//  Sessions that asked for a shorter lease than ours end by it, and what a HELLO left to do is done.
//  due: when to call tick, -1: never.
void    broker_core_tick(broker_core_t *self, int64_t now);
int64_t broker_core_due(const broker_core_t *self);

//  Carry out a committed record. For logs only. 0, or WIRE_E_MALFORMED: not a record.
int broker_core_apply(broker_core_t *self, const void *record, size_t size);

//  ---- Looking in ----------------------------------------------------------

typedef struct {
    uint64_t session;
    const char *id, *node, *host;
    uint64_t incarnation;
    void *link;
    bool visitor, silent;
    uint64_t sent, received;    //  Counted events on its present link, what is relayed apart: the launcher compares them with what the node has
                                //  received and sent, to find out whether a program is over
} broker_seat_t;

//  Call `fn` for each session, oldest first; it must not call the core. Strings live during the call.
void broker_core_each(const broker_core_t *self, void (*fn)(void *arg, const broker_seat_t *seat), void *arg);

//  One session, by its number, or by the id, node or registered name it holds. False: nobody.
bool broker_core_seat(const broker_core_t *self, uint64_t session, broker_seat_t *seat);
bool broker_core_find(const broker_core_t *self, wire_str_t who, broker_seat_t *seat);

//  What goes on by itself: delayed messages, leases of tuples that somebody waits for, expiries that are
//  reacted to, runs of reactions. Then no program is over.
uint64_t broker_core_parked(const broker_core_t *self);

//  seat.sent; 0 for no session.
uint64_t broker_core_sent(const broker_core_t *self, uint64_t session);

size_t   broker_core_members(const broker_core_t *self);    //  Sessions, visitors apart
uint64_t broker_core_number(const broker_core_t *self);     //  The highest minted or claimed
uint64_t broker_core_changes(const broker_core_t *self);    //  Grows with each record applied
const broker_counters_t *broker_core_counters(const broker_core_t *self);

#endif
