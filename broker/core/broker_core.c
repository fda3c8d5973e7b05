//  broker_core - the doors: input, and looking in

#include "broker_state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  ---- Small helps ---------------------------------------------------------

int broker_say(broker_core_t *self, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(self->text, sizeof self->text, format, args);
    va_end(args);
    return code;
}

char *broker_copy(wire_str_t text)
{
    char *copy = malloc(text.size + 1);
    if (!copy)
        return NULL;
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return copy;
}

int broker_check_name(broker_core_t *self, const char *what, wire_str_t name)
{
    if (name.size < 1 || name.size > WIRE_MAX_NAME)
        return broker_say(self, WIRE_E_USAGE, "%s has %zu bytes: 1 to %d are allowed", what, name.size,
                          WIRE_MAX_NAME);
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char) name.data[i] < ' ' || name.data[i] == 0x7f)
            return broker_say(self, WIRE_E_USAGE, "%s has a control character at byte %zu", what, i + 1);
    return 0;
}

//  ---- Life ----------------------------------------------------------------

const broker_log_t broker_log_memory = { .propose = NULL };

broker_core_t *broker_core_new(const broker_core_config_t *config, const broker_output_t *output, void *arg)
{
    broker_core_t *self = calloc(1, sizeof *self);
    wire_str_t address = broker_str(config->address ? config->address : "");
    if (!self)
        return NULL;
    //  An id is a number, an @ and the address
    self->address = address.size < WIRE_MAX_NAME - 24 && broker_check_name(self, "the address", address) == 0
                    ? broker_copy(address) : NULL;
    if (!self->address) {
        free(self);
        return NULL;
    }
    self->lease = config->lease > 0 ? config->lease : WIRE_LEASE;
    self->number = config->first_number;
    self->keyed = config->keys;
    self->output = *output;
    self->output_arg = arg;
    self->log = config->log ? *config->log : broker_log_memory;
    self->log_arg = config->log_arg;
    if (!broker_space_begin(self, config->seed) || !broker_topic_begin(self, config->seed))
        broker_core_destroy(&self);
    return self;
}

//  Without a word to anybody: watches and apps are dropped, not ended.
void broker_core_destroy(broker_core_t **self_p)
{
    broker_core_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (broker_session_t *s = self->first; s; s = s->next)
        broker_watch_end(self, s);
    broker_app_free_all(self);
    while (self->first)
        broker_session_free(self, self->first);
    broker_watch_free_all(self);
    spaces_destroy(&self->spaces);
    topics_destroy(&self->topics);
    broker_key_free_all(self);
    broker_map_free(&self->by_number);
    broker_map_free(&self->who);
    wire_buf_free(&self->outcome.lost);
    wire_buf_free(&self->record);
    wire_buf_free(&self->message);
    wire_buf_free(&self->topic_head);
    wire_buf_free(&self->results);
    free(self->address);
    free(self);
}

//  ---- Ends ----------------------------------------------------------------

static int propose_end(broker_core_t *self, uint64_t session, int code, const char *text, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_ENDED, .time = now, .session = session,
                               .number = (uint64_t) code, .body = broker_str(text) };
    return broker_propose(self, &record);
}

//  ---- Input ---------------------------------------------------------------

int broker_end_and_drop(broker_core_t *self, broker_session_t *session, int code, const char *text, int64_t now)
{
    void *link = session->link;
    int rc = propose_end(self, session->number, code, text, now);
    if (link && rc == 0)
        self->output.drop(self->output_arg, link, code, text);
    return rc;
}

static broker_session_t *first_doomed(const broker_core_t *self)
{
    broker_session_t *session = self->first;
    while (session && !session->doomed)
        session = session->next;
    return session;
}

