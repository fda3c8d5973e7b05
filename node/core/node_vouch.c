//  node_vouch - who is behind a key, as the broker says: VOUCH and RIGHTS
//
//  A new broker (or the old one, restarted) knows of nothing that we were told: it is asked again for the keys of our open
//  links. It learns of its nodes as they come back, so one that it does not know yet is asked for once more when a lease is over; until
//  then what was known of it holds.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

static wire_str_t key_of(const node_author_t *author)
{
    return (wire_str_t) { author->key, strlen(author->key) };
}

//  ---- RIGHTS ----------------------------------------------------------------------

static node_link_t *link_of(const node_core_t *self, const node_author_t *author)
{
    node_link_t *link = self->links;
    while (link && !(link->author == author && link->peer))
        link = link->next;
    return link;
}

//  The link may be gone when this returns, and with it the last hold on the author but ours.
static void revoke(node_core_t *self, wire_str_t key)
{
    node_author_t *author;
    node_link_t *link;
    while ((author = node_rights_revoke(&self->rights, key)) != NULL) {
        while ((link = link_of(self, author)) != NULL) {
            node_author_release(link->author);
            link->author = node_author_hold(self->nobody);
            if (self->effects.cut)
                self->effects.cut(self->arg, link->peer, "the broker does not trust the key of this link any more: whoever runs it "
                                  "can trust that again (alua keys trust)");
        }
        node_author_release(author);
    }
    if (self->effects.untrust)
        self->effects.untrust(self->arg, key);
}

int node_core_rights(node_core_t *self, const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields, packed;
    wire_str_t node, key;
    if (wire_read_bytes(&at, &node) || wire_read_bytes(&at, &key))
        return WIRE_E_MALFORMED;
    packed = at;
    if (wire_skip(&at))
        return WIRE_E_MALFORMED;
    packed.end = at.at;
    if (*packed.at == 0xc0) {           //  nil
        if (key.size)
            revoke(self, key);
        return 0;
    }
    if (node.size == 0)
        return node_rights_set_key(&self->rights, key, packed, self->here);
    return node_rights_set(&self->rights, node, key, packed, self->here);
}

//  ---- Who wrote it ----------------------------------------------------------------

node_author_t *node_core_author(node_core_t *self, const node_link_t *link, alua_remote_t *from)
{
    if (link)
        return link->author;
    if (!from->author || from->author->revoked || from->author->stale) {
        node_author_t *author = node_rights_of(&self->rights, node_remote_name(from));
        node_author_release(from->author);
        from->author = node_author_hold(author);
    }
    return from->author ? from->author : self->nobody;
}

//  ---- VOUCH -----------------------------------------------------------------------

typedef enum { VOUCH_ONCE, VOUCH_AGAIN, VOUCH_LAST } vouch_why_t;

//  A question to the broker.
typedef struct node_vouch node_vouch_t;
struct node_vouch {
    node_vouch_t *next;
    node_core_t *core;
    vouch_why_t why;
    alua_outcome_fn *fn;
    void *arg;
    char key[NODE_KEY];
    size_t size;
    char node[];                //  "": all
};

static void vouch_free(node_vouch_t *self)
{
    node_vouch_t **place = &self->core->vouches;
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    free(self);
}

void node_core_vouches_free(node_core_t *self)
{
    while (self->vouches)
        vouch_free(self->vouches);
}

static void learn_node(node_vouch_t *self, wire_str_t node, wire_reader_t rights)
{
    node_core_t *core = self->core;
    wire_str_t key = { self->key, NODE_KEY };
    (void) node_rights_set(&core->rights, node, key, rights, core->here);
}

//  rights{}, nodes[]
static void learn(node_vouch_t *self, const alua_outcome_t *outcome)
{
    wire_reader_t at = wire_reader(outcome->body, outcome->size), rights = at;
    wire_str_t node;
    uint32_t count = 0;
    if (wire_skip(&at))
        return;
    rights.end = at.at;
    (void) node_rights_set_key(&self->core->rights, (wire_str_t) { self->key, NODE_KEY }, rights, self->core->here);
    if (self->size)
        learn_node(self, (wire_str_t) { self->node, self->size }, rights);
    if (outcome->count < 2 || wire_read_array(&at, &count))
        return;
    while (count-- && wire_read_name(&at, &node) == 0)
        learn_node(self, node, rights);
}

static void ask_last(void *arg);

//  Of a link that stands: it may have to come back to the broker yet.
static void refused(node_vouch_t *self)
{
    node_core_t *core = self->core;
    if (self->why == VOUCH_LAST)
        revoke(core, (wire_str_t) { self->key, NODE_KEY });
    else if (self->why == VOUCH_AGAIN && !core->vouch_timer)
        core->vouch_timer = node_core_timer(core, WIRE_LEASE, true, ask_last, core);
}

static void on_vouched(void *arg, const alua_outcome_t *outcome)
{
    node_vouch_t *self = arg;
    if (outcome->code == 0)
        learn(self, outcome);
    else if (outcome->code == WIRE_E_DENIED)
        refused(self);
    if (self->fn)
        self->fn(self->arg, outcome);
    vouch_free(self);
}

static int ask(node_vouch_t *self)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_text(&fields, self->node, self->size);
    wire_put_text(&fields, self->key, NODE_KEY);
    node_ask_t ask = { .type = WIRE_VOUCH, .fields = fields.data, .size = fields.size, .count = 2, .timeout = WIRE_LEASE,
                       .background = true, .inner = true, .fn = on_vouched, .arg = self };
    int rc = fields.failed ? WIRE_E_NO_MEMORY : node_core_ask(self->core, &ask);
    wire_buf_free(&fields);
    return rc;
}

static int vouch(node_core_t *self, wire_str_t node, wire_str_t key, vouch_why_t why, alua_outcome_fn *fn, void *arg)
{
    if (!self->broker || !self->broker_up)
        return WIRE_E_OFFLINE;
    if (!self->effects.room(self->arg, self->broker, node.size + key.size + 64))
        return WIRE_E_FULL;
    node_vouch_t *vouch = malloc(sizeof *vouch + node.size + 1);
    if (!vouch)
        return WIRE_E_NO_MEMORY;
    *vouch = (node_vouch_t) { .next = self->vouches, .core = self, .why = why, .fn = fn, .arg = arg, .size = node.size };
    self->vouches = vouch;
    memcpy(vouch->key, key.data, NODE_KEY);
    memcpy(vouch->node, node.size ? node.data : "", node.size);
    int rc = ask(vouch);
    if (rc)
        vouch_free(vouch);
    return rc;
}

int node_core_vouch(node_core_t *self, wire_str_t node, wire_str_t key, alua_outcome_fn *fn, void *arg)
{
    return key.size == NODE_KEY ? vouch(self, node, key, VOUCH_ONCE, fn, arg) : WIRE_E_USAGE;
}

//  ---- A new broker ------------------------------------------------------------------

static void ask_all(node_core_t *self, vouch_why_t why)
{
    for (const node_link_t *link = self->links; link; link = link->next)
        if (link->author && *link->author->key)
            (void) vouch(self, node_author_name(link->author), key_of(link->author), why, NULL, NULL);
}

static void ask_last(void *arg)
{
    node_core_t *self = arg;
    self->vouch_timer = 0;
    ask_all(self, VOUCH_LAST);
}

void node_core_keys(node_core_t *self, bool on)
{
    self->rights.on = on;
    if (on)
        ask_all(self, VOUCH_AGAIN);
}
