//  wire_error - every way in which something can fail, declared once
//
//  From this list come the C enum, the names that travel and that Lua sees
//  (err.code == "timeout"), and the texts. `definite` says what a caller may
//  conclude when nothing better is known: true, the work was surely not done
//  (or its failure is the result); false, the outcome is unknown.
//  Not thread-bound: constants and pure functions only.

#ifndef WIRE_ERROR_H
#define WIRE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

//     name         id  on the wire      definite  text
#define WIRE_ERRORS(X)                                                              \
    X(OK,            0, "ok",            true,  "no error")                          \
    X(MALFORMED,     1, "malformed",     true,  "the bytes are not a valid message") \
    X(TOO_BIG,       2, "too_big",       true,  "larger than the limit allows")      \
    X(TOO_DEEP,      3, "too_deep",      true,  "nested deeper than the limit allows") \
    X(VERSION,       4, "version",       true,  "no common protocol version")        \
    X(STATE,         5, "state",         true,  "not allowed in this state")         \
    X(DENIED,        6, "denied",        true,  "not allowed for this peer")         \
    X(UNKNOWN,       7, "unknown",       true,  "no such process, node or name")     \
    X(NO_FUNCTION,   8, "no_function",   true,  "no such function")                  \
    X(NOT_EXPORTED,  9, "not_exported",  true,  "defined but not exported")          \
    X(TIMEOUT,      10, "timeout",       false, "no answer before the deadline")     \
    X(CANCELLED,    11, "cancelled",     false, "cancelled")                         \
    X(GONE,         12, "gone",          false, "the peer is gone")                  \
    X(FULL,         13, "full",          true,  "no room before the deadline")       \
    X(CLOSED,       14, "closed",        true,  "closed")                            \
    X(NO_MEMORY,    15, "no_memory",     true,  "out of memory")                     \
    X(EXISTS,       16, "exists",        true,  "the name is taken")                 \
    X(UNSENDABLE,   17, "unsendable",    true,  "a value that cannot be sent")       \
    X(REMOTE,       18, "remote",        true,  "error in the remote function")      \
    X(SYNTAX,       19, "syntax",        true,  "syntax error in the chunk")         \
    X(USAGE,        20, "usage",         true,  "wrong use")                         \
    X(OFFLINE,      21, "offline",       true,  "not connected to a broker")         \
    X(EXPIRED,      22, "expired",       true,  "the deadline passed before the work began") \
    X(DUPLICATE,    23, "duplicate",     true,  "another link to this peer is kept") \
    X(SYSTEM,       24, "system",        true,  "the operating system refused")      \
    X(DEADLOCK,     25, "deadlock",      true,  "nothing can ever happen")           \
    X(INTERNAL,     26, "internal",      false, "a fault in ALua itself")            \
    X(DRAINING,     27, "draining",      true,  "the node is leaving and takes no new work")

typedef enum {
#define X(name, id, word, definite, text) WIRE_E_##name = id,
    WIRE_ERRORS(X)
#undef X
} wire_error_t;

//  The word that travels ("timeout"); "internal" for a number not in the list.
const char *wire_error_word(int error);

//  The text for people, without a full stop.
const char *wire_error_text(int error);

//  Whether the error, by itself, tells that the work was not done.
bool wire_error_definite(int error);

//  The error of a word of `size` bytes; WIRE_E_REMOTE when it is not ours, since
//  another implementation may know more errors than we do.
int wire_error_of(const char *word, size_t size);

#endif
