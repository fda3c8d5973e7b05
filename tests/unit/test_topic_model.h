//  test_topic_model - publish and subscribe in the simplest way: lists that are walked, strings compared
//
//  It is told what happens, and writes down what each subscription must be told: play.expected.

#ifndef TEST_TOPIC_MODEL_H
#define TEST_TOPIC_MODEL_H

#include "test_topic_fixture.h"

#define USERS       8           //  Sessions at a time, each in one place of the table
#define SUBS        40
#define TOPICS      21
#define QUEUE       4096
#define HISTORY     TOPICS_HISTORY
#define EVENTS      65536

static const char *const topics[TOPICS] = {
    "a", "b", "c", "a.a", "a.b", "a.c", "b.a", "b.b", "c.a", "a.a.a", "a.a.b", "a.b.a", "a.b.c", "b.a.a",
    "b.c.b", "c.c.c", "a.b.c.d", "d.c.b.a", "long.words.here", "$b", "$b.x"
};
#define OPEN_TOPICS 19          //  The others are the broker's

//  In the order in which a topic's patterns are found: at each word ">", "*", the word itself.
static const char *const patterns[] = {
    ">", "*.>", "*.*.*", "*.*", "*.a", "*.b.>", "*", "a.>", "a.*.>", "a.*.c", "a.*", "a.a", "a.b", "a", "b", "x.y",
    "long.words.here", "$b.>", "$b.*", "$b"
};
#define PATTERNS (sizeof patterns / sizeof *patterns)

typedef struct {
    uint64_t stamp, seq, value;
    int topic;
    int64_t time, expires;      //  INT64_MAX: never
    bool will;
} message_t;

typedef struct {
    const message_t *message;
    uint64_t missed;
    unsigned flags;
} entry_t;

typedef struct {
    bool used, historian, armed;
    uint64_t waiting;           //  Since when, in its session's line; 0: not
    int user, pattern, group, filter;   //  group and filter from 1; 0: none
    uint64_t number, told, consumed, window, missed, limit;
    unsigned policy, causes;    //  causes: flags, of missed
    int64_t gap_due;
    entry_t queue[QUEUE];
    size_t count;
} sub_t;

typedef struct {
    int members[SUBS];          //  Places of subscriptions
    size_t count, turn;
    uint64_t made;              //  When it began
} group_t;

typedef struct {
    bool full, blocked, gone, dead;
    bool slow, called_slow;     //  By the model; by the broker
    bool has_will, will_retain;
    int will_topic;
    uint64_t will_value;
    int64_t will_delay;
    uint64_t session;
} user_t;

typedef struct {
    uint64_t seq;
    bool known, wanted;
    const message_t *retained;
    const message_t *kept[HISTORY];
    size_t count;
} known_t;

typedef struct {
    bool used, retain, will;
    int64_t due, ttl;
    uint64_t order, value;
    int topic;
} delayed_t;

typedef struct {
    uint64_t sub, n, missed, seq, value;
    int topic;                  //  -1: a gap
    unsigned flags;
} event_t;

