//  hub_gate - the ZAP handler as a czmq actor
//
//  Should it ever die, nobody gets in: the hubs' sockets insist on a handler (ZMQ_ZAP_ENFORCE_DOMAIN).

#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cert.h"
#include "hub_gate.h"
#include "hub_table.h"

#define ZAP_ADDRESS     "inproc://zeromq.zap.01"
//  Verdicts that are kept. Beyond, all are forgotten and asked for anew: a few cheap questions.
#define MANY_VERDICTS   8192
//  Connections that wait for an answer. The next one is turned away, and may come again.
#define MANY_PARKED     1024
#define DOMAIN          32

//  A connection that waits for a verdict.
typedef struct {
    zframe_t *who;              //  Its routing id at our ZAP socket
    char request[64];
    char domain[DOMAIN], key[CERT_KEY + 1];
    int64_t due;
} parked_t;

typedef struct {
    zsock_t *pipe, *zap, *hubs;
    zpoller_t *poller;
    hub_table_t verdicts;       //  DOMAIN KEY -> self, for those that were admitted
    parked_t parked[MANY_PARKED];
    size_t count;
    bool over;
} gate_t;

//  What the constructor hands to the thread
typedef struct {
    char where[64];
    atomic_bool ready;
} start_t;

//  ---- Answers --------------------------------------------------------------

static const char *word_of(const char *status)
{
    return status[0] == '2' ? "OK" : status[0] == '4' ? "this key is not trusted" : "no answer in time";
}

//  Who has gone meanwhile does not hear it; the ROUTER drops it.
static void reply(gate_t *self, zframe_t *who, const char *request, const char *status, const char *key)
{
    zframe_send(&who, self->zap, ZFRAME_MORE | ZFRAME_REUSE);
    zstr_sendx(self->zap, "", "1.0", request, status, word_of(status), status[0] == '2' ? key : "", "", NULL);
}

static void release(gate_t *self, size_t i, const char *status)
{
    parked_t *parked = &self->parked[i];
    reply(self, parked->who, parked->request, status, parked->key);
    zframe_destroy(&parked->who);
    self->parked[i] = self->parked[--self->count];
}

static bool is_asked(const gate_t *self, const char *domain, const char *key)
{
    for (size_t i = 0; i < self->count; i++)
        if (streq(self->parked[i].domain, domain) && streq(self->parked[i].key, key))
            return true;
    return false;
}

//  Let it wait, and ask its hub unless it has been asked about this key.
static void park(gate_t *self, zframe_t **who, const char *request, const char *domain, const char *key)
{
    if (self->count == MANY_PARKED) {
        reply(self, *who, request, "500", key);
        return;
    }
    bool asked = is_asked(self, domain, key);
    parked_t *parked = &self->parked[self->count++];
    *parked = (parked_t) { .who = *who, .due = zclock_mono() + HUB_GATE_PATIENCE };
    *who = NULL;
    snprintf(parked->request, sizeof parked->request, "%s", request);
    snprintf(parked->domain, sizeof parked->domain, "%s", domain);
    snprintf(parked->key, sizeof parked->key, "%s", key);
    if (!asked)
        zstr_sendx(self->hubs, domain, key, NULL);
}

//  ---- Verdicts -------------------------------------------------------------

static size_t index_of(char *index, const char *domain, const char *key)
{
    return (size_t) snprintf(index, DOMAIN + CERT_KEY + 2, "%s %s", domain, key);
}

static bool is_admitted(const gate_t *self, const char *domain, const char *key)
{
    char index[DOMAIN + CERT_KEY + 2];
    size_t size = index_of(index, domain, key);
    return hub_table_find(&self->verdicts, index, size) != NULL;
}

//  A refusal is not kept: the next connection asks again, so a key that becomes trusted need not be told here.
static void keep(gate_t *self, const char *domain, const char *key, bool admitted)
{
    char index[DOMAIN + CERT_KEY + 2];
    size_t size = index_of(index, domain, key);
    if (admitted && self->verdicts.count >= MANY_VERDICTS)
        hub_table_clear(&self->verdicts);
    hub_table_put(&self->verdicts, index, size, admitted ? self : NULL);
}

static void settle(gate_t *self, const char *domain, const char *key, bool admitted)
{
    keep(self, domain, key, admitted);
    for (size_t i = self->count; i-- > 0; )
        if (streq(self->parked[i].domain, domain) && streq(self->parked[i].key, key))
            release(self, i, admitted ? "200" : "400");
}

static void forget(gate_t *self, const char *domain)
{
    for (size_t i = self->count; i-- > 0; )
        if (streq(self->parked[i].domain, domain))
            release(self, i, "500");
    hub_table_clear(&self->verdicts);   //  The others' are asked for anew
}

//  ---- Questions ------------------------------------------------------------

