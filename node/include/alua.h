//  alua - the C runtime of ALua: a node, its processes, and what they say to others
//
//  A node is this operating-system process's standing in a network; a process is
//  one mailbox with one handler (for Lua: one Lua state). Processes send chunks and calls to each
//  other by id; every request has exactly one outcome. Single-threaded: all functions
//  and callbacks belong to the thread that runs the node's loop. Nothing waits, except
//  where said. Times are milliseconds; deadlines are absolute on alua_now's clock.
//
//  Bytes that are handed in are copied; bytes that are handed out belong to the
//  callee until the callback returns.

#ifndef ALUA_H
#define ALUA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"
#include "wire_types.h"

typedef struct alua_node alua_node_t;
typedef struct alua_process alua_process_t;
typedef struct alua_remote alua_remote_t;       //  Another process, as this node knows it

//  ---- Node ----------------------------------------------------------------

typedef struct {
    //  What is NULL here is taken from the boot record (NAME, DIRECTORY, LISTEN, HOST) before the default,
    //  listen, advertise and host also from $ALUA_LISTEN, $ALUA_ADVERTISE and $ALUA_HOST.
    const char *name;           //  Of the node; NULL: the broker mints a number
    const char *directory;      //  0700, for ipc sockets; NULL: alua_directory()
    const char *token;          //  32 hex digits; NULL: the user's, alua_token()
    const char *listen;         //  More endpoints besides ipc, such as tcp://127.0.0.1:*, with commas between them; or NULL
    const char *advertise;      //  What others are told instead of `listen`: a proxy's or an outer address, with its port or the listener's, in the same order, "" for as it is; or NULL
    const char *executable;     //  The `alua` program, for spawn; NULL: found, alua_executable()
    const char *host;           //  What tells whether ipc paths mean the same; NULL: found
    bool visitor;               //  A guest of the command line: consumes no number
    bool spawned;               //  name is the process's own id
    int lease;                  //  0: WIRE_LEASE
    //  Keys (docs/SECURITY.md); what is NULL is taken from the boot record (KEY, BROKER_KEY, CODE), then from $ALUA_KEY,
    //  $ALUA_BROKER_KEY and $ALUA_CODE.
    const char *key;            //  Path of our certificate with its private half, NAME.key; "" or none: no key
    const char *broker_key;     //  The broker's NAME.pub, or its public key itself; none: the one named "broker" in the trust store
    const char *code;           //  "none", "jail" or "full": how code of those who come with keys is run here at most; none: full
    bool insecure;              //  Let in whoever comes, without token or key; for experiments
} alua_config_t;

//  The user's runtime directory, made 0700 when missing ($XDG_RUNTIME_DIR/alua, else
//  /tmp/alua-UID); the user's token, from its file 0600, made when missing; the program.
//  Static strings; NULL and errno when that cannot be had.
const char *alua_directory(void);
const char *alua_token(void);
const char *alua_executable(void);
//  What tells whether ipc paths mean the same to two processes: the host and its runtime directory.
const char *alua_host(void);
//  The user's default broker: an ipc endpoint in alua_directory().
const char *alua_default_broker(void);

//  Make a node, with its own loop and one process (its main one). config is copied and may be
//  NULL. NULL: *error (a static string) says why.
alua_node_t *alua_node_new(const alua_config_t *config, const char **error);
//  Close everything at once. What was not flushed is lost: see alua_node_finish.
void alua_node_destroy(alua_node_t **self_p);

alua_process_t *alua_node_process(alua_node_t *self);
struct uv_loop_s *alua_node_loop(alua_node_t *self);

//  Names as given by the broker; "" while not open. address: what stands behind the @.
const char *alua_node_name(const alua_node_t *self);
const char *alua_node_address(const alua_node_t *self);
const char *alua_node_broker(const alua_node_t *self);
const char *alua_node_endpoint(const alua_node_t *self);        //  Our own ipc endpoint

