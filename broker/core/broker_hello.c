//  broker_hello - who may come in, and under which id
//
//      name ""                      N@ADDRESS, N the next number; a visitor: vK@ADDRESS
//      name ana                     1@ana
//      name A, spawn: true          A
//      name N@ADDRESS, or id = name as named: it had it before a broker's restart

#include "broker_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Numbers stay integers in any language, doubles included.
#define HIGHEST_NUMBER (UINT64_C(1) << 53)

typedef struct {
    wire_str_t id, host;
    wire_reader_t endpoints, apps, names;       //  Cursors behind the arrays' heads
    uint32_t endpoint_count, app_count, name_count;
    bool visitor, spawn;
    uint64_t lease;
} claims_t;

//  ---- HELLO's map ---------------------------------------------------------

static bool key_is(wire_str_t key, const char *name)
{
    return wire_str_is(key, name);
}

//  A list of 1..255 byte texts, stepped over.
static int read_texts(wire_reader_t *in, wire_reader_t *list, uint32_t *count)
{
    if (wire_read_array(in, count))
        return WIRE_E_MALFORMED;
    *list = *in;
    for (uint32_t i = 0; i < *count; i++) {
        wire_str_t text;
        if (wire_read_bytes(in, &text))
            return WIRE_E_MALFORMED;
    }
    return 0;
}

static int read_pair(wire_reader_t *in, wire_str_t key, claims_t *claims)
{
    if (key_is(key, "id"))
        return wire_read_bytes(in, &claims->id);
    if (key_is(key, "host"))
        return wire_read_bytes(in, &claims->host);
    if (key_is(key, "endpoints"))
        return read_texts(in, &claims->endpoints, &claims->endpoint_count);
    if (key_is(key, "apps"))
        return read_texts(in, &claims->apps, &claims->app_count);
    if (key_is(key, "names"))
        return read_texts(in, &claims->names, &claims->name_count);
    if (key_is(key, "visitor"))
        return wire_read_bool(in, &claims->visitor);
    if (key_is(key, "spawn"))
        return wire_read_bool(in, &claims->spawn);
    if (key_is(key, "lease"))
        return wire_read_uint(in, &claims->lease);
    return wire_skip(in);
}

static int read_claims(broker_core_t *self, wire_reader_t in, claims_t *claims)
{
    *claims = (claims_t) { .visitor = false };
    uint32_t pairs;
    if (in.at == in.end)
        return 0;
    if (wire_read_map(&in, &pairs))
        return broker_say(self, WIRE_E_MALFORMED, "HELLO's body is not a map");
    for (; pairs; pairs--) {
        wire_str_t key;
        if (wire_read_bytes(&in, &key))
            return broker_say(self, WIRE_E_MALFORMED, "HELLO's body has a key that is not text");
        if (read_pair(&in, key, claims))
            return broker_say(self, WIRE_E_MALFORMED, "HELLO's body has a bad value for %.*s",
                              (int) (key.size < 40 ? key.size : 40), key.data);
    }
    return 0;
}

static wire_str_t next_text(wire_reader_t *list)
{
    wire_str_t text = { "", 0 };
    wire_read_bytes(list, &text);
    return text;
}

static int check_texts(broker_core_t *self, const char *what, wire_reader_t list, uint32_t count,
                       uint32_t most)
{
    if (count > most)
        return broker_say(self, WIRE_E_FULL, "%u of %s: at most %u are allowed", count, what, most);
    int rc = 0;
    while (count-- && rc == 0)
        rc = broker_check_name(self, what, next_text(&list));
    return rc;
}

int broker_hello_check(broker_core_t *self, wire_reader_t body)
{
    claims_t c;
    int rc = read_claims(self, body, &c);
    if (rc == 0 && c.id.size)
        rc = broker_check_name(self, "the claimed id", c.id);
    if (rc == 0 && c.host.size)
        rc = broker_check_name(self, "the host", c.host);
    if (rc == 0)
        rc = check_texts(self, "endpoints", c.endpoints, c.endpoint_count, BROKER_MAX_ENDPOINTS);
    if (rc == 0)
        rc = check_texts(self, "apps", c.apps, c.app_count, BROKER_MAX_APPS);
    return rc ? rc : check_texts(self, "names", c.names, c.name_count, BROKER_MAX_NAMES);
}

