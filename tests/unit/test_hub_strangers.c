//  The hub and those that are no hubs: clients in ten lines, garbage, the killed, crowds;
//  and loops that are not libuv's.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <zmq.h>

#include "test_hub_side.h"
#include "link_open.h"

typedef struct {
    uv_loop_t loop;
    side_t a;
    void *context, *client;     //  A client of our own, without a hub
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    side_open(&f->a, &f->loop, "a");
    side_bind(&f->a, ipc_path("a"));
    f->context = zmq_ctx_new();
    f->client = zmq_socket(f->context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(f->client, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(f->client, f->a.bound), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    if (f->client)
        zmq_close(f->client);
    zmq_ctx_term(f->context);
    hub_destroy(&f->a.hub);
    close_all(&f->loop);
    free(f);
    return 0;
}

static void client_send(fixture_t *f, const wire_buf_t *bytes)
{
    assert_int_equal(zmq_send(f->client, bytes->data, bytes->size, 0), (int) bytes->size);
}

static void client_hello_as(fixture_t *f, const char *name, uint64_t nonce)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_hello_t hello = { 1, 1, 0, nonce, { "client", 6 }, { name, strlen(name) }, 3,
                           { TOKEN, strlen(TOKEN) }, 0, { NULL, NULL } };
    wire_put_hello(&out, &hello);
    client_send(f, &out);
    wire_buf_free(&out);
}

static void client_say(fixture_t *f, uint64_t number)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_STAT, number, 0, 0);
    client_send(f, &out);
    wire_buf_free(&out);
}

//  The type of the next message that the client gets; frames that say nothing are skipped.
static int client_hears(fixture_t *f)
{
    static uint8_t bytes[4096];
    for (int i = 0; i < 300; i++) {
        int size = zmq_recv(f->client, bytes, sizeof bytes, ZMQ_DONTWAIT);
        wire_reader_t at = wire_reader(bytes, size > 0 ? (size_t) size : 0);
        wire_msg_t msg;
        if (size > 0 && wire_msg_next(&at, &msg) == 0)
            return (int) msg.type;
        RUN_FOR(&f->loop, 5);
    }
    return 0;
}

static void test_a_client_without_counting(void **state)
{
    fixture_t *f = *state;
    f->a.echo = true;
    client_hello_as(f, "py", 5);
    assert_int_equal(client_hears(f), WIRE_WELCOME);
    assert_string_equal(f->a.trace, "up:py ");
    client_say(f, 1);
    assert_int_equal(client_hears(f), WIRE_STAT);
    assert_true(hub_drained(f->a.last));
    wire_buf_t bye = WIRE_BUF_EMPTY;
    wire_put_bye(&bye, WIRE_E_CLOSED, "");
    client_send(f, &bye);
    wire_buf_free(&bye);
    RUN_UNTIL(&f->loop, !f->a.last, 1000);
    assert_string_equal(f->a.trace, "up:py gone:py:closed ");
}

static void test_a_client_that_leaves_without_a_word(void **state)
{
    fixture_t *f = *state;
    client_hello_as(f, "py", 5);
    RUN_UNTIL(&f->loop, f->a.last, 1000);
    zmq_close(f->client);
    f->client = NULL;
    RUN_UNTIL(&f->loop, !f->a.last, 500);
    assert_string_equal(f->a.trace, "up:py gone:py:gone ");
}

static void test_who_is_asked_once(void **state)
{
    fixture_t *f = *state;
    client_say(f, 1);
    client_say(f, 2);
    assert_int_equal(client_hears(f), WIRE_WHO);
    client_say(f, 3);
    RUN_FOR(&f->loop, 50);
    assert_int_equal(f->a.got, 0);
    client_hello_as(f, "late", 5);
    assert_int_equal(client_hears(f), WIRE_WELCOME);    //  No second WHO before it
}

static void test_a_client_may_say_hello_again(void **state)
{
    fixture_t *f = *state;
    client_hello_as(f, "one", 5);
    client_say(f, 1);
    RUN_UNTIL(&f->loop, f->a.got == 1, 1000);
    client_hello_as(f, "two", 6);
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "gone"), 1000);
    assert_string_equal(f->a.trace, "up:one up:two gone:one:gone ");
    client_say(f, 1);
    RUN_UNTIL(&f->loop, f->a.got == 2, 1000);
}

