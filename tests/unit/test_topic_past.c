//  Publish and subscribe: what a new subscription gets of the past

#include "test_topic_check.h"

//  What a subscription of session 1 is told at once.
static int past(fixture_t *f, const char *text)
{
    ignore(f);
    return subscribe(f, 1, text);
}

static void fill(fixture_t *f, const char *topic, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char text[64];
        snprintf(text, sizeof text, "'%s' %d", topic, i);
        publish(f, text);
    }
}

//  How many TOPICs stand in the trace.
static int told(const fixture_t *f)
{
    int count = 0;
    for (const char *at = f->trace; (at = strchr(at, '>')); at++)
        count++;
    return count;
}

//  ---- Retained values -----------------------------------------------------

static void test_retained(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'>'");
    publish(f, "'a.x' 1 {retain=true}");
    publish(f, "'a.y' 2 {retain=true}");
    publish(f, "'b' 3 {retain=true}");
    publish(f, "'a.y' 4");
    expect(f, "2> 1.1 a.x@1 1\n2> 1.2 a.y@1 2\n2> 1.3 b@1 3\n2> 1.4 a.y@2 4\n");    //  They are news there
    past(f, "'a.*'");
    expect(f, "1> 2.1 a.x@1R 1\n1> 2.2 a.y@1R 2\n");
    past(f, "'b'");
    expect(f, "1> 3.1 b@1R 3\n");
    publish(f, "'a.x' 5 {retain=true}");
    ignore(f);
    past(f, "'a.*'");
    expect(f, "1> 4.1 a.y@1R 2\n1> 4.2 a.x@2R 5\n");        //  As they were published
    assert_int_equal(stat_of(f, "topic.retained"), 3);
}

static void test_nil_clears(void **state)
{
    fixture_t *f = *state;
    publish(f, "'a' 1 {retain=true}");
    subscribe(f, 2, "'a'");
    ignore(f);
    publish(f, "'a' nil {retain=true}");
    expect(f, "2> 1.2 a@2 nil\n");
    past(f, "'a'");
    expect(f, "");
    assert_int_equal(stat_of(f, "topic.retained_bytes"), 0);
    assert_int_equal(stat_of(f, "topic.retained"), 0);
}

static void test_retained_for_a_time(void **state)
{
    fixture_t *f = *state;
    publish(f, "'a' 1 {retain=true ttl=100}");
    assert_int_equal(topics_due(f->topics), f->now + 100);
    elapse(f, 99);
    past(f, "'a'");
    expect(f, "1> 1.1 a@1R 1\n");
    f->now++;
    past(f, "'a'");                         //  Before the tick that drops it
    expect(f, "");
    elapse(f, 0);
    assert_int_equal(stat_of(f, "topic.retained"), 0);
    publish(f, "'a' 2 {retain=true ttl=100}");
    publish(f, "'a' 3 {retain=true}");      //  The earlier one's time is nothing to it
    assert_int_equal(topics_due(f->topics), -1);
    elapse(f, 1000);
    past(f, "'a'");
    expect(f, "1> 3.1 a@3R 3\n");
}

static void test_budget_of_retained(void **state)
{
    static const uint8_t one[] = { 1 };
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .retained_bytes = 1500 });
    char text[64];
    int kept = 0;
    do {
        snprintf(text, sizeof text, "'a.%d' 1 {retain=true}", ++kept);
        ignore(f);
        ask(f, 2, WIRE_PUBLISH, text);
    } while (!strchr(f->trace, '!'));
    expect(f, "2 ! full\n");
    assert_int_equal(stat_of(f, "topic.retained"), kept - 1);
    ask(f, 2, WIRE_PUBLISH, "'a.1' 2 {retain=true}");       //  In the place of an old one
    expect(f, "2 = 0\n");
    ask(f, 2, WIRE_PUBLISH, "'a.1' nil {retain=true}");
    ask(f, 2, WIRE_PUBLISH, text);
    expect(f, "2 = 0\n2 = 0\n");
    char large[2000];
    snprintf(large, sizeof large, "'a.2' '%01600d' {retain=true}", 0);
    tell(f, 2, WIRE_PUBLISH, large);        //  Who does not hear of it leaves nothing that is not true
    past(f, "'a.2'");
    expect(f, "");
    topics_publish(f->topics, "a.3", one, 1, true, f->now, wall_of(f));
    past(f, "'a.3'");
    expect(f, "1> 2.1 a.3@2R 1\n");
}

