//  broker_rights - the one place where it is decided whether a message may be carried out
//
//  Asked before anything else is done with a message of a session that came with a key. The column `right` of
//  wire_types says what a type needs; what it is about stands in the first field. What a message holds further (the tuples
//  of an ACK, the operations of a BATCH, `put`) is looked at here, too. Whatever cannot be read is refused: nothing may pass
//  because two places read it differently.

#include "broker_state.h"

#include <stdio.h>
#include <string.h>

//  The node's name that reactions run on, for `code`.
#define HERE "broker"

//  Refusals of one session that are written down, in so many ms; the rest is counted.
#define AUDIT_LINES 10
#define AUDIT_TIME  10000

//  A message, or an operation in one.
typedef struct {
    broker_core_t *core;
    broker_session_t *session;  //  NULL: who is gone
    uint64_t request;           //  0 inside another, and of what a reaction does
    bool outer;                 //  A message of its own
    const rights_t *rights;
    wire_type_t type;
    uint32_t count;             //  Fields
    wire_reader_t in;
    wire_right_t missing;       //  What is, and
    wire_str_t about;           //  for what
} check_t;

//  ---- Sentences -----------------------------------------------------------

void broker_show(char *to, wire_str_t text)
{
    static const char digits[] = "0123456789abcdef";
    size_t room = BROKER_SHOWN - 8, size = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char) text.data[i];
        if (size >= room) {
            memcpy(to + size, "...", 3);
            size += 3;
            break;
        }
        if (c > ' ' && c < 0x7f && c != '\\' && c != '"')
            to[size++] = (char) c;
        else if (c == ' ')
            to[size++] = ' ';
        else {
            to[size++] = '\\';
            to[size++] = 'x';
            to[size++] = digits[c >> 4];
            to[size++] = digits[c & 15];
        }
    }
    to[size] = 0;
}

//  What it may not, and the line of a policy that would let it.
static void phrase(char *to, size_t size, wire_right_t right, const char *about)
{
    static const char *const words[] = {
        [WIRE_RIGHT_CODE] = "run code on the node",  [WIRE_RIGHT_CALL] = "call",
        [WIRE_RIGHT_OUT] = "put into the space",     [WIRE_RIGHT_TAKE] = "take from the space",
        [WIRE_RIGHT_READ] = "read the space",        [WIRE_RIGHT_PUB] = "publish to",
        [WIRE_RIGHT_SUB] = "subscribe to",           [WIRE_RIGHT_ADMIN] = "drain the node",
    };
    const char *word = wire_right_word(right);
    if (right == WIRE_RIGHT_ADMIN)
        snprintf(to, size, "%s %s: its rights would need admin = true", words[right], about);
    else if (right == WIRE_RIGHT_CODE)
        snprintf(to, size, "%s %s: its rights would need code = \"jail\" (or \"full\") there", words[right], about);
    else
        snprintf(to, size, "%s %s: its rights would need %s = { \"%s\" }", words[right], about, word, about);
}

static void audit(broker_core_t *self, const check_t *check, const char *about, int64_t now)
{
    broker_session_t *session = check->session;
    if (!session || !self->output.audit)
        return;
    if (!wire_rate_take(&session->audits, now, AUDIT_LINES, AUDIT_TIME)) {
        self->counters.unaudited++;
        return;
    }
    broker_refusal_t refusal = { broker_key_who(session), session->key ? session->key->text : "", session->id,
                                 wire_type_name((unsigned) check->type), wire_right_word(check->missing), about };
    self->output.audit(self->output_arg, &refusal);
}

static int refuse(const check_t *check, int64_t now)
{
    broker_core_t *self = check->core;
    char about[BROKER_SHOWN], what[2 * BROKER_SHOWN + 100];
    broker_show(about, check->about);
    phrase(what, sizeof what, check->missing, about);
    self->counters.rights_refused++;
    audit(self, check, about, now);
    return broker_say(self, WIRE_E_DENIED, "%s may not %s", check->session ? broker_key_who(check->session) : "who is gone", what);
}

