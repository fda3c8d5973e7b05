//  policy - who may do what: a file's rules, made into the rights of a key
//
//      roles = {
//        worker = { code = "jail", call = { "stats.*" }, take = { "jobs" }, out = { "done" } },
//        boss   = { code = "full", call = true, out = true, take = true, read = true, pub = true, sub = true, admin = true },
//      }
//      keys = {
//        ana = "boss",                        -- the name in a trusted certificate, or a public key (40 characters)
//        bob = { "worker", pub = { "news.>" } },   -- roles by position, and rights of its own: all that any of them gives
//      }
//      default = "worker"                       -- a trusted key that is not named; without it: nothing
//
//  Several roles are united: patterns together, of code the higher level, tables of code node by node. A role is a table of
//  rights only. Unknown words and roles are errors, with the nearest there is. Pure; immutable once made.

#ifndef POLICY_H
#define POLICY_H

#include "rights.h"

typedef struct policy policy_t;

//  From the packed value of the file (policy_text). NULL: no memory or a wrong rule; error[256] says which
//  ("keys.bob: there is no role 'wroker'; did you mean 'worker'?"). The bytes are copied.
policy_t *policy_new(wire_reader_t packed, char *error);
void policy_destroy(policy_t **self_p);

//  Append the packed rights (rights.h) of a key whose certificate has this name. A name in `keys` that is a public key goes before one
//  that is a certificate's name. self NULL, no policy: everything but code and admin. False: no memory.
bool policy_put_rights(const policy_t *self, wire_str_t key, wire_str_t name, wire_buf_t *out);

#endif
