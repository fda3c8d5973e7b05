//  broker_space - what is asked of tuple spaces: checked, recorded, carried out by broker/space

#include "broker_state.h"

#include <stdio.h>
#include <string.h>

bool broker_space_is(wire_type_t type)
{
    return type >= WIRE_OUT && type <= WIRE_REACTIONS;
}

//  ---- In --------------------------------------------------------------------

//  A reaction is not installed where none can run. That is asked once, here, and not when the record is applied.
static int check_ready(broker_core_t *self, const wire_msg_t *msg)
{
    return msg->type == WIRE_REACT && self->output.ready ? self->output.ready(self->output_arg, self->text) : 0;
}

int broker_space_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_SPACE, .time = now, .session = session->number,
                               .request = msg->request, .number = (uint64_t) msg->ttl << 8 | (uint64_t) msg->type,
                               .body = broker_fields(msg), .count = msg->count };
    int rc = check_ready(self, msg);
    if (!rc)
        rc = broker_propose(self, &record);
    return broker_asked(self, session, msg, rc);
}

int broker_asked(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int rc)
{
    if (rc)
        broker_session_deny(self, session, msg->request, rc, false);
    rc = self->space_rc;
    self->space_rc = 0;
    self->counters.malformed += rc == WIRE_E_MALFORMED;
    return rc;
}

void broker_space_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    wire_type_t type = (wire_type_t) (record->number & 0xff);
    if (wire_type_changes(type) && broker_session_repeat(self, session, record->request))
        return;
    spaces_op_t op = { .session = session->number, .request = record->request, .type = type,
                       .ttl = (uint32_t) (record->number >> 8), .now = record->time, .count = record->count,
                       .fields = wire_reader(record->body.data, record->body.size) };
    self->space_rc = spaces_apply(self->spaces, &op);
}

//  ---- Runs of reactions -----------------------------------------------------

//  Their records belong to no session; `request` holds what has no field of its own.
int broker_space_verdict(broker_core_t *self, uint64_t run, spaces_judgement_t what, wire_str_t text,
                         wire_reader_t tuple, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_VERDICT, .time = now, .request = (uint64_t) what, .number = run,
                               .name = text };
    if (what == SPACES_REWRITE || what == SPACES_REDIRECT)
        record.body = (wire_str_t) { (const char *) tuple.at, (size_t) (tuple.end - tuple.at) };
    int rc = broker_propose(self, &record);
    rc = rc ? rc : self->space_rc;
    self->space_rc = 0;
    return rc;
}

int broker_space_reacted(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in,
                         int64_t now, wire_buf_t *out)
{
    broker_record_t record = { .kind = BROKER_RECORD_REACTED, .time = now, .request = (uint64_t) type, .number = run,
                               .body = { (const char *) in.at, (size_t) (in.end - in.at) }, .count = count };
    self->reacted = out;
    int rc = broker_propose(self, &record);
    self->reacted = NULL;
    rc = rc ? rc : self->space_rc;
    self->space_rc = 0;
    return rc;
}

static int apply_verdict(broker_core_t *self, const broker_record_t *record)
{
    spaces_verdict_t verdict = { .what = (spaces_judgement_t) record->request, .text = record->name,
                                 .tuple = wire_reader(record->body.data, record->body.size) };
    return spaces_verdict(self->spaces, record->number, &verdict, record->time);
}

//  Where nobody waits for the answer (another replica proposed it) it goes nowhere.
static int apply_reacted(broker_core_t *self, const broker_record_t *record)
{
    wire_buf_t nowhere = WIRE_BUF_EMPTY;
    char text[256];
    spaces_op_t op = { .type = (wire_type_t) record->request, .now = record->time, .count = record->count,
                       .fields = wire_reader(record->body.data, record->body.size) };
    int rc = spaces_reaction_op(self->spaces, record->number, &op, self->reacted ? self->reacted : &nowhere,
                                &self->reacted_count, text);
    wire_buf_free(&nowhere);
    return rc ? broker_say(self, rc, "%s", text) : 0;
}

void broker_space_run_apply(broker_core_t *self, const broker_record_t *record)
{
    self->space_rc = record->kind == BROKER_RECORD_VERDICT ? apply_verdict(self, record) : apply_reacted(self, record);
}

//  ---- Out -------------------------------------------------------------------

static bool on_tell(void *arg, uint64_t number, const void *fields, size_t size, uint32_t count)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return false;
    wire_buf_clear(&self->message);
    wire_msg_begin(&self->message, WIRE_TUPLE, 0, 0, count);
    wire_buf_append(&self->message, fields, size);
    if (broker_session_try(self, session, &self->message))
        return false;
    session->sent++;
    self->counters.tuples_sent++;
    return true;
}

static void on_run(void *arg, const spaces_run_t *run)
{
    broker_core_t *self = arg;
    const broker_session_t *session = broker_session_find(self, run->session);
    broker_run_t told = { .run = run->run, .owner = run->owner, .who = session ? session->id : NULL,
                          .space = run->space, .name = run->name, .code = run->code, .on = run->on,
                          .phase = run->phase, .tuple = run->tuple };
    self->output.react(self->output_arg, &told);
}

//  What an owner that does not read misses of this is no loss to anybody else.
static void on_failed(void *arg, uint64_t owner, uint64_t reaction, const char *text)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, owner);
    if (!session)
        return;
    wire_buf_clear(&self->message);
    wire_msg_begin(&self->message, WIRE_REACTION, 0, 0, 2);
    wire_put_uint(&self->message, reaction);
    wire_put_text(&self->message, text, strlen(text));
    if (broker_session_try(self, session, &self->message))
        return;
    session->sent++;
    self->counters.reactions_sent++;
}

static void put_owner(void *arg, uint64_t number, wire_buf_t *out)
{
    const broker_core_t *self = arg;
    const broker_session_t *session = broker_session_find(self, number);
    wire_put_cstr(out, session ? session->id : "");
}

//  Whoever runs a text stops it before, or says that it waited too long; this is for one who has forgotten.
#define RUN_MS 35000

bool broker_space_begin(broker_core_t *self, uint64_t seed)
{
    const spaces_config_t config = { .seed = seed, .run_ms = RUN_MS };
    const spaces_output_t output = { .answer = broker_session_on_answer, .deny = broker_session_on_deny, .tell = on_tell,
                                     .run = self->output.react ? on_run : NULL, .failed = on_failed,
                                     .put_owner = put_owner, .shows = self->keyed ? broker_rights_space : NULL };
    self->spaces = spaces_new(&config, &output, self);
    return self->spaces != NULL;
}
