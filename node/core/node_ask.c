//  node_ask - what is asked of the broker, and what waits there
//
//  Most asks are answered at once. A TAKE or READ may wait at the broker: it ends there when its time is over, and here
//  only when the broker does not say so in time. Whoever waits no longer is told at once, and the broker to forget it; what
//  was taken meanwhile goes back (node_back). A broker that was restarted is asked anew.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  How much longer than the broker we wait for what it is to end, ms.
#define GRACE        2000
//  When what waits, and found no room at a new broker, is asked for again, ms.
#define ANEW_PAUSE   10

//  ---- Sending ---------------------------------------------------------------------

static void build(node_core_t *self, wire_type_t type, uint64_t id, uint32_t ttl, const void *fields, size_t size,
                  uint32_t count)
{
    wire_buf_clear(&self->scratch);
    wire_msg_begin(&self->scratch, type, id, ttl, count);
    wire_buf_append(&self->scratch, fields, size);
}

static int wait_for_room(node_core_t *self)
{
    int64_t limit = node_core_now(self) + NODE_ROOM_TIMEOUT;
    size_t size = self->scratch.size;
    self->stat.full++;
    if (self->no_wait)
        return WIRE_E_FULL;
    while (self->broker && !self->effects.room(self->arg, self->broker, size) && node_core_now(self) < limit)
        node_core_pump(self, NODE_PUMP_TURN);
    if (!self->broker)
        return WIRE_E_OFFLINE;
    return self->effects.room(self->arg, self->broker, size) ? 0 : WIRE_E_FULL;
}

