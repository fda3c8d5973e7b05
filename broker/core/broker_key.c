//  broker_key - keys, and what the policy, the trust store and a rotation make of them

#include "broker_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wire_reader_t reader_of(const wire_buf_t *buf)
{
    return wire_reader(buf->data, buf->size);
}

static bool same_bytes(const wire_buf_t *a, const wire_buf_t *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static int no_memory(broker_core_t *self)
{
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

bool broker_key_is(wire_str_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return text.size == BROKER_KEY;
}

//  ---- Whom the trust store knows ------------------------------------------

//  The pair of the trust store that has this name (or this key). False: none.
static bool find_trusted(const broker_core_t *self, const char *name, const char *key, wire_str_t *name_p, wire_str_t *key_p)
{
    wire_reader_t in = reader_of(&self->trust);
    uint32_t pairs = 0;
    if (in.at == in.end || wire_read_map(&in, &pairs))
        return false;
    for (; pairs; pairs--)
        if (wire_read_bytes(&in, name_p) || wire_read_bytes(&in, key_p))
            return false;
        else if ((name && wire_str_is(*name_p, name)) || (key && wire_str_is(*key_p, key)))
            return true;
    return false;
}

bool broker_key_of_name(const broker_core_t *self, wire_str_t name, wire_str_t *key)
{
    char text[BROKER_CERT_NAME];
    wire_str_t found;
    if (name.size >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int) name.size, name.data);
    return find_trusted(self, text, NULL, &found, key);
}

static void set_name(broker_key_t *key, wire_str_t name)
{
    snprintf(key->name, sizeof key->name, "%.*s", (int) (name.size < sizeof key->name ? name.size : 0), name.data);
}

static void name_by_trust(const broker_core_t *self, broker_key_t *key)
{
    wire_str_t name, text;
    if (find_trusted(self, NULL, key->text, &name, &text))
        set_name(key, name);
}

//  ---- Rights --------------------------------------------------------------

static bool pack(const broker_core_t *self, const char *key, const char *name, wire_buf_t *out)
{
    wire_buf_clear(out);
    return policy_put_rights(self->policy, broker_str(key), broker_str(name), out) && !out->failed;
}

//  A rotated key has what the policy says of it by itself, and if that is nothing special, what it says of the first of
//  the row.
static bool pack_rotated(const broker_core_t *self, const broker_key_t *key, wire_buf_t *out)
{
    wire_buf_t plain = WIRE_BUF_EMPTY;
    bool ok = pack(self, key->text, key->name, out) && pack(self, "", key->name, &plain);
    if (ok && same_bytes(out, &plain))
        ok = pack(self, key->origin, key->name, out);
    wire_buf_free(&plain);
    return ok;
}

//  False: no memory.
static bool prepare(const broker_core_t *self, broker_key_t *key)
{
    bool ok = *key->origin ? pack_rotated(self, key, &key->next_packed)
                           : pack(self, key->text, key->name, &key->next_packed);
    rights_destroy(&key->next_rights);
    key->next_rights = ok ? rights_new(reader_of(&key->next_packed), NULL) : NULL;
    return key->next_rights != NULL;
}

//  True: they are others now.
static bool adopt(broker_key_t *key)
{
    bool changed = !key->rights || !same_bytes(&key->packed, &key->next_packed);
    wire_buf_t packed = key->packed;
    key->packed = key->next_packed;
    key->next_packed = packed;
    rights_destroy(&key->rights);
    key->rights = key->next_rights;
    key->next_rights = NULL;
    return changed;
}

//  All keys, or none: false, no memory.
static bool prepare_all(broker_core_t *self)
{
    for (size_t i = 0; i < self->key_order.count; i++)
        if (!prepare(self, self->key_order.items[i]))
            return false;
    return true;
}

static void abandon_all(broker_core_t *self)
{
    for (size_t i = 0; i < self->key_order.count; i++)
        rights_destroy(&((broker_key_t *) self->key_order.items[i])->next_rights);
}

//  First all have their new rights, then those that they concern hear of it.
static void adopt_all(broker_core_t *self)
{
    for (size_t i = 0; i < self->key_order.count; i++) {
        broker_key_t *key = self->key_order.items[i];
        key->changed = adopt(key);
    }
    for (size_t i = 0; i < self->key_order.count; i++) {
        broker_key_t *key = self->key_order.items[i];
        if (!key->changed)
            continue;
        broker_vouch_changed(self, key);
        for (size_t j = 0; j < key->sessions.count; j++)
            broker_rights_review(self, key->sessions.items[j]);
    }
}

//  ---- Life ----------------------------------------------------------------

broker_key_t *broker_key_find(const broker_core_t *self, wire_str_t text)
{
    return broker_map_get(&self->keys, text.data, text.size);
}

static void destroy(broker_key_t *key)
{
    rights_destroy(&key->rights);
    rights_destroy(&key->next_rights);
    wire_buf_free(&key->packed);
    wire_buf_free(&key->next_packed);
    broker_list_free(&key->sessions);
    broker_list_free(&key->heeders);
    broker_list_free(&key->names);
    free(key);
}

static broker_key_t *create(broker_core_t *self, wire_str_t text, wire_str_t name, const char *origin)
{
    broker_key_t *key = calloc(1, sizeof *key);
    if (!key)
        return NULL;
    memcpy(key->text, text.data, BROKER_KEY);
    snprintf(key->origin, sizeof key->origin, "%s", origin);
    set_name(key, name);
    name_by_trust(self, key);
    if (prepare(self, key) && adopt(key) && broker_list_reserve(&self->key_order)
            && broker_map_put(&self->keys, key->text, BROKER_KEY, key)) {
        broker_list_add(&self->key_order, key);
        return key;
    }
    destroy(key);
    return NULL;
}

broker_key_t *broker_key_open(broker_core_t *self, wire_str_t text, wire_str_t name)
{
    broker_key_t *key = broker_key_find(self, text);
    return key ? key : create(self, text, name, "");
}

void broker_key_tidy(broker_core_t *self, broker_key_t *key)
{
    if (!key || key->sessions.count || key->heeders.count || key->names.count || *key->origin)
        return;
    broker_map_remove(&self->keys, key->text, BROKER_KEY);
    broker_list_remove(&self->key_order, key);
    destroy(key);
}

void broker_key_free_all(broker_core_t *self)
{
    for (size_t i = 0; i < self->key_order.count; i++) {
        broker_name_free_of(self, self->key_order.items[i]);
        destroy(self->key_order.items[i]);
    }
    broker_list_free(&self->key_order);
    broker_map_free(&self->keys);
    broker_map_free(&self->owned);
    policy_destroy(&self->policy);
    wire_buf_free(&self->trust);
}

bool broker_key_enter(broker_session_t *session, broker_key_t *key)
{
    if (key && !broker_list_add(&key->sessions, session))
        return false;
    session->key = key;
    return true;
}

void broker_key_leave(broker_core_t *self, broker_session_t *session)
{
    broker_key_t *key = session->key;
    if (!key)
        return;
    session->key = NULL;
    broker_list_remove(&key->sessions, session);
    broker_key_tidy(self, key);
}

const char *broker_key_who(const broker_session_t *session)
{
    if (!session->key)
        return session->id;
    return *session->key->name ? session->key->name : session->key->text;
}

//  ---- Policy and trust ----------------------------------------------------

//  POLICY: body, the packed policy, or nil.
int broker_key_apply_policy(broker_core_t *self, const broker_record_t *record)
{
    char error[256];
    policy_t *old = self->policy;
    policy_t *policy = record->body.data ? policy_new(wire_reader(record->body.data, record->body.size), error) : NULL;
    if (record->body.data && !policy)
        return broker_say(self, WIRE_E_USAGE, "%s", error);
    self->policy = policy;
    if (!prepare_all(self)) {
        abandon_all(self);
        self->policy = old;
        policy_destroy(&policy);
        return no_memory(self);
    }
    policy_destroy(&old);
    self->counters.policies++;
    adopt_all(self);
    return 0;
}

static int replace_trust(broker_core_t *self, wire_buf_t *trust)
{
    if (trust->failed) {
        wire_buf_free(trust);
        return no_memory(self);
    }
    wire_buf_free(&self->trust);
    self->trust = *trust;
    return 0;
}

//  TRUST: body, a map from the names of all trusted certificates to their keys. A key that is not in it any more keeps
//  its name: it is about to be revoked.
int broker_key_apply_trust(broker_core_t *self, const broker_record_t *record)
{
    wire_buf_t trust = WIRE_BUF_EMPTY;
    wire_buf_append(&trust, record->body.data, record->body.size);
    int rc = replace_trust(self, &trust);
    for (size_t i = 0; rc == 0 && i < self->key_order.count; i++)
        name_by_trust(self, self->key_order.items[i]);
    if (rc == 0 && !prepare_all(self)) {
        abandon_all(self);
        return no_memory(self);
    }
    if (rc == 0)
        adopt_all(self);
    return rc;
}

//  REVOKED: name, the key. Its sessions are ended by records of their own.
void broker_key_apply_revoked(broker_core_t *self, const broker_record_t *record)
{
    broker_key_t *key = broker_key_find(self, record->name);
    self->counters.revoked++;
    if (!key)
        return;
    broker_vouch_revoked(self, key);
    broker_name_free_of(self, key);
    key->origin[0] = 0;
    broker_key_tidy(self, key);
}

//  ---- ROTATE --------------------------------------------------------------

int broker_key_may_rotate(broker_core_t *self, const broker_session_t *session, wire_str_t key)
{
    wire_str_t name, found;
    char text[BROKER_KEY + 1];
    if (!session->key)
        return broker_say(self, WIRE_E_USAGE, "ROTATE: %s came without a key, so there is nothing to pass on", session->id);
    if (session->key->rotated)
        return broker_say(self, WIRE_E_STATE, "ROTATE: this key has a successor already");
    if (!broker_key_is(key))
        return broker_say(self, WIRE_E_USAGE, "ROTATE: not a public key, which has %d characters", BROKER_KEY);
    snprintf(text, sizeof text, "%.*s", BROKER_KEY, key.data);
    if (find_trusted(self, NULL, text, &name, &found) || broker_key_find(self, key))
        return broker_say(self, WIRE_E_EXISTS, "ROTATE: that key is trusted or in use already; make a new one (alua keys new)");
    return 0;
}

//  The same map with another key in the place of this one.
static void put_rotated(const broker_core_t *self, const char *from, wire_str_t to, wire_buf_t *out)
{
    wire_reader_t in = reader_of(&self->trust);
    uint32_t pairs = 0;
    if (in.at == in.end || wire_read_map(&in, &pairs))
        return;
    wire_put_map(out, pairs);
    for (wire_str_t name, key; pairs && !wire_read_bytes(&in, &name) && !wire_read_bytes(&in, &key); pairs--) {
        wire_put_text(out, name.data, name.size);
        key = wire_str_is(key, from) ? to : key;
        wire_put_text(out, key.data, key.size);
    }
}

//  ROTATE: name, the new key. The old one is left without names; its sessions go on until it is revoked.
int broker_key_apply_rotate(broker_core_t *self, broker_session_t *session, wire_str_t text)
{
    int rc = broker_key_may_rotate(self, session, text);
    if (rc)
        return rc;
    broker_key_t *old = session->key;
    broker_key_t *key = create(self, text, broker_str(old->name), *old->origin ? old->origin : old->text);
    if (!key)
        return no_memory(self);
    wire_buf_t trust = WIRE_BUF_EMPTY;
    put_rotated(self, old->text, text, &trust);
    rc = replace_trust(self, &trust);
    if (rc) {
        key->origin[0] = 0;
        broker_key_tidy(self, key);
        return rc;
    }
    old->rotated = true;
    broker_name_pass_on(old, key);
    self->counters.rotated++;
    return 0;
}

//  ---- The doors -----------------------------------------------------------

static wire_str_t bytes_of(wire_reader_t in)
{
    return (wire_str_t) { (const char *) in.at, (size_t) (in.end - in.at) };
}

static int propose_keys(broker_core_t *self, const broker_record_t *record)
{
    self->key_rc = 0;
    int rc = broker_propose(self, record);
    rc = rc ? rc : self->key_rc;
    broker_settle(self, record->time);
    return rc;
}

//  What is wrong never gets into the log.
int broker_core_policy(broker_core_t *self, wire_reader_t packed, int64_t now, char *error)
{
    policy_t *policy = packed.at ? policy_new(packed, error) : NULL;
    if (packed.at && !policy)
        return WIRE_E_USAGE;
    policy_destroy(&policy);
    broker_record_t record = { .kind = BROKER_RECORD_POLICY, .time = now };
    if (packed.at)
        record.body = bytes_of(packed);
    int rc = propose_keys(self, &record);
    if (rc)
        snprintf(error, BROKER_TEXT, "%s", self->text);
    return rc;
}

static bool is_trust(wire_reader_t in)
{
    wire_str_t name, key;
    uint32_t pairs = 0;
    bool ok = wire_read_map(&in, &pairs) == 0;
    for (; ok && pairs; pairs--)
        ok = !wire_read_bytes(&in, &name) && !wire_read_bytes(&in, &key) && broker_key_is(key);
    return ok && in.at == in.end;
}

int broker_core_trust(broker_core_t *self, wire_reader_t packed, int64_t now)
{
    if (!is_trust(packed))
        return WIRE_E_MALFORMED;
    broker_record_t record = { .kind = BROKER_RECORD_TRUST, .time = now, .body = bytes_of(packed) };
    return propose_keys(self, &record);
}

//  Read by the node itself, and by those who watch it.
static void say_revoked(char *text, const broker_key_t *key)
{
    snprintf(text, BROKER_TEXT, "the broker does not trust the key of %s any more: whoever runs it can trust that again, or another "
             "one for this node (alua keys trust)", *key->name ? key->name : key->text);
}

int broker_core_revoke(broker_core_t *self, wire_str_t text, int64_t now)
{
    char why[BROKER_TEXT];
    broker_key_t *key;
    broker_record_t record = { .kind = BROKER_RECORD_REVOKED, .time = now, .name = text };
    int rc = broker_propose(self, &record);
    while (rc == 0 && (key = broker_key_find(self, text)) != NULL && key->sessions.count) {
        broker_session_t *session = broker_list_last(&key->sessions);
        say_revoked(why, key);
        rc = broker_end_and_drop(self, session, WIRE_E_DENIED, why, now);
    }
    broker_settle(self, now);
    return rc;
}
