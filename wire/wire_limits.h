//  wire_limits - the bounds that both ends of a link keep, in one place
//
//  PROTOCOL.md repeats them for other languages; a test holds the two together.

#ifndef WIRE_LIMITS_H
#define WIRE_LIMITS_H

#define WIRE_VERSION            1           //  Of the protocol; HELLO carries a range
#define WIRE_MAX_MESSAGE        (1024 * 1024 + 64 * 1024)   //  A 1 MiB value and its envelope
#define WIRE_MAX_BATCH          (64 * 1024) //  Messages that share a frame; a larger one travels alone
#define WIRE_MAX_FRAME          (WIRE_MAX_MESSAGE + 64)     //  ZMQ_MAXMSGSIZE
#define WIRE_MAX_DEPTH          64          //  Containers inside containers
#define WIRE_MAX_OBJECTS        (256 * 1024)    //  Values in one message
#define WIRE_MAX_NAME           255         //  Bytes in an id, a node, app or function name
#define WIRE_MAX_STRIKES        3           //  Bad messages before a session is ended

#define WIRE_LINK_RING_BYTES    (8 * 1024 * 1024)   //  Unacknowledged bytes a sender keeps
#define WIRE_LINK_RING_FRAMES   8192
#define WIRE_ACK_FRAMES         64          //  An ACK travels at the latest after so many frames
#define WIRE_ACK_BYTES          (256 * 1024)   //  or so many bytes
#define WIRE_ACK_DELAY          20          //  or so many ms

#define WIRE_CREDIT_EVENTS      16384       //  What one process may have waiting in another's mailbox
#define WIRE_CREDIT_BYTES       (8 * 1024 * 1024)

#define WIRE_HEARTBEAT          700         //  ms, ZMQ_HEARTBEAT_IVL
#define WIRE_HEARTBEAT_TIMEOUT  2000        //  ms, ZMQ_HEARTBEAT_TIMEOUT: silent after about 2.5 s
#define WIRE_LEASE              10000       //  ms of silence after which a peer is gone
#define WIRE_TIMEOUT            30000       //  ms, the default deadline of whatever waits

#endif