//  Run the loop: until alua_node_quit (loop), or one turn that waits at most `ms` for input
//  (-1: until something happens). step returns true while there is something to wait for.
void alua_node_run(alua_node_t *self);
bool alua_node_step(alua_node_t *self, int ms);
void alua_node_quit(alua_node_t *self);
//  For foreign loops: a descriptor that is readable (level-triggered) when step(0) has work, and the ms until it
//  has work all the same (0: at once, -1: never). Ask for the ms anew after each step.
int  alua_node_fd(const alua_node_t *self);
int  alua_node_timeout(const alua_node_t *self);
//  Input and output only, for at most `ms`: mailboxes fill, no handler runs.
void alua_node_pump(alua_node_t *self, int ms);
//  Write out what has gathered.
void alua_node_flush(alua_node_t *self);
//  Pump until all that was sent is in its receivers' mailboxes, they are gone, or `ms` have passed;
//  the END of the main process travels last. The number of peers that had not acknowledged.
int  alua_node_finish(alua_node_t *self, int code, int ms);
//  The operating-system process ends (exit was called), perhaps inside one of our callbacks: finish unless that
//  was done, tell the launcher the status, close the sockets. The node is not to be used after; its memory is left.
void alua_node_at_exit(alua_node_t *self, int status);

int64_t alua_now(const alua_node_t *self);

//  ---- Outcomes ------------------------------------------------------------

typedef struct {
    int code;                   //  0: results; else WIRE_E_*
    bool definite;              //  With a code: the work was surely not done, or failed there
    const char *text;           //  With a code made here: a sentence. Else NULL
    uint32_t count;             //  With code 0: this many values
    const uint8_t *body;        //  stand packed here; with a code from afar: one error map
    size_t size;
    wire_str_t from;            //  Who answered, or whom we asked
} alua_outcome_t;

//  Called once for each request, as an event of its own (never inside alua_request).
typedef void alua_outcome_fn(void *arg, const alua_outcome_t *outcome);

//  ---- The broker ----------------------------------------------------------

//  Join the network of a broker (leaving another first). Outcome: count 3: process id, address, node name.
//  The node then returns by itself after the broker's or connection's failure, with its id, names and apps.
int  alua_node_open(alua_node_t *self, const char *broker, int64_t timeout, alua_outcome_fn *fn, void *arg);
//  Leave it, behind what was sent.
int  alua_node_close(alua_node_t *self);

//  Ask the broker something: `type` of way ASK, `count` fields packed back to back. The outcome's values are ANSWER's
//  fields. *id (may be NULL) names it for alua_cancel. A full link is pumped for, as in alua_request. 0 or an error code
//  (then no outcome comes).
typedef struct {
    wire_type_t type;
    const void *fields;
    size_t size;
    uint32_t count;
    int64_t timeout;            //  ms; 0: none
    bool background;
    //  A TAKE or READ that the broker lets wait, and ends after `timeout`. A broker that was restarted is asked anew. When
    //  it is cancelled, or the answer is late, what it took after all is given back.
    bool waits;
    uint32_t group;             //  For alua_close_group; 0: none
    alua_outcome_fn *fn;
    void *arg;
} alua_ask_t;
int  alua_ask(alua_node_t *self, const alua_ask_t *ask, uint64_t *id);
//  The same without an answer (request 0), for PUBLISH and CONSUMED.
int  alua_tell(alua_node_t *self, wire_type_t type, const void *fields, size_t size, uint32_t count, int64_t ttl);

//  Local views of apps joined or followed, in join order. -1: no view yet (JOIN or FOLLOW it by alua_ask).
int64_t alua_app_size(const alua_node_t *self, const char *app);
//  As the broker counts: views of the same version are equal everywhere. changes: as this node counts, never the same
//  for two lists.
int64_t alua_app_version(const alua_node_t *self, const char *app);
int64_t alua_app_changes(const alua_node_t *self, const char *app);
const char *alua_app_member(const alua_node_t *self, const char *app, size_t index);

//  ---- Process -------------------------------------------------------------

