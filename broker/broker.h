//  broker - the broker's shell: a hub to talk through, libuv's clock, and the core that decides
//
//  Runs on a loop that is the caller's, embedded in a launcher or in a program of its own.
//  Everything belongs to the loop's thread; nothing waits. Callbacks come from the loop, except
//  on_change, which also comes from inside broker_child_died.

#ifndef BROKER_H
#define BROKER_H

#include <uv.h>
#include "broker_core.h"
#include "cert.h"

typedef struct broker broker_t;

#define BROKER_ERROR_TEXT 256

typedef struct {
    const char *const *endpoints;   //  Where to listen: "ipc://PATH", "tcp://127.0.0.1:PORT", PORT may be *
    size_t endpoint_count;          //  At least one
    const char *address;        //  What stands behind the @ of minted ids; NULL: the ip:port of the first
                                //  tcp endpoint as bound, else the machine's name
    const char *token;          //  The secret that nodes must know; 32 hex digits
    const char *host;           //  Compared as text with the host a node says: when it is the same, a refused
                                //  connection at its address proves its death. NULL: the machine's name
    int lease;                  //  ms; 0: WIRE_LEASE
    //  Keys: tcp endpoints take CURVE links of trusted keys only, with the rights that the policy gives; who comes by ipc and
    //  the token has all rights. Both are looked at anew as long as the broker runs (broker_keys.h).
    const cert_t *cert;         //  Its own, with the secret half; NULL: no keys
    const char *trust;          //  Directory of trusted certificates; NULL: trust_directory()
    const char *policy;         //  File; NULL: whoever is trusted may everything but code and admin
    bool insecure;              //  Whoever comes is let in, with all rights; STAT says so
    uint64_t first_number;      //  Mint above this; 0 for a network that begins
    bool until_empty;           //  Say on_empty when the last member (visitors apart) has left or its lease
                                //  is over, or when nobody has joined within 10 s. Once
    void (*on_empty)(void *arg);                //  May call broker_destroy
    void (*on_change)(void *arg);               //  Sessions, names, apps or watches changed; may be NULL
    void (*log)(void *arg, const char *text);   //  A line for people: joins, ends, refusals; may be NULL
    void *arg;
} broker_config_t;

//  Listen and serve. config and its strings are copied. NULL: error[BROKER_ERROR_TEXT] says why in a
//  sentence (an endpoint that is in use, wrong or refused; a trust store or policy that is missing or wrong; no memory).
broker_t *broker_new(uv_loop_t *loop, const broker_config_t *config, char *error);

//  Close all links and sockets at once, without a word to the nodes: they look for a successor.
//  Run the loop once more before closing it: its handles close in their own time.
void broker_destroy(broker_t **self_p);

//  The i-th endpoint as bound (a * replaced), NULL behind the last.
const char *broker_endpoint(const broker_t *self, size_t i);

//  What stands behind the @ of ids.
const char *broker_address(const broker_t *self);

//  Proof that a node is dead (its process was reaped): whoever watches hears "gone" now and not when the
//  lease is over. incarnation 0: any. False: no such node has a session.
bool broker_child_died(broker_t *self, const char *node, uint64_t incarnation, const char *text);

//  The session of a node. incarnation 0: any. False: none. Strings live until the loop goes on.
bool broker_seat(const broker_t *self, const char *node, uint64_t incarnation, broker_seat_t *seat);

//  Call fn for each session, oldest first.
void broker_each(const broker_t *self, void (*fn)(void *arg, const broker_seat_t *seat), void *arg);

//  For what broker.h does not show: members, counters, the highest number. Lent.
const broker_core_t *broker_core(const broker_t *self);

#endif
