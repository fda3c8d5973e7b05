//  The hub with keys: who comes in, who does not and what it is told, over real sockets.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <zmq.h>

#include "test_hub_side.h"
#include "test_hub_proxy.h"
#include "hub_gate.h"
#include "hub_self.h"

typedef struct {
    uv_loop_t loop;
    cert_t cert_a, cert_b, cert_c;
    side_t a, b;                //  b has keys and listens, a has keys and dials
} fixture_t;

static void open_with(fixture_t *f, side_t *side, const cert_t *cert, const char *name)
{
    side_open_as(side, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = name, .cert = cert });
}

static int setup(void **state)
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

static int teardown(void **state)
{
    fixture_t *f = *state;
    hub_destroy(&f->a.hub);
    hub_destroy(&f->b.hub);
    close_all(&f->loop);
    free(f);
    return 0;
}

static hub_peer_t *dial(fixture_t *f, side_t *side)
{
    hub_peer_t *peer = side_dial_key_at(side, "b", &f->b.bound, 1, f->cert_b.public_key);
    assert_non_null(peer);
    return peer;
}

static void up(fixture_t *f)
{
    dial(f, &f->a);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
}

//  The dialler is told within a second.
static void expect_denied(fixture_t *f, side_t *side, const char *text)
{
    RUN_UNTIL(&f->loop, strlen(side->trace), 1000);
    assert_string_equal(side->trace, "gone:b:denied ");
    if (!strstr(side->text, text))
        fail_msg("\"%s\" does not say \"%s\"", side->text, text);
    assert_string_equal(f->b.trace, "");
}

static uint64_t denied_at(const side_t *side)
{
    hub_stat_t stat;
    hub_stat(side->hub, &stat);
    return stat.denied;
}

//  ---- Who comes in ---------------------------------------------------------

static void test_a_trusted_key_comes_in_and_is_known(void **state)
{
    fixture_t *f = *state;
    up(f);
    assert_string_equal(hub_peer_key(f->b.last), f->cert_a.public_key);
    assert_string_equal(hub_peer_key(f->a.last), f->cert_b.public_key);
    assert_int_equal(f->b.asked, 1);
    assert_string_equal(f->b.asked_key, f->cert_a.public_key);
    f->b.echo = true;
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(say(f->a.last, i, 30), 0);
    RUN_UNTIL(&f->loop, f->a.got == 1000 && hub_drained(f->a.last), 2000);
    assert_int_equal(f->b.disordered, 0);
}

static void test_the_token_is_not_shown_by_curve(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .token = "another" });
    dial(f, &c);
    RUN_UNTIL(&f->loop, c.last && f->b.last, 2000);
    hub_destroy(&c.hub);
}

static void test_a_rejected_key_is_told(void **state)
{
    fixture_t *f = *state;
    f->b.verdict = HUB_REJECT;
    hub_peer_t *peer = dial(f, &f->a);
    say(peer, 1, 10);
    expect_denied(f, &f->a, "alua keys trust a.pub");
    assert_non_null(strstr(f->a.text, f->cert_a.public_key));
    assert_int_equal(f->a.lost, 1);
    RUN_UNTIL(&f->loop, denied_at(&f->b) == 1, 1000);
    f->b.verdict = HUB_ADMIT;           //  Nothing remembers the refusal
    up(f);
}

static void test_asked_later_and_admitted(void **state)
{
    fixture_t *f = *state;
    f->b.verdict = HUB_ASK;
    dial(f, &f->a);
    RUN_UNTIL(&f->loop, f->b.asked, 1000);
    RUN_FOR(&f->loop, 300);
    assert_string_equal(f->a.trace, "");
    hub_admit(f->b.hub, f->cert_a.public_key, true);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 500);
    assert_int_equal(f->b.asked, 1);
}

static void test_asked_later_and_refused(void **state)
{
    fixture_t *f = *state;
    f->b.verdict = HUB_ASK;
    dial(f, &f->a);
    RUN_UNTIL(&f->loop, f->b.asked, 1000);
    hub_admit(f->b.hub, f->cert_a.public_key, false);
    expect_denied(f, &f->a, "does not trust our key");
}

