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
//    right   what its author must be allowed, where keys tell who may do what (policy/rights); what the word is
//            about (a function, a space, a topic) is one of the fields. ACK and BATCH need what they hold

#ifndef WIRE_TYPES_H
#define WIRE_TYPES_H

#include <stdbool.h>

//    name   word in a policy   what it is about
#define WIRE_RIGHTS(X)                                                      \
    X(NONE,  "",      "what everybody may who was let in")                  \
    X(CODE,  "code",  "running Lua: none, jail or full; by node")           \
    X(CALL,  "call",  "calling functions, by their dotted names")           \
    X(OUT,   "out",   "putting tuples, by space")                           \
    X(TAKE,  "take",  "taking tuples and destroying, by space")             \
    X(READ,  "read",  "reading, counting and watching tuples, by space")    \
    X(PUB,   "pub",   "publishing, by topic")                               \
    X(SUB,   "sub",   "subscribing, by pattern")                            \
    X(ADMIN, "admin", "draining and ending nodes of others")

typedef enum {
#define X(name, word, text) WIRE_RIGHT_##name,
    WIRE_RIGHTS(X)
#undef X
    WIRE_RIGHT_LIMIT
} wire_right_t;

//    name         id  way   early change counts right fields after ttl_ms
#define WIRE_TYPES(X)                                                                       \
    X(LINK,           1, OPEN, false, false, false, NONE,  "not a message: the header [version, LINK, seq, ack] that opens each frame of a counted link") \
    X(HELLO,          2, OPEN, true,  true,  false, NONE,  "min_version, max_version, features, nonce, role, name, incarnation, proof, session, body{}") \
    X(WELCOME,        3, OPEN, true,  true,  false, NONE,  "version, features, nonce, role, name, incarnation, session, term, brokers[], body{}") \
    X(REFUSED,        4, OPEN, true,  false, false, NONE,  "nonce, code, text: the link was not opened, or is ended") \
    X(RESUME,         5, OPEN, true,  false, false, NONE,  "nonce, session, received: frames had before the connection broke") \
    X(RESUMED,        6, OPEN, true,  false, false, NONE,  "nonce, session, received") \
    X(BYE,            7, OPEN, false, true,  false, NONE,  "code, text: an orderly end, behind everything sent before") \
    X(WHO,            8, OPEN, true,  false, false, NONE,  "to a routing id that said no HELLO: say it") \
    X(CHUNK,         16, PROC, false, true,  true,  CODE,  "from, to, flags, name, code, args[]: run a chunk of Lua text") \
    X(CALL,          17, PROC, false, true,  true,  CALL,  "from, to, flags, name, args[]: call a function by its dotted name") \
    X(REPLY,         18, PROC, false, true,  true,  NONE,  "from, to, results[]") \
    X(FAIL,          19, PROC, false, true,  true,  NONE,  "from, to, error{code, message, node, where, traceback[], definite, value}") \
    X(CANCEL,        20, PROC, false, true,  false, NONE,  "from, to: the caller of `request` waits no longer") \
    X(CREDIT,        21, PROC, false, true,  false, NONE,  "from, to, events, bytes: totals consumed from this sender since the link's epoch began") \
    X(END,           22, PROC, false, true,  true,  NONE,  "from, to, code, text: the process `from` has ended, behind all it sent") \
    X(SWITCH,        23, PROC, false, true,  false, NONE,  "from, to: through the broker only, behind all that went through it before; what follows waits for SWITCHED, and then goes over the link") \
    X(SWITCHED,      24, PROC, false, true,  false, NONE,  "from, to: SWITCH `request` is here, and so is all that was before it") \
    X(ANSWER,        32, TELL, false, true,  true,  NONE,  "...results of an ASK") \
    X(DENY,          33, TELL, false, true,  true,  NONE,  "code, text: an ASK that failed; request 0: code, text, topic: a PUBLISH that nobody waits for") \
    X(MEMBERS,       34, TELL, false, true,  true,  NONE,  "app, version, what, id, node: what is \"join\", \"leave\" or \"gone\"") \
    X(WATCHED,       35, TELL, false, true,  true,  NONE,  "what, id, node, incarnation, text: what is \"up\", \"silent\", \"back\", \"left\" or \"gone\"") \
    X(TUPLE,         36, TELL, false, true,  true,  NONE,  "watch, n, missed, number, tuple: the n-th arrival that this watch was told of; `missed` were left out before it") \
    X(TOPIC,         37, TELL, false, true,  true,  NONE,  "sub, n, missed, topic, publisher, seq, time, flags, reply, value: the n-th message of this subscription; `missed` were left out before it") \
    X(REACTION,      38, TELL, false, true,  true,  NONE,  "reaction, text: a run of it failed, or what it did further; the operation went on, unless the reaction is strict") \
    X(RIGHTS,        39, TELL, false, true,  false, NONE,  "node, key, rights{} or nil: what the processes of that node may do here from now on; nil: it may not come, or not any more") \
    X(DRAINING,      40, TELL, false, true,  false, NONE,  "by: finish what was begun, refuse new work, leave") \
    X(LOOKUP,        48, ASK,  false, false, true,  NONE,  "who: an id, a node or a registered name -> {id, node, incarnation, endpoints[], host}; implies WATCH of it") \
    X(REGISTER,      49, ASK,  false, true,  true,  NONE,  "name -> true") \
    X(UNREGISTER,    50, ASK,  false, true,  true,  NONE,  "name -> true") \
    X(JOIN,          51, ASK,  false, true,  true,  NONE,  "app -> version, [ids in join order]; implies FOLLOW") \
    X(LEAVE,         52, ASK,  false, true,  true,  NONE,  "app -> version") \
    X(FOLLOW,        53, ASK,  false, true,  true,  NONE,  "app -> version, [ids in join order]; MEMBERS follow") \
    X(UNFOLLOW,      54, ASK,  false, true,  true,  NONE,  "app -> true") \
    X(NODES,         55, ASK,  false, false, true,  NONE,  "-> [{id, node, incarnation, endpoints[], host, state, apps[], names[], visitor}]") \
    X(APPS,          56, ASK,  false, false, true,  NONE,  "-> [names]") \
    X(WATCH,         57, ASK,  false, true,  true,  NONE,  "who, or nil for all -> true; WATCHED follow") \
    X(UNWATCH,       58, ASK,  false, true,  true,  NONE,  "who, or nil -> true") \
    X(STAT,          59, ASK,  false, false, true,  NONE,  "-> {counters}") \
    X(VOUCH,         60, ASK,  false, false, true,  NONE,  "node, key -> rights{}, [nodes]: who has a session here that this key proved, and what it may? RIGHTS follow when that changes") \
    X(ROTATE,        61, ASK,  false, true,  true,  NONE,  "key -> true: the names and rights of our key are that key's from now on") \
    X(DRAIN,         62, ASK,  false, true,  true,  ADMIN, "node -> true: tell it DRAINING. Of one's own node without the right") \
    X(OUT,           64, ASK,  false, true,  true,  OUT,   "space, tuple, options{ttl, number} -> number: put a tuple") \
    X(TAKE,          65, ASK,  false, true,  true,  TAKE,  "space, template, options{try, lease, put, all, after} -> tuple, number, lease; with `all` -> [tuples], [numbers]. Waits as long as ttl_ms says") \
    X(READ,          66, ASK,  false, true,  true,  READ,  "space, template, options{try, all} -> tuple, number; with `all` -> [tuples], [numbers]") \
    X(COUNT,         67, ASK,  false, false, true,  READ,  "space, template -> n") \
    X(ACK,           68, ASK,  false, true,  true,  NONE,  "lease, outs[[space, tuple, options]...] -> [numbers]: the leased tuple is consumed and these are put, in one step") \
    X(RELEASE,       69, ASK,  false, true,  true,  NONE,  "lease -> true: the tuple comes back") \
    X(EXTEND,        70, ASK,  false, true,  true,  NONE,  "lease, ms -> true: the lease ends so long from now") \
    X(BATCH,         71, ASK,  false, true,  true,  NONE,  "[[type, ...fields]...] of OUT, TAKE, READ, COUNT, ACK -> [[fields]...]: all or nothing; a take or read that finds nothing denies all") \
    X(FORGET,        72, ASK,  false, true,  true,  NONE,  "request of a TAKE or READ that waits -> true when it did; it is denied `cancelled` first") \
    X(SPACE_WATCH,   73, ASK,  false, true,  true,  READ,  "space, template, options{after} -> watch, number; TUPLE follow") \
    X(SPACE_UNWATCH, 74, ASK,  false, true,  true,  NONE,  "watch -> true") \
    X(REACT,         75, ASK,  false, true,  true,  CODE,  "space, on, phase, template, name, code, options{strict} -> reaction: Lua text, run in the jail") \
    X(UNREACT,       76, ASK,  false, true,  true,  NONE,  "reaction -> true") \
    X(DESTROY,       77, ASK,  false, true,  true,  TAKE,  "space -> true: its tuples are dropped, who waits there is denied `closed`") \
    X(SPACES,        78, ASK,  false, false, true,  NONE,  "-> [{name, tuples, bytes, leases, waiters, watches, reactions}]") \
    X(REACTIONS,     79, ASK,  false, false, true,  READ,  "space -> [{number, on, phase, name, strict, owner}]: in the order in which they run") \
    X(PUBLISH,       80, ASK,  false, true,  true,  PUB,   "topic, value, options{retain, ttl, delay, reply} -> receivers; with request 0 nothing") \
    X(SUBSCRIBE,     81, ASK,  false, true,  true,  SUB,   "pattern, options{group, filter, last, since, seq, window, count, bytes, policy} -> sub; TOPIC follow") \
    X(UNSUBSCRIBE,   82, ASK,  false, true,  true,  NONE,  "sub -> true") \
    X(CONSUMED,      83, ASK,  false, true,  true,  NONE,  "sub, n: so many of its messages were handled; no answer") \
    X(WILL,          84, ASK,  false, true,  true,  PUB,   "topic, value, options; or nil -> true: published when the session ends by death") \
    X(TOPICS,        85, ASK,  false, false, true,  NONE,  "-> [{topic, seq, kept, retained}], [{pattern, sub, id, group, waiting, dropped}]")