static void test_resume_of_nothing_is_refused(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_resume_t resume = { 5, 12345, 0 };
    wire_put_resume(&out, WIRE_RESUME, &resume);
    client_send(f, &out);
    wire_buf_free(&out);
    assert_int_equal(client_hears(f), WIRE_REFUSED);
    client_hello_as(f, "py", 6);
    assert_int_equal(client_hears(f), WIRE_WELCOME);
}

static void test_garbage_before_hello(void **state)
{
    fixture_t *f = *state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 3000; i++) {
        uint8_t bytes[200];
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t) (seed >> (j % 7 * 8)) ^ (uint8_t) (j * j);
        if (i % 3 == 0)
            memcpy(bytes, (uint8_t[]) { 0x94, 1, (uint8_t) (1 + i % 9), 0 }, 4);
        zmq_send(f->client, bytes, seed % sizeof bytes, i % 17 == 0 ? ZMQ_SNDMORE : 0);
    }
    zmq_send(f->client, "", 0, 0);
    client_hello_as(f, "py", 5);
    RUN_UNTIL(&f->loop, f->a.last, 3000);
    hub_stat_t stat;
    hub_stat(f->a.hub, &stat);
    assert_true(stat.refused > 0);
    assert_int_equal(f->a.got, 0);
}

static void test_hello_changed_anywhere_is_survived(void **state)
{
    fixture_t *f = *state;
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_hello_t hello = { 1, 1, 1, 9, { "node", 4 }, { "fuzz", 4 }, 3,
                           { TOKEN, strlen(TOKEN) }, 0, { NULL, NULL } };
    wire_put_hello(&out, &hello);
    for (size_t i = 0; i < out.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            out.data[i] ^= (uint8_t) (1 << bit);
            client_send(f, &out);
            out.data[i] ^= (uint8_t) (1 << bit);
        }
    wire_buf_free(&out);
    client_hello_as(f, "py", 5);
    RUN_UNTIL(&f->loop, f->a.last && strcmp(hub_peer_name(f->a.last), "py") == 0, 3000);
}

static void test_three_bad_frames_end_a_client(void **state)
{
    fixture_t *f = *state;
    client_hello_as(f, "py", 5);
    RUN_UNTIL(&f->loop, f->a.last, 1000);
    for (int i = 0; i < 3; i++)
        zmq_send(f->client, "\x94\x01\x3b", 3, 0);      //  Cut short
    RUN_UNTIL(&f->loop, !f->a.last, 1000);
    assert_string_equal(f->a.trace, "up:py gone:py:malformed ");
    assert_int_equal(client_hears(f), WIRE_WELCOME);
    assert_int_equal(client_hears(f), WIRE_REFUSED);
}

//  Another process, with a hub that dials us.
static pid_t start_child(fixture_t *f, const char *path)
{
    char program[256];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(size > 0);
    program[size] = 0;
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--be-a-node", f->a.bound, path, (char *) NULL);
        _exit(127);
    }
    return child;
}

//  A process that is killed, while it is idle and says nothing.
static void test_the_killed_are_gone_at_once(void **state)
{
    fixture_t *f = *state;
    const char *path = ipc_path("child");
    pid_t child = start_child(f, path);
    RUN_UNTIL(&f->loop, f->a.last, 5000);
    RUN_FOR(&f->loop, 100);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    uint64_t start = uv_hrtime();
    RUN_UNTIL(&f->loop, !f->a.last, 1000);
    assert_true(uv_hrtime() - start < 500000000);
    assert_string_equal(f->a.trace, "up:child gone:child:gone ");
    unlink(path + strlen("ipc://"));
}

static void test_the_stopped_are_silent_and_not_gone(void **state)
{
    fixture_t *f = *state;
    const char *path = ipc_path("child");
    pid_t child = start_child(f, path);
    RUN_UNTIL(&f->loop, f->a.last, 5000);
    RUN_FOR(&f->loop, 100);
    kill(child, SIGSTOP);
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "silent"), 3500);
    kill(child, SIGCONT);
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "back"), 5000);
    assert_string_equal(f->a.trace, "up:child silent:child back:child ");
    kill(child, SIGSTOP);
    RUN_UNTIL(&f->loop, hub_peer_is_silent(f->a.last), 3500);
    kill(child, SIGKILL);               //  And dies while it is away
    waitpid(child, NULL, 0);
    RUN_UNTIL(&f->loop, !f->a.last, 2000);
    unlink(path + strlen("ipc://"));
}

