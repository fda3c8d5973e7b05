//  Hosts by name: what a name leads to is written here, so that it may have either kind of address, change, or not be
//  answered at all.

#include <netdb.h>
#include <sys/socket.h>

#include "test_hub_keys_side.h"

//  Two of this host at which others have no ports: what is free at the one is free at the other.
#define HERE    "127.0.0.3"
#define NOWHERE "127.0.0.2"             //  Nobody listens there, or somebody else

//  ---- The name server ------------------------------------------------------

static _Atomic(const char *) four[3], six[3];   //  What every name has, up to a NULL
static atomic_bool away;
static atomic_int asked, answered;

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);

static void read_numbers(_Atomic(const char *) *numbers, const struct addrinfo *hints, struct addrinfo **end)
{
    for (int i = 0; numbers[i]; i++, end = &(*end)->ai_next)
        assert(__real_getaddrinfo(numbers[i], NULL, hints, end) == 0);
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    (void) host;
    (void) service;
    asked++;
    while (away)
        usleep(1000);
    *found = NULL;
    read_numbers(hints->ai_family == AF_INET ? four : six, hints, found);
    answered++;
    return *found ? 0 : EAI_NONAME;
}

static void lead_to(const char *four_first, const char *four_second, const char *six_first)
{
    four[0] = four_first;
    four[1] = four_second;
    six[0] = six_first;
}

//  ---- Who listens, who dials ------------------------------------------------

static void need_ipv6(void)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0;
    close(fd);
    if (!found)
        skip();
}

//  A hub b that listens at this number only, at a port of its own (or at the given one).
static void listen_at(fixture_t *f, side_t *side, const char *number, const char *port, bool broker)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%s", number, port);
    side_open_as(side, &f->loop, (hub_config_t) { .role = broker ? HUB_BROKER : HUB_NODE, .name = "n", .cert = &f->cert_b,
                                                  .incarnation = hub_random() });
    side->minted = "1@n";
    side_bind(side, endpoint);
}

static const char *port_of(const side_t *side)
{
    return strrchr(side->where, ':') + 1;
}

static hub_peer_t *dial_host(side_t *side, const char *host, const side_t *to, const char *key, const char *name)
{
    static char endpoint[64];
    const char *endpoints[] = { endpoint };
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%s", host, port_of(to));
    hub_peer_t *peer = side_dial_key_at(side, name, endpoints, 1, key);
    assert_non_null(peer);
    return peer;
}

static hub_peer_t *dial_name(side_t *side, const side_t *to, const char *key, const char *name)
{
    return dial_host(side, "hub.test", to, key, name);
}

static void expect_up(fixture_t *f, const char *number)
{
    side_t c, n;
    open_with(f, &c, &f->cert_c, "c");
    listen_at(f, &n, number, "*", false);
    dial_name(&c, &n, f->cert_b.public_key, "n");
    RUN_UNTIL(&f->loop, c.last && n.last, 1000);
    hub_destroy(&c.hub);
    hub_destroy(&n.hub);
}

static int setup_names(void **state)
{
    lead_to(NULL, NULL, NULL);
    away = false;
    asked = answered = 0;
    return setup(state);
}

//  ---- What it is for ----------------------------------------------------------

static void test_a_name_with_ipv4_only(void **state)
{
    lead_to(HERE, NULL, NULL);
    expect_up(*state, HERE);
}

static void test_a_name_with_ipv6_only(void **state)
{
    need_ipv6();
    lead_to(NULL, NULL, "::1");
    expect_up(*state, "[::1]");
}

static void test_of_a_name_with_both_the_one_that_listens(void **state)
{
    need_ipv6();
    lead_to(HERE, NULL, "::1");
    expect_up(*state, HERE);
    expect_up(*state, "[::1]");
}

static void test_the_second_address_of_a_kind(void **state)
{
    lead_to(NOWHERE, HERE, NULL);
    expect_up(*state, HERE);
}

static void test_another_node_at_the_first_address(void **state)
{
    fixture_t *f = *state;
    side_t other, n;
    listen_at(f, &other, NOWHERE, "*", false);
    hub_set_name(other.hub, "other");
    listen_at(f, &n, HERE, port_of(&other), false);
    lead_to(NOWHERE, HERE, NULL);
    dial_name(&f->a, &n, f->cert_b.public_key, "n");
    RUN_UNTIL(&f->loop, n.last && f->a.last, 1000);
    assert_string_equal(f->a.trace, "up:n ");
    hub_destroy(&other.hub);
    hub_destroy(&n.hub);
}

