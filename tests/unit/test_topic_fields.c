//  Publish and subscribe: fields that are not as the vocabulary says

#include "test_topic_check.h"

static const wire_type_t types[] = { WIRE_PUBLISH, WIRE_SUBSCRIBE, WIRE_UNSUBSCRIBE, WIRE_CONSUMED, WIRE_WILL, WIRE_TOPICS };

//  Denied, and a strike.
static void bad(fixture_t *f, wire_type_t type, const char *text)
{
    ask(f, 1, type, text);
    expect(f, "1 ! malformed\n");
    assert_int_equal(f->rc, WIRE_E_MALFORMED);
    tell(f, 1, type, text);
    expect(f, type == WIRE_PUBLISH ? "1 ! unasked malformed\n" : "");
    assert_int_equal(f->rc, WIRE_E_MALFORMED);
}

//  Denied, and the text says what about.
static void wrong(fixture_t *f, wire_type_t type, const char *text, const char *why)
{
    ask(f, 1, type, text);
    expect(f, "1 ! usage\n");
    assert_int_equal(f->rc, 0);
    if (!strstr(f->text, why))
        fail_msg("%s: %s", text, f->text);
}

static void test_shapes(void **state)
{
    static const char *const publishes[] = { "", "'a'", "5 5", "nil 5", "[] 5",
                                             "'a' 5 7", "'a' 5 'x'", "'a' 5 [1]", "'a' 5 true" };
    static const char *const subscribes[] = { "", "5", "nil", "{}", "'a' 5", "'a' [1]", "'a' 'x'", "'a' false" };
    static const char *const numbers[] = { "", "'a'", "-1", "nil", "1.5", "{}", "[]", "true" };
    fixture_t *f = *state;
    for (size_t i = 0; i < sizeof publishes / sizeof *publishes; i++) {
        bad(f, WIRE_PUBLISH, publishes[i]);
        if (*publishes[i] && strncmp(publishes[i], "nil", 3) != 0)
            bad(f, WIRE_WILL, publishes[i]);
    }
    for (size_t i = 0; i < sizeof subscribes / sizeof *subscribes; i++)
        bad(f, WIRE_SUBSCRIBE, subscribes[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bad(f, WIRE_UNSUBSCRIBE, numbers[i]);
        bad(f, WIRE_CONSUMED, numbers[i]);
    }
    bad(f, WIRE_CONSUMED, "1");
    bad(f, WIRE_CONSUMED, "1 -1");
    bad(f, WIRE_CALL, "1");
}

static void test_options_of_publish(void **state)
{
    fixture_t *f = *state;
    wrong(f, WIRE_PUBLISH, "'a' 1 {retain=1}", "retain");
    wrong(f, WIRE_PUBLISH, "'a' 1 {ttl=-1}", "ttl");
    wrong(f, WIRE_PUBLISH, "'a' 1 {ttl='x'}", "ttl");
    wrong(f, WIRE_PUBLISH, "'a' 1 {ttl=-0.5}", "ttl");
    wrong(f, WIRE_PUBLISH, "'a' 1 {ttl=1e300}", "ttl");
    wrong(f, WIRE_PUBLISH, "'a' 1 {delay=true}", "delay");
    wrong(f, WIRE_PUBLISH, "'a' 1 {delay=[1]}", "delay");
    wrong(f, WIRE_PUBLISH, "'a' 1 {reply=5}", "reply");
    wrong(f, WIRE_PUBLISH, "'a' 1 {reply='a.*'}", "reply");
    wrong(f, WIRE_PUBLISH, "'a' 1 {reply=''}", "reply");
    wrong(f, WIRE_WILL, "'a.*' 1", "patterns");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 nil 'further fields'");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 []");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {}");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {unheard={of=[1]} ttl=nil retain=nil}");
    ask(f, 1, WIRE_PUBLISH, "'a' 1 {ttl=1000.0}");
    expect(f, "1 = 0\n1 = 0\n1 = 0\n1 = 0\n1 = 0\n");
}

