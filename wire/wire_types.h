//  wire_types - the vocabulary, declared once
//
//  A message is one msgpack array  [version, type, request, ttl_ms, ...fields].
//  What goes from process to process (kind PROC) has `from` and `to`, two process
//  ids, as its first two fields; `from` is what the link proved, a relay stamps it.
//
//  Columns
//    way     who may say it:  OPEN   the opening of a link, either end
//                             PROC   process to process, directly or through the broker
//                             ASK    node to broker, answered by ANSWER or DENY
//                             TELL   broker to node
//    early   allowed before WELCOME
//    change  changes state at the receiver: a repeat within a session has the first answer
//    counts  an event for the detection of termination (see main/over)

#ifndef WIRE_TYPES_H
#define WIRE_TYPES_H

#include <stdbool.h>

//    name      id  way   early  change counts fields after ttl_ms
#define WIRE_TYPES(X)                                                                       \
    X(LINK,      1, OPEN, false, false, false, "not a message: the header [version, LINK, seq, ack] that opens each frame of a counted link") \
    X(HELLO,     2, OPEN, true,  true,  false, "min_version, max_version, features, nonce, role, name, incarnation, proof, session, body{}") \
    X(WELCOME,   3, OPEN, true,  true,  false, "version, features, nonce, role, name, incarnation, session, term, brokers[], body{}") \
    X(REFUSED,   4, OPEN, true,  false, false, "nonce, code, text: the link was not opened, or is ended") \
    X(RESUME,    5, OPEN, true,  false, false, "nonce, session, received: frames had before the connection broke") \
    X(RESUMED,   6, OPEN, true,  false, false, "nonce, session, received") \
    X(BYE,       7, OPEN, false, true,  false, "code, text: an orderly end, behind everything sent before") \
    X(WHO,       8, OPEN, true,  false, false, "to a routing id that said no HELLO: say it") \
    X(CHUNK,    16, PROC, false, true,  true,  "from, to, flags, name, code, args[]: run a chunk of Lua text") \
    X(CALL,     17, PROC, false, true,  true,  "from, to, flags, name, args[]: call a function by its dotted name") \
    X(REPLY,    18, PROC, false, true,  true,  "from, to, results[]") \
    X(FAIL,     19, PROC, false, true,  true,  "from, to, error{code, message, node, where, traceback[], definite, value}") \
    X(CANCEL,   20, PROC, false, true,  false, "from, to: the caller of `request` waits no longer") \
    X(CREDIT,   21, PROC, false, true,  false, "from, to, events, bytes: totals consumed from this sender since the link's epoch began") \
    X(END,      22, PROC, false, true,  true,  "from, to, code, text: the process `from` has ended, behind all it sent") \
    X(ANSWER,   32, TELL, false, true,  true, "...results of an ASK") \
    X(DENY,     33, TELL, false, true,  true, "code, text: an ASK that failed") \
    X(MEMBERS,  34, TELL, false, true,  true,  "app, version, what, id, node: what is \"join\", \"leave\" or \"gone\"") \
    X(WATCHED,  35, TELL, false, true,  true,  "what, id, node, incarnation, text: what is \"up\", \"silent\", \"back\", \"left\" or \"gone\"") \
    X(TUPLE,    36, TELL, false, true,  true,  "watch, n, missed, number, tuple: the n-th arrival that this watch was told of; `missed` were left out before it") \
    X(TOPIC,    37, TELL, false, true,  true,  "sub, n, missed, topic, publisher, seq, time, flags, reply, value: the n-th message of this subscription; `missed` were dropped before it") \
    X(REACTION, 38, TELL, false, true,  true,  "reaction, text: a run of it failed, or what it did further; the operation went on") \
    X(LOOKUP,   48, ASK,  false, false, true, "who: an id, a node or a registered name -> {id, node, incarnation, endpoints[], host}; implies WATCH of it") \
    X(REGISTER, 49, ASK,  false, true,  true, "name -> true") \
    X(UNREGISTER,50,ASK,  false, true,  true, "name -> true") \
    X(JOIN,     51, ASK,  false, true,  true, "app -> version, [ids in join order]; implies FOLLOW") \
    X(LEAVE,    52, ASK,  false, true,  true, "app -> version") \
    X(FOLLOW,   53, ASK,  false, true,  true, "app -> version, [ids in join order]; MEMBERS follow") \
    X(UNFOLLOW, 54, ASK,  false, true,  true, "app -> true") \
    X(NODES,    55, ASK,  false, false, true, "-> [{id, node, incarnation, endpoints[], host, state, apps[], names[], visitor}]") \
    X(APPS,     56, ASK,  false, false, true, "-> [names]") \
    X(WATCH,    57, ASK,  false, true,  true, "who, or nil for all -> true; WATCHED follow") \
    X(UNWATCH,  58, ASK,  false, true,  true, "who, or nil -> true") \
    X(STAT,     59, ASK,  false, false, true, "-> {counters}") \
    X(OUT,      64, ASK,  false, true,  true, "space, tuple, options{ttl, number} -> number: put a tuple") \
    X(TAKE,     65, ASK,  false, true,  true, "space, template, options{try, lease, put, all, after} -> tuple, number, lease; with `all` -> [tuples], [numbers]. Waits as long as ttl_ms says") \
    X(READ,     66, ASK,  false, true,  true, "space, template, options{try, all} -> tuple, number; with `all` -> [tuples], [numbers]") \
    X(COUNT,    67, ASK,  false, false, true, "space, template -> n") \
    X(ACK,      68, ASK,  false, true,  true, "lease, outs[[space, tuple, options]...] -> [numbers]: the leased tuple is consumed and these are put, in one step") \
    X(RELEASE,  69, ASK,  false, true,  true, "lease -> true: the tuple comes back") \
    X(EXTEND,   70, ASK,  false, true,  true, "lease, ms -> true: the lease ends so long from now") \
    X(BATCH,    71, ASK,  false, true,  true, "[[type, ...fields]...] of OUT, TAKE, READ, COUNT, ACK -> [[fields]...]: all or nothing; a take or read that finds nothing denies all") \
    X(FORGET,   72, ASK,  false, true,  true, "request of a TAKE or READ that waits -> true when it did; it is denied `cancelled` first") \
    X(SPACE_WATCH,   73, ASK, false, true, true, "space, template, options{} -> watch; TUPLE follow") \
    X(SPACE_UNWATCH, 74, ASK, false, true, true, "watch -> true") \
    X(REACT,    75, ASK,  false, true,  true, "space, on, phase, template, name, code -> reaction: Lua text, run in the jail") \
    X(UNREACT,  76, ASK,  false, true,  true, "reaction -> true") \
    X(DESTROY,  77, ASK,  false, true,  true, "space -> true: its tuples are dropped, who waits there is denied `closed`") \
    X(SPACES,   78, ASK,  false, false, true, "-> [{name, tuples, bytes, leases, waiters, watches, reactions}]") \
    X(REACTIONS,79, ASK,  false, false, true, "space -> [{number, on, phase, name, owner}]: in the order in which they run") \
    X(PUBLISH,  80, ASK,  false, true,  true, "topic, value, options{retain, ttl, delay, reply} -> receivers; with request 0 nothing") \
    X(SUBSCRIBE,81, ASK,  false, true,  true, "pattern, options{group, filter, last, since, seq, window, count, bytes, policy} -> sub; TOPIC follow") \
    X(UNSUBSCRIBE, 82, ASK, false, true, true, "sub -> true") \
    X(CONSUMED, 83, ASK,  false, true,  true, "sub, n: so many of its messages were handled; no answer") \
    X(WILL,     84, ASK,  false, true,  true, "topic, value, options; or nil -> true: published when the session ends by death") \
    X(TOPICS,   85, ASK,  false, false, true, "-> [{topic, seq, kept, retained}], [{pattern, sub, id, group, waiting, dropped}]")

typedef enum {
#define X(name, id, way, early, change, counts, fields) WIRE_##name = id,
    WIRE_TYPES(X)
#undef X
    WIRE_TYPE_LIMIT = 128
} wire_type_t;

typedef enum { WIRE_WAY_NONE, WIRE_WAY_OPEN, WIRE_WAY_PROC, WIRE_WAY_ASK, WIRE_WAY_TELL } wire_way_t;

//  Flags of CHUNK and CALL
#define WIRE_WANTS_REPLY    1u      //  Somebody waits: REPLY or FAIL. Without it only FAIL is sent
#define WIRE_WANTS_RESULTS  2u      //  REPLY carries the results; without it REPLY is empty
#define WIRE_BACKGROUND     4u      //  Does not hold the program

//  Bits of HELLO's and WELCOME's features
#define WIRE_FEATURE_RESUME 1u      //  Frames are counted and resent (LINK headers)

//  What the columns say of a type; NULL/NONE/false for a number not in the list.
const char *wire_type_name(unsigned type);
const char *wire_type_fields(unsigned type);
wire_way_t  wire_type_way(unsigned type);
bool        wire_type_early(unsigned type);
bool        wire_type_changes(unsigned type);
bool        wire_type_counts(unsigned type);

#endif
