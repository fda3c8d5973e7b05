//  test_hub_side - a hub with a scripted room above it, for the hub's tests
//
//  What happens is written down in `trace`; messages are STAT asks whose `request` is a
//  number that must come in order, from 1, per peer that sends.

#ifndef TEST_HUB_SIDE_H
#define TEST_HUB_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub.h"

#define TOKEN "00112233445566778899aabbccddeeff"

typedef struct {
    hub_t *hub;
    const char *name;
    char trace[1024];           //  "up:b gone:b:closed "
    uint64_t got, expected;     //  Messages, and the number that the next must have
    uint64_t lost, disordered;
    size_t turns;
    hub_peer_t *last;           //  Who came up last; NULL once it is gone
    int hello_code;             //  What our hello answers
    int message_code;           //  What our message answers
    bool echo;                  //  Send back what comes
    const char *minted;
    const char *welcome_key;    //  A key of WELCOME's body, and whether it was seen in up
    bool saw_key;
    const char *bound;
    char where[256];
    hub_verdict_t verdict;      //  What our admit answers, HUB_ADMIT at first, and how often and about whom it was asked
    unsigned asked;
    char asked_key[CERT_KEY + 1];
    char text[256];             //  The last `gone`
} side_t;

static inline void note(side_t *side, const char *what, hub_peer_t *peer, const char *more)
{
    size_t used = strlen(side->trace);
    snprintf(side->trace + used, sizeof side->trace - used, "%s:%s%s%s ", what,
             hub_peer_name(peer), more ? ":" : "", more ? more : "");
}

static inline int on_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting,
                           wire_buf_t *body, char *name, const char **text)
{
    side_t *side = arg;
    (void) peer;
    *text = "the test says no";
    wire_put_map(body, 1);
    wire_put_cstr(body, "answer");
    wire_put_int(body, 42);
    if (greeting->name.size == 0 && side->minted)
        snprintf(name, 256, "%s", side->minted);
    return side->hello_code;
}

static inline void on_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    side_t *side = arg;
    wire_reader_t at;
    side->last = peer;
    side->saw_key = wire_map_find(&greeting->body, "answer", &at);
    note(side, "up", peer, NULL);
}

static inline int on_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    side_t *side = arg;
    (void) frame;
    side->got++;
    if (msg->request) {
        side->disordered += msg->request != side->expected + 1;
        side->expected = msg->request;
    }
    if (side->echo)
        hub_send(peer, msg->whole.at, (size_t) (msg->whole.end - msg->whole.at));
    return side->message_code;
}

static inline void on_silent(void *arg, hub_peer_t *peer, bool silent)
{
    note(arg, silent ? "silent" : "back", peer, NULL);
}

static inline void on_lost(void *arg, hub_peer_t *peer, const wire_msg_t *msg)
{
    (void) peer;
    (void) msg;
    ((side_t *) arg)->lost++;
}

static inline void on_gone(void *arg, hub_peer_t *peer, int code, const char *text)
{
    side_t *side = arg;
    snprintf(side->text, sizeof side->text, "%s", text);
    if (side->last == peer)
        side->last = NULL;
    note(side, "gone", peer, wire_error_word(code));
}

static inline void on_turn(void *arg)
{
    ((side_t *) arg)->turns++;
}

static inline hub_verdict_t on_admit(void *arg, const char *key)
{
    side_t *side = arg;
    side->asked++;
    snprintf(side->asked_key, sizeof side->asked_key, "%s", key);
    return side->verdict;
}

static const hub_handler_t side_handler = {
    .hello = on_hello, .up = on_up, .message = on_message, .silent = on_silent,
    .lost = on_lost, .gone = on_gone, .turn = on_turn, .admit = on_admit
};

static inline void side_open_as(side_t *side, uv_loop_t *loop, hub_config_t config)
{
    memset(side, 0, sizeof *side);
    side->name = config.name;
    if (!config.token)
        config.token = TOKEN;
    if (!config.incarnation)
        config.incarnation = 7;
    config.host = "here";
    side->hub = hub_new(loop, &config, &side_handler, side);
    assert_non_null(side->hub);
}

static inline void side_open(side_t *side, uv_loop_t *loop, const char *name)
{
    side_open_as(side, loop, (hub_config_t) { .role = HUB_NODE, .name = name });
}

static inline void side_bind(side_t *side, const char *endpoint)
{
    assert_int_equal(hub_bind(side->hub, endpoint, side->where), 0);
    side->bound = side->where;
}

//  With the HELLO body that the real rooms send.
static inline hub_peer_t *side_dial_key_at(side_t *side, const char *name, const char *const *endpoints,
                                           size_t count, const char *key)
{
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 2);
    wire_put_cstr(&body, "host");
    wire_put_cstr(&body, "here");
    wire_put_cstr(&body, "endpoints");
    wire_put_array(&body, side->bound ? 1 : 0);
    if (side->bound)
        wire_put_cstr(&body, side->bound);
    wire_str_t wanted = { name, strlen(name) };
    hub_peer_t *peer = hub_dial_key(side->hub, wanted, 0, endpoints, count, key, body.data, body.size);
    wire_buf_free(&body);
    return peer;
}

static inline hub_peer_t *side_dial_at(side_t *side, const char *name, const char *const *endpoints,
                                       size_t count)
{
    return side_dial_key_at(side, name, endpoints, count, NULL);
}

static inline hub_peer_t *side_dial(side_t *side, side_t *to, const char *name)
{
    return side_dial_at(side, name, &to->bound, 1);
}

static inline int say(hub_peer_t *peer, uint64_t number, size_t padding)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_STAT, number, 0, 1);
    uint8_t *bytes = calloc(1, padding + 1);
    wire_put_bin(&out, bytes, padding);
    int rc = hub_send(peer, out.data, out.size);
    free(bytes);
    wire_buf_free(&out);
    return rc;
}

static inline void nap(uv_timer_t *timer)
{
    (void) timer;
}

//  Run the loop until the condition holds, or ms are over (then it fails).
#define RUN_UNTIL(loop, condition, ms)                                          \
    do {                                                                        \
        uint64_t run_until_ = uv_hrtime() + (uint64_t) (ms) * 1000000;          \
        uv_timer_t run_timer_;                                                  \
        uv_timer_init(loop, &run_timer_);                                       \
        uv_timer_start(&run_timer_, nap, 20, 20);                               \
        while (!(condition) && uv_hrtime() < run_until_)                        \
            uv_run(loop, UV_RUN_ONCE);                                          \
        uv_close((uv_handle_t *) &run_timer_, NULL);                            \
        uv_run(loop, UV_RUN_NOWAIT);                                            \
        if (!(condition))                                                       \
            fail_msg("not within %d ms: %s", (int) (ms), #condition);           \
    } while (0)

#define RUN_FOR(loop, ms)                                                       \
    do {                                                                        \
        uint64_t run_for_ = uv_hrtime() + (uint64_t) (ms) * 1000000;            \
        RUN_UNTIL(loop, uv_hrtime() >= run_for_, (ms) + 1000);                  \
    } while (0)

static inline void close_all(uv_loop_t *loop)
{
    for (int i = 0; i < 5 && uv_loop_alive(loop); i++)
        uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(loop), 0);
}

//  A path never used before: a closed listener still answers for a moment.
static inline const char *ipc_path(const char *name)
{
    static char path[4][128];
    static int next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "ipc:///tmp/alua-test-%d-%d-%s", (int) getpid(), next, name);
    return to;
}

#endif
