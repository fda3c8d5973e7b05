//  hub_self - the inside of the hub, for the hub*.c files only
//
//  hub.c         constructor, sending, what the rooms above ask
//  hub_loop.c    libuv: when to read, when to write, time, pump
//  hub_peer.c    a peer from its making to its end; writing its frames
//  hub_flow.c    who sends more than comes out, or nothing
//  hub_tcp.c     what the kernel knows of a connection
//  hub_bytes.c   buffers and received frames
//  hub_dial.c    links that we dial: DEALER, monitor, one address after the other
//  hub_ask.c     what is said first over them, and answered: HELLO, RESUME
//  hub_lookup.c  where to, when a host is named
//  hub_refused.c and why some of them come to nothing: keys, mechanisms
//  hub_greet.c   has who answers there keys?
//  hub_accept.c  links that come to us: strangers, HELLO, WELCOME
//  hub_door.c    the ROUTERs that they come through
//  hub_keys.c    whose key may come in
//  hub_gate.c    who answers libzmq about that, in a thread of its own
//  hub_probe.c   is somebody listening at that address?

#ifndef HUB_SELF_H
#define HUB_SELF_H

#include <czmq.h>
#include <stdatomic.h>

#include "endpoint.h"
#include "hub.h"
#include "hub_table.h"
#include "link.h"
#include "link_open.h"

//  A wake-up takes so many messages from one socket, then it is the others' turn.
#define HUB_TURN_FRAMES 256
//  Twice the ring's frames and a margin for ACKs and probes, so that libzmq never says EAGAIN.
#define HUB_HIGH_WATER  (2 * WIRE_LINK_RING_FRAMES + 4096)
#define HUB_TEXT        256
//  Of ZeroMQ's greeting: up to the mechanism, with it
#define HUB_GREETING    32

typedef struct hub_source hub_source_t;
typedef struct hub_bytes hub_bytes_t;
typedef struct hub_held hub_held_t;
typedef struct hub_lookup hub_lookup_t;

//  Pointers in a row. Room is made when the things listed are made, so that listing
//  them later cannot fail.
typedef struct {
    void **items;
    size_t count, capacity;
} hub_list_t;

//  A libzmq socket and its watcher. ZMQ_FD is edge-triggered: whoever calls libzmq on
//  the socket may swallow the edge, and must have ZMQ_EVENTS read before the loop sleeps.
struct hub_source {
    uv_poll_t poll;
    hub_t *hub;
    hub_peer_t *peer;           //  NULL for the ROUTER and its monitor
    zsock_t *sock;
    void *zmq;                  //  The raw socket of sock
    bool (*drain)(hub_source_t *self);      //  True: there may be more
    int most;                   //  Frames that drain may take
    unsigned alone;             //  Wake-ups in a row that brought one frame
    bool touched, ready;
};

//  Asking an address whether anybody listens; see hub_probe.c.
typedef struct {
    int fd;                     //  -1: none on its way
    unsigned step;
    int64_t due;
} hub_probe_t;

//  A ROUTER that is bound, and who came through it.
typedef struct {
    hub_source_t *router, *monitor;     //  NULL: nothing is bound there
    hub_table_t by_id, strangers;
    hub_peer_t *last_peer;      //  Who spoke last
    int64_t sweep_next;         //  Not before then
} hub_door_t;

enum { HUB_PLAIN, HUB_CURVE };  //  The doors of a hub

struct hub_peer {
    hub_t *hub;
    wire_link_t *link;
    void *data;
    size_t index;               //  In hub->peers
    hub_peer_t *namesake;       //  Next of the same name
    char name[WIRE_MAX_NAME + 1];
    uint64_t incarnation;       //  0: any will do
    hub_role_t role;
    uint64_t epoch;
    bool named;                 //  Is in hub->names
    bool announced;             //  The room above knows it: it will hear `gone`
    bool dialled, dirty, ended;
    bool patient;               //  A broker that is dialled for ever
    bool refused;               //  By the other end: it knows
    bool connected;             //  Dialled: ZeroMQ's handshake is done
    bool dead;                  //  Its end is proved
    bool cut;                   //  A write found the connection broken; to be judged

    uint64_t heard;             //  Bytes that came from it, with what carries them, since it opened or resumed
    char key[CERT_KEY + 1];     //  Public key that it proved; "": not by CURVE

