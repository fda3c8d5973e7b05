//  broker - the broker's shell

#include "broker.h"

#include <assert.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "broker_figures.h"
#include "broker_guests.h"
#include "broker_jail.h"
#include "broker_keys.h"
#include "hub.h"

//  A broker that was started for somebody who never came.
#define NOBODY_CAME 10000
#define HOST_SIZE 256

struct broker {
    uv_loop_t *loop;
    uv_timer_t timer;           //  For the core's leases and for `until_empty`
    hub_t *hub;
    broker_core_t *core;
    broker_jail_t *jail;        //  NULL before the first reaction
    broker_keys_t *keys;        //  NULL: there are none
    broker_config_t config;     //  Callbacks and flags; its strings are not ours
    char **endpoints;           //  As bound
    size_t endpoint_count;
    char *address;
    broker_guests_t guests;
    uint64_t changes;           //  As of the last on_change
    int64_t started;
    bool had_members, said_empty;
};

//  ---- Telling people ------------------------------------------------------

static void say(const broker_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const broker_t *self, const char *format, ...)
{
    char text[BROKER_TEXT];
    if (!self->config.log)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->config.log(self->config.arg, text);
}

//  ---- Time ----------------------------------------------------------------

static int64_t wall_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void after(broker_t *self);
static void arm(broker_t *self);

static bool is_empty(const broker_t *self, int64_t now)
{
    if (!self->config.until_empty || self->said_empty || broker_core_members(self->core))
        return false;
    return self->had_members || now - self->started >= NOBODY_CAME;
}

//  The last thing in it may destroy us.
static void on_timer(uv_timer_t *timer)
{
    broker_t *self = timer->data;
    int64_t now = hub_now(self->hub);
    broker_core_wall(self->core, wall_time());
    broker_core_tick(self->core, now);
    after(self);
    if (!is_empty(self, now)) {
        arm(self);
        return;
    }
    self->said_empty = true;
    if (self->config.on_empty)
        self->config.on_empty(self->config.arg);
}

//  When the timer is wanted, -1: never.
static int64_t due(const broker_t *self, int64_t now)
{
    int64_t when = broker_core_due(self->core);
    if (is_empty(self, now))
        return now;
    int64_t nobody = self->started + NOBODY_CAME;
    if (self->config.until_empty && !self->had_members && (when < 0 || nobody < when))
        when = nobody;
    return when;
}

static void arm(broker_t *self)
{
    int64_t now = hub_now(self->hub), when = due(self, now);
    if (when < 0) {
        uv_timer_stop(&self->timer);
        return;
    }
    uv_update_time(self->loop);
    uv_timer_start(&self->timer, on_timer, when > now ? (uint64_t) (when - now) : 0, 0);
}

//  Behind everything that may have changed the core.
static void after(broker_t *self)
{
    if (self->changes == broker_core_changes(self->core))
        return;
    self->changes = broker_core_changes(self->core);
    if (self->config.on_change)
        self->config.on_change(self->config.arg);
}

//  ---- What the hub tells --------------------------------------------------

static uint64_t session_of(const hub_peer_t *peer)
{
    return (uint64_t) (uintptr_t) hub_data(peer);
}

static int refuse(const broker_t *self, const hub_greeting_t *greeting, int code, const char *text)
{
    say(self, "refused %.*s: %s", (int) greeting->name.size, greeting->name.size ? greeting->name.data : "",
        text);
    return code;
}

static bool is_visitor(const broker_t *self, uint64_t session)
{
    broker_seat_t seat;
    return broker_core_seat(self->core, session, &seat) && seat.visitor;
}

//  Visits are told once for each key: there may be one every few seconds.
static void say_arrival(broker_t *self, const broker_welcome_t *welcome, const broker_hello_t *hello, const char *key)
{
    bool visitor = is_visitor(self, welcome->session);
    if (visitor && !broker_guests_are_news(&self->guests, key))
        return;
    say(self, "%s is here as %s%s%.*s%s", welcome->node, welcome->id, hello->key.size ? ", with the key of " : "",
        (int) hello->key_name.size, hello->key_name.size ? hello->key_name.data : "",
        visitor ? " (a visitor; more of them are not told)" : "");
}