//  ---- The history ---------------------------------------------------------

static void test_the_last_one_is_always_there(void **state)
{
    fixture_t *f = *state;
    fill(f, "a", 1, 3);
    past(f, "'a'");
    expect(f, "");
    past(f, "'a' {last=1}");
    expect(f, "1> 2.1 a@3P 3\n");
    past(f, "'a' {last=5}");                //  Nobody had asked for more
    expect(f, "1> 3.1 a@3P 3\n");
    fill(f, "a", 4, 6);
    past(f, "'a' {last=5}");                //  Now somebody has
    expect(f, "1> 4.1 a@3P 3\n1> 4.2 a@4P 4\n1> 4.3 a@5P 5\n1> 4.4 a@6P 6\n");
    past(f, "'a' {last=2}");
    expect(f, "1> 5.1 a@5P 5\n1> 5.2 a@6P 6\n");
}

static void test_last_counts_for_each_topic(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'*.x' {last=0}");
    fill(f, "a.x", 1, 3);                   //  New topics that it meets keep theirs
    fill(f, "b.x", 4, 6);
    fill(f, "a.x", 7, 7);
    past(f, "'>' {last=2}");
    expect(f, "1> 2.1 a.x@3P 3\n1> 2.2 b.x@2P 5\n1> 2.3 b.x@3P 6\n1> 2.4 a.x@4P 7\n");
}

static void test_since(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    for (int i = 1; i <= 4; i++) {
        fill(f, "a", i, i);
        f->now += 10;
    }
    past(f, "'a' {since=1001020}");
    expect(f, "1> 2.1 a@3P 3\n1> 2.2 a@4P 4\n");
    past(f, "'a' {since=1001010 last=2}");
    expect(f, "1> 3.1 a@3P 3\n1> 3.2 a@4P 4\n");
    past(f, "'a' {since=1001021.5}");
    expect(f, "1> 4.1 a@4P 4\n");
    past(f, "'a' {since=2000000}");
    expect(f, "");
}

static void test_from_a_number_on(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 5);
    past(f, "'a' {seq=4}");
    expect(f, "1> 2.1 a@4P 4\n1> 2.2 a@5P 5\n");
    past(f, "'a' {seq=6}");                 //  It has all
    expect(f, "");
    past(f, "'a' {seq=100}");               //  Of another broker's life
    assert_int_equal(told(f), 5);
    ask(f, 1, WIRE_SUBSCRIBE, "'a.*' {seq=1}");
    assert_non_null(strstr(f->trace, "1 ! usage"));
    fill(f, "b", 1, 3);
    past(f, "'b' {seq=1}");                 //  Two are lost, and that is said
    expect(f, "1> 5.1+2 b@3PH 3\n");
    past(f, "'c' {seq=7}");
    expect(f, "");
}

static void test_lost_numbers_are_told_though_nothing_comes(void **state)
{
    fixture_t *f = *state;
    publish(f, "'a' 1");
    publish(f, "'a' 2 {ttl=10}");
    f->now += 10;
    past(f, "'a' {seq=1}");
    expect(f, "");
    elapse(f, TOPICS_GAP);
    expect(f, "1> 1.0+1 gapH\n");
}

static void test_retained_and_replayed_comes_once(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 1);
    publish(f, "'a' 2 {retain=true}");
    fill(f, "a", 3, 3);
    past(f, "'a' {last=2}");
    expect(f, "1> 2.1 a@2RP 2\n1> 2.2 a@3P 3\n");
    past(f, "'a' {last=1}");
    expect(f, "1> 3.1 a@2R 2\n1> 3.2 a@3P 3\n");
    past(f, "'a'");
    expect(f, "1> 4.1 a@2R 2\n");
    fill(f, "b", 1, 1);
    publish(f, "'b' 2 {retain=true}");
    fill(f, "b", 3, 4);
    past(f, "'b' {seq=1}");                 //  1 and 3 are lost; 2 is not
    expect(f, "1> 5.1+2 b@2RH 2\n1> 5.2 b@4P 4\n");
    publish(f, "'c' 1 {retain=true}");
    past(f, "'c' {last=1}");
    expect(f, "1> 6.1 c@1RP 1\n");
}

