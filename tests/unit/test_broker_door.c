//  A broker with keys on real sockets: trust store and policy on disk, changed while links are open
//
//  No sleeping: each wait ends with the event it waits for, or fails after WAIT. What must happen within a second is timed.

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <czmq.h>

#include "broker.h"
#include "hub.h"

#define TOKEN  "00112233445566778899aabbccddeeff"
#define WAIT   10000
#define SECOND 1000

typedef struct {
    uv_loop_t loop;
    broker_t *broker;
    char home[64], trust[128], policy[128], ipc[128];
    cert_t cert, ana, bob, eva;     //  Its own; trusted ones; one that is not
    char log[16384];
} fixture_t;

typedef struct {
    fixture_t *f;
    hub_t *hub;
    hub_peer_t *broker;
    char text[256];
    int up, ended, heard;       //  ended: the code
    unsigned type;              //  Of the last message, and
    wire_buf_t last;            //  its fields
    bool keys;                  //  WELCOME said so
} node_t;

//  ---- The broker's side ---------------------------------------------------

static void on_log(void *arg, const char *text)
{
    fixture_t *f = arg;
    size_t size = strlen(f->log);
    snprintf(f->log + size, sizeof f->log - size, "%s\n", text);
}

static void write_file(const char *path, const char *text)
{
    char fresh[160];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(fresh, 0600);
    assert_int_equal(rename(fresh, path), 0);
}

static void new_cert(cert_t *cert, const char *name)
{
    assert_true(cert_new(cert, name));
}

static void trust_one(fixture_t *f, const cert_t *cert)
{
    char error[CERT_ERROR];
    if (!trust_add(f->trust, cert, error))
        fail_msg("%s", error);
}

static broker_t *start(fixture_t *f, const char *policy, char *error)
{
    const char *endpoints[] = { f->ipc, "tcp://127.0.0.1:*" };
    broker_config_t config = { .endpoints = endpoints, .endpoint_count = 2, .token = TOKEN, .host = "here", .log = on_log,
                               .arg = f, .cert = &f->cert, .trust = f->trust, .policy = policy };
    return broker_new(&f->loop, &config, error);
}

static fixture_t *prepare(void)
{
    fixture_t *f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    snprintf(f->home, sizeof f->home, "/tmp/alua-test-door-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    snprintf(f->trust, sizeof f->trust, "%s/trusted", f->home);
    snprintf(f->policy, sizeof f->policy, "%s/policy.lua", f->home);
    snprintf(f->ipc, sizeof f->ipc, "ipc://%s/broker", f->home);
    new_cert(&f->cert, "broker");
    new_cert(&f->ana, "ana");
    new_cert(&f->bob, "bob");
    new_cert(&f->eva, "eva");
    trust_one(f, &f->ana);
    trust_one(f, &f->bob);
    write_file(f->policy, "keys = { ana = { out = true }, bob = { admin = true } }\n");
    return f;
}

static int setup(void **state)
{
    char error[BROKER_ERROR_TEXT];
    fixture_t *f = prepare();
    f->broker = start(f, f->policy, error);
    if (!f->broker)
        fail_msg("%s", error);
    *state = f;
    return 0;
}

static int setup_without(void **state)
{
    *state = prepare();
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    char command[128];
    broker_destroy(&f->broker);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    snprintf(command, sizeof command, "rm -rf %s", f->home);
    int rc = system(command);
    free(f);
    return rc;
}

static void on_late(uv_timer_t *timer)
{
    *(bool *) timer->data = true;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

//  Turn the loop until the condition holds, at most so many ms.
static void until(fixture_t *f, bool (*is)(void *arg), void *arg, uint64_t ms)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    bool late = false;
    uv_timer_init(&f->loop, timer);
    timer->data = &late;
    uv_update_time(&f->loop);
    uv_timer_start(timer, on_late, ms, 0);
    while (!is(arg) && !late)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *) timer, on_closed);
    if (late && !is(arg))
        fail_msg("nothing came; the broker said:\n%s", f->log);
}

static bool is_up(void *arg)    { return ((node_t *) arg)->up > 0; }
static bool is_ended(void *arg) { return ((node_t *) arg)->ended != 0; }
static bool has_heard(void *arg) { return ((node_t *) arg)->heard > 0; }

