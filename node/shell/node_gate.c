//  node_gate - who comes over tcp: keys that the broker vouches for, and the nodes that they say they are
//
//  A connection of an unknown key waits at its handshake until the broker has answered. When its link is open it has said which
//  node it is; where the broker has not yet told us that this node has that key it is asked, and until then
//  what the link brings is kept here, so that nobody speaks in another's name.

#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

//  Keys asked for at once. More wait for nothing: they are refused, and come again.
#define ASKING_MOST   64
//  Bytes that one stranger may have waiting; a broker answers in no time.
#define STRANGER_MOST (4 * 1024 * 1024)
#define STRANGERS_MOST 64

typedef struct {
    wire_msg_t msg;
    hub_frame_t *frame;
} kept_t;

struct node_stranger {
    node_stranger_t *next;
    alua_node_t *node;
    hub_peer_t *peer;
    char *name;
    wire_buf_t process;         //  As its greeting had it
    uint64_t incarnation;
    bool switches;
    kept_t *kept;
    size_t count, capacity, bytes;
};

struct node_asking {
    node_asking_t *next;
    alua_node_t *node;
    char key[CERT_KEY + 1];
};

static wire_str_t text_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

//  ---- At the handshake --------------------------------------------------------------

static void asking_free(node_asking_t *self)
{
    node_asking_t **place = &self->node->asking;
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    self->node->asking_count--;
    free(self);
}

static void on_vouched(void *arg, const alua_outcome_t *outcome)
{
    node_asking_t *self = arg;
    if (!self->node->leaving)
        hub_admit(self->node->hub, self->key, outcome->code == 0);
    if (outcome->code == WIRE_E_DENIED)
        node_audit_key(self->node, self->key, "the broker does not know this key");
    asking_free(self);
}

static const node_asking_t *asking_for(const alua_node_t *self, const char *key)
{
    const node_asking_t *asking = self->asking;
    while (asking && strcmp(asking->key, key) != 0)
        asking = asking->next;
    return asking;
}

static hub_verdict_t ask(alua_node_t *self, const char *key)
{
    node_asking_t *asking = self->asking_count < ASKING_MOST ? calloc(1, sizeof *asking) : NULL;
    if (!asking)
        return HUB_REJECT;
    snprintf(asking->key, sizeof asking->key, "%s", key);
    asking->node = self;
    asking->next = self->asking;
    self->asking = asking;
    self->asking_count++;
    if (node_core_vouch(&self->core, text_of(""), text_of(asking->key), on_vouched, asking) == 0)
        return HUB_ASK;
    asking_free(asking);
    return HUB_REJECT;
}

hub_verdict_t node_gate_admit(void *arg, const char *key)
{
    alua_node_t *self = arg;
    if (self->insecure || node_rights_knows(&self->core.rights, text_of(key)))
        return HUB_ADMIT;
    if (!self->core.rights.on || self->leaving)
        return HUB_REJECT;              //  Nobody vouches for anybody here
    return asking_for(self, key) ? HUB_ASK : ask(self, key);
}

static bool flag_in(wire_reader_t map, const char *key)
{
    bool flag = false;
    wire_reader_t at;
    return wire_map_find(&map, key, &at) && wire_read_bool(&at, &flag) == 0 && flag;
}

//  ---- When the link is open -----------------------------------------------------------

static void stranger_free(node_stranger_t *self)
{
    node_stranger_t **place = &self->node->strangers;
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    for (size_t i = 0; i < self->count; i++)
        hub_frame_release(self->kept[i].frame);
    free(self->kept);
    free(self->name);
    wire_buf_free(&self->process);
    free(self);
}

static node_stranger_t *stranger_of(const alua_node_t *self, const hub_peer_t *peer)
{
    node_stranger_t *stranger = self->strangers;
    while (stranger && stranger->peer != peer)
        stranger = stranger->next;
    return stranger;
}

//  NULL: no longer a stranger, or no memory.
static node_author_t *author_of(const alua_node_t *self, const char *name, const char *key)
{
    return node_rights_find(&self->core.rights, text_of(name), key);
}

//  Three wrong messages would have ended it.
static void replay(node_stranger_t *self, node_link_t *link)
{
    for (size_t i = 0; i < self->count; i++) {
        hub_frame_begin(self->kept[i].frame);
        (void) node_core_message(&self->node->core, link, &self->kept[i].msg, self->kept[i].frame);
        hub_frame_end(self->kept[i].frame);
    }
}

static node_link_t *let_in(alua_node_t *self, hub_peer_t *peer, const char *name, uint64_t incarnation, wire_str_t process,
                           bool switches, node_author_t *author)
{
    node_link_t *link = hub_data(peer);
    if (!link)
        link = node_core_link_accept(&self->core, peer, text_of(name), incarnation, process);
    hub_set_data(peer, link);
    if (!link)
        return NULL;
    node_author_hold(author);
    node_author_release(link->author);
    link->author = author;
    link->switches = switches;
    node_core_link_up(&self->core, link, process);
    return link;
}