    //  Accepted
    hub_door_t *door;
    uint8_t id[256];            //  Routing id there
    size_t id_size;             //  0: none
    uint64_t flow;              //  Of its connection, see hub_flow.c; 0: not looked at
    wire_buf_t welcome;         //  Body, as long as the HELLO may be repeated
    hub_held_t *held;           //  What libzmq holds of an uncounted link; NULL: never anything

    //  Dialled
    hub_source_t *dealer, *monitor;
    char **endpoints;
    size_t endpoint_count, endpoint;
    hub_lookup_t *lookup;       //  Addresses of the host that the endpoint names, and which are left; NULL: none are known
    char number[HUB_TEXT];      //  The endpoint that is dialled, its host by number
    bool tried;                 //  libzmq has begun to connect: what fails now is an attempt
    wire_buf_t hello;           //  Body
    char wanted[WIRE_MAX_NAME + 1];     //  Name that WELCOME must say; "": any
    uint64_t wanted_incarnation;
    uint64_t last_session;      //  What HELLO asks to resume
    char dial_key[CERT_KEY + 1];        //  Who must answer at its tcp endpoints; "": whoever does
    unsigned unfinished;        //  Handshakes that were cut, in a row
    int64_t unfinished_at;      //  The last one
    int64_t unfinished_since;   //  The first of those in a row
    hub_source_t *greeter;      //  Reads how the other end greets, see hub_greet.c; NULL: nothing to find out
    uint8_t greeting[HUB_GREETING];
    size_t greeted;             //  Bytes of it that came
    bool unsaid;                //  HELLO or RESUME could not be written
    int64_t dial_due;           //  Look after the opening, or the answer to RESUME, then
    int64_t dial_until;         //  This endpoint has to have answered then

    char address[HUB_TEXT];     //  Where a refused connection proves its death; "": nowhere (a name may be elsewhere by now)
    int64_t unproved_until;     //  Not yet: somebody must have answered there by then; 0: it does
    hub_probe_t probe;

    bool doomed;                //  To be ended from the loop
    int doom;
    char text[HUB_TEXT];
};

//  A received message and who uses its bytes; any thread may release it. Those that take hold of it while its
//  messages are handed over only count `held`, against references that hub_frame_begin took for all of them.
struct hub_frame {
    atomic_uint refs;
    unsigned held;
    int64_t came;
    zmq_msg_t msg;
};

//  The libuv handles close in their own time, and the hub's memory with the last of them.
struct hub {
    uv_loop_t *loop;
    hub_handler_t handler;
    void *arg;
    hub_role_t role;
    char name[WIRE_MAX_NAME + 1];
    uint64_t incarnation;
    char token[HUB_TEXT], host[HUB_TEXT];
    wire_link_config_t link_config;
    bool destroyed;

    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer;
    int64_t timer_due;
    unsigned handles;           //  Not yet closed

    unsigned inside;            //  Depth of wake-ups: what is sent gathers
    bool draining;              //  Receiving: callbacks stand on a received frame
    bool unsettled;             //  Some peer is cut or doomed
    bool turn_due;              //  Something arrived during a pump
    hub_door_t doors[2];
    hub_list_t sources, touched, ready;
    hub_list_t peers, dirty, graveyard;
    size_t holes;               //  NULLs in peers
    hub_table_t by_session, by_name;
    int64_t sweep_due;
    unsigned sweep_step;
    uint64_t epochs;

    hub_frame_t *spare;         //  Reused as long as nobody holds it
    hub_frame_t *frame;         //  Whose messages are being handed over
    char caller[HUB_TEXT];      //  The host that the HELLO being read came from, by number; "": not by tcp
    char caller_key[CERT_KEY + 1];      //  and the key that its connection proved; "": not by CURVE
    uint64_t caller_flow;       //  and its connection
    hub_list_t batches;         //  Free buffers of batch size
    hub_list_t paths;           //  Of our ipc endpoints, to be removed in the end
    wire_link_stat_t stat;
    uint64_t refused, denied, unfinished, cut, reconnects;

    cert_t cert;                //  secret_key "": we have none
    bool insecure;
    char domain[32];            //  Ours at the gate
    hub_source_t *gate;         //  The line to it; NULL until something is bound by CURVE
    hub_table_t verdicts;       //  Keys that were admitted
    hub_list_t flows;           //  The connections by tcp that came to us
    hub_table_t flows_by_cookie;
    int64_t flow_due;           //  When they are looked at
    int64_t flow_limit;
};

