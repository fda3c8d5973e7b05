//  The broker on real sockets, with hubs as its nodes, all on one loop
//
//  No sleeping: each wait ends with the event it waits for, or fails after WAIT.

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "broker.h"
#include "hub.h"

#define TOKEN "00112233445566778899aabbccddeeff"
#define WAIT  10000

typedef struct {
    uv_loop_t loop;
    broker_t *broker;
    char path[128];  //  Of the ipc endpoint
    int emptied, changed;
    char log[8192];
} fixture_t;

typedef struct {
    fixture_t *f;
    hub_t *hub;
    hub_peer_t *broker;
    char id[256], heard[1024], text[256];
    int up, ended;  //  ended: the code
} node_t;

//  ---- The broker's side ---------------------------------------------------

static void on_empty(void *arg)
{
    fixture_t *f = arg;
    f->emptied++;
    broker_destroy(&f->broker);  //  Allowed here
}

static void on_change(void *arg)
{
    ((fixture_t *) arg)->changed++;
}

static void on_log(void *arg, const char *text)
{
    fixture_t *f = arg;
    size_t size = strlen(f->log);
    snprintf(f->log + size, sizeof f->log - size, "%s\n", text);
}

static broker_t *start(fixture_t *f, const char *const *endpoints, size_t count, bool until_empty,
                       char *error)
{
    broker_config_t config = { .endpoints = endpoints,
                               .endpoint_count = count,
                               .token = TOKEN,
                               .host = "here",
                               .until_empty = until_empty,
                               .on_empty = on_empty,
                               .on_change = on_change,
                               .log = on_log,
                               .arg = f };
    return broker_new(&f->loop, &config, error);
}

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    char error[BROKER_ERROR_TEXT];
    uv_loop_init(&f->loop);
    snprintf(f->path, sizeof f->path, "ipc:///tmp/alua-test-broker-%d", (int) getpid());
    const char *endpoints[] = { f->path, "tcp://127.0.0.1:*" };
    f->broker = start(f, endpoints, 2, true, error);
    *state = f;
    return f->broker ? 0 : -1;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    broker_destroy(&f->broker);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    unlink(f->path + 6);
    free(f);
    return 0;
}

static void on_late(uv_timer_t *timer)
{
    *(bool *) timer->data = true;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

//  Turn the loop until *what is not 0.
static void until(fixture_t *f, const int *what)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    bool late = false;
    uv_timer_init(&f->loop, timer);
    timer->data = &late;
    uv_timer_start(timer, on_late, WAIT, 0);
    while (!*what && !late)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *) timer, on_closed);
    if (late)
        fail_msg("nothing came; the broker said:\n%s", f->log);
}

//  ---- A node --------------------------------------------------------------

static int node_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting, wire_buf_t *body,
                      char *name, const char **text)
{
    (void) arg, (void) peer, (void) greeting, (void) body, (void) name;
    *text = "nobody dials us";
    return WIRE_E_DENIED;
}

static void node_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    node_t *n = arg;
    (void) peer;
    wire_reader_t at;
    wire_str_t id;
    assert_int_equal(greeting->role, HUB_BROKER);
    assert_true(wire_map_find(&greeting->body, "id", &at));
    assert_int_equal(wire_read_name(&at, &id), 0);
    snprintf(n->id, sizeof n->id, "%.*s", (int) id.size, id.data);
    n->up++;
}

static int heard_count;

static int node_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    node_t *n = arg;
    (void) peer, (void) frame;
    size_t size = strlen(n->heard);
    snprintf(n->heard + size, sizeof n->heard - size, "%s#%d ", wire_type_name((unsigned) msg->type),
             (int) msg->request);
    heard_count++;
    return 0;
}

static void node_silent(void *arg, hub_peer_t *peer, bool silent)
{
    (void) arg, (void) peer, (void) silent;
}

static void node_lost(void *arg, hub_peer_t *peer, const wire_msg_t *msg)
{
    (void) arg, (void) peer, (void) msg;
}

static void node_gone(void *arg, hub_peer_t *peer, int code, const char *text)
{
    node_t *n = arg;
    (void) peer;
    n->broker = NULL;
    n->ended = code;
    snprintf(n->text, sizeof n->text, "%s", text);
}

static void node_turn(void *arg)
{
    (void) arg;
}

static const hub_handler_t node_handler = {
    .hello = node_hello, .up = node_up, .message = node_message, .silent = node_silent,
    .lost = node_lost, .gone = node_gone, .turn = node_turn
};

static void dial(fixture_t *f, node_t *n, const char *name, uint64_t incarnation, hub_role_t role,
                 const char *token, size_t endpoint)
{
    *n = (node_t){ .f = f };
    hub_config_t config = {
        .role = role, .name = name, .incarnation = incarnation, .token = token, .host = "here"
    };
    n->hub = hub_new(&f->loop, &config, &node_handler, n);
    const char *at = broker_endpoint(f->broker, endpoint);
    n->broker = hub_dial(n->hub, (wire_str_t){ "", 0 }, 0, &at, 1, NULL, 0);
    assert_non_null(n->broker);
}

static void come(fixture_t *f, node_t *n, const char *name, uint64_t incarnation, size_t endpoint)
{
    dial(f, n, name, incarnation, HUB_NODE, TOKEN, endpoint);
    until(f, &n->up);
}

static void say(fixture_t *f, node_t *n, const wire_buf_t *message)
{
    heard_count = 0;
    assert_int_equal(hub_send(n->broker, message->data, message->size), 0);
    until(f, &heard_count);
}

