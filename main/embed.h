//  embed - the broker of a private network, inside the launcher and on its loop

#ifndef EMBED_H
#define EMBED_H

#include <uv.h>
#include "over.h"

typedef struct embed embed_t;

//  Listen at the one endpoint. NULL: standard error says why.
embed_t *embed_new(uv_loop_t *loop, const char *endpoint);
//  Close at once. Run the loop once more afterwards.
void embed_destroy(embed_t **self_p);

const char *embed_endpoint(const embed_t *self);
//  What stands behind the @ of its ids.
const char *embed_address(const embed_t *self);
//  over_broker_fn: what it exchanged with "NAME#INCARNATION". False: it has no such session.
bool embed_counts(const embed_t *self, const char *peer, over_broker_t *counts);
//  That node is dead, whoever watches it hears so at once. peer may be NULL.
void embed_child_died(embed_t *self, const char *peer);

#endif
