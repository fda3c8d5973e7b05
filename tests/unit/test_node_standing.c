//  A node and its broker: asks, views, what a restart and a change of networks mean

#include "test_node_fixture.h"

static int ask_with(fixture_t *f, wire_type_t type, const char *name, int64_t timeout, bool inner)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    if (name)
        wire_put_cstr(&field, name);
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    int rc = node_core_ask(&f->core, &(node_ask_t) { .type = type, .fields = field.data, .size = field.size,
        .count = name != NULL, .timeout = timeout, .inner = inner, .fn = on_outcome, .arg = slot });
    wire_buf_free(&field);
    return rc;
}

static int ask(fixture_t *f, wire_type_t type, const char *name)
{
    return ask_with(f, type, name, WIRE_TIMEOUT, false);
}

static int hear_view(fixture_t *f, int request, int version, const char *a, const char *b)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_ANSWER, (uint64_t) request, 0, 2);
    wire_put_uint(&out, (uint64_t) version);
    wire_put_array(&out, b ? 2 : 1);
    wire_put_cstr(&out, a);
    if (b)
        wire_put_cstr(&out, b);
    int rc = hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

static int hear_member(fixture_t *f, const char *app, int version, const char *what, const char *id)
{
    return hear(f, NULL, (head_t) { WIRE_MEMBERS, 0, 0, NULL, NULL }, "susss", app, version, what, id, "n");
}

static const node_app_t *view(fixture_t *f, const char *name)
{
    return node_apps_find(&f->core.apps, str(name));
}

//  ---- Asks ------------------------------------------------------------------

static void test_an_ask_is_answered_or_denied(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_NODES, NULL);
    ask(f, WIRE_REGISTER, "printer");
    hear_deny(f, 2, "exists", "taken by 1@c");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "a");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "a");     //  Twice
    run(f);
    said(f, "broker<NODES:1 broker<REGISTER:2 2=exists! 1=ok ");
    assert_int_equal(f->core.stat.orphans, 1);
    assert_false(node_core_is_me(&f->core, str("printer")));
}

static void test_an_ask_has_a_deadline(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_NODES, NULL);
    elapse(f, WIRE_TIMEOUT);
    said(f, "broker<NODES:1 1=timeout? ");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "a");
    run(f);
    said(f, "");
}

static void test_an_inner_ask_is_called_at_once(void **state)
{
    fixture_t *f = *state;
    ask_with(f, WIRE_NODES, NULL, 100, true);
    ask_with(f, WIRE_NODES, NULL, 100, true);
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "a");
    hear_deny(f, 2, "ok", "a refusal that says ok");
    said(f, "broker<NODES:1 broker<NODES:2 1=ok 2=malformed! ");
}

static void test_an_ask_that_cannot_be_sent_is_none(void **state)
{
    fixture_t *f = *state;
    f->broker.refuses = WIRE_E_FULL;
    assert_int_equal(ask(f, WIRE_NODES, NULL), WIRE_E_FULL);
    assert_int_equal(call(f, "1@b"), WIRE_E_FULL);
    f->broker.refuses = 0;
    assert_int_equal(f->core.pendings.count, 0);
    assert_null(f->core.lookups);
    assert_int_equal(call(f, "1@b"), 0);
    said(f, "broker<LOOKUP:3 ");
}

static void test_a_very_long_timeout_is_the_longest_there_is(void **state)
{
    fixture_t *f = *state;
    ask_with(f, WIRE_NODES, NULL, INT64_C(1) << 40, false);
    assert_true(last_sent(&f->broker).ttl == UINT32_MAX);
    request(f, "1@me", INT64_C(1) << 40, 0, false);
    assert_true(f->core.mailbox.first->msg.ttl == UINT32_MAX);
}

//  ---- Views -----------------------------------------------------------------

static void test_a_view_follows_its_changes(void **state)
{
    fixture_t *f = *state;
    hear_member(f, "ring", 3, "join", "1@x");           //  Not ours to know
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 4, "1@me", "1@b");
    hear_member(f, "ring", 4, "join", "1@b");           //  In the snapshot already
    hear_member(f, "ring", 5, "join", "1@c");
    hear_member(f, "ring", 6, "gone", "1@b");
    run(f);
    said(f, "broker<JOIN:1 claims 1=ok MEMBERS MEMBERS ");
    assert_true(view(f, "ring")->joined);
    assert_int_equal(view(f, "ring")->version, 6);
    assert_int_equal(view(f, "ring")->count, 2);
    assert_string_equal(view(f, "ring")->ids[1], "1@c");
    assert_int_equal(f->core.broker_received, 5);       //  Each counts, news or not
}

