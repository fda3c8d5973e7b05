//  Publish and subscribe: each rule of topics.h once

#include "test_topic_fixture.h"

//  ---- Matching ------------------------------------------------------------

static bool meets(fixture_t *f, const char *pattern, const char *topic)
{
    char text[600];
    snprintf(text, sizeof text, "'%s'", pattern);
    int sub = subscribe(f, 1, text);
    snprintf(text, sizeof text, "'%s' 5", topic);
    ask(f, 2, WIRE_PUBLISH, text);
    assert_int_equal(f->rc, 0);
    bool met = f->answered == 1;
    snprintf(text, sizeof text, "%d", sub);
    ask(f, 1, WIRE_UNSUBSCRIBE, text);
    ignore(f);
    return met;
}

static void test_words_and_wildcards(void **state)
{
    fixture_t *f = *state;
    assert_true(meets(f, "a", "a"));
    assert_true(meets(f, "a.b", "a.b"));
    assert_false(meets(f, "a.b", "a"));
    assert_false(meets(f, "a", "a.b"));
    assert_true(meets(f, "a.*", "a.b"));
    assert_false(meets(f, "a.*", "a"));
    assert_false(meets(f, "a.*", "a.b.c"));
    assert_true(meets(f, "*.b", "a.b"));
    assert_true(meets(f, "*.*.c", "a.b.c"));
    assert_true(meets(f, "a.*.c", "a.b.c"));
    assert_true(meets(f, "a.>", "a.b"));
    assert_true(meets(f, "a.>", "a.b.c.d"));
    assert_false(meets(f, "a.>", "a"));
    assert_true(meets(f, ">", "a.b"));
    assert_true(meets(f, "*.>", "a.b"));
    assert_false(meets(f, "*.>", "a"));
    assert_true(meets(f, "a*.b>", "a*.b>"));        //  Not words by themselves
    assert_false(meets(f, "a*", "ab"));
}

static void test_the_brokers_topics(void **state)
{
    fixture_t *f = *state;
    static const uint8_t five[] = { 5 };
    subscribe(f, 1, "'>'");
    subscribe(f, 1, "'*.nodes'");
    subscribe(f, 1, "'$sys.>'");
    subscribe(f, 1, "'$sys.*'");
    topics_publish(f->topics, "$sys.nodes", five, 1, false, f->now, wall_of(f));
    expect(f, "1> 3.1 $sys.nodes@1 5\n1> 4.1 $sys.nodes@1 5\n");
    ask(f, 1, WIRE_PUBLISH, "'$sys.nodes' 5");
    expect(f, "1 ! denied\n");
    ask(f, 1, WIRE_WILL, "'$sys.nodes' 5");
    expect(f, "1 ! denied\n");
    topics_publish(f->topics, "plain", five, 1, false, f->now, wall_of(f));
    expect(f, "1> 1.1 plain@1 5\n");
}

static void test_what_is_no_topic(void **state)
{
    static const char *const topics[] = { "", ".", "a.", ".a", "a..b", "*", "a.*", ">", "a.>", "a.*.b" };
    static const char *const patterns[] = { "", ".", "a.", ".a", "a..b", ">.a", "a.>.b" };
    fixture_t *f = *state;
    char text[64];
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        snprintf(text, sizeof text, "'%s' 5", topics[i]);
        ask(f, 1, WIRE_PUBLISH, text);
        expect(f, "1 ! usage\n");
        assert_int_equal(f->rc, 0);
    }
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        snprintf(text, sizeof text, "'%s'", patterns[i]);
        ask(f, 1, WIRE_SUBSCRIBE, text);
        expect(f, "1 ! usage\n");
    }
}

static void test_long_topics(void **state)
{
    fixture_t *f = *state;
    static char name[66000], text[66020];
    static const size_t sizes[] = { 255, 256, 65536 };
    subscribe(f, 1, "'>'");
    for (size_t i = 0; i < 3; i++) {
        for (size_t at = 0; at < sizes[i]; at++)
            name[at] = at % 2 ? '.' : 'a';
        name[sizes[i]] = 0;
        snprintf(text, sizeof text, "'%s' 5", name);
        ignore(f);
        ask(f, 2, WIRE_PUBLISH, text);
        if (i == 0)
            assert_int_equal(f->answered, 1);
        else
            expect(f, "2 ! usage\n");
    }
}