static int be_a_node(const char *where, const char *bind)
{
    uv_loop_t loop;
    side_t side;
    uv_loop_init(&loop);
    side_open(&side, &loop, "child");
    side_bind(&side, bind);
    side_dial_at(&side, "a", &where, 1);
    return uv_run(&loop, UV_RUN_DEFAULT);
}

//  Crowds

#define CROWD 1000
#define AT_ONCE 50              //  So that a slow machine opens them within what a dial may take

static void wait_for_echoes(fixture_t *f, const side_t *crowd, int count)
{
    int echoed = 0;
    for (int round = 0; round < 1000 && echoed < count; round++) {
        f->a.trace[0] = 0;              //  It is not made for crowds
        RUN_FOR(&f->loop, 5);
        echoed = 0;
        for (int i = 0; i < count; i++)
            echoed += crowd[i].got == 1;
    }
    assert_int_equal(echoed, count);
}

static void test_a_thousand_links(void **state)
{
    fixture_t *f = *state;
    side_t *crowd = calloc(CROWD, sizeof *crowd);
    char (*names)[16] = calloc(CROWD, sizeof *names);
    f->a.echo = true;
    for (int i = 0; i < CROWD; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        side_open(&crowd[i], &f->loop, names[i]);
        hub_peer_t *peer = side_dial(&crowd[i], &f->a, "a");
        assert_non_null(peer);
        assert_int_equal(say(peer, 1, 20), 0);
        if ((i + 1) % AT_ONCE == 0)
            wait_for_echoes(f, crowd, i + 1);
    }
    hub_stat_t stat;
    hub_stat(f->a.hub, &stat);
    assert_int_equal(stat.peers, CROWD);
    f->a.trace[0] = 0;
    for (int i = 0; i < CROWD; i++)
        hub_destroy(&crowd[i].hub);
    for (int i = 0; i < 200 && stat.peers; i++) {
        f->a.trace[0] = 0;
        RUN_FOR(&f->loop, 50);
        hub_stat(f->a.hub, &stat);
    }
    free(crowd);
    free(names);
}

//  Loops

static void count_turns(uv_prepare_t *prepare)
{
    ++*(unsigned *) prepare->data;
}

static void test_an_idle_link_costs_nothing(void **state)
{
    fixture_t *f = *state;
    side_t b;
    side_open(&b, &f->loop, "b");
    side_dial(&b, &f->a, "a");
    RUN_UNTIL(&f->loop, f->a.last && b.last, 1000);
    say(b.last, 1, 10);
    RUN_UNTIL(&f->loop, hub_drained(b.last), 1000);
    RUN_FOR(&f->loop, 1500);            //  What the opening left behind
    unsigned turns = 0;
    uv_prepare_t prepare;
    uv_prepare_init(&f->loop, &prepare);
    prepare.data = &turns;
    uv_prepare_start(&prepare, count_turns);
    uv_timer_t timer;
    uv_timer_init(&f->loop, &timer);
    uv_timer_start(&timer, nap, 1000, 0);
    while (uv_is_active((uv_handle_t *) &timer))
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_in_range(turns, 1, 5);
    uv_close((uv_handle_t *) &prepare, NULL);
    uv_close((uv_handle_t *) &timer, NULL);
    hub_destroy(&b.hub);
    RUN_FOR(&f->loop, 10);
}

