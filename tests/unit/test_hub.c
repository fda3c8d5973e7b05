//  The hub: two of them on one loop, over real sockets.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "test_hub_side.h"

typedef struct {
    uv_loop_t loop;
    side_t a, b;
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    side_open(&f->a, &f->loop, "a");
    side_open(&f->b, &f->loop, "b");
    side_bind(&f->a, ipc_path("a"));
    side_bind(&f->b, ipc_path("b"));
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

static void up(fixture_t *f)
{
    assert_non_null(side_dial(&f->a, &f->b, "b"));
    RUN_UNTIL(&f->loop, f->a.last && f->b.last, 2000);
}

static void test_dial_and_talk(void **state)
{
    fixture_t *f = *state;
    hub_peer_t *peer = side_dial(&f->a, &f->b, "b");
    assert_non_null(peer);
    assert_int_equal(say(peer, 1, 30), 0);      //  Before WELCOME: it waits
    RUN_UNTIL(&f->loop, f->b.got == 1, 2000);
    assert_string_equal(f->a.trace, "up:b ");
    assert_string_equal(f->b.trace, "up:a ");
    assert_true(f->a.saw_key);
    assert_ptr_equal(f->a.last, peer);
    assert_int_equal(hub_peer_incarnation(peer), 7);
    f->b.echo = true;
    for (uint64_t i = 2; i <= 1000; i++)
        assert_int_equal(say(peer, i, 30), 0);
    RUN_UNTIL(&f->loop, f->a.got == 999 && hub_drained(peer), 2000);
    assert_int_equal(f->b.disordered, 0);
}

static void test_large_messages_travel_alone_and_in_order(void **state)
{
    fixture_t *f = *state;
    up(f);
    static const size_t sizes[] = { 1, 70000, 3, 1024 * 1024, 40000, 9000, 2, 65536, 100 };
    for (uint64_t i = 0; i < 9; i++)
        assert_int_equal(say(f->a.last, i + 1, sizes[i]), 0);
    RUN_UNTIL(&f->loop, f->b.got == 9, 3000);
    assert_int_equal(f->b.disordered, 0);
    wire_buf_t big = WIRE_BUF_EMPTY;
    wire_buf_reserve(&big, WIRE_MAX_MESSAGE + 1);
    assert_int_equal(hub_send(f->a.last, big.data, WIRE_MAX_MESSAGE + 1), WIRE_E_TOO_BIG);
    wire_buf_free(&big);
}

//  Who has brought one frame at a time for long is read less eagerly: what comes at once then must not be left lying.
static void test_many_frames_at_once_after_many_alone(void **state)
{
    fixture_t *f = *state;
    up(f);
    for (uint64_t i = 1; i <= 40; i++) {
        assert_int_equal(say(f->a.last, i, 10), 0);
        assert_int_equal(say(f->b.last, i, 10), 0);
        RUN_UNTIL(&f->loop, f->a.got == i && f->b.got == i, 1000);
    }
    for (uint64_t i = 41; i <= 70; i++) {
        assert_int_equal(say(f->a.last, i, 70000), 0);      //  Each in a frame of its own
        assert_int_equal(say(f->b.last, i, 70000), 0);
    }
    RUN_UNTIL(&f->loop, f->a.got == 70 && f->b.got == 70, 3000);
    assert_int_equal(f->a.disordered + f->b.disordered, 0);
}

static void test_acks_drain_the_ring(void **state)
{
    fixture_t *f = *state;
    up(f);
    say(f->a.last, 1, 10);
    assert_false(hub_drained(f->a.last));
    RUN_UNTIL(&f->loop, hub_drained(f->a.last), 200);   //  The lone ACK, after 20 ms
    assert_true(hub_all_drained(f->a.hub));
}

static void test_a_full_ring_says_so_and_pump_makes_room(void **state)
{
    fixture_t *f = *state;
    up(f);
    uint64_t sent = 0;
    while (say(f->a.last, sent + 1, 100000) == 0)
        sent++;
    assert_in_range(sent, 70, 90);      //  8 MiB
    assert_false(hub_has_room(f->a.last, 100000));
    for (int i = 0; i < 1000 && !hub_has_room(f->a.last, 100000); i++) {
        hub_pump(f->b.hub, 1);
        hub_pump(f->a.hub, 1);
    }
    assert_true(hub_has_room(f->a.last, 100000));
    assert_int_equal(f->b.turns > 0, true);
    RUN_UNTIL(&f->loop, f->b.got == sent && hub_drained(f->a.last), 3000);
    assert_int_equal(f->b.disordered, 0);
    hub_stat_t stat;
    hub_stat(f->a.hub, &stat);
    assert_int_equal(stat.full, 1);
}

static void test_both_dial_at_once_and_one_link_remains(void **state)
{
    fixture_t *f = *state;
    hub_peer_t *at_a = side_dial(&f->a, &f->b, "b");
    hub_peer_t *at_b = side_dial(&f->b, &f->a, "a");
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(say(at_a, i, 10), 0);
        assert_int_equal(say(at_b, i, 10), 0);
    }
    RUN_UNTIL(&f->loop, f->a.got == 100 && f->b.got == 100, 3000);
    assert_string_equal(f->a.trace, "up:b ");
    assert_string_equal(f->b.trace, "up:a ");
    assert_ptr_equal(f->a.last, at_a);
    assert_ptr_equal(f->b.last, at_b);
    hub_stat_t stat;
    hub_stat(f->b.hub, &stat);
    assert_int_equal(stat.peers, 1);
    assert_int_equal(f->a.disordered + f->b.disordered, 0);
    assert_ptr_equal(side_dial(&f->a, &f->b, "b"), at_a);
}