//  ---- Publishing ----------------------------------------------------------

static void test_everything_that_a_message_says(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a.b'");
    f->all = true;
    ask(f, 2, WIRE_PUBLISH, "'a.b' {x=[1 2]} {reply='p2.inbox'}");
    expect(f, "1> 1.1 a.b@1 by p2 at 1001000 to p2.inbox {x=[1 2]}\n2 = 1\n");
    ask(f, 2, WIRE_PUBLISH, "'a.b' nil");
    expect(f, "1> 1.2 a.b@2 by p2 at 1001000 to nil nil\n2 = 1\n");
}

static void test_receivers_are_counted(void **state)
{
    fixture_t *f = *state;
    ask(f, 1, WIRE_PUBLISH, "'a' 1");
    expect(f, "1 = 0\n");
    subscribe(f, 1, "'a'");
    subscribe(f, 1, "'*'");
    subscribe(f, 2, "'a' {group='g'}");
    subscribe(f, 3, "'a' {group='g'}");
    subscribe(f, 3, "'b'");
    ask(f, 1, WIRE_PUBLISH, "'a' 1");
    assert_int_equal(f->answered, 3);
    ignore(f);
    tell(f, 1, WIRE_PUBLISH, "'b' 1");
    expect(f, "1> 2.2 b@1 1\n3> 5.1 b@1 1\n");         //  No answer
}

static void test_numbers_of_topics(void **state)
{
    fixture_t *f = *state;
    publish(f, "'a' 1");
    publish(f, "'b' 1");
    publish(f, "'a' 2");
    subscribe(f, 1, "'>'");
    publish(f, "'a' 3");
    publish(f, "'b' 2");
    expect(f, "1> 1.1 a@3 3\n1> 1.2 b@2 2\n");
}

static void test_unsubscribing(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a'");
    ask(f, 2, WIRE_UNSUBSCRIBE, "1");
    expect(f, "2 ! unknown\n");
    ask(f, 1, WIRE_UNSUBSCRIBE, "1");
    expect(f, "1 = true\n");
    ask(f, 1, WIRE_UNSUBSCRIBE, "1");
    expect(f, "1 ! unknown\n");
    publish(f, "'a' 1");
    expect(f, "");
    consumed(f, 1, 1, 1);                   //  It was under way
    assert_int_equal(subscribe(f, 1, "'a'"), 2);
}

static void test_quota_of_subscriptions(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .session_subs = 2 });
    subscribe(f, 1, "'a'");
    int second = subscribe(f, 1, "'a'");
    ask(f, 1, WIRE_SUBSCRIBE, "'a'");
    expect(f, "1 ! full\n");
    subscribe(f, 2, "'a'");
    ask(f, 1, WIRE_UNSUBSCRIBE, second == 2 ? "2" : "?");
    subscribe(f, 1, "'a'");
}

//  ---- Windows, links and queues -------------------------------------------

static void test_the_window(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=2}");
    for (int i = 0; i < 4; i++)
        publish(f, "'a' 1");
    expect(f, "1> 1.1 a@1 1\n1> 1.2 a@2 1\n");
    consumed(f, 1, 1, 1);
    expect(f, "1> 1.3 a@3 1\n");
    consumed(f, 1, 1, 1);                   //  Repeated: nothing new
    consumed(f, 2, 1, 3);                   //  Not this one's subscription
    expect(f, "");
    consumed(f, 1, 1, 3);
    expect(f, "1> 1.4 a@4 1\n");
    tell(f, 1, WIRE_CONSUMED, "1 5");       //  More than there were
    assert_int_equal(f->rc, WIRE_E_MALFORMED);
    ask(f, 1, WIRE_CONSUMED, "1 4");
    expect(f, "1 = true\n");
}