//  Not a refusal: the node takes another way, or comes again.
static void test_asked_and_never_answered(void **state)
{
    fixture_t *f = *state;
    f->b.verdict = HUB_ASK;
    dial(f, &f->a);
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 2800);
    assert_string_equal(f->a.trace, "gone:b:unknown ");
    assert_non_null(strstr(f->a.text, "in time"));
}

static void test_a_patient_one_comes_again_until_it_is_answered(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    f->b.verdict = HUB_ASK;
    hub_peer_t *peer = side_dial_key_at(&c, "", &f->b.bound, 1, f->cert_b.public_key);
    assert_non_null(peer);
    RUN_UNTIL(&f->loop, f->b.asked == 2, 5000);
    hub_admit(f->b.hub, f->cert_c.public_key, true);
    RUN_UNTIL(&f->loop, c.last == peer, 1000);
    hub_destroy(&c.hub);
}

static void test_admitted_before_it_comes(void **state)
{
    fixture_t *f = *state;
    f->b.verdict = HUB_REJECT;
    hub_admit(f->b.hub, f->cert_a.public_key, true);
    up(f);
    assert_int_equal(f->b.asked, 0);
}

static void test_insecure_takes_whoever_comes(void **state)
{
    fixture_t *f = *state;
    side_t open, c;
    side_open_as(&open, &f->loop, (hub_config_t) { .name = "b", .insecure = true, .token = "one" });
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .token = "another" });
    side_bind(&open, "tcp://127.0.0.1:*");
    side_dial(&c, &open, "b");
    RUN_UNTIL(&f->loop, c.last && open.last, 2000);
    assert_string_equal(hub_peer_key(open.last), "");
    hub_destroy(&c.hub);
    hub_destroy(&open.hub);
}

//  ---- Who is mistaken ------------------------------------------------------

static void test_a_wrong_server_key_is_told(void **state)
{
    fixture_t *f = *state;
    side_dial_key_at(&f->a, "b", &f->b.bound, 1, f->cert_c.public_key);
    expect_denied(f, &f->a, "does not have the key");
}

static void test_a_plain_client_at_a_curve_port_is_told(void **state)
{
    fixture_t *f = *state;
    side_dial(&f->a, &f->b, "b");
    expect_denied(f, &f->a, "with keys only");
    RUN_UNTIL(&f->loop, denied_at(&f->b) >= 1, 1000);
}

static void test_keys_at_a_plain_port_are_told(void **state)
{
    fixture_t *f = *state;
    side_t plain;
    side_open(&plain, &f->loop, "b");
    side_bind(&plain, "tcp://127.0.0.1:*");
    side_dial_key_at(&f->a, "b", &plain.bound, 1, f->cert_b.public_key);
    expect_denied(f, &f->a, "has no keys");
    hub_destroy(&plain.hub);
}

static void test_a_patient_one_that_is_denied_hears_of_it_and_may_dial_again(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    f->b.verdict = HUB_REJECT;
    side_dial_key_at(&c, "", &f->b.bound, 1, f->cert_b.public_key);
    RUN_UNTIL(&f->loop, strlen(c.trace), 1000);
    assert_string_equal(c.trace, "gone::denied ");
    f->b.verdict = HUB_ADMIT;
    side_dial_key_at(&c, "", &f->b.bound, 1, f->cert_b.public_key);
    RUN_UNTIL(&f->loop, c.last, 1000);
    hub_destroy(&c.hub);
}

static void test_without_a_certificate_no_key_is_dialled(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open(&c, &f->loop, "c");
    assert_null(side_dial_key_at(&c, "b", &f->b.bound, 1, f->cert_b.public_key));
    hub_destroy(&c.hub);
}

//  ---- Doors ----------------------------------------------------------------

static void test_ipc_beside_curve_takes_the_token(void **state)
{
    fixture_t *f = *state;
    side_t c, d;
    const char *path = ipc_path("b");
    side_bind(&f->b, path);
    side_open(&c, &f->loop, "c");
    side_open_as(&d, &f->loop, (hub_config_t) { .name = "d", .token = "another" });
    f->b.verdict = HUB_REJECT;          //  Is not asked here
    side_dial_at(&c, "b", &path, 1);
    RUN_UNTIL(&f->loop, c.last && f->b.last, 2000);
    assert_string_equal(hub_peer_key(f->b.last), "");
    side_dial_at(&d, "b", &path, 1);
    RUN_UNTIL(&f->loop, strlen(d.trace), 1000);
    assert_string_equal(d.trace, "gone:b:denied ");
    hub_destroy(&c.hub);
    hub_destroy(&d.hub);
}