static void test_bye_ends_both_sides_behind_what_was_sent(void **state)
{
    fixture_t *f = *state;
    up(f);
    for (uint64_t i = 1; i <= 50; i++)
        say(f->a.last, i, 10);
    hub_close(f->a.last, 0, "enough");
    assert_int_equal(say(f->a.last, 51, 10), WIRE_E_GONE);
    RUN_UNTIL(&f->loop, !f->a.last && !f->b.last, 2000);
    assert_string_equal(f->a.trace, "up:b gone:b:closed ");
    assert_string_equal(f->b.trace, "up:a gone:a:closed ");
    assert_int_equal(f->b.got, 50);
    assert_int_equal(f->a.lost + f->b.lost, 0);
}

static void test_the_acceptor_may_say_bye_too(void **state)
{
    fixture_t *f = *state;
    up(f);
    say(f->b.last, 1, 10);
    hub_close(f->b.last, 0, "enough");
    RUN_UNTIL(&f->loop, !f->a.last && !f->b.last, 1000);
    assert_string_equal(f->a.trace, "up:b gone:b:closed ");
    assert_string_equal(f->b.trace, "up:a gone:a:closed ");
    assert_int_equal(f->a.got, 1);
}

static void test_drop_tells_the_other_end(void **state)
{
    fixture_t *f = *state;
    up(f);
    hub_drop(f->b.last, WIRE_E_DENIED, "go away");
    RUN_UNTIL(&f->loop, !f->a.last && !f->b.last, 1000);
    assert_string_equal(f->a.trace, "up:b gone:b:denied ");
    assert_string_equal(f->b.trace, "up:a gone:a:denied ");
}

static void test_declared_gone_reports_from_inside(void **state)
{
    fixture_t *f = *state;
    up(f);
    say(f->a.last, 1, 10);
    say(f->a.last, 2, 10);
    hub_declare_gone(f->a.last, "its parent saw it die");
    assert_string_equal(f->a.trace, "up:b gone:b:gone ");
    assert_int_equal(f->a.lost, 2);
}

static void test_a_wrong_token_is_refused(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "c", .token = "0011" });
    hub_peer_t *peer = side_dial(&c, &f->b, "b");
    say(peer, 1, 10);
    RUN_UNTIL(&f->loop, strlen(c.trace), 1000);
    assert_string_equal(c.trace, "gone:b:denied ");
    assert_int_equal(c.lost, 1);
    assert_string_equal(f->b.trace, "");
    hub_destroy(&c.hub);
}

static void test_hello_may_be_refused_by_the_room_above(void **state)
{
    fixture_t *f = *state;
    f->b.hello_code = WIRE_E_EXISTS;
    side_dial(&f->a, &f->b, "b");
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 1000);
    assert_string_equal(f->a.trace, "gone:b:exists ");
    hub_stat_t stat;
    hub_stat(f->b.hub, &stat);
    assert_int_equal(stat.peers, 0);
}

static void test_another_name_than_expected_is_unknown(void **state)
{
    fixture_t *f = *state;
    side_dial(&f->a, &f->b, "someone");
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 1000);
    assert_string_equal(f->a.trace, "gone:someone:unknown ");
}

static void test_nobody_there_is_known_at_once(void **state)
{
    fixture_t *f = *state;
    const char *nowhere[] = { "tcp://127.0.0.1:1" };
    assert_non_null(side_dial_at(&f->a, "x", nowhere, 1));
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 500);
    assert_string_equal(f->a.trace, "gone:x:unknown ");
    const char *no_path[] = { "ipc:///nonexistent/x" };
    assert_null(side_dial_at(&f->a, "y", no_path, 1));
}

