//  Two hubs while connections are cut, stalled and swamped.

#include <errno.h>
#include <zmq.h>

#include "test_hub_side.h"
#include "test_hub_proxy.h"

#define MESSAGES 100000

//  libzmq takes nothing just now, as when there is no memory: from a ROUTER (who sends the id first), from a DEALER.
static bool router_is_full, dealer_is_full;
static unsigned refused;

int __real_zmq_send(void *socket, const void *data, size_t size, int flags);
int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags);
int __real_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);
int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);

int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags)
{
    if (!router_is_full || !(flags & ZMQ_SNDMORE))
        return __real_zmq_send(socket, data, size, flags);
    refused++;
    errno = EAGAIN;
    return -1;
}

static bool is_dealer(void *socket)
{
    int type = 0;
    size_t size = sizeof type;
    return zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) == 0 && type == ZMQ_DEALER;
}

int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
{
    if (!dealer_is_full || !is_dealer(socket))
        return __real_zmq_msg_send(msg, socket, flags);
    refused++;
    errno = EAGAIN;
    return -1;
}

typedef struct {
    uv_loop_t loop;
    side_t a, b;
    proxy_t proxy;
    bool proxied;
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    side_open(&f->a, &f->loop, "a");
    side_open(&f->b, &f->loop, "b");
    side_bind(&f->a, "tcp://127.0.0.1:*");
    side_bind(&f->b, "tcp://127.0.0.1:*");
    router_is_full = dealer_is_full = false;
    refused = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    if (f->a.hub)
        hub_destroy(&f->a.hub);
    if (f->b.hub)
        hub_destroy(&f->b.hub);
    if (f->proxied)
        proxy_close(&f->proxy);
    close_all(&f->loop);
    free(f);
    return 0;
}

static void dial_through_proxy(fixture_t *f, int shortest, int longest)
{
    proxy_open(&f->proxy, f->b.bound, shortest, longest);
    f->proxied = true;
    const char *endpoints[] = { f->proxy.endpoint };
    assert_non_null(side_dial_at(&f->a, "b", endpoints, 1));
}

static void stall(fixture_t *f)
{
    f->proxy.stalled = true;
    RUN_FOR(&f->loop, 20);              //  It may be moving bytes just now
}

//  A while of chatter; true when there is more to say.
static bool chatter(side_t *side, uint64_t *said, int burst)
{
    for (int i = 0; i < burst && *said < MESSAGES && side->last; i++)
        if (say(side->last, *said + 1, *said % 100 == 0 ? 3000 : 20) == 0)
            ++*said;
    return *said < MESSAGES;
}

static void on_chatter(uv_timer_t *timer)
{
    void **args = timer->data;
    fixture_t *f = args[0];
    uint64_t *said = args[1];
    bool more = chatter(&f->a, &said[0], 40);
    if (!chatter(&f->b, &said[1], 40) && !more)
        uv_timer_stop(timer);
}

static void test_nothing_is_lost_through_cuts(void **state)
{
    fixture_t *f = *state;
    uint64_t said[2] = { 0, 0 };
    void *args[2] = { f, said };
    dial_through_proxy(f, 5, 60);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 5000);
    uv_timer_t timer;
    uv_timer_init(&f->loop, &timer);
    timer.data = args;
    uv_timer_start(&timer, on_chatter, 1, 1);
    RUN_UNTIL(&f->loop, f->a.got == MESSAGES && f->b.got == MESSAGES, 100000);
    uv_close((uv_handle_t *) &timer, NULL);
    f->proxy.calm = true;
    RUN_UNTIL(&f->loop, hub_all_drained(f->a.hub) && hub_all_drained(f->b.hub), 5000);
    assert_int_equal(f->a.disordered + f->b.disordered, 0);
    assert_int_equal(f->a.lost + f->b.lost, 0);
    hub_stat_t stat;
    hub_stat(f->a.hub, &stat);
    printf("cuts %u, resumed %u, resent %u\n", f->proxy.cuts, (unsigned) stat.reconnects, (unsigned) stat.resent);
    assert_true(stat.reconnects > 10 && f->proxy.cuts > 10);
    assert_string_equal(f->a.trace, "up:b ");
    assert_string_equal(f->b.trace, "up:a ");
}