//  ---- Ids -----------------------------------------------------------------

//  The N of "N@ADDRESS" (or K of "vK@ADDRESS"); 0 when it is not of that form.
static uint64_t number_of(const broker_core_t *self, wire_str_t id, bool visitor)
{
    size_t tail = strlen(self->address) + 1, i = visitor ? 1 : 0;
    if (id.size <= tail + i || (visitor && id.data[0] != 'v') || id.data[i] == '0')
        return 0;
    const char *at = id.data + id.size - tail;
    if (*at != '@' || memcmp(at + 1, self->address, tail - 1) != 0)
        return 0;
    uint64_t number = 0;
    for (; id.data + i < at; i++) {
        if (id.data[i] < '0' || id.data[i] > '9' || number > HIGHEST_NUMBER / 10)
            return 0;
        number = 10 * number + (uint64_t) (id.data[i] - '0');
    }
    return number;
}

static char *mint(broker_core_t *self, bool visitor)
{
    char id[BROKER_TEXT];
    do {
        uint64_t number = visitor ? ++self->visitor : ++self->number;
        snprintf(id, sizeof id, "%s%llu@%s", visitor ? "v" : "", (unsigned long long) number, self->address);
    } while (broker_registry_find(self, broker_str(id)));
    return broker_copy(broker_str(id));
}

static char *id_of_name(wire_str_t name, bool whole)
{
    if (whole)
        return broker_copy(name);
    char *id = malloc(name.size + 3);
    if (id)
        snprintf(id, name.size + 3, "1@%.*s", (int) name.size, name.data);
    return id;
}

static bool same(wire_str_t a, wire_str_t b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

//  A number that another incarnation had in our time is never given again.
static int check_grave(broker_core_t *self, uint64_t number, wire_str_t name, uint64_t incarnation)
{
    for (size_t i = 0; number && i < BROKER_GRAVES; i++)
        if (self->graves[i].number == number && self->graves[i].incarnation != incarnation)
            return broker_say(self, WIRE_E_EXISTS, "the id %.*s was that of a node that has ended",
                              (int) name.size, name.data);
    return 0;
}

//  The name as given, and whether it is the id as well.
static int check_given(broker_core_t *self, wire_str_t name, const claims_t *c, uint64_t incarnation,
                       bool *whole)
{
    int rc = broker_check_name(self, "the node name", name);
    if (rc)
        return rc;
    if (wire_str_is(name, self->address))
        return broker_say(self, WIRE_E_USAGE, "the node name %s is the address of this network",
                          self->address);
    uint64_t number = number_of(self, name, false);
    *whole = c->spawn || number || number_of(self, name, true) || (c->id.size && same(c->id, name));
    if (!*whole && name.size > WIRE_MAX_NAME - 2)
        return broker_say(self, WIRE_E_USAGE, "the node name is too long for an id");
    if (!*whole && c->id.size && (c->id.size != name.size + 2 || memcmp(c->id.data, "1@", 2) != 0
                                  || memcmp(c->id.data + 2, name.data, name.size) != 0))
        return broker_say(self, WIRE_E_USAGE, "a node named %.*s cannot claim the id %.*s",
                          (int) name.size, name.data, (int) c->id.size, c->id.data);
    return check_grave(self, number, name, incarnation);
}

//  ---- A session begins, or begins anew ------------------------------------

static bool copy_texts(broker_list_t *list, wire_reader_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char *text = broker_copy(next_text(&from));
        if (!text || !broker_list_add(list, text)) {
            free(text);
            return false;
        }
    }
    return true;
}

//  Where it can be reached, and how long it lives in silence.
static bool describe(broker_core_t *self, broker_session_t *session, const claims_t *c)
{
    broker_list_t endpoints = { NULL, 0, 0 };
    char *host = broker_copy(c->host);
    bool ok = host && copy_texts(&endpoints, c->endpoints, c->endpoint_count);
    if (ok) {
        broker_list_t old = session->endpoints;
        session->endpoints = endpoints;
        endpoints = old;
        char *old_host = session->host;
        session->host = host;
        host = old_host;
    }
    for (size_t i = 0; i < endpoints.count; i++)
        free(endpoints.items[i]);
    broker_list_free(&endpoints);
    free(host);
    int64_t lease = c->lease && c->lease < (uint64_t) self->lease ? (int64_t) c->lease : self->lease;
    session->lease = lease < BROKER_MIN_LEASE && lease < self->lease ? BROKER_MIN_LEASE : lease;
    return ok;
}

