//  Requests: bad ones, repeated ones, views

#include "broker_fixture.h"

//  What each request wants, in a table of its own so that the broker's is checked against it.
static const struct {
    wire_type_t type;
    bool name, nil;
} wants[] = {
    { WIRE_LOOKUP, true, false },   { WIRE_REGISTER, true, false }, { WIRE_UNREGISTER, true, false },
    { WIRE_JOIN, true, false },     { WIRE_LEAVE, true, false },    { WIRE_FOLLOW, true, false },
    { WIRE_UNFOLLOW, true, false }, { WIRE_NODES, false, false },   { WIRE_APPS, false, false },
    { WIRE_WATCH, true, true },     { WIRE_UNWATCH, true, true },   { WIRE_STAT, false, false },
    { WIRE_ROTATE, true, false },   { WIRE_DRAIN, true, false },
};
#define WANTS (sizeof wants / sizeof *wants)

static void test_the_table_is_whole(void **state)
{
    (void) state;
    size_t asks = 0;
    for (unsigned type = 0; type < WIRE_TYPE_LIMIT; type++)
        asks += type < WIRE_OUT && wire_type_way(type) == WIRE_WAY_ASK;    //  Spaces and topics read their own fields
    assert_int_equal(asks, WANTS + 1);      //  VOUCH has two fields (test_broker_rights)
}

//  Ask with `count` fields; the answer must be a DENY of this code, and the strike as given.
static void denied(fixture_t *f, client_t *c, wire_type_t type, uint32_t count, const wire_buf_t *fields,
                   const char *code, int strike)
{
    char start[64];
    snprintf(start, sizeof start, "ana< DENY#9 %s ", code);
    uint64_t before = broker_core_changes(f->core);
    assert_int_equal(ask_raw(f, c, type, 9, count, fields), strike);
    assert_memory_equal(f->trace, start, strlen(start));
    assert_int_equal(broker_core_changes(f->core), before);  //  Nothing came of it
    ignore(f);
}

static void test_bad_fields_of_every_request(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    wire_buf_t none = WIRE_BUF_EMPTY, number = WIRE_BUF_EMPTY, two = WIRE_BUF_EMPTY, nil = WIRE_BUF_EMPTY;
    wire_put_int(&number, 7);
    wire_put_cstr(&two, "a");
    wire_put_cstr(&two, "b");
    wire_put_nil(&nil);
    for (size_t i = 0; i < WANTS; i++) {
        denied(f, ana, wants[i].type, 2, &two, "malformed", WIRE_E_MALFORMED);
        denied(f, ana, wants[i].type, 1, &number, "malformed", WIRE_E_MALFORMED);
        if (!wants[i].nil)
            denied(f, ana, wants[i].type, 1, &nil, "malformed", WIRE_E_MALFORMED);
        if (wants[i].name && !wants[i].nil)
            denied(f, ana, wants[i].type, 0, &none, "malformed", WIRE_E_MALFORMED);
    }
    assert_true(counters(f)->malformed > 2 * WANTS);
    assert_int_equal(counters(f)->malformed, counters(f)->denied[WIRE_E_MALFORMED]);
    wire_buf_free(&number);
    wire_buf_free(&two);
    wire_buf_free(&nil);
}

static void test_bad_names_of_every_request(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    char longest[257];
    memset(longest, 'x', sizeof longest);
    const wire_str_t names[] = { { "", 0 }, { "a\nb", 3 }, { "\0", 1 }, { longest, 256 } };
    for (size_t i = 0; i < WANTS; i++)
        for (size_t j = 0; wants[i].name && j < 4; j++) {
            wire_buf_t field = WIRE_BUF_EMPTY;
            wire_put_text(&field, names[j].data, names[j].size);
            denied(f, ana, wants[i].type, 1, &field, "usage", 0);
            wire_buf_free(&field);
        }
}

