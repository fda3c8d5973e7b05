//  node_broker - joining a network, leaving it, and coming back after the broker or the connection failed

#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

//  ms until a broker that has ended our session is dialled again; one that denied it after twice as long each time.
#define AGAIN_DELAY 1000
#define AGAIN_MOST  30000

static void put_key(wire_buf_t *out, const char *key)
{
    wire_put_cstr(out, key);
}

static void put_endpoints(const alua_node_t *self, wire_buf_t *out)
{
    put_key(out, "endpoints");
    char part[NODE_PART];
    uint32_t count = 0;
    while (node_place_part(self->listen, count, part))
        count++;
    wire_put_array(out, count + 1);
    wire_put_text(out, self->endpoint, strlen(self->endpoint));
    for (uint32_t i = 0; node_place_part(self->listen, i, part); i++)
        wire_put_text(out, part, strlen(part));
    put_key(out, "host");
    wire_put_text(out, self->host, strlen(self->host));
}

//  HELLO and WELCOME between nodes.
void node_put_greeting(alua_node_t *self, wire_buf_t *out)
{
    wire_put_map(out, 4);
    put_key(out, "switch");
    wire_put_bool(out, true);
    put_key(out, "id");
    wire_put_text(out, self->core.id, strlen(self->core.id));
    put_endpoints(self, out);
}

static void put_joined(const alua_node_t *self, wire_buf_t *out)
{
    uint32_t count = 0;
    for (const node_app_t *app = self->core.apps.first; app; app = app->next)
        count += app->joined;
    put_key(out, "apps");
    wire_put_array(out, count);
    for (const node_app_t *app = self->core.apps.first; app; app = app->next)
        if (app->joined)
            wire_put_text(out, app->name, strlen(app->name));
}

static void put_names(const alua_node_t *self, wire_buf_t *out)
{
    uint32_t count = 0;
    for (const node_name_t *name = self->core.names; name; name = name->next)
        count++;
    put_key(out, "names");
    wire_put_array(out, count);
    for (const node_name_t *name = self->core.names; name; name = name->next)
        wire_put_text(out, name->text, name->size);
}

//  The id we had, or the one our launcher means for us in the network it put us in.
static const char *claimed_id(const alua_node_t *self)
{
    const char *planned = alua_boot_value("ID"), *network = alua_boot_value("BROKER");
    if (*self->core.id || !planned || !network || self->given_name)
        return self->core.id;
    return strcmp(network, self->broker_endpoint) == 0 ? planned : "";
}

//  HELLO to a broker: with an id, a return; what is claimed is ours unless somebody took it meanwhile.
void node_put_claims(alua_node_t *self, wire_buf_t *out)
{
    const char *id = claimed_id(self);
    wire_put_map(out, *id ? 8 : 7);
    if (*id) {
        put_key(out, "id");
        wire_put_text(out, id, strlen(id));
    }
    put_endpoints(self, out);
    put_joined(self, out);
    put_names(self, out);
    put_key(out, "visitor");
    wire_put_bool(out, self->visitor);
    put_key(out, "spawn");
    wire_put_bool(out, self->spawned);
    put_key(out, "lease");
    wire_put_uint(out, (uint64_t) (self->lease ? self->lease : WIRE_LEASE));
}

//  ---- Opening ------------------------------------------------------------------

static void opened(alua_node_t *self, const alua_outcome_t *outcome)
{
    alua_outcome_fn *fn = self->open_fn;
    if (!fn)
        return;
    self->open_fn = NULL;
    self->core.starting--;
    if (self->open_timer)
        node_core_timer_cancel(&self->core, self->open_timer);
    self->open_timer = 0;
    node_parent_tell(self, outcome);
    node_post_outcome(self, fn, self->open_arg, outcome);
}

static void open_failed(alua_node_t *self, int code, const char *text)
{
    alua_outcome_t outcome = { .code = code, .definite = true, .text = text };
    opened(self, &outcome);
}

static void say_opened(alua_node_t *self)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    const char *texts[] = { self->core.id, self->core.address, self->core.node };
    for (size_t i = 0; i < 3; i++)
        wire_put_text(&fields, texts[i], strlen(texts[i]));
    alua_outcome_t outcome = { .count = 3, .body = fields.data, .size = fields.size };
    opened(self, &outcome);
    wire_buf_free(&fields);
}

static wire_str_t text_in(wire_reader_t map, const char *key)
{
    wire_str_t text = { "", 0 };
    wire_reader_t at;
    if (wire_map_find(&map, key, &at) && wire_read_bytes(&at, &text))
        text.size = 0;
    return text;
}

static bool bool_in(wire_reader_t map, const char *key)
{
    wire_reader_t at;
    bool flag = false;
    return wire_map_find(&map, key, &at) && wire_read_bool(&at, &flag) == 0 && flag;
}

//  Names that others took while the broker was away.
static void drop_lost_names(alua_node_t *self, wire_reader_t body)
{
    wire_reader_t at;
    uint32_t count;
    wire_str_t name;
    if (!wire_map_find(&body, "lost", &at) || wire_read_array(&at, &count))
        return;
    for (; count && wire_read_name(&at, &name) == 0; count--) {
        node_core_unname(&self->core, name);
        if (self->core.handler.report)
            self->core.handler.report(self->core.handler_arg, name, WIRE_E_EXISTS,
                                      "this registered name is another's since the broker was away", NULL, 0);
    }
}