static void test_the_next_endpoint_is_tried(void **state)
{
    fixture_t *f = *state;
    const char *endpoints[] = { "tcp://127.0.0.1:1", f->b.bound };
    assert_non_null(side_dial_at(&f->a, "b", endpoints, 2));    //  ipc comes first
    RUN_UNTIL(&f->loop, f->a.last, 1000);
    side_t c;
    side_open(&c, &f->loop, "c");
    side_bind(&c, "tcp://127.0.0.1:*");
    const char *both[] = { "tcp://127.0.0.1:1", c.bound };
    assert_non_null(side_dial_at(&f->b, "c", both, 2));
    RUN_UNTIL(&f->loop, c.last, 1000);
    hub_destroy(&c.hub);
}

static void test_a_dead_acceptor_is_gone_at_once(void **state)
{
    fixture_t *f = *state;
    up(f);
    say(f->a.last, 1, 10);
    RUN_UNTIL(&f->loop, hub_drained(f->a.last), 500);
    hub_destroy(&f->b.hub);
    say(f->a.last, 2, 10);
    RUN_UNTIL(&f->loop, !f->a.last, 500);
    assert_string_equal(f->a.trace, "up:b gone:b:gone ");
    assert_int_equal(f->a.lost, 1);
}

static void test_a_dead_dialler_is_gone_at_once(void **state)
{
    fixture_t *f = *state;
    up(f);
    hub_destroy(&f->a.hub);
    RUN_UNTIL(&f->loop, !f->b.last, 500);
    assert_string_equal(f->b.trace, "up:a gone:a:gone ");
}

static void test_a_new_incarnation_replaces_the_old(void **state)
{
    fixture_t *f = *state;
    side_t again;
    up(f);
    side_open_as(&again, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "a", .incarnation = 8 });
    side_dial(&again, &f->b, "b");
    RUN_UNTIL(&f->loop, again.last, 1000);
    assert_string_equal(f->b.trace, "up:a gone:a:gone up:a ");
    assert_int_equal(hub_peer_incarnation(f->b.last), 8);
    hub_destroy(&again.hub);
}

static void test_a_broker_mints_names_and_may_come_back(void **state)
{
    fixture_t *f = *state;
    side_t broker, node;
    const char *endpoint = ipc_path("broker");
    side_open_as(&broker, &f->loop, (hub_config_t) { .role = HUB_BROKER, .name = "net" });
    side_bind(&broker, endpoint);
    broker.minted = "1@net";
    side_open_as(&node, &f->loop, (hub_config_t) { .role = HUB_NODE, .patient = true });
    hub_peer_t *peer = side_dial(&node, &broker, "");
    RUN_UNTIL(&f->loop, node.last, 1000);
    assert_string_equal(broker.trace, "up:1@net ");
    assert_string_equal(node.trace, "up:net ");
    assert_int_equal(hub_peer_role(peer), HUB_BROKER);
    uint64_t epoch = hub_peer_epoch(peer);
    RUN_FOR(&f->loop, 30);

    hub_destroy(&broker.hub);
    say(peer, 1, 10);
    RUN_UNTIL(&f->loop, hub_peer_is_silent(peer), 4000);    //  By then its path is free
    side_open_as(&broker, &f->loop, (hub_config_t) { .role = HUB_BROKER, .name = "net", .incarnation = 9 });
    broker.minted = "2@net";
    side_bind(&broker, endpoint);
    RUN_UNTIL(&f->loop, broker.last, 3000);
    RUN_UNTIL(&f->loop, hub_peer_epoch(peer) > epoch, 1000);
    assert_string_equal(node.trace, "up:net silent:net back:net up:net ");
    assert_int_equal(node.lost, 1);
    assert_int_equal(hub_peer_incarnation(peer), 9);
    say(peer, 1, 10);
    RUN_UNTIL(&f->loop, broker.got == 1, 1000);
    hub_destroy(&node.hub);
    hub_destroy(&broker.hub);
}

