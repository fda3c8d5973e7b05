//  node_core - every decision of a node, without a socket, a clock or a thread
//
//  Messages and link events come in through the functions below; what the core wants done leaves
//  through the effects it was given. The same core runs under the libuv shell and, in tests, in virtual
//  time. One process per node so far: a further one will be a second mailbox and handler
//  beside `mailbox` and `handler`, keyed by its id; nothing else names "the" process.
//
//      node_send       requests and answers, room and credit
//      node_receive    messages from links and from the broker
//      node_route      links, what happens when one ends
//      node_lookup     from a name to a way
//      node_direct     from the broker's relay to a link, and back
//      node_drain      handing events to the handler, outcomes, deadlines, timers
//      node_may        what an author may do here, and what he is told when he may not
//      node_vouch      who he is, as the broker says
//      node_dry        finishing what was begun, and leaving
//
//  Private to node/: the public face is alua.h.

#ifndef NODE_CORE_H
#define NODE_CORE_H

#include "node_apps.h"
#include "node_mailbox.h"
#include "node_rights.h"

typedef struct node_core node_core_t;

typedef struct {
    wire_str_t node;
    uint64_t incarnation;
    wire_str_t host;
    uint32_t count;
    wire_reader_t endpoints;    //  `count` strings
    wire_str_t key;             //  The public key of its session; "": it came by token
} node_address_t;

//  `peer` is the shell's handle of a link; the core never looks inside.
typedef struct {
    int (*send)(void *arg, void *peer, const void *message, size_t size);
    bool (*room)(void *arg, void *peer, size_t size);
    //  Open (or find) a link; its events then name `link`. NULL when there is no way.
    void *(*dial)(void *arg, node_link_t *link, const node_address_t *address);
    //  Proof that the link's peer is dead; node_core_link_gone follows from inside.
    void (*bury)(void *arg, void *peer, const char *text);
    void (*pump)(void *arg, int ms);
    int64_t (*now)(void *arg);
    void (*frame_hold)(void *frame);
    void (*frame_release)(void *frame);
    //  What HELLO claims (names, apps) has changed.
    void (*claims)(void *arg);
    //  As now, but cheap and up to some ms ahead: for deadlines of messages. NULL: now will do.
    int64_t (*coarse)(void *arg);
    //  When a frame came, ahead likewise. NULL: coarse will do.
    int64_t (*frame_time)(void *frame);
    //  End this link at once: its key is not trusted any more; node_core_link_gone follows. NULL: nobody has keys.
    void (*cut)(void *arg, void *peer, const char *text);
    //  That key is asked about again before it comes in. NULL: likewise.
    void (*untrust)(void *arg, wire_str_t key);
    //  Run a chunk in the jail, and answer its author. 0, or an error code: *text says why. NULL: there is none.
    int (*jail)(void *arg, const alua_event_t *event, node_author_t *author, const char **text);
    //  Whether that request was such a chunk, which is ended then.
    bool (*jail_cancel)(void *arg, const alua_remote_t *from, uint64_t request);
    //  How many chunks are in the jail.
    size_t (*jailed)(void *arg);
    //  A line for whoever looks after this node. NULL: nobody reads it.
    void (*audit)(void *arg, const char *line);
} node_effects_t;

//  A link to another node.
struct node_link {
    node_link_t *next;
    void *peer;
    alua_remote_t *remote;      //  The process there, held
    uint64_t incarnation;
    uint64_t sent, received;    //  Counted events since the epoch began
    bool up;                    //  Was open at least once
    uint64_t broker_epoch;      //  When it was last heard
    bool quiet;                 //  Dialled on trial: nothing was sent over it, so it holds no program
    bool switches;              //  Its node answers SWITCH
    bool dead;                  //  Its end is a death, by the broker's word or a new incarnation
    bool anew;                  //  Its end is a new beginning of the same process
    node_author_t *author;      //  Held; NULL: it came with the user's token, or nobody has keys
    char *node;
};

//  A name registered by this process.
typedef struct node_name node_name_t;
struct node_name {
    node_name_t *next;
    size_t size;
    char text[];
};