//  What the input left to do: end those that do not read. Their end may doom others.
void broker_settle(broker_core_t *self, int64_t now)
{
    while (self->doomed) {
        broker_session_t *session = first_doomed(self);
        assert(session);
        self->counters.slow++;
        session->doomed = 0;
        self->doomed--;
        broker_end_and_drop(self, session, WIRE_E_FULL, "does not read what the broker sends", now);
    }
}

static int propose_open(broker_core_t *self, const broker_hello_t *hello, int64_t now)
{
    self->outcome.session = NULL;
    self->outcome.replaced = NULL;
    self->outcome.code = WIRE_E_INTERNAL;
    int rc = broker_hello_check(self, hello->body);
    if (rc == 0 && hello->key.size && !broker_key_is(hello->key))
        rc = broker_say(self, WIRE_E_DENIED, "that is no public key");
    if (rc) {
        self->counters.refused[rc]++;
        return rc;
    }
    char key[BROKER_KEY + BROKER_CERT_NAME];
    wire_str_t body = { (const char *) hello->body.at, (size_t) (hello->body.end - hello->body.at) };
    broker_record_t record = { .kind = BROKER_RECORD_OPEN, .time = now, .number = hello->incarnation,
                               .name = hello->name, .body = body };
    if (hello->key.size) {
        int size = snprintf(key, sizeof key, "%.*s%.*s", (int) hello->key.size, hello->key.data,
                            (int) hello->key_name.size, hello->key_name.size ? hello->key_name.data : "");
        record.key = (wire_str_t) { key, (size_t) size < sizeof key ? (size_t) size : sizeof key - 1 };
    }
    rc = broker_propose(self, &record);
    return rc ? rc : self->outcome.code;
}