static void test_leaving_a_dead_broker_takes_no_time(void **state)
{
    fixture_t *f = *state;
    side_t broker, node;
    side_open_as(&broker, &f->loop, (hub_config_t) { .role = HUB_BROKER, .name = "net" });
    side_bind(&broker, ipc_path("broker"));
    side_open_as(&node, &f->loop, (hub_config_t) { .role = HUB_NODE, .name = "n", .patient = true });
    side_dial(&node, &broker, "");
    RUN_UNTIL(&f->loop, node.last, 1000);
    hub_destroy(&broker.hub);
    RUN_UNTIL(&f->loop, hub_peer_is_silent(node.last), 4000);
    say(node.last, 1, 10);
    hub_close(node.last, 0, "the program is over");
    RUN_UNTIL(&f->loop, !node.last, 500);
    assert_string_equal(node.trace, "up:net silent:net gone:net:gone ");
    assert_int_equal(node.lost, 1);

    const char *nowhere[] = { "tcp://127.0.0.1:1" };
    hub_peer_t *never = side_dial_at(&node, "", nowhere, 1);
    assert_non_null(never);
    say(never, 1, 10);
    RUN_FOR(&f->loop, 200);             //  The patient wait,
    assert_null(strstr(node.trace, "unknown"));
    hub_close(never, 0, "");            //  but not when they leave
    RUN_UNTIL(&f->loop, strstr(node.trace, "unknown"), 500);
    hub_destroy(&node.hub);
}

//  We are the smaller and dial where nothing answers; they reach us. It is their link then.
static void test_a_dial_that_hangs_gives_way(void **state)
{
    fixture_t *f = *state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int deaf = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(deaf, (struct sockaddr *) &address, size) || listen(deaf, 5), 0);
    getsockname(deaf, (struct sockaddr *) &address, &size);
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    const char *endpoints[] = { endpoint };
    hub_peer_t *peer = side_dial_at(&f->a, "b", endpoints, 1);
    say(peer, 1, 10);
    RUN_FOR(&f->loop, 50);
    side_dial(&f->b, &f->a, "a");
    RUN_UNTIL(&f->loop, f->b.got == 1, 500);
    assert_string_equal(f->a.trace, "up:b ");
    assert_ptr_equal(f->a.last, peer);
    close(deaf);
}

static void test_three_strikes_end_the_link(void **state)
{
    fixture_t *f = *state;
    up(f);
    f->b.message_code = WIRE_E_STATE;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_string_equal(f->a.trace, "up:b ");
        say(f->a.last, i, 10);
        RUN_UNTIL(&f->loop, f->b.got == i, 1000);
    }
    RUN_UNTIL(&f->loop, !f->a.last && !f->b.last, 1000);
    assert_string_equal(f->b.trace, "up:a gone:a:state ");
    assert_string_equal(f->a.trace, "up:b gone:b:state ");
    hub_stat_t stat;
    hub_stat(f->b.hub, &stat);
    assert_int_equal(stat.strikes, 3);
    assert_int_equal(stat.refused, 3);
}

static void test_an_address_in_use_is_told(void **state)
{
    fixture_t *f = *state;
    char bound[256];
    assert_int_equal(hub_bind(f->a.hub, f->b.bound, bound), WIRE_E_EXISTS);
    assert_int_equal(hub_bind(f->a.hub, "http://x", bound), WIRE_E_USAGE);
    assert_int_equal(hub_bind(f->a.hub, "tcp://127.0.0.1:*", bound), 0);
    assert_int_equal(hub_bind(f->b.hub, bound, NULL), WIRE_E_EXISTS);
}

static void test_no_path_is_left_behind(void **state)
{
    fixture_t *f = *state;
    const char *path = f->b.bound + strlen("ipc://");
    assert_int_equal(access(path, F_OK), 0);
    hub_destroy(&f->b.hub);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_dial_and_talk),
        T(test_large_messages_travel_alone_and_in_order),
        T(test_many_frames_at_once_after_many_alone),
        T(test_acks_drain_the_ring),
        T(test_a_full_ring_says_so_and_pump_makes_room),
        T(test_both_dial_at_once_and_one_link_remains),
        T(test_bye_ends_both_sides_behind_what_was_sent),
        T(test_the_acceptor_may_say_bye_too),
        T(test_drop_tells_the_other_end),
        T(test_declared_gone_reports_from_inside),
        T(test_a_wrong_token_is_refused),
        T(test_hello_may_be_refused_by_the_room_above),
        T(test_another_name_than_expected_is_unknown),
        T(test_nobody_there_is_known_at_once),
        T(test_the_next_endpoint_is_tried),
        T(test_a_dead_acceptor_is_gone_at_once),
        T(test_a_dead_dialler_is_gone_at_once),
        T(test_a_new_incarnation_replaces_the_old),
        T(test_a_broker_mints_names_and_may_come_back),
        T(test_leaving_a_dead_broker_takes_no_time),
        T(test_a_dial_that_hangs_gives_way),
        T(test_three_strikes_end_the_link),
        T(test_an_address_in_use_is_told),
        T(test_no_path_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
