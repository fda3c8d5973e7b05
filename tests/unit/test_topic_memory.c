//  Each allocation of a play fails once: no crash, no leak, one answer to each request, and what must be true stays true

#include "test_topic_check.h"
#include "test_failing_malloc.h"

static long countdown;  //  Which one fails; 0: none
static bool failed;

static bool refused(void)
{
    bool now = inside && countdown && --countdown == 0;
    failed |= now;
    return now;
}

static void once(fixture_t *f, uint64_t session, unsigned type, const char *text)
{
    ignore(f);
    ask(f, session, type, text);
    int answers = 0;
    for (const char *at = f->trace; *at; at++)
        answers += strncmp(at, " = ", 3) == 0 || strncmp(at, " ! ", 3) == 0;
    assert_int_equal(answers, 1);
    assert_int_equal(f->rc, 0);
    check_topics(f->topics);
}

static void subscribe_all(fixture_t *f)
{
    once(f, 1, WIRE_SUBSCRIBE, "'a.*' {last=5 window=2 count=30}");
    once(f, 2, WIRE_SUBSCRIBE, "'a.b' {group='g' window=1}");
    once(f, 3, WIRE_SUBSCRIBE, "'a.b' {group='g' window=1}");
    once(f, 4, WIRE_SUBSCRIBE, "'>' {window=1 count=3 policy='refuse' filter='value ~= nil and value ~= [[x]]'}");
    once(f, 5, WIRE_SUBSCRIBE, "'*.b.>'");
    once(f, 5, WIRE_SUBSCRIBE, "'e.x' {seq=1}");
}

static void publish_all(fixture_t *f)
{
    char text[64];
    for (int i = 0; i < 12; i++) {
        snprintf(text, sizeof text, "'a.b' %d {ttl=%d}", i, i % 3 == 0 ? 40 : 0);
        once(f, 6, WIRE_PUBLISH, text);
    }
    once(f, 6, WIRE_PUBLISH, "'c.b.d' 1 {retain=true}");
    once(f, 6, WIRE_PUBLISH, "'c.d' 1 {retain=true ttl=30}");
    once(f, 6, WIRE_PUBLISH, "'later' 'value' {delay=20 reply='r'}");
    tell(f, 6, WIRE_PUBLISH, "'a.c' 'more' {retain=true}");
}

//  A bit of everything.
static void play(fixture_t *f)
{
    subscribe_all(f);
    publish_all(f);
    once(f, 7, WIRE_WILL, "'gone' 1 {retain=true}");
    once(f, 7, WIRE_WILL, "'gone' 2 {delay=5}");
    once(f, 8, WIRE_SUBSCRIBE, "'*.*' {last=3}");
    once(f, 8, WIRE_TOPICS, "");
    for (int i = 1; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d 1", i);
        tell(f, (uint64_t) i, WIRE_CONSUMED, text);
        check_topics(f->topics);
    }
    end(f, 2, false);
    end(f, 7, false);
    check_topics(f->topics);
    elapse(f, 50);
    elapse(f, 500);
    check_topics(f->topics);
}

static void clear(fixture_t *f)
{
    for (uint64_t i = 1; i < SESSIONS; i++)
        end(f, i, true);
    elapse(f, 10000);
    check_topics(f->topics);
    assert_int_equal(stat_of(f, "topic.queue_bytes"), 0);
    assert_int_equal(stat_of(f, "topic.subscriptions"), 0);
    assert_int_equal(stat_of(f, "topic.patterns"), 0);
    assert_int_equal(stat_of(f, "topic.delayed"), 0);
}

static void test_each_allocation_fails_once(void **state)
{
    (void) state;
    static fixture_t f;
    long which = 0;
    do {
        memset(&f, 0, sizeof f);
        f.now = 1000;
        failed = false;
        countdown = ++which;
        begin(&f, &(topics_config_t) { .history_bytes = 4000 });
        if (f.topics)
            play(&f);
        countdown = 0;
        if (f.topics)
            clear(&f);
        topics_destroy(&f.topics);
    } while (failed);
    print_message("%ld allocations\n", which - 1);
    assert_true(which > 100);
}

//  What was dropped for want of memory is told of as what was dropped for want of room.
static void test_what_could_not_wait_is_missed(void **state)
{
    (void) state;
    static fixture_t f;
    f.now = 1000;
    begin(&f, NULL);
    subscribe(&f, 1, "'a' {window=1}");
    publish(&f, "'a' 1");
    countdown = 2;              //  The message, then the queue
    publish(&f, "'a' 2");
    countdown = 0;
    publish(&f, "'a' 3");
    consumed(&f, 1, 1, 1);
    expect(&f, "1> 1.1 a@1 1\n1> 1.2+1 a@3F 3\n");
    topics_destroy(&f.topics);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails_once),
                                        cmocka_unit_test(test_what_could_not_wait_is_missed) };
    return cmocka_run_group_tests_name("topics memory", tests, NULL, NULL);
}