static void hear(fixture_t *f, void *client, int type)
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

static void say_hello(void *client, const char *name, const char *token)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_hello_t hello = { 1, 1, 0, 5, { "client", 6 }, { name, strlen(name) }, 3, { token, strlen(token) }, 0,
                           { NULL, NULL } };
    wire_put_hello(&out, &hello);
    assert_int_equal(zmq_send(client, out.data, out.size, 0), (int) out.size);
    wire_buf_free(&out);
}

static void *client_to(void *context, const char *endpoint, const cert_t *cert, const char *server, const char *id)
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

static void talk(void *client, uint64_t number)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_STAT, number, 0, 0);
    assert_int_equal(zmq_send(client, out.data, out.size, 0), (int) out.size);
    wire_buf_free(&out);
}

//  Two connections of one routing id, one by each door, are two.
static void test_equal_routing_ids_at_two_doors(void **state)
{
    fixture_t *f = *state;
    void *context = zmq_ctx_new();
    const char *path = ipc_path("b");
    char tcp[256];
    strcpy(tcp, f->b.bound);
    side_bind(&f->b, path);
    void *by_key = client_to(context, tcp, &f->cert_c, f->cert_b.public_key, "same");
    say_hello(by_key, "c", "");
    hear(f, by_key, WIRE_WELCOME);
    hub_peer_t *first = f->b.last;
    void *by_token = client_to(context, path, NULL, NULL, "same");
    say_hello(by_token, "d", TOKEN);
    hear(f, by_token, WIRE_WELCOME);
    assert_string_equal(f->b.trace, "up:c up:d ");
    assert_string_equal(hub_peer_key(first), f->cert_c.public_key);
    assert_string_equal(hub_peer_key(f->b.last), "");
    f->b.echo = true;
    talk(by_key, 1);
    hear(f, by_key, WIRE_STAT);
    talk(by_token, 2);
    hear(f, by_token, WIRE_STAT);
    zmq_close(by_key);
    zmq_close(by_token);
    zmq_ctx_term(context);
}

static void test_two_hubs_of_one_process_are_told_apart(void **state)
{
    fixture_t *f = *state;
    side_t other;
    open_with(f, &other, &f->cert_c, "b");
    side_bind(&other, "tcp://127.0.0.1:*");
    other.verdict = HUB_REJECT;
    up(f);                              //  So the key is known to the gate, for the hub of b
    f->a.trace[0] = 0;
    side_t d;
    open_with(f, &d, &f->cert_a, "d");
    side_dial_key_at(&d, "b", &other.bound, 1, f->cert_c.public_key);
    RUN_UNTIL(&f->loop, strlen(d.trace), 1000);
    assert_string_equal(d.trace, "gone:b:denied ");
    assert_int_equal(other.asked, 1);
    hub_destroy(&d.hub);
    hub_destroy(&other.hub);
}

//  ---- Revocation, sessions -------------------------------------------------

static void test_revocation_ends_a_live_link(void **state)
{
    fixture_t *f = *state;
    up(f);
    say(f->b.last, 1, 10);
    hub_admit(f->b.hub, f->cert_a.public_key, false);
    f->b.verdict = HUB_REJECT;
    RUN_UNTIL(&f->loop, !f->a.last && !f->b.last, 1000);
    assert_string_equal(f->a.trace, "up:b gone:b:denied ");
    assert_string_equal(f->b.trace, "up:a gone:a:denied ");
    assert_string_equal(f->a.text, "its key was revoked");
    f->a.trace[0] = f->b.trace[0] = 0;
    dial(f, &f->a);
    expect_denied(f, &f->a, "does not trust our key");
}