static bool is_said(void *arg)
{
    const void **both = arg;
    return strstr(((const fixture_t *) both[0])->log, both[1]) != NULL;
}

static void until_said(fixture_t *f, const char *text, uint64_t ms)
{
    const void *both[] = { f, text };
    until(f, is_said, both, ms);
    f->log[0] = 0;
}

//  ---- A node --------------------------------------------------------------

static int node_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting, wire_buf_t *body, char *name,
                      const char **text)
{
    (void) arg, (void) peer, (void) greeting, (void) body, (void) name;
    *text = "nobody dials us";
    return WIRE_E_DENIED;
}

static void node_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    node_t *n = arg;
    wire_reader_t at;
    (void) peer;
    n->keys = wire_map_find(&greeting->body, "keys", &at) && wire_map_find(&greeting->body, "rights", &at);
    n->up++;
}

static int node_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    node_t *n = arg;
    (void) peer, (void) frame;
    n->type = (unsigned) msg->type;
    wire_buf_clear(&n->last);
    wire_buf_append(&n->last, msg->fields.at, (size_t) (msg->fields.end - msg->fields.at));
    n->heard++;
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

static const hub_handler_t node_handler = { .hello = node_hello, .up = node_up, .message = node_message, .silent = node_silent,
                                            .lost = node_lost, .gone = node_gone, .turn = node_turn };

//  By this certificate over tcp; NULL: by ipc and the token.
static void dial_as(fixture_t *f, node_t *n, const char *name, uint64_t incarnation, const cert_t *cert)
{
    *n = (node_t) { .f = f };
    hub_config_t config = { .role = HUB_NODE, .name = name, .incarnation = incarnation, .token = TOKEN, .host = "here",
                            .cert = cert };
    n->hub = hub_new(&f->loop, &config, &node_handler, n);
    const char *at = broker_endpoint(f->broker, cert ? 1 : 0);
    n->broker = hub_dial_key(n->hub, (wire_str_t) { "", 0 }, 0, &at, 1, cert ? f->cert.public_key : NULL, NULL, 0);
    assert_non_null(n->broker);
}

static void dial(fixture_t *f, node_t *n, const char *name, const cert_t *cert)
{
    static uint64_t incarnation = 100;
    dial_as(f, n, name, ++incarnation, cert);
}

static void come(fixture_t *f, node_t *n, const char *name, const cert_t *cert)
{
    dial(f, n, name, cert);
    until(f, is_up, n, WAIT);
}

static void leave(node_t *n)
{
    hub_destroy(&n->hub);
    wire_buf_free(&n->last);
}

static void ask(node_t *n, wire_type_t type, const char *a, const char *b)
{
    static uint64_t request;
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_msg_begin(&message, type, ++request, 0, (a ? 1u : 0u) + (b ? 1u : 0u));
    if (a)
        wire_put_cstr(&message, a);
    if (b && type == WIRE_OUT)
        wire_put_array(&message, 1);
    if (b)
        wire_put_cstr(&message, b);
    n->heard = 0;
    assert_int_equal(hub_send(n->broker, message.data, message.size), 0);
    until(n->f, has_heard, n, WAIT);
    wire_buf_free(&message);
}

static bool may_out(node_t *n)
{
    ask(n, WIRE_OUT, "jobs", "x");
    return n->type == WIRE_ANSWER;
}

//  One value of STAT, asked by a node that may.
static uint64_t stat_of(node_t *n, const char *key)
{
    uint64_t value = 0;
    ask(n, WIRE_STAT, NULL, NULL);
    wire_reader_t map = wire_reader(n->last.data, n->last.size), at;
    if (!wire_map_find(&map, key, &at))
        fail_msg("STAT has no %s", key);
    assert_int_equal(wire_read_uint(&at, &value), 0);
    return value;
}

//  ---- Who comes in --------------------------------------------------------

