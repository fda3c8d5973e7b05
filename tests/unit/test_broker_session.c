//  Who may come in, under which id, and what happens to ids when sessions end

#include "broker_fixture.h"

static void test_a_named_node_is_process_1_of_it(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    assert_string_equal(ana->id, "1@ana");
    assert_string_equal(f->welcome, "{id=1@ana address=" ADDRESS " lease=10000}");
    assert_int_equal(broker_core_members(f->core), 1);
}

static void test_nameless_nodes_are_counted(void **state)
{
    fixture_t *f = *state;
    assert_string_equal(come(f, "")->id, "1@" ADDRESS);
    client_t *second = come(f, "");
    assert_string_equal(second->id, "2@" ADDRESS);
    assert_string_equal(second->name, "2@" ADDRESS);  //  The node is called as its process
    end(f, second, WIRE_E_GONE, "died");
    assert_string_equal(come(f, "")->id, "3@" ADDRESS);  //  Never the same again
}

static void test_visitors_consume_no_number(void **state)
{
    fixture_t *f = *state;
    assert_string_equal(come_with(f, "", "visitor")->id, "v1@" ADDRESS);
    assert_string_equal(come(f, "")->id, "1@" ADDRESS);
    assert_string_equal(come_with(f, "", "visitor")->id, "v2@" ADDRESS);
    assert_int_equal(broker_core_members(f->core), 1);
}

static void test_a_process_spawned_under_a_name_is_that_name(void **state)
{
    fixture_t *f = *state;
    assert_string_equal(come_with(f, "A", "spawn")->id, "A");
    assert_string_equal(come_with(f, "", "spawn")->id, "1@" ADDRESS);
}

static void assert_refused(fixture_t *f, const char *name, const char *claims, int code, const char *text)
{
    uint64_t before = counters(f)->refused[code];
    assert_int_equal(hello(f, somebody(f), name, claims), code);
    assert_non_null(strstr(f->text, text));
    assert_int_equal(counters(f)->refused[code], before + 1);
}

static void test_names_that_cannot_be(void **state)
{
    fixture_t *f = *state;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    assert_refused(f, ADDRESS, "", WIRE_E_USAGE, "is the address of this network");
    assert_refused(f, "a\nb", "", WIRE_E_USAGE, "control character at byte 2");
    assert_refused(f, "\x7f", "", WIRE_E_USAGE, "control character");
    longest[256] = 0;
    assert_refused(f, longest, "", WIRE_E_USAGE, "256 bytes");
    longest[255] = 0;
    assert_refused(f, longest, "", WIRE_E_USAGE, "too long for an id");
    assert_int_equal(strlen(come_with(f, longest, "spawn")->id), 255);
    longest[253] = 0;
    assert_int_equal(strlen(come(f, longest)->id), 255);
}

static void test_a_name_is_held_by_one(void **state)
{
    fixture_t *f = *state;
    come(f, "ana");
    f->now += 1500;
    assert_refused(f, "ana", "", WIRE_E_EXISTS,
                   "the name ana is taken by a node that has been alive for 1500 ms (1@ana)");
    assert_refused(f, "1@ana", "spawn", WIRE_E_EXISTS,
                   "the name 1@ana is taken");  //  Its id is not free either
    assert_int_equal(broker_core_members(f->core), 1);
}

static void test_an_id_of_another_is_refused_from_both_sides(void **state)
{
    fixture_t *f = *state;
    come_with(f, "1@eva", "spawn");
    assert_refused(f, "eva", "", WIRE_E_EXISTS, "the name 1@eva is taken");
}

static void test_a_silent_holder_keeps_its_name_for_the_lease(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    fall_silent(f, ana, true);
    elapse(f, 4000);
    assert_refused(f, "ana", "", WIRE_E_EXISTS, "silent for 4000 ms and keeps it for at most 6000 ms more");
    elapse(f, 6000);
    expect(f, "ana! gone: its lease is over\n");
    assert_string_equal(come(f, "ana")->id, "1@ana");
    assert_int_equal(broker_core_members(f->core), 1);
}