static void test_nobody_at_any_address_is_known_at_once(void **state)
{
    fixture_t *f = *state;
    lead_to(NOWHERE, NULL, "::1");
    dial_name(&f->a, &f->b, f->cert_b.public_key, "n");
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 1000);
    assert_string_equal(f->a.trace, "gone:n:unknown ");
    assert_string_equal(f->a.text, "no answer at any address of its name");
}

static void test_a_name_that_is_not_known(void **state)
{
    fixture_t *f = *state;
    dial_name(&f->a, &f->b, f->cert_b.public_key, "n");
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 1000);
    assert_string_equal(f->a.trace, "gone:n:unknown ");
}

static void test_the_next_endpoint_behind_a_name(void **state)
{
    fixture_t *f = *state;
    lead_to(NOWHERE, NULL, NULL);
    const char *endpoints[] = { "tcp://hub.test:1", f->b.bound };
    side_dial_key_at(&f->a, "b", endpoints, 2, f->cert_b.public_key);
    RUN_UNTIL(&f->loop, f->a.last, 1000);
}

//  ---- Names that change -----------------------------------------------------------

static void test_a_patient_one_looks_again(void **state)
{
    fixture_t *f = *state;
    side_t c, broker;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    listen_at(f, &broker, HERE, "*", true);
    dial_name(&c, &broker, f->cert_b.public_key, "");
    RUN_UNTIL(&f->loop, answered >= 4, 3000);   //  Two rounds: the name is not known
    lead_to(HERE, NULL, NULL);
    RUN_UNTIL(&f->loop, c.last, 1500);
    assert_string_equal(c.trace, "up:n ");
    hub_destroy(&c.hub);
    hub_destroy(&broker.hub);
}

static void expect_move(fixture_t *f, const char *from, const char *to)
{
    side_t c, broker, next;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    listen_at(f, &broker, from, "*", true);
    hub_peer_t *peer = dial_name(&c, &broker, f->cert_b.public_key, "");
    RUN_UNTIL(&f->loop, c.last, 1000);
    uint64_t epoch = hub_peer_epoch(peer);
    char port[16];
    snprintf(port, sizeof port, "%s", port_of(&broker));
    hub_destroy(&broker.hub);
    listen_at(f, &next, to, port, true);
    RUN_UNTIL(&f->loop, hub_peer_epoch(peer) > epoch, 3000);
    assert_ptr_equal(c.last, peer);
    hub_destroy(&c.hub);
    hub_destroy(&next.hub);
}

static void test_a_broker_that_moves_from_one_address_to_the_other(void **state)
{
    lead_to(HERE, NOWHERE, NULL);
    expect_move(*state, HERE, NOWHERE);
    expect_move(*state, NOWHERE, HERE);
}

static void test_a_broker_that_moves_from_one_kind_to_the_other(void **state)
{
    need_ipv6();
    lead_to(HERE, NULL, "::1");
    expect_move(*state, HERE, "[::1]");
    expect_move(*state, "[::1]", HERE);
}

//  ---- Name servers that do not answer -------------------------------------------

static void test_links_go_on_while_a_name_is_looked_up(void **state)
{
    fixture_t *f = *state;
    side_t c, broker;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    listen_at(f, &broker, HERE, "*", true);
    lead_to(HERE, NULL, NULL);
    away = true;
    dial_name(&c, &broker, f->cert_b.public_key, "");
    up(f);                              //  Another link, meanwhile
    dial_name(&f->a, &broker, f->cert_b.public_key, "n");
    RUN_UNTIL(&f->loop, strstr(f->a.trace, "gone:n:unknown"), 4000);    //  Who is not patient does not wait
    assert_null(c.last);
    away = false;
    RUN_UNTIL(&f->loop, c.last, 1000);
    hub_destroy(&c.hub);
    hub_destroy(&broker.hub);
}

static void test_leaving_does_not_wait_for_it(void **state)
{
    fixture_t *f = *state;
    side_t c;
    side_open_as(&c, &f->loop, (hub_config_t) { .name = "c", .cert = &f->cert_c, .patient = true });
    away = true;
    dial_name(&c, &f->b, f->cert_b.public_key, "");
    RUN_UNTIL(&f->loop, asked == 1, 1000);
    hub_destroy(&c.hub);
    RUN_FOR(&f->loop, 10);
    assert_int_equal(answered, 0);
    away = false;                       //  The thread clears up
    RUN_UNTIL(&f->loop, answered == 1, 1000);
}