static int on_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting,
                    wire_buf_t *body, char *name, const char **text)
{
    broker_t *self = arg;
    broker_hello_t hello = { .name = greeting->name, .incarnation = greeting->incarnation, .body = greeting->body };
    broker_welcome_t welcome;
    if (greeting->role == HUB_BROKER) {
        *text = "brokers do not join each other";
        return refuse(self, greeting, WIRE_E_DENIED, *text);
    }
    if (self->keys && !broker_keys_show(self->keys, hub_peer_key(peer), &hello) && !self->config.insecure) {
        *text = "this key is not trusted here: whoever runs the broker can trust it (alua keys trust NAME.pub)";
        return refuse(self, greeting, WIRE_E_DENIED, *text);
    }
    int rc = broker_core_hello(self->core, &hello, peer, hub_now(self->hub), &welcome, body, text);
    if (rc)
        return refuse(self, greeting, rc, *text);
    hub_set_data(peer, (void *) (uintptr_t) welcome.session);
    self->had_members |= broker_core_members(self->core) > 0;       //  It may have left before this turn is over
    if (greeting->name.size == 0)
        snprintf(name, WIRE_MAX_NAME + 1, "%s", welcome.node);
    say_arrival(self, &welcome, &hello, hub_peer_key(peer));
    return 0;
}

static void on_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    (void) arg, (void) peer, (void) greeting;
}

static int on_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    broker_t *self = arg;
    int64_t now = hub_frame_time(frame);        //  One look at the clock for all that came together
    return broker_core_message(self->core, session_of(peer), msg, now, now);
}

static void on_silent(void *arg, hub_peer_t *peer, bool silent)
{
    broker_t *self = arg;
    say(self, "%s %s", hub_peer_name(peer), silent ? "is silent" : "is back");
    broker_core_silent(self->core, session_of(peer), silent, hub_now(self->hub));
    after(self);
    arm(self);
}

static void on_lost(void *arg, hub_peer_t *peer, const wire_msg_t *msg)
{
    broker_t *self = arg;
    broker_core_lost(self->core, session_of(peer), msg, hub_now(self->hub));
}

static void on_gone(void *arg, hub_peer_t *peer, int code, const char *text)
{
    broker_t *self = arg;
    if (code != WIRE_E_CLOSED || !is_visitor(self, session_of(peer)))
        say(self, "%s %s: %s", hub_peer_name(peer), code == WIRE_E_CLOSED ? "has left" : "is gone", text);
    broker_core_gone(self->core, session_of(peer), peer, code, text, hub_now(self->hub));
    after(self);
    arm(self);
}

static void on_turn(void *arg)
{
    broker_t *self = arg;
    broker_core_wall(self->core, wall_time());
    broker_core_room(self->core);
    after(self);
    arm(self);
}

//  Before the core is there nobody has come.
static hub_verdict_t on_admit(void *arg, const char *key)
{
    const broker_t *self = arg;
    return self->keys ? broker_keys_admit(self->keys, key) : HUB_REJECT;
}

static const hub_handler_t handler = { .hello = on_hello, .up = on_up, .message = on_message, .silent = on_silent,
                                       .lost = on_lost, .gone = on_gone, .turn = on_turn,
                                       .admit = on_admit };

//  ---- What the core tells -------------------------------------------------

static int send_to(void *arg, void *link, const void *message, size_t size)
{
    (void) arg;
    return hub_send(link, message, size);
}

static void drop(void *arg, void *link, int code, const char *text)
{
    (void) arg;
    hub_drop(link, code, text);
}

static uint32_t put_stat(void *arg, wire_buf_t *out)
{
    const broker_t *self = arg;
    return broker_figures_put(self->hub, self->config.insecure, wall_time(), self->started, out)
        + (self->jail ? broker_jail_stat(self->jail, out) : 0) + (self->keys ? broker_keys_stat(self->keys, out) : 0);
}

static int64_t now_of(void *arg)
{
    const broker_t *self = arg;
    return hub_now(self->hub);
}