static void test_a_name_that_somebody_registered_is_taken(void **state)
{
    fixture_t *f = *state;
    ask(f, come(f, "ana"), WIRE_REGISTER, "svc");
    assert_refused(f, "svc", "", WIRE_E_EXISTS,
                   "the name svc is registered by a process that has been alive for 0 ms (1@ana)");
}

static void test_the_same_incarnation_is_the_same_session(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_with(f, "ana", "apps=game"), *bob = come(f, "bob");
    ask(f, bob, WIRE_WATCH, "ana");
    fall_silent(f, ana, true);
    ignore(f);
    client_t again = { .f = f, .incarnation = ana->incarnation };
    assert_int_equal(hello(f, &again, "ana", "apps=game;names=svc;id=1@ana"), 0);
    assert_int_equal(again.session, ana->session);
    expect(f, "bob< WATCHED back 1@ana ana 1001 a sign of life\n");
    assert_int_equal(counters(f)->resumed, 1);

    end(f, ana, WIRE_E_GONE, "the old link");  //  Means nothing now
    expect(f, "");
    ask(f, &again, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#1 [game]\n");
    end(f, &again, WIRE_E_GONE, "died");
    expect(f, "bob< WATCHED gone 1@ana ana 1001 died\n");
}

static void test_claims_after_a_restart(void **state)
{
    fixture_t *f = *state;
    client_t *one = come(f, ""), *two = come(f, "");
    restart(f);
    //  The second comes back first, then a newcomer, then the first
    assert_int_equal(hello(f, two, two->name, "id=2@" ADDRESS), 0);
    assert_string_equal(two->id, "2@" ADDRESS);
    assert_string_equal(come(f, "")->id, "3@" ADDRESS);  //  Above the highest claimed
    assert_int_equal(hello(f, one, one->name, "id=1@" ADDRESS), 0);
    assert_string_equal(one->id, "1@" ADDRESS);
    assert_string_equal(come(f, "")->id, "4@" ADDRESS);
    assert_int_equal(broker_core_number(f->core), 4);
}

static void test_a_claim_without_the_name_counts_too(void **state)
{
    fixture_t *f = *state;
    client_t *c = come_with(f, "", "id=7@" ADDRESS);
    assert_string_equal(c->id, "7@" ADDRESS);
    assert_string_equal(come(f, "")->id, "8@" ADDRESS);
    assert_string_equal(come_with(f, "", "visitor;id=v5@" ADDRESS)->id, "v5@" ADDRESS);
    assert_string_equal(come_with(f, "", "visitor")->id, "v6@" ADDRESS);
    //  Of another network, not a number, beyond all counting: means nothing here
    assert_string_equal(come_with(f, "", "id=7@elsewhere")->id, "9@" ADDRESS);
    assert_string_equal(come_with(f, "", "id=x@" ADDRESS)->id, "10@" ADDRESS);
    assert_string_equal(come_with(f, "", "id=99999999999999999999@" ADDRESS)->id, "11@" ADDRESS);
    assert_string_equal(come_with(f, "", "id=012@" ADDRESS)->id, "12@" ADDRESS);
}

static void test_a_claim_that_is_taken(void **state)
{
    fixture_t *f = *state;
    come(f, "");
    assert_refused(f, "1@" ADDRESS, "id=1@" ADDRESS, WIRE_E_EXISTS, "taken by a node");
}

static void test_the_number_of_the_dead_is_not_claimed_by_others(void **state)
{
    fixture_t *f = *state;
    client_t *one = come(f, "");
    end(f, one, WIRE_E_GONE, "died");
    assert_refused(f, "1@" ADDRESS, "", WIRE_E_EXISTS, "was that of a node that has ended");
    assert_int_equal(hello(f, one, "1@" ADDRESS, ""), 0);  //  It was not dead: only cut off
    assert_string_equal(one->id, "1@" ADDRESS);
}

static void test_a_named_node_claims_its_own_id_only(void **state)
{
    fixture_t *f = *state;
    assert_refused(f, "ana", "id=1@bob", WIRE_E_USAGE, "a node named ana cannot claim the id 1@bob");
    assert_string_equal(come_with(f, "ana", "id=1@ana")->id, "1@ana");
    assert_string_equal(come_with(f, "A", "id=A")->id, "A");  //  It was spawned under it once
}

static void test_names_and_apps_come_back_with_their_holder(void **state)
{
    fixture_t *f = *state;
    client_t *bob = come(f, "bob");
    ask(f, bob, WIRE_REGISTER, "taken");
    ask(f, bob, WIRE_FOLLOW, "game");
    ignore(f);
    come_with(f, "ana", "names=svc,taken;apps=game,chess;host=h1;endpoints=ipc:///x,tcp://1.2.3.4:5");
    assert_string_equal(f->welcome, "{id=1@ana address=" ADDRESS " lease=10000 lost=[taken]}");
    assert_int_equal(counters(f)->claims_lost, 1);
    expect(f, "bob< MEMBERS game 1 join 1@ana ana\n");
    ask(f, bob, WIRE_LOOKUP, "svc");
    expect(f, "bob< ANSWER#3 {id=1@ana node=ana incarnation=1002 "
              "endpoints=[ipc:///x tcp://1.2.3.4:5] host=h1}\n");
}

static void test_a_short_lease_on_request(void **state)
{
    fixture_t *f = *state;
    client_t *c = come_with(f, "ana", "lease=2000");
    assert_string_equal(f->welcome, "{id=1@ana address=" ADDRESS " lease=2000}");
    assert_int_equal(broker_core_due(f->core), -1);
    fall_silent(f, c, true);
    assert_int_equal(broker_core_due(f->core), f->now + 2000);
    elapse(f, 1999);
    expect(f, "");
    elapse(f, 1);
    expect(f, "ana! gone: its lease is over\n");
    come_with(f, "bob", "lease=5");
    assert_non_null(strstr(f->welcome, "lease=1000"));
    come_with(f, "eva", "lease=99999999");
    assert_non_null(strstr(f->welcome, "lease=10000"));
}

static void refuse_body(fixture_t *f, const wire_buf_t *body, int code, const char *text)
{
    assert_int_equal(hello_raw(f, somebody(f), (wire_str_t){ "ana", 3 }, body->data, body->size), code);
    assert_non_null(strstr(f->text, text));
    assert_int_equal(broker_core_members(f->core), 0);
}

static void test_a_body_that_is_no_map(void **state)
{
    fixture_t *f = *state;
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_int(&body, 7);
    refuse_body(f, &body, WIRE_E_MALFORMED, "not a map");
    wire_buf_clear(&body);
    wire_put_map(&body, 1);
    wire_put_int(&body, 1);
    wire_put_int(&body, 1);
    refuse_body(f, &body, WIRE_E_MALFORMED, "not text");
    wire_buf_free(&body);
}

//  Each key with a value of a wrong kind.
static void test_a_body_with_bad_values(void **state)
{
    fixture_t *f = *state;
    const char *keys[] = { "id", "host", "endpoints", "apps", "names", "visitor", "spawn", "lease" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        wire_buf_t body = WIRE_BUF_EMPTY;
        wire_put_map(&body, 1);
        wire_put_cstr(&body, keys[i]);
        wire_put_double(&body, 0.5);
        char text[64];
        snprintf(text, sizeof text, "bad value for %s", keys[i]);
        refuse_body(f, &body, WIRE_E_MALFORMED, text);
        wire_buf_free(&body);
    }
}

static void test_a_body_with_bad_names_in_a_list(void **state)
{
    fixture_t *f = *state;
    assert_refused(f, "ana", "names=a\nb", WIRE_E_USAGE, "names has a control character");
    assert_refused(f, "ana", "apps=a\nb", WIRE_E_USAGE, "apps has a control character");
    assert_refused(f, "ana", "endpoints=1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h", WIRE_E_FULL, "17 of endpoints");
    assert_refused(f, "ana", "host=\x01", WIRE_E_USAGE, "the host has a control character");
    assert_refused(f, "ana", "id=\x01", WIRE_E_USAGE, "the claimed id has a control character");
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 1);
    wire_put_cstr(&body, "names");
    wire_put_array(&body, 1);
    wire_put_int(&body, 1);
    refuse_body(f, &body, WIRE_E_MALFORMED, "bad value for names");
    wire_buf_free(&body);
}

