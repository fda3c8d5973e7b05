//  hub - constructor, destructor, and what the rooms above ask of peers

#include <assert.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "hub_self.h"

//  A link that is dialled takes three libzmq sockets with its monitor; one that comes in takes none. libzmq's tables
//  have a place of some 20 bytes for each socket that there may be, in memory that is touched when the first is made.
//  So nodes, which are many, have room for some 1,300 links that they dial, and whoever has a broker for four times as many.
#define MAX_SOCKETS         4096
#define MAX_SOCKETS_BROKER  16384

//  Bytes that a batch is written out at where nothing is won by writing sooner.
#define LARGE_BATCH         (60 * 1024)

//  Small things that all hub files use

bool hub_list_reserve(hub_list_t *self, size_t count)
{
    if (count <= self->capacity)
        return true;
    size_t capacity = count * 2 + 8;
    void **items = realloc(self->items, capacity * sizeof *items);
    if (!items)
        return false;
    self->items = items;
    self->capacity = capacity;
    return true;
}

void hub_list_push(hub_list_t *self, void *item)
{
    bool room = hub_list_reserve(self, self->count + 1);
    assert(room);                       //  Reserved when the item was made
    (void) room;
    self->items[self->count++] = item;
}

void hub_list_remove(hub_list_t *self, const void *item)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->items[i] == item) {
            self->items[i] = self->items[--self->count];
            return;
        }
}

uint64_t hub_random(void)
{
    uint64_t number = 0;
    while (number == 0) {
        ssize_t rc = getrandom(&number, sizeof number, 0);
        assert(rc == sizeof number || errno == EINTR);
        number = rc == sizeof number ? number & INT64_MAX : 0;
    }
    return number;
}

void hub_text(char *to, wire_str_t text)
{
    size_t size = text.size < HUB_TEXT - 1 ? text.size : HUB_TEXT - 1;
    memmove(to, text.data ? text.data : "", size);
    to[size] = 0;
}

static const char *const roles[] = { "node", "broker", "client" };

const char *hub_role_word(hub_role_t role)
{
    return roles[role];
}

bool hub_role_of(wire_str_t word, hub_role_t *role)
{
    for (int i = 0; i < 3; i++)
        if (wire_str_is(word, roles[i])) {
            *role = (hub_role_t) i;
            return true;
        }
    return false;
}

static bool one_core;                   //  Is all that we have

//  Once in a process: czmq leaves signals alone, and there is room for many links.
static void prepare(int most_sockets)
{
    one_core = uv_available_parallelism() == 1;
    zsys_handler_set(NULL);
    void *context = zsys_init();
    if (context)
        zmq_ctx_set(context, ZMQ_MAX_SOCKETS, most_sockets);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void prepare_node(void)
{
    prepare(MAX_SOCKETS);
}

static void prepare_broker(void)
{
    prepare(MAX_SOCKETS_BROKER);
}

static void copy_text(char *to, const char *text)
{
    hub_text(to, (wire_str_t) { text, text ? strlen(text) : 0 });
}

//  What fans out does not wait for an answer, and on one core nobody works while another does: then fewer frames are all gain.
static size_t batch_bytes(hub_role_t role)
{
    return role == HUB_BROKER || one_core ? LARGE_BATCH : 0;
}

hub_t *hub_new(uv_loop_t *loop, const hub_config_t *config, const hub_handler_t *handler, void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, config->role == HUB_BROKER ? prepare_broker : prepare_node);
    hub_t *self = calloc(1, sizeof *self);
    if (!self || !hub_list_reserve(&self->batches, 16)) {
        free(self);
        return NULL;
    }
    self->loop = loop;
    self->handler = *handler;
    self->arg = arg;
    self->role = config->role;
    self->incarnation = config->incarnation;
    copy_text(self->name, config->name);
    copy_text(self->token, config->token);
    copy_text(self->host, config->host);
    if (config->cert)
        self->cert = *config->cert;
    self->insecure = config->insecure;
    hub_flow_start(self);
    self->link_config.lease = config->lease ? config->lease : WIRE_LEASE;
    self->link_config.patient = config->patient;
    self->link_config.ring_bytes = config->ring_bytes ? config->ring_bytes : WIRE_LINK_RING_BYTES;
    self->link_config.ring_frames = WIRE_LINK_RING_FRAMES;
    self->link_config.batch_bytes = batch_bytes(config->role);
    hub_loop_start(self);
    return self;
}