//  ---- Single rights -------------------------------------------------------

static int need(check_t *check, wire_right_t right, wire_str_t about)
{
    if (rights_may(check->rights, right, about))
        return 0;
    check->missing = right;
    check->about = about;
    return WIRE_E_DENIED;
}

//  The next field as text.
static int next_text(check_t *check, wire_str_t *text)
{
    if (check->count == 0 || wire_read_bytes(&check->in, text))
        return WIRE_E_MALFORMED;
    check->count--;
    return 0;
}

static int skip(check_t *check)
{
    if (check->count == 0)
        return WIRE_E_MALFORMED;
    check->count--;
    return wire_skip(&check->in) ? WIRE_E_MALFORMED : 0;
}

static int need_first(check_t *check, wire_str_t *about)
{
    int rc = next_text(check, about);
    return rc ? rc : need(check, wire_type_right((unsigned) check->type), *about);
}

//  ---- Spaces --------------------------------------------------------------

//  Whether the options that come next have a value for this key: any of several, as whoever reads them later may take
//  the last and not the first.
static int read_option(check_t *check, const char *wanted, wire_reader_t *found)
{
    wire_item_t item;
    found->at = NULL;
    if (check->count == 0 || wire_is_nil(check->in))
        return 0;
    if (wire_read(&check->in, &item) || (item.kind != WIRE_IS_MAP && (item.kind != WIRE_IS_ARRAY || item.as.count)))
        return WIRE_E_MALFORMED;
    for (uint32_t i = 0; item.kind == WIRE_IS_MAP && i < item.as.count; i++) {
        wire_str_t key;
        if (wire_read_bytes(&check->in, &key))
            return WIRE_E_MALFORMED;
        if (wire_str_is(key, wanted) && !wire_is_nil(check->in))
            *found = check->in;
        if (wire_skip(&check->in))
            return WIRE_E_MALFORMED;
    }
    return 0;
}

//  space, template, options{put}
static int check_take(check_t *check)
{
    wire_str_t space;
    wire_reader_t put;
    int rc = need_first(check, &space);
    if (!rc)
        rc = skip(check);
    if (!rc)
        rc = read_option(check, "put", &put);
    if (!rc && put.at)
        rc = need(check, WIRE_RIGHT_OUT, space);
    if (!rc && check->request && !put.at && !rights_may(check->rights, WIRE_RIGHT_OUT, space))
        broker_brought_note(check->session, check->request, space);
    return rc;
}

//  space, tuple, options{number}
static int check_out(check_t *check)
{
    wire_str_t space;
    wire_reader_t tuple, option;
    uint64_t number = 0;
    int rc = need_first(check, &space);
    if (rc != WIRE_E_DENIED || !check->session || !check->outer)
        return rc;
    tuple = check->in;
    if (skip(check))
        return WIRE_E_MALFORMED;
    tuple.end = check->in.at;
    if (read_option(check, "number", &option))
        return WIRE_E_MALFORMED;
    bool back = option.at && wire_read_uint(&option, &number) == 0
             && rights_may(check->rights, WIRE_RIGHT_TAKE, space) && broker_brought_back(check->session, space, tuple, number);
    return back ? 0 : rc;
}

//  lease, [[space, tuple, options], ...]
static int check_ack(check_t *check)
{
    uint32_t outs = 0, fields;
    int rc = skip(check);
    if (rc || check->count == 0 || wire_is_nil(check->in) || *check->in.at == 0x80)
        return rc;
    if (wire_read_array(&check->in, &outs))
        return WIRE_E_MALFORMED;
    for (; outs && !rc; outs--) {
        wire_reader_t out = check->in;
        wire_str_t space;
        if (wire_read_array(&out, &fields) || fields == 0 || wire_read_bytes(&out, &space) || wire_skip(&check->in))
            return WIRE_E_MALFORMED;
        rc = need(check, WIRE_RIGHT_OUT, space);
    }
    return rc;
}