typedef enum {
#define X(name, id, way, early, change, counts, right, fields) WIRE_##name = id,
    WIRE_TYPES(X)
#undef X
    WIRE_TYPE_LIMIT = 128
} wire_type_t;

typedef enum { WIRE_WAY_NONE, WIRE_WAY_OPEN, WIRE_WAY_PROC, WIRE_WAY_ASK, WIRE_WAY_TELL } wire_way_t;

//  Flags of CHUNK and CALL
#define WIRE_WANTS_REPLY    1u      //  Somebody waits: REPLY or FAIL. Without it only FAIL is sent
#define WIRE_WANTS_RESULTS  2u      //  REPLY carries the results; without it REPLY is empty
#define WIRE_BACKGROUND     4u      //  Does not hold the program

//  Flags of TOPIC
#define WIRE_TOPIC_RETAINED 1u      //  It was kept, not published just now
#define WIRE_TOPIC_REPLAYED 2u      //  From the history
#define WIRE_TOPIC_WILL     4u
#define WIRE_TOPIC_GAP      8u      //  No message: only `missed` counts
#define WIRE_TOPIC_FULL     16u     //  Of `missed`: because a queue was full
#define WIRE_TOPIC_FORGOTTEN 32u    //  Of `missed`: no longer in the history that was asked for
#define WIRE_TOPIC_CAUSES   (WIRE_TOPIC_FULL | WIRE_TOPIC_FORGOTTEN)

//  Bits of HELLO's and WELCOME's features
#define WIRE_FEATURE_RESUME 1u      //  Frames are counted and resent (LINK headers)

//  What the columns say of a type; NULL/NONE/false for a number not in the list.
const char *wire_type_name(unsigned type);
const char *wire_type_fields(unsigned type);
wire_way_t  wire_type_way(unsigned type);
bool        wire_type_early(unsigned type);
bool        wire_type_changes(unsigned type);
bool        wire_type_counts(unsigned type);
wire_right_t wire_type_right(unsigned type);

//  "take"; "" for none, and for a number not in the list.
const char *wire_right_word(unsigned right);

#endif