static void on_core_changed(void *arg)
{
    broker_t *self = arg;
    after(self);
    arm(self);
}

static int ready(void *arg, char *text)
{
    broker_t *self = arg;
    const broker_jail_config_t config = { .loop = self->loop, .core = self->core, .now = now_of,
                                          .changed = on_core_changed, .arg = self };
    if (!self->jail)
        self->jail = broker_jail_new(&config);
    if (self->jail)
        return broker_jail_ready(self->jail, text);
    snprintf(text, BROKER_TEXT, "the broker is out of memory");
    return WIRE_E_NO_MEMORY;
}

static void react(void *arg, const broker_run_t *run)
{
    const broker_t *self = arg;
    broker_jail_run(self->jail, run);
}

static void audit(void *arg, const broker_refusal_t *refusal)
{
    const broker_t *self = arg;
    if (self->keys)
        broker_keys_audit(self->keys, refusal);
}

static int rotate(void *arg, const char *name, const char *old_key, const char *new_key, char *text)
{
    broker_t *self = arg;
    return self->keys ? broker_keys_rotate(self->keys, name, old_key, new_key, text) : 0;
}

static const broker_output_t output = { .send = send_to, .drop = drop, .stat = put_stat, .ready = ready,
                                        .react = react, .audit = audit, .rotate = rotate };

//  ---- Beginning -----------------------------------------------------------

static uint64_t fresh_number(void)
{
    uint64_t number = 0;
    while (number == 0)
        if (getrandom(&number, sizeof number, 0) == (ssize_t) sizeof number)
            number &= INT64_MAX;        //  As every language can hold it
        else
            assert(errno == EINTR);
    return number;
}

static bool start_hub(broker_t *self, const char *host, char *error)
{
    hub_config_t config = { .role = HUB_BROKER, .name = "", .incarnation = fresh_number(),
                            .token = self->config.token, .host = host, .lease = self->config.lease,
                            .cert = self->config.cert, .insecure = self->config.insecure };
    self->hub = hub_new(self->loop, &config, &handler, self);
    if (!self->hub)
        snprintf(error, BROKER_ERROR_TEXT, "no memory or no sockets for a broker");
    return self->hub != NULL;
}

static bool bind_one(broker_t *self, const char *endpoint, char *error)
{
    char bound[256] = "";
    int rc = hub_bind(self->hub, endpoint, bound);
    if (rc) {
        snprintf(error, BROKER_ERROR_TEXT, "cannot listen at %.200s: %s", endpoint,
                 rc == WIRE_E_EXISTS ? "somebody listens there already" : wire_error_text(rc));
        return false;
    }
    char *copy = strdup(bound);
    if (copy)
        self->endpoints[self->endpoint_count++] = copy;
    else
        snprintf(error, BROKER_ERROR_TEXT, "out of memory");
    return copy != NULL;
}

static bool bind_all(broker_t *self, const broker_config_t *config, char *error)
{
    self->endpoints = calloc(config->endpoint_count + 1, sizeof *self->endpoints);
    if (!self->endpoints || !config->endpoint_count) {
        snprintf(error, BROKER_ERROR_TEXT, self->endpoints ? "no endpoint to listen at" : "out of memory");
        return false;
    }
    for (size_t i = 0; i < config->endpoint_count; i++)
        if (!bind_one(self, config->endpoints[i], error))
            return false;
    return true;
}

//  The ip:port of the first tcp endpoint, with the machine's name where that is all of its addresses; else the machine's name.
static const char *default_address(const broker_t *self, const char *machine, char text[HOST_SIZE + 16])
{
    for (size_t i = 0; i < self->endpoint_count; i++) {
        const char *at = self->endpoints[i] + 6, *port = strrchr(at, ':');
        if (strncmp(self->endpoints[i], "tcp://", 6) != 0)
            continue;
        if (strncmp(at, "0.0.0.0:", 8) != 0 && strncmp(at, "[::]:", 5) != 0)
            return at;
        snprintf(text, HOST_SIZE + 16, "%s%.15s", machine, port);
        return text;
    }
    return machine;
}