void node_broker_up(alua_node_t *self, const hub_greeting_t *greeting)
{
    wire_str_t id = text_in(greeting->body, "id");
    wire_str_t address = text_in(greeting->body, "address");
    wire_str_t name = id;
    if (self->given_name)
        name = (wire_str_t) { self->given_name, strlen(self->given_name) };
    bool again = self->core.broker_up || self->dismissed;
    self->dismissed = false;
    if (self->core.broker_up)
        node_core_broker_gone(&self->core, WIRE_E_GONE, "the broker was restarted");
    if (node_core_welcome(&self->core, self->broker, id, name, address)) {
        open_failed(self, WIRE_E_NO_MEMORY, NULL);
        return;
    }
    self->again = 0;
    self->core.stat.broker = greeting->incarnation;
    node_core_keys(&self->core, bool_in(greeting->body, "keys"));
    if (again) {
        self->core.stat.restarts++;
        node_core_event(&self->core, ALUA_BROKER, 0);
    }
    hub_set_name(self->hub, self->core.node);
    drop_lost_names(self, greeting->body);
    node_effects.claims(self);
    node_control_opened(self);
    if (self->open_fn)
        say_opened(self);
}

static void dial_broker(alua_node_t *self);

static void on_again(void *arg)
{
    alua_node_t *self = arg;
    if (self->dismissed && !self->broker && !self->leaving && !self->finishing)
        dial_broker(self);
}

//  Whoever was too slow for a while is no stranger: it begins anew, as behind a broker's restart. One that is denied now
//  may be trusted later.
static void dial_later(alua_node_t *self, int code)
{
    int64_t ms = code == WIRE_E_DENIED && self->again ? self->again : AGAIN_DELAY;
    self->again = ms * 2 < AGAIN_MOST ? ms * 2 : AGAIN_MOST;
    self->dismissed = node_core_timer(&self->core, ms, true, on_again, self) != 0;
}

void node_broker_gone(alua_node_t *self, int code, const char *text)
{
    self->broker = NULL;
    self->core.broker = NULL;
    if (self->leaving || self->finishing)
        return;
    node_core_broker_gone(&self->core, code, text);
    if (self->open_fn) {
        open_failed(self, code, text);
        return;
    }
    if (code == WIRE_E_FULL || code == WIRE_E_DENIED)
        dial_later(self, code);
    if (self->core.handler.report) {
        wire_str_t about = { "the broker", 10 };
        self->core.handler.report(self->core.handler_arg, about, code, text, NULL, 0);
    }
}

static void dial_broker(alua_node_t *self)
{
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_str_t any = { "", 0 };
    const char *endpoint = self->broker_endpoint, *key, *error;
    if (!node_keys_broker(self, endpoint, &key, &error)) {
        open_failed(self, WIRE_E_USAGE, error);
        return;
    }
    node_put_claims(self, &body);
    self->broker = body.failed ? NULL : hub_dial_key(self->hub, any, 0, &endpoint, 1, key, body.data, body.size);
    wire_buf_free(&body);
    if (!self->broker)
        open_failed(self, WIRE_E_USAGE, "not an endpoint to dial");
}

static void on_probed(void *arg, const alua_outcome_t *outcome)
{
    alua_node_t *self = arg;
    if (outcome->code)
        open_failed(self, WIRE_E_OFFLINE, outcome->text);
    else
        dial_broker(self);
}

static void on_open_late(void *arg)
{
    alua_node_t *self = arg;
    self->open_timer = 0;
    if (self->broker)
        hub_drop(self->broker, 0, NULL);
    if (self->open_fn)
        open_failed(self, WIRE_E_TIMEOUT, "the broker did not answer");
}

//  ms that leaving may take. Links close behind what was sent, but one that is not open yet has no such place; a peer
//  that does not answer shall not keep us.
#define LEAVE_TIME 1000

static void leave(alua_node_t *self)
{
    node_drain_links(self, LEAVE_TIME);
    for (node_link_t *link = self->core.links; link; link = link->next)
        hub_close(link->peer, WIRE_E_CLOSED, "left the network");
    hub_peer_t *broker = self->broker;
    self->broker = NULL;
    node_core_forget(&self->core);
    hub_set_name(self->hub, self->given_name ? self->given_name : "");
    if (broker)
        hub_close(broker, WIRE_E_CLOSED, "left the network");
}

int alua_node_open(alua_node_t *self, const char *broker, int64_t timeout, alua_outcome_fn *fn, void *arg)
{
    if (self->open_fn || !fn)
        return fn ? WIRE_E_STATE : WIRE_E_USAGE;
    char *endpoint = node_text_copy(broker);
    if (!endpoint)
        return WIRE_E_NO_MEMORY;
    if (self->broker)
        leave(self);
    free(self->broker_endpoint);
    self->broker_endpoint = endpoint;
    self->dismissed = false;
    self->open_fn = fn;
    self->open_arg = arg;
    int rc = node_probe(self, endpoint, on_probed, self);
    self->core.starting += rc == 0;
    if (rc)
        self->open_fn = NULL;
    else if (timeout > 0)
        self->open_timer = node_core_timer(&self->core, timeout, true, on_open_late, self);
    return rc;
}

int alua_node_close(alua_node_t *self)
{
    self->dismissed = false;
    if (!self->broker)
        return WIRE_E_OFFLINE;
    leave(self);
    if (self->open_fn)
        open_failed(self, WIRE_E_OFFLINE, "left before the broker answered");
    return 0;
}