typedef enum {
    ALUA_CHUNK,                 //  name (of the chunk), code, args
    ALUA_CALL,                  //  name (dotted), args
    ALUA_MEMBERS,               //  args: app, version, what, id, node (count 5, no array head)
    ALUA_WATCHED,               //  args: what, id, node, incarnation, text (likewise)
    ALUA_TUPLE,                 //  args: watch, n, missed, number, tuple (likewise)
    ALUA_TOPIC,                 //  args: sub, n, missed, topic, publisher, seq, time, flags, reply, value (likewise)
    ALUA_REACTION,              //  args: reaction, text (likewise): a run of it failed
    ALUA_BROKER,                //  The broker was restarted: what it kept in memory is lost
    ALUA_END,                   //  from has ended: args: code, text (likewise)
    ALUA_PARENT,                //  Whoever started us has ended: finish and exit
    ALUA_ORDER                  //  The launcher says, or draining is done: end, with status flags
} alua_kind_t;

typedef struct {
    alua_kind_t kind;
    alua_remote_t *from;        //  NULL for what the broker or this node says
    wire_str_t from_id;
    uint64_t request;           //  With WIRE_WANTS_REPLY: what alua_reply and alua_fail name
    uint32_t flags;             //  WIRE_WANTS_REPLY ...
    int64_t deadline;           //  0: none
    bool full;                  //  CALL: its author may run code here, and so call what is not exported, too
    wire_str_t name, code;
    uint32_t count;             //  Values in args, whose array head was taken off
    const uint8_t *args;
    size_t args_size;
} alua_event_t;

typedef struct {
    //  Handle one event, to completion. Never called inside another one.
    void (*event)(void *arg, const alua_event_t *event);
    //  The caller of a request that was handed over waits no longer.
    void (*cancel)(void *arg, alua_remote_t *from, uint64_t request);
    //  A failure that nobody can take: a chunk sent without reply that failed, a send that was lost.
    //  error: a packed error map from afar, or NULL, then code and text.
    void (*report)(void *arg, wire_str_t about, int code, const char *text, const void *error, size_t size);
    //  Append one str per thing that waits ("sync call add of 2@ana, FILE:LINE"); returns how many.
    uint32_t (*waits)(void *arg, wire_buf_t *out);
    //  Whether something that another process asked for is not over. NULL: nothing ever waits.
    bool (*begun)(void *arg);
} alua_handler_t;

//  The handler is copied; events queue until alua_process_ready (the main chunk comes first).
void alua_process_handle(alua_process_t *self, const alua_handler_t *handler, void *arg);
void alua_process_ready(alua_process_t *self, bool ready);
const char *alua_process_id(const alua_process_t *self);
alua_node_t *alua_process_node(alua_process_t *self);

typedef struct {
    alua_kind_t kind;           //  ALUA_CHUNK or ALUA_CALL
    wire_str_t to;              //  An id, a node's name or a registered name
    uint32_t flags;             //  WIRE_WANTS_RESULTS, WIRE_BACKGROUND; WANTS_REPLY follows from fn
    wire_str_t name, code;
    const void *args;           //  A packed array; NULL: an empty one
    size_t args_size;
    int64_t timeout;            //  ms; 0: none
    bool wait_name;             //  A name without holder: wait for one until the deadline
    alua_outcome_fn *fn;        //  NULL: nobody waits; failures go to the handler's report
    void *arg;
} alua_request_t;

//  Send a chunk or a call. *id (may be NULL) names it for alua_cancel. A full peer is pumped for, up to
//  30 s; then WIRE_E_FULL. A request to oneself is an event too; with no room it is FULL at once.
//  With an error code nothing was sent and no outcome comes.
int alua_request(alua_process_t *self, const alua_request_t *request, uint64_t *id);

//  End a pending request with CANCELLED (its outcome comes as an event) and tell the far side.
//  False when it is not pending.
bool alua_cancel(alua_process_t *self, uint64_t id);

//  End all requests of that group in the same way, with CLOSED and a sentence (copied).
void alua_close_group(alua_process_t *self, uint32_t group, const char *text);

//  What holds the program besides events, for the list of who waits: our pending requests, the broker's answers among
//  them (to is "the broker"), in no order; and how many timers.
typedef void alua_request_fn(void *arg, const char *to, alua_outcome_fn *fn, const void *fn_arg);
void alua_each_request(const alua_process_t *self, alua_request_fn *each, void *arg);
size_t alua_timers(const alua_process_t *self);

//  Answer an event that WANTS_REPLY: packed array of results, or a packed error map. Pumps like a send.
//  Nothing happens when the caller is gone.
int alua_reply(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *results, size_t size);
int alua_fail(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *error, size_t size);

