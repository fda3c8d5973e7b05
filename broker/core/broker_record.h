//  broker_record - what may change the broker's state, and how it stands in a log
//
//  The core changes only by applying records, in the order in which the log commits them.
//  A record holds everything that the change depends on, time among it, so that each
//  replica comes to the same state. Packed as one msgpack array
//
//      [ kind, time, session, request, number, name, body, count, key ]
//
//  Meaning of the fields where they are used; 0 or nil where they are not:

#ifndef BROKER_RECORD_H
#define BROKER_RECORD_H

#include "wire_buf.h"
#include "wire_read.h"

//    kind        id  what `number`, `name` and `body` are
#define BROKER_RECORDS(X)                                                                   \
    X(OPEN,        1, "incarnation, the node's name or empty, HELLO's map: a session begins. key: proved, with the certificate's name behind its 40 characters") \
    X(ENDED,       2, "error code, -, text: a session is over")                             \
    X(SILENT,      3, "-, -, -: no sign of life")                                           \
    X(BACK,        4, "-, -, -: a sign of life")                                            \
    X(REGISTER,    5, "-, name, -")                                                         \
    X(UNREGISTER,  6, "-, name, -")                                                         \
    X(JOIN,        7, "-, app, -")                                                          \
    X(LEAVE,       8, "-, app, -")                                                          \
    X(FOLLOW,      9, "-, app, -")                                                          \
    X(UNFOLLOW,   10, "-, app, -")                                                          \
    X(WATCH,      11, "-, whom or nil for all, -")                                          \
    X(UNWATCH,    12, "-, whom or nil for all, -")                                          \
    X(ATTEND,     13, "another session whose end this one wants to hear of (LOOKUP), -, -")  \
    X(SPACE,      14, "ms left to wait << 8 | type, -, `count` fields: an operation on tuple spaces") \
    X(TOPIC,      15, "ms since 1970 << 8 | type, -, `count` fields: publish, subscribe ...") \
    X(CLOCK,      16, "ms since 1970, -, -: what spaces and topics had to do by now")      \
    X(VERDICT,    17, "run, text, the tuple of a rewrite or redirect: a reaction's run has ended; request: spaces_judgement_t") \
    X(REACTED,    18, "run, -, `count` fields: a reaction's run does an operation; request: its type") \
    X(POLICY,     19, "-, -, the packed policy (policy/policy) or nil: what keys may do from now on") \
    X(TRUST,      20, "-, -, map from the names of all trusted certificates to their keys: these names are theirs") \
    X(REVOKED,    21, "-, key, -: whoever was told of its rights hears that it is not to come any more") \
    X(ROTATE,     22, "-, new key, -: the names and rights of the session's key are that key's") \
    X(HEED,       23, "-, key, -: the session was told of this key's rights, and hears of changes (VOUCH, relay)") \
    X(DRAIN,      24, "-, id, node or name, -: that one finishes and leaves")

typedef enum {
#define X(name, id, fields) BROKER_RECORD_##name = id,
    BROKER_RECORDS(X)
#undef X
    BROKER_RECORD_LIMIT = 32
} broker_record_kind_t;

typedef struct {
    broker_record_kind_t kind;
    int64_t time;               //  ms, the proposer's clock
    uint64_t session;           //  Whose change it is; 0 in OPEN
    uint64_t request;           //  The ASK that is answered when this is applied, or 0
    uint64_t number;
    wire_str_t name;            //  data NULL: nil
    wire_str_t body;            //  Packed map, text or packed fields; data NULL: nil
    uint32_t count;             //  Fields in body
    wire_str_t key;             //  OPEN only; data NULL: nil
} broker_record_t;

void broker_record_put(wire_buf_t *out, const broker_record_t *record);

//  0, or WIRE_E_MALFORMED. The record points into `data`.
int broker_record_read(const void *data, size_t size, broker_record_t *record);

//  "OPEN"; NULL for a number not in the list.
const char *broker_record_name(unsigned kind);

#endif