typedef struct {
    topics_t *topics;
    uint64_t seed;
    int64_t now;
    sub_t subs[SUBS];
    user_t users[USERS];
    known_t known[TOPICS];
    group_t groups[PATTERNS][3];        //  0: those without a group
    delayed_t delayed[64];
    uint64_t lines, subs_made, stamp, sessions, values, orders;
    event_t expected[EVENTS], actual[EVENTS];
    size_t expected_count, actual_count;
    uint64_t answer;            //  The last one, UINT64_MAX: denied
    int denied;
    message_t *messages[1 << 20];
    size_t made;
    uint64_t told, dropped, expired, moved, gaps, refused, slows, replayed;
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

//  ---- The model: matching and filters -------------------------------------

static bool meets(const char *pattern, const char *topic, bool first)
{
    size_t word = strcspn(pattern, "."), other = strcspn(topic, ".");
    bool star = word == 1 && *pattern == '*', rest = word == 1 && *pattern == '>';
    if (first && *topic == '$' && (star || rest))
        return false;
    if (rest)
        return true;
    if (!star && (word != other || strncmp(pattern, topic, word) != 0))
        return false;
    if (!pattern[word] || !topic[other])
        return pattern[word] == topic[other];
    return meets(pattern + word + 1, topic + other + 1, false);
}

static const char *const filters[] = { NULL, "value % 2 == 0", "value % 3 ~= 0", "prefix(topic, 'a')", "value.x > 1" };

static bool passes(const sub_t *sub, const message_t *message)
{
    switch (sub->filter) {
    case 1: return message->value % 2 == 0;
    case 2: return message->value % 3 != 0;
    case 3: return topics[message->topic][0] == 'a';
    case 4: return false;
    default: return true;
    }
}

//  ---- The model: one subscription -----------------------------------------

static user_t *user_of(const sub_t *sub)
{
    return &play.users[sub->user];
}

static bool ready(const sub_t *sub)
{
    return !user_of(sub)->blocked && !user_of(sub)->dead && sub->told - sub->consumed < sub->window;
}

static void arm(sub_t *sub)
{
    if (sub->missed && sub->count == 0 && !sub->armed) {
        sub->armed = true;
        sub->gap_due = play.now + TOPICS_GAP;
    }
}

static bool link_takes(sub_t *sub)
{
    user_t *user = user_of(sub);
    if (user->gone)
        user->dead = true;
    else if (user->full)
        user->blocked = true;
    return !user->gone && !user->full;
}

static bool say(sub_t *sub, const message_t *message, uint64_t missed, unsigned flags)
{
    if (!link_takes(sub))
        return false;
    play.expected[play.expected_count++] = (event_t) {
        sub->number, ++sub->told, missed, message->seq, message->value, message->topic,
        flags | (message->will ? WIRE_TOPIC_WILL : 0)
    };
    play.told++;
    return true;
}

static void remove_entry(sub_t *sub, size_t at, uint64_t missed)
{
    unsigned causes = (missed ? WIRE_TOPIC_FULL : 0) | (sub->queue[at].missed ? sub->queue[at].flags & WIRE_TOPIC_CAUSES : 0);
    missed += sub->queue[at].missed;
    memmove(sub->queue + at, sub->queue + at + 1, (sub->count - at - 1) * sizeof *sub->queue);
    sub->count--;
    if (at < sub->count)
        sub->queue[at].missed += missed, sub->queue[at].flags |= causes;
    else
        sub->missed += missed, sub->causes |= causes;
}

static void sweep(sub_t *sub)
{
    if (sub->count == 0)
        return;
    for (size_t i = 0; i < sub->count;)
        if (sub->queue[i].message->expires <= play.now) {
            remove_entry(sub, i, 0);
            play.expired++;
        }
        else
            i++;
    arm(sub);
}

static bool fits(sub_t *sub)
{
    if (sub->count >= sub->limit)
        sweep(sub);
    return sub->count < sub->limit;
}

static bool is_full(sub_t *sub)
{
    return !(sub->count == 0 && ready(sub)) && !fits(sub);
}

//  To the end of those that wait for room in their session's link.
static void line_up(sub_t *sub, bool something)
{
    if (something && user_of(sub)->blocked)
        sub->waiting = ++play.lines;
}

static bool append(sub_t *sub, const message_t *message, unsigned flags)
{
    assert_true(sub->count < QUEUE);
    sub->queue[sub->count++] = (entry_t) { message, sub->missed, flags | sub->causes };
    sub->missed = sub->causes = 0;
    sub->armed = false;
    if (!sub->waiting)
        line_up(sub, true);
    return true;
}

static bool drop_newest(sub_t *sub)
{
    sub->missed++;
    sub->causes |= WIRE_TOPIC_FULL;
    play.dropped++;
    arm(sub);
    return false;
}

static bool deliver(sub_t *sub, const message_t *message, unsigned flags)
{
    user_t *user = user_of(sub);
    if (sub->count == 0 && ready(sub) && say(sub, message, sub->missed, flags | sub->causes)) {
        sub->missed = sub->causes = 0;
        sub->armed = false;
        return true;
    }
    if (user->dead)
        return sub->group && append(sub, message, flags);
    if (fits(sub))
        return append(sub, message, flags);
    if (sub->policy == 3) {
        user->dead = user->slow = true;
        play.slows++;
        return sub->group && append(sub, message, flags);
    }
    if (sub->policy == 0 && sub->limit) {
        remove_entry(sub, 0, 1);
        play.dropped++;
        return append(sub, message, flags);
    }
    return drop_newest(sub);
}

static void pump(sub_t *sub)
{
    while (sub->count && ready(sub)) {
        entry_t entry = sub->queue[0];
        if (entry.message->expires <= play.now) {
            remove_entry(sub, 0, 0);
            play.expired++;
            continue;
        }
        if (!say(sub, entry.message, entry.missed, entry.flags))
            break;
        sub->queue[0].missed = 0;
        remove_entry(sub, 0, 0);
    }
    arm(sub);
    line_up(sub, sub->count);
}

//  ---- The model: groups ---------------------------------------------------

static int64_t rank(sub_t *sub)
{
    int64_t own = (int64_t) (sub->window - (sub->told - sub->consumed)) - (int64_t) sub->count;
    return own - (is_full(sub) ? INT64_C(1) << 60 : 0);
}

static sub_t *choose(group_t *group, const message_t *message)
{
    int64_t best = INT64_MIN;
    sub_t *chosen = NULL;
    size_t turn = group->turn;
    for (size_t i = 0; i < group->count; i++) {
        size_t at = (turn + i) % group->count;
        sub_t *sub = &play.subs[group->members[at]];
        int64_t own = user_of(sub)->dead ? INT64_MIN : rank(sub);
        if (own > best && passes(sub, message)) {
            best = own;
            chosen = sub;
            group->turn = at + 1;
        }
    }
    return chosen;
}

static void sort_queue(sub_t *sub)
{
    for (size_t i = 1; i < sub->count; i++)
        for (size_t j = i; j && sub->queue[j - 1].message->stamp > sub->queue[j].message->stamp; j--) {
            entry_t entry = sub->queue[j];
            sub->queue[j] = sub->queue[j - 1];
            sub->queue[j - 1] = entry;
        }
}

static void leave(sub_t *sub)
{
    group_t *group = &play.groups[sub->pattern][sub->group];
    size_t at = 0;
    sub->used = false;
    while (group->members[at] != sub - play.subs)
        at++;
    group->members[at] = group->members[--group->count];
    for (size_t i = 0; sub->group && i < sub->count && group->count; i++) {
        const message_t *message = sub->queue[i].message;
        sub_t *to = message->expires <= play.now ? NULL : choose(group, message);
        play.expired += message->expires <= play.now;
        play.moved += to != NULL;
        if (to)
            deliver(to, message, sub->queue[i].flags & ~WIRE_TOPIC_CAUSES);
    }
    for (size_t i = 0; sub->group && i < group->count; i++)
        sort_queue(&play.subs[group->members[i]]);
    if (group->count == 0)
        group->turn = 0;
}

//  ---- The model: publishing -----------------------------------------------

static void keep(const message_t *message)
{
    known_t *topic = &play.known[message->topic];
    size_t limit = topic->wanted ? HISTORY : 1;
    while (topic->count >= limit)
        memmove(topic->kept, topic->kept + 1, --topic->count * sizeof *topic->kept);
    topic->kept[topic->count++] = message;
    topic->seq = message->seq;
}

static void add_singles(const message_t *message, const group_t *singles, sub_t *targets[SUBS], size_t *count)
{
    for (size_t i = 0; i < singles->count; i++) {
        sub_t *sub = &play.subs[singles->members[i]];
        play.known[message->topic].wanted |= sub->historian;
        if (!user_of(sub)->dead && passes(sub, message))
            targets[(*count)++] = sub;
    }
}

static size_t route(const message_t *message, sub_t *targets[SUBS])
{
    size_t count = 0;
    for (size_t p = 0; p < PATTERNS; p++) {
        if (!meets(patterns[p], topics[message->topic], true))
            continue;
        group_t *groups = play.groups[p];
        add_singles(message, &groups[0], targets, &count);
        int first = groups[1].made < groups[2].made ? 1 : 2;
        for (int i = 0; i < 2; i++) {
            sub_t *sub = choose(&groups[i ? 3 - first : first], message);
            if (sub)
                targets[count++] = sub;
        }
    }
    return count;
}

//  How many get it; UINT64_MAX: refused.
static uint64_t model_publish(message_t *message, bool heard, bool retain)
{
    sub_t *targets[SUBS];
    size_t count = route(message, targets);
    bool refused = false;
    uint64_t receivers = 0;
    for (size_t i = 0; heard && i < count; i++)
        refused |= targets[i]->policy == 2 && is_full(targets[i]);
    play.refused += refused;
    if (refused)
        return UINT64_MAX;
    play.stamp++;
    if (retain)
        play.known[message->topic].retained = message;
    keep(message);
    for (size_t i = 0; i < count; i++)
        receivers += deliver(targets[i], message, 0);
    return receivers;
}

static message_t *new_message(int topic, uint64_t value, int64_t ttl)
{
    message_t *message = calloc(1, sizeof *message);
    play.known[topic].known = true;
    play.messages[play.made++] = message;
    assert_true(play.made < sizeof play.messages / sizeof *play.messages);
    *message = (message_t) { play.stamp + 1, play.known[topic].seq + 1, value, topic, play.now + 1000000,
                             ttl ? play.now + ttl : INT64_MAX, false };
    return message;
}

//  ---- The past ------------------------------------------------------------

static const message_t *sorted[TOPICS * (HISTORY + 1)];
static unsigned sorted_flags[TOPICS * (HISTORY + 1)];

typedef struct {
    bool any;
    uint64_t last, seq;
    int64_t since;
} wish_t;

static void again(size_t *count, const message_t *message, unsigned flags)
{
    if (message->expires <= play.now)
        return;
    size_t at = (*count)++;
    for (; at && sorted[at - 1]->stamp > message->stamp; at--) {
        sorted[at] = sorted[at - 1];
        sorted_flags[at] = sorted_flags[at - 1];
    }
    sorted[at] = message;
    sorted_flags[at] = flags;
}

static uint64_t lost(const known_t *topic, wish_t *wish)
{
    if (wish->seq > topic->seq + 1)
        wish->seq = 0;
    uint64_t first = topic->count ? topic->kept[0]->seq : topic->seq + 1;
    if (!wish->seq || wish->seq >= first)
        return 0;
    const message_t *r = topic->retained;
    return first - wish->seq - (r && r->seq >= wish->seq && r->seq < first);
}

static uint64_t past_of(const known_t *topic, wish_t wish, size_t *count)
{
    uint64_t missed = lost(topic, &wish);
    bool repeated = false, begun = false;
    size_t from = topic->count > wish.last ? topic->count - (size_t) wish.last : 0;
    for (size_t i = wish.any ? from : topic->count; i < topic->count; i++) {
        const message_t *message = topic->kept[i];
        begun |= message->seq >= wish.seq && message->time >= wish.since;
        if (!begun)
            continue;
        repeated |= message == topic->retained;
        again(count, message, WIRE_TOPIC_REPLAYED | (message == topic->retained ? WIRE_TOPIC_RETAINED : 0));
    }
    if (topic->retained && !repeated)
        again(count, topic->retained, WIRE_TOPIC_RETAINED);
    return missed;
}

//  Whether it can be: false when the queue is too short.
static bool model_past(sub_t *sub, wish_t wish, size_t *count, uint64_t *missed)
{
    size_t kept = 0;
    for (int i = 0; i < TOPICS; i++)
        if (meets(patterns[sub->pattern], topics[i], true)) {
            play.known[i].known |= wish.any && strcmp(patterns[sub->pattern], topics[i]) == 0;
            play.known[i].wanted |= wish.any && play.known[i].known;
            *missed += past_of(&play.known[i], wish, count);
        }
    for (size_t i = 0; i < *count; i++)
        if (passes(sub, sorted[i])) {
            sorted_flags[kept] = sorted_flags[i];
            sorted[kept++] = sorted[i];
        }
    *count = kept;
    return sub->policy < 2 || kept <= sub->limit;
}

#endif