static void test_no_body_and_unknown_keys(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(hello_raw(f, somebody(f), (wire_str_t){ "ana", 3 }, NULL, 0), 0);
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 2);
    wire_put_cstr(&body, "colour");
    wire_put_array(&body, 1);
    wire_put_int(&body, 1);
    wire_put_cstr(&body, "host");
    wire_put_cstr(&body, "h1");
    assert_int_equal(hello_raw(f, somebody(f), (wire_str_t){ "bob", 3 }, body.data, body.size), 0);
    broker_seat_t seat;
    assert_true(broker_core_find(f->core, (wire_str_t){ "bob", 3 }, &seat));
    assert_string_equal(seat.host, "h1");
    wire_buf_free(&body);
}

static void test_input_of_those_who_left_is_ignored(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    end(f, ana, WIRE_E_CLOSED, "");
    ask(f, ana, WIRE_APPS, NULL);
    fall_silent(f, ana, true);
    end(f, ana, WIRE_E_GONE, "");
    expect(f, "");
    assert_int_equal(counters(f)->left, 1);
    assert_int_equal(counters(f)->gone, 0);
}

static void test_an_address_is_needed(void **state)
{
    (void) state;
    broker_core_config_t config = { .address = "" };
    assert_null(broker_core_new(&config, &fixture_output, NULL));
    config.address = NULL;
    assert_null(broker_core_new(&config, &fixture_output, NULL));
}

