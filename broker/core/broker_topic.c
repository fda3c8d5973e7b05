//  broker_topic - what is asked of topics: checked, recorded, carried out by broker/topic; presence of nodes

#include "broker_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool broker_topic_is(wire_type_t type)
{
    return type >= WIRE_PUBLISH && type <= WIRE_TOPICS;
}

//  ---- In --------------------------------------------------------------------

int broker_topic_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    broker_record_t record = { .kind = BROKER_RECORD_TOPIC, .time = now, .session = session->number,
                               .request = msg->request, .number = (uint64_t) self->wall << 8 | (uint64_t) msg->type,
                               .body = broker_fields(msg), .count = msg->count };
    return broker_asked(self, session, msg, broker_propose(self, &record));
}

void broker_topic_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record)
{
    wire_type_t type = (wire_type_t) (record->number & 0xff);
    if (wire_type_changes(type) && broker_session_repeat(self, session, record->request))
        return;
    topics_op_t op = { .session = session->number, .request = record->request, .type = type,
                       .publisher = broker_str(session->id), .now = record->time, .wall = (int64_t) (record->number >> 8),
                       .count = record->count, .fields = wire_reader(record->body.data, record->body.size) };
    self->publishing = op.fields;
    self->space_rc = topics_apply(self->topics, &op);
}

//  ---- Out -------------------------------------------------------------------

//  The envelope goes in front of the fields, where they stand.
static int on_tell(void *arg, uint64_t number, uint8_t *fields, size_t size)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return WIRE_E_GONE;
    const wire_buf_t *head = &self->topic_head;
    wire_buf_t message = { fields - head->size, head->size + size, head->size + size, head->failed };
    memcpy(message.data, head->data, head->size);
    int rc = broker_session_try(self, session, &message);
    if (rc == WIRE_E_FULL && !session->starved) {
        session->starved = true;
        self->starved++;
    }
    session->sent += rc == 0;
    self->counters.topics_sent += rc == 0;
    return rc;
}

static void on_deny(void *arg, uint64_t number, uint64_t request, int code, const char *text)
{
    broker_core_t *self = arg;
    if (request) {
        broker_session_on_deny(arg, number, request, code, text);
        return;
    }
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return;
    broker_say(self, code, "%s", text);
    broker_session_refuse(self, session, code, self->publishing, self->time);
}

static void on_slow(void *arg, uint64_t number)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (session && !session->doomed) {
        session->doomed = WIRE_E_FULL;
        self->doomed++;
    }
}

bool broker_topic_begin(broker_core_t *self, uint64_t seed)
{
    const topics_config_t config = { .seed = seed };
    const topics_output_t output = { .answer = broker_session_on_answer, .deny = on_deny, .tell = on_tell, .slow = on_slow,
                                     .shows = self->keyed ? broker_rights_topic : NULL };
    wire_msg_begin(&self->topic_head, WIRE_TOPIC, 0, 0, 10);
    assert(self->topic_head.size <= TOPICS_HEAD);
    self->topics = topics_new(&config, &output, self);
    return self->topics != NULL && !self->topic_head.failed;
}

//  ---- Presence --------------------------------------------------------------

//  A node's name as one word of a topic.
static void put_word(char *to, size_t size, const char *name)
{
    size_t i = 0;
    for (; name[i] && i < size - 1; i++)
        to[i] = strchr(".*> ", name[i]) ? '_' : name[i];
    to[i] = 0;
}

void broker_topic_presence(broker_core_t *self, const broker_session_t *session, const char *what, int64_t time)
{
    char word[WIRE_MAX_NAME - 16], topic[WIRE_MAX_NAME];
    wire_buf_t value = WIRE_BUF_EMPTY;
    put_word(word, sizeof word, session->node);
    snprintf(topic, sizeof topic, "$alua.node.%s", word);
    wire_put_map(&value, 3);
    wire_put_cstr(&value, "what");
    wire_put_cstr(&value, what);
    wire_put_cstr(&value, "id");
    wire_put_text(&value, session->id, strlen(session->id));
    wire_put_cstr(&value, "node");
    wire_put_text(&value, session->node, strlen(session->node));
    if (!value.failed)
        topics_publish(self->topics, topic, value.data, value.size, false, time, self->wall);
    wire_buf_free(&value);
}
