//  fake_alua - see fake_alua.h

#include "fake_alua.h"

#include <stdlib.h>
#include <stdio.h>

#define NODES 4

struct alua_remote {
    int node;
    int held;
};

struct alua_process {
    alua_node_t *node;
    alua_handler_t handler;
    void *arg;
    bool ready;
};

struct alua_node {
    int index;
    char id[24];
    bool failed, quit;
    int holds;
    alua_process_t process;
    alua_remote_t remote;
};

typedef enum { EVENT, OUTCOME, CANCEL, CALL_FN, LOST } kind_t;

typedef struct mail {
    struct mail *next;
    kind_t kind;
    int node, from;
    alua_event_t event;
    alua_outcome_t outcome;
    alua_outcome_fn *fn;
    alua_timer_fn *post;
    void *arg;
    uint64_t request;
    char *bytes;                //  All that event or outcome point to
} mail_t;

typedef struct waiting {
    struct waiting *next;
    uint64_t id;
    int node, to;
    int64_t due;                //  0: none
    alua_outcome_fn *fn;        //  NULL: a timer
    alua_timer_fn *timer;
    void *arg;
} waiting_t;

static alua_node_t *nodes[NODES];
static int node_count, refusal;
static mail_t *first, **last = &first;
static waiting_t *waitings;
static int64_t now = 1000;
static uint64_t last_id, cancels;

//  ---- The queue -----------------------------------------------------------------

static mail_t *post(int node, kind_t kind)
{
    mail_t *mail = calloc(1, sizeof *mail);
    mail->node = node;
    mail->kind = kind;
    *last = mail;
    last = &mail->next;
    return mail;
}

static mail_t *pop(void)
{
    mail_t **link = &first;
    while (*link && !(nodes[(*link)->node] && nodes[(*link)->node]->process.ready))
        link = &(*link)->next;
    mail_t *mail = *link;
    if (!mail)
        return NULL;
    *link = mail->next;
    if (last == &mail->next)
        last = link;
    return mail;
}

static void drop(mail_t *mail)
{
    free(mail->bytes);
    free(mail);
}

static wire_str_t copy(char **at, const void *data, size_t size)
{
    wire_str_t text = { *at, size };
    if (size)
        memcpy(*at, data, size);
    *at += size;
    return text;
}

static void handle(mail_t *mail)
{
    alua_process_t *process = &nodes[mail->node]->process;
    static const char about[] = "test";
    switch (mail->kind) {
    case EVENT:
        process->handler.event(process->arg, &mail->event);
        break;
    case OUTCOME:
        mail->fn(mail->arg, &mail->outcome);
        break;
    case CANCEL:
        cancels++;
        process->handler.cancel(process->arg, &nodes[mail->from]->remote, mail->request);
        break;
    case CALL_FN:
        mail->post(mail->arg);
        break;
    case LOST:
        process->handler.report(process->arg, (wire_str_t) { about, 4 }, mail->outcome.code, mail->outcome.text,
                                mail->outcome.body, mail->outcome.size);
        break;
    }
    drop(mail);
}

//  ---- Waiting -------------------------------------------------------------------

static waiting_t *wait_for(int node, int to, int64_t ms)
{
    waiting_t *waiting = calloc(1, sizeof *waiting);
    waiting->id = ++last_id;
    waiting->node = node;
    waiting->to = to;
    waiting->due = ms ? now + ms : 0;
    waiting->next = waitings;
    waitings = waiting;
    return waiting;
}

