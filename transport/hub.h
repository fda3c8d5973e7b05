//  hub - the sockets of a node or broker, and the links that run over them
//
//  One ROUTER that is bound (two with keys: CURVE, and the token over ipc), one DEALER per
//  link that is dialled, all in czmq's context and watched from one libuv loop. Above them a **peer** is one logical link
//  to one incarnation of a node or broker, whichever side dialled it: frames counted,
//  acknowledged and resent after a reconnect (wire/link, pure), messages coalesced.
//  Used by node and broker alike; knows wire and nothing above.
//
//  Nothing here waits, except hub_pump. All callbacks come from the loop's thread, from
//  inside hub_pump, or from inside the call that caused them only where said. A message
//  callback must not call back into Lua: during hub_pump no handler may run.

#ifndef HUB_H
#define HUB_H

#include <uv.h>
#include "cert.h"
#include "wire_msg.h"

#define HUB_CONNECT_TIMEOUT 2500        //  ms that an address may be silent; who is connected may compute, and has longer

typedef struct hub hub_t;
typedef struct hub_peer hub_peer_t;
typedef struct hub_frame hub_frame_t;

typedef enum { HUB_NODE, HUB_BROKER, HUB_CLIENT } hub_role_t;   //  HELLO's role: "node", "broker", "client"

//  What the other side said of itself when the link was opened (HELLO or WELCOME).
typedef struct {
    hub_role_t role;
    wire_str_t name;            //  Of the node; "" when the broker shall mint it
    uint64_t incarnation;       //  Fresh at each start
    uint64_t session;           //  That it asks to resume, or was given
    wire_reader_t body;         //  The map of the room above (broker or node)
} hub_greeting_t;

//  What the room above says of a stranger's key.
typedef enum { HUB_ADMIT, HUB_REJECT, HUB_ASK } hub_verdict_t;

typedef struct {
    //  Acceptor only: a peer says HELLO and its token was right, or its key may come in (hub_peer_key). Whether this
    //  key may have this name is for you to say: 0 ends whoever had the name before. Write the map for WELCOME's
    //  body to *body and, when the peer brought no name, its minted name to name[256].
    //  0, or an error code that REFUSED carries, with *text (a string that lives) for people.
    int (*hello)(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting,
                 wire_buf_t *body, char *name, const char **text);
    //  The link is open: after hello (acceptor), or WELCOME came (dialler).
    //  Again, with a new epoch, when a broker that was dialled is another incarnation now:
    //  then what was sent and not acknowledged has been handed to `lost` first.
    void (*up)(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting);
    //  A message, in order and once. `frame` holds the bytes: hub_frame_hold keeps them.
    //  OPEN types are the hub's own and never seen here. Return 0, or an error code: the
    //  peer is refused and gets a strike; three end its link.
    int (*message)(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame);
    //  No sign of life for about 2.5 s (true), or it is back (false). Nothing fails.
    void (*silent)(void *arg, hub_peer_t *peer, bool silent);
    //  Each message that the peer did not acknowledge, before `gone`.
    void (*lost)(void *arg, hub_peer_t *peer, const wire_msg_t *msg);
    //  The end, once: code is WIRE_E_GONE (died, lease over), _CLOSED (said BYE, or we did),
    //  _DENIED, _VERSION, _EXISTS ... (refused, text says why), _UNKNOWN (never reached).
    //  The peer is freed when this returns.
    void (*gone)(void *arg, hub_peer_t *peer, int code, const char *text);
    //  All input of one wake-up was handed over: act on it now.
    void (*turn)(void *arg);
    //  A connection by CURVE comes from this public key (Z85), which it has proved; nothing is read from it before it
    //  is admitted. HUB_ADMIT is kept, here and at the gate, so that it is not asked for again: withdraw it by
    //  hub_admit(key, false). HUB_REJECT is not kept. HUB_ASK: hub_admit will tell, within 2 s; else the connection
    //  is turned away and may come again. NULL: all keys are admitted.
    hub_verdict_t (*admit)(void *arg, const char *key);
} hub_handler_t;

typedef struct {
    hub_role_t role;
    const char *name;           //  Ours; NULL until the broker mints it
    uint64_t incarnation;
    const char *token;          //  The secret that both ends must know; 32 hex digits
    const char *host;           //  Where our ipc endpoints mean anything; compared as text
    int lease;                  //  ms; 0: WIRE_LEASE
    size_t ring_bytes;          //  0: WIRE_LINK_RING_BYTES
    bool patient;               //  Dialled brokers are redialled for ever (nodes), never gone by silence
    //  Keys. With them tcp endpoints that are bound take CURVE links only, ipc ones the token; hub_dial says
    //  what is dialled by CURVE. NULL: no keys, all links show the token.
    const cert_t *cert;         //  Copied
    bool insecure;              //  Whoever comes is let in: any token, any key; for experiments, said in every status
} hub_config_t;

//  Make a hub on a loop that outlives it; copies config. NULL: no memory or no sockets.
hub_t *hub_new(uv_loop_t *loop, const hub_config_t *config, const hub_handler_t *handler, void *arg);

//  Close every link at once, without flushing, and all sockets. Run the loop once more
//  afterwards (or uv_walk) before closing it: uv handles close in their own time.
void hub_destroy(hub_t **self_p);

//  Our name, as minted by a broker's WELCOME; the next HELLO says it.
void hub_set_name(hub_t *self, const char *name);

//  Listen. "ipc://PATH", "tcp://127.0.0.1:PORT", PORT may be *. Several times is fine.
//  0 and the real endpoint in bound[256], or WIRE_E_SYSTEM / _EXISTS (address in use) / _USAGE.
int hub_bind(hub_t *self, const char *endpoint, char *bound);