//  Driven by fd and timeout, as copas or cqueues would.
static void test_a_foreign_loop_misses_nothing(void **state)
{
    fixture_t *f = *state;
    side_t b;
    side_open(&b, &f->loop, "b");
    b.echo = f->a.echo = true;
    hub_peer_t *peer = side_dial(&b, &f->a, "a");
    assert_int_equal(say(peer, 1, 10), 0);
    uint64_t start = uv_hrtime();
    while (b.got < 2000 && uv_hrtime() - start < 20000000000u) {
        struct pollfd item = { uv_backend_fd(&f->loop), POLLIN, 0 };
        int timeout = uv_backend_timeout(&f->loop);
        assert_true(poll(&item, 1, timeout < 0 ? 3000 : timeout) > 0 || timeout >= 0);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_true(b.got >= 2000);
    hub_destroy(&b.hub);
}

static void test_signals_are_left_alone(void **state)
{
    struct sigaction action;
    (void) state;
    sigaction(SIGINT, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
    sigaction(SIGTERM, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
}

//  ---- Nodes of other hosts: when does a refused connection prove their death? ------------

//  A listening socket at that number, as a node's; its endpoint in endpoint[64].
static int listen_at(const char *host, char *endpoint)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *) &address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
    snprintf(endpoint, 64, "tcp://%s:%d", host, ntohs(address.sin_port));
    return fd;
}

static void hello_from_afar(fixture_t *f, void *client, const char *endpoint)
{
    wire_buf_t out = WIRE_BUF_EMPTY, body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 2);
    wire_put_cstr(&body, "host");
    wire_put_cstr(&body, "elsewhere");
    wire_put_cstr(&body, "endpoints");
    wire_put_array(&body, 1);
    wire_put_cstr(&body, endpoint);
    wire_hello_t hello = { 1, 1, WIRE_FEATURE_RESUME, 5, { "node", 4 }, { "far", 3 }, 3,
                           { TOKEN, strlen(TOKEN) }, 0, wire_reader(body.data, body.size) };
    wire_put_hello(&out, &hello);
    assert_int_equal(zmq_send(client, out.data, out.size, 0), (int) out.size);
    RUN_UNTIL(&f->loop, f->a.last, 2000);
    wire_buf_free(&out);
    wire_buf_free(&body);
}

//  It comes from 127.0.0.1, says that it listens at `endpoint`, and is killed: its listener goes with its connection.
static void live_and_die(fixture_t *f, int listener, const char *endpoint)
{
    char where[256];
    int none = 0;
    assert_int_equal(hub_bind(f->a.hub, "tcp://127.0.0.1:*", where), 0);
    void *client = zmq_socket(f->context, ZMQ_DEALER);
    zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(client, where), 0);
    hello_from_afar(f, client, endpoint);
    RUN_FOR(&f->loop, 100);
    if (listener >= 0)
        close(listener);
    zmq_close(client);
}

static void test_one_elsewhere_is_gone_when_its_address_refuses(void **state)
{
    fixture_t *f = *state;
    char endpoint[64];
    int listener = listen_at("127.0.0.1", endpoint);
    live_and_die(f, listener, endpoint);
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "gone:far:gone"), 2500);
}

static void expect_silence(fixture_t *f)
{
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "silent:far"), 4000);
    assert_null(strstr(f->a.trace, "gone"));
}

static void test_an_address_that_never_answered_proves_nothing(void **state)
{
    char endpoint[64];
    close(listen_at("127.0.0.1", endpoint));
    live_and_die(*state, -1, endpoint);
    expect_silence(*state);
}

//  As behind a NAT.
static void test_an_address_that_it_did_not_come_from_proves_nothing(void **state)
{
    char endpoint[64];
    int listener = listen_at("127.0.0.2", endpoint);
    live_and_die(*state, listener, endpoint);
    expect_silence(*state);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--be-a-node") == 0)
        return be_a_node(argv[2], argv[3]);
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_client_without_counting),
        T(test_a_client_that_leaves_without_a_word),
        T(test_who_is_asked_once),
        T(test_a_client_may_say_hello_again),
        T(test_resume_of_nothing_is_refused),
        T(test_garbage_before_hello),
        T(test_hello_changed_anywhere_is_survived),
        T(test_three_bad_frames_end_a_client),
        T(test_the_killed_are_gone_at_once),
        T(test_the_stopped_are_silent_and_not_gone),
        T(test_a_thousand_links),
        T(test_an_idle_link_costs_nothing),
        T(test_a_foreign_loop_misses_nothing),
        T(test_signals_are_left_alone),
        T(test_one_elsewhere_is_gone_when_its_address_refuses),
        T(test_an_address_that_never_answered_proves_nothing),
        T(test_an_address_that_it_did_not_come_from_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