static void test_a_full_link(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a'");
    subscribe(f, 1, "'>'");
    f->tells[1] = WIRE_E_FULL;
    publish(f, "'a' 1");
    publish(f, "'b' 2");
    f->tells[1] = 0;
    publish(f, "'a' 3");                    //  Not before the others
    expect(f, "");
    room(f, 1);
    expect(f, "1> 2.1 a@1 1\n1> 2.2 b@1 2\n1> 2.3 a@2 3\n1> 1.1 a@1 1\n1> 1.2 a@2 3\n");
    publish(f, "'b' 4");
    expect(f, "1> 2.4 b@2 4\n");
}

static void test_a_link_that_ends(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a'");
    f->tells[1] = WIRE_E_GONE;
    publish(f, "'a' 1");
    f->tells[1] = 0;
    ask(f, 2, WIRE_PUBLISH, "'a' 2");
    expect(f, "2 = 0\n");
    room(f, 1);
    consumed(f, 1, 1, 0);
    expect(f, "");
}

static void fill(fixture_t *f, const char *topic, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char text[64];
        snprintf(text, sizeof text, "'%s' %d", topic, i);
        publish(f, text);
    }
}

static void test_drop_oldest(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=2}");
    fill(f, "a", 1, 6);
    expect(f, "1> 1.1 a@1 1\n");
    consumed(f, 1, 1, 1);
    expect(f, "1> 1.2+3 a@5F 5\n");
    consumed(f, 1, 1, 2);
    expect(f, "1> 1.3 a@6 6\n");
    assert_int_equal(stat_of(f, "topic.dropped"), 3);
}

static void test_drop_newest(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=2 policy='drop_newest'}");
    fill(f, "a", 1, 5);
    ask(f, 2, WIRE_PUBLISH, "'a' 6");
    expect(f, "1> 1.1 a@1 1\n2 = 0\n");
    consumed(f, 1, 1, 1);
    expect(f, "1> 1.2 a@2 2\n");
    fill(f, "a", 7, 7);                     //  There is a place again
    consumed(f, 1, 1, 2);
    expect(f, "1> 1.3 a@3 3\n");
    consumed(f, 1, 1, 3);
    expect(f, "1> 1.4+3 a@7F 7\n");          //  The gap stands where it was
}

static void test_bytes_bound(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 bytes=120}");        //  Two of about 44 bytes
    fill(f, "a", 1, 4);
    expect(f, "1> 1.1 a@1 1\n");
    consumed(f, 1, 1, 1);
    expect(f, "1> 1.2+1 a@3F 3\n");
    char text[300];
    snprintf(text, sizeof text, "'a' '%0200d'", 0);
    publish(f, text);                       //  Does not fit at all: the others stay
    fill(f, "a", 6, 6);
    consumed(f, 1, 1, 2);
    consumed(f, 1, 1, 3);
    expect(f, "1> 1.3 a@4 4\n1> 1.4+1 a@6F 6\n");
}

//  Its ring turns round, and grows while it is turned.
static void test_a_long_queue_keeps_its_order(void **state)
{
    fixture_t *f = *state;
    int n = 0, made = 0;
    subscribe(f, 1, "'a' {window=1}");
    for (int round = 1; round < 60; round++) {
        fill(f, "a", made + 1, made + 5);
        made += 5;
        for (int i = 0; i < 3; i++, n++)
            consumed(f, 1, 1, n);
    }
    for (; n < made; n++)
        consumed(f, 1, 1, n);
    char line[64], *at = f->trace;
    for (int i = 1; i <= made; i++, at += strlen(line)) {
        snprintf(line, sizeof line, "1> 1.%d a@%d %d\n", i, i, i);
        assert_memory_equal(at, line, strlen(line));
    }
    assert_int_equal(*at, 0);
}

static void test_refuse_is_all_or_nothing(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=1 policy='refuse'}");
    subscribe(f, 2, "'a'");
    ask(f, 3, WIRE_PUBLISH, "'a' 1");
    ask(f, 3, WIRE_PUBLISH, "'a' 2");
    ignore(f);
    ask(f, 3, WIRE_PUBLISH, "'a' 3 {retain=true}");
    expect(f, "3 ! full\n");
    assert_string_equal(f->text, "a subscriber's queue is full");
    tell(f, 3, WIRE_PUBLISH, "'a' 4");      //  Nobody hears a refusal: the others have it
    expect(f, "2> 2.3 a@3 4\n");
    consumed(f, 1, 1, 1);
    consumed(f, 1, 1, 2);
    expect(f, "1> 1.2 a@2 2\n");
    ask(f, 3, WIRE_PUBLISH, "'a' 5");
    expect(f, "1> 1.3+1 a@4F 5\n2> 2.4 a@4 5\n3 = 2\n");
    subscribe(f, 4, "'a'");
    expect(f, "");                          //  The refused one was not retained either
}

