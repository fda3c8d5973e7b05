//  Publish and subscribe: groups and filters

#include "test_topic_fixture.h"

static void fill(fixture_t *f, const char *topic, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char text[64];
        snprintf(text, sizeof text, "'%s' %d", topic, i);
        publish(f, text);
    }
}

//  ---- Groups --------------------------------------------------------------

static void test_one_of_a_group(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g'}");
    subscribe(f, 2, "'a' {group='g'}");
    subscribe(f, 3, "'a' {group='h'}");     //  Another group
    subscribe(f, 4, "'*' {group='g'}");     //  Of another pattern: another group, too
    fill(f, "a", 1, 2);
    expect(f, "4> 4.1 a@1 1\n1> 1.1 a@1 1\n3> 3.1 a@1 1\n4> 4.2 a@2 2\n2> 2.1 a@2 2\n3> 3.2 a@2 2\n");
}

static void test_by_turns(void **state)
{
    fixture_t *f = *state;
    for (uint64_t i = 1; i <= 3; i++)
        subscribe(f, i, "'a' {group='g'}");
    for (int i = 1; i <= 6; i++) {
        fill(f, "a", i, i);
        consumed(f, (uint64_t) (i - 1) % 3 + 1, (i - 1) % 3 + 1, (i + 2) / 3);
    }
    expect(f, "1> 1.1 a@1 1\n2> 2.1 a@2 2\n3> 3.1 a@3 3\n1> 1.2 a@4 4\n2> 2.2 a@5 5\n3> 3.2 a@6 6\n");
}

static void test_to_whom_has_the_most_free_window(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' window=2}");
    subscribe(f, 2, "'a' {group='g' window=5}");
    fill(f, "a", 1, 4);                     //  Free: 2 5, 2 4, 2 3, 2 2
    expect(f, "2> 2.1 a@1 1\n2> 2.2 a@2 2\n2> 2.3 a@3 3\n1> 1.1 a@4 4\n");
    consumed(f, 2, 2, 3);
    fill(f, "a", 5, 5);
    expect(f, "2> 2.4 a@5 5\n");
}

static void test_who_need_not_drop_comes_first(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' window=1 count=0}");
    subscribe(f, 2, "'a' {group='g' window=1 count=9}");
    fill(f, "a", 1, 5);
    consumed(f, 2, 2, 1);
    expect(f, "1> 1.1 a@1 1\n2> 2.1 a@2 2\n2> 2.2 a@3 3\n");
    assert_int_equal(stat_of(f, "topic.dropped"), 0);
}