//  Its connection stands, since libzmq cannot end it: it says HELLO once more.
static void test_a_revoked_key_does_not_come_back_over_its_connection(void **state)
{
    fixture_t *f = *state;
    void *context = zmq_ctx_new();
    void *client = client_to(context, f->b.bound, &f->cert_c, f->cert_b.public_key, "c");
    say_hello(client, "c", "");
    hear(f, client, WIRE_WELCOME);
    f->b.verdict = HUB_ASK;
    hub_admit(f->b.hub, f->cert_c.public_key, false);
    hear(f, client, WIRE_REFUSED);
    say_hello(client, "c", "");
    hear(f, client, WIRE_REFUSED);
    assert_string_equal(f->b.trace, "up:c gone:c:denied ");
    zmq_close(client);
    zmq_ctx_term(context);
}

static void test_a_session_is_not_resumed_by_another_key(void **state)
{
    fixture_t *f = *state;
    hub_stat_t before, after;
    void *context = zmq_ctx_new();
    up(f);
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1 && hub_drained(f->a.last), 1000);
    uint64_t session = wire_link_session(f->b.last->link);
    hub_stat(f->b.hub, &before);
    void *thief = client_to(context, f->b.bound, &f->cert_c, f->cert_b.public_key, "thief");
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_resume_t resume = { 9, session, 0 };
    wire_put_resume(&out, WIRE_RESUME, &resume);
    assert_int_equal(zmq_send(thief, out.data, out.size, 0), (int) out.size);
    wire_buf_free(&out);
    hear(f, thief, WIRE_REFUSED);
    hub_stat(f->b.hub, &after);
    assert_int_equal(after.refused, before.refused + 1);
    say(f->a.last, 2, 10);
    RUN_UNTIL(&f->loop, f->b.got == 2 && hub_drained(f->a.last), 1000);
    assert_string_equal(f->b.trace, "up:a ");
    zmq_close(thief);
    zmq_ctx_term(context);
}

//  Its name and incarnation are known to all: a repeated HELLO is answered with the session only to the same key.
static void test_a_fresh_link_is_not_given_to_another_key(void **state)
{
    fixture_t *f = *state;
    void *context = zmq_ctx_new();
    void *honest = client_to(context, f->b.bound, &f->cert_c, f->cert_b.public_key, "c");
    say_hello(honest, "c", "");
    hear(f, honest, WIRE_WELCOME);
    f->b.hello_code = WIRE_E_DENIED;    //  As the room above answers a stolen name
    void *thief = client_to(context, f->b.bound, &f->cert_a, f->cert_b.public_key, "thief");
    say_hello(thief, "c", "");
    hear(f, thief, WIRE_REFUSED);
    assert_string_equal(f->b.trace, "up:c ");
    zmq_close(honest);
    zmq_close(thief);
    zmq_ctx_term(context);
}

//  ---- Trouble --------------------------------------------------------------

//  The connection is cut while the acceptor computes, and stands again before it is done.
static void test_known_keys_reconnect_while_the_acceptor_computes(void **state)
{
    fixture_t *f = *state;
    proxy_t proxy;
    proxy_open(&proxy, f->b.bound, 100000, 100000);
    uv_loop_t loop;
    side_t c;
    uv_loop_init(&loop);
    side_open_as(&c, &loop, (hub_config_t) { .name = "c", .cert = &f->cert_c });
    const char *endpoint = proxy.endpoint;
    hub_peer_t *peer = side_dial_key_at(&c, "b", &endpoint, 1, f->cert_b.public_key);
    assert_non_null(peer);
    for (int i = 0; i < 300 && !c.last; i++) {
        RUN_FOR(&f->loop, 5);
        RUN_FOR(&loop, 5);
    }
    assert_ptr_equal(c.last, peer);
    assert_int_equal(say(peer, 1, 10), 0);
    for (int i = 0; i < 300 && !hub_drained(peer); i++) {
        RUN_FOR(&f->loop, 5);
        RUN_FOR(&loop, 5);
    }
    proxy.cut_now = true;
    RUN_UNTIL(&loop, !peer->connected, 1000);
    RUN_UNTIL(&loop, peer->connected, 2000);    //  b does not run
    assert_int_equal(f->b.asked, 1);
    assert_int_equal(say(peer, 2, 10), 0);
    for (int i = 0; i < 300 && !hub_drained(peer); i++) {
        RUN_FOR(&f->loop, 5);
        RUN_FOR(&loop, 5);
    }
    assert_int_equal(f->b.got, 2);
    assert_string_equal(c.trace, "up:b ");
    hub_destroy(&c.hub);
    close_all(&loop);
    proxy_close(&proxy);
}

