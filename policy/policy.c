//  policy - who has which roles, merged when the file is read, so that a look costs a comparison per key

#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy_guess.h"
#include "rights_self.h"
#include "wire_error.h"

typedef struct {
    wire_str_t name;
    wire_reader_t rules;        //  Of a role
    size_t start, size;         //  Of a key: its packed rights, in `rights`
} entry_t;

typedef struct {
    entry_t *entries;
    uint32_t count;
} list_t;

struct policy {
    wire_buf_t text;            //  All names' bytes
    wire_buf_t rights;          //  All keys' rights; the default's first
    list_t roles, keys;
    size_t default_size;
};

static const char *const words[] = { "roles", "keys", "default" };

#define WORDS (sizeof words / sizeof words[0])

static int shown(wire_str_t text)
{
    return text.size < 48 ? (int) text.size : 48;
}

static bool no_memory(char *error)
{
    snprintf(error, RIGHTS_ERROR, "out of memory");
    return false;
}

//  Put "roles.worker: " before what the rights say of themselves.
static bool refuse_in(const char *table, wire_str_t name, char *error)
{
    char inner[RIGHTS_ERROR];
    memcpy(inner, error, sizeof inner);
    snprintf(error, RIGHTS_ERROR, "%s%s%.*s: %.150s", table, name.size ? "." : "", shown(name), name.size ? name.data : "", inner);
    return false;
}

static const entry_t *find(const list_t *list, wire_str_t name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (wire_str_same(list->entries[i].name, name))
            return &list->entries[i];
    return NULL;
}

//  ---- A key's rights -----------------------------------------------------------------

static bool refuse_role(const policy_t *self, wire_str_t role, char *error)
{
    policy_guess_t guess = policy_guess(role);
    for (uint32_t i = 0; i < self->roles.count; i++)
        policy_guess_among(&guess, self->roles.entries[i].name);
    snprintf(error, RIGHTS_ERROR, "there is no role '%.*s'", shown(role), role.data);
    policy_guess_say(&guess, error, RIGHTS_ERROR);
    return false;
}

static bool add_role(const policy_t *self, rights_t *rights, wire_reader_t *at, char *error)
{
    wire_str_t role;
    if (wire_read_bytes(at, &role)) {
        snprintf(error, RIGHTS_ERROR, "expected roles, as strings, and rights, such as { \"worker\", pub = { \"news.>\" } }");
        return false;
    }
    const entry_t *entry = find(&self->roles, role);
    if (!entry)
        return refuse_role(self, role, error);
    wire_reader_t rules = entry->rules;
    uint32_t pairs = 0;
    (void) wire_read_map(&rules, &pairs);       //  It was read before: nothing but memory may be missing
    for (int rc; pairs; pairs--) {
        wire_str_t word;
        if (wire_read_bytes(&rules, &word) || (rc = rights_add(rights, word, &rules, error)) != 0)
            return false;
    }
    return true;
}

//  A pair of { "worker", pub = {...} } that stands as a map: a position and a role, or a word and what it is about.
static bool add_pair(const policy_t *self, rights_t *rights, wire_reader_t *at, char *error)
{
    wire_reader_t key = *at;
    wire_item_t item;
    if (wire_read(&key, &item) == 0 && item.kind == WIRE_IS_STR) {
        *at = key;
        return rights_add(rights, item.as.bytes, at, error) == 0;
    }
    *at = key;
    if (item.kind == WIRE_IS_INT)
        return add_role(self, rights, at, error);
    snprintf(error, RIGHTS_ERROR, "expected roles by position and rights by name");
    return false;
}

static bool add_rules(const policy_t *self, rights_t *rights, wire_reader_t at, char *error)
{
    wire_reader_t inner = at;
    wire_item_t item;
    bool good = wire_read(&inner, &item) == 0;
    if (!good || (item.kind != WIRE_IS_ARRAY && item.kind != WIRE_IS_MAP))
        return add_role(self, rights, &at, error);
    for (uint32_t i = 0; good && i < item.as.count; i++)
        good = item.kind == WIRE_IS_ARRAY ? add_role(self, rights, &inner, error) : add_pair(self, rights, &inner, error);
    return good;
}

//  Merge and pack behind what was packed before.
static bool pack_rules(policy_t *self, wire_reader_t at, char *error)
{
    rights_t rights = { .admin = false };
    bool good = add_rules(self, &rights, at, error);
    if (good)
        rights_put(&rights, &self->rights);
    rights_clear(&rights);
    return good && (!self->rights.failed || no_memory(error));
}

//  ---- The file --------------------------------------------------------------------------

static bool read_list(list_t *list, wire_reader_t at, const char *table, char *error)
{
    if (wire_read_map(&at, &list->count)) {
        snprintf(error, RIGHTS_ERROR, "%s: expected a table of names", table);
        return false;
    }
    list->entries = calloc(list->count + 1u, sizeof *list->entries);
    if (!list->entries)
        return no_memory(error);
    for (uint32_t i = 0; i < list->count; i++) {
        entry_t *entry = &list->entries[i];
        if (wire_read_bytes(&at, &entry->name)) {
            snprintf(error, RIGHTS_ERROR, "%s: expected names as keys, such as { ana = ... }", table);
            return false;
        }
        entry->rules.at = at.at;
        (void) wire_skip(&at);
        entry->rules.end = at.at;
    }
    return true;
}

