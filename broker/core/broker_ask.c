//  broker_ask - the requests of nodes
//
//  First the fields are checked, then what changes anything becomes a record, and what only looks
//  is answered at once. A changing request is answered when its record is applied.

#include "broker_state.h"

#include <stdio.h>

typedef enum { NO_FIELD, A_NAME, A_NAME_OR_NIL } fields_t;

//  A view; appends its fields to core->results. 0 or an error code with a sentence.
typedef int view_t(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t now);

typedef struct {
    wire_type_t type;
    fields_t fields;
    const char *what;           //  Begins the sentence about a bad name
    broker_record_kind_t record;    //  0: only a view
    view_t *view;
} ask_t;

//  ---- Views ---------------------------------------------------------------

static int lookup(broker_core_t *self, broker_session_t *session, wire_str_t who, int64_t now)
{
    broker_session_t *found = broker_registry_find(self, who);
    if (!found)
        return broker_registry_unknown(self, who);
    if (found != session && !broker_list_has(&session->attends, found)) {
        broker_record_t record = { .kind = BROKER_RECORD_ATTEND, .time = now,
                                   .session = session->number, .number = found->number };
        int rc = broker_propose(self, &record);
        if (rc)
            return rc;
    }
    broker_registry_put_lookup(self, found, &self->results);
    return 0;
}

static int nodes(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t now)
{
    (void) session, (void) name, (void) now;
    broker_registry_put_nodes(self, &self->results);
    return 0;
}

static int apps(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t now)
{
    (void) session, (void) name, (void) now;
    broker_app_put_names(self, &self->results);
    return 0;
}

static int stat(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t now)
{
    (void) session, (void) name, (void) now;
    broker_stat_put(self, &self->results);
    return 0;
}

static const ask_t asks[] = {
    { WIRE_LOOKUP,     A_NAME,        "who",      (broker_record_kind_t) 0, lookup },
    { WIRE_REGISTER,   A_NAME,        "the name", BROKER_RECORD_REGISTER,   NULL },
    { WIRE_UNREGISTER, A_NAME,        "the name", BROKER_RECORD_UNREGISTER, NULL },
    { WIRE_JOIN,       A_NAME,        "the app",  BROKER_RECORD_JOIN,       NULL },
    { WIRE_LEAVE,      A_NAME,        "the app",  BROKER_RECORD_LEAVE,      NULL },
    { WIRE_FOLLOW,     A_NAME,        "the app",  BROKER_RECORD_FOLLOW,     NULL },
    { WIRE_UNFOLLOW,   A_NAME,        "the app",  BROKER_RECORD_UNFOLLOW,   NULL },
    { WIRE_NODES,      NO_FIELD,      NULL,       (broker_record_kind_t) 0, nodes },
    { WIRE_APPS,       NO_FIELD,      NULL,       (broker_record_kind_t) 0, apps },
    { WIRE_WATCH,      A_NAME_OR_NIL, "who",      BROKER_RECORD_WATCH,      NULL },
    { WIRE_UNWATCH,    A_NAME_OR_NIL, "who",      BROKER_RECORD_UNWATCH,    NULL },
    { WIRE_STAT,       NO_FIELD,      NULL,       (broker_record_kind_t) 0, stat },
    { WIRE_ROTATE,     A_NAME,        "the key",  BROKER_RECORD_ROTATE,     NULL },
    { WIRE_DRAIN,      A_NAME,        "the node", BROKER_RECORD_DRAIN,      NULL },
};

static const ask_t *find_ask(wire_type_t type)
{
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        if (asks[i].type == type)
            return &asks[i];
    return NULL;
}

//  ---- Fields --------------------------------------------------------------

//  *name has no data when the field is nil or there is none.
static int read_fields(broker_core_t *self, const ask_t *ask, const wire_msg_t *msg, wire_str_t *name)
{
    *name = (wire_str_t) { NULL, 0 };
    wire_reader_t in = msg->fields;
    const char *type = wire_type_name((unsigned) msg->type);
    uint32_t wanted = ask->fields == NO_FIELD ? 0 : 1;
    if (ask->fields == A_NAME_OR_NIL && (msg->count == 0 || (msg->count == 1 && wire_is_nil(in))))
        return 0;
    if (msg->count != wanted)
        return broker_say(self, WIRE_E_MALFORMED, "%s has %u fields, not %u", type, wanted, msg->count);
    if (wanted == 0)
        return 0;
    if (wire_read_bytes(&in, name))
        return broker_say(self, WIRE_E_MALFORMED, "%s: %s is not text", type, ask->what);
    return broker_check_name(self, ask->what, *name);
}