//  An id, node or name that we watch, and who that is as far as we were told.
typedef struct node_watch node_watch_t;
struct node_watch {
    node_watch_t *next;
    char *text;
    char *id, *node;            //  NULL: nobody that we know of
    uint64_t incarnation;
    bool missed;                //  It was there before our broker was restarted; since then we have not seen it
    bool asked;                 //  after it
};

typedef struct {
    wire_due_t due;             //  First
    uint64_t id;
    alua_timer_fn *fn;
    void *arg;
    bool background;
    bool rung;                  //  Its event is in the mailbox
} node_timer_t;

struct node_core {
    node_effects_t effects;
    void *arg;
    alua_handler_t handler;
    void *handler_arg;
    alua_process_t *process;    //  The public handle, for whoever asks
    node_mailbox_t mailbox;
    node_remotes_t remotes;
    node_pendings_t pendings;
    wire_heap_t heap;
    node_apps_t apps;
    node_name_t *names;
    node_watch_t *watches;      //  Whom we watch, for a broker that is restarted
    bool watches_all;
    node_rights_t rights;
    node_author_t *nobody;      //  Whoever the broker has said nothing about
    struct node_vouch *vouches; //  Asked and not answered
    uint64_t vouch_timer;       //  Until those are asked for again whom a new broker did not know
    bool no_wait;               //  A message that finds no room is FULL at once
    bool drying;                //  DRAINING came
    bool dry;                   //  And now new work is refused
    bool dried;                 //  And nothing is begun any more
    size_t dry_asks;            //  Names and apps being given up
    int64_t dry_since, dry_refused;     //  When that began; when it last refused
    char *dry_by;
    uint64_t return_timer;      //  Until the views of a new broker are asked for
    uint64_t watch_timer;       //  Until those are asked after whom it has not seen
    uint64_t anew_timer, anew_first, anew_last;     //  What waits and is not yet asked for at a new broker: requests
    node_link_t *links;
    void *broker;               //  The broker's link, NULL while there is none
    bool broker_up;
    uint64_t broker_epoch;      //  So many were lost with what they held
    bool broker_silent;         //  What it knows of others is nothing that we hear of
    uint64_t broker_sent, broker_received;      //  Counted events that it was sent, and that it sent us
    char *id, *node, *address;  //  As the broker gave them; "" before
    wire_str_t me, here;        //  id and node with their sizes: each message asks for them
    node_timer_t **timers;      //  By the place that the lower half of their id says; NULL: a free one
    uint32_t *timer_places;     //  Free places
    uint32_t timer_spare, timer_capacity;
    size_t timer_count, timers_holding;
    uint32_t last_timer;
    wire_buf_t scratch;         //  The message being built
    struct node_lookup *lookups;
    size_t opening;             //  Links that are not up yet: what was sent over them is on its way
    size_t parked_alone;        //  Of all remotes
    uint64_t switch_timer;      //  0: nobody is in SWITCH, or was when it was last due
    bool ready;                 //  The main chunk has returned or waits
    bool running;               //  An event is being handled
    int64_t begun;              //  The coarse time of the present drain, which ends when it is another
    bool took_long;             //  The last one did: input comes before the next
    int holds;
    size_t starting;            //  Children between spawn and HELLO
    alua_stat_t stat;
};

int  node_core_init(node_core_t *self, const node_effects_t *effects, void *arg);
void node_core_free(node_core_t *self);
//  What the mailbox gave is done with.
void node_core_drop(node_core_t *self, node_mail_t *mail);

//  Who we are, as WELCOME said. A changed id makes everything learnt before void.
int  node_core_welcome(node_core_t *self, void *broker, wire_str_t id, wire_str_t node, wire_str_t address);
//  The broker's link is down or ended: asks in flight fail.
void node_core_broker_gone(node_core_t *self, int code, const char *text);
//  Our standing in the network is over (close, re-homing): links and remotes are forgotten.
void node_core_forget(node_core_t *self);

//  node_return: after WELCOME, what the broker cannot know any more is asked for again.
void node_core_returned(node_core_t *self);
//  Take a snapshot over, and tell how it differs from a stale one. 0 or an error code.
int  node_core_view(node_core_t *self, node_app_t *app, wire_reader_t *fields);
//  A snapshot of a broker that may not know everybody again yet: only who is new in it counts.
int  node_core_view_early(node_core_t *self, node_app_t *app, wire_reader_t *fields);