static void test_what_waits_goes_to_the_others(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' window=1}");
    subscribe(f, 2, "'a' {group='g' window=1}");
    subscribe(f, 3, "'a' {group='g' window=1}");
    fill(f, "a", 1, 9);                     //  1 waits with 4 7, 2 with 5 8, 3 with 6 9
    expect(f, "1> 1.1 a@1 1\n2> 2.1 a@2 2\n3> 3.1 a@3 3\n");
    end(f, 1, false);
    assert_int_equal(stat_of(f, "topic.moved"), 2);
    for (int n = 1; n <= 4; n++) {
        consumed(f, 2, 2, n < 4 ? n : 3);
        consumed(f, 3, 3, n < 4 ? n : 3);
    }
    expect(f, "2> 2.2 a@4 4\n3> 3.2 a@6 6\n2> 2.3 a@5 5\n3> 3.3 a@7 7\n2> 2.4 a@8 8\n3> 3.4 a@9 9\n");
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

static void test_told_at_once_when_another_is_free(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g'}");
    f->tells[1] = WIRE_E_FULL;
    fill(f, "a", 1, 3);
    subscribe(f, 2, "'a' {group='g'}");
    ask(f, 1, WIRE_UNSUBSCRIBE, "1");
    expect(f, "2> 2.1 a@1 1\n2> 2.2 a@2 2\n2> 2.3 a@3 3\n1 = true\n");
}

static void test_nobody_is_left(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' window=1}");
    subscribe(f, 1, "'a' {group='g' window=1}");            //  Ends with the other
    fill(f, "a", 1, 6);
    ignore(f);
    end(f, 1, false);
    expect(f, "");
    assert_int_equal(stat_of(f, "topic.abandoned"), 4);
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
    assert_int_equal(stat_of(f, "topic.patterns"), 0);
}

static void test_an_ending_member_gets_nothing(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g'}");
    subscribe(f, 2, "'a' {group='g' window=1}");
    f->tells[1] = WIRE_E_GONE;
    fill(f, "a", 1, 3);                     //  1 was to be told of the first
    expect(f, "2> 2.1 a@2 2\n");
    end(f, 1, false);
    consumed(f, 2, 2, 1);
    consumed(f, 2, 2, 2);
    expect(f, "2> 2.2 a@1 1\n2> 2.3 a@3 3\n");
}

static void test_a_slow_member_is_ended_and_loses_nothing(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' window=1 count=1 policy='disconnect'}");
    fill(f, "a", 1, 3);
    expect(f, "1> 1.1 a@1 1\n1 slow\n");
    subscribe(f, 2, "'a' {group='g'}");
    end(f, 1, false);
    expect(f, "2> 2.1 a@2 2\n2> 2.2 a@3 3\n");
}

static void test_groups_have_no_past(void **state)
{
    fixture_t *f = *state;
    publish(f, "'a' 1 {retain=true}");
    subscribe(f, 1, "'a' {group='g'}");
    expect(f, "");
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {group='g' last=1}");
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {group=''}");
    expect(f, "1 ! usage\n1 ! usage\n");
}

//  ---- Filters -------------------------------------------------------------

static void test_filter_of_values(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {filter='value > 3'}");
    subscribe(f, 2, "'a' {filter='type(value) == [[string]] or value.x == 1'}");
    ask(f, 3, WIRE_PUBLISH, "'a' 3");
    ask(f, 3, WIRE_PUBLISH, "'a' 4");
    ask(f, 3, WIRE_PUBLISH, "'a' {x=1}");
    ask(f, 3, WIRE_PUBLISH, "'a' 'text'");
    expect(f, "3 = 0\n1> 1.1 a@2 4\n3 = 1\n2> 2.1 a@3 {x=1}\n3 = 1\n2> 2.2 a@4 text\n3 = 1\n");
    assert_true(stat_of(f, "topic.faults") > 0);            //  {x=1} > 3
}

static void test_filter_of_topic_and_publisher(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'>' {filter='prefix(topic, [[a.]]) and publisher ~= [[p3]]'}");
    tell(f, 3, WIRE_PUBLISH, "'a.x' 1");
    tell(f, 4, WIRE_PUBLISH, "'a.x' 2");
    tell(f, 4, WIRE_PUBLISH, "'b.x' 3");
    expect(f, "1> 1.1 a.x@2 2\n");
}

static void test_filter_of_the_past(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 2, "'a' {last=0}");
    publish(f, "'a' 5 {retain=true}");
    publish(f, "'b' 1 {retain=true}");
    fill(f, "a", 1, 4);
    subscribe(f, 1, "'a' {last=9 filter='value > 2'}");
    expect(f, "1> 2.1 a@1RP 5\n1> 2.2 a@4P 3\n1> 2.3 a@5P 4\n");
    subscribe(f, 1, "'b' {filter='value > 2'}");
    expect(f, "");
}

static void test_filters_in_a_group(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {group='g' filter='value % 2 == 0'}");
    subscribe(f, 2, "'a' {group='g' window=1 filter='value < 10'}");
    ask(f, 3, WIRE_PUBLISH, "'a' 1");
    ask(f, 3, WIRE_PUBLISH, "'a' 3");
    ask(f, 3, WIRE_PUBLISH, "'a' 4");
    ask(f, 3, WIRE_PUBLISH, "'a' 11");
    expect(f, "2> 2.1 a@1 1\n3 = 1\n3 = 1\n1> 1.1 a@3 4\n3 = 1\n3 = 0\n");
    end(f, 2, false);                       //  3 is nothing for the other
    expect(f, "");
    assert_int_equal(stat_of(f, "topic.abandoned"), 1);
}

static void test_a_filter_that_is_none(void **state)
{
    fixture_t *f = *state;
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {filter='value >'}");
    expect(f, "1 ! syntax\n");
    assert_non_null(strstr(f->text, "column"));
    static char text[6000];
    snprintf(text, sizeof text, "'a' {filter='%05000d'}", 1);
    ask(f, 1, WIRE_SUBSCRIBE, text);
    expect(f, "1 ! too_big\n");
    publish(f, "'a' 1");
    expect(f, "");
    assert_int_equal(stat_of(f, "topic.subscriptions"), 0);
    assert_int_equal(stat_of(f, "topic.patterns"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_of_a_group), TEST(test_by_turns), TEST(test_to_whom_has_the_most_free_window),
        TEST(test_who_need_not_drop_comes_first), TEST(test_what_waits_goes_to_the_others),
        TEST(test_told_at_once_when_another_is_free), TEST(test_nobody_is_left), TEST(test_an_ending_member_gets_nothing),
        TEST(test_a_slow_member_is_ended_and_loses_nothing), TEST(test_groups_have_no_past),
        TEST(test_filter_of_values), TEST(test_filter_of_topic_and_publisher), TEST(test_filter_of_the_past),
        TEST(test_filters_in_a_group), TEST(test_a_filter_that_is_none),
    };
    return cmocka_run_group_tests_name("topics: groups and filters", tests, NULL, NULL);
}
