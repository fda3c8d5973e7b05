//  node_shell - the node around its core: a libuv loop, a hub, children, the launcher's socket
//
//      node_loop       life of the node, the turn of the loop
//      node_links      what the hub says and what the core wants of it
//      node_broker     joining a network and coming back to it
//      node_keys       certificates, and what may be done without one
//      node_gate       who may come over tcp, and whether it is who it says
//      node_jail       chunks that run in a process without powers
//      node_audit      refusals on standard error
//      node_probe      whether anybody listens at an endpoint
//      node_leave      the orderly end
//      node_spawn      children and their one line to us
//      node_starter    a broker of its own, started when none answers
//      node_parent     our one line to whoever spawned us
//      node_control    the launcher's socket
//      node_place      directories, token, program, boot record
//
//  Private to node/.

#ifndef NODE_SHELL_H
#define NODE_SHELL_H

#include <uv.h>
#include "../core/node_core.h"
#include "cert.h"
#include "hub.h"

typedef struct node_control node_control_t;
typedef struct node_child node_child_t;
typedef struct node_parent node_parent_t;
typedef struct node_stranger node_stranger_t;   //  A link whose node the broker is asked about
typedef struct node_asking node_asking_t;       //  A key that the broker is asked about
typedef struct node_job node_job_t;             //  A chunk in the jail, or its answer that waits for room

typedef struct {
    int64_t since, said;        //  Lines since then, as far as they count
    uint64_t unsaid;
} node_audit_t;

struct alua_process {
    alua_node_t *node;
};

struct alua_node {
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_timer_t timer;
    int64_t armed;              //  When the timer fires, 0: not armed
    node_core_t core;
    alua_process_t process;
    hub_t *hub;
    hub_peer_t *broker;         //  NULL: not dialled
    char *broker_endpoint;
    bool dismissed;             //  The broker ended our session because we did not read, or denied it: it is dialled again
    int64_t again;              //  ms until then; 0: it has not been denied yet
    alua_outcome_fn *open_fn;   //  Whoever waits for the opening, else NULL
    void *open_arg;
    uint64_t open_timer;
    char *given_name;           //  By config; NULL: minted
    char *endpoint, *listen;    //  Bound: ipc, and what others are told besides, with commas between them; or NULL
    char *directory, *host, *executable;
    bool visitor, spawned;
    int lease;
    bool has_key, insecure;
    cert_t cert;                //  Ours, with has_key
    char broker_key[CERT_KEY + 1];      //  "": unknown
    char *key_path, *broker_key_path;   //  For children; or NULL
    node_stranger_t *strangers;
    node_asking_t *asking;
    size_t asking_count;
    struct jail *jail;          //  NULL until it is needed
    node_job_t *jobs;
    size_t jobs_count;
    uint64_t jobs_timer;
    size_t jailed_sends;        //  What jailed chunks sent, not answered yet
    node_audit_t audit;
    uint64_t incarnation;
    node_control_t *control;
    node_child_t *children;
    node_parent_t *parent;      //  Whoever spawned us, or NULL
    bool quit, failed, serving, was_active;
    bool unsettled;             //  A turn came after the loop's last look at what is to do
    bool finishing, leaving;    //  Saying good-bye; no more callbacks
    int status;
};

//  node_loop
void node_turn(alua_node_t *self);
char *node_text_copy(const char *text);
//  Call fn with a copy of this outcome, as an event of its own.
void node_post_outcome(alua_node_t *self, alua_outcome_fn *fn, void *arg, const alua_outcome_t *outcome);
void node_post_failure(alua_node_t *self, alua_outcome_fn *fn, void *arg, int code, const char *text);

//  node_links
extern const hub_handler_t node_hub_handler;
extern const node_effects_t node_effects;

//  node_leave: until what was sent is there, also what waits for a look-up; at most so many ms.
void node_drain_links(alua_node_t *self, int ms);

//  node_broker
void node_broker_up(alua_node_t *self, const hub_greeting_t *greeting);
void node_broker_gone(alua_node_t *self, int code, const char *text);
void node_put_claims(alua_node_t *self, wire_buf_t *out);
void node_put_greeting(alua_node_t *self, wire_buf_t *out);
//  node_probe: alua_probe, but fn is called as soon as it is known.
int  node_probe(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg);

//  node_keys: before the hub. False: *error (static) says why.
bool node_keys_load(alua_node_t *self, const alua_config_t *config, const char **error);
bool node_keys_may_listen(const alua_node_t *self, const char *endpoint, const char **error);
//  What a broker at this endpoint must prove; NULL: nothing. False: we do not know that.
bool node_keys_broker(const alua_node_t *self, const char *endpoint, const char **key, const char **error);

//  node_gate
hub_verdict_t node_gate_admit(void *arg, const char *key);
//  A link to or from a node is open: it joins the core now, or when the broker has said who it is.
void node_gate_up(alua_node_t *self, hub_peer_t *peer, const hub_greeting_t *greeting, wire_str_t process);
//  True: it is not known yet who that is, so the message was kept, or *code says why not.
bool node_gate_keep(alua_node_t *self, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame, int *code);
void node_gate_gone(alua_node_t *self, hub_peer_t *peer);
void node_gate_free(alua_node_t *self);

//  node_jail
int  node_jail_run(void *arg, const alua_event_t *event, node_author_t *author, const char **text);
bool node_jail_cancel(void *arg, const alua_remote_t *from, uint64_t request);
size_t node_jailed(void *arg);
void node_jail_free(alua_node_t *self);

//  node_audit: "alua: TEXT"
void node_audit(void *arg, const char *text);
void node_audit_key(alua_node_t *self, const char *key, const char *text);

//  node_spawn
void node_children_free(alua_node_t *self);

//  The other end: tell whoever spawned us how it went; learn of its end.
bool node_parent_watch(alua_node_t *self, int fd);
void node_parent_tell(alua_node_t *self, const alua_outcome_t *opened);
void node_parent_free(alua_node_t *self);

//  node_control
//  Only takes and reads without a deadline hold this process, and no other network can end them.
bool node_is_stuck(const alua_node_t *node);
void node_control_idle(alua_node_t *self);
void node_control_opened(alua_node_t *self);
void node_control_free(alua_node_t *self);

//  node_place: an endpoint for our ipc socket in `directory`, malloc'ed.
char *node_place_endpoint(const char *directory, uint64_t incarnation);
void  node_place_sweep(const char *directory);
//  node_place: the text for libuv's `rc` when alua_executable() could not be started, with what helps.
void  node_place_cannot_start(char *text, size_t size, const char *executable, int rc);
//  Endpoints that are given as one text, with commas between them: the i-th in part[NODE_PART]. False: there are not so many.
#define NODE_PART 512
bool node_place_part(const char *list, size_t i, char *part);
//  What others are told: `advertise`, with the port of what is bound unless it names one. malloc'ed.
char *node_place_advertised(const char *advertise, const char *bound);
//  The parent's pipe as the boot record names it, or -1.
int   node_place_parent(void);

#endif