static void test_who_comes_in_and_with_which_rights(void **state)
{
    fixture_t *f = *state;
    node_t ana, local, eva;
    come(f, &ana, "ana", &f->ana);
    assert_true(ana.keys);
    assert_true(may_out(&ana));
    ask(&ana, WIRE_DESTROY, "jobs", NULL);
    assert_int_equal(ana.type, WIRE_DENY);
    until_said(f, " ana denied DESTROY take jobs (1@ana ", 0);
    come(f, &local, "local", NULL);                 //  By ipc and the token: the same user on the same host
    ask(&local, WIRE_DESTROY, "jobs", NULL);
    assert_int_equal(local.type, WIRE_ANSWER);
    assert_int_equal(stat_of(&local, "trusted"), 2);
    assert_int_equal(stat_of(&local, "insecure"), 0);
    assert_int_equal(stat_of(&local, "policy"), 1);
    dial(f, &eva, "eva", &f->eva);
    until(f, is_ended, &eva, SECOND);
    assert_int_equal(eva.ended, WIRE_E_DENIED);
    until_said(f, "is not trusted", 0);
    leave(&ana);
    leave(&local);
    leave(&eva);
}

static void test_a_key_that_becomes_trusted_comes_in(void **state)
{
    fixture_t *f = *state;
    node_t eva;
    dial(f, &eva, "eva", &f->eva);
    until(f, is_ended, &eva, SECOND);
    leave(&eva);
    trust_one(f, &f->eva);
    come(f, &eva, "eva", &f->eva);
    leave(&eva);
}

static void test_a_stolen_name(void **state)
{
    fixture_t *f = *state;
    node_t thief, local;
    dial(f, &thief, "ana", &f->bob);
    until(f, is_ended, &thief, SECOND);
    assert_int_equal(thief.ended, WIRE_E_DENIED);
    assert_non_null(strstr(thief.text, "the name ana belongs to another key"));
    dial(f, &local, "ana", NULL);
    until(f, is_ended, &local, SECOND);
    assert_non_null(strstr(local.text, "came without one"));
    leave(&thief);
    leave(&local);
}

//  Whoever knows name and incarnation, which LOOKUP tells, has not got the session.
static void test_a_stolen_incarnation(void **state)
{
    fixture_t *f = *state;
    node_t ana, thief, local;
    dial_as(f, &ana, "ana", 42, &f->ana);
    until(f, is_up, &ana, WAIT);
    dial_as(f, &thief, "ana", 42, &f->bob);
    until(f, is_ended, &thief, SECOND);
    dial_as(f, &local, "ana", 42, NULL);
    until(f, is_ended, &local, SECOND);
    assert_int_equal(ana.ended, 0);
    assert_true(may_out(&ana));
    assert_int_equal(broker_core_members(broker_core(f->broker)), 1);
    leave(&ana);
    leave(&thief);
    leave(&local);
}

//  ---- Who is cut off ------------------------------------------------------

static void test_a_revoked_key_is_cut_within_a_second(void **state)
{
    fixture_t *f = *state;
    node_t ana, bob, again;
    char error[CERT_ERROR];
    come(f, &ana, "ana", &f->ana);
    come(f, &bob, "bob", &f->bob);
    ask(&bob, WIRE_VOUCH, "ana", f->ana.public_key);
    assert_int_equal(bob.type, WIRE_ANSWER);
    bob.heard = 0;
    assert_true(trust_revoke(f->trust, "ana", error));
    until(f, is_ended, &ana, SECOND);
    assert_int_equal(ana.ended, WIRE_E_DENIED);
    assert_non_null(strstr(ana.text, "does not trust the key of ana any more"));
    until(f, has_heard, &bob, SECOND);
    assert_int_equal(bob.type, WIRE_RIGHTS);        //  And who was told of it hears so
    assert_int_equal(bob.last.data[bob.last.size - 1], 0xc0);
    dial(f, &again, "ana", &f->ana);
    until(f, is_ended, &again, SECOND);
    assert_int_equal(again.ended, WIRE_E_DENIED);
    leave(&ana);
    leave(&bob);
    leave(&again);
}

static void test_a_certificate_that_is_removed_is_no_more_trusted(void **state)
{
    fixture_t *f = *state;
    node_t ana;
    char path[200];
    come(f, &ana, "ana", &f->ana);
    snprintf(path, sizeof path, "%s/ana.pub", f->trust);
    assert_int_equal(unlink(path), 0);
    until(f, is_ended, &ana, SECOND);
    assert_int_equal(ana.ended, WIRE_E_DENIED);
    leave(&ana);
}

