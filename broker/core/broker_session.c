//  broker_session - a node's standing: how it begins and ends, what is said to it

#include "broker_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSALS 10             //  That a session is told of in a second

broker_session_t *broker_session_find(const broker_core_t *self, uint64_t number)
{
    broker_session_t *recent = self->recent[number % BROKER_RECENT];
    if (recent && recent->number == number)
        return recent;
    return broker_map_get(&self->by_number, &number, sizeof number);
}

//  ---- Beginning and freeing -----------------------------------------------

static void link_last(broker_core_t *self, broker_session_t *session)
{
    session->prev = self->last;
    if (self->last)
        self->last->next = session;
    else
        self->first = session;
    self->last = session;
    self->sessions++;
}

static void unlink_from(broker_core_t *self, broker_session_t *session)
{
    if (session->prev)
        session->prev->next = session->next;
    else
        self->first = session->next;
    if (session->next)
        session->next->prev = session->prev;
    else
        self->last = session->prev;
    self->sessions--;
}

broker_session_t *broker_session_new(broker_core_t *self, char *id, char *node)
{
    broker_session_t *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->number = self->last_session + 1;
    if (!broker_map_put(&self->by_number, &session->number, sizeof session->number, session)) {
        free(session);
        return NULL;
    }
    session->id = id;
    session->node = node;
    self->last_session++;
    link_last(self, session);
    return session;
}

static void free_texts(broker_list_t *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    broker_list_free(list);
}

static void free_answers(broker_answers_t *answers)
{
    for (size_t i = 0; answers->ring && i < BROKER_MAX_ANSWERS; i++)
        free(answers->ring[i].bytes);
    free(answers->ring);
}

void broker_session_free(broker_core_t *self, broker_session_t *session)
{
    self->doomed -= session->doomed != 0;
    self->starved -= session->starved;
    self->silent -= session->silent;
    broker_map_remove(&self->by_number, &session->number, sizeof session->number);
    if (self->recent[session->number % BROKER_RECENT] == session)
        self->recent[session->number % BROKER_RECENT] = NULL;
    unlink_from(self, session);
    free_texts(&session->endpoints);
    free_texts(&session->names);
    broker_list_free(&session->apps);
    broker_list_free(&session->follows);
    broker_list_free(&session->watches);
    broker_list_free(&session->attends);
    broker_list_free(&session->attendants);
    free_answers(&session->answers);
    broker_vouch_end(self, session);
    broker_list_free(&session->heeds);
    broker_key_leave(self, session);
    free(session->taken);
    free(session->id);
    free(session->node);
    free(session->host);
    free(session);
}

//  ---- Ending, silence -----------------------------------------------------

//  A minted number is nobody else's ever again; we remember the last ones.
static void bury(broker_core_t *self, const broker_session_t *session)
{
    if (!session->minted)
        return;
    self->graves[self->grave].number = session->minted;
    self->graves[self->grave].incarnation = session->incarnation;
    self->grave = (self->grave + 1) % BROKER_GRAVES;
}

void broker_session_end(broker_core_t *self, broker_session_t *session, int code, wire_str_t text)
{
    bool orderly = code == WIRE_E_CLOSED;
    char why[BROKER_TEXT];
    snprintf(why, sizeof why, "%.*s", (int) text.size, text.size ? text.data : "");
    if (orderly)
        self->counters.left++;
    else
        self->counters.gone++;
    if (!session->visitor)
        self->members--;

    spaces_session_end(self->spaces, session->number, self->time);
    topics_session_end(self->topics, session->number, orderly, self->time, self->wall);
    broker_topic_presence(self, session, orderly ? "left" : "gone", self->time);
    broker_app_end(self, session, orderly ? "leave" : "gone");
    broker_watch_tell(self, session, orderly ? "left" : "gone", why);
    broker_watch_end(self, session);
    broker_registry_end(self, session);
    bury(self, session);
    broker_session_free(self, session);
}

void broker_session_silence(broker_core_t *self, broker_session_t *session, bool silent, int64_t time)
{
    if (session->silent == silent)
        return;
    session->silent = silent;
    self->silent += silent ? 1 : (size_t) -1;
    session->silent_since = time;
    self->counters.silences += silent;
    broker_topic_presence(self, session, silent ? "silent" : "back", time);
    broker_watch_tell(self, session, silent ? "silent" : "back",
                      silent ? "no sign of life" : "a sign of life");
}

//  ---- Sending -------------------------------------------------------------

//  Deltas that are left out would leave it with a wrong view for ever, so a session that does not
//  read ends. Not now: we may be in the middle of a list that it stands in.
void broker_session_doom(broker_core_t *self, broker_session_t *session, int code)
{
    if (session->doomed)
        return;
    session->doomed = code;
    self->doomed++;
}

int broker_session_send(broker_core_t *self, broker_session_t *session, const wire_buf_t *message)
{
    int rc = WIRE_E_GONE;
    if (message->failed)
        rc = WIRE_E_NO_MEMORY;
    else if (message->size > WIRE_MAX_MESSAGE)
        rc = WIRE_E_TOO_BIG;
    else if (session->link && !session->doomed)
        rc = self->output.send(self->output_arg, session->link, message->data, message->size);
    if (rc == WIRE_E_FULL)
        broker_session_doom(self, session, rc);
    if (rc)
        self->counters.unsent++;
    return rc;
}

//  An answer, which counts.
static void reply(broker_core_t *self, broker_session_t *session, const wire_buf_t *message)
{
    session->sent += broker_session_send(self, session, message) == 0;
}

