//  Random operations against a naive model (test_topic_model.h)
//
//  Each operation must bring each subscription exactly what the model says, in its order: which message, its number, what
//  was missed before it, its flags. A failure prints its seed and step.

#include "test_topic_model.h"
#include "test_topic_check.h"

#define STEPS       120000      //  Of each play

//  ---- What comes out ------------------------------------------------------

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
    play.answer = UINT64_MAX;
    play.denied = code;
}

static int topic_number(wire_str_t name)
{
    int i = 0;
    while (!wire_str_is(name, topics[i]))
        i++;
    return i;
}

static int on_tell(void *arg, uint64_t session, uint8_t *fields, size_t size)
{
    (void) arg;
    user_t *user = &play.users[session % USERS];
    assert_int_equal(user->session, session);
    if (user->gone)
        return WIRE_E_GONE;
    if (user->full)
        return WIRE_E_FULL;
    wire_reader_t in = wire_reader(fields, size);
    event_t event = { .topic = -1 };
    wire_str_t topic;
    uint64_t flags;
    wire_read_uint(&in, &event.sub);
    wire_read_uint(&in, &event.n);
    wire_read_uint(&in, &event.missed);
    if (wire_read_bytes(&in, &topic) == 0)
        event.topic = topic_number(topic);
    else
        wire_skip(&in);
    wire_skip(&in);
    wire_read_uint(&in, &event.seq);
    wire_skip(&in);
    wire_read_uint(&in, &flags);
    wire_skip(&in);
    if (event.topic >= 0)
        assert_int_equal(wire_read_uint(&in, &event.value), 0);
    event.flags = (unsigned) flags;
    play.actual[play.actual_count++] = event;
    assert_true(play.actual_count < EVENTS);
    return 0;
}

static void on_slow(void *arg, uint64_t session)
{
    (void) arg;
    user_t *user = &play.users[session % USERS];
    assert_int_equal(user->session, session);
    assert_false(user->called_slow);        //  Once
    user->called_slow = true;
}

static const topics_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell, .slow = on_slow };

//  ---- Comparing -----------------------------------------------------------

//  By subscription; of each one in the order they came.
static void sort_events(event_t *events, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j && events[j - 1].sub > events[j].sub; j--) {
            event_t event = events[j];
            events[j] = events[j - 1];
            events[j - 1] = event;
        }
}

static void show(const char *what, const event_t *e)
{
    print_error("%s sub %d n %d missed %d topic %d seq %d flags %u value %d\n", what, (int) e->sub, (int) e->n,
                (int) e->missed, e->topic, (int) e->seq, e->flags, (int) e->value);
}

static void compare(int step)
{
    sort_events(play.expected, play.expected_count);
    sort_events(play.actual, play.actual_count);
    size_t count = play.expected_count < play.actual_count ? play.expected_count : play.actual_count, i = 0;
    while (i < count && memcmp(&play.expected[i], &play.actual[i], sizeof(event_t)) == 0)
        i++;
    if (i < play.expected_count || i < play.actual_count) {
        print_error("step %d\n", step);
        if (i < play.expected_count)
            show("expected", &play.expected[i]);
        if (i < play.actual_count)
            show("but was ", &play.actual[i]);
        fail();
    }
    play.expected_count = play.actual_count = 0;
}

//  ---- Both at once --------------------------------------------------------

static void apply(int user, unsigned type, bool heard, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = pack(&fields, text);
    topics_op_t op = { .session = play.users[user].session, .request = heard, .publisher = { "p", 1 },
                       .type = (wire_type_t) type, .now = play.now, .wall = play.now + 1000000, .count = count,
                       .fields = wire_reader(fields.data, fields.size) };
    play.answer = UINT64_MAX - 1;
    assert_int_equal(topics_apply(play.topics, &op), 0);
    wire_buf_free(&fields);
}

static void try_publish(void)
{
    int topic = (int) roll(OPEN_TOPICS);
    int64_t ttl = roll(4) ? 0 : 1 + (int64_t) roll(200);
    bool heard = roll(3), retain = roll(10) == 0;
    char text[128];
    message_t *message = new_message(topic, ++play.values, ttl);
    snprintf(text, sizeof text, "'%s' %d {ttl=%d retain=%s}", topics[topic], (int) message->value, (int) ttl,
             retain ? "true" : "false");
    apply((int) roll(USERS), WIRE_PUBLISH, heard, text);
    uint64_t receivers = model_publish(message, heard, retain);
    if (heard)
        assert_int_equal(play.answer, receivers);
}