static bool start_core(broker_t *self, const char *machine, char *error)
{
    char text[HOST_SIZE + 16];
    const char *address = self->config.address ? self->config.address : default_address(self, machine, text);
    broker_core_config_t config = { .address = address, .lease = self->config.lease,
                                    .first_number = self->config.first_number, .seed = fresh_number(),
                                    .keys = self->config.cert != NULL };
    self->core = broker_core_new(&config, &output, self);
    self->address = self->core ? strdup(address) : NULL;
    if (!self->address) {
        snprintf(error, BROKER_ERROR_TEXT, "cannot be the address of a network: %.200s", address);
        return false;
    }
    hub_set_name(self->hub, address);
    return true;
}

static void say_of_keys(void *arg, const char *text)
{
    say(arg, "%s", text);
}

static bool start_keys(broker_t *self, char *error)
{
    broker_keys_config_t config = { .loop = self->loop, .hub = self->hub, .core = self->core, .trust = self->config.trust,
                                    .policy = self->config.policy, .say = say_of_keys, .changed = on_core_changed,
                                    .arg = self };
    if (!self->config.cert) {
        snprintf(error, BROKER_ERROR_TEXT, "a policy needs keys: give the broker one (--key)");
        return !self->config.policy;
    }
    self->keys = broker_keys_new(&config, error);
    return self->keys != NULL;
}

//  Each step says itself why it failed.
static bool start(broker_t *self, const broker_config_t *config, char *error)
{
    char machine[HOST_SIZE] = "localhost";
    size_t size = sizeof machine;
    uv_os_gethostname(machine, &size);
    return start_hub(self, config->host ? config->host : machine, error) && bind_all(self, config, error)
        && start_core(self, machine, error) && start_keys(self, error);
}

broker_t *broker_new(uv_loop_t *loop, const broker_config_t *config, char *error)
{
    broker_t *self = calloc(1, sizeof *self);
    if (!self) {
        snprintf(error, BROKER_ERROR_TEXT, "out of memory");
        return NULL;
    }
    self->loop = loop;
    self->config = *config;
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    if (!start(self, config, error)) {
        broker_destroy(&self);
        return NULL;
    }
    self->config.address = self->config.token = self->config.host = NULL;   //  Not ours beyond this call
    self->config.trust = self->config.policy = NULL;
    self->config.cert = NULL;
    self->config.endpoints = NULL;
    self->started = hub_now(self->hub);
    arm(self);
    return self;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void broker_destroy(broker_t **self_p)
{
    broker_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    broker_jail_destroy(&self->jail);
    broker_keys_destroy(&self->keys);
    hub_destroy(&self->hub);
    broker_core_destroy(&self->core);
    for (size_t i = 0; i < self->endpoint_count; i++)
        free(self->endpoints[i]);
    free(self->endpoints);
    free(self->address);
    uv_close((uv_handle_t *) &self->timer, on_closed);
}

//  ---- Asked ---------------------------------------------------------------

const char *broker_endpoint(const broker_t *self, size_t i)
{
    return i < self->endpoint_count ? self->endpoints[i] : NULL;
}

const char *broker_address(const broker_t *self)
{
    return self->address;
}

bool broker_seat(const broker_t *self, const char *node, uint64_t incarnation, broker_seat_t *seat)
{
    return broker_core_find(self->core, (wire_str_t) { node, strlen(node) }, seat)
        && strcmp(seat->node, node) == 0 && (!incarnation || seat->incarnation == incarnation);
}

bool broker_child_died(broker_t *self, const char *node, uint64_t incarnation, const char *text)
{
    broker_seat_t seat;
    if (!broker_seat(self, node, incarnation, &seat) || !seat.link)
        return false;
    hub_declare_gone(seat.link, text);
    return true;
}

void broker_each(const broker_t *self, void (*fn)(void *arg, const broker_seat_t *seat), void *arg)
{
    broker_core_each(self->core, fn, arg);
}

const broker_core_t *broker_core(const broker_t *self)
{
    return self->core;
}
