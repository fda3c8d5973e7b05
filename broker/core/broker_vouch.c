//  broker_vouch - what one node hears of another's key: VOUCH, RIGHTS, DRAINING
//
//  Who was told of a key's rights heeds it: it hears of each change, until one of both is no more. Which authors a session
//  was told of is remembered per link and may be forgotten: then it is told again.

#include "broker_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Places for authors; a power of two.
#define HEARD 256
#define MOST_NAMED 64

//  ---- Who heeds -----------------------------------------------------------

//  HEED: name, the key.
int broker_vouch_heed(broker_core_t *self, broker_session_t *session, wire_str_t text)
{
    broker_key_t *key = broker_key_find(self, text);
    if (!key || broker_list_has(&session->heeds, key))
        return 0;
    if (session->heeds.count >= BROKER_MAX_HEEDS)
        return broker_say(self, WIRE_E_FULL, "%s was told of %d keys already", session->id, BROKER_MAX_HEEDS);
    if (!broker_list_reserve(&session->heeds) || !broker_list_add(&key->heeders, session))
        return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
    broker_list_add(&session->heeds, key);
    return 0;
}

static int propose_heed(broker_core_t *self, const broker_session_t *session, const broker_key_t *key, int64_t now)
{
    if (session->key == key || broker_list_has(&session->heeds, key))
        return 0;
    broker_record_t record = { .kind = BROKER_RECORD_HEED, .time = now, .session = session->number,
                               .name = broker_str(key->text) };
    self->key_rc = 0;
    int rc = broker_propose(self, &record);
    return rc ? rc : self->key_rc;
}

void broker_vouch_end(broker_core_t *self, broker_session_t *session)
{
    broker_key_t *key;
    while ((key = broker_list_last(&session->heeds)) != NULL) {
        broker_list_remove(&session->heeds, key);
        broker_list_remove(&key->heeders, session);
        broker_key_tidy(self, key);
    }
    broker_vouch_forget(session);
}

void broker_vouch_forget(broker_session_t *session)
{
    free(session->heard);
    session->heard = NULL;
}

//  ---- RIGHTS --------------------------------------------------------------

void broker_vouch_put(const broker_key_t *key, wire_buf_t *out)
{
    if (key)
        wire_buf_append(out, key->packed.data, key->packed.size);
    else
        rights_put(rights_all(), out);
}

static int say_rights(broker_core_t *self, broker_session_t *to, const char *node, const broker_key_t *key, bool none)
{
    wire_buf_t *out = &self->message;
    wire_buf_clear(out);
    wire_msg_begin(out, WIRE_RIGHTS, 0, 0, 3);
    wire_put_text(out, node, strlen(node));
    wire_put_text(out, key ? key->text : "", key ? BROKER_KEY : 0);
    if (none)
        wire_put_nil(out);
    else
        broker_vouch_put(key, out);
    int rc = broker_session_send(self, to, out);
    self->counters.rights_sent += rc == 0;
    return rc;
}

//  Who cannot be told of a change must not go on with what it knows: it begins anew, and asks again.
static void tell_change(broker_core_t *self, broker_session_t *to, const broker_key_t *key, bool none)
{
    int rc = say_rights(self, to, "", key, none);
    if (rc && rc != WIRE_E_GONE)
        broker_session_doom(self, to, WIRE_E_FULL);
}

//  Its own sessions heard of them in WELCOME.
void broker_vouch_changed(broker_core_t *self, const broker_key_t *key)
{
    for (size_t i = 0; i < key->heeders.count; i++)
        tell_change(self, key->heeders.items[i], key, false);
    for (size_t i = 0; i < key->sessions.count; i++)
        tell_change(self, key->sessions.items[i], key, false);
}

void broker_vouch_revoked(broker_core_t *self, broker_key_t *key)
{
    broker_session_t *heeder;
    while ((heeder = broker_list_last(&key->heeders)) != NULL) {
        broker_list_remove(&key->heeders, heeder);
        broker_list_remove(&heeder->heeds, key);
        tell_change(self, heeder, key, true);
    }
}