//  node_watch: we watch that text from now on, or do not; no text: everybody.
void node_core_watches(node_core_t *self, wire_str_t who, bool watches);
void node_core_unwatch_all(node_core_t *self);
//  WATCHED came. First: it may tell of somebody new in the place of one we miss; 0 or WIRE_E_MALFORMED. Then, behind
//  its event: who is over is so for our links and calls too.
int  node_core_hear_notice(node_core_t *self, const wire_msg_t *msg);
void node_core_watched(node_core_t *self, const wire_msg_t *msg);
//  What LOOKUP of `who` came to.
void node_core_seen(node_core_t *self, wire_str_t who, const wire_msg_t *msg);
//  The broker was restarted: of those who were there and have not returned after a lease we hear `gone`.
void node_core_watches_returned(node_core_t *self);

//  A registered name is not ours any more.
void node_core_unname(node_core_t *self, wire_str_t name);

//  node_route
node_link_t *node_core_link_new(node_core_t *self, wire_str_t node, uint64_t incarnation, wire_str_t process);
void node_core_link_remove(node_core_t *self, node_link_t *link);
node_link_t *node_core_link_find(node_core_t *self, wire_str_t node, uint64_t incarnation);
//  A node opened a link to us; process: the id in its greeting. NULL: no memory. Another link that we have with this
//  incarnation is buried (effects.bury); so is, in link_up, one with an older incarnation of the process.
node_link_t *node_core_link_accept(node_core_t *self, void *peer, wire_str_t node, uint64_t incarnation, wire_str_t process);
void node_core_link_up(node_core_t *self, node_link_t *link, wire_str_t process);
void node_core_link_lost(node_core_t *self, node_link_t *link, const wire_msg_t *msg);
//  WIRE_E_GONE: its process is dead; WIRE_E_TIMEOUT: the link is over, and of its process nothing is known.
void node_core_link_gone(node_core_t *self, node_link_t *link, int code, const char *text);
int  node_core_resolve(node_core_t *self, alua_remote_t *remote);
//  Ask the broker whether that process, whose link was lost, is alive; and where a relayed one could be dialled.
int  node_core_doubt_life(node_core_t *self, alua_remote_t *process, uint64_t incarnation);
int  node_core_look_for(node_core_t *self, alua_remote_t *process);
//  What waited for the way may go.
void node_core_send_parked(node_core_t *self, alua_remote_t *remote);
//  The process and the names that stand for it.
void node_core_process_over(node_core_t *self, alua_remote_t *process, int code, const char *text);
void node_core_remote_over(node_core_t *self, alua_remote_t *remote, int code, bool definite, const char *text);
//  `process` is not whom a name meant: such names are looked up anew, what is under way stays with it.
void node_core_doubt(node_core_t *self, const alua_remote_t *process);
void node_core_doubt_name(alua_remote_t *name);
void node_core_lookups_free(node_core_t *self);
//  Messages wait for a lookup, and nothing else tells that they are on their way.
bool node_core_parked(const node_core_t *self);
bool node_core_is_me(const node_core_t *self, wire_str_t name);

//  node_direct: a process and the names that stand for it have this way from now on.
void node_core_set_route(node_core_t *self, alua_remote_t *process, node_route_t route, node_link_t *link);
//  A relayed process has a link that is up: move to it, when the broker holds nothing from us to it any more.
void node_core_go_direct(node_core_t *self, alua_remote_t *process, node_link_t *link);
//  A process that we have no way to is answered over the link that it has with us. False: there is none.
bool node_core_take_link(node_core_t *self, alua_remote_t *process);
//  A message of this pair went or came through the broker: perhaps it is time to look for a direct way.
void node_core_relaying(node_core_t *self, alua_remote_t *to);
int  node_core_switch(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg);
int  node_core_switched(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg);
//  Back to the broker: the link is lost, or nobody answers.
void node_core_switch_back(node_core_t *self, alua_remote_t *process);
//  It is overdue: also seen by who waits for room, when no timer runs.
void node_core_switch_look(node_core_t *self, alua_remote_t *process);
//  The broker is gone with what it held: what it was given is unknown, what waited goes over the link.
void node_core_relay_broke(node_core_t *self, alua_remote_t *remote, int code, const char *text);
//  The link of this process was lost, its death is not proved.
void node_core_lost_sight(node_core_t *self, alua_remote_t *process, const node_link_t *link);
//  and the broker says that it is alive.
void node_core_fall_back(node_core_t *self, alua_remote_t *process);