static void publish_later(void)
{
    delayed_t *later = play.delayed;
    while (later < play.delayed + 64 && later->used)
        later++;
    if (later == play.delayed + 64)
        return;
    int64_t delay = 1 + (int64_t) roll(500);
    *later = (delayed_t) { true, roll(5) == 0, false, play.now + delay, roll(2) ? 0 : 50, ++play.orders, ++play.values,
                           (int) roll(OPEN_TOPICS) };
    char text[128];
    snprintf(text, sizeof text, "'%s' %d {ttl=%d delay=%d retain=%s}", topics[later->topic], (int) later->value,
             (int) later->ttl, (int) delay, later->retain ? "true" : "false");
    apply((int) roll(USERS), WIRE_PUBLISH, true, text);
    assert_int_equal(play.answer, 0);
}

static void publish_ours(void)
{
    int topic = OPEN_TOPICS + (int) roll(TOPICS - OPEN_TOPICS);
    message_t *message = new_message(topic, ++play.values, 0);
    wire_buf_t value = WIRE_BUF_EMPTY;
    wire_put_uint(&value, message->value);
    bool retain = roll(2);
    topics_publish(play.topics, topics[topic], value.data, value.size, retain, play.now, play.now + 1000000);
    wire_buf_free(&value);
    model_publish(message, false, retain);
}

//  ---- Subscribing ---------------------------------------------------------

static void put_wish(char *text, size_t room, wish_t *wish, bool wild)
{
    size_t at = strlen(text);
    unsigned kind = roll(8);
    *wish = (wish_t) { kind < 3, UINT64_MAX, 0, INT64_MIN };
    if (kind == 0)
        snprintf(text + at, room - at, " last=%d", (int) (wish->last = roll(6)));
    else if (kind == 1)
        snprintf(text + at, room - at, " since=%d", (int) (wish->since = play.now + 1000000 - (int64_t) roll(300)));
    else if (kind == 2 && !wild)
        snprintf(text + at, room - at, " seq=%d", (int) (wish->seq = 1 + roll(6000)));
    else
        wish->any = false;
}

static void try_subscribe(void)
{
    static const char *const policies[] = { "drop_oldest", "drop_newest", "refuse", "disconnect" };
    sub_t *sub = play.subs;
    while (sub < play.subs + SUBS && sub->used)
        sub++;
    if (sub == play.subs + SUBS)
        return;
    *sub = (sub_t) { .user = (int) roll(USERS), .pattern = (int) roll(PATTERNS), .filter = roll(3) ? 0 : (int) roll(5),
                     .group = roll(3) ? 0 : 1 + (int) roll(2), .window = 1 + roll(5), .limit = roll(roll(4) ? 7 : 100), .policy = roll(10) / 3 };
    wish_t wish = { false, UINT64_MAX, 0, INT64_MIN };
    char text[256];
    snprintf(text, sizeof text, "'%s' {window=%d count=%d policy='%s'", patterns[sub->pattern], (int) sub->window,
             (int) sub->limit, policies[sub->policy]);
    if (!sub->group)
        put_wish(text, sizeof text, &wish, strpbrk(patterns[sub->pattern], "*>"));
    sub->historian = wish.any;
    if (sub->group)
        strcat(text, sub->group == 1 ? " group='g'" : " group='h'");
    if (sub->filter == 3)
        strcat(text, " filter='prefix(topic, [[a]])'");
    else if (sub->filter)
        snprintf(text + strlen(text), sizeof text - strlen(text), " filter='%s'", filters[sub->filter]);
    strcat(text, "}");
    apply(sub->user, WIRE_SUBSCRIBE, true, text);
    sub->number = ++play.subs_made;
    size_t count = 0;
    uint64_t missed = 0;
    if (!sub->group && !model_past(sub, wish, &count, &missed)) {
        assert_int_equal(play.answer, UINT64_MAX);
        assert_int_equal(play.denied, WIRE_E_FULL);
        return;
    }
    assert_int_equal(play.answer, sub->number);
    sub->used = true;
    group_t *group = &play.groups[sub->pattern][sub->group];
    if (group->count == 0)
        group->made = sub->number;
    group->members[group->count++] = (int) (sub - play.subs);
    sub->missed = missed;
    sub->causes = missed ? WIRE_TOPIC_FORGOTTEN : 0;
    arm(sub);
    play.replayed += count;
    for (size_t i = 0; i < count; i++)
        deliver(sub, sorted[i], sorted_flags[i]);
}