static void test_numbers_go_on_from_a_predecessor(void **state)
{
    fixture_t *f = *state;
    broker_core_destroy(&f->core);
    broker_core_config_t config = { .address = ADDRESS, .first_number = 41 };
    f->core = broker_core_new(&config, &fixture_output, f);
    assert_string_equal(come(f, "")->id, "42@" ADDRESS);
}

static void count_seat(void *arg, const broker_seat_t *seat)
{
    char *text = arg;
    note(text, 200, "%s/%s/%d ", seat->node, seat->id, seat->visitor);
}

static void test_looking_at_the_seats(void **state)
{
    fixture_t *f = *state;
    come(f, "ana");
    come_with(f, "", "visitor");
    char text[200] = "";
    broker_core_each(f->core, count_seat, text);
    assert_string_equal(text, "ana/1@ana/0 v1@" ADDRESS "/v1@" ADDRESS "/1 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_named_node_is_process_1_of_it),
        TEST(test_nameless_nodes_are_counted),
        TEST(test_visitors_consume_no_number),
        TEST(test_a_process_spawned_under_a_name_is_that_name),
        TEST(test_names_that_cannot_be),
        TEST(test_a_name_is_held_by_one),
        TEST(test_an_id_of_another_is_refused_from_both_sides),
        TEST(test_a_silent_holder_keeps_its_name_for_the_lease),
        TEST(test_a_name_that_somebody_registered_is_taken),
        TEST(test_the_same_incarnation_is_the_same_session),
        TEST(test_claims_after_a_restart),
        TEST(test_a_claim_without_the_name_counts_too),
        TEST(test_a_claim_that_is_taken),
        TEST(test_the_number_of_the_dead_is_not_claimed_by_others),
        TEST(test_a_named_node_claims_its_own_id_only),
        TEST(test_names_and_apps_come_back_with_their_holder),
        TEST(test_a_short_lease_on_request),
        TEST(test_a_body_that_is_no_map),
        TEST(test_a_body_with_bad_values),
        TEST(test_a_body_with_bad_names_in_a_list),
        TEST(test_no_body_and_unknown_keys),
        TEST(test_input_of_those_who_left_is_ignored),
        TEST(test_an_address_is_needed),
        TEST(test_numbers_go_on_from_a_predecessor),
        TEST(test_looking_at_the_seats),
    };
    return cmocka_run_group_tests_name("broker session", tests, NULL, NULL);
}