static void test_leaving_keeps_the_view_unfollowing_drops_it(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 1, "1@me", NULL);
    ask(f, WIRE_LEAVE, "ring");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 2, 0, NULL, NULL }, "u", 2);
    assert_false(view(f, "ring")->joined);
    assert_int_equal(view(f, "ring")->version, 2);
    assert_int_equal(view(f, "ring")->count, 0);
    ask(f, WIRE_UNFOLLOW, "ring");
    assert_non_null(view(f, "ring"));
    hear(f, NULL, (head_t) { WIRE_ANSWER, 3, 0, NULL, NULL }, "b", 1);
    assert_null(view(f, "ring"));
}

static void test_following_is_not_joining(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_FOLLOW, "ring");
    hear_view(f, 1, 1, "1@b", NULL);
    assert_true(view(f, "ring")->known);
    assert_false(view(f, "ring")->joined);
    ask(f, WIRE_JOIN, "other");
    hear_deny(f, 2, "full", "no");
    assert_null(view(f, "other"));
}

//  ---- The broker ends and returns --------------------------------------------

static void test_asks_in_flight_are_unknown_when_the_broker_dies(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    ask(f, WIRE_REGISTER, "printer");
    call(f, "1@b");
    call(f, "1@cold");
    tell(f, "1@cold");
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    said(f, "report(1@cold,gone) ");
    run(f);
    said(f, "4=gone! 2=gone? ");            //  What waited for the lookup never left
    assert_null(f->core.lookups);
    hear_reply(f, b->link, "1@b", 4);       //  Links between nodes go on
    run(f);
    said(f, "3=ok ");
}

static void test_relayed_calls_are_unknown_when_the_broker_dies(void **state)
{
    fixture_t *f = *state;
    f->no_way = true;
    call(f, "1@b");
    hear_found(f, 1, "1@b", "b", 7);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    run(f);
    said(f, "1=gone? ");
}

static void test_views_are_asked_anew_from_a_new_broker(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 41, "1@b", "1@me");
    ask(f, WIRE_FOLLOW, "stars");
    hear_view(f, 2, 17, "1@b", NULL);
    run(f);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    said(f, "broker<FOLLOW:3 broker<FOLLOW:4 ");
    hear_view(f, 3, 1, "1@b", NULL);
    hear_view(f, 4, 1, "1@me", NULL);
    hush(f);
    hear_member(f, "ring", 2, "join", "1@b");           //  The others return one by one
    elapse(f, 2999);
    said(f, "");
    assert_int_equal(view(f, "ring")->count, 2);        //  The old view until the new one is here
    elapse(f, 1);
    said(f, "broker<FOLLOW:5 broker<JOIN:6 ");
    hear_view(f, 6, 2, "1@me", "1@c");
    hear_view(f, 5, 1, "1@b", NULL);
    run(f);
    said(f, "claims claims MEMBERS MEMBERS ");          //  b is gone, c has come; of the stars there is no news
    assert_int_equal(view(f, "ring")->version, 2);
    assert_string_equal(view(f, "ring")->ids[0], "1@me");
    hear_member(f, "ring", 3, "join", "1@d");
    assert_int_equal(view(f, "ring")->count, 3);
    assert_false(view(f, "stars")->joined);
}

//  Who comes is in every view at once, as is who leaves; only who died with the broker away stays for a while.
static void test_a_stale_view_takes_in_who_is_new(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 41, "1@b", "1@me");
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    run(f);
    hush(f);
    uint64_t changes = view(f, "ring")->changes;
    hear_view(f, 2, 1, "1@me", "1@c");                  //  It was faster than we
    hear_member(f, "ring", 2, "join", "1@b");
    hear_member(f, "ring", 3, "join", "1@d");
    run(f);
    said(f, "claims MEMBERS MEMBERS ");                 //  c and d; b was there all the time
    assert_int_equal(view(f, "ring")->count, 4);
    assert_true(view(f, "ring")->changes > changes);
    hear_member(f, "ring", 4, "leave", "1@b");          //  The new broker knows that well
    hear_member(f, "ring", 5, "leave", "1@b");
    run(f);
    said(f, "MEMBERS ");
    assert_int_equal(view(f, "ring")->count, 3);
    ask(f, WIRE_FOLLOW, "ring");                        //  A user's question: early, too
    hear_view(f, 3, 5, "1@c", NULL);
    assert_int_equal(view(f, "ring")->count, 3);
    elapse(f, 3000);
    hear_view(f, 4, 5, "1@me", "1@d");
    run(f);
    assert_int_equal(view(f, "ring")->count, 2);
    assert_int_equal(view(f, "ring")->version, 5);
}