//  A listener whose connections are never finished must not keep an honest one waiting.
#define HALF_OPEN 1000

static void test_a_thousand_half_open_connections(void **state)
{
    fixture_t *f = *state;
    int fds[HALF_OPEN];
    uint16_t port = (uint16_t) atoi(strrchr(f->b.bound, ':') + 1);
    for (int i = 0; i < HALF_OPEN; i++)
        fds[i] = proxy_connect(port);
    uint64_t start = uv_hrtime();
    up(f);
    assert_true(uv_hrtime() - start < 1000000000);
    RUN_UNTIL(&f->loop, denied_at(&f->b) >= HALF_OPEN, 8000);   //  HANDSHAKE_TIME, and they are gone
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1 && hub_drained(f->a.last), 1000);
    assert_string_equal(f->a.trace, "up:b ");
    for (int i = 0; i < HALF_OPEN; i++)
        close(fds[i]);
}

//  Another process: so many connections, until its standard input ends.
static int besiege(const char *port, int count)
{
    char byte;
    for (int i = 0; i < count; i++)
        proxy_connect((uint16_t) atoi(port));
    return (int) read(STDIN_FILENO, &byte, 1);
}

static pid_t start_siege(const char *endpoint, int *hold)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[0], STDIN_FILENO);
        close(ends[1]);
        execl("/proc/self/exe", "besiege", "--besiege", strrchr(endpoint, ':') + 1, NULL);
        _exit(1);
    }
    close(ends[0]);
    *hold = ends[1];
    return child;
}

static bool has_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd >= 0;
}

static void test_when_descriptors_run_out_links_go_on(void **state)
{
    fixture_t *f = *state;
    struct rlimit all, few = { 0, 0 };
    int hold;
    up(f);
    pid_t child = start_siege(f->b.bound, &hold);
    getrlimit(RLIMIT_NOFILE, &all);
    few = (struct rlimit) { 100, all.rlim_max };
    setrlimit(RLIMIT_NOFILE, &few);
    RUN_UNTIL(&f->loop, !has_descriptor(), 5000);
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1 && hub_drained(f->a.last), 1000);
    close(hold);
    waitpid(child, NULL, 0);
    RUN_UNTIL(&f->loop, has_descriptor(), 5000);
    setrlimit(RLIMIT_NOFILE, &all);
    side_t c;
    open_with(f, &c, &f->cert_c, "c");
    dial(f, &c);
    RUN_UNTIL(&f->loop, c.last, 2000);
    assert_string_equal(f->a.trace, "up:b ");
    hub_destroy(&c.hub);
}

//  An honest key, a dishonest program: one message whose parts do not end for a long time. libzmq would keep them all.
#define PART    (512u << 10)
#define PARTS   300             //  150 MiB, six seconds

static void test_a_message_without_end_is_cut(void **state)
{
    fixture_t *f = *state;
    hub_stat_t stat = { .cut = 0 };
    void *context = zmq_ctx_new();
    proxy_t proxy;
    proxy_open(&proxy, f->b.bound, 100000, 100000);
    void *client = client_to(context, proxy.endpoint, &f->cert_c, f->cert_b.public_key, "c");
    int no_limit = 0;
    zmq_setsockopt(client, ZMQ_SNDHWM, &no_limit, sizeof no_limit);
    up(f);
    say_hello(client, "c", "");
    hear(f, client, WIRE_WELCOME);
    f->b.hub->flow_limit = 16 << 20;
    proxy.slow = true;
    char *part = calloc(1, PART);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(zmq_send(client, part, PART, i + 1 < PARTS ? ZMQ_SNDMORE : 0), PART);
    free(part);
    for (int i = 0; i < 500 && !stat.cut; i++) {
        RUN_FOR(&f->loop, 10);
        hub_stat(f->b.hub, &stat);
    }
    assert_int_equal(stat.cut, 1);
    assert_int_equal(stat.refused, 0);  //  Nothing of it ever came out
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1 && hub_drained(f->a.last), 1000);
    zmq_close(client);
    zmq_ctx_term(context);
    proxy_close(&proxy);
}