//  hub.c
bool hub_list_reserve(hub_list_t *self, size_t count);
void hub_list_push(hub_list_t *self, void *item);
void hub_list_remove(hub_list_t *self, const void *item);
uint64_t hub_random(void);              //  Never 0, at most 63 bits
void hub_text(char *to, wire_str_t text);       //  Copy, cut to HUB_TEXT - 1
const char *hub_role_word(hub_role_t role);
bool hub_role_of(wire_str_t word, hub_role_t *role);

//  hub_loop.c
int  hub_loop_start(hub_t *self);
void hub_loop_stop(hub_t *self);
hub_source_t *hub_source_new(hub_t *self, hub_peer_t *peer, int type, bool (*drain)(hub_source_t *));
void hub_source_family(hub_source_t *self, const char *endpoint);   //  IPv6 for its numbers, else IPv4; before it binds or dials
void hub_source_watch(hub_source_t *self);
void hub_source_destroy(hub_source_t **self_p, int linger);
bool hub_has_input(hub_source_t *self); //  Reads ZMQ_EVENTS, so all that libzmq had to say is taken in
void hub_touch(hub_source_t *self);
void hub_dirty(hub_peer_t *peer);
void hub_wake_at(hub_t *self, int64_t due);
void hub_wake(hub_t *self);             //  The loop shall not sleep before it looked after us
int64_t hub_loop_time(const hub_t *self);       //  As of this wake-up
int64_t hub_quick_time(void);           //  Within 4 ms, but costs next to nothing
//  A reader of the socket's monitor for the given events.
hub_source_t *hub_monitor_new(hub_source_t *of, int events, bool (*drain)(hub_source_t *));
//  The next event's number from a monitor, 0: no more.
//  *value (unless NULL): what comes with it, a descriptor or an error's number.
int hub_monitor_next(hub_source_t *self, uint32_t *value);

//  hub_peer.c
hub_peer_t *hub_peer_new(hub_t *self, bool patient);
void hub_peer_free(hub_peer_t *self);
void hub_peer_name_it(hub_peer_t *self, wire_str_t name);
int  hub_peer_write(hub_peer_t *self, const void *data, size_t size, bool kept);
void hub_peer_input(hub_peer_t *self, hub_frame_t *frame);
void hub_peer_opened(hub_peer_t *self, uint64_t session, bool counted, const hub_greeting_t *greeting);
void hub_peer_tick(hub_peer_t *self, int64_t now);
int64_t hub_peer_due(const hub_peer_t *self);
void hub_peer_judge(hub_peer_t *self, int64_t now);     //  Its connection broke
void hub_peer_doubt(hub_peer_t *self, int64_t now);     //  Is it dead? Ask, if its connection is broken
void hub_peer_doom(hub_peer_t *self, int code, const char *text);
void hub_peer_refuse(hub_peer_t *self, uint64_t nonce, int code, const char *text);

//  hub_bytes.c
void *hub_bytes_alloc(hub_t *self, size_t size);
void  hub_bytes_release(hub_t *self, void *data);
//  A message of these bytes, shared or copied. False: no memory.
bool  hub_bytes_message(zmq_msg_t *msg, const void *data, size_t size, bool kept);
//  For links without acknowledgements: a copy that counts in *held_p, made when NULL, until
//  libzmq has written it out. hub_held_size: the bytes that are on their way.
bool  hub_held_message(zmq_msg_t *msg, const void *data, size_t size, hub_held_t **held_p);
size_t hub_held_size(const hub_held_t *self);
void  hub_held_release(hub_held_t *self);
hub_frame_t *hub_frame_spare(hub_t *self);
static inline const uint8_t *hub_frame_data(hub_frame_t *self) { return zmq_msg_data(&self->msg); }
static inline size_t hub_frame_size(hub_frame_t *self) { return zmq_msg_size(&self->msg); }
//  The type of an opening message at a frame's start (HELLO .. WHO, but not LINK or BYE), else 0.
int hub_frame_opening(hub_frame_t *self);
//  The only message of a frame. 0 or WIRE_E_...
int hub_frame_only(hub_frame_t *self, wire_msg_t *msg);

