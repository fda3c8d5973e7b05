//  Watches, lookups and registered names

#include "broker_fixture.h"

static void test_lookup_by_each_name(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come_with(f, "bob", "host=h1;endpoints=ipc:///b");
    ask(f, bob, WIRE_REGISTER, "svc");
    ignore(f);
    const char *names[] = { "1@bob", "bob", "svc" };
    for (size_t i = 0; i < 3; i++) {
        ask_again(f, ana, WIRE_LOOKUP, 7, names[i]);
        expect(f, "ana< ANSWER#7 {id=1@bob node=bob incarnation=1002 endpoints=[ipc:///b] host=h1}\n");
    }
    ask_again(f, ana, WIRE_LOOKUP, 7, "ana");  //  Oneself is no special case
    expect(f, "ana< ANSWER#7 {id=1@ana node=ana incarnation=1001 endpoints=[] host=}\n");
}

static void test_lookup_says_what_may_have_been_meant(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask(f, ana, WIRE_REGISTER, "printer");
    ignore(f);
    ask(f, ana, WIRE_LOOKUP, "pinter");
    expect(f, "ana< DENY#2 unknown no such process, node or name: pinter; did you mean printer?\n");
    ask(f, ana, WIRE_LOOKUP, "anna");
    expect(f, "ana< DENY#3 unknown no such process, node or name: anna; did you mean ana?\n");
    ask(f, ana, WIRE_LOOKUP, "2@ana");
    expect(f, "ana< DENY#4 unknown no such process, node or name: 2@ana; did you mean 1@ana?\n");
    ask(f, ana, WIRE_LOOKUP, "zebra");
    expect(f, "ana< DENY#5 unknown no such process, node or name: zebra\n");
}

static void test_lookup_implies_to_hear_of_the_end(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_LOOKUP, "bob");
    ask(f, ana, WIRE_LOOKUP, "1@bob");
    ignore(f);
    fall_silent(f, bob, true);
    fall_silent(f, bob, true);
    expect(f, "ana< WATCHED silent 1@bob bob 1002 no sign of life\n");
    fall_silent(f, bob, false);
    expect(f, "ana< WATCHED back 1@bob bob 1002 a sign of life\n");
    end(f, bob, WIRE_E_GONE, "killed by signal 9");
    expect(f, "ana< WATCHED gone 1@bob bob 1002 killed by signal 9\n");
    bob = come(f, "bob");  //  The next one is another matter
    end(f, bob, WIRE_E_GONE, "");
    expect(f, "");
    assert_int_equal(broker_core_sent(f->core, ana->session), 2 + 3);      //  Answers, and WATCHED
    assert_int_equal(counters(f)->watched_sent, 3);
}

static void test_watch_outlives_the_watched(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask(f, ana, WIRE_WATCH, "bob");  //  Not there yet
    expect(f, "ana< ANSWER#1 true\n");
    client_t *bob = come(f, "bob");
    expect(f, "ana< WATCHED up 1@bob bob 1002 \n");
    end(f, bob, WIRE_E_CLOSED, "done");
    expect(f, "ana< WATCHED left 1@bob bob 1002 done\n");
    come(f, "bob");
    expect(f, "ana< WATCHED up 1@bob bob 1003 \n");
    ask(f, ana, WIRE_UNWATCH, "bob");
    ignore(f);
    end(f, &f->clients[2], WIRE_E_CLOSED, "");
    expect(f, "");
}

static void test_watch_by_id_and_by_registered_name(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob"), *eva = come(f, "eva");
    ask(f, bob, WIRE_REGISTER, "svc");
    ask(f, ana, WIRE_WATCH, "1@bob");
    ask(f, ana, WIRE_WATCH, "1@bob");
    ask(f, ana, WIRE_WATCH, "svc");
    ask(f, ana, WIRE_WATCH, "bob");
    ask(f, ana, WIRE_WATCH, NULL);
    ask(f, eva, WIRE_WATCH, "svc");
    ignore(f);
    end(f, bob, WIRE_E_GONE, "x");  //  Each hears it once
    expect(f, "ana< WATCHED gone 1@bob bob 1002 x\neva< WATCHED gone 1@bob bob 1002 x\n");
}

static void test_a_name_comes_back_with_its_holder(void **state)
{
    fixture_t *f = *state;
    ask(f, come(f, "ana"), WIRE_WATCH, "svc");
    ignore(f);
    come_with(f, "bob", "names=svc");
    expect(f, "ana< WATCHED up 1@bob bob 1002 \n");
}

