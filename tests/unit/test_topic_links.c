//  Links that take a few messages now and then, small memories: no order is foretold here, only what must hold
//
//  Of what was routed to a subscription, the k-th message told is exactly the one behind those told and missed so far. Of
//  what was routed to a group, each message is told to one member, once, whoever ends meanwhile.

#include "test_topic_check.h"

#define STEPS   60000
#define USERS   6
#define SUBS    48              //  At a time
#define MESSAGES (1 << 17)

static const char *const topics[] = { "a", "b", "a.b", "a.c", "b.c", "a.b.c", "b.b.b" };
static const char *const patterns[] = { "a", "a.b", "a.*", "*.*", ">", "a.>", "*.c", "b.>" };
#define TOPICS   (sizeof topics / sizeof *topics)
#define PATTERNS (sizeof patterns / sizeof *patterns)

typedef struct {
    uint64_t number;            //  0: free
    uint64_t session, told, consumed;
    size_t pattern, group;      //  Group from 1
    unsigned modulus;           //  Its filter: value % modulus == 0; 0: none
    size_t next;                //  The message to be told next, if none is missed
} sub_t;

typedef struct {
    topics_t *topics;
    uint64_t seed, sessions, answer;
    int64_t now;
    sub_t subs[SUBS];
    uint64_t users[USERS];
    int room[USERS];            //  How many more its link takes
    size_t topic_of[MESSAGES];  //  The value of a message is its place here
    bool refused[MESSAGES];
    unsigned char group_told[PATTERNS][MESSAGES];
    size_t made, drained;
    uint64_t told, missed, gaps;
} play_t;

static play_t play;

//  Numbers that repeat: xorshift.
static unsigned roll(unsigned sides)
{
    play.seed ^= play.seed << 13;
    play.seed ^= play.seed >> 7;
    play.seed ^= play.seed << 17;
    return (unsigned) (play.seed >> 33) % sides;
}

static bool meets(const char *pattern, const char *topic)
{
    size_t word = strcspn(pattern, "."), other = strcspn(topic, ".");
    if (*pattern == '>')
        return true;
    if (*pattern != '*' && (word != other || strncmp(pattern, topic, word) != 0))
        return false;
    if (!pattern[word] || !topic[other])
        return pattern[word] == topic[other];
    return meets(pattern + word + 1, topic + other + 1);
}

//  ---- What is told --------------------------------------------------------

static sub_t *sub_of(uint64_t number)
{
    sub_t *sub = play.subs;
    while (sub < play.subs + SUBS && sub->number != number)
        sub++;
    assert_true(sub < play.subs + SUBS);
    return sub;
}

//  The first message from `at` on that is for it.
static size_t routed(const sub_t *sub, size_t at)
{
    while (at < play.made && (play.refused[at] || !meets(patterns[sub->pattern], topics[play.topic_of[at]]) ||
                              (sub->modulus && at % sub->modulus)))
        at++;
    return at;
}

static void pass_over(sub_t *sub, uint64_t missed)
{
    for (; missed; missed--, play.missed++) {
        sub->next = routed(sub, sub->next);
        assert_true(sub->next < play.made);
        sub->next++;
    }
}

static void hear(sub_t *sub, size_t value)
{
    sub->told++;
    if (sub->group)
        assert_int_equal(play.group_told[sub->pattern][value]++, 0);
    else {
        sub->next = routed(sub, sub->next);
        assert_int_equal(sub->next, value);
        sub->next++;
    }
    play.told++;
}

