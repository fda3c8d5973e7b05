//  The hub with keys in trouble: sieges, floods, a busy node, connections that break, a gate that is no more.

#include <sys/resource.h>
#include <sys/wait.h>

#include "hub_gate.h"
#include "test_hub_keys_side.h"
#include "test_hub_proxy.h"

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
    hub_stat_t stat = { .unfinished = 0 };
    for (int i = 0; i < 800 && stat.unfinished < HALF_OPEN; i++) {      //  HANDSHAKE_TIME, and they are gone
        RUN_FOR(&f->loop, 10);
        hub_stat(f->b.hub, &stat);
    }
    assert_int_equal(stat.unfinished, HALF_OPEN);
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
    RUN_UNTIL(&f->loop, strlen(c.trace), 20000);
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
