#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "node_shell.h"

//  Events handled before the loop looks at its sockets again.
#define DRAIN_MOST 4096

char *node_text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

//  ---- Outcomes of this node's own making -----------------------------------------

typedef struct {
    alua_outcome_fn *fn;
    void *arg;
    alua_outcome_t outcome;
    uint8_t bytes[];            //  The body, then the text
} posted_t;

static void run_posted(void *arg)
{
    posted_t *posted = arg;
    posted->fn(posted->arg, &posted->outcome);
    free(posted);
}

void node_post_outcome(alua_node_t *self, alua_outcome_fn *fn, void *arg, const alua_outcome_t *outcome)
{
    size_t text_size = outcome->text ? strlen(outcome->text) + 1 : 0;
    posted_t *posted = fn ? malloc(sizeof *posted + outcome->size + text_size) : NULL;
    if (!posted)
        return;
    *posted = (posted_t) { .fn = fn, .arg = arg, .outcome = *outcome };
    if (outcome->size)
        posted->outcome.body = memcpy(posted->bytes, outcome->body, outcome->size);
    if (text_size)
        posted->outcome.text = memcpy(posted->bytes + outcome->size, outcome->text, text_size);
    if (node_core_post(&self->core, run_posted, posted))
        run_posted(posted);
}

void node_post_failure(alua_node_t *self, alua_outcome_fn *fn, void *arg, int code, const char *text)
{
    alua_outcome_t outcome = { .code = code, .definite = true, .text = text };
    node_post_outcome(self, fn, arg, &outcome);
}

//  ---- The turn ---------------------------------------------------------------

static void arm(alua_node_t *self);

static void on_timer(uv_timer_t *timer)
{
    alua_node_t *self = timer->data;
    self->armed = 0;
    node_turn(self);
    hub_flush(self->hub);
}

//  The timer is set only when something falls due before it: the usual call, answered long before its
//  deadline, never touches it.
static void arm(alua_node_t *self)
{
    const wire_due_t *due = wire_heap_first(&self->core.heap);
    if (!due || (self->armed && self->armed <= due->at))
        return;
    int64_t wait = due->at - alua_now(self);
    self->armed = due->at;
    uv_update_time(&self->loop);
    uv_timer_start(&self->timer, on_timer, wait > 0 ? (uint64_t) wait : 0, 0);
}

//  Takes that nothing but another's OUT can end are worth a look at the whole program, too: it may be stuck.
static void tell_activity(alua_node_t *self)
{
    bool active = node_core_active(&self->core) && !node_is_stuck(self);
    if (self->was_active && !active)
        node_control_idle(self);
    self->was_active = active;
}

//  After an event that took its time, what arrived meanwhile comes in first: a CANCEL counts for queued work.
void node_turn(alua_node_t *self)
{
    self->unsettled = true;
    const wire_due_t *due = wire_heap_first(&self->core.heap);
    if (self->core.took_long)
        hub_pump(self->hub, 0);
    if (due && due->at <= alua_now(self))
        node_core_tick(&self->core);
    if (node_core_drain(&self->core, DRAIN_MOST))
        self->was_active = true;
}

static void on_idle(uv_idle_t *idle)
{
    alua_node_t *self = idle->data;
    node_turn(self);
    hub_flush(self->hub);
}

static bool has_work(const alua_node_t *self)
{
    return self->core.mailbox.events && self->core.ready && !self->core.running;
}

//  Before the loop sleeps: what was sent outside a turn leaves, and what is still to do keeps it awake.
static void on_prepare(uv_prepare_t *prepare)
{
    alua_node_t *self = prepare->data;
    self->unsettled = false;
    hub_flush(self->hub);
    arm(self);
    if (has_work(self))
        uv_idle_start(&self->idle, on_idle);
    else
        uv_idle_stop(&self->idle);
    tell_activity(self);
}

//  ---- Life -------------------------------------------------------------------

static bool start_loop(alua_node_t *self)
{
    if (uv_loop_init(&self->loop))
        return false;
    self->loop.data = self;
    uv_prepare_init(&self->loop, &self->prepare);
    uv_idle_init(&self->loop, &self->idle);
    uv_timer_init(&self->loop, &self->timer);
    self->prepare.data = self->idle.data = self->timer.data = self;
    uv_prepare_start(&self->prepare, on_prepare);
    return true;
}

