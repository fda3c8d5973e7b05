//  Publish and subscribe: delayed messages, wills, what the broker shows and says itself

#include "test_topic_fixture.h"

#include "topic_heap.h"

//  ---- Delays --------------------------------------------------------------

static void test_in_the_order_of_time(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'>'");
    ask(f, 2, WIRE_PUBLISH, "'a' 1 {delay=300}");
    expect(f, "2 = 0\n");
    publish(f, "'b' 2 {delay=100}");
    publish(f, "'c' 3 {delay=200}");
    publish(f, "'d' 4 {delay=100}");
    publish(f, "'a' 5");
    expect(f, "1> 1.1 a@1 5\n");
    assert_int_equal(topics_due(f->topics), f->now + 100);
    elapse(f, 99);
    expect(f, "");
    elapse(f, 1);
    expect(f, "1> 1.2 b@1 2\n1> 1.3 d@1 4\n");
    assert_int_equal(topics_due(f->topics), f->now + 100);
    elapse(f, 500);
    expect(f, "1> 1.4 c@1 3\n1> 1.5 a@2 1\n");
    assert_int_equal(topics_due(f->topics), -1);
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

static void test_everything_is_as_it_was_said(void **state)
{
    fixture_t *f = *state;
    f->all = true;
    tell(f, 2, WIRE_PUBLISH, "'a' {x=1} {delay=100 ttl=50 retain=true reply='r'}");
    end(f, 2, false);                       //  Its publisher need not live
    elapse(f, 100);
    subscribe(f, 1, "'a'");
    expect(f, "1> 1.1 a@1R by p2 at 1001100 to r {x=1}\n");
    elapse(f, 50);                          //  The ttl began with it
    subscribe(f, 1, "'a'");
    expect(f, "");
}

static void test_quota_of_delayed(void **state)
{
    fixture_t *f = *state;
    begin(f, &(topics_config_t) { .delayed = 2, .queue_bytes = 1000 });
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {delay=10}");
    ask(f, 1, WIRE_PUBLISH, "'a' 2 {delay=10}");
    ask(f, 1, WIRE_PUBLISH, "'a' 3 {delay=10}");
    expect(f, "1 = 0\n1 = 0\n1 ! full\n");
    elapse(f, 10);
    char text[1100];
    snprintf(text, sizeof text, "'a' '%01000d' {delay=10}", 0);
    ask(f, 1, WIRE_PUBLISH, text);          //  More bytes than may wait
    expect(f, "1 ! full\n");
}

static void test_very_long_times(void **state)
{
    fixture_t *f = *state;
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {delay=9223372036854775807}");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {ttl=9223372036854775807 retain=true}");
    expect(f, "1 = 0\n1 = 0\n");
    elapse(f, INT64_C(1) << 40);
    subscribe(f, 1, "'a'");
    expect(f, "1> 1.1 a@1R 1\n");
}

//  Timers that are set and cancelled in any order, beside a list that is walked.
static void test_the_soonest_is_first(void **state)
{
    (void) state;
    static topic_timer_t timers[200];
    topic_heap_t heap = { .orders = 0 };
    uint64_t seed = 88172645463325252u;
    for (int step = 0; step < 20000; step++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        topic_timer_t *timer = &timers[seed >> 33 & 127], *first = NULL;
        if (seed >> 60 & 1 && topic_heap_first(&heap))
            timer = topic_heap_first(&heap);
        if (timer->place)
            topic_heap_cancel(&heap, timer);
        else if (topic_heap_reserve(&heap))
            topic_heap_set(&heap, timer, (int64_t) (seed >> 45 & 63));
        for (size_t i = 0; i < 200; i++)
            if (timers[i].place && (!first || timers[i].due < first->due ||
                                    (timers[i].due == first->due && timers[i].order < first->order)))
                first = &timers[i];
        assert_ptr_equal(topic_heap_first(&heap), first);
    }
    topic_run_free(&heap.timers);
}

//  ---- Wills ---------------------------------------------------------------