static void test_a_link_opens_through_cuts(void **state)
{
    fixture_t *f = *state;
    dial_through_proxy(f, 0, 6);            //  Most HELLOs do not make it
    say(hub_find(f->a.hub, (wire_str_t) { "b", 1 }, 0), 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1, 20000);
    f->proxy.calm = true;
    RUN_UNTIL(&f->loop, hub_all_drained(f->a.hub), 5000);
    assert_string_equal(f->a.trace, "up:b ");
    assert_string_equal(f->b.trace, "up:a ");
    hub_stat_t stat;
    hub_stat(f->b.hub, &stat);
    assert_int_equal(stat.peers, 1);
}

static void test_a_stalled_network_is_silent_and_then_resumes(void **state)
{
    fixture_t *f = *state;
    dial_through_proxy(f, 100000, 100000);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
    stall(f);
    say(f->a.last, 1, 10);
    say(f->b.last, 1, 10);
    int64_t start = proxy_now();
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "silent") && strstr(f->b.trace, "silent"), 4000);
    assert_in_range(proxy_now() - start, 1500, 3300);
    f->proxy.stalled = false;
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "back") && strstr(f->b.trace, "back"), 8000);
    RUN_UNTIL(&f->loop, f->a.got == 1 && f->b.got == 1, 1000);
    assert_string_equal(f->a.trace, "up:b silent:b back:b ");
    assert_string_equal(f->b.trace, "up:a silent:a back:a ");
}

static void test_a_network_that_stays_away_is_the_end(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "c", .lease = 1000 });
    proxy_open(&f->proxy, f->b.bound, 100000, 100000);
    f->proxied = true;
    const char *endpoints[] = { f->proxy.endpoint };
    side_dial_at(&c, "b", endpoints, 1);
    RUN_UNTIL(&f->loop, c.last, 2000);
    stall(f);
    say(c.last, 1, 10);
    RUN_UNTIL(&f->loop, !c.last, 6000);
    assert_non_null(strstr(c.trace, "gone:b:gone"));
    assert_int_equal(c.lost, 1);
    f->proxy.stalled = false;
    RUN_FOR(&f->loop, 200);
    hub_destroy(&c.hub);
}

static void test_a_node_that_has_been_given_up_is_told(void **state)
{
    fixture_t *f = *state;
    dial_through_proxy(f, 100000, 100000);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
    stall(f);
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "silent"), 4000);
    hub_declare_gone(f->b.last, "the lease is over");
    say(f->a.last, 1, 10);
    f->proxy.stalled = false;
    RUN_UNTIL(&f->loop, !f->a.last, 5000);
    assert_string_equal(f->a.trace, "up:b silent:b gone:b:gone ");
    assert_int_equal(f->a.lost, 1);
}

//  It was stopped: when it goes on, the first thing that it writes fails, and right behind the failure it reads
//  that the peer has come back over another connection.
static void test_a_write_that_failed_is_not_held_against_the_next_connection(void **state)
{
    fixture_t *f = *state;
    dial_through_proxy(f, 300, 300);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
    f->proxy.shortest = f->proxy.longest = 100000;
    while (!f->proxy.cuts)
        hub_pump(f->a.hub, 10);
    int64_t until = proxy_now() + 500;
    while (proxy_now() < until)
        hub_pump(f->a.hub, 10);             //  Only one of the two lives: it says RESUME, and nobody reads that
    say(f->b.last, 1, 10);
    hub_pump(f->b.hub, 50);
    RUN_UNTIL(&f->loop, f->a.got == 1, 3000);
    say(f->b.last, 2, 10);
    RUN_UNTIL(&f->loop, f->a.got == 2, 3000);
    assert_string_equal(f->a.trace, "up:b ");
    assert_string_equal(f->b.trace, "up:a ");
}