//  node_again: a call went out under a name; its message is kept while another may come to hold the name.
void node_core_keep(node_core_t *self, uint64_t request, const alua_remote_t *to, const void *message, size_t size);
//  FAIL came from whom we took for the holder of a name; pending NULL: nobody waits. True: the name has moved and the
//  request waits on; FAIL means nothing then.
bool node_core_again(node_core_t *self, node_pending_t *pending, alua_remote_t *holder, const wire_msg_t *msg);
//  A call has had its outcome: those before it under the same name that were refused have theirs, if it may have run.
void node_core_overtaken(node_core_t *self, const node_pending_t *by);
//  The last holder has still to refuse what stands before other messages.
bool node_core_stragglers(const node_core_t *self, const alua_remote_t *name);
void node_core_settled_down(alua_remote_t *name);

//  node_vouch: RIGHTS came. 0 or a strike.
int  node_core_rights(node_core_t *self, const wire_msg_t *msg);
//  Ask the broker for a key; node "": for any node of it. fn is called at once with the answer, which the core has learnt
//  from then. Never waits for room: WIRE_E_FULL.
int  node_core_vouch(node_core_t *self, wire_str_t node, wire_str_t key, alua_outcome_fn *fn, void *arg);
void node_core_vouches_free(node_core_t *self);
//  After WELCOME: whether its broker has keys. Then those that we have links with are asked for again.
void node_core_keys(node_core_t *self, bool on);
//  Who wrote a message that came over a link, or (NULL) through the broker; not held. NULL: one that nobody checks.
node_author_t *node_core_author(node_core_t *self, const node_link_t *link, alua_remote_t *from);

//  node_may: whether its author may have this done. If not he has been told, or (jail) it is on its way.
bool node_core_may(node_core_t *self, node_author_t *author, alua_event_t *event);
//  `to` is in no position to ask for more; FAIL, a counter, a line for whoever looks after the node.
void node_core_deny(node_core_t *self, const node_author_t *author, const alua_event_t *event, const char *text);

//  node_dry: DRAINING came.
int  node_core_draining(node_core_t *self, const wire_msg_t *msg);
//  New work, and not a part of what was begun: refused.
bool node_core_refuses(node_core_t *self, const alua_remote_t *from);
//  We leave, and no event is handled any more: what still comes is refused at once, without waiting for room. link NULL: the broker's.
void node_core_turn_away(node_core_t *self, const node_link_t *link, const wire_msg_t *msg);
//  Look whether we are done, and then say so by an event ORDER.
void node_core_dry_look(node_core_t *self);

//  node_send
//  How long a message may look for room, ms (docs/REFERENCE.md, Sending), and for how long it pumps in one go.
#define NODE_ROOM_TIMEOUT 30000
#define NODE_PUMP_TURN    50
//  What is received meanwhile may be answered at once: the message being built is set aside.
void node_core_pump(node_core_t *self, int ms);
int  node_core_request(node_core_t *self, const alua_request_t *request, uint64_t *id);
int  node_core_answer(node_core_t *self, wire_type_t type, alua_remote_t *to, uint64_t request,
                      const void *body, size_t size);