static void test_types_that_are_no_requests(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    wire_buf_t none = WIRE_BUF_EMPTY;
    denied(f, ana, (wire_type_t) 63, 0, &none, "usage", 0);  //  Perhaps of a later age
    denied(f, ana, (wire_type_t) 1000, 0, &none, "usage", 0);
    const wire_type_t ours[] = {
        WIRE_ANSWER, WIRE_DENY, WIRE_MEMBERS, WIRE_WATCHED, WIRE_HELLO, WIRE_WELCOME
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        denied(f, ana, ours[i], 0, &none, "denied", WIRE_E_DENIED);
    assert_int_equal(counters(f)->strangers, 2);
    assert_int_equal(counters(f)->misdirected, 6);
    ask_raw(f, ana, 63, 0, 0, &none);  //  Nobody waits: counted only
    expect(f, "");
    assert_int_equal(counters(f)->strangers, 3);
}

static void test_a_request_that_nobody_waits_for(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask_again(f, ana, WIRE_JOIN, 0, "game");
    ask_again(f, ana, WIRE_JOIN, 0, "chess");  //  0 is not a number that repeats
    ask_again(f, ana, WIRE_LEAVE, 0, "nothing");
    expect(f, "");
    ask(f, ana, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#1 [game chess]\n");
}

//  Its author hears of it all the same, up to ten times a second; each is counted.
static void test_a_publish_that_nobody_waits_for(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    const char *const topics[] = { "a..b", "$alua.x", "a.*" };
    for (size_t i = 0; i < 14; i++) {
        wire_buf_t fields = WIRE_BUF_EMPTY;
        wire_put_cstr(&fields, topics[i % 3]);
        wire_put_int(&fields, 1);
        assert_int_equal(ask_raw(f, ana, WIRE_PUBLISH, 0, 2, &fields), 0);
        wire_buf_free(&fields);
        if (i == 2)
            expect(f, "ana< DENY usage a topic has no empty word a..b\n"
                      "ana< DENY denied topics that begin with \"$\" are the broker's $alua.x\n"
                      "ana< DENY usage \"*\" and \">\" are words of patterns only a.*\n");
        if (i == 9)
            ignore(f);
    }
    expect(f, "");
    assert_int_equal(counters(f)->denied[WIRE_E_USAGE] + counters(f)->denied[WIRE_E_DENIED], 14);
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_cstr(&fields, "$x");
    wire_put_int(&fields, 1);
    elapse(f, 1000);
    ask_raw(f, ana, WIRE_PUBLISH, 0, 2, &fields);
    expect(f, "ana< DENY denied topics that begin with \"$\" are the broker's $x\n");
    wire_buf_free(&fields);
}

static void test_a_repeat_has_the_first_answer(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask_again(f, ana, WIRE_JOIN, 5, "game");
    ask_again(f, ana, WIRE_LEAVE, 6, "game");
    ask_again(f, ana, WIRE_LEAVE, 7, "game");
    expect(f, "ana< ANSWER#5 1 [1@ana]\nana< ANSWER#6 2\nana< DENY#7 state 1@ana is not in the app game\n");
    ask_again(f, ana, WIRE_LEAVE, 6, "game");
    ask_again(f, ana, WIRE_JOIN, 5, "game");  //  Not joined anew
    ask_again(f, ana, WIRE_LEAVE, 7, "game");
    expect(f, "ana< ANSWER#6 2\nana< ANSWER#5 1 [1@ana]\nana< DENY#7 state 1@ana is not in the app game\n");
    assert_int_equal(counters(f)->repeated, 3);
    ask_again(f, bob, WIRE_JOIN, 5, "game");  //  Another session's 5
    expect(f, "ana< MEMBERS game 3 join 1@bob bob\nbob< ANSWER#5 3 [1@bob]\n");
}

static void test_the_window_of_answers_is_bounded(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    for (uint64_t request = 1; request <= BROKER_MAX_ANSWERS + 1; request++)
        ask_again(f, ana, WIRE_WATCH, request, "bob");
    ignore(f);
    ask_again(f, ana, WIRE_WATCH, 2, "bob");
    assert_int_equal(counters(f)->repeated, 1);  //  The oldest that is kept
    ask_again(f, ana, WIRE_WATCH, 1, "bob");
    assert_int_equal(counters(f)->repeated, 1);  //  Done again
    expect(f, "ana< ANSWER#2 true\nana< ANSWER#1 true\n");
}

//  Some 100 kB an answer: two are kept.
static void test_the_window_is_bounded_in_bytes_too(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 400; i++) {
        char name[300];
        snprintf(name, sizeof name, "%0250d", i);
        come_with(f, name, "apps=big");
    }
    client_t *ana = come(f, "ana");
    for (uint64_t request = 1; request <= 4; request++)
        ask_again(f, ana, WIRE_FOLLOW, request, "big");
    ask_again(f, ana, WIRE_FOLLOW, 3, "big");
    ask_again(f, ana, WIRE_FOLLOW, 4, "big");
    assert_int_equal(counters(f)->repeated, 2);
    ask_again(f, ana, WIRE_FOLLOW, 2, "big");
    assert_int_equal(counters(f)->repeated, 2);
}

static void test_nodes(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_with(f, "ana", "endpoints=ipc:///a;host=h1;apps=game;names=svc");
    client_t *guest = come_with(f, "", "visitor");
    fall_silent(f, ana, true);
    ask(f, guest, WIRE_NODES, NULL);
    expect(f, "v1@" ADDRESS "< ANSWER#1 ["
              "{id=1@ana node=ana incarnation=1001 endpoints=[ipc:///a] host=h1 state=silent apps=[game] "
              "names=[svc] visitor=false} "
              "{id=v1@" ADDRESS " node=v1@" ADDRESS " incarnation=1002 endpoints=[] host= state=up apps=[] "
              "names=[] visitor=true}]\n");
}

//  A list that no message can hold is refused, not cut.
static void test_nodes_that_are_too_many(void **state)
{
    fixture_t *f = *state;
    char name[300], node[300];
    f->quiet = true;
    for (int i = 0; i < 6; i++) {
        snprintf(node, sizeof node, "node%d", i);
        client_t *c = come(f, node);
        for (int j = 0; j < 1000; j++) {
            snprintf(name, sizeof name, "%0245d.%d", j, i);
            ask(f, c, WIRE_REGISTER, name);
        }
    }
    f->quiet = false;
    ask(f, come(f, "ana"), WIRE_NODES, NULL);
    const char start[] = "ana< DENY#1 too_big the answer has 1";
    assert_memory_equal(f->trace, start, sizeof start - 1);
}

static void test_stat(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask(f, ana, WIRE_LOOKUP, "nobody");
    ask(f, ana, WIRE_STAT, NULL);
    const char *words[] = { "{sessions=1 members=1 apps=0 names=2 ", " opened=1 ", " asked=2 ",
                            " denied.unknown=1 ", " space.tuples=0 ", " topic." };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_non_null(strstr(f->trace, words[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_table_is_whole),
        TEST(test_bad_fields_of_every_request),
        TEST(test_bad_names_of_every_request),
        TEST(test_types_that_are_no_requests),
        TEST(test_a_request_that_nobody_waits_for),
        TEST(test_a_publish_that_nobody_waits_for),
        TEST(test_a_repeat_has_the_first_answer),
        TEST(test_the_window_of_answers_is_bounded),
        TEST(test_the_window_is_bounded_in_bytes_too),
        TEST(test_nodes),
        TEST(test_nodes_that_are_too_many),
        TEST(test_stat),
    };
    return cmocka_run_group_tests_name("broker ask", tests, NULL, NULL);
}