static void on_known(void *arg, const alua_outcome_t *outcome)
{
    node_stranger_t *self = arg;
    alua_node_t *node = self->node;
    char text[512];
    if (!self->peer || node->leaving) {     //  It is gone, or we are
        stranger_free(self);
        return;
    }
    const char *key = hub_peer_key(self->peer);
    node_author_t *author = outcome->code == 0 ? author_of(node, self->name, key) : NULL;
    if (author) {
        node_link_t *link = let_in(node, self->peer, self->name, self->incarnation,
                                   (wire_str_t) { (const char *) self->process.data, self->process.size }, self->switches, author);
        if (link)
            replay(self, link);
    } else {
        snprintf(text, sizeof text, "the broker knows no node %.200s with this key", self->name);
        node_audit_key(node, key, text);
        hub_drop(self->peer, WIRE_E_DENIED, text);
    }
    stranger_free(self);
}

static node_stranger_t *stranger_new(alua_node_t *self, hub_peer_t *peer, const hub_greeting_t *greeting, wire_str_t process)
{
    node_stranger_t *stranger = calloc(1, sizeof *stranger);
    char *name = stranger ? malloc(greeting->name.size + 1) : NULL;
    if (!name) {
        free(stranger);
        return NULL;
    }
    memcpy(name, greeting->name.data, greeting->name.size);
    name[greeting->name.size] = 0;
    *stranger = (node_stranger_t) { .next = self->strangers, .node = self, .peer = peer, .name = name,
                                    .incarnation = greeting->incarnation, .switches = flag_in(greeting->body, "switch"),
                                    .process = WIRE_BUF_EMPTY };
    wire_buf_append(&stranger->process, process.data, process.size);
    self->strangers = stranger;
    return stranger;
}

static size_t count_strangers(const alua_node_t *self)
{
    size_t count = 0;
    for (const node_stranger_t *stranger = self->strangers; stranger; stranger = stranger->next)
        count++;
    return count;
}

//  Which processes a node has: NAME and 1@NAME (PROTOCOL.md section 15).
static bool is_its_process(wire_str_t node, wire_str_t process)
{
    return wire_str_same(node, process)
        || (process.size == node.size + 2 && memcmp(process.data, "1@", 2) == 0 && memcmp(process.data + 2, node.data, node.size) == 0);
}

void node_gate_up(alua_node_t *self, hub_peer_t *peer, const hub_greeting_t *greeting, wire_str_t process)
{
    const char *key = hub_peer_key(peer);
    char name[WIRE_MAX_NAME + 1];
    snprintf(name, sizeof name, "%.*s", (int) greeting->name.size, greeting->name.data);
    node_author_t *author = *key ? author_of(self, name, key) : NULL;
    bool switches = flag_in(greeting->body, "switch");
    if (!*key || self->insecure) {
        let_in(self, peer, name, greeting->incarnation, process, switches, author);
        return;
    }
    if (!is_its_process(greeting->name, process)) {
        node_audit_key(self, key, "it speaks for a process of another node");
        hub_drop(peer, WIRE_E_DENIED, "that process is another node's");
        return;
    }
    if (author) {
        let_in(self, peer, name, greeting->incarnation, process, switches, author);
        return;
    }
    node_stranger_t *stranger = self->core.rights.on && count_strangers(self) < STRANGERS_MOST
        ? stranger_new(self, peer, greeting, process) : NULL;
    if (stranger && node_core_vouch(&self->core, greeting->name, text_of(key), on_known, stranger) == 0)
        return;
    if (stranger)
        stranger_free(stranger);
    hub_drop(peer, WIRE_E_DENIED, self->core.rights.on ? "the broker cannot be asked now who this is" : "nobody vouches for keys here");
}

static bool make_place(node_stranger_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? self->capacity * 2 : 16;
    kept_t *kept = realloc(self->kept, capacity * sizeof *kept);
    if (!kept)
        return false;
    self->kept = kept;
    self->capacity = capacity;
    return true;
}

bool node_gate_keep(alua_node_t *self, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame, int *code)
{
    node_stranger_t *stranger = stranger_of(self, peer);
    if (!stranger)
        return false;
    stranger->bytes += (size_t) (msg->whole.end - msg->whole.at);
    *code = stranger->bytes > STRANGER_MOST || !make_place(stranger) ? WIRE_E_FULL : 0;
    if (*code == 0) {
        hub_frame_hold(frame);
        stranger->kept[stranger->count++] = (kept_t) { *msg, frame };
    }
    return true;
}

void node_gate_gone(alua_node_t *self, hub_peer_t *peer)
{
    node_stranger_t *stranger = stranger_of(self, peer);
    if (stranger)
        stranger->peer = NULL;          //  Freed by the answer
}

void node_gate_free(alua_node_t *self)
{
    while (self->strangers)
        stranger_free(self->strangers);
    while (self->asking)
        asking_free(self->asking);
}