//  A role that nobody has must be right, too.
static bool check_role(const entry_t *role, char *error)
{
    rights_t rights = { .admin = false };
    wire_reader_t at = role->rules;
    uint32_t pairs;
    bool good = wire_read_map(&at, &pairs) == 0;
    if (!good)
        snprintf(error, RIGHTS_ERROR, "expected a table of rights, such as { take = { \"jobs\" } }; roles have no roles inside");
    for (; good && pairs; pairs--) {
        wire_str_t word;
        good = wire_read_bytes(&at, &word) == 0;
        if (!good)
            snprintf(error, RIGHTS_ERROR, "expected rights by name, such as take = { \"jobs\" }; roles have no roles inside");
        good = good && rights_add(&rights, word, &at, error) == 0;
    }
    rights_clear(&rights);
    return good || refuse_in("roles", role->name, error);
}

static bool pack_key(policy_t *self, entry_t *key, char *error)
{
    key->start = self->rights.size;
    if (!pack_rules(self, key->rules, error))
        return refuse_in("keys", key->name, error);
    key->size = self->rights.size - key->start;
    return true;
}

static bool pack_default(policy_t *self, const wire_reader_t *rules, char *error)
{
    if (!rules)
        rights_put(rights_nothing(), &self->rights);
    else if (!pack_rules(self, *rules, error))
        return refuse_in("default", (wire_str_t) { NULL, 0 }, error);
    self->default_size = self->rights.size;
    return !self->rights.failed || no_memory(error);
}

static bool refuse_word(wire_str_t word, char *error)
{
    policy_guess_t guess = policy_guess(word);
    for (size_t i = 0; i < WORDS; i++)
        policy_guess_among(&guess, (wire_str_t) { words[i], strlen(words[i]) });
    snprintf(error, RIGHTS_ERROR, "a policy has no '%.*s'", shown(word), word.data);
    policy_guess_say(&guess, error, RIGHTS_ERROR);
    return false;
}

//  The places of roles, keys and default.
static bool find_words(wire_reader_t at, wire_reader_t found[WORDS], char *error)
{
    uint32_t pairs;
    wire_reader_t end = at;
    bool good = wire_scan(&end) == 0 && end.at == end.end && wire_read_map(&at, &pairs) == 0;
    for (; good && pairs; pairs--) {
        wire_str_t word;
        size_t i = 0;
        if (wire_read_bytes(&at, &word))
            good = false;
        while (good && i < WORDS && !wire_str_is(word, words[i]))
            i++;
        if (good && i == WORDS)
            return refuse_word(word, error);
        if (good)
            found[i].at = at.at;
        good = good && wire_skip(&at) == 0;
        if (good)
            found[i].end = at.at;
    }
    if (!good)
        snprintf(error, RIGHTS_ERROR, "a policy is a table of roles, keys and default");
    return good;
}

static bool read_policy(policy_t *self, char *error)
{
    wire_reader_t found[WORDS] = { { NULL, NULL } };
    if (!find_words(wire_reader(self->text.data, self->text.size), found, error)
            || (found[0].at && !read_list(&self->roles, found[0], "roles", error))
            || (found[1].at && !read_list(&self->keys, found[1], "keys", error)))
        return false;
    for (uint32_t i = 0; i < self->roles.count; i++)
        if (!check_role(&self->roles.entries[i], error))
            return false;
    if (!pack_default(self, found[2].at ? &found[2] : NULL, error))
        return false;
    for (uint32_t i = 0; i < self->keys.count; i++)
        if (!pack_key(self, &self->keys.entries[i], error))
            return false;
    return true;
}

policy_t *policy_new(wire_reader_t packed, char *error)
{
    policy_t *self = calloc(1, sizeof *self);
    if (self)
        wire_buf_append(&self->text, packed.at, (size_t) (packed.end - packed.at));
    if (!self || self->text.failed)
        no_memory(error);
    else if (read_policy(self, error))
        return self;
    policy_destroy(&self);
    return NULL;
}

void policy_destroy(policy_t **self_p)
{
    policy_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    wire_buf_free(&self->text);
    wire_buf_free(&self->rights);
    free(self->roles.entries);
    free(self->keys.entries);
    free(self);
}

//  ---- Asking ------------------------------------------------------------------------------

static void put_without_policy(wire_buf_t *out)
{
    wire_put_map(out, WIRE_RIGHT_ADMIN - WIRE_RIGHT_CALL);
    for (unsigned right = WIRE_RIGHT_CALL; right < WIRE_RIGHT_ADMIN; right++) {
        wire_put_cstr(out, wire_right_word(right));
        wire_put_bool(out, true);
    }
}

bool policy_put_rights(const policy_t *self, wire_str_t key, wire_str_t name, wire_buf_t *out)
{
    if (!self) {
        put_without_policy(out);
        return !out->failed;
    }
    const entry_t *entry = key.size ? find(&self->keys, key) : NULL;
    if (!entry && name.size)
        entry = find(&self->keys, name);
    size_t start = entry ? entry->start : 0, size = entry ? entry->size : self->default_size;
    wire_buf_append(out, self->rights.data + start, size);
    return !out->failed;
}
