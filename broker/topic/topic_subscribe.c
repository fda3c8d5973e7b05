//  topic_subscribe - a new subscription, and what it gets of the past

#include "topic_subscribe.h"

#include "topic_deliver.h"
#include "topic_name.h"
#include "topic_route.h"
#include "topic_session.h"

#include <stdio.h>

#define WINDOW_MAX (UINT64_C(1) << 31)

static int fault(char *text, int code, const char *words)
{
    snprintf(text, TOPIC_TEXT, "%s", words);
    return code;
}

//  ---- What was asked for --------------------------------------------------

static int read_policy(wire_str_t word, topic_policy_t *out)
{
    static const char *const words[] = { "drop_oldest", "drop_newest", "refuse", "disconnect" };
    *out = TOPIC_DROP_OLDEST;
    if (!word.data)
        return 0;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (wire_str_is(word, words[i])) {
            *out = (topic_policy_t) i;
            return 0;
        }
    return WIRE_E_USAGE;
}

static bool wants_history(const topic_subscribe_options_t *options)
{
    return options->has_last || options->has_since || options->has_seq;
}

static int check(wire_str_t pattern, const topic_subscribe_options_t *options, char *text)
{
    topic_policy_t policy;
    const char *words = topic_pattern_fault(pattern);
    if (words)
        return fault(text, WIRE_E_USAGE, words);
    if (options->group.data && (options->group.size == 0 || options->group.size > WIRE_MAX_NAME))
        return fault(text, WIRE_E_USAGE, "a group's name has 1 to 255 bytes");
    if (options->group.data && wants_history(options))
        return fault(text, WIRE_E_USAGE, "a group has no history: each message is for one member, once");
    if (options->has_seq && topic_pattern_wild(pattern))
        return fault(text, WIRE_E_USAGE, "seq counts the messages of one topic, and this pattern meets several");
    if (options->has_window && options->window == 0)
        return fault(text, WIRE_E_USAGE, "option 'window' must be 1 or more");
    if (read_policy(options->policy, &policy))
        return fault(text, WIRE_E_USAGE, "option 'policy' must be drop_oldest, drop_newest, refuse or disconnect");
    return 0;
}

static void fill(topic_sub_t *sub, const topic_subscribe_options_t *options)
{
    sub->window = options->has_window ? options->window : TOPICS_WINDOW;
    if (sub->window > WINDOW_MAX)
        sub->window = WINDOW_MAX;
    sub->limit = options->has_count ? options->count : TOPICS_QUEUE;
    sub->byte_limit = options->has_bytes ? options->bytes : TOPICS_QUEUE_BYTES;
    sub->historian = wants_history(options);
    read_policy(options->policy, &sub->policy);
}

static int compile(topic_sub_t *sub, wire_str_t source, char *text)
{
    static const char *const roots[] = { "value", "topic", "publisher" };
    if (!source.data)
        return 0;
    int rc = predicate_new(&sub->filter, source, roots, 3, text);
    if (rc && rc != WIRE_E_SYNTAX)
        fault(text, rc, rc == WIRE_E_TOO_BIG ? "the filter is too long" : wire_error_text(rc));
    return rc;
}

//  ---- The past ------------------------------------------------------------

static topic_wish_t wish_of(const topic_subscribe_options_t *options)
{
    topic_wish_t wish = { .any = wants_history(options), .last = UINT64_MAX, .since = INT64_MIN, .seq = options->seq };
    if (options->has_last)
        wish.last = options->last;
    if (options->has_since)
        wish.since = (int64_t) options->since;
    return wish;
}

//  Without what its filter does not let pass.
static void sift(topics_t *self, const topic_sub_t *sub, topic_replay_t *replay)
{
    size_t kept = 0;
    replay->bytes = replay->cost = 0;
    for (size_t i = 0; i < replay->count; i++) {
        const topic_message_t *message = replay->entries[i].message;
        if (!topic_route_passes(self, sub, message))
            continue;
        replay->bytes += message->size;
        replay->cost += topic_queue_cost(message);
        replay->entries[kept++] = replay->entries[i];
    }
    replay->count = kept;
}

//  Who would rather have nothing than a part (refuse), or be ended (disconnect), must be able to hold all of it.
static bool too_long(const topics_t *self, const topic_sub_t *sub, const topic_replay_t *replay)
{
    if (sub->policy != TOPIC_REFUSE && sub->policy != TOPIC_DISCONNECT)
        return false;
    return replay->count > sub->limit || replay->bytes > sub->byte_limit ||
           self->queue_bytes + replay->cost > self->config.queue_bytes;
}

//  The loop would stand still for everybody meanwhile.
static const char too_many[] = "the pattern meets more topics and kept messages than one look goes through (131072): "
                               "take a narrower one, or fewer messages (last, since)";

static int look_back(topics_t *self, const topic_sub_t *sub, const topic_subscribe_options_t *options,
                     topic_replay_t *replay, char *text)
{
    wire_str_t pattern = { sub->pattern->text, sub->pattern->size };
    topic_wish_t wish = wish_of(options);
    *replay = (topic_replay_t) { .entries = NULL };
    if (sub->group)
        return 0;
    int rc = wish.any ? topic_keep_want(self, pattern) : 0;
    if (rc)
        return rc == WIRE_E_FULL ? fault(text, rc, too_many) : fault(text, rc, "out of memory");
    topic_keep_replay(self, pattern, &wish, replay);
    if (replay->failed)
        return fault(text, WIRE_E_NO_MEMORY, "out of memory");
    if (replay->steps == 0)
        return fault(text, WIRE_E_FULL, too_many);
    if (sub->filter)
        sift(self, sub, replay);
    return too_long(self, sub, replay) ? fault(text, WIRE_E_FULL, "its queue is too short for the messages of the past") : 0;
}

//  ---- All of it -----------------------------------------------------------

static int enter(topics_t *self, topic_sub_t *sub, wire_str_t pattern, const topic_subscribe_options_t *options,
                 topic_replay_t *replay, char *text)
{
    fill(sub, options);
    int rc = compile(sub, options->filter, text);
    if (rc)
        return rc;
    if (!topic_route_enter(self, sub, pattern, options->group)) {
        sub->pattern = NULL;
        return fault(text, WIRE_E_NO_MEMORY, "out of memory");
    }
    return look_back(self, sub, options, replay, text);
}

int topic_subscribe(topics_t *self, const topics_op_t *op, wire_str_t pattern, const topic_subscribe_options_t *options,
                    topic_sub_t **out, topic_replay_t *replay, char *text)
{
    int rc = check(pattern, options, text);
    if (rc)
        return rc;
    *replay = (topic_replay_t) { .entries = NULL };
    topic_session_t *session = topic_session_open(self, op);
    if (session && session->count >= self->config.session_subs)
        return fault(text, WIRE_E_FULL, "too many subscriptions");
    *out = session ? topic_sub_new(self, session) : NULL;
    if (!*out)
        return fault(text, WIRE_E_NO_MEMORY, "out of memory");
    rc = enter(self, *out, pattern, options, replay, text);
    if (rc) {
        topic_keep_replay_free(replay);
        topic_sub_destroy(self, *out);
    }
    return rc;
}

void topic_subscribe_replay(topics_t *self, topic_sub_t *sub, topic_replay_t *replay)
{
    if (replay->missed)
        topic_deliver_missed(self, sub, replay->missed);
    for (size_t i = 0; i < replay->count; i++)
        topic_deliver(self, sub, replay->entries[i].message, replay->entries[i].flags);
    topic_keep_replay_free(replay);
}
