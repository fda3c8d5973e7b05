//  topic_ask - the operations as they stand in messages

#include "topic_ask.h"

#include "topic_deliver.h"
#include "topic_later.h"
#include "topic_name.h"
#include "topic_publish.h"
#include "topic_session.h"
#include "topic_stat.h"
#include "topic_subscribe.h"
#include "topic_will.h"

#include <stdio.h>

//  One operation under way.
typedef struct {
    topics_t *topics;
    const topics_op_t *op;
    wire_reader_t in;           //  What was not read yet
    char text[TOPIC_TEXT];      //  Why it is denied
} ask_t;

static int fault(ask_t *ask, int code, const char *text)
{
    snprintf(ask->text, sizeof ask->text, "%s", text);
    return code;
}

static int malformed(ask_t *ask)
{
    return fault(ask, WIRE_E_MALFORMED, "the fields are not those of the message type");
}

//  ---- Answers -------------------------------------------------------------

static void answer(const ask_t *ask, const wire_buf_t *fields, uint32_t count)
{
    if (ask->op->request)
        ask->topics->output.answer(ask->topics->arg, ask->op->session, ask->op->request, fields->data, fields->size, count);
}

//  On the stack: what was done can be answered without memory.
static void answer_number(const ask_t *ask, uint64_t number)
{
    uint8_t bytes[16];
    wire_buf_t out = { bytes, 0, sizeof bytes, false };
    wire_put_uint(&out, number);
    answer(ask, &out, 1);
}

static void answer_true(const ask_t *ask)
{
    uint8_t bytes[] = { 0xc3 };
    wire_buf_t out = { bytes, sizeof bytes, sizeof bytes, false };
    answer(ask, &out, 1);
}

//  ---- Fields --------------------------------------------------------------

//  The bytes of the next field.
static int next_field(ask_t *ask, wire_reader_t *out)
{
    out->at = ask->in.at;
    if (wire_skip(&ask->in))
        return malformed(ask);
    out->end = ask->in.at;
    return 0;
}

//  Field number `at`, which may be missing.
static int options_field(ask_t *ask, uint32_t at, wire_reader_t *out)
{
    *out = (wire_reader_t) { ask->in.at, ask->in.at };
    return ask->op->count > at ? next_field(ask, out) : 0;
}

static int options_fault(ask_t *ask, int rc)
{
    return rc == WIRE_E_MALFORMED ? malformed(ask) : rc;
}

static int check_topic(ask_t *ask, wire_str_t topic)
{
    const char *text = topic_name_fault(topic);
    if (text)
        return fault(ask, WIRE_E_USAGE, text);
    if (topic_name_reserved(topic))
        return fault(ask, WIRE_E_DENIED, "topics that begin with \"$\" are the broker's");
    return 0;
}

//  topic, value, options: of PUBLISH and of WILL.
static int read_draft(ask_t *ask, topic_draft_t *draft, int64_t *delay)
{
    topic_publish_options_t options;
    wire_reader_t in;
    *draft = (topic_draft_t) { .publisher = ask->op->publisher, .heard = ask->op->request != 0 };
    if (wire_read_bytes(&ask->in, &draft->topic) || ask->op->count < 2)
        return malformed(ask);
    if (next_field(ask, &draft->value) || options_field(ask, 2, &in))
        return WIRE_E_MALFORMED;
    int rc = options_fault(ask, topic_options_publish(in, &options, ask->text));
    if (rc == 0)
        rc = check_topic(ask, draft->topic);
    if (rc == 0 && options.reply.data && topic_name_fault(options.reply))
        rc = fault(ask, WIRE_E_USAGE, "option 'reply' must be a topic");
    draft->reply = options.reply;
    draft->retain = options.retain;
    draft->ttl = (int64_t) options.ttl;
    *delay = (int64_t) options.delay;
    return rc;
}

//  ---- The operations ------------------------------------------------------

static int publish_later(ask_t *ask, const topic_draft_t *draft, int64_t delay)
{
    int rc = topic_later(ask->topics, draft, delay);
    if (rc == 0)
        answer_number(ask, 0);
    return rc ? fault(ask, rc, "no room for another delayed message") : 0;
}

static int publish(ask_t *ask)
{
    topic_draft_t draft;
    int64_t delay;
    uint64_t receivers = 0;
    const char *text = wire_error_text(WIRE_E_NO_MEMORY);
    int rc = read_draft(ask, &draft, &delay);
    if (rc)
        return rc;
    if (delay)
        return publish_later(ask, &draft, delay);
    rc = topic_publish(ask->topics, &draft, &receivers, &text);
    if (rc)
        return fault(ask, rc, rc == WIRE_E_FULL ? text : wire_error_text(rc));
    answer_number(ask, receivers);
    return 0;
}