static void free_lists(hub_t *self)
{
    hub_table_clear(&self->by_session);
    hub_table_clear(&self->by_name);
    hub_table_clear(&self->verdicts);
    while (self->batches.count)
        free(self->batches.items[--self->batches.count]);
    hub_list_t *lists[] = { &self->sources, &self->touched, &self->ready, &self->peers, &self->dirty,
                            &self->graveyard, &self->batches, &self->paths };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        free(lists[i]->items);
        *lists[i] = (hub_list_t) { NULL, 0, 0 };    //  Perhaps we stand inside `turn`
    }
}

//  libzmq leaves the paths that it was bound to; nobody else listens there while we do.
static void remove_paths(hub_t *self)
{
    while (self->paths.count) {
        char *path = self->paths.items[--self->paths.count];
        unlink(path);
        free(path);
    }
}

void hub_destroy(hub_t **self_p)
{
    hub_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->peers.count; i++) {
        hub_peer_t *peer = self->peers.items[i];
        if (!peer)
            continue;
        hub_dial_stop(peer, 0);
        hub_peer_free(peer);
    }
    while (self->graveyard.count)
        hub_peer_free(self->graveyard.items[--self->graveyard.count]);
    remove_paths(self);
    hub_door_close(&self->doors[HUB_PLAIN]);
    hub_door_close(&self->doors[HUB_CURVE]);
    hub_flow_stop(self);
    hub_keys_stop(self);                //  Behind the door that it guards
    explicit_bzero(&self->cert, sizeof self->cert);
    if (self->spare)
        hub_frame_release(self->spare);
    free_lists(self);
    hub_loop_stop(self);                //  Which frees self in the end
}

void hub_set_name(hub_t *self, const char *name)
{
    copy_text(self->name, name);
}

//  libzmq takes an ipc path away from whoever listens there; we look first.
static bool is_taken(const char *endpoint)
{
    hub_probe_t probe = { -1, 0, 0 };
    hub_probe_result_t result = HUB_NOBODY;
    if (strncmp(endpoint, "ipc://", 6) == 0)
        result = hub_probe_ask(&probe, endpoint);
    hub_probe_stop(&probe);
    return result == HUB_SOMEBODY;
}

static void remember_path(hub_t *self, const char *endpoint)
{
    char *path = strncmp(endpoint, "ipc:///", 7) == 0 ? strdup(endpoint + 6) : NULL;
    if (path && hub_list_reserve(&self->paths, self->paths.count + 1))
        hub_list_push(&self->paths, path);
    else
        free(path);
}

int hub_bind(hub_t *self, const char *endpoint, char *bound)
{
    if (strncmp(endpoint, "ipc://", 6) != 0 && strncmp(endpoint, "tcp://", 6) != 0)
        return WIRE_E_USAGE;
    hub_door_t *door;
    int rc = hub_door_open(self, endpoint, &door);
    if (rc)
        return rc;
    if (is_taken(endpoint))
        return WIRE_E_EXISTS;
    rc = hub_door_listen(door, endpoint);
    if (rc)
        return rc;
    size_t size = HUB_TEXT;
    if (bound && zmq_getsockopt(door->router->zmq, ZMQ_LAST_ENDPOINT, bound, &size))
        return WIRE_E_SYSTEM;
    remember_path(self, endpoint);
    hub_touch(door->router);
    return 0;
}

hub_peer_t *hub_find(hub_t *self, wire_str_t name, uint64_t incarnation)
{
    hub_peer_t *peer = hub_table_find(&self->by_name, name.data, name.size);
    while (peer && incarnation && peer->incarnation && peer->incarnation != incarnation)
        peer = peer->namesake;
    return peer;
}

