//  link - one counted link: what is sent, what is acknowledged, what is sent again
//
//  The rules of one logical link to one peer (PROTOCOL.md, Links): messages gather in
//  a batch, a batch becomes a numbered frame, a frame stays in the ring until it is
//  acknowledged, and after a reconnect both ends go on from their counts. Pure: the
//  connection is a table of functions, the time (ms, monotonic) comes in.
//
//  The dialler:    connected -> HELLO -> opened -> ... broken -> connected -> RESUME -> resumed
//  The acceptor:   opened -> ... broken -> resume -> ...
//
//  One thread. Nothing here waits. Any function of the table may end the link
//  (wire_link_end) but not destroy it.

#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include "wire_msg.h"

#define WIRE_LINK_NEVER INT64_MAX

typedef struct wire_link wire_link_t;

typedef struct {
    //  A buffer for a frame, NULL when there is no memory; release gives it back.
    void *(*alloc)(void *arg, size_t size);
    void (*release)(void *arg, void *data);
    //  Hand a frame to the connection: 0, WIRE_E_FULL (it takes no more now) or
    //  WIRE_E_GONE (it is broken). `kept`: the bytes came from alloc and will not
    //  change until they are released, so they may be shared; else copy them.
    int (*write)(void *arg, const void *frame, size_t size, bool kept);
    //  A message in order and once: 0, or the error for which the peer gets a strike.
    int (*message)(void *arg, const wire_msg_t *msg);
    //  A message that was never acknowledged; see wire_link_abandon.
    void (*lost)(void *arg, const wire_msg_t *msg);
    void (*silent)(void *arg, bool silent);
    //  The end, once; `text` lives as long as the call. Then call wire_link_abandon.
    void (*ended)(void *arg, int code, const char *text);
} wire_link_ops_t;

typedef struct {
    int lease;                  //  ms of a broken connection until the peer is gone
    bool patient;               //  Never gone by silence
    size_t ring_bytes;          //  Unacknowledged bytes that are kept, batch included
    size_t ring_frames;         //  and frames
    size_t batch_bytes;         //  A batch is written out at so many; 0: 24 KiB
} wire_link_config_t;

typedef struct {
    uint64_t messages_in, frames_in, bytes_in, messages_out, frames_out, bytes_out;
    uint64_t resent, lost, full, strikes, duplicates;
} wire_link_stat_t;

//  `stat` may be shared by many links and outlives them. NULL: no memory.
wire_link_t *wire_link_new(const wire_link_config_t *config, const wire_link_ops_t *ops, void *arg,
                           wire_link_stat_t *stat);
void wire_link_destroy(wire_link_t **self_p);

//  Open: WELCOME was written (acceptor) or read (dialler). Not counted: frames without
//  header, forgotten once written. What has gathered is written.
void wire_link_opened(wire_link_t *self, uint64_t session, bool counted, int64_t now);

//  Dialler: a fresh connection stands; all answers but the one to this nonce are void.
//  True: a session exists and RESUME was written. False: the caller says HELLO.
bool wire_link_connected(wire_link_t *self, uint64_t nonce, int64_t now);
//  Dialler: no answer to RESUME came over a connection that stands. It is written once more, with the same nonce, so
//  that whichever answer comes will do.
void wire_link_ask_again(wire_link_t *self);
//  Whether HELLO or RESUME with this nonce waits for its answer.
bool wire_link_awaits(const wire_link_t *self, uint64_t nonce);
bool wire_link_is_asking(const wire_link_t *self);
//  Dialler: RESUMED came. 0; WIRE_E_STATE when it is stale (ignore it);
//  WIRE_E_MALFORMED when the counts are impossible (the link ought to end).
int wire_link_resumed(wire_link_t *self, uint64_t nonce, uint64_t session, uint64_t received, int64_t now);

//  Acceptor: RESUME came over a connection that `write` reaches from now on. 0 and
//  RESUMED was written; WIRE_E_STATE: refuse it; WIRE_E_GONE: that connection is
//  broken too, nothing changed.
int wire_link_resume(wire_link_t *self, uint64_t nonce, uint64_t received, int64_t now);

//  The connection broke. Silent and gone follow in time; twice is fine.
void wire_link_broken(wire_link_t *self, int64_t now);

//  The peer has forgotten us: everything unacknowledged is reported lost, the counts
//  begin anew, and the next connection says HELLO. What `lost` sends waits for it.
void wire_link_restart(wire_link_t *self);

//  Queue a message. `gather`: write nothing yet; else the first one after a flush goes
//  out at once. 0, WIRE_E_FULL, _TOO_BIG, _NO_MEMORY or _GONE (ended or closing).
int wire_link_send(wire_link_t *self, const void *message, size_t size, bool gather, int64_t now);
//  The usual case of send: the message only joins others that gather. False: nothing was done, send it.
bool wire_link_join(wire_link_t *self, const void *message, size_t size);
bool wire_link_has_room(const wire_link_t *self, size_t size);
//  Write what has gathered, and the ACK that is owed.
void wire_link_flush(wire_link_t *self, int64_t now);

//  A frame came over the current connection. 0, or the error of a bad frame; a strike
//  was counted then, and the third ended the link.
int wire_link_input(wire_link_t *self, const void *frame, size_t size, int64_t now);
//  Some other sign of life.
void wire_link_heard(wire_link_t *self, int64_t now);

//  A frame that means nothing, to learn from `write` whether the peer is still there.
void wire_link_probe(wire_link_t *self, int64_t now);

//  Say BYE behind everything (flush it); the link ends (WIRE_E_CLOSED) once that is
//  acknowledged, or after 30 s. Before anything was sent or opened it ends at once.
void wire_link_close(wire_link_t *self, int code, const char *text, int64_t now);
//  End now: `ended` is called from inside, unless the link has ended before.
void wire_link_end(wire_link_t *self, int code, const char *text);
//  Hand what was never acknowledged to `lost`.
void wire_link_abandon(wire_link_t *self);

//  Do what the time asks for: lone ACK, silence, lease, closing.
void wire_link_tick(wire_link_t *self, int64_t now);
//  When tick is next wanted; WIRE_LINK_NEVER when it is not.
int64_t wire_link_due(const wire_link_t *self);

bool wire_link_is_open(const wire_link_t *self);        //  Since opened, until it ends
bool wire_link_is_broken(const wire_link_t *self);
bool wire_link_is_silent(const wire_link_t *self);
bool wire_link_is_closing(const wire_link_t *self);
bool wire_link_has_ended(const wire_link_t *self);
bool wire_link_is_counted(const wire_link_t *self);
bool wire_link_is_fresh(const wire_link_t *self);       //  Nothing was ever heard over it
bool wire_link_drained(const wire_link_t *self);        //  All sent was acknowledged
bool wire_link_wants_flush(const wire_link_t *self);
uint64_t wire_link_session(const wire_link_t *self);
size_t wire_link_bytes(const wire_link_t *self);        //  Held in ring and batch
int64_t wire_link_last_heard(const wire_link_t *self);

//  Both ends dialled each other: whether the link that `ours` dialled survives, which is
//  so for the smaller (name, incarnation), names compared as bytes.
bool wire_link_ours_wins(wire_str_t our_name, uint64_t our_incarnation,
                         wire_str_t their_name, uint64_t their_incarnation);

#endif
