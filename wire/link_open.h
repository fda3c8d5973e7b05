//  link_open - the messages that open and end a link
//
//  A writer beside a reader for each. Readers take a message that wire_msg_next
//  returned; what they give points into the frame. More fields than are known are
//  no error: a later version may have added them.

#ifndef WIRE_LINK_OPEN_H
#define WIRE_LINK_OPEN_H

#include "wire_msg.h"

typedef struct {
    uint32_t min_version, max_version, features;
    uint64_t nonce;             //  The answer repeats it
    wire_str_t role, name;      //  Name may be empty: the broker mints one
    uint64_t incarnation;
    wire_str_t proof;
    uint64_t session;
    wire_reader_t body;         //  A map; nothing at all is written as the empty map
} wire_hello_t;

typedef struct {
    uint32_t version, features;
    uint64_t nonce;
    wire_str_t role, name;
    uint64_t incarnation, session, term;
    wire_reader_t body;
} wire_welcome_t;

typedef struct {
    uint64_t nonce;             //  0: not an answer, the link is ended
    int code;                   //  WIRE_E_...
    wire_str_t text;
} wire_refused_t;

typedef struct {                //  RESUME and RESUMED
    uint64_t nonce, session, received;
} wire_resume_t;

void wire_put_hello(wire_buf_t *out, const wire_hello_t *self);
int  wire_read_hello(const wire_msg_t *msg, wire_hello_t *self);

void wire_put_welcome(wire_buf_t *out, const wire_welcome_t *self);
int  wire_read_welcome(const wire_msg_t *msg, wire_welcome_t *self);

void wire_put_refused(wire_buf_t *out, uint64_t nonce, int code, const char *text);
int  wire_read_refused(const wire_msg_t *msg, wire_refused_t *self);

//  type is WIRE_RESUME or WIRE_RESUMED.
void wire_put_resume(wire_buf_t *out, wire_type_t type, const wire_resume_t *self);
int  wire_read_resume(const wire_msg_t *msg, wire_resume_t *self);

void wire_put_bye(wire_buf_t *out, int code, const char *text);
int  wire_read_bye(const wire_msg_t *msg, int *code, wire_str_t *text);

void wire_put_who(wire_buf_t *out);

//  Whether two texts are equal, in a time that tells nothing about where they differ.
bool wire_proof_equal(wire_str_t a, wire_str_t b);

#endif