//  What the caller left open, the boot record may say, or for the address the environment.
static alua_config_t completed(const alua_config_t *config)
{
    alua_config_t all = config ? *config : (alua_config_t) { 0 };
    static const char *const names[] = { "NAME", "DIRECTORY", "LISTEN", "HOST", "KEY", "BROKER_KEY", "CODE", "ADVERTISE" };
    const char **places[] = { &all.name, &all.directory, &all.listen, &all.host, &all.key, &all.broker_key, &all.code,
                              &all.advertise };
    char variable[32];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!*places[i] && i != 7)
            *places[i] = alua_boot_value(names[i]);
        snprintf(variable, sizeof variable, "ALUA_%s", names[i]);
        if (!*places[i] && i >= 2)
            *places[i] = getenv(variable);
    }
    const alua_boot_t *boot = alua_boot();
    all.spawned |= boot && boot->spawned;
    return all;
}

static bool copy_config(alua_node_t *self, const alua_config_t *config)
{
    const char *directory = config->directory ? config->directory : alua_directory();
    const char *executable = config->executable ? config->executable : alua_executable();
    if (!directory || getrandom(&self->incarnation, sizeof self->incarnation, 0) != sizeof self->incarnation)
        return false;
    self->incarnation >>= 12;           //  Exact in a double too, for readers in other languages
    self->directory = node_text_copy(directory);
    self->host = node_text_copy(config->host ? config->host : alua_host());
    self->executable = node_text_copy(executable);
    self->endpoint = node_place_endpoint(directory, self->incarnation);
    self->given_name = config->name ? node_text_copy(config->name) : NULL;
    self->visitor = config->visitor;
    self->spawned = config->spawned;
    self->lease = config->lease;
    return self->directory && self->host && self->executable && self->endpoint;
}

//  One listener more, of which others are told in its turn.
static bool add_told(alua_node_t *self, char *told)
{
    char *before = self->listen;
    size_t size = told ? strlen(told) + (before ? strlen(before) : 0) + 2 : 0;
    self->listen = told ? malloc(size) : NULL;
    if (self->listen)
        snprintf(self->listen, size, "%s%s%s", before ? before : "", before ? "," : "", told);
    free(before);
    free(told);
    return self->listen != NULL;
}

static bool listen_all(alua_node_t *self, const alua_config_t *config, const char **error)
{
    char endpoint[NODE_PART], advertise[NODE_PART], bound[256];
    for (size_t i = 0; node_place_part(config->listen, i, endpoint); i++) {
        if (!node_keys_may_listen(self, endpoint, error) || hub_bind(self->hub, endpoint, bound))
            return false;
        node_place_part(config->advertise, i, advertise);
        if (!add_told(self, *advertise ? node_place_advertised(advertise, bound) : node_text_copy(bound)))
            return false;
    }
    return true;
}

static bool start_hub(alua_node_t *self, const alua_config_t *config, const char **error)
{
    const char *token = config->token ? config->token : alua_token();
    hub_config_t settings = { .role = HUB_NODE, .name = self->given_name, .incarnation = self->incarnation,
                              .token = token, .host = self->host, .lease = self->lease, .patient = true,
                              .cert = self->has_key ? &self->cert : NULL, .insecure = self->insecure };
    char bound[256];
    *error = "no token: is the runtime directory writable?";
    if (!token)
        return false;
    *error = "no sockets";
    self->hub = hub_new(&self->loop, &settings, &node_hub_handler, self);
    if (!self->hub)
        return false;
    *error = "cannot listen in the runtime directory";
    if (hub_bind(self->hub, self->endpoint, bound))
        return false;
    *error = "cannot listen at the endpoint given: is the address in use?";
    return !config->listen || !*config->listen || listen_all(self, config, error);
}