static int on_tell(void *arg, uint64_t session, uint8_t *fields, size_t size)
{
    (void) arg;
    size_t user = session % USERS;
    assert_int_equal(play.users[user], session);
    if (play.room[user] == 0)
        return WIRE_E_FULL;
    play.room[user]--;
    wire_reader_t in = wire_reader(fields, size);
    uint64_t number, n, missed, value;
    wire_read_uint(&in, &number);
    wire_read_uint(&in, &n);
    wire_read_uint(&in, &missed);
    sub_t *sub = sub_of(number);
    assert_int_equal(sub->session, session);
    if (!sub->group)
        pass_over(sub, missed);
    for (int i = 0; i < 6; i++)
        wire_skip(&in);
    bool gap = wire_read_uint(&in, &value) != 0;
    play.gaps += gap;
    if (!gap)
        hear(sub, (size_t) value);
    assert_int_equal(n, sub->told);
    return 0;
}

static void on_answer(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count)
{
    (void) arg, (void) session, (void) request, (void) count;
    wire_reader_t in = wire_reader(fields, size);
    if (wire_read_uint(&in, &play.answer))
        play.answer = 0;
}

static void on_deny(void *arg, uint64_t session, uint64_t request, int code, const char *text)
{
    (void) arg, (void) session, (void) request, (void) text;
    assert_int_equal(code, WIRE_E_FULL);
    play.answer = UINT64_MAX;
}

static void on_slow(void *arg, uint64_t session)
{
    (void) arg, (void) session;
    fail();
}

static const topics_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell, .slow = on_slow };

static void apply(uint64_t session, wire_type_t type, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = pack(&fields, text);
    topics_op_t op = { .session = session, .request = 1, .publisher = { "p", 1 }, .type = type, .now = play.now,
                       .wall = play.now, .count = count, .fields = wire_reader(fields.data, fields.size) };
    assert_int_equal(topics_apply(play.topics, &op), 0);
    wire_buf_free(&fields);
}

//  ---- What is done --------------------------------------------------------

//  In the list before it is published: it may be told from inside.
static void try_publish(void)
{
    char text[64];
    size_t value = play.made++;
    assert_true(play.made < MESSAGES);
    play.topic_of[value] = roll(TOPICS);
    snprintf(text, sizeof text, "'%s' %d", topics[play.topic_of[value]], (int) value);
    apply(play.users[roll(USERS)], WIRE_PUBLISH, text);
    play.refused[value] = play.answer == UINT64_MAX;
}

static bool grouped(size_t pattern)
{
    return pattern % 2;
}

//  Every second pattern has a group, which can hold all, and whose first member stays.
static void subscribe_at(sub_t *sub, size_t user, size_t pattern)
{
    static const char *const policies[] = { "drop_oldest", "drop_newest", "refuse" };
    char text[256];
    *sub = (sub_t) { .session = play.users[user], .pattern = pattern, .next = play.made };
    sub->group = grouped(pattern) && roll(3);
    sub->modulus = sub->group || roll(3) ? 0 : 1 + roll(3);
    if (sub->group)
        snprintf(text, sizeof text, "'%s' {window=%d group='g' count=1000000 bytes=1000000000}", patterns[pattern],
                 (int) (1 + roll(8)));
    else
        snprintf(text, sizeof text, "'%s' {window=%d count=%d policy='%s' filter='%s %d == 0'}", patterns[pattern],
                 (int) (1 + roll(8)), (int) roll(9), policies[roll(9) / 4], sub->modulus ? "value %" : "0 *",
                 (int) sub->modulus);
    sub->number = UINT64_MAX;   //  Nothing is told of the past
    apply(sub->session, WIRE_SUBSCRIBE, text);
    sub->number = play.answer;
}

static void try_subscribe(void)
{
    sub_t *sub = &play.subs[PATTERNS + roll(SUBS - PATTERNS)];
    if (!sub->number)
        subscribe_at(sub, 1 + roll(USERS - 1), roll(PATTERNS));
}

static void try_unsubscribe(void)
{
    sub_t *sub = &play.subs[PATTERNS + roll(SUBS - PATTERNS)];
    char text[32];
    if (!sub->number)
        return;
    snprintf(text, sizeof text, "%d", (int) sub->number);
    apply(sub->session, WIRE_UNSUBSCRIBE, text);
    sub->number = 0;
}