int hub_send(hub_peer_t *self, const void *message, size_t size)
{
    hub_t *hub = self->hub;
    if (self->doomed)
        return WIRE_E_GONE;
    int rc = 0;
    if (!wire_link_join(self->link, message, size))
        rc = wire_link_send(self->link, message, size, hub->inside > 0, hub_quick_time());
    if (rc == 0 && !self->dirty)
        hub_dirty(self);
    return rc;
}

bool hub_has_room(const hub_peer_t *self, size_t size)
{
    return wire_link_has_room(self->link, size);
}

void hub_flush_peer(hub_peer_t *self)
{
    if (self->ended)
        return;
    wire_link_flush(self->link, hub_quick_time());
    hub_wake_at(self->hub, wire_link_due(self->link));
}

bool hub_drained(const hub_peer_t *self)
{
    return wire_link_drained(self->link);
}

bool hub_all_drained(const hub_t *self)
{
    for (size_t i = 0; i < self->peers.count; i++)
        if (self->peers.items[i] && !hub_drained(self->peers.items[i]))
            return false;
    return true;
}

void hub_hurry(hub_peer_t *self)
{
    int64_t now = hub_now(self->hub);
    self->patient = false;
    if (!wire_link_is_open(self->link))
        self->dial_due = now;
    hub_peer_doubt(self, now);
    hub_wake_at(self->hub, hub_peer_due(self));
}

void hub_close(hub_peer_t *self, int code, const char *text)
{
    if (self->ended || self->doomed)
        return;
    if (!wire_link_is_open(self->link) && wire_link_drained(self->link)) {
        hub_peer_doom(self, WIRE_E_CLOSED, text ? text : "");   //  Nobody to say it to
        return;
    }
    wire_link_close(self->link, code, text, hub_now(self->hub));
    hub_hurry(self);
    hub_dirty(self);
}

void hub_drop(hub_peer_t *self, int code, const char *text)
{
    hub_peer_doom(self, code ? code : WIRE_E_CLOSED, text ? text : "");
}

void hub_set_data(hub_peer_t *self, void *data)
{
    self->data = data;
}

void *hub_data(const hub_peer_t *self)
{
    return self->data;
}

const char *hub_peer_name(const hub_peer_t *self)
{
    return self->name;
}

uint64_t hub_peer_incarnation(const hub_peer_t *self)
{
    return self->incarnation;
}

hub_role_t hub_peer_role(const hub_peer_t *self)
{
    return self->role;
}

bool hub_peer_is_up(const hub_peer_t *self)
{
    return wire_link_is_open(self->link);
}

bool hub_peer_is_silent(const hub_peer_t *self)
{
    return wire_link_is_silent(self->link);
}

uint64_t hub_peer_epoch(const hub_peer_t *self)
{
    return self->epoch;
}

void hub_declare_gone(hub_peer_t *self, const char *text)
{
    self->dead = true;
    wire_link_end(self->link, WIRE_E_GONE, text);
}

bool hub_peer_is_dead(const hub_peer_t *self)
{
    return self->dead;
}

void hub_stat(const hub_t *self, hub_stat_t *stat)
{
    *stat = (hub_stat_t) {
        .messages_in = self->stat.messages_in, .messages_out = self->stat.messages_out,
        .frames_in = self->stat.frames_in, .frames_out = self->stat.frames_out,
        .bytes_in = self->stat.bytes_in, .bytes_out = self->stat.bytes_out,
        .resent = self->stat.resent, .refused = self->refused, .denied = self->denied, .unfinished = self->unfinished, .cut = self->cut, .strikes = self->stat.strikes,
        .lost = self->stat.lost, .reconnects = self->reconnects, .full = self->stat.full,
        .peers = self->peers.count - self->holes
    };
    for (size_t i = 0; i < self->peers.count; i++)
        if (self->peers.items[i])
            stat->ring_bytes += wire_link_bytes(((hub_peer_t *) self->peers.items[i])->link);
}