//  Nobody will ever hear that it was let in.
static int turn_away(broker_core_t *self, broker_session_t *session, int64_t now)
{
    self->counters.refused[WIRE_E_NO_MEMORY]++;
    propose_end(self, session->number, WIRE_E_NO_MEMORY, "no memory to welcome it", now);
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

int broker_core_hello(broker_core_t *self, const broker_hello_t *hello, void *link, int64_t now,
                      broker_welcome_t *welcome, wire_buf_t *body, const char **text)
{
    int rc = propose_open(self, hello, now);
    *text = self->text;
    if (self->outcome.replaced)
        self->output.drop(self->output_arg, self->outcome.replaced, WIRE_E_EXISTS, BROKER_TAKEN_OVER);
    if (rc == 0) {
        broker_session_t *session = self->outcome.session;
        if (session->link != link) {
            session->sent = session->received = 0;  //  The other end counts anew, too
            broker_vouch_forget(session);
        }
        session->link = link;
        *welcome = (broker_welcome_t) { session->number, session->id, session->node };
        broker_hello_welcome(self, body);
        if (body->failed)
            rc = turn_away(self, session, now);
    }
    return rc;                          //  Not settled: the newcomer's WELCOME must come first
}

//  Of a type that is nobody's to say to a broker, or that no broker of this age knows.
static int stranger(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg)
{
    const char *name = wire_type_name((unsigned) msg->type);
    if (!name) {
        self->counters.strangers++;
        broker_say(self, WIRE_E_USAGE, "this broker does not know messages of type %u", (unsigned) msg->type);
        broker_session_deny(self, session, msg->request, WIRE_E_USAGE, false);
        return 0;                       //  A newer peer may ask; no strike
    }
    self->counters.misdirected++;
    broker_say(self, WIRE_E_DENIED, "%s is not said to a broker", name);
    broker_session_deny(self, session, msg->request, WIRE_E_DENIED, false);
    return WIRE_E_DENIED;
}

static int asked(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    if (broker_space_is(msg->type))
        return broker_space_ask(self, session, msg, now);
    if (broker_topic_is(msg->type))
        return broker_topic_ask(self, session, msg, now);
    if (msg->type == WIRE_VOUCH)
        return broker_vouch_ask(self, session, msg, now);
    return broker_ask(self, session, msg, now);
}

//  Refused by its rights, which is no strike, or since it cannot be read, which is one.
static int forbidden(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int rc, int64_t now)
{
    self->counters.malformed += rc == WIRE_E_MALFORMED;
    if (wire_type_way((unsigned) msg->type) == WIRE_WAY_PROC)
        broker_relay_refuse(self, session, msg, rc);
    else if (msg->type == WIRE_PUBLISH && !msg->request)
        broker_session_refuse(self, session, rc, msg->fields, now);
    else
        broker_session_deny(self, session, msg->request, rc, false);
    return rc == WIRE_E_MALFORMED ? rc : 0;
}

//  What it says is carried out. 0 or the code for a strike.
static int carry_out(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t arrived, int64_t now)
{
    switch (wire_type_way((unsigned) msg->type)) {
    case WIRE_WAY_PROC:
        broker_relay(self, session, msg, now, now - arrived);
        return 0;
    case WIRE_WAY_ASK:
        self->counters.asked++;
        return asked(self, session, msg, now);
    default:
        return stranger(self, session, msg);
    }
}

int broker_core_message(broker_core_t *self, uint64_t number, const wire_msg_t *msg, int64_t arrived,
                        int64_t now)
{
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return 0;
    self->recent[number % BROKER_RECENT] = session;
    bool ask = wire_type_way((unsigned) msg->type) == WIRE_WAY_ASK;
    session->received += ask && wire_type_counts((unsigned) msg->type);
    int rc = session->key ? broker_rights_check(self, session, msg, now) : 0;
    rc = rc ? forbidden(self, session, msg, rc, now) : carry_out(self, session, msg, arrived, now);
    broker_settle(self, now);
    return rc;
}

void broker_core_silent(broker_core_t *self, uint64_t number, bool silent, int64_t now)
{
    const broker_session_t *session = broker_session_find(self, number);
    if (!session || session->silent == silent)
        return;
    broker_record_t record = { .kind = silent ? BROKER_RECORD_SILENT : BROKER_RECORD_BACK, .time = now,
                               .session = number };
    broker_propose(self, &record);
    broker_settle(self, now);
}

void broker_core_lost(broker_core_t *self, uint64_t number, const wire_msg_t *msg, int64_t now)
{
    const broker_session_t *session = broker_session_find(self, number);
    if (session && wire_type_way((unsigned) msg->type) == WIRE_WAY_PROC)
        broker_relay_lost(self, msg, session);
    broker_settle(self, now);
}

void broker_core_gone(broker_core_t *self, uint64_t number, const void *link, int code, const char *text,
                      int64_t now)
{
    const broker_session_t *session = broker_session_find(self, number);
    if (!session || session->link != link)
        return;
    propose_end(self, number, code, text ? text : "", now);
    broker_settle(self, now);
}

static int64_t lease_end(const broker_session_t *session)
{
    return session->silent_since + session->lease;
}

static broker_session_t *first_overdue(const broker_core_t *self, int64_t now)
{
    broker_session_t *session = self->first;
    while (session && !(session->silent && lease_end(session) <= now))
        session = session->next;
    return session;
}

static bool is_due(int64_t due, int64_t now)
{
    return due >= 0 && due <= now;
}

static void clock_tick(broker_core_t *self, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_CLOCK, .time = now, .number = (uint64_t) self->wall };
    if (is_due(spaces_due(self->spaces), now) || is_due(topics_due(self->topics), now))
        broker_propose(self, &record);
}

//  Whether the owner of a run may put something into that space.
static int may_redirect(broker_core_t *self, uint64_t run, wire_str_t space, int64_t now)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_text(&fields, space.data, space.size);
    wire_put_array(&fields, 0);
    int rc = fields.failed ? broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory")
                           : broker_rights_run(self, run, WIRE_OUT, 2, wire_reader(fields.data, fields.size), now);
    wire_buf_free(&fields);
    return rc;
}