static void test_watch_everything(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    ask(f, ana, WIRE_WATCH, NULL);
    ask(f, ana, WIRE_WATCH, NULL);
    ignore(f);
    client_t *bob = come(f, "bob");
    expect(f, "ana< WATCHED up 1@bob bob 1002 \n");
    ask(f, ana, WIRE_UNWATCH, NULL);
    ask(f, ana, WIRE_UNWATCH, NULL);
    expect(f, "ana< ANSWER#3 true\nana< ANSWER#4 true\n");
    end(f, bob, WIRE_E_GONE, "");
    expect(f, "");
}

static void test_unwatch_ends_what_a_lookup_began(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_LOOKUP, "bob");
    ask(f, ana, WIRE_UNWATCH, "1@bob");
    ignore(f);
    end(f, bob, WIRE_E_GONE, "");
    expect(f, "");
}

static void test_watchers_that_leave_are_forgotten(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob"), *eva = come(f, "eva");
    ask(f, ana, WIRE_WATCH, NULL);
    ask(f, ana, WIRE_WATCH, "bob");
    ask(f, ana, WIRE_LOOKUP, "bob");
    ask(f, eva, WIRE_LOOKUP, "bob");
    ignore(f);
    end(f, ana, WIRE_E_CLOSED, "");
    end(f, bob, WIRE_E_GONE, "x");
    expect(f, "eva< WATCHED gone 1@bob bob 1002 x\n");
}

static void test_a_watch_too_many(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    f->quiet = true;
    char name[32];
    for (int i = 0; i < BROKER_MAX_WATCHES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ask(f, ana, WIRE_WATCH, name);
    }
    f->quiet = false;
    ask(f, ana, WIRE_WATCH, "more");
    expect(f, "ana< DENY#4097 full 1@ana watches 4096 names already\n");
}

//  ---- Registered names ----------------------------------------------------

static void test_register_is_for_one(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_REGISTER, "svc");
    ask(f, ana, WIRE_REGISTER, "svc");
    expect(f, "ana< ANSWER#1 true\nana< ANSWER#2 true\n");
    ask(f, bob, WIRE_REGISTER, "svc");
    expect(f, "bob< DENY#1 exists the name svc is registered by a process that has been alive for 0 ms (1@ana)\n");
    ask(f, bob, WIRE_REGISTER, "ana");
    expect(f, "bob< DENY#2 exists the name ana is taken by a node that has been alive for 0 ms (1@ana)\n");
    ask(f, bob, WIRE_REGISTER, ADDRESS);
    expect(f, "bob< DENY#3 usage the name " ADDRESS " is the address of this network\n");
    ask(f, bob, WIRE_UNREGISTER, "svc");
    expect(f, "bob< DENY#4 unknown 1@bob has not registered the name svc\n");
    ask(f, ana, WIRE_UNREGISTER, "svc");
    ask(f, bob, WIRE_REGISTER, "svc");
    expect(f, "ana< ANSWER#3 true\nbob< ANSWER#5 true\n");
}

static void test_the_dead_free_their_names(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    ask(f, ana, WIRE_REGISTER, "svc");
    ask(f, ana, WIRE_REGISTER, "other");
    fall_silent(f, ana, true);
    f->now += 100;
    ignore(f);
    ask(f, bob, WIRE_REGISTER, "svc");
    expect(f, "bob< DENY#1 exists the name svc is registered by a process that is silent for 100 ms "
              "and keeps it for at most 9900 ms more (1@ana)\n");
    elapse(f, 9900);
    ignore(f);
    ask(f, bob, WIRE_REGISTER, "svc");
    ask(f, bob, WIRE_REGISTER, "1@ana");  //  Its id is free as well
    expect(f, "bob< ANSWER#2 true\nbob< ANSWER#3 true\n");
}

static void test_a_name_too_many(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    f->quiet = true;
    char name[32];
    for (int i = 0; i < BROKER_MAX_NAMES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ask(f, ana, WIRE_REGISTER, name);
    }
    f->quiet = false;
    ask(f, ana, WIRE_REGISTER, "more");
    expect(f, "ana< DENY#1025 full 1@ana has registered 1024 names already\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lookup_by_each_name),
        TEST(test_lookup_says_what_may_have_been_meant),
        TEST(test_lookup_implies_to_hear_of_the_end),
        TEST(test_watch_outlives_the_watched),
        TEST(test_watch_by_id_and_by_registered_name),
        TEST(test_a_name_comes_back_with_its_holder),
        TEST(test_watch_everything),
        TEST(test_unwatch_ends_what_a_lookup_began),
        TEST(test_watchers_that_leave_are_forgotten),
        TEST(test_a_watch_too_many),
        TEST(test_register_is_for_one),
        TEST(test_the_dead_free_their_names),
        TEST(test_a_name_too_many),
    };
    return cmocka_run_group_tests_name("broker watch", tests, NULL, NULL);
}
