//  hub_ask - what is said first over a link that we dial, HELLO or RESUME, and what is answered to it

#include "hub_self.h"

//  Refused as a duplicate: their HELLO ought to come; if not, ours once more.
#define YIELD_TIMEOUT   400
//  A question that could not be written is written again so soon.
#define ASK_RETRY       50

//  By CURVE our key is the proof, and the token nobody's business; nor is it that of another host, where it would
//  travel for all to read.
static bool say_hello(hub_peer_t *self, uint64_t nonce)
{
    hub_t *hub = self->hub;
    const char *proof = self->key[0] || !endpoint_is_local(self->endpoints[self->endpoint]) ? "" : hub->token;
    const char *role = hub_role_word(hub->role);
    wire_hello_t hello = {
        WIRE_VERSION, WIRE_VERSION, WIRE_FEATURE_RESUME, nonce,
        { role, strlen(role) }, { hub->name, strlen(hub->name) }, hub->incarnation,
        { proof, strlen(proof) }, self->last_session,
        wire_reader(self->hello.data, self->hello.size)
    };
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_put_hello(&out, &hello);
    bool said = !out.failed && hub_peer_write(self, out.data, out.size, false) == 0;
    wire_buf_free(&out);
    return said;
}

//  Whoever could not answer RESUME for want of memory says nothing, and has our lease's time to end the link: so we
//  ask again before that.
static int64_t patience(const hub_peer_t *self)
{
    return self->hub->link_config.lease / 4;
}

//  When an answer to HELLO has to have come: a node may be computing, a broker does not.
int64_t hub_ask_limit(const hub_peer_t *self, int64_t now)
{
    return now + (self->patient ? 3 * (int64_t) self->hub->link_config.lease : WIRE_TIMEOUT);
}

void hub_ask(hub_peer_t *self, int64_t now)
{
    uint64_t nonce = hub_random();
    bool open = wire_link_connected(self->link, nonce, now);
    self->unsaid = open ? !wire_link_is_asking(self->link) : !say_hello(self, nonce);
    self->dial_due = self->unsaid ? now + ASK_RETRY : open ? now + patience(self) : self->dial_until;
}

//  A question that was not written, or not answered.
void hub_ask_again(hub_peer_t *self, int64_t now)
{
    if (self->unsaid)
        hub_ask(self, now);
    else {
        wire_link_ask_again(self->link);
        self->dial_due = now + patience(self);
    }
}

//  ---- Answers ---------------------------------------------------------------

static bool is_wanted(const hub_peer_t *self, const wire_welcome_t *welcome)
{
    return (!self->wanted[0] || wire_str_is(welcome->name, self->wanted))
        && (!self->wanted_incarnation || self->wanted_incarnation == welcome->incarnation);
}

static void on_welcome(hub_peer_t *self, const wire_msg_t *msg)
{
    int64_t now = hub_loop_time(self->hub);
    wire_welcome_t welcome;
    hub_greeting_t greeting;
    if (wire_read_welcome(msg, &welcome) || wire_link_is_open(self->link)
            || !wire_link_awaits(self->link, welcome.nonce))
        return;
    if (!hub_role_of(welcome.role, &greeting.role) || welcome.version != WIRE_VERSION) {
        wire_link_end(self->link, WIRE_E_VERSION, "its WELCOME is not of our protocol");
        return;
    }
    if (!is_wanted(self, &welcome)) {
        hub_dial_next(self, now, WIRE_E_UNKNOWN, "another node answers at its address");
        hub_wake_at(self->hub, hub_peer_due(self));
        return;
    }
    greeting.name = welcome.name;
    greeting.incarnation = welcome.incarnation;
    greeting.session = welcome.session;
    greeting.body = welcome.body;
    self->role = greeting.role;
    self->incarnation = welcome.incarnation;
    self->last_session = welcome.session;
    self->dial_due = WIRE_LINK_NEVER;
    hub_peer_name_it(self, welcome.name);
    hub_peer_opened(self, welcome.session, welcome.features & WIRE_FEATURE_RESUME, &greeting);
}

//  It has forgotten the session: it was gone, or we were for it. A broker is told all
//  anew, with the claims of the room above; with a node it is over.
static void on_forgotten(hub_peer_t *self, int64_t now)
{
    if (!self->patient) {
        wire_link_end(self->link, WIRE_E_GONE, "it has ended the session");
        return;
    }
    self->hub->reconnects++;
    wire_link_restart(self->link);
    self->dial_until = hub_ask_limit(self, now);
    if (!self->ended && self->connected)
        hub_ask(self, now);
}

static void on_refused(hub_peer_t *self, const wire_msg_t *msg)
{
    int64_t now = hub_loop_time(self->hub);
    char text[HUB_TEXT];
    wire_refused_t refused;
    if (wire_read_refused(msg, &refused))
        return;
    bool answer = wire_link_awaits(self->link, refused.nonce);
    bool ending = refused.nonce == 0 && wire_link_is_open(self->link) && !wire_link_is_asking(self->link);
    if (!answer && !ending)
        return;
    hub_text(text, refused.text);
    if (answer && wire_link_is_open(self->link))
        on_forgotten(self, now);
    else if (answer && refused.code == WIRE_E_DUPLICATE) {
        hub_dial_stop(self, 0);
        self->dial_due = now + YIELD_TIMEOUT;
        hub_wake_at(self->hub, self->dial_due);
    }
    else {
        self->refused = true;
        wire_link_end(self->link, refused.code, text);
    }
}

static void on_resumed(hub_peer_t *self, const wire_msg_t *msg)
{
    wire_resume_t resume;
    if (wire_read_resume(msg, &resume))
        return;
    int rc = wire_link_resumed(self->link, resume.nonce, resume.session, resume.received,
                               hub_loop_time(self->hub));
    if (rc == 0)
        self->hub->reconnects++;
    else if (rc == WIRE_E_MALFORMED)
        wire_link_end(self->link, rc, "its counts are impossible");
}

//  It does not know this connection: either our question is on its way, or we missed
//  that the connection is a new one. Asking once more does no harm.
static void on_who(hub_peer_t *self)
{
    if (wire_link_is_open(self->link) && !wire_link_is_asking(self->link))
        hub_ask(self, hub_loop_time(self->hub));
}

void hub_ask_input(hub_peer_t *self, hub_frame_t *frame)
{
    wire_msg_t msg;
    int opening = hub_frame_opening(frame);
    if (!opening && !zmq_msg_more(&frame->msg))
        hub_peer_input(self, frame);
    else if (!opening || hub_frame_only(frame, &msg))
        self->hub->refused++;
    else if (opening == WIRE_WELCOME)
        on_welcome(self, &msg);
    else if (opening == WIRE_REFUSED)
        on_refused(self, &msg);
    else if (opening == WIRE_RESUMED)
        on_resumed(self, &msg);
    else if (opening == WIRE_WHO)
        on_who(self);
    if (!self->ended)
        hub_wake_at(self->hub, hub_peer_due(self));
}
