//  topic_message - one published message, packed once for all its subscribers
//
//      sub  n  missed  topic  publisher  seq  time  flags  reply  value
//
//  The fields of TOPIC. The first three have fixed width, and flags are one byte: they are patched for each delivery, the
//  rest is shared by whoever holds a reference. One thread; `fields` mean nothing between two deliveries.

#ifndef TOPIC_MESSAGE_H
#define TOPIC_MESSAGE_H

#include "topics.h"
#include "wire_buf.h"
#include "wire_read.h"

#define TOPIC_FIELDS        10
#define TOPIC_FRONT         27          //  Bytes of sub, n and missed
#define TOPIC_FOREVER       INT64_MAX

//  What somebody wants published; everything is borrowed.
typedef struct {
    wire_str_t topic, publisher;
    wire_str_t reply;                   //  data NULL: none
    wire_reader_t value;                //  One packed value
    uint32_t flags;                     //  WIRE_TOPIC_WILL
    bool retain;
    bool heard;                         //  Somebody wants to hear of a refusal
    int64_t ttl;                        //  ms; 0: none
} topic_draft_t;

typedef struct {
    uint32_t refs;
    uint32_t queued;                    //  Places in queues
    uint32_t size;                      //  Bytes of fields
    uint16_t publisher_at, flags_at, value_at;
    uint8_t flags;
    bool nil;                           //  Its value is
    uint64_t seq, stamp;                //  Of its topic; of all that was published here
    int64_t time, expires;              //  By the wall's clock; by the monotonic one, TOPIC_FOREVER
    uint8_t head[TOPICS_HEAD];          //  For whoever sends it
    uint8_t fields[];
} topic_message_t;

//  With one reference. NULL: no memory.
topic_message_t *topic_message_new(const topic_draft_t *draft, uint64_t seq, uint64_t stamp, int64_t now, int64_t wall);

static inline topic_message_t *topic_message_share(topic_message_t *self)
{
    self->refs++;
    return self;
}

void topic_message_release(topic_message_t *self);

//  Write sub, n and missed, TOPIC_FRONT bytes.
void topic_message_front(uint8_t *at, uint64_t sub, uint64_t n, uint64_t missed);

//  Make `fields` those of one delivery.
void topic_message_address(topic_message_t *self, uint64_t sub, uint64_t n, uint64_t missed, uint32_t flags);

//  Where its topic, its publisher and its value stand, packed.
wire_reader_t topic_message_topic(const topic_message_t *self);
wire_reader_t topic_message_publisher(const topic_message_t *self);
wire_reader_t topic_message_value(const topic_message_t *self);

static inline bool topic_message_expired(const topic_message_t *self, int64_t now)
{
    return self->expires <= now;
}

//  Memory that it takes.
static inline size_t topic_message_cost(const topic_message_t *self)
{
    return sizeof *self + self->size;
}

#endif