//  One cut, and a while during which what is written about the new connection is refused.
static void cut_while_full(fixture_t *f, bool *full)
{
    dial_through_proxy(f, 300, 300);
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
    f->proxy.shortest = f->proxy.longest = 100000;
    *full = true;
    RUN_UNTIL(&f->loop, f->proxy.cuts == 1, 2000);
    RUN_FOR(&f->loop, 600);                 //  Reconnected after some 50 ms
    assert_true(refused > 0);
    *full = false;
    say(f->a.last, 1, 10);
    say(f->b.last, 1, 10);
    RUN_UNTIL(&f->loop, f->a.got == 1 && f->b.got == 1, 5000);
    assert_null(strstr(f->a.trace, "gone"));
    assert_null(strstr(f->b.trace, "gone"));
}

static void test_a_resume_that_could_not_be_answered_is_asked_again(void **state)
{
    cut_while_full(*state, &router_is_full);
}

static void test_a_resume_that_could_not_be_written_is_asked_again(void **state)
{
    cut_while_full(*state, &dealer_is_full);
}

//  ---- Brokers, which are dialled for ever ---------------------------------------------

static void dial_broker(fixture_t *f, side_t *node)
{
    side_open_as(node, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "n", .patient = true, .lease = 300 });
    assert_non_null(side_dial_at(node, "", &f->b.bound, 1));
}

static void test_a_hello_to_a_broker_that_could_not_be_written_is_said_again(void **state)
{
    fixture_t *f = *state;
    side_t node;
    dealer_is_full = true;
    dial_broker(f, &node);
    RUN_UNTIL(&f->loop, refused > 0, 2000);
    dealer_is_full = false;
    RUN_UNTIL(&f->loop, node.last && f->b.last, 3000);
    hub_destroy(&node.hub);
}

//  Its only address stands and says nothing.
static void test_a_broker_that_did_not_answer_is_dialled_again(void **state)
{
    fixture_t *f = *state;
    side_t node;
    router_is_full = true;
    dial_broker(f, &node);
    RUN_UNTIL(&f->loop, refused > 0 && f->b.last, 2000);
    router_is_full = false;
    assert_null(node.last);
    RUN_UNTIL(&f->loop, node.last, 5000);
    say(node.last, 1, 10);
    RUN_UNTIL(&f->loop, f->b.got == 1, 1000);
    assert_string_equal(f->b.trace, "up:n ");
    hub_destroy(&node.hub);
}

//  The session was forgotten, and the HELLO that follows cannot be written.
static void test_a_broker_that_forgot_us_hears_of_us_all_the_same(void **state)
{
    fixture_t *f = *state;
    side_t node;
    dial_broker(f, &node);
    RUN_UNTIL(&f->loop, node.last && f->b.last, 2000);
    hub_destroy(&f->b.hub);
    RUN_FOR(&f->loop, 100);
    const char *endpoint = strdup(f->b.bound);
    side_open_as(&f->b, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "b", .incarnation = 8 });
    dealer_is_full = true;
    side_bind(&f->b, endpoint);
    unsigned before = refused;
    RUN_UNTIL(&f->loop, refused > before, 3000);
    dealer_is_full = false;
    RUN_UNTIL(&f->loop, f->b.last, 3000);
    free((char *) endpoint);
    hub_destroy(&node.hub);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_lost_through_cuts),
        T(test_a_link_opens_through_cuts),
        T(test_a_stalled_network_is_silent_and_then_resumes),
        T(test_a_network_that_stays_away_is_the_end),
        T(test_a_node_that_has_been_given_up_is_told),
        T(test_a_write_that_failed_is_not_held_against_the_next_connection),
        T(test_a_resume_that_could_not_be_answered_is_asked_again),
        T(test_a_resume_that_could_not_be_written_is_asked_again),
        T(test_a_hello_to_a_broker_that_could_not_be_written_is_said_again),
        T(test_a_broker_that_did_not_answer_is_dialled_again),
        T(test_a_broker_that_forgot_us_hears_of_us_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
