//  hub_refused - a link that we dial comes to nothing: what does that mean, and what is to be said of it?
//
//      FAILED_AUTH 400     the other end does not trust our key
//      FAILED_AUTH 500     it could not find out in time; it does not say more
//      FAILED_PROTOCOL     one of us has keys, the other none; or no ZeroMQ speaks there
//      FAILED_NO_DETAIL    the connection was cut in the middle, which is how a CURVE server answers those who want
//                          another key than its own: several in a row tell. Or it was cut before we read its greeting
//                          to the end, see hub_greet.c. So do servers that are just dying.
//
//  libzmq gives a session up after all but the last, so whoever goes on needs a new socket.

#include "hub_self.h"

//  libzmq tries again after 50, 100, 200 ms: this takes less than half a second.
#define UNFINISHED      3
//  ms; longer apart, they are not in a row
#define IN_A_ROW        3000

static const char *endpoint_of(const hub_peer_t *self)
{
    return self->endpoints[self->endpoint];
}

__attribute__((format(printf, 2, 3)))
static void deny(hub_peer_t *self, const char *format, ...)
{
    char text[HUB_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->refused = true;               //  There is nobody to be told
    wire_link_end(self->link, WIRE_E_DENIED, text);
}

//  A link that stood before resumes over a new socket, as long as its lease lasts.
static void try_later(hub_peer_t *self, int64_t now, const char *text)
{
    if (wire_link_is_open(self->link) || (self->patient && self->endpoint_count == 1))
        hub_dial_again(self, now);
    else
        hub_dial_next(self, now, WIRE_E_UNKNOWN, text);
}

static void on_auth(hub_peer_t *self, uint32_t status, int64_t now)
{
    const cert_t *cert = &self->hub->cert;
    if (status == 400)
        deny(self, "it does not trust our key %s (%s): on its host run `alua keys trust %s.pub`",
             cert->name, cert->public_key, cert->name);
    else
        try_later(self, now, "it could not find out in time whether our key is trusted");
}

static void on_wrong_key(hub_peer_t *self)
{
    deny(self, "who listens at %.80s does not have the key %s that was asked for (or none: is it started with --key?): "
         "compare it with its .pub file", endpoint_of(self), self->dial_key);
}

void hub_refused_keyless(hub_peer_t *self)
{
    deny(self, "who listens at %.80s takes links with keys only: give its public key, and ours (--key)",
         endpoint_of(self));
}

static void on_protocol(hub_peer_t *self, uint32_t error, int64_t now)
{
    bool mixed = error == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
    if (mixed && self->key[0])
        deny(self, "who listens at %.80s has no keys, and we want to see one: start it with --key", endpoint_of(self));
    else if (mixed)
        hub_refused_keyless(self);
    else if (self->key[0] && error == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
        on_wrong_key(self);
    else
        try_later(self, now, "something else answers at its address");
}

static void on_unfinished(hub_peer_t *self, int64_t now)
{
    if (!self->key[0]) {
        hub_greet(self, self->number);
        return;
    }
    if (self->unfinished == 0 || now - self->unfinished_at > IN_A_ROW) {
        self->unfinished = 0;
        self->unfinished_since = now;
    }
    self->unfinished_at = now;
    //  It had the key; now its host is in trouble. When that has lasted longer than its session, it is another host.
    bool stood = wire_link_is_open(self->link);
    if (++self->unfinished >= UNFINISHED && (!stood || now - self->unfinished_since > self->hub->link_config.lease))
        on_wrong_key(self);
}

void hub_refused(hub_peer_t *self, int event, uint32_t value, int64_t now)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        on_auth(self, value, now);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        on_protocol(self, value, now);
    else
        on_unfinished(self, now);
}
