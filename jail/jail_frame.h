//  jail_frame - what client, fork server and worker say to each other
//
//  Client and worker have a stream socket between them. A frame is
//
//      size (4 bytes, little-endian, of what follows)   type (1 byte)   msgpack values, back to back
//
//  and they take turns: who has spoken listens until the other has. Each value is scanned by
//  itself before it is decoded, by both sides: the worker's words are hostile input.
//
//      client                                 worker
//         | <----------------------- READY ---- |       once, when it has no power left
//         | -- RUN hash, name, code, ... -----> |
//         | <------------------------ WANT ---- |       code was nil and the hash is not known: RUN again
//         | <------------- CALL name, args ---- |       any number of times
//         | -- ANSWER results, or REFUSE -----> |
//         | <--- DONE results, or FAIL map ---- |
//
//  Client and fork server have a SEQPACKET socket: each packet is one jail_order_t, and a BORN
//  carries the client's end of the new worker's socket.

#ifndef JAIL_FRAME_H
#define JAIL_FRAME_H

#include <stdbool.h>

#include "wire_buf.h"
#include "wire_limits.h"
#include "wire_read.h"

//       name    id  values
#define JAIL_FRAMES(X)                                                              \
    X(RUN,     1, "hash (8 bytes), name, code or nil, names[] of calls, args[]")    \
    X(ANSWER,  2, "results[] of a call")                                            \
    X(REFUSE,  3, "a call failed: map as in FAIL")                                  \
    X(READY,   4, "none: the worker waits for work")                                \
    X(WANT,    5, "none: send the code as well")                                    \
    X(CALL,    6, "name, args[]")                                                   \
    X(DONE,    7, "results[]")                                                      \
    X(FAIL,    8, "map as in wire/'s FAIL")

typedef enum {
#define X(name, id, values) JAIL_##name = id,
    JAIL_FRAMES(X)
#undef X
} jail_type_t;

#define JAIL_HEAD       5
#define JAIL_HASH       8                           //  Bytes of a text's hash
#define JAIL_MAX_UP     (WIRE_MAX_MESSAGE + 1024)   //  A frame of the worker's
#define JAIL_MAX_CODE   (1024 * 1024)               //  Whatever the configuration says
#define JAIL_MAX_DOWN   (JAIL_MAX_CODE + WIRE_MAX_MESSAGE + 64 * 1024)
#define JAIL_MAX_NAMES  64                          //  Calls that a job may name

//  The room that a value must leave in a message around it; as in bindings/codec.h.
#define JAIL_VALUE_SIZE     (WIRE_MAX_MESSAGE - 4096)
#define JAIL_VALUE_DEPTH    (WIRE_MAX_DEPTH - 4)
#define JAIL_VALUE_OBJECTS  (WIRE_MAX_OBJECTS - 64)
#define JAIL_EXT_ERROR      1                       //  An error object
#define JAIL_EXT_TERM       2                       //  A template's term; a table of its own kind here
#define JAIL_EXT_CODE       3                       //  Code text; worker/term.h

//  A worker lives on for its principal, so the limit on its processor time is a backstop; the
//  client retires it long before.
#define JAIL_CPU_LIMIT      1200                    //  s
#define JAIL_CPU_RETIRE     300                     //  s, of running by the clock
#define JAIL_MAX_DEADLINE   600                     //  s

#define JAIL_SERVER_FD  3

#define JAIL_AHEAD      1

typedef enum {
    JAIL_ORDER_FORK = 1,        //  to the server: a worker of this id; status is JAIL_AHEAD when nobody waits for it
    JAIL_ORDER_KILL,            //  to the server: end that one
    JAIL_ORDER_BORN,            //  to the client: here is its socket; status is its pid
    JAIL_ORDER_DEAD             //  to the client: reaped, status as of waitpid; or never born, -errno
} jail_order_type_t;

typedef struct {
    uint32_t type;
    uint32_t id;
    int32_t status;
} jail_order_t;

typedef struct {
    int type;
    wire_reader_t body;
} jail_frame_t;

//  Begin a frame in an empty buffer; its values are appended, then it is ended.
void jail_frame_begin(wire_buf_t *out, jail_type_t type);
void jail_frame_end(wire_buf_t *out);

//  The frame that must fill the buffer exactly. 0; WIRE_E_STATE: more bytes are to come;
//  WIRE_E_TOO_BIG: it announces more than `limit`; WIRE_E_MALFORMED: it is followed by something.
//  *frame points into the buffer.
int jail_frame_look(const wire_buf_t *in, size_t limit, jail_frame_t *frame);

//  Scan the value at the cursor, which must be of this kind, and step over it; *value is it alone.
//  STR takes bin as well.
int jail_frame_value(wire_reader_t *body, wire_kind_t kind, wire_reader_t *value);

#endif