bool node_core_cancel(node_core_t *self, uint64_t id);
//  It ends here with this code, and there: nobody waits for it any longer.
void node_core_give_up(node_core_t *self, node_pending_t *pending, int code, const char *text);
//  As alua_close_group.
void node_core_close_group(node_core_t *self, uint32_t group, const char *text);
//  A message built elsewhere, along the route of `to`; no credit asked.
int  node_core_forward(node_core_t *self, alua_remote_t *to, const void *message, size_t size);
//  Behind what waits for a way to this process.
int  node_core_park(node_core_t *self, alua_remote_t *process, const void *message, size_t size);
//  The link along which credit and the like go to this process, or NULL.
const node_link_t *node_core_link_from(const node_core_t *self, const alua_remote_t *from);
//  Book what was sent: events of the link, credit of the process.
void node_core_sent(node_core_t *self, alua_remote_t *to, wire_type_t type, size_t size);
//  An error map made here; and FAIL with one.
void node_core_put_error(const node_core_t *self, wire_buf_t *out, int code, const char *text);
void node_core_put_not_here(const node_core_t *self, wire_buf_t *out, wire_str_t name);
void node_core_refuse(node_core_t *self, alua_remote_t *to, uint64_t request, int code, const char *text);
//  FAIL for what went to a process or name that is not here, and so was not looked at.
void node_core_not_here(node_core_t *self, alua_remote_t *to, uint64_t request, wire_str_t name);
//  A message of that size that came over a link was taken out of the mailbox: credit for its sender.
void node_core_used(node_core_t *self, alua_remote_t *from, size_t size);
void node_core_tell_cancel(node_core_t *self, const node_pending_t *pending);
//  END to everybody we have a link with.
void node_core_farewell(node_core_t *self, int code, const char *text);

//  node_ask: as alua_ask_t; inner: fn is the core's own and called at once, also while only I/O is pumped.
typedef struct {
    wire_type_t type;
    const void *fields;
    size_t size;
    uint32_t count;
    int64_t timeout;
    bool background, waits, inner;
    uint32_t group;
    alua_outcome_fn *fn;
    void *arg;
    uint64_t *id;               //  Set to the request's number; or NULL
} node_ask_t;
int  node_core_ask(node_core_t *self, const node_ask_t *ask);
int  node_core_tell(node_core_t *self, wire_type_t type, const void *fields, size_t size, uint32_t count, int64_t ttl);
//  It waits at the broker, or brings a tuple: what comes when nobody waits for it any longer matters.
bool node_core_lingers(const node_pending_t *pending);
//  What lingers ends here with this code, and there; a tuple that comes after all is given back.
void node_core_abandon(node_core_t *self, node_pending_t *pending, int code, const char *text);
//  The message in self->scratch goes to the broker; no pumping for room. False: it found none.
bool node_core_send_now(node_core_t *self);
//  The broker was restarted: what waits is asked for anew.
void node_core_ask_anew(node_core_t *self);

//  node_back: the answer of what lingers came; what it took goes back.
void node_core_give_back(node_core_t *self, const node_pending_t *pending, wire_reader_t fields);
//  Whether these fields of a BATCH take anything.
bool node_core_takes(wire_str_t batch);

//  node_receive: link NULL: from the broker. 0, or an error code for a strike.
int  node_core_message(node_core_t *self, node_link_t *link, const wire_msg_t *msg, void *frame);

//  Into the mailbox with what a process says, `mail->own` to itself: an answer takes its request along, and what
//  means nothing is dropped.
void node_core_admit(node_core_t *self, node_mail_t *mail);

//  node_drain: handle at most so many events; ends earlier behind one that took long. How many it were.
size_t node_core_drain(node_core_t *self, size_t most);
void node_core_tick(node_core_t *self);
//  ms until the next deadline, -1: none.
int64_t node_core_wait(const node_core_t *self);
uint64_t node_core_timer(node_core_t *self, int64_t ms, bool background, alua_timer_fn *fn, void *arg);
bool node_core_timer_cancel(node_core_t *self, uint64_t id);
int  node_core_post(node_core_t *self, alua_timer_fn *fn, void *arg);
void node_core_event(node_core_t *self, alua_kind_t kind, uint32_t flags);
//  End a pending request: it leaves the table now, its outcome comes as an event.
void node_core_settle(node_core_t *self, node_pending_t *pending, int code, bool definite, const char *text);
bool node_core_active(const node_core_t *self);
//  Whether nothing but takes and reads without a deadline holds the program.
bool node_core_only_takes(const node_core_t *self);

static inline int64_t node_core_now(const node_core_t *self)
{
    return self->effects.now(self->arg);
}

static inline int64_t node_core_coarse(const node_core_t *self)
{
    return self->effects.coarse ? self->effects.coarse(self->arg) : node_core_now(self);
}

//  A timeout as ttl_ms has it; 0 or less: no deadline.
static inline uint32_t node_core_ttl(int64_t timeout)
{
    return timeout <= 0 ? 0 : timeout < UINT32_MAX ? (uint32_t) timeout : UINT32_MAX;
}

#endif