static int check_one(check_t *check);

//  [[type, ...fields], ...]
static int check_batch(check_t *check)
{
    uint32_t operations;
    if (check->count != 1 || wire_read_array(&check->in, &operations))
        return WIRE_E_MALFORMED;
    int rc = 0;
    for (; operations && !rc; operations--) {
        check_t one = *check;
        uint32_t type = 0;
        if (wire_read_array(&one.in, &one.count) || one.count-- == 0 || wire_read_u32(&one.in, &type)
                || wire_skip(&check->in))
            return WIRE_E_MALFORMED;
        one.type = (wire_type_t) type;
        one.request = 0;
        one.outer = false;
        bool belongs = type == WIRE_OUT || type == WIRE_TAKE || type == WIRE_READ || type == WIRE_COUNT || type == WIRE_ACK;
        rc = belongs ? check_one(&one) : 0;     //  What does not belong there is refused as such
        check->missing = one.missing;
        check->about = one.about;
    }
    return rc;
}

//  space, ...
static int check_react(check_t *check)
{
    wire_str_t space, here = { HERE, sizeof HERE - 1 };
    int rc = next_text(check, &space);
    if (!rc)
        rc = need(check, WIRE_RIGHT_CODE, here);
    if (!rc)
        rc = need(check, WIRE_RIGHT_TAKE, space);
    return rc ? rc : need(check, WIRE_RIGHT_READ, space);
}

//  ---- The rest ------------------------------------------------------------

//  topic, value, options; a WILL of nil takes it away.
static int check_topic(check_t *check)
{
    wire_str_t topic;
    bool none = check->type == WIRE_WILL && (check->count == 0 || wire_is_nil(check->in));
    return none ? 0 : need_first(check, &topic);
}

static bool own(const check_t *check, const broker_session_t *target)
{
    return target == check->session || (target->key && target->key == check->session->key);
}

//  node
static int check_drain(check_t *check)
{
    wire_str_t node;
    int rc = next_text(check, &node);
    const broker_session_t *target = rc ? NULL : broker_registry_find(check->core, node);
    return rc || (target && own(check, target)) ? rc : need(check, WIRE_RIGHT_ADMIN, node);
}

static int check_one(check_t *check)
{
    wire_str_t about;
    switch (check->type) {
    case WIRE_OUT:   return check_out(check);
    case WIRE_TAKE:  return check_take(check);
    case WIRE_ACK:   return check_ack(check);
    case WIRE_BATCH: return check_batch(check);
    case WIRE_REACT: return check_react(check);
    case WIRE_WILL:
    case WIRE_PUBLISH: return check_topic(check);
    case WIRE_DRAIN: return check_drain(check);
    default:
        return wire_type_right((unsigned) check->type) == WIRE_RIGHT_NONE ? 0 : need_first(check, &about);
    }
}

//  flags, name, ...: whom it goes to says what code may do there; a function is called by its name.
static int check_relayed(check_t *check, const wire_msg_t *msg)
{
    const broker_session_t *target = broker_registry_find(check->core, msg->to);
    wire_str_t name;
    if (!target || (msg->type != WIRE_CHUNK && msg->type != WIRE_CALL))
        return 0;                       //  Who is not there says the relay
    if (msg->type == WIRE_CHUNK)
        return need(check, WIRE_RIGHT_CODE, broker_str(target->node));
    int rc = skip(check);
    if (!rc)
        rc = next_text(check, &name);
    return rc ? rc : need(check, WIRE_RIGHT_CALL, name);
}

//  ---- The door ------------------------------------------------------------

