//  test_hub_keys_side - hubs with keys, and clients by CURVE that are no hubs, for the tests of both
//
//  b has keys and listens by CURVE, a has keys and dials it.

#ifndef TEST_HUB_KEYS_SIDE_H
#define TEST_HUB_KEYS_SIDE_H

#include <zmq.h>

#include "test_hub_side.h"
#include "hub_self.h"

typedef struct {
    uv_loop_t loop;
    cert_t cert_a, cert_b, cert_c;
    side_t a, b;                //  b has keys and listens, a has keys and dials
} fixture_t;

static inline void open_with(fixture_t *f, side_t *side, const cert_t *cert, const char *name)
{
    side_open_as(side, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = name, .cert = cert });
}

static inline int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_true(cert_new(&f->cert_a, "a") && cert_new(&f->cert_b, "b") && cert_new(&f->cert_c, "c"));
    open_with(f, &f->a, &f->cert_a, "a");
    open_with(f, &f->b, &f->cert_b, "b");
    side_bind(&f->b, "tcp://127.0.0.1:*");
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    fixture_t *f = *state;
    hub_destroy(&f->a.hub);
    hub_destroy(&f->b.hub);
    close_all(&f->loop);
    free(f);
    return 0;
}

static inline hub_peer_t *dial(fixture_t *f, side_t *side)
{
    hub_peer_t *peer = side_dial_key_at(side, "b", &f->b.bound, 1, f->cert_b.public_key);
    assert_non_null(peer);
    return peer;
}

static inline void up(fixture_t *f)
{
    dial(f, &f->a);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
}

static inline uint64_t denied_at(const side_t *side)
{
    hub_stat_t stat;
    hub_stat(side->hub, &stat);
    return stat.denied;
}

static inline void hear(fixture_t *f, void *client, int type)
{
    wire_msg_t msg = { 0 };
    uint8_t bytes[4096];
    for (int i = 0; i < 200 && (int) msg.type != type; i++) {
        RUN_FOR(&f->loop, 10);
        int size = zmq_recv(client, bytes, sizeof bytes, ZMQ_DONTWAIT);
        wire_reader_t at = wire_reader(bytes, size > 0 ? (size_t) size : 0);
        if (size > 0)
            wire_msg_next(&at, &msg);
    }
    assert_int_equal(msg.type, type);
}

static inline void say_hello(void *client, const char *name, const char *token)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_hello_t hello = { 1, 1, 0, 5, { "client", 6 }, { name, strlen(name) }, 3, { token, strlen(token) }, 0,
                           { NULL, NULL } };
    wire_put_hello(&out, &hello);
    assert_int_equal(zmq_send(client, out.data, out.size, 0), (int) out.size);
    wire_buf_free(&out);
}

static inline void *client_to(void *context, const char *endpoint, const cert_t *cert, const char *server, const char *id)
{
    int none = 0;
    void *client = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(client, ZMQ_ROUTING_ID, id, strlen(id));
    if (cert) {
        zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, server, CERT_KEY + 1);
        zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, cert->public_key, CERT_KEY + 1);
        zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, cert->secret_key, CERT_KEY + 1);
    }
    assert_int_equal(zmq_connect(client, endpoint), 0);
    return client;
}

#endif