static void test_a_will(void **state)
{
    fixture_t *f = *state;
    f->all = true;
    subscribe(f, 1, "'>'");
    ask(f, 2, WIRE_WILL, "'gone.a' 'first'");
    ask(f, 2, WIRE_WILL, "'gone.a' 'second' {retain=true}");
    subscribe(f, 2, "'>'");
    expect(f, "");
    f->now += 7;
    end(f, 2, false);
    expect(f, "1> 1.1 gone.a@1W by p2 at 1001007 to nil second\n");
    f->all = false;
    subscribe(f, 3, "'gone.*'");
    expect(f, "3> 3.1 gone.a@1RW second\n");
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

static void test_no_will(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'>'");
    ask(f, 2, WIRE_WILL, "'gone' 1");
    end(f, 2, true);                        //  It said good-bye
    ask(f, 3, WIRE_WILL, "'gone' 1");
    ask(f, 3, WIRE_WILL, "nil");
    end(f, 3, false);
    ask(f, 4, WIRE_WILL, "");
    end(f, 4, false);
    expect(f, "2 = true\n3 = true\n3 = true\n4 = true\n");
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
}

static void test_a_will_after_a_while(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'>'");
    ask(f, 2, WIRE_WILL, "'gone' 1 {delay=100}");
    ignore(f);
    elapse(f, 1000);
    end(f, 2, false);
    expect(f, "");
    elapse(f, 100);
    expect(f, "1> 1.1 gone@1W 1\n");
}

static void test_a_will_and_who_refuses(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'>' {window=1 count=0 policy='refuse'}");
    subscribe(f, 2, "'>'");
    ask(f, 3, WIRE_WILL, "'gone' 1");
    publish(f, "'a' 1");
    ignore(f);
    end(f, 3, false);
    expect(f, "2> 2.2 gone@1W 1\n");
    consumed(f, 1, 1, 1);
    elapse(f, TOPICS_GAP);
    expect(f, "1> 1.1+1 gapF\n");
}

//  ---- What the broker says ------------------------------------------------

static void test_presence(void **state)
{
    static const uint8_t here[] = { 0xa4, 'h', 'e', 'r', 'e' }, none[] = { 0xc0 };
    fixture_t *f = *state;
    topics_publish(f->topics, "$node.ana", here, sizeof here, true, f->now, wall_of(f));
    f->all = true;
    subscribe(f, 1, "'$node.*'");
    expect(f, "1> 1.1 $node.ana@1R by  at 1001000 to nil here\n");
    topics_publish(f->topics, "$node.ana", none, sizeof none, true, f->now, wall_of(f));
    expect(f, "1> 1.2 $node.ana@2 by  at 1001000 to nil nil\n");
    subscribe(f, 1, "'$node.*'");
    expect(f, "");
}

static void test_listing(void **state)
{
    fixture_t *f = *state;
    subscribe(f, 1, "'a' {window=1 count=1}");
    publish(f, "'a' 1");
    publish(f, "'a' 2");
    publish(f, "'a' 3");
    publish(f, "'b' 1 {retain=true}");
    ignore(f);
    subscribe(f, 2, "'b.*' {group='g'}");
    ask(f, 3, WIRE_TOPICS, "");
    expect(f, "3 = [{topic=b seq=1 kept=1 retained=true} {topic=a seq=3 kept=1 retained=false}]"
              " [{pattern=a sub=1 id=p1 group=nil waiting=1 dropped=1}"
              " {pattern=b.* sub=2 id=p2 group=g waiting=0 dropped=0}]\n");
}

static void test_a_long_listing_is_cut(void **state)
{
    fixture_t *f = *state;
    char text[64];
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "'some.longer.topic.number.%d' 1", i);
        publish(f, text);
    }
    ignore(f);
    ask(f, 3, WIRE_TOPICS, "");
    assert_non_null(strstr(f->trace, "3 = [{topic=some.longer.topic.number.9999 seq=1"));
    assert_null(strstr(f->trace, "number.0 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_the_order_of_time), TEST(test_everything_is_as_it_was_said), TEST(test_quota_of_delayed), TEST(test_the_soonest_is_first),
        TEST(test_very_long_times), TEST(test_a_will), TEST(test_no_will), TEST(test_a_will_after_a_while),
        TEST(test_a_will_and_who_refuses), TEST(test_presence), TEST(test_listing), TEST(test_a_long_listing_is_cut),
    };
    return cmocka_run_group_tests_name("topics: later", tests, NULL, NULL);
}