static bool has_heard(broker_session_t *session, uint64_t author)
{
    if (!session->heard)
        session->heard = calloc(HEARD, sizeof *session->heard);
    if (!session->heard)
        return false;                           //  It is told each time, then
    uint64_t *place = &session->heard[author % HEARD];
    bool heard = *place == author;
    *place = author;
    return heard;
}

int broker_vouch_tell(broker_core_t *self, broker_session_t *to, const broker_session_t *author, int64_t now)
{
    if (to == author || has_heard(to, author->number))
        return 0;
    int rc = author->key ? propose_heed(self, to, author->key, now) : 0;
    if (rc == 0)
        rc = say_rights(self, to, author->node, author->key, false);
    if (rc && to->heard)
        to->heard[author->number % HEARD] = 0;
    return rc;
}

//  ---- VOUCH ---------------------------------------------------------------

//  Names of the nodes with this key, or only of one.
static uint32_t put_nodes(const broker_key_t *key, wire_str_t only, wire_buf_t *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < key->sessions.count && count < MOST_NAMED; i++) {
        const broker_session_t *s = key->sessions.items[i];
        if (only.size && !wire_str_is(only, s->node) && !wire_str_is(only, s->id))
            continue;
        wire_put_text(out, s->node, strlen(s->node));
        count++;
    }
    return count;
}

static int refuse(broker_core_t *self, wire_str_t node, wire_str_t key)
{
    char who[BROKER_SHOWN], shown[BROKER_SHOWN];
    broker_show(who, node);
    broker_show(shown, key);
    return broker_say(self, WIRE_E_DENIED, "%s%s has %s session here that the key %s proved",
                      node.size ? "the node " : "no node", node.size ? who : "", node.size ? "no" : "a", shown);
}

static int vouch(broker_core_t *self, broker_session_t *session, wire_str_t node, wire_str_t text, int64_t now)
{
    wire_buf_t nodes = WIRE_BUF_EMPTY;
    const broker_key_t *key = broker_key_find(self, text);
    uint32_t count = key ? put_nodes(key, node, &nodes) : 0;
    int rc = count ? propose_heed(self, session, key, now) : refuse(self, node, text);
    if (rc == 0) {
        wire_buf_clear(&self->results);
        broker_vouch_put(key, &self->results);
        wire_put_array(&self->results, count);
        wire_buf_append(&self->results, nodes.data, nodes.size);
        self->results.failed |= nodes.failed;
        self->counters.vouched++;
    }
    wire_buf_free(&nodes);
    return rc;
}

int broker_vouch_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now)
{
    wire_reader_t in = msg->fields;
    wire_str_t node, key;
    int rc = 0;
    if (msg->count != 2 || wire_read_bytes(&in, &node) || wire_read_bytes(&in, &key))
        rc = broker_say(self, WIRE_E_MALFORMED, "VOUCH has 2 fields, a node's name and a key");
    int strike = rc;
    self->counters.malformed += rc != 0;
    if (rc == 0)
        rc = vouch(self, session, node, key, now);
    if (rc)
        broker_session_deny(self, session, msg->request, rc, false);
    else
        broker_session_answer(self, session, msg->request, 2, false);
    return strike;
}

//  ---- DRAIN ---------------------------------------------------------------

int broker_vouch_drain(broker_core_t *self, const broker_session_t *by, wire_str_t who)
{
    broker_session_t *session = broker_registry_find(self, who);
    if (!session)
        return broker_registry_unknown(self, who);
    session->draining = true;
    self->counters.drained++;
    wire_buf_clear(&self->message);
    wire_msg_begin(&self->message, WIRE_DRAINING, 0, 0, 1);
    wire_put_text(&self->message, by->id, strlen(by->id));
    broker_session_send(self, session, &self->message);
    return 0;
}