//  The other hub has a loop of its own, and ours stands still.
static void test_pump_looks_names_up_too(void **state)
{
    fixture_t *f = *state;
    fixture_t other = { .cert_b = f->cert_b };
    side_t n;
    assert_int_equal(uv_loop_init(&other.loop), 0);
    listen_at(&other, &n, HERE, "*", false);
    lead_to(NOWHERE, HERE, NULL);
    hub_peer_t *peer = dial_name(&f->a, &n, f->cert_b.public_key, "n");
    for (int i = 0; i < 200 && !hub_peer_is_up(peer); i++) {
        hub_pump(f->a.hub, 5);
        uv_run(&other.loop, UV_RUN_NOWAIT);
    }
    assert_true(hub_peer_is_up(peer));
    hub_destroy(&n.hub);
    close_all(&other.loop);
}

//  ---- What is said -------------------------------------------------------------

//  first: an address where nobody listens, or NULL; key: what is asked for.
static void expect_denied(fixture_t *f, const char *first, const char *key)
{
    side_t n;
    need_ipv6();
    lead_to(first, NULL, "::1");
    listen_at(f, &n, "[::1]", "*", false);
    dial_name(&f->a, &n, key, "n");
    RUN_UNTIL(&f->loop, strlen(f->a.trace), 2000);
    assert_string_equal(f->a.trace, "gone:n:denied ");
    hub_destroy(&n.hub);
}

static void test_without_keys_at_a_curve_port_is_told(void **state)
{
    fixture_t *f = *state;
    expect_denied(f, NOWHERE, NULL);
    assert_non_null(strstr(f->a.text, "tcp://hub.test:"));
    assert_non_null(strstr(f->a.text, "with keys only"));
}

static void test_another_key_is_told(void **state)
{
    fixture_t *f = *state;
    expect_denied(f, NULL, f->cert_c.public_key);
    assert_non_null(strstr(f->a.text, "does not have the key"));
}

//  Where it would travel for all to read. A name that begins like a number is a name.
static void test_the_token_is_said_on_this_host_only(void **state)
{
    static const char *const hosts[] = { "localhost", HERE, "hub.test", "127.hub.test", "localhost.test" };
    fixture_t *f = *state;
    side_t plain;
    side_open(&plain, &f->loop, "n");
    side_bind(&plain, "tcp://" HERE ":*");
    lead_to(HERE, NULL, NULL);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        side_t c;
        side_open(&c, &f->loop, "c");
        dial_host(&c, hosts[i], &plain, NULL, "n");
        RUN_UNTIL(&f->loop, strlen(c.trace), 2000);
        assert_string_equal(c.trace, i < 2 ? "up:n " : "gone:n:denied ");
        hub_destroy(&c.hub);
    }
    hub_destroy(&plain.hub);
}

static void test_what_a_name_is(void **state)
{
    (void) state;
    const char *const names[] = { "tcp://hub:1", "tcp://localhost:4321", "tcp://a.b-c.d:*" };
    const char *const numbers[] = { "tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://[fe80::1%eth0]:1", "ipc:///tmp/a:1", "tcp://",
                                    "tcp://hub", "tcp://hub:", "tcp://:1", "" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(hub_lookup_is_name(names[i]));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_false(hub_lookup_is_name(numbers[i]));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_names, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_a_name_is),
        T(test_the_token_is_said_on_this_host_only),
        T(test_a_name_with_ipv4_only),
        T(test_the_second_address_of_a_kind),
        T(test_another_node_at_the_first_address),
        T(test_nobody_at_any_address_is_known_at_once),
        T(test_a_name_that_is_not_known),
        T(test_the_next_endpoint_behind_a_name),
        T(test_a_patient_one_looks_again),
        T(test_a_broker_that_moves_from_one_address_to_the_other),
        T(test_links_go_on_while_a_name_is_looked_up),
        T(test_leaving_does_not_wait_for_it),
        T(test_pump_looks_names_up_too),
        T(test_a_name_with_ipv6_only),
        T(test_of_a_name_with_both_the_one_that_listens),
        T(test_a_broker_that_moves_from_one_kind_to_the_other),
        T(test_without_keys_at_a_curve_port_is_told),
        T(test_another_key_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
