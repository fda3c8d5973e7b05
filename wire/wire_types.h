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
    X(ANSWER,   32, TELL, false, true,  false, "...results of an ASK") \
    X(DENY,     33, TELL, false, true,  false, "code, text: an ASK that failed") \
    X(MEMBERS,  34, TELL, false, true,  true,  "app, version, what, id, node: what is \"join\", \"leave\" or \"gone\"") \
    X(WATCHED,  35, TELL, false, true,  true,  "what, id, node, incarnation, text: what is \"up\", \"silent\", \"back\", \"left\" or \"gone\"") \
    X(LOOKUP,   48, ASK,  false, false, false, "who: an id, a node or a registered name -> {id, node, incarnation, endpoints[], host}; implies WATCH of it") \
    X(REGISTER, 49, ASK,  false, true,  false, "name -> true") \
    X(UNREGISTER,50,ASK,  false, true,  false, "name -> true") \
    X(JOIN,     51, ASK,  false, true,  false, "app -> version, [ids in join order]; implies FOLLOW") \
    X(LEAVE,    52, ASK,  false, true,  false, "app -> version") \
    X(FOLLOW,   53, ASK,  false, true,  false, "app -> version, [ids in join order]; MEMBERS follow") \
    X(UNFOLLOW, 54, ASK,  false, true,  false, "app -> true") \
    X(NODES,    55, ASK,  false, false, false, "-> [{id, node, incarnation, endpoints[], host, state, apps[], names[], visitor}]") \
    X(APPS,     56, ASK,  false, false, false, "-> [names]") \
    X(WATCH,    57, ASK,  false, true,  false, "who, or nil for all -> true; WATCHED follow") \
    X(UNWATCH,  58, ASK,  false, true,  false, "who, or nil -> true") \
    X(STAT,     59, ASK,  false, false, false, "-> {counters}")

typedef enum {
#define X(name, id, way, early, change, counts, fields) WIRE_##name = id,
    WIRE_TYPES(X)
#undef X
    WIRE_TYPE_LIMIT = 64
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
