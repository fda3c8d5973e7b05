//  broker_registry - whom a text names
//
//  Ids, nodes' names and registered names share one space, so that any of them will do wherever
//  a process is asked for, and none is ever ambiguous.

#include "broker_state.h"

#include <stdlib.h>
#include <string.h>

broker_session_t *broker_registry_find(const broker_core_t *self, wire_str_t who)
{
    return broker_map_get(&self->who, who.data, who.size);
}

bool broker_registry_begin(broker_core_t *self, broker_session_t *session)
{
    if (!broker_map_put(&self->who, session->id, strlen(session->id), session))
        return false;
    if (strcmp(session->id, session->node) == 0
            || broker_map_put(&self->who, session->node, strlen(session->node), session))
        return true;
    broker_map_remove(&self->who, session->id, strlen(session->id));
    return false;
}

void broker_registry_end(broker_core_t *self, broker_session_t *session)
{
    for (size_t i = 0; i < session->names.count; i++) {
        char *name = session->names.items[i];
        broker_map_remove(&self->who, name, strlen(name));
        free(name);
    }
    session->names.count = 0;
    broker_map_remove(&self->who, session->id, strlen(session->id));
    if (strcmp(session->id, session->node) != 0)
        broker_map_remove(&self->who, session->node, strlen(session->node));
}

//  ---- Sentences -----------------------------------------------------------

int broker_registry_unknown(broker_core_t *self, wire_str_t who)
{
    const char *near = broker_guess(self, who);
    int size = (int) (who.size < WIRE_MAX_NAME ? who.size : WIRE_MAX_NAME);
    if (near)
        return broker_say(self, WIRE_E_UNKNOWN, "no such process, node or name: %.*s; did you mean %s?",
                          size, who.data, near);
    return broker_say(self, WIRE_E_UNKNOWN, "no such process, node or name: %.*s", size, who.data);
}

int broker_registry_taken(broker_core_t *self, wire_str_t name, const broker_session_t *holder, int64_t time)
{
    bool nodes = wire_str_is(name, holder->node) || wire_str_is(name, holder->id);
    const char *how = nodes ? "taken by a node" : "registered by a process";
    int64_t past = time - (holder->silent ? holder->silent_since : holder->opened);
    if (holder->silent)
        return broker_say(self, WIRE_E_EXISTS,
                          "the name %.*s is %s that is silent for %lld ms and keeps it for at "
                          "most %lld ms more (%s)",
                          (int) name.size, name.data, how, (long long) past,
                          (long long) (holder->lease > past ? holder->lease - past : 0), holder->id);
    return broker_say(self, WIRE_E_EXISTS, "the name %.*s is %s that has been alive for %lld ms (%s)",
                      (int) name.size, name.data, how, (long long) past, holder->id);
}

//  ---- Registered names ----------------------------------------------------

static int no_memory(broker_core_t *self)
{
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

static int add_name(broker_core_t *self, broker_session_t *session, wire_str_t name)
{
    if (session->names.count >= BROKER_MAX_NAMES)
        return broker_say(self, WIRE_E_FULL, "%s has registered %d names already", session->id,
                          BROKER_MAX_NAMES);
    char *text = broker_list_reserve(&session->names) ? broker_copy(name) : NULL;
    if (!text || !broker_map_put(&self->who, text, name.size, session)) {
        free(text);
        return no_memory(self);
    }
    broker_list_add(&session->names, text);
    return 0;
}

int broker_registry_register(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t time)
{
    if (wire_str_is(name, self->address))
        return broker_say(self, WIRE_E_USAGE, "the name %s is the address of this network", self->address);
    const broker_session_t *holder = broker_registry_find(self, name);
    if (holder == session)
        return 0;
    int rc = broker_name_check(self, session->key, name);
    if (rc == 0)
        rc = holder ? broker_registry_taken(self, name, holder, time) : broker_name_take(self, session->key, name);
    return rc ? rc : add_name(self, session, name);
}

int broker_registry_unregister(broker_core_t *self, broker_session_t *session, wire_str_t name)
{
    for (size_t i = 0; i < session->names.count; i++) {
        char *text = session->names.items[i];
        if (!wire_str_is(name, text))
            continue;
        broker_map_remove(&self->who, text, name.size);
        broker_list_remove(&session->names, text);
        free(text);
        return 0;
    }
    return broker_say(self, WIRE_E_UNKNOWN, "%s has not registered the name %.*s", session->id,
                      (int) name.size, name.data);
}

//  ---- Views ---------------------------------------------------------------

static void put_text(wire_buf_t *out, const char *text)
{
    wire_put_text(out, text, strlen(text));
}

static void put_texts(wire_buf_t *out, const char *key, const broker_list_t *texts)
{
    wire_put_cstr(out, key);
    wire_put_array(out, (uint32_t) texts->count);
    for (size_t i = 0; i < texts->count; i++)
        put_text(out, texts->items[i]);
}

#define LOOKUP_PAIRS 5

static uint32_t place_pairs(const broker_core_t *self)
{
    return self->keyed ? LOOKUP_PAIRS + 1 : LOOKUP_PAIRS;
}

static void put_place(const broker_core_t *self, const broker_session_t *session, wire_buf_t *out)
{
    wire_put_cstr(out, "id");
    put_text(out, session->id);
    wire_put_cstr(out, "node");
    put_text(out, session->node);
    wire_put_cstr(out, "incarnation");
    wire_put_uint(out, session->incarnation);
    put_texts(out, "endpoints", &session->endpoints);
    wire_put_cstr(out, "host");
    put_text(out, session->host);
    if (!self->keyed)
        return;
    wire_put_cstr(out, "key");
    put_text(out, session->key ? session->key->text : "");
}

void broker_registry_put_lookup(const broker_core_t *self, const broker_session_t *session, wire_buf_t *out)
{
    wire_put_map(out, place_pairs(self));
    put_place(self, session, out);
}

static void put_apps(const broker_session_t *session, wire_buf_t *out)
{
    wire_put_cstr(out, "apps");
    wire_put_array(out, (uint32_t) session->apps.count);
    for (size_t i = 0; i < session->apps.count; i++)
        put_text(out, ((const broker_app_t *) session->apps.items[i])->name);
}

void broker_registry_put_nodes(const broker_core_t *self, wire_buf_t *out)
{
    wire_put_array(out, (uint32_t) self->sessions);
    for (const broker_session_t *s = self->first; s; s = s->next) {
        wire_put_map(out, place_pairs(self) + 4);
        put_place(self, s, out);
        wire_put_cstr(out, "state");
        wire_put_cstr(out, s->silent ? "silent" : s->draining ? "draining" : "up");
        put_apps(s, out);
        put_texts(out, "names", &s->names);
        wire_put_cstr(out, "visitor");
        wire_put_bool(out, s->visitor);
    }
}