static waiting_t **find(uint64_t id)
{
    waiting_t **link = &waitings;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static void unlink_waiting(waiting_t **link)
{
    waiting_t *waiting = *link;
    *link = waiting->next;
    free(waiting);
}

static mail_t *settle(waiting_t **link, int code)
{
    mail_t *mail = post((*link)->node, OUTCOME);
    mail->fn = (*link)->fn;
    mail->arg = (*link)->arg;
    mail->outcome.code = code;
    mail->outcome.definite = code == WIRE_E_UNKNOWN;
    mail->outcome.from = (wire_str_t) { nodes[(*link)->to]->id, strlen(nodes[(*link)->to]->id) };
    unlink_waiting(link);
    return mail;
}

static void tell_cancel(const waiting_t *waiting)
{
    mail_t *mail = post(waiting->to, CANCEL);
    mail->from = waiting->node;
    mail->request = waiting->id;
}

static bool ring(void)
{
    waiting_t **due = NULL;
    for (waiting_t **link = &waitings; *link; link = &(*link)->next)
        if ((*link)->due && (!due || (*link)->due <= (*due)->due))
            due = link;
    if (!due)
        return false;
    if ((*due)->due > now)
        now = (*due)->due;
    if ((*due)->fn) {
        tell_cancel(*due);
        settle(due, WIRE_E_TIMEOUT);
        return true;
    }
    mail_t *mail = post((*due)->node, CALL_FN);
    mail->post = (*due)->timer;
    mail->arg = (*due)->arg;
    unlink_waiting(due);
    return true;
}

static bool turn(void)
{
    mail_t *mail = pop();
    if (mail)
        handle(mail);
    return mail || ring();
}

void fake_run(void)
{
    while (turn())
        ;
}

void fake_elapse(int64_t ms)
{
    int64_t end = now + ms;
    for (;;) {
        mail_t *mail = pop();
        if (mail) {
            handle(mail);
            continue;
        }
        int64_t next = INT64_MAX;
        for (waiting_t *waiting = waitings; waiting; waiting = waiting->next)
            if (waiting->due && waiting->due < next)
                next = waiting->due;
        if (next > end)
            break;
        ring();
    }
    now = end;
}

static bool full_code = true;

void fake_full(bool full)
{
    full_code = full;
}

void fake_reset(void)
{
    full_code = true;
    while (first) {
        mail_t *mail = first;
        first = mail->next;
        drop(mail);
    }
    last = &first;
    while (waitings)
        unlink_waiting(&waitings);
    for (int i = 0; i < NODES; i++)
        free(nodes[i]);
    memset(nodes, 0, sizeof nodes);
    node_count = refusal = 0;
    cancels = 0;
    now = 1000;
}

bool fake_failed(int node)
{
    bool failed = nodes[node - 1]->failed;
    nodes[node - 1]->failed = false;
    return failed;
}

int fake_holds(int node)
{
    return nodes[node - 1]->holds;
}

uint64_t fake_cancels(void)
{
    return cancels;
}

void fake_refuse(int code)
{
    refusal = code;
}

int fake_remotes_held(void)
{
    int held = 0;
    for (int i = 0; i < node_count; i++)
        held += nodes[i]->remote.held;
    return held;
}

const char *fake_waits(int node)
{
    static char text[2048];
    wire_buf_t out = WIRE_BUF_EMPTY;
    alua_process_t *process = &nodes[node - 1]->process;
    uint32_t count = process->handler.waits(process->arg, &out);
    wire_reader_t in = wire_reader(out.data, out.size);
    wire_str_t line;
    *text = 0;
    for (; count && wire_read_bytes(&in, &line) == 0; count--)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s\n", (int) line.size, line.data);
    wire_buf_free(&out);
    return text;
}

void fake_notice(int node, alua_kind_t kind, const void *args, size_t size, uint32_t count)
{
    mail_t *mail = post(node - 1, EVENT);
    char *at = mail->bytes = malloc(size + 1);
    mail->event.kind = kind;
    mail->event.args = (const uint8_t *) copy(&at, args, size).data;
    mail->event.args_size = size;
    mail->event.count = count;
    if (kind == ALUA_END)
        mail->event.from_id = (wire_str_t) { nodes[0]->id, strlen(nodes[0]->id) };
}

//  ---- Nodes -----------------------------------------------------------------------

alua_node_t *alua_node_new(const alua_config_t *config, const char **error)
{
    (void) config;
    *error = "no room";
    if (node_count == NODES)
        return NULL;
    alua_node_t *self = calloc(1, sizeof *self);
    self->index = node_count;
    snprintf(self->id, sizeof self->id, "%d@test", node_count + 1);
    self->process.node = self;
    self->remote.node = node_count;
    nodes[node_count++] = self;
    return self;
}

void alua_node_destroy(alua_node_t **self_p)
{
    if (*self_p)
        (*self_p)->process.ready = false;
    *self_p = NULL;
}

alua_process_t *alua_node_process(alua_node_t *self) { return &self->process; }
const char *alua_node_name(const alua_node_t *self) { return self->id; }
const char *alua_node_address(const alua_node_t *self) { (void) self; return "test"; }
const char *alua_node_broker(const alua_node_t *self) { (void) self; return ""; }
const char *alua_node_endpoint(const alua_node_t *self) { (void) self; return ""; }
const char *alua_process_id(const alua_process_t *self) { return self->node->id; }
alua_node_t *alua_process_node(alua_process_t *self) { return self->node; }

void alua_process_handle(alua_process_t *self, const alua_handler_t *handler, void *arg)
{
    self->handler = *handler;
    self->arg = arg;
}

void alua_process_ready(alua_process_t *self, bool ready) { self->ready = ready; }

bool alua_node_step(alua_node_t *self, int ms)
{
    (void) self, (void) ms;
    return turn();
}

void alua_node_run(alua_node_t *self)
{
    self->quit = false;
    while (!self->quit && turn())
        ;
}

void alua_node_quit(alua_node_t *self) { self->quit = true; }
int alua_node_fd(const alua_node_t *self) { (void) self; return 0; }
struct uv_loop_s *alua_node_loop(alua_node_t *self) { (void) self; return NULL; }     //  No signals here
int alua_node_timeout(const alua_node_t *self) { (void) self; return -1; }
void alua_node_pump(alua_node_t *self, int ms) { (void) self, (void) ms; }
void alua_node_flush(alua_node_t *self) { (void) self; }
int alua_node_finish(alua_node_t *self, int code, int ms) { (void) self, (void) code, (void) ms; return 0; }
void alua_node_at_exit(alua_node_t *self, int status) { (void) self, (void) status; }
int64_t alua_now(const alua_node_t *self) { (void) self; return now; }
void alua_node_exit_status(alua_node_t *self, int status) { (void) self, (void) status; }
void alua_node_failed(alua_node_t *self) { self->failed = true; }
bool alua_node_has_failed(const alua_node_t *self) { return self->failed; }
void alua_node_serve(alua_node_t *self, bool serve) { (void) self, (void) serve; }
void alua_hold(alua_process_t *self, int change) { self->node->holds += change; }
const alua_boot_t *alua_boot(void) { return NULL; }
const char *alua_boot_value(const char *key) { (void) key; return NULL; }
int alua_node_control(alua_node_t *self, const char *path) { (void) self, (void) path; return 0; }

//  ---- Requests --------------------------------------------------------------------

static int node_of(wire_str_t id)
{
    for (int i = 0; i < node_count; i++)
        if (wire_str_is(id, nodes[i]->id))
            return i;
    return -1;
}

static void send_event(const alua_request_t *request, int from, int to, uint64_t id, int64_t deadline)
{
    mail_t *mail = post(to, EVENT);
    alua_event_t *event = &mail->event;
    event->full = full_code;
    wire_reader_t args = wire_reader(request->args, request->args_size);
    char *at = mail->bytes = malloc(request->name.size + request->code.size + request->args_size + 1);
    event->kind = request->kind;
    event->from = &nodes[from]->remote;
    event->from_id = (wire_str_t) { nodes[from]->id, strlen(nodes[from]->id) };
    event->request = id;
    event->flags = request->flags | (request->fn ? WIRE_WANTS_REPLY : 0);
    event->deadline = deadline;
    event->name = copy(&at, request->name.data, request->name.size);
    event->code = copy(&at, request->code.data, request->code.size);
    wire_read_array(&args, &event->count);
    event->args_size = (size_t) (args.end - args.at);
    event->args = (const uint8_t *) copy(&at, args.at, event->args_size).data;
}

int alua_request(alua_process_t *self, const alua_request_t *request, uint64_t *id)
{
    int rc = refusal, from = self->node->index, to = node_of(request->to);
    waiting_t *waiting = NULL;
    refusal = 0;
    if (rc)
        return rc;
    if (request->fn) {
        waiting = wait_for(from, to < 0 ? from : to, request->timeout);
        waiting->fn = request->fn;
        waiting->arg = request->arg;
        if (id)
            *id = waiting->id;
    }
    if (to >= 0)
        send_event(request, from, to, waiting ? waiting->id : 0, waiting ? waiting->due : 0);
    else if (waiting)
        settle(&waitings, WIRE_E_UNKNOWN)->outcome.text = "no such process";
    return 0;
}

bool alua_cancel(alua_process_t *self, uint64_t id)
{
    waiting_t **link = find(id);
    (void) self;
    if (!*link || !(*link)->fn)
        return false;
    tell_cancel(*link);
    settle(link, WIRE_E_CANCELLED);
    return true;
}

int alua_reply(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *results, size_t size)
{
    waiting_t **link = find(request);
    (void) self, (void) to;
    if (!*link)
        return 0;
    mail_t *mail = settle(link, 0);
    mail->bytes = malloc(size + 1);
    memcpy(mail->bytes, results, size);
    wire_reader_t in = wire_reader(mail->bytes, size);
    wire_read_array(&in, &mail->outcome.count);
    mail->outcome.body = in.at;
    mail->outcome.size = (size_t) (in.end - in.at);
    return 0;
}

int alua_fail(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *error, size_t size)
{
    waiting_t **link = find(request);
    (void) self;
    mail_t *mail = request && *link ? settle(link, WIRE_E_REMOTE) : request ? NULL : post(to->node, LOST);
    if (!mail)
        return 0;
    mail->bytes = malloc(size + 1);
    memcpy(mail->bytes, error, size);
    mail->outcome.body = (const uint8_t *) mail->bytes;
    mail->outcome.size = size;
    return 0;
}

void alua_remote_hold(alua_remote_t *self) { self->held++; }
void alua_remote_release(alua_remote_t *self) { self->held--; }
const char *alua_remote_id(const alua_remote_t *self) { return nodes[self->node]->id; }

uint64_t alua_timer(alua_process_t *self, int64_t ms, bool background, alua_timer_fn *fn, void *arg)
{
    waiting_t *waiting = wait_for(self->node->index, 0, ms);
    (void) background;
    waiting->due = now + ms;
    waiting->timer = fn;
    waiting->arg = arg;
    return waiting->id;
}

bool alua_timer_cancel(alua_process_t *self, uint64_t timer)
{
    waiting_t **link = find(timer);
    (void) self;
    if (!*link || !(*link)->timer)
        return false;
    unlink_waiting(link);
    return true;
}

int alua_post(alua_process_t *self, alua_timer_fn *fn, void *arg)
{
    mail_t *mail = post(self->node->index, CALL_FN);
    mail->post = fn;
    mail->arg = arg;
    return 0;
}

//  ---- The broker, who is never there ------------------------------------------------

int alua_node_open(alua_node_t *self, const char *broker, int64_t timeout, alua_outcome_fn *fn, void *arg)
{
    (void) self, (void) broker, (void) timeout, (void) fn, (void) arg;
    return WIRE_E_OFFLINE;
}

int alua_node_close(alua_node_t *self) { (void) self; return WIRE_E_OFFLINE; }

int alua_ask(alua_node_t *self, const alua_ask_t *ask, uint64_t *id)
{
    (void) self, (void) ask, (void) id;
    return WIRE_E_OFFLINE;
}

int alua_tell(alua_node_t *self, wire_type_t type, const void *fields, size_t size, uint32_t count, int64_t ttl)
{
    (void) self, (void) type, (void) fields, (void) size, (void) count, (void) ttl;
    return WIRE_E_OFFLINE;
}

int64_t alua_app_size(const alua_node_t *self, const char *app) { (void) self, (void) app; return -1; }
int64_t alua_app_changes(const alua_node_t *self, const char *app) { (void) self, (void) app; return -1; }
int64_t alua_app_version(const alua_node_t *self, const char *app) { (void) self, (void) app; return -1; }

const char *alua_app_member(const alua_node_t *self, const char *app, size_t index)
{
    (void) self, (void) app, (void) index;
    return "";
}

int alua_spawn(alua_process_t *self, const alua_spawn_t *spawn, alua_outcome_fn *fn, void *arg)
{
    (void) self, (void) spawn, (void) fn, (void) arg;
    return WIRE_E_OFFLINE;
}

void alua_close_group(alua_process_t *self, uint32_t group, const char *text) { (void) self, (void) group, (void) text; }
void alua_each_request(const alua_process_t *self, alua_request_fn *each, void *arg) { (void) self, (void) each, (void) arg; }
size_t alua_timers(const alua_process_t *self) { (void) self; return 0; }

int alua_probe(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg)
{
    (void) self, (void) endpoint, (void) fn, (void) arg;
    return WIRE_E_OFFLINE;
}

int alua_start_broker(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg)
{
    (void) self, (void) endpoint, (void) fn, (void) arg;
    return WIRE_E_OFFLINE;
}

void alua_node_stat(const alua_node_t *self, alua_stat_t *stat)
{
    (void) self;
    memset(stat, 0, sizeof *stat);
}