//  The open or opening link to a node's name (and incarnation, unless 0), or NULL.
hub_peer_t *hub_find(hub_t *self, wire_str_t name, uint64_t incarnation);

//  Open a link to the first of `count` endpoints that answers ("ipc" ones first when
//  `host` is ours), a host by name at any of its addresses. `name` "" accepts any (a broker). body: the HELLO's map, copied.
//  Messages may be sent at once; they wait for WELCOME. Returns hub_find's peer when there
//  is one already. With both ends dialling, the hub keeps one link and the peer stays the same.
//  NULL: no memory, or no usable endpoint.
hub_peer_t *hub_dial(hub_t *self, wire_str_t name, uint64_t incarnation,
                     const char *const *endpoints, size_t count, const void *body, size_t body_size);

//  As hub_dial, by CURVE where the endpoint is tcp: only who proves this public key answers there. key NULL: hub_dial.
//  NULL, too: we have no certificate. When the other end does not trust our key, has another key, or no keys at all,
//  `gone` comes within a second: WIRE_E_DENIED, and a text that says what to check. Dialling again is yours to do.
hub_peer_t *hub_dial_key(hub_t *self, wire_str_t name, uint64_t incarnation, const char *const *endpoints, size_t count,
                         const char *key, const void *body, size_t body_size);

//  The verdict on a key, whether `admit` left it open or not: connections that wait for it go on, or are refused; links
//  that it has are ended by false (WIRE_E_DENIED, "this key was revoked"), and their connections shut down.
void hub_admit(hub_t *self, const char *key, bool admitted);

//  The public key that the other end has proved (Z85); "" when its link is not by CURVE. Known in `hello`.
const char *hub_peer_key(const hub_peer_t *peer);

//  Replace the HELLO body that the next opening of this link will say (claims of a node).
void hub_set_body(hub_peer_t *peer, const void *body, size_t size);

//  Queue one message: written at once when nothing is queued, else it gathers with
//  others until the turn's end, 24 or 60 KiB, or hub_flush. 0, or WIRE_E_FULL (the ring's bound is reached;
//  nothing was queued), _TOO_BIG, _NO_MEMORY, _GONE.
int hub_send(hub_peer_t *peer, const void *message, size_t size);

//  Whether hub_send of `size` bytes would find room now.
bool hub_has_room(const hub_peer_t *peer, size_t size);

//  Write out what has gathered, to this peer or to all.
void hub_flush_peer(hub_peer_t *peer);
void hub_flush(hub_t *self);

//  True when everything sent was acknowledged (it is in the peer's mailbox).
bool hub_drained(const hub_peer_t *peer);
bool hub_all_drained(const hub_t *self);

//  Say BYE behind what was sent and close when it is acknowledged, or after 30 s.
//  `gone` comes then. hub_drop: at once, REFUSED with code and text when code is not 0.
void hub_close(hub_peer_t *peer, int code, const char *text);
void hub_drop(hub_peer_t *peer, int code, const char *text);

//  Read and write sockets, acknowledge, call `message` and the rest (not `turn`), for at most
//  `ms` or until something arrived; no uv_run, so it may be called from inside a loop callback.
void hub_pump(hub_t *self, int ms);

//  The room above may hang something on a peer. NULL at first.
void  hub_set_data(hub_peer_t *peer, void *data);
void *hub_data(const hub_peer_t *peer);

//  As known since HELLO or WELCOME. Zero-terminated; owned by the peer.
const char *hub_peer_name(const hub_peer_t *peer);
uint64_t    hub_peer_incarnation(const hub_peer_t *peer);
hub_role_t  hub_peer_role(const hub_peer_t *peer);
bool        hub_peer_is_up(const hub_peer_t *peer);
bool        hub_peer_is_silent(const hub_peer_t *peer);
uint64_t    hub_peer_epoch(const hub_peer_t *peer);     //  Grows with each establishment

//  Who leaves does not wait for ever: this link is not `patient` any more, so a broker whose
//  address refuses connections, or whose lease is over, is gone like any peer.
void hub_hurry(hub_peer_t *peer);

//  A proof from outside that this peer is dead (child reaped, the broker says gone):
//  lost and gone follow from inside this call.
void hub_declare_gone(hub_peer_t *peer, const char *text);

//  Inside `gone` with WIRE_E_GONE: its death is proved. Else only the link is over: its lease has ended, or it has begun anew.
bool hub_peer_is_dead(const hub_peer_t *peer);

//  Keep a frame's bytes beyond the message callback, from inside it only; release gives them back.
void hub_frame_hold(hub_frame_t *frame);
void hub_frame_release(hub_frame_t *frame);
//  Around the handing over of its messages, where alone it may be held: the hub does that itself. Whoever hands a message
//  on later, of a frame that it holds, does it between these two as well.
void hub_frame_begin(hub_frame_t *frame);
void hub_frame_end(hub_frame_t *frame);
//  When the frame came, as hub_now has it.
int64_t hub_frame_time(const hub_frame_t *frame);

//  Milliseconds, monotonic: the time the hub's cores are given.
int64_t hub_now(const hub_t *self);

//  Counters, for STAT and `alua ping --counters`; also how much the links hold.
typedef struct {
    uint64_t messages_in, messages_out, frames_in, frames_out, bytes_in, bytes_out;
    uint64_t resent, refused, strikes, lost, reconnects, full;
    //  At the CURVE door: connections that were refused (keys, mechanisms), and that ended before they said enough to be
    //  (half-open ones; also whoever only looks whether somebody listens)
    uint64_t denied, unfinished;
    uint64_t cut;               //  Connections that were shut down because more came than came out
    size_t peers, ring_bytes;
} hub_stat_t;
void hub_stat(const hub_t *self, hub_stat_t *stat);

#endif