static void test_a_broker_that_is_restarted_twice_is_asked_once(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 1, "1@me", NULL);
    run(f);
    for (int i = 0; i < 2; i++) {
        node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
        welcome(f);
        hush(f);
        elapse(f, 2000);
        said(f, "");
    }
    elapse(f, 1000);
    said(f, "broker<JOIN:4 ");
    elapse(f, 10000);
    said(f, "");
}

static void test_watches_are_asked_for_again(void **state)
{
    fixture_t *f = *state;
    const char *const who[] = { "1@b", "1@c", NULL };
    for (uint64_t i = 1; i <= 3; i++) {
        ask(f, WIRE_WATCH, who[i - 1]);
        hear(f, NULL, (head_t) { WIRE_ANSWER, i, 0, NULL, NULL }, "b", 1);
    }
    ask(f, WIRE_UNWATCH, "1@c");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 4, 0, NULL, NULL }, "b", 1);
    ask(f, WIRE_WATCH, "1@d");
    hear_deny(f, 5, "full", "no more");                 //  Never watched
    run(f);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    said(f, "broker<WATCH:6 broker<WATCH:7 ");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 6, 0, NULL, NULL }, "b", 1);
    run(f);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    said(f, "broker<WATCH:8 broker<WATCH:9 ");
    node_core_forget(&f->core);                         //  Another network has other processes
    hush(f);
    welcome(f);
    said(f, "");
}

//  ---- Those who do not come back --------------------------------------------------------

static void hear_notice(fixture_t *f, const char *what, const char *id, const char *node, int incarnation)
{
    hear(f, NULL, (head_t) { WIRE_WATCHED, 0, 0, NULL, NULL }, "sssus", what, id, node, incarnation, "");
}

//  We watch that text, and LOOKUP tells who it is: two asks.
static void watch(fixture_t *f, const char *who, int number, const char *id, const char *node)
{
    ask(f, WIRE_WATCH, who);
    hear(f, NULL, (head_t) { WIRE_ANSWER, (uint64_t) number, 0, NULL, NULL }, "b", 1);
    ask(f, WIRE_LOOKUP, who);
    hear_found(f, number + 1, id, node, 7);
    run(f);
}

static void restart_broker(fixture_t *f)
{
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    run(f);
    hush(f);
}

static void test_who_does_not_return_to_a_new_broker_is_gone(void **state)
{
    fixture_t *f = *state;
    watch(f, "1@b", 1, "1@b", "b");
    watch(f, "printer", 3, "1@b", "b");                 //  The same process
    watch(f, "c", 5, "1@c", "c");
    ask(f, WIRE_WATCH, "1@x");                          //  Nobody was there
    hear(f, NULL, (head_t) { WIRE_ANSWER, 7, 0, NULL, NULL }, "b", 1);
    restart_broker(f);                                  //  Four WATCH
    hear_notice(f, "up", "1@c", "c", 7);
    ask(f, WIRE_LOOKUP, "1@b");                         //  Too early to say
    hear_deny(f, 12, "unknown", "nobody");
    run(f);
    hush(f);
    elapse(f, WIRE_LEASE - 1);
    said(f, "");
    elapse(f, 1);
    said(f, "broker<LOOKUP:13 broker<LOOKUP:14 ");
    hear_deny(f, 13, "unknown", "nobody");
    hear_deny(f, 14, "unknown", "nobody");
    run(f);
    said(f, "WATCHED ");                                //  Once
    elapse(f, 10 * WIRE_LEASE);
    said(f, "");
}

static void test_who_returned_unseen_is_not_gone(void **state)
{
    fixture_t *f = *state;
    watch(f, "1@b", 1, "1@b", "b");
    restart_broker(f);
    elapse(f, WIRE_LEASE);
    said(f, "broker<LOOKUP:4 ");
    hear_found(f, 4, "1@b", "b", 7);
    elapse(f, 10 * WIRE_LEASE);
    said(f, "");
    restart_broker(f);                                  //  The next time it does not
    elapse(f, WIRE_LEASE);
    hear_deny(f, 6, "unknown", "nobody");
    run(f);
    said(f, "broker<LOOKUP:6 WATCHED ");
}

static void test_another_in_its_place_says_that_it_is_gone(void **state)
{
    fixture_t *f = *state;
    watch(f, "1@b", 1, "1@b", "b");
    restart_broker(f);
    hear_notice(f, "up", "1@b", "b", 8);
    run(f);
    said(f, "WATCHED WATCHED ");                        //  gone, then up
    elapse(f, 10 * WIRE_LEASE);
    said(f, "");
    hear_notice(f, "gone", "1@b", "b", 8);
    restart_broker(f);
    elapse(f, 10 * WIRE_LEASE);                         //  That one we know of
    said(f, "");
}

