//  hub_keys - whose key may come in: the hub's side of the gate
//
//  The room above decides (`admit`, hub_admit). What it admitted is kept here and at the gate; here it is looked up
//  again when HELLO is said, since libzmq cannot end a connection that was let in before the verdict changed.

#include "hub_gate.h"
#include "hub_self.h"

//  Beyond, all are forgotten, and the room above is asked anew.
#define MANY_VERDICTS   4096
//  What a CURVE socket must have so that nobody gets in when there is no gate; the option's name is among libzmq's
//  drafts, the option itself has been there since 4.3.0.
#define ENFORCE_DOMAIN  93

static void tell_gate(hub_t *self, const char *word, const char *key)
{
    if (!self->gate)
        return;
    zstr_sendx(self->gate->sock, word, key, NULL);
    hub_touch(self->gate);
}

static void remember(hub_t *self, const char *key)
{
    if (self->verdicts.count >= MANY_VERDICTS)
        hub_table_clear(&self->verdicts);
    hub_table_put(&self->verdicts, key, strlen(key), self);
}

static hub_verdict_t judge(hub_t *self, const char *key)
{
    if (hub_table_find(&self->verdicts, key, strlen(key)))
        return HUB_ADMIT;
    hub_verdict_t verdict = self->handler.admit && !self->insecure ? self->handler.admit(self->arg, key) : HUB_ADMIT;
    if (verdict == HUB_ADMIT)
        remember(self, key);
    return verdict;
}

bool hub_keys_admitted(hub_t *self, const char *key)
{
    return judge(self, key) == HUB_ADMIT;
}

//  The gate asks.
static bool drain_gate(hub_source_t *source)
{
    hub_t *self = source->hub;
    char key[CERT_KEY + 1];
    int size;
    while ((size = zmq_recv(source->zmq, key, CERT_KEY, ZMQ_DONTWAIT)) >= 0) {
        key[size < CERT_KEY ? size : CERT_KEY] = 0;
        hub_verdict_t verdict = judge(self, key);
        if (verdict != HUB_ASK)
            tell_gate(self, verdict == HUB_ADMIT ? "Y" : "N", key);
    }
    return false;
}

static void end_links(hub_t *self, const char *key)
{
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (!peer || strcmp(peer->key, key) != 0)
            continue;
        hub_drop(peer, WIRE_E_DENIED, "this key was revoked: whoever runs the broker can trust it again (alua keys trust)");
        hub_flow_end(peer, hub_loop_time(self));
    }
}

void hub_admit(hub_t *self, const char *key, bool admitted)
{
    if (strlen(key) != CERT_KEY)
        return;
    if (admitted)
        remember(self, key);
    else {
        hub_table_put(&self->verdicts, key, CERT_KEY, NULL);
        end_links(self, key);
    }
    tell_gate(self, admitted ? "Y" : "N", key);
}

const char *hub_peer_key(const hub_peer_t *self)
{
    return self->key;
}

//  ---- Sockets --------------------------------------------------------------

int hub_keys_start(hub_t *self)
{
    static atomic_uint number;
    char where[64];
    if (self->gate)
        return 0;
    if (!hub_gate_join(where))
        return WIRE_E_SYSTEM;
    snprintf(self->domain, sizeof self->domain, "hub-%u", atomic_fetch_add(&number, 1));
    self->gate = hub_source_new(self, NULL, ZMQ_DEALER, drain_gate);
    if (self->gate) {
        zsock_set_unbounded(self->gate->sock);  //  The gate does not ask twice, nor more than it parks
        zsock_set_sndtimeo(self->gate->sock, 0);        //  Should it have died, we do not wait for it
    }
    if (!self->gate || zmq_setsockopt(self->gate->zmq, ZMQ_ROUTING_ID, self->domain, strlen(self->domain))
            || zmq_connect(self->gate->zmq, where)) {
        hub_source_destroy(&self->gate, 0);
        hub_gate_leave();
        return WIRE_E_SYSTEM;
    }
    hub_source_watch(self->gate);
    return 0;
}

void hub_keys_stop(hub_t *self)
{
    if (!self->gate)
        return;
    tell_gate(self, "L", "");
    hub_source_destroy(&self->gate, 200);
    hub_gate_leave();
}

int hub_keys_guard(hub_t *self, void *zmq)
{
    int on = 1;
    return zmq_setsockopt(zmq, ZMQ_CURVE_SERVER, &on, sizeof on)
        || zmq_setsockopt(zmq, ZMQ_CURVE_SECRETKEY, self->cert.secret_key, CERT_KEY + 1)
        || zmq_setsockopt(zmq, ZMQ_ZAP_DOMAIN, self->domain, strlen(self->domain))
        || zmq_setsockopt(zmq, ENFORCE_DOMAIN, &on, sizeof on) ? WIRE_E_SYSTEM : 0;
}

int hub_keys_show(const hub_t *self, void *zmq, const char *server)
{
    return zmq_setsockopt(zmq, ZMQ_CURVE_SERVERKEY, server, CERT_KEY + 1)
        || zmq_setsockopt(zmq, ZMQ_CURVE_PUBLICKEY, self->cert.public_key, CERT_KEY + 1)
        || zmq_setsockopt(zmq, ZMQ_CURVE_SECRETKEY, self->cert.secret_key, CERT_KEY + 1) ? WIRE_E_SYSTEM : 0;
}