//  What it held before a broker's restart. A name that somebody else took meanwhile is lost, and it is told.
static void restore_names(broker_core_t *self, broker_session_t *session, const claims_t *c, int64_t time)
{
    wire_reader_t names = c->names;
    for (uint32_t i = 0; i < c->name_count; i++) {
        wire_str_t name = next_text(&names);
        if (broker_registry_register(self, session, name, time) == 0)
            continue;
        wire_put_text(&self->outcome.lost, name.data, name.size);
        self->outcome.lost_count++;
        self->counters.claims_lost++;
    }
}

static void restore_apps(broker_core_t *self, broker_session_t *session, const claims_t *c)
{
    wire_reader_t apps = c->apps;
    broker_app_t *app;
    for (uint32_t i = 0; i < c->app_count; i++)
        broker_app_join(self, session, next_text(&apps), &app);
}

static int no_memory(broker_core_t *self)
{
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

//  Takes id and node, whatever happens.
static int begin(broker_core_t *self, char *id, char *node, const claims_t *c, const broker_record_t *record,
                 broker_key_t *key)
{
    broker_session_t *session = id && node ? broker_session_new(self, id, node) : NULL;
    if (!session) {
        free(id);
        free(node);
        return no_memory(self);
    }
    if (!describe(self, session, c) || !broker_key_enter(session, key) || !broker_registry_begin(self, session)) {
        broker_session_free(self, session);
        return no_memory(self);
    }
    session->incarnation = record->number;
    session->visitor = c->visitor;
    session->opened = record->time;
    session->minted = number_of(self, broker_str(id), false);
    uint64_t guest = number_of(self, broker_str(id), true);
    if (session->minted > self->number)
        self->number = session->minted;
    if (guest > self->visitor)
        self->visitor = guest;
    self->members += !session->visitor;
    self->counters.opened++;
    self->outcome.session = session;
    restore_names(self, session, c, record->time);      //  First: somebody may wait for one of them
    broker_watch_tell(self, session, "up", "");
    broker_topic_presence(self, session, "up", record->time);
    restore_apps(self, session, c);
    return 0;
}

//  The same incarnation again: it lost its connection, not its standing.
static int resume(broker_core_t *self, broker_session_t *session, const claims_t *c,
                  const broker_record_t *record)
{
    if (!describe(self, session, c))
        return no_memory(self);
    self->counters.resumed++;
    self->outcome.session = session;
    broker_session_silence(self, session, false, record->time);
    restore_names(self, session, c, record->time);
    restore_apps(self, session, c);
    return 0;
}

//  The holder is this incarnation, proved as it was.
static bool is_same(const broker_session_t *holder, wire_str_t name, const char *id, const broker_record_t *record,
                    const broker_key_t *key)
{
    return holder && holder->incarnation == record->number && wire_str_is(name, holder->node)
        && strcmp(holder->id, id) == 0 && holder->key == key;
}

//  It shows no sign of life, and whoever comes now has its name by the same key: a node that was started again, perhaps
//  where nobody can prove that it died.
static bool is_left_behind(const broker_session_t *holder, wire_str_t name, const broker_key_t *key)
{
    return holder && key && holder->key == key && holder->silent && wire_str_is(name, holder->node);
}

//  The name is the key's first, so that the key outlives its session.
static int take_over(broker_core_t *self, broker_session_t *holder, wire_str_t name, broker_key_t *key)
{
    int rc = broker_name_take(self, key, name);
    if (rc)
        return rc;
    self->outcome.replaced = holder->link;
    self->counters.taken_over++;
    broker_session_end(self, holder, WIRE_E_GONE, broker_str(BROKER_TAKEN_OVER));
    return 0;
}

//  0: neither the name nor the id is another's any more.
static int claim(broker_core_t *self, wire_str_t name, const char *id, broker_key_t *key, int64_t time)
{
    broker_session_t *holder = broker_registry_find(self, name);
    if (is_left_behind(holder, name, key)) {
        int rc = take_over(self, holder, name, key);
        if (rc)
            return rc;
        holder = broker_registry_find(self, name);
    }
    wire_str_t taken = holder ? name : broker_str(id);
    holder = holder ? holder : broker_registry_find(self, taken);
    return holder ? broker_registry_taken(self, taken, holder, time) : broker_name_take(self, key, name);
}

static int open_named(broker_core_t *self, wire_str_t name, const claims_t *c, const broker_record_t *record,
                      broker_key_t *key)
{
    bool whole = false;
    int rc = check_given(self, name, c, record->number, &whole);
    if (rc == 0)
        rc = broker_name_check(self, key, name);
    if (rc)
        return rc;
    char *id = id_of_name(name, whole);
    if (!id)
        return no_memory(self);
    broker_session_t *holder = broker_registry_find(self, name);
    if (is_same(holder, name, id, record, key)) {
        free(id);
        return resume(self, holder, c, record);
    }
    rc = claim(self, name, id, key, record->time);
    if (rc == 0)
        return begin(self, id, broker_copy(name), c, record, key);
    free(id);
    return rc;
}

//  Of the session that begins. NULL with *rc 0: it shows none.
static broker_key_t *open_key(broker_core_t *self, wire_str_t key, int *rc)
{
    wire_str_t text = { key.data, BROKER_KEY };
    *rc = 0;
    if (!key.data)
        return NULL;
    if (key.size < BROKER_KEY || !self->keyed) {
        *rc = broker_say(self, WIRE_E_DENIED, self->keyed ? "that is no key" : "this broker has no keys");
        return NULL;
    }
    broker_key_t *found = broker_key_open(self, text, (wire_str_t) { key.data + BROKER_KEY, key.size - BROKER_KEY });
    if (!found)
        *rc = no_memory(self);
    return found;
}

static int open_by(broker_core_t *self, const broker_record_t *record, broker_key_t *key)
{
    claims_t c;
    wire_reader_t body = wire_reader(record->body.data, record->body.size);
    int rc = read_claims(self, body, &c);
    if (rc)
        return rc;
    if (self->sessions >= BROKER_MAX_SESSIONS)
        return broker_say(self, WIRE_E_FULL, "the broker has %zu sessions and takes no more", self->sessions);
    //  Minted, and told so, but the node's name went missing on the way: the id says it.
    wire_str_t name = record->name;
    if (!name.size && (number_of(self, c.id, false) || number_of(self, c.id, true)))
        name = c.id;
    if (name.size)
        return open_named(self, name, &c, record, key);
    char *id = mint(self, c.visitor);
    return begin(self, id, id ? broker_copy(broker_str(id)) : NULL, &c, record, key);
}

static int open_session(broker_core_t *self, const broker_record_t *record)
{
    int rc;
    broker_key_t *key = open_key(self, record->key, &rc);
    if (rc == 0)
        rc = open_by(self, record, key);
    if (rc)
        broker_key_tidy(self, key);
    return rc;
}

void broker_hello_apply(broker_core_t *self, const broker_record_t *record)
{
    wire_buf_clear(&self->outcome.lost);
    self->outcome.lost_count = 0;
    self->outcome.session = NULL;
    self->outcome.replaced = NULL;
    self->outcome.code = open_session(self, record);
    if (self->outcome.code)
        self->counters.refused[self->outcome.code]++;
}

void broker_hello_welcome(broker_core_t *self, wire_buf_t *body)
{
    const broker_session_t *session = self->outcome.session;
    bool lost = self->outcome.lost_count && !self->outcome.lost.failed;
    wire_put_map(body, 3u + (self->keyed ? 2u : 0u) + (lost ? 1u : 0u));
    wire_put_cstr(body, "id");
    wire_put_text(body, session->id, strlen(session->id));
    wire_put_cstr(body, "address");
    wire_put_text(body, self->address, strlen(self->address));
    wire_put_cstr(body, "lease");
    wire_put_int(body, session->lease);
    if (self->keyed) {
        wire_put_cstr(body, "keys");
        wire_put_bool(body, true);
        wire_put_cstr(body, "rights");
        broker_vouch_put(session->key, body);
    }
    if (!lost)
        return;
    wire_put_cstr(body, "lost");
    wire_put_array(body, self->outcome.lost_count);
    wire_buf_append(body, self->outcome.lost.data, self->outcome.lost.size);
}