//  ID, "", version, request, domain, address, routing id, mechanism, the 32 bytes of its key
static void take_request(gate_t *self)
{
    char *version = NULL, *request = NULL, *domain = NULL, *mechanism = NULL;
    char key[CERT_KEY + 1];
    zmsg_t *msg = zmsg_recv(self->zap);
    zframe_t *who = msg ? zmsg_unwrap(msg) : NULL;
    if (who) {
        version = zmsg_popstr(msg);
        request = zmsg_popstr(msg);
        domain = zmsg_popstr(msg);
        zframe_t *skipped = zmsg_pop(msg);
        zframe_destroy(&skipped);
        skipped = zmsg_pop(msg);
        zframe_destroy(&skipped);
        mechanism = zmsg_popstr(msg);
    }
    zframe_t *proof = mechanism ? zmsg_pop(msg) : NULL;
    if (proof && streq(mechanism, "CURVE") && zframe_size(proof) == 32 && strlen(domain) < DOMAIN) {
        zmq_z85_encode(key, zframe_data(proof), 32);
        if (is_admitted(self, domain, key))
            reply(self, who, request, "200", key);
        else
            park(self, &who, request, domain, key);
    }
    else if (who && request)
        reply(self, who, request, "400", "");
    zframe_destroy(&proof);
    zframe_destroy(&who);
    zstr_free(&version);
    zstr_free(&request);
    zstr_free(&domain);
    zstr_free(&mechanism);
    zmsg_destroy(&msg);
}

static void take_word(gate_t *self)
{
    char *domain = NULL, *word = NULL, *key = NULL;
    if (zstr_recvx(self->hubs, &domain, &word, &key, NULL) >= 2 && domain && word) {
        if (streq(word, "L"))
            forget(self, domain);
        else if (key)
            settle(self, domain, key, streq(word, "Y"));
    }
    zstr_free(&domain);
    zstr_free(&word);
    zstr_free(&key);
}

//  ---- The actor ------------------------------------------------------------

static int time_left(const gate_t *self, int64_t now)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < self->count; i++)
        if (self->parked[i].due < due)
            due = self->parked[i].due;
    return due == INT64_MAX ? -1 : due > now ? (int) (due - now) : 0;
}

static void expire(gate_t *self, int64_t now)
{
    for (size_t i = self->count; i-- > 0; )
        if (self->parked[i].due <= now)
            release(self, i, "500");
}

static void gate_destroy(gate_t **self_p)
{
    gate_t *self = *self_p;
    while (self->count)
        release(self, self->count - 1, "500");
    zpoller_destroy(&self->poller);
    if (self->zap)
        zmq_unbind(zsock_resolve(self->zap), ZAP_ADDRESS);  //  At once, so that another gate may follow
    zsock_destroy(&self->zap);
    zsock_destroy(&self->hubs);
    hub_table_clear(&self->verdicts);
    free(self);
    *self_p = NULL;
}

static zsock_t *router_at(const char *address)
{
    zsock_t *sock = zsock_new(ZMQ_ROUTER);
    if (!sock)
        return NULL;
    zsock_set_unbounded(sock);          //  What waits here is bounded: half-open connections, and MANY_PARKED questions
    zsock_set_linger(sock, 0);
    if (zmq_bind(zsock_resolve(sock), address))
        zsock_destroy(&sock);
    return sock;
}

//  The hubs' words come before new requests: a verdict that was withdrawn lets nobody in any more.
static gate_t *gate_new(zsock_t *pipe, const char *where)
{
    gate_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->pipe = pipe;
    self->hubs = router_at(where);
    self->zap = self->hubs ? router_at(ZAP_ADDRESS) : NULL;
    self->poller = self->zap ? zpoller_new(pipe, self->hubs, self->zap, NULL) : NULL;
    if (!self->poller)
        gate_destroy(&self);
    return self;
}

static void run(zsock_t *pipe, void *args)
{
    start_t *start = args;
    gate_t *self = gate_new(pipe, start->where);
    start->ready = self != NULL;
    zsock_signal(pipe, 0);              //  From here on `start` is not ours
    if (!self)
        return;
    zpoller_set_nonstop(self->poller, true);
    while (!self->over) {
        void *ready = zpoller_wait(self->poller, time_left(self, zclock_mono()));
        if (ready == self->pipe || (!ready && zpoller_terminated(self->poller)))
            self->over = true;          //  $TERM is all that it says
        else if (ready == self->hubs)
            take_word(self);
        else if (ready == self->zap)
            take_request(self);
        expire(self, zclock_mono());
    }
    gate_destroy(&self);
}

//  ---- One a process --------------------------------------------------------

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static zactor_t *actor;
static start_t current;
static unsigned users;

static bool start_gate(void)
{
    static unsigned number;
    snprintf(current.where, sizeof current.where, "inproc://hub-gate-%u", ++number);
    actor = zactor_new(run, &current);
    if (actor && !current.ready)
        zactor_destroy(&actor);
    return actor != NULL;
}

bool hub_gate_join(char *where)
{
    pthread_mutex_lock(&lock);
    bool ok = actor || start_gate();
    if (ok) {
        users++;
        snprintf(where, sizeof current.where, "%s", current.where);
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void hub_gate_leave(void)
{
    pthread_mutex_lock(&lock);
    if (users && --users == 0)
        zactor_destroy(&actor);
    pthread_mutex_unlock(&lock);
}
