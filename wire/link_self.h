//  link_self - the inside of a link, for the link*.c files only

#ifndef WIRE_LINK_SELF_H
#define WIRE_LINK_SELF_H

#include "link.h"
#include "link_ring.h"

//  What a batch is written out at, unless the link is configured otherwise. Each frame wakes two threads at either end,
//  so larger ones cost less; but with smaller ones either end works while the other does (docs/PERFORMANCE.md has the figures).
#define BATCH_ENOUGH    (24 * 1024)
#define BATCH_CAPACITY  (WIRE_LINK_HEADER_SIZE + WIRE_MAX_BATCH)
//  A message of this size gains nothing by company, and is copied once instead of twice.
#define BATCH_ALONE     (8 * 1024)

typedef enum { LINK_OPENING, LINK_OPEN, LINK_ENDED } link_state_t;

struct wire_link {
    wire_link_config_t config;
    const wire_link_ops_t *ops;
    void *arg;
    wire_link_stat_t *stat;
    link_state_t state;
    bool counted;               //  Frames carry a header and are acknowledged
    bool writable;              //  A connection stands and both ends agree on the counts
    bool broken, silent, closing, fresh;
    bool said_bye;              //  It is in the ring, or was
    uint64_t session;
    uint64_t asked;             //  Nonce of the question on its way, 0: none

    //  Out: the i-th slot of the ring has the number acked + 1 + i.
    uint64_t acked;
    wire_link_ring_t ring;
    size_t written;             //  Slots that this connection was given
    uint8_t *batch;             //  BATCH_CAPACITY bytes, header's place included; or NULL
    size_t batch_size;          //  0, or more than the header
    int64_t batch_since;
    bool wrote;                 //  Something went out at once since the last flush

    //  In
    uint64_t received;          //  Frames whose messages were all handed over
    uint32_t owed_frames;       //  of which so many, and bytes, were not acknowledged
    size_t owed_bytes;
    unsigned strikes;
    int bye;                    //  Code of the BYE that was read, -1: none
    char farewell[256];         //  Its text, or that of our own
    int farewell_code;          //  Of our own

    //  Times; WIRE_LINK_NEVER when nothing is due
    int64_t heard;
    int64_t ack_due, retry_due, silent_due, gone_due, close_due;
};

//  Give the connection what it has not been given.
void link_transmit(wire_link_t *self, int64_t now);
//  Make a frame of what has gathered. False: no memory, or the ring is full.
bool link_seal(wire_link_t *self);
void link_lone_ack(wire_link_t *self, int64_t now);
//  Queue BYE, room or not. False: not now.
bool link_say_bye(wire_link_t *self, int64_t now);
//  Forget frames up to number `ack`. False: no such frame was sent.
bool link_acknowledge(wire_link_t *self, uint64_t ack);
//  The end of a closing link whose ring is empty.
void link_check_closed(wire_link_t *self, int64_t now);

#endif
