//  hub_accept - links that come to us: strangers, HELLO and RESUME
//
//  Identity is what HELLO proved, or the key that the connection proved; a routing id only says which connection a frame came
//  by. An id that RESUME or a new HELLO has replaced leads nowhere, so what is left of
//  the old connection is dropped.

#include "hub_self.h"

//  ms that the address of a node on another host has to answer.
#define PROOF_TIME      2500
//  Whom we told once to say HELLO; forgotten when there are too many.
#define MANY_STRANGERS  4096

typedef struct {
    hub_door_t *door;
    const uint8_t *data;
    size_t size;
} route_t;

static int send_to(route_t to, const wire_buf_t *frame)
{
    hub_source_t *router = to.door->router;
    hub_touch(router);
    if (frame->failed)
        return -1;
    if (zmq_send(router->zmq, to.data, to.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    return zmq_send(router->zmq, frame->data, frame->size, ZMQ_DONTWAIT) < 0 ? -1 : 0;
}

static void refuse(hub_t *self, route_t to, uint64_t nonce, int code, const char *text)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    self->refused++;
    wire_put_refused(&out, nonce, code, text);
    send_to(to, &out);
    wire_buf_free(&out);
}

//  Whether the connection still stands, as far as can be known.
static bool reachable(route_t id)
{
    wire_buf_t nothing = WIRE_BUF_EMPTY;
    hub_has_input(id.door->router);
    return send_to(id, &nothing) == 0;
}

//  Its routing id leads nowhere any more.
static void drop_id(hub_peer_t *self)
{
    hub_door_t *door = self->door;
    if (door && door->last_peer == self)
        door->last_peer = NULL;
    if (self->id_size && hub_table_find(&door->by_id, self->id, self->id_size) == self)
        hub_table_put(&door->by_id, self->id, self->id_size, NULL);
    self->id_size = 0;
}

void hub_accept_forget(hub_peer_t *self)
{
    hub_t *hub = self->hub;
    drop_id(self);
    uint64_t session = wire_link_session(self->link);
    if (session && hub_table_find(&hub->by_session, &session, sizeof session) == self)
        hub_table_put(&hub->by_session, &session, sizeof session, NULL);
}

static bool has_id(const hub_peer_t *self, route_t id)
{
    return self->door == id.door && self->id_size == id.size && memcmp(self->id, id.data, id.size) == 0;
}

//  The peer is reached by this id from now on.
static bool take_id(hub_peer_t *self, route_t id)
{
    hub_peer_t *prior = hub_table_find(&id.door->by_id, id.data, id.size);
    if (!hub_table_put(&id.door->by_id, id.data, id.size, self))
        return false;
    if (prior && prior != self)
        hub_peer_doom(prior, WIRE_E_GONE, "its connection opened another link");
    if (!has_id(self, id))
        drop_id(self);
    hub_table_put(&id.door->strangers, id.data, id.size, NULL);
    id.door->last_peer = NULL;
    self->door = id.door;
    memcpy(self->id, id.data, id.size);
    self->id_size = id.size;
    self->cut = false;                  //  What failed did so on the old connection
    hub_flow_begin(self, self->hub->caller_flow);
    return true;
}

//  HELLO

//  By CURVE the key is the proof: the gate let it in, unless it was withdrawn since. Else it is the token.
static int check_proof(hub_t *self, route_t id, const wire_hello_t *hello, const char **text)
{
    wire_str_t token = { self->token, strlen(self->token) };
    if (id.door == &self->doors[HUB_CURVE]) {
        *text = "this key is not trusted any more: whoever runs the broker can trust it again (alua keys trust)";
        return self->caller_key[0] && hub_keys_admitted(self, self->caller_key) ? 0 : WIRE_E_DENIED;
    }
    *text = "wrong token: both ends must be given the same one";
    return self->insecure || wire_proof_equal(token, hello->proof) ? 0 : WIRE_E_DENIED;
}

static int check(hub_t *self, route_t id, const wire_hello_t *hello, hub_role_t *role, const char **text)
{
    if (hello->min_version > WIRE_VERSION || hello->max_version < WIRE_VERSION) {
        *text = "no common protocol version: we speak version 1";
        return WIRE_E_VERSION;
    }
    int code = check_proof(self, id, hello, text);
    if (code)
        return code;
    if (!hub_role_of(hello->role, role)) {
        *text = "no such role";
        return WIRE_E_MALFORMED;
    }
    if (self->name[0] && wire_str_is(hello->name, self->name) && hello->incarnation == self->incarnation) {
        *text = "a node has no link to itself";
        return WIRE_E_USAGE;
    }
    return 0;
}

//  On our own host an address means what it says; ipc is the surer one.
static void note_own_host(hub_peer_t *self, wire_reader_t at, uint32_t count)
{
    wire_str_t text;
    while (count-- && wire_read_bytes(&at, &text) == 0) {
        char endpoint[HUB_TEXT];
        hub_text(endpoint, text);
        if (strncmp(endpoint, "tcp://", 6) == 0 || hub_probe_ipc_exists(endpoint)) {
            hub_text(self->address, text);
            if (strncmp(endpoint, "ipc://", 6) == 0)
                return;
        }
    }
}

//  Of another host we believe an address that its connection came from (so that no NAT stands between), once somebody
//  has answered there while it lived.
static void note_other_host(hub_peer_t *self, wire_reader_t at, uint32_t count)
{
    wire_str_t text;
    int64_t now = hub_loop_time(self->hub);
    while (!self->address[0] && count-- && wire_read_bytes(&at, &text) == 0) {
        char endpoint[HUB_TEXT];
        hub_text(endpoint, text);
        if (!hub_probe_is_at(endpoint, self->hub->caller))
            continue;
        hub_text(self->address, text);
        self->unproved_until = now + PROOF_TIME;
        self->probe.due = now;
        hub_wake_at(self->hub, now);
    }
}

//  Where a refused connection would prove that it is dead.
static void note_address(hub_peer_t *self, wire_reader_t body)
{
    wire_reader_t at;
    wire_str_t text;
    uint32_t count;
    hub_probe_stop(&self->probe);       //  Perhaps of the time when we dialled it
    self->probe.due = WIRE_LINK_NEVER;
    self->address[0] = 0;
    self->unproved_until = 0;
    bool same_host = wire_map_find(&body, "host", &at) && wire_read_bytes(&at, &text) == 0
        && self->hub->host[0] && wire_str_is(text, self->hub->host);
    if (wire_map_find(&body, "endpoints", &at) && wire_read_array(&at, &count) == 0)
        (same_host ? note_own_host : note_other_host)(self, at, count);
}

static int send_welcome(hub_peer_t *self, uint64_t nonce, uint64_t session, bool counted)
{
    hub_t *hub = self->hub;
    const char *role = hub_role_word(hub->role);
    wire_welcome_t welcome = {
        WIRE_VERSION, counted ? WIRE_FEATURE_RESUME : 0, nonce, { role, strlen(role) },
        { hub->name, strlen(hub->name) }, hub->incarnation, session, 0,
        wire_reader(self->welcome.data, self->welcome.size)
    };
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_welcome(&out, &welcome);
    int rc = send_to((route_t) { self->door, self->id, self->id_size }, &out);
    wire_buf_free(&out);
    return rc;
}

//  Earlier peers of that name: the one that opened now is the proof of their end.
static void end_namesakes(hub_peer_t *self)
{
    wire_str_t name = { self->name, strlen(self->name) };
    for (hub_peer_t *old = hub_find(self->hub, name, 0); old; old = hub_find(self->hub, name, 0)) {
        if (old == self)
            old = self->namesake;
        if (!old)
            return;
        bool same = old->incarnation == self->incarnation;
        old->dead = !same;
        wire_link_end(old->link, WIRE_E_GONE, same ? "it opened its link anew"
                                                   : "another incarnation has its name");
    }
}

//  The room above has agreed: make it so.
static void welcome_peer(hub_peer_t *self, const wire_hello_t *hello, hub_greeting_t *greeting)
{
    hub_t *hub = self->hub;
    bool counted = hello->features & WIRE_FEATURE_RESUME;
    uint64_t session = hub_random();
    hub_dial_stop(self, 0);
    self->dialled = false;
    self->role = greeting->role;
    self->incarnation = greeting->incarnation;
    hub_peer_name_it(self, greeting->name);
    end_namesakes(self);
    note_address(self, hello->body);
    hub_table_put(&hub->by_session, &session, sizeof session, self);
    greeting->session = session;
    send_welcome(self, hello->nonce, session, counted);
    hub_peer_opened(self, session, counted, greeting);
}

static void greet(hub_t *self, route_t id, hub_peer_t *peer, const wire_hello_t *hello, hub_role_t role)
{
    hub_greeting_t greeting = { role, hello->name, hello->incarnation, hello->session, hello->body };
    const char *text = "";
    char minted[WIRE_MAX_NAME + 1] = "";
    bool is_new = !peer;
    if (is_new && !(peer = hub_peer_new(self, false))) {
        refuse(self, id, hello->nonce, WIRE_E_NO_MEMORY, "out of memory");
        return;
    }
    char dialled_key[CERT_KEY + 1];
    memcpy(dialled_key, peer->key, sizeof dialled_key);
    memcpy(peer->key, self->caller_key, sizeof peer->key);
    wire_buf_clear(&peer->welcome);
    peer->role = role;
    int code = self->handler.hello(self->arg, peer, &greeting, &peer->welcome, minted, &text);
    if (code == 0 && (peer->welcome.failed || !take_id(peer, id)))
        code = WIRE_E_NO_MEMORY;
    if (code) {
        refuse(self, id, hello->nonce, code, text);
        memcpy(peer->key, dialled_key, sizeof peer->key);
        if (is_new)
            wire_link_end(peer->link, WIRE_E_CLOSED, "");   //  Not announced: without a word
        return;
    }
    if (minted[0])
        greeting.name = (wire_str_t) { minted, strlen(minted) };
    welcome_peer(peer, hello, &greeting);
}

//  The HELLO of somebody we know: what becomes of the two links?
//  Both dialled: one link survives. Nothing was ever said over ours: its HELLO was
//  repeated, because the first WELCOME went down with its connection. Else it has
//  forgotten our link, and begins anew. Another key is somebody else, whatever it says; the room above decides.
static void greet_again(hub_t *self, route_t id, hub_peer_t *peer, const wire_hello_t *hello, hub_role_t role)
{
    wire_str_t ours = { self->name, strlen(self->name) };
    bool open = wire_link_is_open(peer->link);
    bool counted = hello->features & WIRE_FEATURE_RESUME;
    bool ours_known = open || peer->connected;      //  Else our HELLO is not on its way, and may never be
    if (peer->dialled && ours_known
            && wire_link_ours_wins(ours, self->incarnation, hello->name, hello->incarnation)) {
        refuse(self, id, hello->nonce, WIRE_E_DUPLICATE, "our link to you is kept");
        wire_link_probe(peer->link, hub_loop_time(self));   //  If it knows no such link, it says so
        return;
    }
    if (open && !reachable(id))
        return;                         //  Left over from a connection that is no more
    bool same_key = strcmp(peer->key, self->caller_key) == 0;
    if (!open && (same_key || !peer->dial_key[0] || !self->caller_key[0]))
        greet(self, id, peer, hello, role);
    else if (open && same_key && !peer->dialled && wire_link_is_fresh(peer->link) && take_id(peer, id)) {
        uint64_t session = wire_link_session(peer->link);
        send_welcome(peer, hello->nonce, session, counted);
        wire_link_opened(peer->link, session, counted, hub_loop_time(self));
    }
    else
        greet(self, id, NULL, hello, role);
}

static void on_hello(hub_t *self, route_t id, const wire_msg_t *msg)
{
    wire_hello_t hello;
    hub_role_t role;
    const char *text;
    if (wire_read_hello(msg, &hello)) {
        refuse(self, id, 0, WIRE_E_MALFORMED, "not a HELLO of our protocol");
        return;
    }
    int code = check(self, id, &hello, &role, &text);
    if (code) {
        refuse(self, id, hello.nonce, code, text);
        return;
    }
    hub_peer_t *peer = hello.name.size ? hub_find(self, hello.name, hello.incarnation) : NULL;
    if (peer)
        greet_again(self, id, peer, &hello, role);
    else
        greet(self, id, NULL, &hello, role);
}

//  RESUME: the new connection is taken only when the answer could be written to it,
//  so that one left over from a connection that broke since changes nothing.
static void on_resume(hub_t *self, route_t id, const wire_msg_t *msg)
{
    wire_resume_t resume;
    if (wire_read_resume(msg, &resume))
        return;
    hub_peer_t *peer = hub_table_find(&self->by_session, &resume.session, sizeof resume.session);
    if (!peer || peer->dialled) {
        refuse(self, id, resume.nonce, WIRE_E_STATE, "no such session: say HELLO");
        return;
    }
    if (strcmp(peer->key, self->caller_key) != 0) {
        refuse(self, id, resume.nonce, WIRE_E_DENIED, "the session was opened with another key");
        return;
    }
    if (!reachable(id) || !take_id(peer, id))
        return;
    int rc = wire_link_resume(peer->link, resume.nonce, resume.received, hub_loop_time(self));
    if (rc == 0)
        self->reconnects++;
    else if (rc == WIRE_E_STATE) {
        refuse(self, id, resume.nonce, WIRE_E_STATE, "the session cannot be resumed: say HELLO");
        wire_link_end(peer->link, WIRE_E_GONE, "its counts are impossible");
    }
}

static void on_refused(hub_peer_t *self, const wire_msg_t *msg)
{
    char text[HUB_TEXT];
    wire_refused_t refused;
    if (wire_read_refused(msg, &refused))
        return;
    hub_text(text, refused.text);
    self->refused = true;
    wire_link_end(self->link, refused.code, text);
}

//  Whoever says anything else before HELLO is told once what is missing.
static void tell_stranger(hub_t *self, route_t id, int error)
{
    hub_table_t *strangers = &id.door->strangers;
    if (hub_table_find(strangers, id.data, id.size))
        return;
    if (strangers->count >= MANY_STRANGERS)
        hub_table_clear(strangers);
    hub_table_put(strangers, id.data, id.size, self);
    if (error) {
        refuse(self, id, 0, error, "the bytes are not a valid message");
        return;
    }
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_who(&out);
    send_to(id, &out);
    wire_buf_free(&out);
}

//  Where it comes from, and its key: the User-Id that the gate gave libzmq. A peer may name properties of its
//  connection, too, but libzmq takes ours first and keeps them.
static void note_caller(hub_t *self, route_t id, hub_frame_t *frame)
{
    const char *host = zmq_msg_gets(&frame->msg, "Peer-Address"), *key = NULL;
    if (id.door == &self->doors[HUB_CURVE])
        key = zmq_msg_gets(&frame->msg, "User-Id");
    self->caller_flow = hub_flow_of(frame);
    snprintf(self->caller, sizeof self->caller, "%s", host ? host : "");
    snprintf(self->caller_key, sizeof self->caller_key, "%s", key ? key : "");
}

static void open_input(hub_t *self, route_t id, hub_peer_t *peer, hub_frame_t *frame, int opening)
{
    wire_msg_t msg;
    int rc = hub_frame_only(frame, &msg);
    if (rc) {
        self->refused++;
        tell_stranger(self, id, rc);
    }
    else if (opening == WIRE_HELLO) {
        note_caller(self, id, frame);
        on_hello(self, id, &msg);
    }
    else if (opening == WIRE_RESUME) {
        note_caller(self, id, frame);
        on_resume(self, id, &msg);
    }
    else if (opening == WIRE_REFUSED && peer)
        on_refused(peer, &msg);
}

static void stranger_input(hub_t *self, route_t id, hub_frame_t *frame)
{
    wire_reader_t at = wire_reader(hub_frame_data(frame), hub_frame_size(frame));
    wire_link_header_t header;
    wire_msg_t msg;
    bool counted = wire_link_read(&at, &header) == 0;
    tell_stranger(self, id, counted || at.at == at.end ? 0 : wire_msg_next(&at, &msg));
}

static hub_peer_t *peer_of(route_t id)
{
    hub_peer_t *last = id.door->last_peer;
    if (last && last->id_size == id.size && memcmp(last->id, id.data, id.size) == 0)
        return last;
    hub_peer_t *peer = hub_table_find(&id.door->by_id, id.data, id.size);
    if (peer)
        id.door->last_peer = peer;
    return peer;
}

//  A frame of one part is the rule; others are skipped whole.
static bool skip_parts(hub_t *self, void *router, hub_frame_t *frame)
{
    bool skipped = false;
    while (zmq_msg_more(&frame->msg)) {
        skipped = true;
        self->refused++;
        if (zmq_msg_recv(&frame->msg, router, ZMQ_DONTWAIT) < 0)
            break;
    }
    return skipped;
}

static void router_input(hub_t *self, route_t id, hub_frame_t *frame)
{
    if (skip_parts(self, id.door->router->zmq, frame))
        return;
    hub_peer_t *peer = peer_of(id);
    int opening = hub_frame_opening(frame);
    if (opening)
        open_input(self, id, peer, frame, opening);
    else if (peer)
        hub_peer_input(peer, frame);
    else
        stranger_input(self, id, frame);
}

bool hub_accept_drain(hub_source_t *router)
{
    hub_t *self = router->hub;
    hub_door_t *door = hub_door_of(router);
    uint8_t id[256];
    for (int i = 0; i < router->most; i++) {
        hub_frame_t *frame = hub_frame_spare(self);
        int size = frame ? zmq_recv(router->zmq, id, sizeof id, ZMQ_DONTWAIT) : -1;
        if (size < 0 || zmq_msg_recv(&frame->msg, router->zmq, ZMQ_DONTWAIT) < 0)
            return false;
        router_input(self, (route_t) { door, id, (size_t) size }, frame);
    }
    return true;
}