alua_node_t *alua_node_new(const alua_config_t *config, const char **error)
{
    const char *why;
    if (!error)
        error = &why;
    *error = "out of memory";
    alua_node_t *self = calloc(1, sizeof *self);
    if (!self || !start_loop(self)) {
        free(self);
        return NULL;
    }
    self->process.node = self;
    self->was_active = true;
    alua_config_t settings = completed(config);
    if (node_core_init(&self->core, &node_effects, self) == 0) {
        self->core.process = &self->process;
        *error = "no runtime directory: $XDG_RUNTIME_DIR/alua or /tmp/alua-UID must be ours alone";
        if (copy_config(self, &settings)) {
            node_place_sweep(self->directory);
            if (node_keys_load(self, &settings, error) && start_hub(self, &settings, error) && node_parent_watch(self, node_place_parent()))
                return self;
        }
    }
    alua_node_destroy(&self);
    return NULL;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void) arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void free_texts(alua_node_t *self)
{
    char *texts[] = { self->broker_endpoint, self->given_name, self->endpoint, self->listen, self->directory, self->host,
                      self->executable, self->key_path, self->broker_key_path };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
}

void alua_node_destroy(alua_node_t **self_p)
{
    alua_node_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    self->leaving = true;
    node_control_free(self);
    node_parent_free(self);
    node_children_free(self);
    node_jail_free(self);
    node_gate_free(self);
    if (self->hub)
        hub_destroy(&self->hub);
    uv_walk(&self->loop, close_handle, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    node_core_free(&self->core);
    free_texts(self);
    free(self);
}

alua_process_t *alua_node_process(alua_node_t *self) { return &self->process; }
uv_loop_t *alua_node_loop(alua_node_t *self) { return &self->loop; }
const char *alua_node_name(const alua_node_t *self) { return self->core.node; }
const char *alua_node_address(const alua_node_t *self) { return self->core.address; }
const char *alua_node_broker(const alua_node_t *self) { return self->broker_endpoint ? self->broker_endpoint : ""; }
const char *alua_node_endpoint(const alua_node_t *self) { return self->endpoint; }

int64_t alua_now(const alua_node_t *self)
{
    (void) self;
    return (int64_t) (uv_hrtime() / 1000000);
}

void alua_node_run(alua_node_t *self)
{
    self->quit = false;
    while (!self->quit && uv_run(&self->loop, UV_RUN_DEFAULT))
        ;
}

static void on_step_over(uv_timer_t *timer)
{
    (void) timer;
}

bool alua_node_step(alua_node_t *self, int ms)
{
    if (ms == 0)
        return uv_run(&self->loop, UV_RUN_NOWAIT);
    if (ms > 0) {                       //  The timer only ends the sleep; arm() sets it anew
        uv_update_time(&self->loop);
        const wire_due_t *due = wire_heap_first(&self->core.heap);
        int64_t limit = alua_now(self) + ms;
        if (!due || due->at > limit) {
            self->armed = limit;
            uv_timer_start(&self->timer, on_step_over, (uint64_t) ms, 0);
        }
    }
    bool more = uv_run(&self->loop, UV_RUN_ONCE);
    if (ms > 0)
        self->armed = 0;
    return more;
}

void alua_node_quit(alua_node_t *self)
{
    self->quit = true;
    uv_stop(&self->loop);
}

int alua_node_fd(const alua_node_t *self) { return uv_backend_fd(&self->loop); }

//  A turn behind on_prepare (of a socket, since libuv 1.45 of a timer too) may have left sockets to be looked at,
//  watchers to be registered and timers to be set, which the next run of the loop begins with.
int alua_node_timeout(const alua_node_t *self)
{
    return self->unsettled || has_work(self) ? 0 : uv_backend_timeout(&self->loop);
}

void alua_node_pump(alua_node_t *self, int ms) { hub_pump(self->hub, ms); }
void alua_node_flush(alua_node_t *self) { hub_flush(self->hub); }

//  ---- The process, through its core -------------------------------------------

void alua_process_handle(alua_process_t *self, const alua_handler_t *handler, void *arg)
{
    self->node->core.handler = *handler;
    self->node->core.handler_arg = arg;
}

void alua_process_ready(alua_process_t *self, bool ready) { self->node->core.ready = ready; }
const char *alua_process_id(const alua_process_t *self) { return self->node->core.id; }
alua_node_t *alua_process_node(alua_process_t *self) { return self->node; }

int alua_request(alua_process_t *self, const alua_request_t *request, uint64_t *id)
{
    return node_core_request(&self->node->core, request, id);
}

bool alua_cancel(alua_process_t *self, uint64_t id)
{
    return node_core_cancel(&self->node->core, id);
}

void alua_close_group(alua_process_t *self, uint32_t group, const char *text)
{
    node_core_close_group(&self->node->core, group, text);
}

void alua_each_request(const alua_process_t *self, alua_request_fn *each, void *arg)
{
    const node_pendings_t *pendings = &self->node->core.pendings;
    for (size_t i = 0; i < pendings->size; i++)
        for (const node_pending_t *pending = pendings->buckets[i]; pending; pending = pending->next)
            if (!pending->background)
                each(arg, pending->to ? alua_remote_id(pending->to) : "the broker", pending->fn, pending->arg);
}

size_t alua_timers(const alua_process_t *self)
{
    return self->node->core.timers_holding;
}

int alua_reply(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *results, size_t size)
{
    return node_core_answer(&self->node->core, WIRE_REPLY, to, request, results, size);
}

int alua_fail(alua_process_t *self, alua_remote_t *to, uint64_t request, const void *error, size_t size)
{
    return node_core_answer(&self->node->core, WIRE_FAIL, to, request, error, size);
}

uint64_t alua_timer(alua_process_t *self, int64_t ms, bool background, alua_timer_fn *fn, void *arg)
{
    return node_core_timer(&self->node->core, ms, background, fn, arg);
}

bool alua_timer_cancel(alua_process_t *self, uint64_t timer)
{
    return node_core_timer_cancel(&self->node->core, timer);
}

int alua_post(alua_process_t *self, alua_timer_fn *fn, void *arg)
{
    return node_core_post(&self->node->core, fn, arg);
}

void alua_hold(alua_process_t *self, int change)
{
    self->node->core.holds += change;
}

int alua_ask(alua_node_t *self, const alua_ask_t *ask, uint64_t *id)
{
    return node_core_ask(&self->core, &(node_ask_t) { .type = ask->type, .fields = ask->fields, .size = ask->size,
        .count = ask->count, .timeout = ask->timeout, .background = ask->background, .waits = ask->waits, .group = ask->group,
        .fn = ask->fn, .arg = ask->arg, .id = id });
}

int alua_tell(alua_node_t *self, wire_type_t type, const void *fields, size_t size, uint32_t count, int64_t ttl)
{
    return node_core_tell(&self->core, type, fields, size, count, ttl);
}

static const node_app_t *view(const alua_node_t *self, const char *name)
{
    wire_str_t text = { name, strlen(name) };
    const node_app_t *app = node_apps_find(&self->core.apps, text);
    return app && app->known ? app : NULL;
}

int64_t alua_app_size(const alua_node_t *self, const char *app)
{
    const node_app_t *found = view(self, app);
    return found ? (int64_t) found->count : -1;
}

int64_t alua_app_version(const alua_node_t *self, const char *app)
{
    const node_app_t *found = view(self, app);
    return found ? (int64_t) found->version : -1;
}

int64_t alua_app_changes(const alua_node_t *self, const char *app)
{
    const node_app_t *found = view(self, app);
    return found ? (int64_t) found->changes : -1;
}

const char *alua_app_member(const alua_node_t *self, const char *app, size_t index)
{
    const node_app_t *found = view(self, app);
    return found && index < found->count ? found->ids[index] : NULL;
}

void alua_node_exit_status(alua_node_t *self, int status);

void alua_node_failed(alua_node_t *self) { self->failed = true; }
bool alua_node_has_failed(const alua_node_t *self) { return self->failed; }
void alua_node_serve(alua_node_t *self, bool serve) { self->serving = serve; }

void alua_node_stat(const alua_node_t *self, alua_stat_t *stat)
{
    *stat = self->core.stat;
    stat->pending = self->core.pendings.count;
    stat->mailbox_events = self->core.mailbox.events;
    stat->mailbox_bytes = self->core.mailbox.bytes;
    stat->remotes = self->core.remotes.count;
    stat->links = 0;
    for (const node_link_t *link = self->core.links; link; link = link->next)
        stat->links++;
}