static void test_a_history_is_bounded(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0 window=1 count=0}");
    fill(f, "a", 1, TOPICS_HISTORY + 100);
    past(f, "'a' {seq=1}");
    assert_int_equal(told(f), TOPICS_HISTORY);
    assert_non_null(strstr(f->trace, "1> 2.1+100 a@101PH 101\n"));
    static char text[200100];
    snprintf(text, sizeof text, "'a' '%0200000d'", 0);
    for (int i = 0; i < 10; i++)
        publish(f, text);
    assert_in_range(stat_of(f, "topic.history_bytes"), 1000000, TOPICS_HISTORY_BYTES + 10000);
}

//  Few large messages turn its ring round, which then grows for many small ones.
static void test_a_turned_history_grows(void **state)
{
    fixture_t *f = *state;
    static char text[200100];
    subscribe(f, 2, "'a' {last=0}");
    snprintf(text, sizeof text, "'a' '%0200000d'", 0);
    for (int i = 0; i < 10; i++)
        publish(f, text);
    fill(f, "a", 11, 40);
    check_topics(f->topics);
    past(f, "'a' {last=2}");
    expect(f, "1> 2.1 a@39P 39\n1> 2.2 a@40P 40\n");
}

static void test_expired_history_is_passed_over(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 1);
    publish(f, "'a' 2 {ttl=10}");
    fill(f, "a", 3, 3);
    f->now += 10;
    past(f, "'a' {seq=1}");
    expect(f, "1> 2.1 a@1P 1\n1> 2.2 a@3P 3\n");
}

static void test_oldest_topics_are_forgotten(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .history_bytes = 20000 });
    publish(f, "'held' 1 {retain=true}");
    fill(f, "a", 1, 7);
    for (int i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof text, "'t.%d' 1", i);
        publish(f, text);
    }
    assert_true(stat_of(f, "topic.history_bytes") <= 20000);
    uint64_t topics = stat_of(f, "topic.topics");
    assert_in_range(topics, 10, 100);
    past(f, "'t.999' {last=1}");
    assert_int_equal(told(f), 1);
    past(f, "'a' {last=1}");
    expect(f, "");
    fill(f, "a", 8, 8);                     //  7 and 8 of it may have been seen: never again
    uint64_t seq;
    assert_int_equal(sscanf(strstr(f->trace, "a@"), "a@%" SCNu64, &seq), 1);
    assert_true(seq > 7);
    past(f, "'held'");
    assert_non_null(strstr(f->trace, "held@1R 1"));
    publish(f, "'held' 2");
    assert_non_null(strstr(f->trace, "held@2 2"));          //  A retained value holds its topic
}

//  Tell the broker of many topics that nobody will hear of again.
static void press(fixture_t *f, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[64];
        snprintf(text, sizeof text, "'t.%d' 1", i);
        publish(f, text);
    }
}

static void test_what_is_used_stays(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .history_bytes = 20000 });
    for (int i = 1; i <= 100; i++) {
        fill(f, "a", i, i);
        press(f, 10 * i, 10 * i + 10);
    }
    past(f, "'a' {last=1}");
    expect(f, "1> 1.1 a@100P 100\n");
}

static void test_a_history_given_up_begins_anew(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .history_bytes = 20000 });
    publish(f, "'held' 1 {retain=true}");
    subscribe(f, 2, "'held' {last=0}");
    fill(f, "held", 2, 4);
    ask(f, 2, WIRE_UNSUBSCRIBE, "1");
    press(f, 0, 100);
    fill(f, "held", 5, 7);                  //  Nobody has asked since
    past(f, "'held' {last=9}");
    expect(f, "1> 2.1 held@1R 1\n1> 2.2 held@7P 7\n");
}