static void ask(fixture_t *f, node_t *n, wire_type_t type, uint64_t request, const char *name)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_msg_begin(&message, type, request, 0, name ? 1 : 0);
    if (name)
        wire_put_cstr(&message, name);
    say(f, n, &message);
    wire_buf_free(&message);
}

//  ---- The tests -----------------------------------------------------------

static void test_join_talk_and_leave(void **state)
{
    fixture_t *f = *state;
    node_t ana, bob;
    assert_string_equal(broker_endpoint(f->broker, 0), f->path);
    assert_memory_equal(broker_endpoint(f->broker, 1), "tcp://127.0.0.1:", 16);
    assert_null(broker_endpoint(f->broker, 2));
    assert_string_equal(broker_address(f->broker), broker_endpoint(f->broker, 1) + 6);
    come(f, &ana, "ana", 7, 0);
    come(f, &bob, "", 8, 1);
    assert_string_equal(ana.id, "1@ana");
    assert_memory_equal(bob.id, "1@127.0.0.1:", 12);

    ask(f, &ana, WIRE_JOIN, 1, "game");
    ask(f, &bob, WIRE_REGISTER, 1, "svc");
    ask(f, &ana, WIRE_STAT, 2, NULL);
    assert_string_equal(ana.heard, "ANSWER#1 ANSWER#2 ");
    assert_true(f->changed > 0);

    wire_buf_t call = WIRE_BUF_EMPTY;
    wire_msg_begin_proc(&call, WIRE_CALL, 9, 500, (wire_str_t){ "x", 1 }, (wire_str_t){ "svc", 3 }, 0);
    say(f, &ana, &call);
    assert_string_equal(bob.heard, "ANSWER#1 CALL#9 ");
    wire_buf_free(&call);

    broker_seat_t seat;
    assert_true(broker_seat(f->broker, "ana", 7, &seat));
    assert_false(broker_seat(f->broker, "ana", 6, &seat));
    assert_false(broker_seat(f->broker, "1@ana", 0, &seat));  //  An id is no node
    hub_close(ana.broker, WIRE_E_CLOSED, "done");
    until(f, &ana.ended);
    hub_close(bob.broker, WIRE_E_CLOSED, "done");
    until(f, &f->emptied);
    assert_null(f->broker);
    assert_non_null(strstr(f->log, "ana is here as 1@ana\n"));
    assert_non_null(strstr(f->log, "ana has left: done\n"));
    hub_destroy(&ana.hub);
    hub_destroy(&bob.hub);
}

static void test_refusals_are_told(void **state)
{
    fixture_t *f = *state;
    node_t ana, second, liar, broker;
    come(f, &ana, "ana", 7, 0);
    dial(f, &second, "ana", 9, HUB_NODE, TOKEN, 1);
    until(f, &second.ended);
    assert_int_equal(second.ended, WIRE_E_EXISTS);
    assert_non_null(strstr(second.text, "the name ana is taken by a node that has been alive for"));
    dial(f, &liar, "eva", 9, HUB_NODE, "ffffffffffffffffffffffffffffffff", 1);
    until(f, &liar.ended);
    assert_int_equal(liar.ended, WIRE_E_DENIED);
    dial(f, &broker, "tom", 9, HUB_BROKER, TOKEN, 1);
    until(f, &broker.ended);
    assert_int_equal(broker.ended, WIRE_E_DENIED);
    assert_string_equal(broker.text, "brokers do not join each other");
    assert_int_equal(broker_core_members(broker_core(f->broker)), 1);
    node_t *all[] = { &ana, &second, &liar, &broker };
    for (size_t i = 0; i < 4; i++)
        hub_destroy(&all[i]->hub);
}

static void test_a_child_that_died_is_gone_at_once(void **state)
{
    fixture_t *f = *state;
    node_t ana, bob;
    come(f, &ana, "ana", 7, 0);
    come(f, &bob, "bob", 8, 0);
    ask(f, &ana, WIRE_LOOKUP, 1, "bob");
    assert_false(broker_child_died(f->broker, "bob", 5, "another one"));
    assert_false(broker_child_died(f->broker, "eva", 0, "never was"));
    heard_count = 0;
    assert_true(broker_child_died(f->broker, "bob", 8, "killed by signal 9"));
    assert_int_equal(broker_core_members(broker_core(f->broker)), 1);
    until(f, &heard_count);
    assert_string_equal(ana.heard, "ANSWER#1 WATCHED#0 ");
    assert_non_null(strstr(f->log, "bob is gone: killed by signal 9\n"));
    hub_destroy(&ana.hub);
    hub_destroy(&bob.hub);
}

static void test_a_place_that_is_taken(void **state)
{
    fixture_t *f = *state;
    char error[BROKER_ERROR_TEXT] = "";
    const char *ipc[] = { f->path }, *tcp[] = { broker_endpoint(f->broker, 1) },
               *bad[] = { "udp://1.2.3.4:5" };
    assert_null(start(f, ipc, 1, false, error));
    assert_non_null(strstr(error, "somebody listens there already"));
    assert_null(start(f, tcp, 1, false, error));
    assert_non_null(strstr(error, "somebody listens there already"));
    assert_null(start(f, bad, 1, false, error));
    assert_non_null(strstr(error, "cannot listen at udp://1.2.3.4:5: wrong use"));
    assert_null(start(f, bad, 0, false, error));
    assert_string_equal(error, "no endpoint to listen at");
}

#define SHELL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHELL_TEST(test_join_talk_and_leave),
        SHELL_TEST(test_refusals_are_told),
        SHELL_TEST(test_a_child_that_died_is_gone_at_once),
        SHELL_TEST(test_a_place_that_is_taken),
    };
    return cmocka_run_group_tests_name("broker shell", tests, NULL, NULL);
}
