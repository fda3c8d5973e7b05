//  broker_space - what is asked of tuple spaces: checked, recorded, carried out by broker/space

#include "broker_state.h"

#include <stdio.h>
#include <string.h>

bool broker_space_is(wire_type_t type)
{
    return type >= WIRE_OUT && type <= WIRE_SPACES;
}

//  ---- In --------------------------------------------------------------------

int broker_space_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_SPACE, .time = now, .session = session->number,
                               .request = msg->request, .number = (uint64_t) msg->ttl << 8 | (uint64_t) msg->type,
                               .body = broker_fields(msg), .count = msg->count };
    int rc = broker_propose(self, &record);
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

//  ---- Out -------------------------------------------------------------------

static void on_answer(void *arg, uint64_t number, uint64_t request, const void *fields, size_t size, uint32_t count)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session || !request)
        return;
    wire_buf_clear(&self->results);
    wire_buf_append(&self->results, fields, size);
    broker_session_answer(self, session, request, count, true);
}

static void on_deny(void *arg, uint64_t number, uint64_t request, int code, const char *text)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return;
    broker_say(self, code, "%s", text);
    broker_session_deny(self, session, request, code, true);
}

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

bool broker_space_begin(broker_core_t *self, uint64_t seed)
{
    const spaces_config_t config = { .seed = seed };
    const spaces_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell };
    self->spaces = spaces_new(&config, &output, self);
    return self->spaces != NULL;
}
