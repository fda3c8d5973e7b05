//  Apps: join order, versions, deltas to followers, and their end

#include "broker_fixture.h"

static void test_join_tells_the_others(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_JOIN, "game");
    expect(f, "ana< ANSWER#1 1 [1@ana]\n");
    ask(f, bob, WIRE_JOIN, "game");
    expect(f, "ana< MEMBERS game 2 join 1@bob bob\n"
              "bob< ANSWER#1 2 [1@ana 1@bob]\n");
    ask(f, bob, WIRE_JOIN, "game");  //  Twice is once
    expect(f, "bob< ANSWER#2 2 [1@ana 1@bob]\n");
    ask(f, ana, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#2 [game]\n");
}

static void test_leave_goes_on_following(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_JOIN, "game");
    ask(f, bob, WIRE_JOIN, "game");
    ignore(f);
    ask(f, ana, WIRE_LEAVE, "game");
    expect(f, "bob< MEMBERS game 3 leave 1@ana ana\n"
              "ana< ANSWER#2 3\n");
    ask(f, ana, WIRE_LEAVE, "game");
    expect(f, "ana< DENY#3 state 1@ana is not in the app game\n");
    ask(f, bob, WIRE_LEAVE, "game");
    expect(f, "ana< MEMBERS game 4 leave 1@bob bob\n"
              "bob< ANSWER#2 4\n");
    ask(f, ana, WIRE_JOIN, "game");  //  Behind all others now
    expect(f, "bob< MEMBERS game 5 join 1@ana ana\n"
              "ana< ANSWER#4 5 [1@ana]\n");
}

static void test_follow_without_joining(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_FOLLOW, "game");
    expect(f, "ana< ANSWER#1 0 []\n");
    ask(f, ana, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#2 []\n");  //  No members, no app
    ask(f, bob, WIRE_JOIN, "game");
    expect(f, "ana< MEMBERS game 1 join 1@bob bob\n"
              "bob< ANSWER#1 1 [1@bob]\n");
    ask(f, ana, WIRE_UNFOLLOW, "game");
    ask(f, ana, WIRE_UNFOLLOW, "game");
    ask(f, ana, WIRE_UNFOLLOW, "nothing");
    expect(f, "ana< ANSWER#3 true\nana< ANSWER#4 true\nana< ANSWER#5 true\n");
    ask(f, bob, WIRE_LEAVE, "game");
    expect(f, "bob< ANSWER#2 2\n");
}

static void test_the_dead_are_gone_and_the_orderly_leave(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob"), *eva = come(f, "eva");
    client_t *all[] = { ana, bob, eva };
    for (size_t i = 0; i < 3; i++)
        ask(f, all[i], WIRE_JOIN, "game");
    ask(f, bob, WIRE_JOIN, "chess");
    ignore(f);
    end(f, bob, WIRE_E_GONE, "died");
    expect(f, "ana< MEMBERS game 4 gone 1@bob bob\neva< MEMBERS game 4 gone 1@bob bob\n");
    end(f, eva, WIRE_E_CLOSED, "bye");
    expect(f, "ana< MEMBERS game 5 leave 1@eva eva\n");
    ask(f, ana, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#2 [game]\n");  //  Nobody is left in chess, and nobody follows it
}

static void test_versions_go_on_when_an_app_begins_anew(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask(f, ana, WIRE_JOIN, "game");
    ask(f, ana, WIRE_LEAVE, "game");
    ask(f, ana, WIRE_UNFOLLOW, "game");
    ignore(f);
    ask(f, ana, WIRE_JOIN, "game");
    expect(f, "ana< ANSWER#4 3 [1@ana]\n");
}

static void test_two_hundred_join_at_once(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int i = 0; i < 200; i++)
        come(f, "");
    for (size_t i = 0; i < 200; i++)
        ask(f, &f->clients[i], WIRE_JOIN, "myapp");
    for (size_t i = 0; i < 200; i++)  //  Its answer, and all who came behind
        assert_int_equal(f->clients[i].heard, 1 + 199 - i);
    assert_int_equal(counters(f)->members_sent, 199 * 200 / 2);
    f->quiet = false;
    ask(f, &f->clients[7], WIRE_FOLLOW, "myapp");
    assert_non_null(strstr(f->trace, "ANSWER#2 200 [1@" ADDRESS " 2@" ADDRESS " 3@"));
    assert_non_null(strstr(f->trace, " 200@" ADDRESS "]\n"));
    assert_int_equal(broker_core_sent(f->core, f->clients[0].session), 200);
}

static void test_an_app_too_many(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    f->quiet = true;
    char name[32];
    for (int i = 0; i < BROKER_MAX_APPS; i++) {
        snprintf(name, sizeof name, "app%d", i);
        ask(f, ana, WIRE_JOIN, name);
    }
    f->quiet = false;
    ask(f, ana, WIRE_JOIN, "more");
    expect(f, "ana< DENY#1025 full 1@ana is in 1024 apps already\n");
    ask(f, ana, WIRE_FOLLOW, "more");
    expect(f, "ana< DENY#1026 full 1@ana follows 1024 apps already\n");
    assert_int_equal(counters(f)->denied[WIRE_E_FULL], 2);
}

static void test_who_does_not_read_is_ended(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob"), *eva = come(f, "eva");
    client_t *all[] = { ana, bob, eva };
    for (size_t i = 0; i < 3; i++)
        ask(f, all[i], WIRE_JOIN, "game");
    ask(f, eva, WIRE_WATCH, NULL);
    ignore(f);
    ana->refuses = bob->refuses = WIRE_E_FULL;  //  Both fall at the same message
    client_t *tom = come_with(f, "tom", "apps=game");
    assert_int_equal(broker_core_due(f->core), 0);
    elapse(f, 0);
    assert_int_equal(tom->heard, 2);
    expect(f, "eva< WATCHED up 1@tom tom 1004 \n"
              "eva< MEMBERS game 4 join 1@tom tom\n"
              "eva< MEMBERS game 5 gone 1@ana ana\n"
              "tom< MEMBERS game 5 gone 1@ana ana\n"
              "eva< WATCHED gone 1@ana ana 1001 does not read what the broker sends\n"
              "ana! full: does not read what the broker sends\n"
              "eva< MEMBERS game 6 gone 1@bob bob\n"
              "tom< MEMBERS game 6 gone 1@bob bob\n"
              "eva< WATCHED gone 1@bob bob 1002 does not read what the broker sends\n"
              "bob! full: does not read what the broker sends\n");
    assert_int_equal(counters(f)->slow, 2);
    assert_int_equal(broker_core_members(f->core), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_join_tells_the_others),
        TEST(test_leave_goes_on_following),
        TEST(test_follow_without_joining),
        TEST(test_the_dead_are_gone_and_the_orderly_leave),
        TEST(test_versions_go_on_when_an_app_begins_anew),
        TEST(test_two_hundred_join_at_once),
        TEST(test_an_app_too_many),
        TEST(test_who_does_not_read_is_ended),
    };
    return cmocka_run_group_tests_name("broker app", tests, NULL, NULL);
}
