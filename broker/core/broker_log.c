//  broker_log - records: proposed to the log, and what each does when it is committed

#include "broker_state.h"

//  Records of keys, which belong to no session.
static bool apply_keys(broker_core_t *self, const broker_record_t *record)
{
    if (record->kind == BROKER_RECORD_POLICY)
        self->key_rc = broker_key_apply_policy(self, record);
    else if (record->kind == BROKER_RECORD_TRUST)
        self->key_rc = broker_key_apply_trust(self, record);
    else if (record->kind == BROKER_RECORD_REVOKED)
        broker_key_apply_revoked(self, record);
    else
        return false;
    return true;
}

static void apply(broker_core_t *self, const broker_record_t *record)
{
    broker_session_t *session = broker_session_find(self, record->session);
    broker_session_t *subject;
    self->changes++;
    self->time = record->time;
    if (record->kind == BROKER_RECORD_OPEN) {
        broker_hello_apply(self, record);
        return;
    }
    if (record->kind == BROKER_RECORD_CLOCK) {
        spaces_tick(self->spaces, record->time);
        topics_tick(self->topics, record->time, (int64_t) record->number);
        return;
    }
    if (record->kind == BROKER_RECORD_VERDICT || record->kind == BROKER_RECORD_REACTED) {
        broker_space_run_apply(self, record);
        return;
    }
    if (apply_keys(self, record))
        return;
    if (!session)
        return;                         //  It ended while the record was on its way
    switch (record->kind) {
    case BROKER_RECORD_ENDED:
        broker_session_end(self, session, (int) record->number, record->body);
        break;
    case BROKER_RECORD_SILENT:
    case BROKER_RECORD_BACK:
        broker_session_silence(self, session, record->kind == BROKER_RECORD_SILENT, record->time);
        break;
    case BROKER_RECORD_ATTEND:
        subject = broker_session_find(self, record->number);
        if (subject)
            broker_watch_attend(self, session, subject);
        break;
    case BROKER_RECORD_HEED:
        self->key_rc = broker_vouch_heed(self, session, record->name);
        break;
    case BROKER_RECORD_SPACE:
        broker_space_apply(self, session, record);
        break;
    case BROKER_RECORD_TOPIC:
        broker_topic_apply(self, session, record);
        break;
    default:
        broker_ask_apply(self, session, record);
        break;
    }
}

int broker_core_apply(broker_core_t *self, const void *data, size_t size)
{
    broker_record_t record;
    if (broker_record_read(data, size, &record))
        return WIRE_E_MALFORMED;
    apply(self, &record);
    return 0;
}

static int hand_to_log(broker_core_t *self, const broker_record_t *record)
{
    wire_buf_clear(&self->record);
    broker_record_put(&self->record, record);
    return self->record.failed ? WIRE_E_NO_MEMORY
                               : self->log.propose(self->log_arg, self->record.data, self->record.size);
}

int broker_propose(broker_core_t *self, const broker_record_t *record)
{
    if (!self->log.propose) {           //  What nobody keeps need not be packed
        apply(self, record);
        return 0;
    }
    int rc = hand_to_log(self, record);
    if (rc) {
        self->counters.log_refused++;
        broker_say(self, rc, "the broker's log refused it: %s", wire_error_text(rc));
    }
    return rc;
}