static sub_t *some_sub(void)
{
    sub_t *sub = &play.subs[roll(SUBS)];
    return sub->used ? sub : NULL;
}

static void unsubscribe(void)
{
    sub_t *sub = some_sub();
    if (!sub)
        return;
    char text[32];
    snprintf(text, sizeof text, "%d", (int) sub->number);
    apply(sub->user, WIRE_UNSUBSCRIBE, true, text);
    leave(sub);
}

static void consume(void)
{
    sub_t *sub = some_sub();
    if (!sub)
        return;
    char text[64];
    uint64_t n = roll(4) ? sub->told : sub->consumed + (sub->told - sub->consumed) / 2;
    snprintf(text, sizeof text, "%d %d", (int) sub->number, (int) n);
    apply(sub->user, WIRE_CONSUMED, false, text);
    if (n > sub->consumed) {
        sub->consumed = n;
        pump(sub);
    }
}

//  ---- Sessions ------------------------------------------------------------

static void set_will(void)
{
    int who = (int) roll(USERS);
    user_t *user = &play.users[who];
    user->has_will = roll(4);
    user->will_topic = (int) roll(OPEN_TOPICS);
    user->will_retain = roll(4) == 0;
    user->will_value = ++play.values;
    user->will_delay = roll(2) ? 0 : 1 + (int64_t) roll(300);
    char text[128];
    snprintf(text, sizeof text, "'%s' %d {retain=%s delay=%d}", topics[user->will_topic], (int) user->will_value,
             user->will_retain ? "true" : "false", (int) user->will_delay);
    apply(who, WIRE_WILL, true, user->has_will ? text : "nil");
}

static void model_will(const user_t *user)
{
    delayed_t *later = play.delayed;
    while (later < play.delayed + 63 && later->used)
        later++;
    if (user->will_delay) {
        assert_false(later->used);
        *later = (delayed_t) { true, user->will_retain, true, play.now + user->will_delay, 0, ++play.orders,
                               user->will_value, user->will_topic };
        return;
    }
    message_t *message = new_message(user->will_topic, user->will_value, 0);
    message->will = true;
    model_publish(message, false, user->will_retain);
}

//  In the order in which the subscriptions were made, as the session's list has them.
static void end_user(int who, bool orderly)
{
    user_t *user = &play.users[who];
    user->dead = true;
    topics_session_end(play.topics, user->session, orderly, play.now, play.now + 1000000);
    for (;;) {
        sub_t *first = NULL;
        for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++)
            if (sub->used && sub->user == who && (!first || sub->number < first->number))
                first = sub;
        if (!first)
            break;
        leave(first);
    }
    if (user->has_will && !orderly)
        model_will(user);
    *user = (user_t) { .session = (uint64_t) who + USERS * ++play.sessions };
}

static sub_t *first_in_line(const user_t *user)
{
    sub_t *first = NULL;
    for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++)
        if (sub->used && user_of(sub) == user && sub->waiting && (!first || sub->waiting < first->waiting))
            first = sub;
    return first;
}

static void change_link(void)
{
    user_t *user = &play.users[roll(USERS)];
    user->gone |= roll(60) == 0;
    user->full = !user->full;
    if (user->full)
        return;
    topics_room(play.topics, user->session);
    user->blocked = false;
    for (sub_t *sub; !user->dead && (sub = first_in_line(user));) {
        sub->waiting = 0;
        pump(sub);
    }
}

//  Whose end was called for, now has it; which may be too much for another.
static void end_the_dead(void)
{
    for (int i = 0; i < USERS; i++) {
        assert_int_equal(play.users[i].slow, play.users[i].called_slow);
        if (!play.users[i].dead)
            continue;
        end_user(i, roll(2));
        i = -1;
    }
}

//  ---- Time ----------------------------------------------------------------

static delayed_t *next_delayed(void)
{
    delayed_t *first = NULL;
    for (delayed_t *later = play.delayed; later < play.delayed + 64; later++)
        if (later->used && later->due <= play.now &&
            (!first || later->due < first->due || (later->due == first->due && later->order < first->order)))
            first = later;
    return first;
}