static int verdict(const check_t *check, int rc, int64_t now)
{
    if (rc == WIRE_E_MALFORMED)
        return broker_say(check->core, rc, "%s: the fields are not those of the type", wire_type_name((unsigned) check->type));
    return rc ? refuse(check, now) : 0;
}

int broker_rights_check(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    check_t check = { .core = self, .session = session, .rights = session->key->rights, .type = msg->type,
                      .request = msg->request, .outer = true, .count = msg->count, .in = msg->fields };
    wire_way_t way = wire_type_way((unsigned) msg->type);
    int rc = way == WIRE_WAY_PROC ? check_relayed(&check, msg) : way == WIRE_WAY_ASK ? check_one(&check) : 0;
    if (rc && broker_session_answered(session, msg->request))
        rc = 0;                         //  It was done when it was allowed, and asks for its answer
    return verdict(&check, rc, now);
}

int broker_rights_run(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in, int64_t now)
{
    broker_session_t *owner = broker_session_find(self, spaces_run_owner(self->spaces, run));
    if (owner ? !owner->key : !self->keyed)
        return 0;
    check_t check = { .core = self, .session = owner, .rights = owner ? owner->key->rights : rights_nothing(),
                      .type = type, .count = count, .in = in };
    return verdict(&check, check_one(&check), now);
}

//  ---- What stands by rights that became fewer -----------------------------

//  What it may do, put as spaces and topics ask.
static bool may_space(const rights_t *rights, wire_type_t type, wire_str_t space)
{
    if (type != WIRE_REACT)
        return rights_may(rights, wire_type_right((unsigned) type), space);
    return rights_may(rights, WIRE_RIGHT_CODE, broker_str(HERE)) && rights_may(rights, WIRE_RIGHT_TAKE, space)
        && rights_may(rights, WIRE_RIGHT_READ, space);
}

static bool still_stands(void *arg, wire_type_t type, wire_str_t space)
{
    const broker_session_t *session = arg;
    return may_space(session->key->rights, type, space);
}

//  An operation that is kept while a reaction runs.
static bool still_may(void *arg, const spaces_op_t *op)
{
    broker_session_t *session = arg;
    check_t check = { .session = session, .rights = session->key->rights, .type = op->type, .count = op->count,
                      .in = op->fields };
    return check_one(&check) == 0;
}

static bool still_topic(void *arg, bool sub, wire_str_t topic)
{
    const broker_session_t *session = arg;
    return rights_may(session->key->rights, sub ? WIRE_RIGHT_SUB : WIRE_RIGHT_PUB, topic);
}

void broker_rights_review(broker_core_t *self, broker_session_t *session)
{
    const spaces_review_t spaces = { still_stands, still_may, session };
    self->counters.rights_ended += spaces_review(self->spaces, session->number, &spaces, self->time);
    self->counters.rights_ended += topics_review(self->topics, session->number, still_topic, session);
}

//  ---- Who may see what ----------------------------------------------------

static const rights_t *rights_of(const broker_core_t *self, uint64_t number)
{
    const broker_session_t *session = broker_session_find(self, number);
    return session && session->key ? session->key->rights : NULL;
}

static bool is_admin(const rights_t *rights)
{
    return rights_may(rights, WIRE_RIGHT_ADMIN, (wire_str_t) { "", 0 });
}

bool broker_rights_space(void *arg, uint64_t number, wire_str_t space)
{
    const rights_t *r = rights_of(arg, number);
    return !r || is_admin(r) || rights_may(r, WIRE_RIGHT_READ, space) || rights_may(r, WIRE_RIGHT_TAKE, space)
        || rights_may(r, WIRE_RIGHT_OUT, space);
}

bool broker_rights_topic(void *arg, uint64_t number, wire_str_t topic)
{
    const rights_t *r = rights_of(arg, number);
    return !r || is_admin(r) || rights_may(r, WIRE_RIGHT_SUB, topic) || rights_may(r, WIRE_RIGHT_PUB, topic);
}