static void test_no_history_at_all(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .history_bytes = 1 });
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 3);
    assert_int_equal(told(f), 3);
    publish(f, "'a' 4 {retain=true ttl=10}");
    past(f, "'a' {last=3}");
    assert_int_equal(told(f), 1);
    assert_int_equal(stat_of(f, "topic.history_bytes"), 0);
    elapse(f, 10);
    assert_int_equal(stat_of(f, "topic.topics"), 0);
}

//  ---- From the past to the present ----------------------------------------

static void test_a_replay_waits_like_all_else(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 4);
    int sub = past(f, "'a' {last=9 window=2}");
    ask(f, 3, WIRE_PUBLISH, "'a' 5");
    assert_non_null(strstr(f->trace, "1> 2.2 a@2P 2\n"));
    ignore(f);
    consumed(f, 1, sub, 2);
    expect(f, "1> 2.3 a@3P 3\n1> 2.4 a@4P 4\n");
    consumed(f, 1, sub, 4);
    expect(f, "1> 2.5 a@5 5\n");
}

static void test_a_replay_that_does_not_fit(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    fill(f, "a", 1, 6);
    ignore(f);
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {last=9 count=5 policy='refuse'}");
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {last=9 bytes=100 policy='disconnect'}");
    expect(f, "1 ! full\n1 ! full\n");
    int sub = past(f, "'a' {last=9 window=1 count=2}");
    expect(f, "1> 4.1 a@1P 1\n");
    consumed(f, 1, sub, 1);
    expect(f, "1> 4.2+3 a@5PF 5\n");
    past(f, "'a' {last=9 count=6 policy='refuse'}");
    assert_int_equal(told(f), 6);
    assert_int_equal(stat_of(f, "topic.subscriptions"), 3);
}

//  One look goes through so much and no more: the broker serves others meanwhile.
static void test_a_look_is_bounded(void **state)
{
    fixture_t *f = *state;
    for (int topic = 0; topic < 130; topic++) {
        char name[32], wanted[64];
        snprintf(name, sizeof name, "w.%d", topic);
        snprintf(wanted, sizeof wanted, "'%s' {last=0}", name);
        subscribe(f, 2, wanted);
        end(f, 2, true);
        fill(f, name, 1, TOPICS_HISTORY);
    }
    f->tells[1] = WIRE_E_FULL;
    ignore(f);
    ask(f, 1, WIRE_SUBSCRIBE, "'w.*' {last=1000000}");
    expect(f, "1 ! full\n");
    assert_non_null(strstr(f->text, "take a narrower one"));
    ask(f, 1, WIRE_SUBSCRIBE, "'>' {since=0}");           //  Nor does it go through all to find that it wants nothing
    expect(f, "1 ! full\n");
    subscribe(f, 1, "'w.*' {last=900}");
    assert_null(strchr(f->trace, '!'));
    ignore(f);
    for (int topic = 0; topic < TOPICS_LOOK; topic++) {
        char text[64];
        snprintf(text, sizeof text, "'many.%d' 1", topic);
        publish(f, text);
    }
    ask(f, 3, WIRE_SUBSCRIBE, "'many.*' {last=0}");
    expect(f, "3 ! full\n");
    subscribe(f, 3, "'many.7' {last=1}");
    assert_non_null(strstr(f->trace, ".1 many.7@1P 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_retained), TEST(test_nil_clears), TEST(test_retained_for_a_time), TEST(test_budget_of_retained),
        TEST(test_the_last_one_is_always_there), TEST(test_last_counts_for_each_topic), TEST(test_since),
        TEST(test_from_a_number_on), TEST(test_lost_numbers_are_told_though_nothing_comes),
        TEST(test_retained_and_replayed_comes_once), TEST(test_a_history_is_bounded), TEST(test_a_turned_history_grows),
        TEST(test_expired_history_is_passed_over), TEST(test_oldest_topics_are_forgotten), TEST(test_what_is_used_stays),
        TEST(test_a_history_given_up_begins_anew), TEST(test_no_history_at_all),
        TEST(test_a_look_is_bounded), TEST(test_a_replay_waits_like_all_else), TEST(test_a_replay_that_does_not_fit),
    };
    return cmocka_run_group_tests_name("topics: the past", tests, NULL, NULL);
}