int broker_core_verdict(broker_core_t *self, uint64_t run, spaces_judgement_t what, wire_str_t text,
                        wire_reader_t tuple, int64_t now)
{
    char why[BROKER_TEXT];
    if (what == SPACES_REDIRECT && may_redirect(self, run, text, now)) {
        snprintf(why, sizeof why, "%s", self->text);
        what = SPACES_FAILED;
        text = broker_str(why);
    }
    int rc = broker_space_verdict(self, run, what, text, tuple, now);
    broker_settle(self, now);
    return rc;
}

int broker_core_reaction_op(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in,
                            int64_t now, wire_buf_t *out, uint32_t *fields, char *text)
{
    int rc = broker_rights_run(self, run, type, count, in, now);
    if (rc == 0)
        rc = broker_space_reacted(self, run, type, count, in, now, out);
    if (rc == 0)
        *fields = self->reacted_count;
    else
        snprintf(text, 256, "%.255s", self->text);
    broker_settle(self, now);
    return rc;
}

void broker_core_wall(broker_core_t *self, int64_t wall)
{
    self->wall = wall;
}

void broker_core_room(broker_core_t *self)
{
    for (broker_session_t *s = self->first; s && self->starved; s = s->next)
        if (s->starved) {
            s->starved = false;
            self->starved--;
            topics_room(self->topics, s->number);
        }
}

void broker_core_tick(broker_core_t *self, int64_t now)
{
    broker_session_t *session;
    clock_tick(self, now);
    while ((session = first_overdue(self, now)) != NULL)
        if (broker_end_and_drop(self, session, WIRE_E_GONE, "its lease is over", now))
            break;                      //  The log takes nothing: next time, then
    broker_settle(self, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t broker_core_due(const broker_core_t *self)
{
    int64_t due = earlier(earlier(self->doomed ? 0 : -1, spaces_due(self->spaces)), topics_due(self->topics));
    //  Asked at each turn of the loop, and most often nobody is
    for (const broker_session_t *s = self->silent ? self->first : NULL; s; s = s->next)
        if (s->silent && (due < 0 || lease_end(s) < due))
            due = lease_end(s);
    return due;
}

//  ---- Looking in ----------------------------------------------------------

static void describe(const broker_session_t *s, broker_seat_t *seat)
{
    *seat = (broker_seat_t) { s->number, s->id, s->node, s->host, s->incarnation, s->link,
                              s->visitor, s->silent, s->sent, s->received };
}

void broker_core_each(const broker_core_t *self, void (*fn)(void *arg, const broker_seat_t *seat), void *arg)
{
    for (const broker_session_t *s = self->first; s; s = s->next) {
        broker_seat_t seat;
        describe(s, &seat);
        fn(arg, &seat);
    }
}

bool broker_core_seat(const broker_core_t *self, uint64_t number, broker_seat_t *seat)
{
    const broker_session_t *session = broker_session_find(self, number);
    if (session)
        describe(session, seat);
    return session != NULL;
}

bool broker_core_find(const broker_core_t *self, wire_str_t who, broker_seat_t *seat)
{
    const broker_session_t *session = broker_registry_find(self, who);
    if (session)
        describe(session, seat);
    return session != NULL;
}

uint64_t broker_core_parked(const broker_core_t *self)
{
    return topics_delayed(self->topics) + spaces_awaited(self->spaces) + spaces_running(self->spaces);
}

uint64_t broker_core_sent(const broker_core_t *self, uint64_t number)
{
    const broker_session_t *session = broker_session_find(self, number);
    return session ? session->sent : 0;
}

size_t broker_core_members(const broker_core_t *self)
{
    return self->members;
}

uint64_t broker_core_number(const broker_core_t *self)
{
    return self->number;
}

uint64_t broker_core_changes(const broker_core_t *self)
{
    return self->changes;
}

const broker_counters_t *broker_core_counters(const broker_core_t *self)
{
    return &self->counters;
}
