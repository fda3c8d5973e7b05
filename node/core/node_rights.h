//  node_rights - who may do what here: authors by node and key, with what the broker says of them
//
//  An author is a node under one key, as the broker vouches for it (VOUCH) or tells of it (RIGHTS). Links, processes behind the
//  broker and queued messages point to their author, so that a message costs a pointer and no look-up; a change of
//  rights is seen by all of them, and an author that is revoked is so for what waits already. Where the broker has no
//  keys there are none, and nobody is asked. Who came by ipc with the user's token has no author: it may do all.

#ifndef NODE_RIGHTS_H
#define NODE_RIGHTS_H

#include "rights.h"
#include "wire_read.h"

#define NODE_KEY 40             //  Characters of a key

typedef struct node_author node_author_t;
struct node_author {
    node_author_t *next;
    unsigned refs;              //  The table is one
    bool revoked;               //  Out of the table: it may nothing
    bool stale;                 //  The node has come under another key since; links of this one may stand yet
    rights_code_t code;         //  How its chunks run here: the least of its right and of what this node allows
    rights_t *rights;
    char key[NODE_KEY + 1];     //  "": it came to the broker by token
    size_t size;
    char node[];
};

typedef struct {
    bool on;                    //  Our broker has keys
    rights_code_t most;         //  How code of others is run here at most
    node_author_t *first;       //  Newest first
    size_t count;
} node_rights_t;

void node_rights_free(node_rights_t *self);

//  The author of that node, under that key or, without one, under its newest. Not held. NULL: unknown.
node_author_t *node_rights_find(const node_rights_t *self, wire_str_t node, const char *key);
//  The same for a process: its id is its node's name, or 1@NAME.
node_author_t *node_rights_of(const node_rights_t *self, wire_str_t process);
//  Whether the broker has vouched for that key, whatever its nodes.
bool node_rights_knows(const node_rights_t *self, wire_str_t key);

//  From now on that node has these rights (packed as rights_new reads them) under that key; `here` is our own node's name. 0,
//  WIRE_E_MALFORMED or _NO_MEMORY: then it has none, as far as it was known.
int node_rights_set(node_rights_t *self, wire_str_t node, wire_str_t key, wire_reader_t packed, wire_str_t here);
//  The same for all nodes of a key that are known; none is no error.
int node_rights_set_key(node_rights_t *self, wire_str_t key, wire_reader_t packed, wire_str_t here);

//  Take one author of that key out of the table and mark it revoked; still held, the caller releases. NULL: no more.
node_author_t *node_rights_revoke(node_rights_t *self, wire_str_t key);

//  NULL is fine.
node_author_t *node_author_hold(node_author_t *self);
void node_author_release(node_author_t *self);

static inline wire_str_t node_author_name(const node_author_t *self)
{
    return (wire_str_t) { self->node, self->size };
}

#endif
