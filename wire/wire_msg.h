//  wire_msg - the envelope of every message
//
//      [ version, type, request, ttl_ms, ...fields ]
//      [ version, type, request, ttl_ms, from, to, ...fields ]     way PROC
//
//  ttl_ms is always the five bytes of a uint32, so that relay and resend can patch
//  it in place; 0 is "no deadline". A frame holds one or more messages back to back
//  and ends exactly at a message's end.
//  Decoding allocates nothing: a wire_msg_t points into the frame's bytes.

#ifndef WIRE_MSG_H
#define WIRE_MSG_H

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"
#include "wire_types.h"

typedef struct {
    wire_type_t type;
    uint64_t request;           //  0 when nobody waits
    uint32_t ttl;               //  ms left, 0 = no deadline
    wire_str_t from, to;        //  PROC only, else empty
    uint32_t count;             //  How many fields stand at `fields`
    wire_reader_t fields;       //  What follows ttl_ms, or `to`
    wire_reader_t whole;        //  The message's own bytes
} wire_msg_t;

//  The link header that opens each frame of a counted link.
typedef struct {
    uint64_t seq;               //  Of this frame, from 1; 0: a lone ACK, nothing follows
    uint64_t ack;               //  Frames had from the receiver of this one, cumulative
} wire_link_header_t;

//  Append the envelope's opening; exactly `count` fields must be put behind it.
//  For PROC types from and to are written here and not part of count.
void wire_msg_begin(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl, uint32_t count);
void wire_msg_begin_proc(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl,
                         wire_str_t from, wire_str_t to, uint32_t count);

//  Take the next message off a frame: scanned, of our version, of a known type.
//  0 and the cursor behind it; else WIRE_E_MALFORMED, _TOO_BIG, _TOO_DEEP or
//  _VERSION, and the rest of the frame cannot be used.
//  An unknown type is 0 with wire_type_name(msg->type) == NULL: the session's call.
int wire_msg_next(wire_reader_t *frame, wire_msg_t *msg);

//  Write another ttl_ms into a message's bytes. Where another implementation chose a form
//  with less room, it gets at most what fits (what is left never grows, so it does fit).
void wire_msg_set_ttl(uint8_t *message, size_t size, uint32_t ttl);

//  Link header: appended as [version, LINK, seq, ack] with seq and ack as nine-byte
//  uint64, so that a resend patches ack in place. WIRE_LINK_HEADER_SIZE bytes.
#define WIRE_LINK_HEADER_SIZE 21
void wire_link_put(wire_buf_t *out, uint64_t seq, uint64_t ack);
void wire_link_set_ack(uint8_t *frame, uint64_t ack);
//  0 and the cursor behind the header, or WIRE_E_MALFORMED.
int wire_link_read(wire_reader_t *frame, wire_link_header_t *header);

#endif
