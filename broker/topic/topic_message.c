//  topic_message - one published message, packed once for all its subscribers

#include "topic_message.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

//  Heads of the fields, and the numbers, at their longest.
#define HEADS 64

static void store64(uint8_t *at, uint64_t value)
{
    uint64_t big = htobe64(value);
    at[0] = 0xcf;
    memcpy(at + 1, &big, sizeof big);
}

static void put_reply(wire_buf_t *out, wire_str_t reply)
{
    if (reply.data)
        wire_put_text(out, reply.data, reply.size);
    else
        wire_put_nil(out);
}

static void put_fields(topic_message_t *self, const topic_draft_t *draft, wire_buf_t *out)
{
    out->size = TOPIC_FRONT;
    wire_put_text(out, draft->topic.data, draft->topic.size);
    self->publisher_at = (uint16_t) out->size;
    wire_put_text(out, draft->publisher.data, draft->publisher.size);
    wire_put_uint(out, self->seq);
    wire_put_int(out, self->time);
    self->flags_at = (uint16_t) out->size;
    wire_put_uint(out, self->flags);
    put_reply(out, draft->reply);
    self->value_at = (uint16_t) out->size;
    wire_buf_append(out, draft->value.at, (size_t) (draft->value.end - draft->value.at));
}

static int64_t end_of(int64_t now, int64_t ttl)
{
    return ttl && ttl < TOPIC_FOREVER - now ? now + ttl : TOPIC_FOREVER;
}

topic_message_t *topic_message_new(const topic_draft_t *draft, uint64_t seq, uint64_t stamp, int64_t now, int64_t wall)
{
    size_t value = (size_t) (draft->value.end - draft->value.at);
    size_t room = TOPIC_FRONT + HEADS + draft->topic.size + draft->publisher.size + draft->reply.size + value;
    topic_message_t *self = malloc(sizeof *self + room);
    if (!self)
        return NULL;
    *self = (topic_message_t) { .refs = 1, .flags = (uint8_t) draft->flags, .nil = *draft->value.at == 0xc0,
                                .seq = seq, .stamp = stamp, .time = wall, .expires = end_of(now, draft->ttl) };
    wire_buf_t out = { self->fields, 0, room, false };
    put_fields(self, draft, &out);
    self->size = (uint32_t) out.size;
    return self;
}

void topic_message_release(topic_message_t *self)
{
    if (--self->refs == 0)
        free(self);
}

void topic_message_front(uint8_t *at, uint64_t sub, uint64_t n, uint64_t missed)
{
    store64(at, sub);
    store64(at + 9, n);
    store64(at + 18, missed);
}

void topic_message_address(topic_message_t *self, uint64_t sub, uint64_t n, uint64_t missed, uint32_t flags)
{
    topic_message_front(self->fields, sub, n, missed);
    self->fields[self->flags_at] = (uint8_t) (self->flags | flags);
}

wire_reader_t topic_message_topic(const topic_message_t *self)
{
    return wire_reader(self->fields + TOPIC_FRONT, self->publisher_at - (size_t) TOPIC_FRONT);
}

//  Others follow behind it: a reader takes one value.
wire_reader_t topic_message_publisher(const topic_message_t *self)
{
    return wire_reader(self->fields + self->publisher_at, self->flags_at - (size_t) self->publisher_at);
}

wire_reader_t topic_message_value(const topic_message_t *self)
{
    return wire_reader(self->fields + self->value_at, self->size - (size_t) self->value_at);
}