//  The trust store is rewritten first, once, and not when the record is applied.
static int rotate(broker_core_t *self, const broker_session_t *session, const wire_msg_t *msg, wire_str_t key)
{
    char text[BROKER_KEY + 1];
    if (msg->type != WIRE_ROTATE || broker_session_answered(session, msg->request))
        return 0;
    int rc = broker_key_may_rotate(self, session, key);
    if (rc || !self->output.rotate)
        return rc;
    snprintf(text, sizeof text, "%.*s", BROKER_KEY, key.data);
    return self->output.rotate(self->output_arg, session->key->name, session->key->text, text, self->text);
}

int broker_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    const ask_t *ask = find_ask(msg->type);
    wire_str_t name;
    int rc = read_fields(self, ask, msg, &name);
    if (rc) {
        self->counters.malformed += rc == WIRE_E_MALFORMED;
        broker_session_deny(self, session, msg->request, rc, false);
        return rc == WIRE_E_MALFORMED ? rc : 0;     //  A bad name is bad luck, a bad field is a bad peer
    }
    wire_buf_clear(&self->results);
    if (ask->view)
        rc = ask->view(self, session, name, now);
    else {
        broker_record_t record = { .kind = ask->record, .time = now, .session = session->number,
                                   .request = msg->request, .name = name };
        rc = rotate(self, session, msg, name);
        if (rc == 0)
            rc = broker_propose(self, &record);
    }
    if (rc)
        broker_session_deny(self, session, msg->request, rc, false);
    else if (ask->view)
        broker_session_answer(self, session, msg->request, 1, false);
    return 0;
}

//  ---- Applying ------------------------------------------------------------

//  Each does what the record says and appends the answer's fields: how many, or minus an error code.

static int change_app(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    broker_app_t *app = NULL;
    uint64_t version = 0;
    int rc;
    if (record->kind == BROKER_RECORD_LEAVE) {
        rc = broker_app_leave(self, session, record->name, &version);
        wire_put_uint(&self->results, version);
        return rc ? -rc : 1;
    }
    if (record->kind == BROKER_RECORD_JOIN)
        rc = broker_app_join(self, session, record->name, &app);
    else
        rc = broker_app_follow(self, session, record->name, &app);
    if (rc)
        return -rc;
    broker_app_put_view(app, &self->results);
    return 2;
}

//  What is answered with `true`.
static int change_other(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    int rc = 0;
    if (record->kind == BROKER_RECORD_REGISTER)
        rc = broker_registry_register(self, session, record->name, record->time);
    else if (record->kind == BROKER_RECORD_UNREGISTER)
        rc = broker_registry_unregister(self, session, record->name);
    else if (record->kind == BROKER_RECORD_UNFOLLOW)
        broker_app_unfollow(self, session, record->name);
    else if (record->kind == BROKER_RECORD_ROTATE)
        rc = broker_key_apply_rotate(self, session, record->name);
    else if (record->kind == BROKER_RECORD_DRAIN)
        rc = broker_vouch_drain(self, session, record->name);
    else if (record->kind == BROKER_RECORD_WATCH)
        rc = broker_watch_add(self, session, record->name);
    else
        broker_watch_remove(self, session, record->name);
    wire_put_bool(&self->results, true);
    return rc ? -rc : 1;
}

static int change(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    bool app = record->kind == BROKER_RECORD_JOIN || record->kind == BROKER_RECORD_LEAVE
            || record->kind == BROKER_RECORD_FOLLOW;
    return (app ? change_app : change_other)(self, session, record);
}

void broker_ask_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    if (broker_session_repeat(self, session, record->request))
        return;
    wire_buf_clear(&self->results);
    int count = change(self, session, record);
    if (count < 0)
        broker_session_deny(self, session, record->request, -count, true);
    else
        broker_session_answer(self, session, record->request, (uint32_t) count, true);
}
