//  The hub with keys: who comes in, who does not and what it is told, over real sockets.

#include "test_hub_keys_side.h"

//  The dialler is told within a second.
static void expect_denied(fixture_t *f, side_t *side, const char *text)
{
    RUN_UNTIL(&f->loop, strlen(side->trace), 1000);
    assert_string_equal(side->trace, "gone:b:denied ");
    if (!strstr(side->text, text))
        fail_msg("\"%s\" does not say \"%s\"", side->text, text);
    assert_string_equal(f->b.trace, "");
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
    assert_non_null(strstr(f->a.text, "this key was revoked: whoever runs the broker"));
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

int main(void)
{
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