static void test_disconnect(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=1 policy='disconnect'}");
    subscribe(f, 2, "'a'");
    fill(f, "a", 1, 4);
    expect(f, "1> 1.1 a@1 1\n2> 2.1 a@1 1\n2> 2.2 a@2 2\n1 slow\n2> 2.3 a@3 3\n2> 2.4 a@4 4\n");
    end(f, 1, false);
    fill(f, "a", 5, 5);
    expect(f, "2> 2.5 a@5 5\n");
}

static void test_all_queues_together(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .queue_bytes = 1000 });
    subscribe(f, 1, "'a' {window=1 policy='drop_newest'}");
    fill(f, "a", 1, 50);
    uint64_t bytes = stat_of(f, "topic.queue_bytes");
    assert_in_range(bytes, 800, 1000);
    subscribe(f, 2, "'a' {window=1}");      //  Has nothing to give for a place
    fill(f, "a", 51, 52);
    assert_true(stat_of(f, "topic.queue_bytes") <= 1000);
    ask(f, 3, WIRE_PUBLISH, "'b' 1 {delay=10}");
    ignore(f);
    end(f, 1, true);
    end(f, 2, true);
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

//  Who drops the oldest gives as much as comes, and keeps the rest of what it has.
static void test_a_place_among_all_queues(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .queue_bytes = 2000 });
    subscribe(f, 1, "'a' {window=1}");
    fill(f, "a", 1, 4);
    subscribe(f, 2, "'b' {window=1 policy='drop_newest'}");
    fill(f, "b", 1, 50);
    fill(f, "a", 5, 6);
    ignore(f);
    for (int i = 1; i <= 4; i++)
        consumed(f, 1, 1, i);
    expect(f, "1> 1.2+2 a@4F 4\n1> 1.3 a@5 5\n1> 1.4 a@6 6\n");
}

//  What another queue holds, too, makes no room when it is dropped here: it costs one message all the same.
static void test_a_place_that_others_hold(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .queue_bytes = 2000 });
    subscribe(f, 1, "'a' {window=1}");
    subscribe(f, 2, "'a' {window=1 policy='drop_newest'}");
    fill(f, "a", 1, 12);
    uint64_t dropped = stat_of(f, "topic.dropped");
    assert_true(stat_of(f, "topic.queue_bytes") < 2000);
    fill(f, "a", 13, 22);
    assert_in_range(stat_of(f, "topic.dropped"), dropped + 10, dropped + 20);
}

static void test_many_queues_share_a_message(void **state)
{
    fixture_t *f = *state;
    char text[1100];
    for (int i = 0; i < 100; i++)
        subscribe(f, 1 + (uint64_t) i % 5, "'a' {window=1}");
    publish(f, "'a' 1");
    snprintf(text, sizeof text, "'a' '%01000d'", 0);
    publish(f, text);
    assert_in_range(stat_of(f, "topic.queue_bytes"), 1000, 1000 + 100 * 32);
    for (int i = 0; i < 5; i++)
        end(f, 1 + (uint64_t) i, true);
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

//  ---- Gaps that nothing follows -------------------------------------------

static void test_a_gap_by_itself(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=2 count=0}");
    assert_int_equal(topics_due(f->topics), -1);
    fill(f, "a", 1, 4);
    consumed(f, 1, 1, 2);
    expect(f, "1> 1.1 a@1 1\n1> 1.2 a@2 2\n");
    assert_int_equal(topics_due(f->topics), f->now + TOPICS_GAP);
    elapse(f, TOPICS_GAP - 1);
    expect(f, "");
    elapse(f, 1);
    expect(f, "1> 1.2+2 gapF\n");
    assert_int_equal(topics_due(f->topics), -1);
    elapse(f, 1000);
    fill(f, "a", 5, 5);
    expect(f, "1> 1.3 a@5 5\n");            //  It was told
}