static void consume(sub_t *sub)
{
    char text[64];
    if (!sub->number || sub->consumed == sub->told)
        return;
    sub->consumed = sub->told;
    snprintf(text, sizeof text, "%d %d", (int) sub->number, (int) sub->told);
    apply(sub->session, WIRE_CONSUMED, text);
}

static void give_room(size_t user, int room)
{
    play.room[user] = room;
    topics_room(play.topics, play.users[user]);
}

static void end_user(size_t user)
{
    uint64_t ended = play.users[user];
    topics_session_end(play.topics, ended, roll(2), play.now, play.now);
    for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++)
        if (sub->number && sub->session == ended)
            sub->number = 0;
    play.users[user] = user + USERS * ++play.sessions;
}

static void pass_time(int64_t ms)
{
    play.now += ms;
    topics_tick(play.topics, play.now, play.now);
}

static void step(void)
{
    unsigned what = roll(100);
    if (what < 50)
        try_publish();
    else if (what < 75)
        consume(&play.subs[roll(SUBS)]);
    else if (what < 80)
        try_subscribe();
    else if (what < 81)
        try_unsubscribe();
    else if (what < 96)
        give_room(roll(USERS), (int) roll(20));
    else if (what < 99)
        pass_time(roll(40));
    else if (roll(10) == 0)
        end_user(1 + roll(USERS - 1));
}

//  All links are open and everybody reads, until nothing moves any more.
static void drain(void)
{
    for (uint64_t before = UINT64_MAX; before != play.told + play.gaps;) {
        before = play.told + play.gaps;
        for (size_t i = 0; i < USERS; i++)
            give_room(i, 1 << 30);
        for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++)
            consume(sub);
        pass_time(TOPICS_GAP);
    }
}

//  Nothing is left behind: the gaps that were told add up to what is missing.
static void check_all_told(void)
{
    for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++)
        if (sub->number && !sub->group)
            assert_int_equal(routed(sub, sub->next), play.made);
    for (size_t p = 0; p < PATTERNS; p++)
        for (size_t i = 0; play.subs[p].group && i < play.made; i++) {
            bool its = !play.refused[i] && meets(patterns[p], topics[play.topic_of[i]]);
            assert_int_equal(play.group_told[p][i], its);
        }
}

static uint64_t counter(const char *name)
{
    fixture_t f = { .topics = play.topics };
    return stat_of(&f, name);
}

static void play_with(uint64_t seed, const topics_config_t *config)
{
    print_message("seed %llu\n", (unsigned long long) seed);
    memset(&play, 0, sizeof play);
    play.seed = seed;
    play.topics = topics_new(config, &output, NULL);
    for (size_t i = 0; i < USERS; i++)
        play.users[i] = i + USERS;
    play.sessions = 1;
    for (size_t p = 0; p < PATTERNS; p++)
        subscribe_at(&play.subs[p], 0, p);
    for (int i = 0; i < STEPS; i++) {
        step();
        if (i % 500 == 0)
            check_topics(play.topics);
    }
    drain();
    check_all_told();
    assert_true(play.told > 10000 && play.missed > 1000 && play.gaps > 20);
    assert_true(!config || counter("topic.forgotten") > 1000);
    for (size_t i = 0; i < USERS; i++)
        end_user(i);
    check_topics(play.topics);
    topics_destroy(&play.topics);
}

static void test_links_that_stop(void **state)
{
    (void) state;
    play_with(88172645463325252u, NULL);
    play_with(1234567, NULL);
}

//  Topics are forgotten all the time.
static void test_with_little_memory(void **state)
{
    (void) state;
    play_with(20240229, &(topics_config_t) { .history_bytes = 1500 });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_links_that_stop), cmocka_unit_test(test_with_little_memory) };
    return cmocka_run_group_tests_name("topics links", tests, NULL, NULL);
}