//  A hundred MiB in order are no flood.
static void test_who_says_much_is_not_cut(void **state)
{
    fixture_t *f = *state;
    hub_stat_t stat;
    up(f);
    f->b.hub->flow_limit = 16 << 20;
    uint64_t sent = 0;
    while (f->b.got < 100 || !hub_drained(f->a.last)) {
        while (sent < 100 && say(f->a.last, sent + 1, 1 << 20) == 0)
            sent++;
        RUN_FOR(&f->loop, 5);
    }
    RUN_FOR(&f->loop, 1500);            //  A look or two
    hub_stat(f->b.hub, &stat);
    assert_int_equal(stat.cut, 0);
    assert_string_equal(f->a.trace, "up:b ");
    hub_stat(f->a.hub, &stat);
    assert_int_equal(stat.reconnects, 0);
}

//  Who is revoked, and does not leave, is shown out.
static void test_the_connection_of_a_revoked_key_is_shut(void **state)
{
    fixture_t *f = *state;
    void *context = zmq_ctx_new();
    void *client = client_to(context, f->b.bound, &f->cert_c, f->cert_b.public_key, "c");
    say_hello(client, "c", "");
    hear(f, client, WIRE_WELCOME);
    assert_int_equal(f->b.hub->flows.count, 1);
    f->b.verdict = HUB_REJECT;
    hub_admit(f->b.hub, f->cert_c.public_key, false);
    hear(f, client, WIRE_REFUSED);
    RUN_UNTIL(&f->loop, denied_at(&f->b) >= 1, 2000);   //  It was cut, came again, and the gate said no
    zmq_close(client);
    zmq_ctx_term(context);
}

//  The gate is gone: nobody comes in, and who is in stays.
static void test_without_a_gate_nobody_comes_in(void **state)
{
    fixture_t *f = *state;
    up(f);
    hub_gate_leave();                   //  As if it had died
    side_t c;
    open_with(f, &c, &f->cert_c, "c");
    side_dial_key_at(&c, "b", &f->b.bound, 1, f->cert_b.public_key);
    RUN_UNTIL(&f->loop, strlen(c.trace), 3500);
    assert_null(strstr(c.trace, "up"));
    assert_string_equal(f->b.trace, "up:a ");
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1 && hub_drained(f->a.last), 1000);
    hub_destroy(&c.hub);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--besiege") == 0)
        return besiege(argv[2], HALF_OPEN);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_trusted_key_comes_in_and_is_known),
        T(test_the_token_is_not_shown_by_curve),
        T(test_a_rejected_key_is_told),
        T(test_asked_later_and_admitted),
        T(test_asked_later_and_refused),
        T(test_asked_and_never_answered),
        T(test_a_patient_one_comes_again_until_it_is_answered),
        T(test_admitted_before_it_comes),
        T(test_insecure_takes_whoever_comes),
        T(test_a_wrong_server_key_is_told),
        T(test_a_plain_client_at_a_curve_port_is_told),
        T(test_keys_at_a_plain_port_are_told),
        T(test_a_patient_one_that_is_denied_hears_of_it_and_may_dial_again),
        T(test_without_a_certificate_no_key_is_dialled),
        T(test_ipc_beside_curve_takes_the_token),
        T(test_equal_routing_ids_at_two_doors),
        T(test_two_hubs_of_one_process_are_told_apart),
        T(test_revocation_ends_a_live_link),
        T(test_a_revoked_key_does_not_come_back_over_its_connection),
        T(test_a_session_is_not_resumed_by_another_key),
        T(test_a_fresh_link_is_not_given_to_another_key),
        T(test_known_keys_reconnect_while_the_acceptor_computes),
        T(test_a_thousand_half_open_connections),
        T(test_when_descriptors_run_out_links_go_on),
        T(test_a_message_without_end_is_cut),
        T(test_who_says_much_is_not_cut),
        T(test_the_connection_of_a_revoked_key_is_shut),
        T(test_without_a_gate_nobody_comes_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
