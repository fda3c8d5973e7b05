//  hub_greet - by what mechanism does the other end of a dialled address greet: has it keys?
//
//  Two ZeroMQ sockets of unlike mechanisms part without a word, and one that has read all of our greeting before it
//  wrote all of its own cuts the connection first: so we dial without keys and see nothing but cuts, as we would behind
//  a network that cuts them. Whoever sends no more than the beginning of a greeting is sent a whole one (ZMTP 3.1,
//  section 2.2: signature, version, mechanism), and can read in peace.

#include "hub_self.h"

#define BEGINNING   11          //  Signature and major version
#define MECHANISM   12          //  Where it stands

static const uint8_t beginning[BEGINNING] = { 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3 };

static void begin(hub_source_t *source, zmq_msg_t *id)
{
    zmq_msg_send(id, source->zmq, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(source->zmq, beginning, sizeof beginning, ZMQ_DONTWAIT);
}

//  What a STREAM socket hears: its name for the connection, then nothing when it begins or ends, else bytes.
static bool hear(hub_peer_t *self, hub_source_t *source)
{
    zmq_msg_t id, data;
    zmq_msg_init(&id);
    zmq_msg_init(&data);
    bool heard = zmq_msg_recv(&id, source->zmq, ZMQ_DONTWAIT) >= 0 && zmq_msg_recv(&data, source->zmq, ZMQ_DONTWAIT) >= 0;
    size_t size = heard ? zmq_msg_size(&data) : 0;
    if (heard && size == 0)
        begin(source, &id);
    for (size_t i = 0; i < size && self->greeted < sizeof self->greeting; i++)
        self->greeting[self->greeted++] = ((const uint8_t *) zmq_msg_data(&data))[i];
    zmq_msg_close(&id);
    zmq_msg_close(&data);
    return heard;
}

static bool drain_stream(hub_source_t *source)
{
    hub_peer_t *self = source->peer;
    while (hear(self, source))
        ;
    if (self->greeted < sizeof self->greeting)
        return false;
    bool curve = memcmp(self->greeting + MECHANISM, "CURVE", sizeof "CURVE") == 0;
    hub_greet_stop(self);
    if (curve)
        hub_refused_keyless(self);
    return false;
}

void hub_greet(hub_peer_t *self, const char *endpoint)
{
    if (self->greeter || strncmp(endpoint, "tcp://", 6))
        return;
    self->greeted = 0;
    self->greeter = hub_source_new(self->hub, self, ZMQ_STREAM, drain_stream);
    if (!self->greeter)
        return;
    zsock_set_reconnect_ivl(self->greeter->sock, -1);
    zsock_set_linger(self->greeter->sock, 0);
    hub_source_family(self->greeter, endpoint);
    hub_source_watch(self->greeter);
    if (zmq_connect(self->greeter->zmq, endpoint))
        hub_greet_stop(self);
}

void hub_greet_stop(hub_peer_t *self)
{
    hub_source_destroy(&self->greeter, 0);
}