//  Others could put their own into it: what was trusted stays, and nothing is added.
static void test_a_trust_store_that_gets_loose(void **state)
{
    fixture_t *f = *state;
    node_t ana, local;
    come(f, &ana, "ana", &f->ana);
    come(f, &local, "local", NULL);
    trust_one(f, &f->eva);
    chmod(f->trust, 0777);
    until_said(f, "TRUST STORE BROKEN", SECOND);
    assert_int_equal(stat_of(&local, "trust_broken"), 1);
    assert_true(may_out(&ana));
    chmod(f->trust, 0700);
    until_said(f, "is in order again", SECOND);
    assert_int_equal(stat_of(&local, "trust_broken"), 0);
    leave(&ana);
    leave(&local);
}

//  ---- The policy ----------------------------------------------------------

static void test_a_changed_policy_is_in_force_within_a_second(void **state)
{
    fixture_t *f = *state;
    node_t ana;
    come(f, &ana, "ana", &f->ana);
    assert_true(may_out(&ana));
    ana.heard = 0;
    write_file(f->policy, "keys = { ana = { take = true } }\n");
    until(f, has_heard, &ana, SECOND);
    assert_int_equal(ana.type, WIRE_RIGHTS);
    assert_false(may_out(&ana));
    until_said(f, "is in force", 0);
    leave(&ana);
}

static void test_garbage_keeps_the_old_rights(void **state)
{
    fixture_t *f = *state;
    node_t ana, local;
    come(f, &ana, "ana", &f->ana);
    come(f, &local, "local", NULL);
    static const struct {
        const char *text, *said;
    } broken[] = {
        { "\x7f" "ELF\x02\x01garbage", ":1:1" },
        { "keys = {\n  ana = os.exit(1) }\n", ":2:9" },
        { "keys = { ana = 'wroker' }\n", "wroker" },
        { "", "is empty" },
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_file(f->policy, broken[i].text);
        const void *both[] = { f, broken[i].said };
        until(f, is_said, both, SECOND);
        until_said(f, "POLICY BROKEN, THE OLD RIGHTS STAY", 0);
        assert_true(may_out(&ana));
        assert_int_equal(stat_of(&local, "policy_broken"), 1);
    }
    unlink(f->policy);
    until_said(f, "No such file", SECOND);
    assert_true(may_out(&ana));
    write_file(f->policy, "keys = { ana = { out = true } }\n");
    until_said(f, "is in force", SECOND);
    assert_int_equal(stat_of(&local, "policy_broken"), 0);
    chmod(f->policy, 0666);
    until_said(f, "others can change it", SECOND);
    assert_int_equal(stat_of(&local, "policy_broken"), 1);
    assert_true(may_out(&ana));
    leave(&ana);
    leave(&local);
}

//  ---- ROTATE --------------------------------------------------------------

static void test_rotation_rewrites_the_trust_store(void **state)
{
    fixture_t *f = *state;
    node_t ana, anew, old;
    cert_t fresh;
    new_cert(&fresh, "ana");
    come(f, &ana, "ana", &f->ana);
    ask(&ana, WIRE_ROTATE, fresh.public_key, NULL);
    assert_int_equal(ana.type, WIRE_ANSWER);
    until(f, is_ended, &ana, SECOND);               //  The old key's links end
    assert_int_equal(ana.ended, WIRE_E_DENIED);
    come(f, &anew, "ana", &fresh);
    assert_true(may_out(&anew));
    dial(f, &old, "ana", &f->ana);
    until(f, is_ended, &old, SECOND);
    ask(&anew, WIRE_ROTATE, f->ana.public_key, NULL);   //  Not back to one that was revoked
    assert_int_equal(anew.type, WIRE_DENY);
    char error[CERT_ERROR];
    trust_t *trust = trust_new(f->trust, error);
    assert_int_equal(trust_find(trust, f->ana.public_key, NULL), TRUST_REVOKED);
    assert_string_equal(trust_key_of(trust, "ana"), fresh.public_key);
    trust_destroy(&trust);
    leave(&ana);
    leave(&anew);
    leave(&old);
}

//  ---- Starting ------------------------------------------------------------

static void refused_to_start(fixture_t *f, const char *policy, const char *text)
{
    char error[BROKER_ERROR_TEXT] = "";
    f->broker = start(f, policy, error);
    assert_null(f->broker);
    if (!strstr(error, text))
        fail_msg("%s", error);
}

