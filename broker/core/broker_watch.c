//  broker_watch - who wants to hear of whom
//
//  Three kinds: of everything; of a text, be it somebody's id, node or registered name now or
//  later (WATCH); of the end of a session that was looked up (attend), which ends with that session.

#include "broker_state.h"

#include <stdlib.h>
#include <string.h>

static broker_watch_t *find(const broker_core_t *self, wire_str_t who)
{
    return broker_map_get(&self->watches, who.data, who.size);
}

static void destroy(broker_core_t *self, broker_watch_t *watch)
{
    broker_map_remove(&self->watches, watch->who, strlen(watch->who));
    broker_list_free(&watch->watchers);
    free(watch->who);
    free(watch);
}

static broker_watch_t *create(broker_core_t *self, wire_str_t who)
{
    broker_watch_t *watch = calloc(1, sizeof *watch);
    if (watch && (watch->who = broker_copy(who)) != NULL
            && broker_map_put(&self->watches, watch->who, who.size, watch))
        return watch;
    if (watch)
        free(watch->who);
    free(watch);
    return NULL;
}

static int no_memory(broker_core_t *self)
{
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

static int watch_all(broker_core_t *self, broker_session_t *session)
{
    if (session->watches_all)
        return 0;
    if (!broker_list_add(&self->watch_all, session))
        return no_memory(self);
    session->watches_all = true;
    return 0;
}

static int watch_one(broker_core_t *self, broker_session_t *session, wire_str_t who)
{
    broker_watch_t *watch = find(self, who);
    if (watch && broker_list_has(&session->watches, watch))
        return 0;
    if (session->watches.count >= BROKER_MAX_WATCHES)
        return broker_say(self, WIRE_E_FULL, "%s watches %d names already", session->id, BROKER_MAX_WATCHES);
    if (!watch && !(watch = create(self, who)))
        return no_memory(self);
    if (broker_list_reserve(&session->watches) && broker_list_add(&watch->watchers, session)) {
        broker_list_add(&session->watches, watch);
        return 0;
    }
    if (watch->watchers.count == 0)
        destroy(self, watch);
    return no_memory(self);
}

int broker_watch_add(broker_core_t *self, broker_session_t *session, wire_str_t who)
{
    return who.data ? watch_one(self, session, who) : watch_all(self, session);
}

static void unwatch(broker_core_t *self, broker_session_t *session, broker_watch_t *watch)
{
    broker_list_remove(&session->watches, watch);
    broker_list_remove(&watch->watchers, session);
    if (watch->watchers.count == 0)
        destroy(self, watch);
}

static void unattend(broker_session_t *session, broker_session_t *subject)
{
    if (broker_list_remove(&session->attends, subject))
        broker_list_remove(&subject->attendants, session);
}

void broker_watch_remove(broker_core_t *self, broker_session_t *session, wire_str_t who)
{
    if (!who.data) {
        session->watches_all = false;
        broker_list_remove(&self->watch_all, session);
        return;
    }
    broker_watch_t *watch = find(self, who);
    if (watch && broker_list_has(&session->watches, watch))
        unwatch(self, session, watch);
    broker_session_t *subject = broker_registry_find(self, who);
    if (subject)
        unattend(session, subject);
}

int broker_watch_attend(broker_core_t *self, broker_session_t *session, broker_session_t *subject)
{
    if (session == subject || broker_list_has(&session->attends, subject))
        return 0;
    if (!broker_list_reserve(&session->attends) || !broker_list_add(&subject->attendants, session))
        return no_memory(self);
    broker_list_add(&session->attends, subject);
    return 0;
}

void broker_watch_end(broker_core_t *self, broker_session_t *session)
{
    broker_watch_remove(self, session, (wire_str_t) { NULL, 0 });
    while (session->watches.count)
        unwatch(self, session, broker_list_last(&session->watches));
    while (session->attends.count)
        unattend(session, broker_list_last(&session->attends));
    while (session->attendants.count)
        unattend(broker_list_last(&session->attendants), session);
}

//  ---- Telling -------------------------------------------------------------

//  `told` keeps each watcher from hearing it twice: it carries the number of this telling.
static void tell_one(broker_core_t *self, broker_session_t *watcher, const broker_session_t *subject)
{
    if (watcher == subject || watcher->told == self->telling)
        return;
    watcher->told = self->telling;
    if (broker_session_send(self, watcher, &self->message))
        return;
    watcher->sent++;
    self->counters.watched_sent++;
}

static void tell_list(broker_core_t *self, const broker_list_t *list, const broker_session_t *subject)
{
    for (size_t i = 0; i < list->count; i++)
        tell_one(self, list->items[i], subject);
}

static void tell_text(broker_core_t *self, const char *text, const broker_session_t *subject)
{
    const broker_watch_t *watch = find(self, broker_str(text));
    if (watch)
        tell_list(self, &watch->watchers, subject);
}

static void put_watched(wire_buf_t *out, const broker_session_t *subject, const char *what, const char *text)
{
    wire_buf_clear(out);
    wire_msg_begin(out, WIRE_WATCHED, 0, 0, 5);
    wire_put_cstr(out, what);
    wire_put_text(out, subject->id, strlen(subject->id));
    wire_put_text(out, subject->node, strlen(subject->node));
    wire_put_uint(out, subject->incarnation);
    wire_put_text(out, text, strlen(text));
}

void broker_watch_tell(broker_core_t *self, broker_session_t *subject, const char *what, const char *text)
{
    self->telling++;
    put_watched(&self->message, subject, what, text);
    tell_list(self, &self->watch_all, subject);
    tell_list(self, &subject->attendants, subject);
    tell_text(self, subject->id, subject);
    tell_text(self, subject->node, subject);
    for (size_t i = 0; i < subject->names.count; i++)
        tell_text(self, subject->names.items[i], subject);
}

void broker_watch_free_all(broker_core_t *self)
{
    broker_list_free(&self->watch_all);
    broker_map_free(&self->watches);
}