static void test_options_of_subscribe(void **state)
{
    fixture_t *f = *state;
    wrong(f, WIRE_SUBSCRIBE, "'a' {group=1}", "group");
    wrong(f, WIRE_SUBSCRIBE, "'a' {filter=1}", "filter");
    wrong(f, WIRE_SUBSCRIBE, "'a' {last=-1}", "last");
    wrong(f, WIRE_SUBSCRIBE, "'a' {since='now'}", "since");
    wrong(f, WIRE_SUBSCRIBE, "'a' {seq=[]}", "seq");
    wrong(f, WIRE_SUBSCRIBE, "'a' {window=0}", "window");
    wrong(f, WIRE_SUBSCRIBE, "'a' {count=true}", "count");
    wrong(f, WIRE_SUBSCRIBE, "'a' {bytes={}}", "bytes");
    wrong(f, WIRE_SUBSCRIBE, "'a' {policy='none'}", "policy");
    wrong(f, WIRE_SUBSCRIBE, "'a' {policy=''}", "policy");
    ask(f, 1, WIRE_SUBSCRIBE, "'a' {window=9223372036854775807 count=9223372036854775807 bytes=9223372036854775807"
                              " last=9223372036854775807 since=9223372036854775807 seq=9223372036854775807}");
    expect(f, "1 = 1\n");
    publish(f, "'a' 1");
    expect(f, "1> 1.1 a@1 1\n");
}

//  Unsigned numbers beyond what is signed.
static void test_numbers_of_64_bits(void **state)
{
    static const uint8_t unsubscribe[] = { 0xcf, 255, 255, 255, 255, 255, 255, 255, 255 };
    static const uint8_t ttl[] = { 0xa1, 'a', 1, 0x81, 0xa3, 't', 't', 'l', 0xcf, 255, 255, 255, 255, 255, 255, 255, 255 };
    fixture_t *f = *state;
    ask_raw(f, 1, WIRE_UNSUBSCRIBE, ++f->request, 1, unsubscribe, sizeof unsubscribe);
    ask_raw(f, 1, WIRE_PUBLISH, ++f->request, 3, ttl, sizeof ttl);
    expect(f, "1 ! unknown\n1 ! usage\n");
}

//  A count that promises more fields than there are; fields that are cut.
static void test_what_is_cut(void **state)
{
    fixture_t *f = *state;
    wire_buf_t fields = WIRE_BUF_EMPTY;
    pack(&fields, "'a.b' {x=[1 2 'text']} {retain=true ttl=50}");
    for (size_t size = 0; size < fields.size; size++) {
        ask_raw(f, 1, WIRE_PUBLISH, ++f->request, 3, fields.data, size);
        expect(f, "1 ! malformed\n");
    }
    wire_buf_free(&fields);
    pack(&fields, "'a.b' {window=5 policy='refuse' last=1}");
    for (size_t size = 0; size < fields.size; size++) {
        ask_raw(f, 1, WIRE_SUBSCRIBE, ++f->request, 2, fields.data, size);
        expect(f, "1 ! malformed\n");
    }
    wire_buf_free(&fields);
    assert_int_equal(stat_of(f, "topic.topics"), 0);
    assert_int_equal(stat_of(f, "topic.subscriptions"), 0);
}

//  ---- Noise ---------------------------------------------------------------

static uint64_t seed = 88172645463325252u;

static unsigned roll(unsigned sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned) (seed >> 33) % sides;
}

static const char *const pieces[] = {
    "'a'", "'a.b'", "'a.*'", "'>'", "''", "'$x'", "5", "-1", "1", "2", "nil", "true", "1.5", "[]", "{}", "[1 2]",
    "{retain=true}", "{ttl=5 delay=3}", "{last=1}", "{filter='value == 1'}", "{filter=')'}", "{group='g'}", "{seq=1}",
    "{policy='refuse' count=0}", "{window=1}", "{reply='r' retain=true}", "{policy='disconnect' count=1 window=1}",
};

static void noise(fixture_t *f)
{
    char text[512] = "";
    for (unsigned i = roll(5); i; i--) {
        strcat(text, pieces[roll(sizeof pieces / sizeof *pieces)]);
        strcat(text, " ");
    }
    uint64_t session = 1 + roll(3);
    ask(f, session, types[roll(6)], text);
    int answers = 0;
    for (const char *at = f->trace; *at; at++)
        answers += strncmp(at, " = ", 3) == 0 || strncmp(at, " ! ", 3) == 0;
    assert_int_equal(answers, 1);
    if (roll(100) == 0 || strstr(f->trace, "slow"))
        for (session = 1; session < 4; session++)
            end(f, session, roll(2));
    ignore(f);
}

static void test_noise(void **state)
{
    fixture_t *f = *state;
    for (int i = 0; i < 20000; i++) {
        noise(f);
        if (i % 10 == 0)
            elapse(f, roll(50));
        ignore(f);
        if (i % 20 == 0)
            check_topics(f->topics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shapes), TEST(test_options_of_publish), TEST(test_options_of_subscribe), TEST(test_numbers_of_64_bits),
        TEST(test_what_is_cut), TEST(test_noise),
    };
    return cmocka_run_group_tests_name("topics: fields", tests, NULL, NULL);
}