//  hub_dial.c
void hub_dial_tick(hub_peer_t *self, int64_t now);
void hub_dial_stop(hub_peer_t *self, int linger);
//  This endpoint will not do: the next one, or the end. hub_dial_again: a new socket, soon.
void hub_dial_next(hub_peer_t *self, int64_t now, int code, const char *text);
void hub_dial_again(hub_peer_t *self, int64_t now);

//  hub_ask.c
void hub_ask(hub_peer_t *self, int64_t now);            //  A connection stands: HELLO, or RESUME
void hub_ask_again(hub_peer_t *self, int64_t now);      //  It was not written, or not answered
int64_t hub_ask_limit(const hub_peer_t *self, int64_t now);     //  Until when HELLO has to be answered
void hub_ask_input(hub_peer_t *self, hub_frame_t *frame);

//  hub_lookup.c
bool hub_lookup_is_name(const char *endpoint);  //  Its host is no number
//  Ask for the IPv4 addresses of the host that it names, or behind these for those of IPv6. False, *self_p is NULL: no memory, no thread.
bool hub_lookup_begin(hub_lookup_t **self_p, const char *endpoint);
bool hub_lookup_is_asked(const hub_lookup_t *self);     //  And has not answered
bool hub_lookup_has_more(const hub_lookup_t *self);     //  It has answered, and some address is left, or may be
//  One address after the other, as an endpoint. False: no more of them.
bool hub_lookup_next(hub_lookup_t *self, char number[HUB_TEXT]);
void hub_lookup_destroy(hub_lookup_t **self_p);

//  hub_refused.c
#define HUB_HANDSHAKE_FAILURES (ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
                                | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
//  A connection that we dialled came to nothing, with the monitor's event and value.
void hub_refused(hub_peer_t *self, int event, uint32_t value, int64_t now);
void hub_refused_keyless(hub_peer_t *self);     //  They have keys, we dialled without

//  hub_greet.c
//  Find out whether who listens there has keys; if so, the peer is refused as keyless.
void hub_greet(hub_peer_t *self, const char *endpoint);
void hub_greet_stop(hub_peer_t *self);

//  hub_accept.c
bool hub_accept_drain(hub_source_t *router);
void hub_accept_forget(hub_peer_t *self);

//  hub_door.c
hub_door_t *hub_door_of(hub_source_t *source);  //  A router's or a monitor's
int  hub_door_open(hub_t *self, const char *endpoint, hub_door_t **door_p);     //  0 or WIRE_E_SYSTEM
int  hub_door_listen(hub_door_t *self, const char *endpoint);                   //  0 or WIRE_E_...
void hub_door_close(hub_door_t *self);
void hub_door_sweep(hub_t *self, int64_t now);

//  hub_keys.c
int  hub_keys_start(hub_t *self);       //  A line to the gate
void hub_keys_stop(hub_t *self);
int  hub_keys_guard(hub_t *self, void *zmq);    //  CURVE for a socket that is bound, and for one that dials
int  hub_keys_show(const hub_t *self, void *zmq, const char *server);
bool hub_keys_admitted(hub_t *self, const char *key);   //  Now, not when its connection was made

//  hub_flow.c
//  What carries a frame by CURVE has some 45 bytes, where it is the only part of its message.
#define HUB_FLOW_FRAME 64
void hub_flow_start(hub_t *self);
void hub_flow_stop(hub_t *self);
void hub_flow_add(hub_t *self, int fd, int64_t now);    //  A connection was accepted
uint64_t hub_flow_of(hub_frame_t *frame);               //  That it came by; 0: not known
void hub_flow_begin(hub_peer_t *peer, uint64_t flow);   //  It opened or resumed
void hub_flow_end(hub_peer_t *peer, int64_t now);       //  Shut its connection down soon
void hub_flow_look(hub_t *self, int64_t now);

//  hub_probe.c
typedef enum { HUB_NOBODY, HUB_SOMEBODY, HUB_UNDECIDED, HUB_UNSURE } hub_probe_result_t;
//  Ask the address, or look after the question that is on its way. HUB_UNDECIDED: ask again soon.
hub_probe_result_t hub_probe_ask(hub_probe_t *self, const char *endpoint);
void hub_probe_stop(hub_probe_t *self);
bool hub_probe_ipc_exists(const char *endpoint);
bool hub_probe_is_at(const char *endpoint, const char *host);   //  tcp, and that is the number in it

#endif