static int send_built(node_core_t *self)
{
    const wire_buf_t *out = &self->scratch;
    if (out->failed)
        return WIRE_E_NO_MEMORY;
    if (out->size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    int rc = self->effects.room(self->arg, self->broker, out->size) ? 0 : wait_for_room(self);
    if (rc == 0)
        rc = self->effects.send(self->arg, self->broker, out->data, out->size);
    self->broker_sent += rc == 0;
    return rc;
}

int node_core_tell(node_core_t *self, wire_type_t type, const void *fields, size_t size, uint32_t count, int64_t ttl)
{
    if (!self->broker || !self->broker_up)
        return WIRE_E_OFFLINE;
    build(self, type, 0, node_core_ttl(ttl), fields, size, count);
    return send_built(self);
}

//  ---- Asking ----------------------------------------------------------------------

//  What the core must know when the answer comes: a name, or all fields, of what waits to ask anew, of a take to give back.
static void keep_about(node_pending_t *pending, const node_ask_t *ask)
{
    wire_str_t text = { ask->fields, ask->size };
    wire_reader_t at = wire_reader(ask->fields, ask->size);
    bool whole = ask->waits || ask->type == WIRE_TAKE || (ask->type == WIRE_BATCH && node_core_takes(text));
    if (whole || (ask->type < WIRE_OUT && ask->count && wire_read_bytes(&at, &text) == 0))
        node_pending_keep(pending, text);
}

static int64_t local_deadline(const node_core_t *self, const node_ask_t *ask)
{
    return node_core_coarse(self) + ask->timeout + (ask->waits ? GRACE : 0);
}

static node_pending_t *expect(node_core_t *self, const node_ask_t *ask)
{
    node_pending_t *pending = node_pendings_add(&self->pendings, NULL, ask->background);
    if (!pending)
        return NULL;
    pending->fn = ask->fn;
    pending->arg = ask->arg;
    pending->type = ask->type;
    pending->inner = ask->inner;
    pending->group = ask->group;
    pending->timeout = ask->timeout;
    keep_about(pending, ask);
    pending->count = ask->count;
    pending->waits = ask->waits && pending->about.data;
    pending->until = ask->waits && ask->timeout > 0 ? node_core_coarse(self) + ask->timeout : 0;
    self->pendings.takes += pending->waits && !ask->background && !pending->until;
    return pending;
}

static void forget(node_core_t *self, node_pending_t *pending)
{
    wire_heap_remove(&self->heap, &pending->due);
    node_pendings_take(&self->pendings, pending);
    node_pendings_recycle(&self->pendings, pending);
}

//  What waits for a broker that is away is asked for when there is one again.
int node_core_ask(node_core_t *self, const node_ask_t *ask)
{
    bool away = !self->broker || !self->broker_up;
    if (away && !(ask->waits && self->broker))
        return WIRE_E_OFFLINE;
    node_pending_t *pending = expect(self, ask);
    if (!pending)
        return WIRE_E_NO_MEMORY;
    uint64_t id = pending->id;
    if (ask->id)
        *ask->id = id;
    int rc = ask->timeout > 0 ? wire_heap_try(&self->heap, &pending->due, local_deadline(self, ask)) : 0;
    if (rc == 0 && !away) {
        build(self, ask->type, id, node_core_ttl(ask->timeout), ask->fields, ask->size, ask->count);
        rc = send_built(self);
    }
    //  While we pumped for room its outcome (the broker is gone) may have been settled already.
    if (rc && (pending = node_pendings_find(&self->pendings, id)))
        forget(self, pending);
    else if (rc)
        rc = 0;
    return rc;
}

//  ---- Waiting at the broker ---------------------------------------------------------

//  No pumping for room: this happens while input is read.
bool node_core_send_now(node_core_t *self)
{
    const wire_buf_t *out = &self->scratch;
    bool sent = !out->failed && self->effects.send(self->arg, self->broker, out->data, out->size) == 0;
    self->broker_sent += sent;
    return sent;
}

//  False: no room now.
static bool ask_anew(node_core_t *self, const node_pending_t *pending)
{
    int64_t left = pending->until ? pending->until - node_core_now(self) : 0;
    if (pending->until && left <= 0)
        left = 1;                       //  The broker tries once more
    build(self, pending->type, pending->id, node_core_ttl(left), pending->about.data, pending->about.size, pending->count);
    return self->effects.room(self->arg, self->broker, self->scratch.size) && node_core_send_now(self);
}

static int by_id(const void *a, const void *b)
{
    uint64_t one = (*(node_pending_t *const *) a)->id, other = (*(node_pending_t *const *) b)->id;
    return one < other ? -1 : one > other;
}

//  Those that wait, longest first. NULL: none, or no memory.
static const node_pending_t **waiting(const node_core_t *self, size_t *count)
{
    const node_pending_t **list = self->pendings.count ? malloc(self->pendings.count * sizeof *list) : NULL;
    *count = 0;
    for (size_t i = 0; list && i < self->pendings.size; i++)
        for (const node_pending_t *p = self->pendings.buckets[i]; p; p = p->next)
            if (p->waits)
                list[(*count)++] = p;
    if (list)
        qsort(list, *count, sizeof *list, by_id);
    return list;
}

static void ask_the_rest(void *arg);

//  What finds no room is asked for a little later, and not here: this happens while input is read.
static void ask_from(node_core_t *self, uint64_t first)
{
    size_t count;
    const node_pending_t **list = waiting(self, &count);
    for (size_t i = 0; i < count && list[i]->id <= self->anew_last; i++) {
        if (list[i]->id < first || ask_anew(self, list[i]))
            continue;
        self->anew_first = list[i]->id;
        self->anew_timer = node_core_timer(self, ANEW_PAUSE, true, ask_the_rest, self);
        break;
    }
    free(list);
}

static void ask_the_rest(void *arg)
{
    node_core_t *self = arg;
    self->anew_timer = 0;
    if (self->broker && self->broker_up)
        ask_from(self, self->anew_first);
}

//  Who waits longest is served first, there too.
void node_core_ask_anew(node_core_t *self)
{
    if (self->anew_timer)
        node_core_timer_cancel(self, self->anew_timer);
    self->anew_timer = 0;
    self->anew_last = self->pendings.last_id;
    ask_from(self, 0);
}

static void tell_forget(node_core_t *self, uint64_t id)
{
    if (!self->broker || !self->broker_up)
        return;
    wire_buf_clear(&self->scratch);
    wire_msg_begin(&self->scratch, WIRE_FORGET, 0, 0, 1);
    wire_put_uint(&self->scratch, id);
    (void) node_core_send_now(self);
}

bool node_core_lingers(const node_pending_t *pending)
{
    return pending->waits || ((pending->type == WIRE_TAKE || pending->type == WIRE_BATCH) && pending->about.data);
}

//  The outcome leaves with another record; one under the broker's number stays for its answer.
void node_core_abandon(node_core_t *self, node_pending_t *pending, int code, const char *text)
{
    uint64_t id = pending->id;
    node_pending_t *late = node_pendings_add(&self->pendings, NULL, true);
    if (late) {
        late->late = true;
        late->type = pending->type;
        late->about = pending->about;
        pending->about.data = NULL;
        node_pendings_swap(&self->pendings, pending, late);
    }
    tell_forget(self, id);
    node_core_settle(self, pending, code, false, text);
}