static int subscribe(ask_t *ask)
{
    wire_str_t pattern;
    wire_reader_t in;
    topic_subscribe_options_t options;
    topic_sub_t *sub;
    topic_replay_t replay;
    if (wire_read_bytes(&ask->in, &pattern) || ask->op->count < 1 || options_field(ask, 1, &in))
        return malformed(ask);
    int rc = options_fault(ask, topic_options_subscribe(in, &options, ask->text));
    if (rc == 0)
        rc = topic_subscribe(ask->topics, ask->op, pattern, &options, &sub, &replay, ask->text);
    if (rc == 0) {
        answer_number(ask, sub->number);
        topic_subscribe_replay(ask->topics, sub, &replay);
    }
    topic_keep_trim(ask->topics);
    return rc;
}

static int unsubscribe(ask_t *ask)
{
    uint64_t number;
    if (wire_read_uint(&ask->in, &number))
        return malformed(ask);
    topic_sub_t *sub = topic_sub_find(ask->topics, ask->op->session, number);
    if (!sub)
        return fault(ask, WIRE_E_UNKNOWN, "no such subscription");
    topic_sub_destroy(ask->topics, sub);
    answer_true(ask);
    return 0;
}

//  A total, so that a lost or repeated one does no harm. One for a subscription that is gone was under way when it went.
static int consumed(ask_t *ask)
{
    uint64_t number, n;
    if (wire_read_uint(&ask->in, &number) || wire_read_uint(&ask->in, &n))
        return malformed(ask);
    topic_sub_t *sub = topic_sub_find(ask->topics, ask->op->session, number);
    if (sub && n > sub->told)
        return fault(ask, WIRE_E_MALFORMED, "more were consumed than were told");
    if (sub && n > sub->consumed) {
        sub->consumed = n;
        topic_deliver_pump(ask->topics, sub);
    }
    answer_true(ask);
    return 0;
}

static bool next_is_nil(const ask_t *ask)
{
    return ask->op->count == 0 || wire_is_nil(ask->in);
}

static int set_will(ask_t *ask)
{
    topic_draft_t draft;
    int64_t delay;
    int rc = read_draft(ask, &draft, &delay);
    if (rc)
        return rc;
    topic_session_t *session = topic_session_open(ask->topics, ask->op);
    rc = session ? topic_will_set(ask->topics, session, &draft, delay) : WIRE_E_NO_MEMORY;
    return rc ? fault(ask, rc, wire_error_text(rc)) : 0;
}

static int will(ask_t *ask)
{
    topic_session_t *session = topic_session_find(ask->topics, ask->op->session);
    bool none = next_is_nil(ask);
    int rc = none ? 0 : set_will(ask);
    if (none && session)
        topic_will_drop(ask->topics, session);
    if (rc == 0)
        answer_true(ask);
    return rc;
}

static int list(ask_t *ask)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    topic_stat_list(ask->topics, ask->op->session, &out);
    bool failed = out.failed;
    if (!failed)
        answer(ask, &out, 2);
    wire_buf_free(&out);
    return failed ? fault(ask, WIRE_E_NO_MEMORY, wire_error_text(WIRE_E_NO_MEMORY)) : 0;
}

//  ---- Which is it? --------------------------------------------------------

static int carry_out(ask_t *ask)
{
    switch (ask->op->type) {
    case WIRE_PUBLISH: return publish(ask);
    case WIRE_SUBSCRIBE: return subscribe(ask);
    case WIRE_UNSUBSCRIBE: return unsubscribe(ask);
    case WIRE_CONSUMED: return consumed(ask);
    case WIRE_WILL: return will(ask);
    case WIRE_TOPICS: return list(ask);
    default: return fault(ask, WIRE_E_MALFORMED, "no operation of topics");
    }
}

int topic_ask(topics_t *self, const topics_op_t *op)
{
    ask_t ask;
    ask.topics = self;
    ask.op = op;
    ask.in = op->fields;
    int rc = carry_out(&ask);
    if (rc && (op->request || op->type == WIRE_PUBLISH))
        self->output.deny(self->arg, op->session, op->request, rc, ask.text);
    return rc == WIRE_E_MALFORMED ? rc : 0;
}
