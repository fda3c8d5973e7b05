#include "node_rights.h"
#include <stdlib.h>
#include <string.h>
#include "wire_error.h"
#include "wire_limits.h"

node_author_t *node_author_hold(node_author_t *self)
{
    if (self)
        self->refs++;
    return self;
}

void node_author_release(node_author_t *self)
{
    if (!self || --self->refs)
        return;
    rights_destroy(&self->rights);
    free(self);
}

void node_rights_free(node_rights_t *self)
{
    while (self->first) {
        node_author_t *author = self->first;
        self->first = author->next;
        author->revoked = true;
        node_author_release(author);
    }
    self->count = 0;
    self->on = false;
}

//  ---- Finding ---------------------------------------------------------------------

node_author_t *node_rights_find(const node_rights_t *self, wire_str_t node, const char *key)
{
    node_author_t *author = self->first;
    while (author && !(wire_str_same(node_author_name(author), node) && (!key || strcmp(author->key, key) == 0)))
        author = author->next;
    return author;
}

node_author_t *node_rights_of(const node_rights_t *self, wire_str_t process)
{
    node_author_t *author = node_rights_find(self, process, NULL);
    if (author || process.size < 3 || memcmp(process.data, "1@", 2) != 0)
        return author;
    return node_rights_find(self, (wire_str_t) { process.data + 2, process.size - 2 }, NULL);
}

bool node_rights_knows(const node_rights_t *self, wire_str_t key)
{
    const node_author_t *author = self->first;
    while (author && !wire_str_is(key, author->key))
        author = author->next;
    return author != NULL;
}

//  ---- Changing --------------------------------------------------------------------

static void apply(const node_rights_t *self, node_author_t *author, rights_t *rights, wire_str_t here)
{
    rights_destroy(&author->rights);
    author->rights = rights;
    author->code = rights_code(rights, here);
    if (*author->key && author->code > self->most)
        author->code = self->most;
}

//  What cannot be read gives no rights: what was said last is what counts, and it was not the rights there were.
static int read_rights(wire_reader_t packed, rights_t **rights)
{
    wire_reader_t at = packed;
    uint32_t pairs;
    *rights = wire_read_map(&at, &pairs) == 0 ? rights_new(packed, NULL) : NULL;
    if (*rights)
        return 0;
    *rights = (rights_t *) (uintptr_t) rights_nothing();    //  Which rights_destroy lets be
    return WIRE_E_MALFORMED;
}

static node_author_t *add(node_rights_t *self, wire_str_t node, wire_str_t key)
{
    node_author_t *author = calloc(1, sizeof *author + node.size + 1);
    if (!author)
        return NULL;
    memcpy(author->node, node.data, node.size);
    author->size = node.size;
    if (key.size)
        memcpy(author->key, key.data, key.size);
    author->refs = 1;
    author->next = self->first;
    self->first = author;
    self->count++;
    return author;
}

//  What is said last of a node is how it is: who took another for it looks again.
static void move_to_front(node_rights_t *self, node_author_t *author)
{
    node_author_t **place = &self->first;
    for (node_author_t *other = self->first; other; other = other->next)
        if (wire_str_same(node_author_name(other), node_author_name(author)))
            other->stale = other != author;
    while (*place != author)
        place = &(*place)->next;
    *place = author->next;
    author->next = self->first;
    self->first = author;
}

int node_rights_set(node_rights_t *self, wire_str_t node, wire_str_t key, wire_reader_t packed, wire_str_t here)
{
    char text[NODE_KEY + 1] = "";
    rights_t *rights;
    if ((key.size && key.size != NODE_KEY) || node.size == 0 || node.size > WIRE_MAX_NAME)
        return WIRE_E_MALFORMED;
    if (key.size)
        memcpy(text, key.data, key.size);
    int rc = read_rights(packed, &rights);
    node_author_t *author = node_rights_find(self, node, text);
    if (!author && rc == 0)
        author = add(self, node, key);
    if (author) {
        move_to_front(self, author);
        apply(self, author, rights, here);
    } else
        rights_destroy(&rights);
    return rc == 0 && !author ? WIRE_E_NO_MEMORY : rc;
}

int node_rights_set_key(node_rights_t *self, wire_str_t key, wire_reader_t packed, wire_str_t here)
{
    int rc = 0;
    for (node_author_t *author = self->first; author; author = author->next)
        if (wire_str_is(key, author->key)) {
            rights_t *rights;
            rc |= read_rights(packed, &rights);
            apply(self, author, rights, here);
        }
    return rc;
}

node_author_t *node_rights_revoke(node_rights_t *self, wire_str_t key)
{
    node_author_t **place = &self->first;
    while (*place && !wire_str_is(key, (*place)->key))
        place = &(*place)->next;
    node_author_t *author = *place;
    if (!author)
        return NULL;
    *place = author->next;
    self->count--;
    author->revoked = true;
    author->code = RIGHTS_NONE;
    return author;
}