//  A remote lives as long as somebody holds it; an event's `from` is held only during the event.
void alua_remote_hold(alua_remote_t *self);
void alua_remote_release(alua_remote_t *self);
const char *alua_remote_id(const alua_remote_t *self);

//  After `ms`, call fn as an event of its own. Holds the program unless background. 0 is no timer's id.
typedef void alua_timer_fn(void *arg);
uint64_t alua_timer(alua_process_t *self, int64_t ms, bool background, alua_timer_fn *fn, void *arg);
bool alua_timer_cancel(alua_process_t *self, uint64_t timer);

//  Call fn as an event of its own, behind what is in the mailbox.
int alua_post(alua_process_t *self, alua_timer_fn *fn, void *arg);

//  What else keeps the program from being over: running main chunk, suspended coroutines (+1, -1).
void alua_hold(alua_process_t *self, int change);

//  ---- Children ------------------------------------------------------------

typedef struct {
    const char *name;           //  Its id, or NULL
    const char *broker;         //  Which network; NULL: ours
    const char *const *env;     //  Further "KEY=VALUE" for its boot record, NULL-terminated; or NULL
} alua_spawn_t;

//  Start a new operating-system process that joins our network. Outcome, as an event: count 2: id, node; or
//  EXISTS (the name is taken), SYSTEM, TIMEOUT (30 s). It ends after us.
int alua_spawn(alua_process_t *self, const alua_spawn_t *spawn, alua_outcome_fn *fn, void *arg);

//  Does somebody listen at this endpoint? A plain connect, milliseconds. Outcome: count 1: true or false.
int alua_probe(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg);

//  Start a broker there, a process of its own that lives until its last member has left.
//  Outcome: count 1: the endpoint it listens at (a port * is chosen), or SYSTEM.
int alua_start_broker(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg);

//  ---- The launcher --------------------------------------------------------

//  Under `alua run`: what the launcher wants of us, from the boot record of the environment.
typedef struct {
    const char *control;        //  Path of the launcher's control socket, or NULL
    const char *broker;         //  Endpoint to open at once
    const char *name, *app;     //  Or NULL
    int rank, size;             //  1..n of n, 0 when spawned
    bool spawned, label, keep, end;
} alua_boot_t;

//  Read and remove the boot record (once); NULL when this process was not started by alua.
const alua_boot_t *alua_boot(void);
//  A further key of the boot record ("alua_spawn_t.env"), or NULL.
const char *alua_boot_value(const char *key);
//  Connect the control socket: reports of activity, orders, and our end when the launcher dies.
int alua_node_control(alua_node_t *self, const char *path);
//  What shall be done when the launcher has died and this process, busy or stuck, has to be killed: called right
//  before, from another thread, whatever the process is in the middle of. For all nodes; NULL: nothing.
void alua_node_before_kill(void (*fn)(void));
//  Tell the launcher our exit status (and whether an event failed) before leaving.
void alua_node_exit_status(alua_node_t *self, int status);
//  Something ended in an error that nobody took: the status becomes 1 unless exit says more.
void alua_node_failed(alua_node_t *self);
bool alua_node_has_failed(const alua_node_t *self);
//  alua.loop was called: this process serves for ever (only --end, exit or a kill end it).
void alua_node_serve(alua_node_t *self, bool serve);

//  ---- Counters ------------------------------------------------------------

typedef struct {
    uint64_t requests, replies, fails, timeouts, cancels, expired, reports, refused, orphans;
    uint64_t timers, full, relayed;
    uint64_t switches, fallbacks;       //  From the broker's relay to a link of one's own, and back
    uint64_t broker;            //  Its incarnation: another one after a restart. 0: none yet
    uint64_t restarts;          //  Of the broker: each makes an event ALUA_BROKER, which may not have been handled yet
    uint64_t denied, jailed;    //  Of `refused`: for want of a right; chunks that ran in the jail
    size_t pending, mailbox_events, mailbox_bytes, remotes, links;
} alua_stat_t;
void alua_node_stat(const alua_node_t *self, alua_stat_t *stat);

#endif