static void test_whose_link_is_up_lives_without_a_broker_too(void **state)
{
    fixture_t *f = *state;
    watch(f, "1@b", 1, "1@b", "b");
    accept_from(f, "b", 7, "1@b");
    restart_broker(f);
    elapse(f, 2 * WIRE_LEASE);
    said(f, "");
    link_gone(f, &f->peers[0], WIRE_E_GONE, "killed");
    elapse(f, WIRE_LEASE);
    said(f, "broker<LOOKUP:4 ");
    hear_deny(f, 4, "unknown", "nobody");
    run(f);
    said(f, "WATCHED ");
}

static void test_waiting_for_a_name_ends_with_the_broker(void **state)
{
    fixture_t *f = *state;
    request(f, "printer", 60000, 0, true);
    hear_deny(f, 1, "unknown", "nobody");
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    welcome(f);
    request(f, "printer", 60000, 0, true);              //  The first one's pause is not over yet
    hear_deny(f, 3, "unknown", "nobody");
    elapse(f, 100);
    f->quiet = true;
    for (int id = 5; id < 8; id++)
        hear(f, NULL, (head_t) { WIRE_ANSWER, (uint64_t) id, 0, NULL, NULL }, "f", "1@b", "b", 7);
    f->quiet = false;
    assert_null(f->core.lookups);
    assert_int_equal(f->slots[0].outcomes, 1);
    assert_int_equal(last_sent(&f->peers[0]).request, f->slots[1].id);
}

//  ---- Another network ---------------------------------------------------------

static void test_leaving_a_network_forgets_who_we_were(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 1, "1@me", NULL);
    ask(f, WIRE_REGISTER, "printer");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 2, 0, NULL, NULL }, "b", 1);
    run(f);
    call(f, "1@me");
    call(f, "1@b");
    hush(f);
    node_core_forget(&f->core);
    assert_null(view(f, "ring"));
    assert_null(f->core.names);
    assert_string_equal(f->core.id, "");
    assert_int_equal(call(f, "1@me"), WIRE_E_OFFLINE);
    run(f);
    assert_int_equal(f->slots[2].outcomes, 1);          //  The call to ourselves: nobody could answer it
    assert_int_equal(f->slots[3].outcomes, 1);
    assert_int_equal(f->core.pendings.count, 0);
    assert_int_equal(node_core_welcome(&f->core, &f->broker, str("5@far"), str("5"), str("far")), 0);
    hush(f);
    call(f, "1@me");
    said(f, "broker<LOOKUP:6 ");                        //  That is somebody else now
    tell(f, "5@far");
    run(f);
    said(f, "CHUNK:0(main) ");
}

static void test_a_message_to_ourselves_survives_the_move(void **state)
{
    fixture_t *f = *state;
    tell(f, "1@me");
    node_core_forget(&f->core);
    node_core_welcome(&f->core, &f->broker, str("5@far"), str("5"), str("far"));
    run(f);
    said(f, "CHUNK:0(main) ");
}

static void test_a_broker_that_gives_another_id_voids_the_old_one(void **state)
{
    fixture_t *f = *state;
    ask(f, WIRE_JOIN, "ring");
    hear_view(f, 1, 1, "1@me", NULL);
    run(f);
    hush(f);
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    node_core_welcome(&f->core, &f->broker, str("9@net"), str("9"), str("net"));
    said(f, "");                                        //  No view is asked for: it was another's
    call(f, "1@me");
    said(f, "broker<LOOKUP:2 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_ask_is_answered_or_denied),
        TEST(test_an_ask_has_a_deadline),
        TEST(test_an_inner_ask_is_called_at_once),
        TEST(test_an_ask_that_cannot_be_sent_is_none),
        TEST(test_a_very_long_timeout_is_the_longest_there_is),
        TEST(test_a_view_follows_its_changes),
        TEST(test_leaving_keeps_the_view_unfollowing_drops_it),
        TEST(test_following_is_not_joining),
        TEST(test_asks_in_flight_are_unknown_when_the_broker_dies),
        TEST(test_relayed_calls_are_unknown_when_the_broker_dies),
        TEST(test_views_are_asked_anew_from_a_new_broker),
        TEST(test_a_stale_view_takes_in_who_is_new),
        TEST(test_a_broker_that_is_restarted_twice_is_asked_once),
        TEST(test_watches_are_asked_for_again),
        TEST(test_who_does_not_return_to_a_new_broker_is_gone),
        TEST(test_who_returned_unseen_is_not_gone),
        TEST(test_another_in_its_place_says_that_it_is_gone),
        TEST(test_whose_link_is_up_lives_without_a_broker_too),
        TEST(test_waiting_for_a_name_ends_with_the_broker),
        TEST(test_leaving_a_network_forgets_who_we_were),
        TEST(test_a_message_to_ourselves_survives_the_move),
        TEST(test_a_broker_that_gives_another_id_voids_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