static void test_a_gap_that_something_follows(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=0}");
    fill(f, "a", 1, 3);
    consumed(f, 1, 1, 1);
    fill(f, "a", 4, 4);
    expect(f, "1> 1.1 a@1 1\n1> 1.2+2 a@4F 4\n");
    assert_int_equal(topics_due(f->topics), -1);
}

static void test_no_gap_into_a_closed_window(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=0}");
    fill(f, "a", 1, 3);
    ignore(f);
    elapse(f, 10 * TOPICS_GAP);
    expect(f, "");
    consumed(f, 1, 1, 1);
    elapse(f, TOPICS_GAP);
    expect(f, "1> 1.1+2 gapF\n");
}

static void test_a_gap_and_a_full_link(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {count=0}");
    f->tells[1] = WIRE_E_FULL;
    fill(f, "a", 1, 3);
    elapse(f, TOPICS_GAP);
    expect(f, "");
    room(f, 1);
    elapse(f, TOPICS_GAP);
    expect(f, "1> 1.0+3 gapF\n");
}

//  ---- Time that is over ---------------------------------------------------

static void test_expiry_in_a_queue(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1}");
    publish(f, "'a' 1");
    publish(f, "'a' 2 {ttl=50}");
    publish(f, "'a' 3");
    ignore(f);
    elapse(f, 50);
    consumed(f, 1, 1, 1);
    expect(f, "1> 1.2 a@3 3\n");            //  Nobody missed it
    assert_int_equal(stat_of(f, "topic.expired"), 1);
}

static void test_what_expired_makes_room(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=3 policy='refuse'}");
    publish(f, "'a' 1");
    publish(f, "'a' 2");
    publish(f, "'a' 3 {ttl=50}");
    publish(f, "'a' 4 {ttl=50}");
    ask(f, 2, WIRE_PUBLISH, "'a' 5");
    expect(f, "1> 1.1 a@1 1\n2 ! full\n");
    f->now += 50;
    ask(f, 2, WIRE_PUBLISH, "'a' 6");
    expect(f, "2 = 1\n");
    consumed(f, 1, 1, 1);
    consumed(f, 1, 1, 2);
    expect(f, "1> 1.2 a@2 2\n1> 1.3 a@5 6\n");
}

static void test_a_gap_survives_what_expired(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=2}");
    fill(f, "a", 1, 2);
    publish(f, "'a' 3 {ttl=50}");
    publish(f, "'a' 4 {ttl=50}");           //  Drops 2
    ignore(f);
    f->now += 50;
    consumed(f, 1, 1, 1);
    expect(f, "");
    elapse(f, TOPICS_GAP);
    expect(f, "1> 1.1+1 gapF\n");
    assert_int_equal(stat_of(f, "topic.expired"), 2);
    assert_int_equal(stat_of(f, "topic.dropped"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_words_and_wildcards), TEST(test_the_brokers_topics), TEST(test_what_is_no_topic), TEST(test_long_topics),
        TEST(test_everything_that_a_message_says), TEST(test_receivers_are_counted), TEST(test_numbers_of_topics),
        TEST(test_unsubscribing), TEST(test_quota_of_subscriptions), TEST(test_the_window), TEST(test_a_full_link),
        TEST(test_a_link_that_ends), TEST(test_drop_oldest), TEST(test_drop_newest), TEST(test_bytes_bound),
        TEST(test_a_long_queue_keeps_its_order),
        TEST(test_refuse_is_all_or_nothing), TEST(test_disconnect), TEST(test_all_queues_together),
        TEST(test_a_place_among_all_queues), TEST(test_a_place_that_others_hold),
        TEST(test_many_queues_share_a_message), TEST(test_a_gap_by_itself), TEST(test_a_gap_that_something_follows),
        TEST(test_no_gap_into_a_closed_window), TEST(test_a_gap_and_a_full_link), TEST(test_expiry_in_a_queue),
        TEST(test_what_expired_makes_room), TEST(test_a_gap_survives_what_expired),
    };
    return cmocka_run_group_tests_name("topics", tests, NULL, NULL);
}