static void tell_gaps(void)
{
    for (sub_t *sub = play.subs; sub < play.subs + SUBS; sub++) {
        if (!sub->used || !sub->armed || sub->gap_due > play.now)
            continue;
        sub->armed = false;
        if (ready(sub) && link_takes(sub)) {
            play.expected[play.expected_count++] =
                (event_t) { sub->number, sub->told, sub->missed, 0, 0, -1, WIRE_TOPIC_GAP | sub->causes };
            sub->missed = sub->causes = 0;
            play.gaps++;
        }
        line_up(sub, true);
    }
}

static void pass_time(void)
{
    play.now += 1 + (int64_t) roll(20);
    topics_tick(play.topics, play.now, play.now + 1000000);
    for (int i = 0; i < TOPICS; i++)
        if (play.known[i].retained && play.known[i].retained->expires <= play.now)
            play.known[i].retained = NULL;
    for (delayed_t *later; (later = next_delayed());) {
        message_t *message = new_message(later->topic, later->value, later->ttl);
        message->will = later->will;
        later->used = false;
        model_publish(message, false, later->retain);
    }
    tell_gaps();
}

//  ---- The play ------------------------------------------------------------

static uint64_t counter(const char *name)
{
    fixture_t f = { .topics = play.topics };
    return stat_of(&f, name);
}

static void step(void)
{
    unsigned what = roll(100);
    if (what < 45)
        try_publish();
    else if (what < 75)
        consume();
    else if (what < 80)
        try_subscribe();
    else if (what < 82)
        unsubscribe();
    else if (what < 90)
        change_link();
    else if (what < 96)
        pass_time();
    else if (what < 97)
        publish_later();
    else if (what < 98)
        publish_ours();
    else if (what < 99)
        set_will();
    else if (roll(4) == 0)
        end_user((int) roll(USERS), roll(2));
}

static void check_totals(void)
{
    assert_int_equal(counter("topic.told"), play.told);
    assert_int_equal(counter("topic.dropped"), play.dropped);
    assert_int_equal(counter("topic.expired"), play.expired);
    assert_int_equal(counter("topic.moved"), play.moved);
    assert_int_equal(counter("topic.gaps"), play.gaps);
    assert_int_equal(counter("topic.refused"), play.refused);
    assert_int_equal(counter("topic.published"), play.stamp);
    assert_true(play.told > 10000 && play.dropped > 1000 && play.expired > 100 && play.moved > 100 && play.gaps > 50 &&
                play.refused > 100 && play.slows > 50 && play.replayed > 500);      //  It was about something
}

//  Nobody is left: nothing may be held.
static void clear(void)
{
    for (int i = 0; i < USERS; i++)
        end_user(i, true);
    play.expected_count = play.actual_count = 0;
    play.now += 10000;
    topics_tick(play.topics, play.now, play.now);
    assert_int_equal(counter("topic.subscriptions"), 0);
    assert_int_equal(counter("topic.patterns"), 0);
    assert_int_equal(counter("topic.queue_bytes"), 0);
    assert_int_equal(counter("topic.delayed"), 0);
    for (size_t i = 0; i < play.made; i++)
        free(play.messages[i]);
    topics_destroy(&play.topics);
}

static void play_with(uint64_t seed)
{
    print_message("seed %llu\n", (unsigned long long) seed);
    memset(&play, 0, sizeof play);
    play.seed = seed;
    play.now = 1000;
    for (int i = 0; i < USERS; i++)
        play.users[i].session = (uint64_t) i + USERS;
    play.sessions = 1;
    play.topics = topics_new(&(topics_config_t) { .seed = seed }, &output, NULL);
    for (int i = 0; i < STEPS; i++) {
        step();
        compare(i);
        end_the_dead();
        compare(i);
        if (i % 100 == 0)
            check_topics(play.topics);
    }
    check_totals();
    clear();
}

static void test_first_play(void **state)
{
    (void) state;
    play_with(88172645463325252u);
}

static void test_second_play(void **state)
{
    (void) state;
    play_with(1234567);
}

static void test_third_play(void **state)
{
    (void) state;
    play_with(20240229);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_first_play), cmocka_unit_test(test_second_play),
                                        cmocka_unit_test(test_third_play) };
    return cmocka_run_group_tests_name("topics model", tests, NULL, NULL);
}
