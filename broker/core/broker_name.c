//  broker_name - which name belongs to which key
//
//  A name that was taken with a key is that key's as long as the broker lives, also while nobody has it. What a session
//  without a key takes belongs to nobody. The trust store's own names are not kept here: they are looked up there.

#include "broker_state.h"

#include <stdlib.h>
#include <string.h>

struct broker_name {
    char *name;
    broker_key_t *key;
};

static broker_name_t *find(const broker_core_t *self, wire_str_t name)
{
    return broker_map_get(&self->owned, name.data, name.size);
}

static void forget(broker_core_t *self, broker_name_t *owned)
{
    broker_map_remove(&self->owned, owned->name, strlen(owned->name));
    broker_list_remove(&owned->key->names, owned);
    free(owned->name);
    free(owned);
}

//  ---- May it have the name? -----------------------------------------------

//  The id of a named node is its name's.
static wire_str_t root(wire_str_t name)
{
    bool id = name.size > 2 && memcmp(name.data, "1@", 2) == 0;
    return id ? (wire_str_t) { name.data + 2, name.size - 2 } : name;
}

//  Whose it is. False: nobody's. A name that the trust store has now goes before what was taken.
static bool owner_of(const broker_core_t *self, wire_str_t name, wire_str_t *key)
{
    if (broker_key_of_name(self, name, key))
        return true;
    const broker_name_t *owned = find(self, name);
    if (owned)
        *key = broker_str(owned->key->text);
    return owned != NULL;
}

static int refuse(broker_core_t *self, const broker_key_t *key, wire_str_t name)
{
    char shown[BROKER_SHOWN];
    broker_show(shown, name);
    self->counters.names_refused++;
    if (key)
        return broker_say(self, WIRE_E_DENIED, "the name %s belongs to another key: come with that one, or take another name",
                          shown);
    return broker_say(self, WIRE_E_DENIED, "the name %s belongs to a key, and this session came without one: come with it, "
                      "or take another name", shown);
}

int broker_name_check(broker_core_t *self, const broker_key_t *key, wire_str_t name)
{
    wire_str_t owner;
    for (int i = 0; i < 2; i++) {
        wire_str_t asked = i ? root(name) : name;
        if (owner_of(self, asked, &owner) && (!key || !wire_str_is(owner, key->text)))
            return refuse(self, key, name);
    }
    return 0;
}

//  ---- Taking --------------------------------------------------------------

//  One name more for this key: the longest unused goes when it has too many. False: all are in use.
static bool make_room(broker_core_t *self, broker_key_t *key)
{
    for (size_t i = 0; key->names.count >= BROKER_MAX_OWNED && i < key->names.count; i++) {
        broker_name_t *owned = key->names.items[i];
        if (!broker_registry_find(self, broker_str(owned->name)))
            forget(self, owned);
    }
    return key->names.count < BROKER_MAX_OWNED;
}

static broker_name_t *create(broker_core_t *self, broker_key_t *key, wire_str_t name)
{
    broker_name_t *owned = calloc(1, sizeof *owned);
    if (owned)
        *owned = (broker_name_t) { broker_copy(name), key };
    if (owned && owned->name && broker_list_reserve(&key->names)
            && broker_map_put(&self->owned, owned->name, name.size, owned)) {
        broker_list_add(&key->names, owned);
        return owned;
    }
    if (owned)
        free(owned->name);
    free(owned);
    return NULL;
}

static void move_last(broker_key_t *key, broker_name_t *owned)
{
    broker_list_remove(&key->names, owned);
    broker_list_add(&key->names, owned);        //  There is room: it was just there
}

int broker_name_take(broker_core_t *self, broker_key_t *key, wire_str_t name)
{
    if (!key)
        return 0;
    int rc = broker_name_check(self, key, name);
    broker_name_t *owned = rc ? NULL : find(self, name);
    if (rc)
        return rc;
    if (owned && owned->key != key) {           //  By now it is that of a certificate
        broker_key_t *before = owned->key;
        forget(self, owned);
        broker_key_tidy(self, before);
        owned = NULL;
    }
    if (owned) {
        move_last(key, owned);
        return 0;
    }
    if (!make_room(self, key))
        return broker_say(self, WIRE_E_FULL, "%d names of this key are in use already", BROKER_MAX_OWNED);
    return create(self, key, name) ? 0 : broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

//  ---- Passing on, giving up -----------------------------------------------

void broker_name_pass_on(broker_key_t *from, broker_key_t *to)
{
    broker_list_t names = to->names;
    to->names = from->names;
    from->names = names;
    for (size_t i = 0; i < to->names.count; i++)
        ((broker_name_t *) to->names.items[i])->key = to;
}

void broker_name_free_of(broker_core_t *self, broker_key_t *key)
{
    broker_name_t *owned;
    while ((owned = broker_list_last(&key->names)) != NULL)
        forget(self, owned);
}