int broker_session_try(broker_core_t *self, broker_session_t *session, const wire_buf_t *message)
{
    if (message->failed)
        return WIRE_E_NO_MEMORY;
    if (!session->link || session->doomed)
        return WIRE_E_GONE;
    return self->output.send(self->output_arg, session->link, message->data, message->size);
}

//  ---- Answers -------------------------------------------------------------

//  Most answers are short, and fit where an older one was.
static size_t room_for(size_t size)
{
    return (size + 63) / 64 * 64;
}

static void forget(broker_answers_t *answers, broker_answer_t *answer)
{
    answers->room -= answer->room;
    free(answer->bytes);
    *answer = (broker_answer_t) { .bytes = NULL };
}

//  Make room: the oldest go, by count and by bytes. NULL: no memory.
static broker_answer_t *next_place(broker_answers_t *answers, size_t room)
{
    broker_answer_t *place = &answers->ring[answers->next];
    answers->next = (answers->next + 1) % BROKER_MAX_ANSWERS;
    if (place->room == room)
        return place;
    forget(answers, place);
    for (size_t i = 0; i < BROKER_MAX_ANSWERS && answers->room + room > BROKER_MAX_ANSWER_BYTES; i++)
        forget(answers, &answers->ring[(answers->next + i) % BROKER_MAX_ANSWERS]);
    place->bytes = malloc(room);
    if (!place->bytes)
        return NULL;
    place->room = room;
    answers->room += room;
    return place;
}

//  Whatever cannot be kept is done again when it is repeated; all our changes bear that.
static void remember(broker_answers_t *answers, uint64_t request, const wire_buf_t *message)
{
    if (message->failed || message->size > BROKER_MAX_ANSWER_BYTES)
        return;
    if (!answers->ring)
        answers->ring = calloc(BROKER_MAX_ANSWERS, sizeof *answers->ring);
    broker_answer_t *place = answers->ring ? next_place(answers, room_for(message->size)) : NULL;
    if (!place)
        return;
    memcpy(place->bytes, message->data, message->size);
    place->request = request;
    place->size = message->size;
}

bool broker_session_answered(const broker_session_t *session, uint64_t request)
{
    bool found = false;
    for (size_t i = 0; request && !found && session->answers.ring && i < BROKER_MAX_ANSWERS; i++)
        found = session->answers.ring[i].request == request;
    return found;
}

bool broker_session_repeat(broker_core_t *self, broker_session_t *session, uint64_t request)
{
    if (request > session->asked) {         //  Requests are numbered upwards
        session->asked = request;
        return false;
    }
    for (size_t i = 0; request && session->answers.ring && i < BROKER_MAX_ANSWERS; i++) {
        const broker_answer_t *a = &session->answers.ring[i];
        if (a->request != request)
            continue;
        wire_buf_t message = { a->bytes, a->size, a->size, false };
        self->counters.repeated++;
        reply(self, session, &message);
        return true;
    }
    return false;
}

void broker_session_answer(broker_core_t *self, broker_session_t *session, uint64_t request, uint32_t count,
                           bool keep)
{
    if (self->results.failed) {
        broker_session_deny(self, session, request,
                            broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory"), keep);
        return;
    }
    if (self->results.size > WIRE_MAX_MESSAGE - 64) {
        int code = broker_say(self, WIRE_E_TOO_BIG, "the answer has %zu bytes", self->results.size);
        broker_session_deny(self, session, request, code, keep);
        return;
    }
    if (!request)
        return;
    wire_buf_clear(&self->message);
    wire_msg_begin(&self->message, WIRE_ANSWER, request, 0, count);
    wire_buf_append(&self->message, self->results.data, self->results.size);
    if (keep)
        remember(&session->answers, request, &self->message);
    reply(self, session, &self->message);
}

static void begin_denial(broker_core_t *self, uint64_t request, int code, uint32_t count)
{
    wire_buf_clear(&self->message);
    wire_msg_begin(&self->message, WIRE_DENY, request, 0, count);
    wire_put_cstr(&self->message, wire_error_word(code));
    wire_put_text(&self->message, self->text, strlen(self->text));
}

void broker_session_deny(broker_core_t *self, broker_session_t *session, uint64_t request, int code,
                         bool keep)
{
    self->counters.denied[code]++;
    if (!request)
        return;
    begin_denial(self, request, code, 2);
    if (keep)
        remember(&session->answers, request, &self->message);
    reply(self, session, &self->message);
}

void broker_session_refuse(broker_core_t *self, broker_session_t *session, int code, wire_reader_t publish, int64_t now)
{
    wire_str_t topic;
    self->counters.denied[code]++;
    if (now >= session->refused_until) {
        session->refused_until = now + 1000;
        session->refused = 0;
    }
    if (session->refused++ >= REFUSALS || wire_read_bytes(&publish, &topic))
        return;
    begin_denial(self, 0, code, 3);
    wire_put_text(&self->message, topic.data, topic.size < WIRE_MAX_NAME ? topic.size : WIRE_MAX_NAME);
    session->sent += broker_session_try(self, session, &self->message) == 0;
}

//  ---- For spaces and topics -------------------------------------------------

void broker_session_on_answer(void *arg, uint64_t number, uint64_t request, const void *fields, size_t size,
                              uint32_t count)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session || !request)
        return;
    wire_buf_clear(&self->results);
    wire_buf_append(&self->results, fields, size);
    broker_session_answer(self, session, request, count, true);
}

void broker_session_on_deny(void *arg, uint64_t number, uint64_t request, int code, const char *text)
{
    broker_core_t *self = arg;
    broker_session_t *session = broker_session_find(self, number);
    if (!session)
        return;
    broker_say(self, code, "%s", text);
    broker_session_deny(self, session, request, code, true);
}
