//  test_wire_golden_space - one message of each type of spaces and topics; part of test_wire_golden.c

#ifndef TEST_WIRE_GOLDEN_SPACE_H
#define TEST_WIRE_GOLDEN_SPACE_H

#include "wire_msg.h"

//  The tuple { "job", 7 }, the template { "job", any }, and the options { timeout-like names = 1 }.
static void put_job(wire_buf_t *out)
{
    wire_put_array(out, 2);
    wire_put_cstr(out, "job");
    wire_put_int(out, 7);
}

static void put_any_job(wire_buf_t *out)
{
    wire_put_array(out, 2);
    wire_put_cstr(out, "job");
    wire_put_ext(out, 2, "\x91\xa3" "any", 5);
}

static void put_option(wire_buf_t *out, const char *name, uint64_t value)
{
    wire_put_map(out, 1);
    wire_put_cstr(out, name);
    wire_put_uint(out, value);
}

static void space_ask(wire_buf_t *out, wire_type_t type, uint32_t ttl, uint32_t count)
{
    wire_msg_begin(out, type, 7, ttl, count);
    wire_put_cstr(out, "jobs");
}

static void put_OUT(wire_buf_t *out)
{
    space_ask(out, WIRE_OUT, 30000, 3);
    put_job(out);
    put_option(out, "ttl", 60000);
}

static void put_TAKE(wire_buf_t *out)
{
    space_ask(out, WIRE_TAKE, 0, 3);
    put_any_job(out);
    put_option(out, "lease", 10000);
}

static void put_READ(wire_buf_t *out)
{
    space_ask(out, WIRE_READ, 5000, 2);
    put_any_job(out);
}

static void put_COUNT(wire_buf_t *out)
{
    space_ask(out, WIRE_COUNT, 30000, 2);
    put_any_job(out);
}

static void number_ask(wire_buf_t *out, wire_type_t type, uint64_t number, uint32_t count)
{
    wire_msg_begin(out, type, 7, 30000, count);
    wire_put_uint(out, number);
}

static void put_ACK(wire_buf_t *out)
{
    number_ask(out, WIRE_ACK, 40, 2);
    wire_put_array(out, 1);
    wire_put_array(out, 2);
    wire_put_cstr(out, "done");
    put_job(out);
}

static void put_RELEASE(wire_buf_t *out) { number_ask(out, WIRE_RELEASE, 40, 1); }

static void put_EXTEND(wire_buf_t *out)
{
    number_ask(out, WIRE_EXTEND, 40, 2);
    wire_put_uint(out, 10000);
}

static void put_BATCH(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_BATCH, 7, 30000, 1);
    wire_put_array(out, 2);
    wire_put_array(out, 3);
    wire_put_uint(out, WIRE_TAKE);
    wire_put_cstr(out, "jobs");
    put_any_job(out);
    wire_put_array(out, 3);
    wire_put_uint(out, WIRE_OUT);
    wire_put_cstr(out, "done");
    put_job(out);
}

static void put_FORGET(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_FORGET, 0, 0, 1);
    wire_put_uint(out, 7);
}

static void put_SPACE_WATCH(wire_buf_t *out)
{
    space_ask(out, WIRE_SPACE_WATCH, 30000, 2);
    put_any_job(out);
}

static void put_SPACE_UNWATCH(wire_buf_t *out) { number_ask(out, WIRE_SPACE_UNWATCH, 3, 1); }

static void put_REACT(wire_buf_t *out)
{
    space_ask(out, WIRE_REACT, 30000, 6);
    wire_put_cstr(out, "out");
    wire_put_cstr(out, "before");
    put_any_job(out);
    wire_put_cstr(out, "quota");
    wire_put_cstr(out, "return t");
}

static void put_UNREACT(wire_buf_t *out) { number_ask(out, WIRE_UNREACT, 2, 1); }
static void put_DESTROY(wire_buf_t *out) { space_ask(out, WIRE_DESTROY, 30000, 1); }
static void put_SPACES(wire_buf_t *out) { wire_msg_begin(out, WIRE_SPACES, 7, 30000, 0); }

static void put_TUPLE(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_TUPLE, 0, 0, 5);
    wire_put_uint(out, 3);
    wire_put_uint(out, 1);
    wire_put_uint(out, 0);
    wire_put_uint(out, 12);
    put_job(out);
}

static void put_REACTION(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_REACTION, 0, 0, 2);
    wire_put_uint(out, 2);
    wire_put_cstr(out, "no verdict in time");
}

static void put_REACTIONS(wire_buf_t *out) { space_ask(out, WIRE_REACTIONS, 30000, 1); }

static void put_PUBLISH(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_PUBLISH, 0, 0, 3);
    wire_put_cstr(out, "sensors.hall");
    wire_put_double(out, 21.5);
    wire_put_map(out, 1);
    wire_put_cstr(out, "retain");
    wire_put_bool(out, true);
}

static void put_SUBSCRIBE(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_SUBSCRIBE, 7, 30000, 2);
    wire_put_cstr(out, "sensors.*");
    put_option(out, "last", 1);
}

static void put_UNSUBSCRIBE(wire_buf_t *out) { number_ask(out, WIRE_UNSUBSCRIBE, 5, 1); }

static void put_CONSUMED(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_CONSUMED, 0, 0, 2);
    wire_put_uint(out, 5);
    wire_put_uint(out, 1024);
}

static void put_WILL(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_WILL, 7, 30000, 2);
    wire_put_cstr(out, "last.words");
    wire_put_cstr(out, "gone");
}

static void put_TOPICS(wire_buf_t *out) { wire_msg_begin(out, WIRE_TOPICS, 7, 30000, 0); }

static void put_TOPIC(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_TOPIC, 0, 0, 10);
    wire_put_uint(out, 5);
    wire_put_uint(out, 1);
    wire_put_uint(out, 0);
    wire_put_cstr(out, "sensors.hall");
    wire_put_cstr(out, "1@ana");
    wire_put_uint(out, 17);
    wire_put_uint(out, 1700000000000u);
    wire_put_uint(out, 0);
    wire_put_nil(out);
    wire_put_double(out, 21.5);
}

#endif