static void test_what_a_broker_does_not_start_with(void **state)
{
    fixture_t *f = *state;
    char missing[160];
    snprintf(missing, sizeof missing, "%s/none.lua", f->home);
    refused_to_start(f, missing, "No such file");
    write_file(f->policy, "keys = {\n ana = = }");
    refused_to_start(f, f->policy, "policy.lua:2:8");
    write_file(f->policy, "keys = {}");
    chmod(f->policy, 0622);
    refused_to_start(f, f->policy, "others can change it");
    chmod(f->policy, 0600);
    refused_to_start(f, f->home, "is no file");
    chmod(f->trust, 0777);
    refused_to_start(f, f->policy, "chmod 700");
    chmod(f->trust, 0700);
    broker_config_t config = { .endpoints = (const char *const[]) { f->ipc }, .endpoint_count = 1, .token = TOKEN,
                               .policy = f->policy };
    char error[BROKER_ERROR_TEXT] = "";
    assert_null(broker_new(&f->loop, &config, error));
    assert_non_null(strstr(error, "a policy needs keys"));
}

//  ---- Before HELLO (W59) --------------------------------------------------

//  A trusted key that says anything but HELLO first: no type changes anything, or has an answer with results.
static void test_no_type_is_heard_before_hello(void **state)
{
    fixture_t *f = *state;
    uint64_t changes = broker_core_changes(broker_core(f->broker));
    for (unsigned type = 0; type < WIRE_TYPE_LIMIT; type++) {
        zsock_t *socket = zsock_new(ZMQ_DEALER);
        zsock_set_curve_serverkey(socket, f->cert.public_key);
        zsock_set_curve_publickey(socket, f->ana.public_key);
        zsock_set_curve_secretkey(socket, f->ana.secret_key);
        zsock_set_linger(socket, 0);
        assert_int_equal(zsock_connect(socket, "%s", broker_endpoint(f->broker, 1)), 0);
        wire_buf_t message = WIRE_BUF_EMPTY;
        wire_msg_begin(&message, (wire_type_t) type, 7, 0, 2);
        wire_put_cstr(&message, "jobs");
        wire_put_array(&message, 0);
        zframe_t *frame = zframe_new(message.data, message.size);
        zframe_send(&frame, socket, 0);
        wire_buf_free(&message);
        zpoller_t *poller = zpoller_new(socket, NULL);
        for (int i = 0; i < 5; i++) {               //  An answer, if there is one
            uv_run(&f->loop, UV_RUN_NOWAIT);
            if (zpoller_wait(poller, 20)) {
                zframe_t *answer = zframe_recv(socket);
                wire_reader_t in = wire_reader(zframe_data(answer), zframe_size(answer));
                wire_msg_t msg;
                if (wire_msg_next(&in, &msg) == 0)
                    assert_true(msg.type == WIRE_WHO || msg.type == WIRE_REFUSED);
                zframe_destroy(&answer);
                break;
            }
        }
        zpoller_destroy(&poller);
        zsock_destroy(&socket);
    }
    assert_int_equal(broker_core_changes(broker_core(f->broker)), changes);
    assert_int_equal(broker_core_members(broker_core(f->broker)), 0);
}

#define DOOR_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOOR_TEST(test_who_comes_in_and_with_which_rights),
        DOOR_TEST(test_a_key_that_becomes_trusted_comes_in),
        DOOR_TEST(test_a_stolen_name),
        DOOR_TEST(test_a_stolen_incarnation),
        DOOR_TEST(test_a_revoked_key_is_cut_within_a_second),
        DOOR_TEST(test_a_certificate_that_is_removed_is_no_more_trusted),
        DOOR_TEST(test_a_trust_store_that_gets_loose),
        DOOR_TEST(test_a_changed_policy_is_in_force_within_a_second),
        DOOR_TEST(test_garbage_keeps_the_old_rights),
        DOOR_TEST(test_rotation_rewrites_the_trust_store),
        cmocka_unit_test_setup_teardown(test_what_a_broker_does_not_start_with, setup_without, teardown),
        DOOR_TEST(test_no_type_is_heard_before_hello),
    };
    return cmocka_run_group_tests_name("broker door", tests, NULL, NULL);
}
