//  Three cores that talk through links and a broker, all in one thread and in random order
//
//  A link is two queues; each queue keeps its order, between them any may be first. Links open in their
//  own time, may be cut, and each end learns of it when its turn comes. What is promised must hold in
//  every such run: one outcome for each call, messages of a pair in order, nothing twice, nothing left over.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "node_core.h"

#define NODES   3
#define CALLS   10000
#define ROOM    8               //  Messages that a queue takes

static uint64_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (seed >> 33) % below;
}

typedef struct net net_t;
typedef struct end end_t;

typedef enum { ITEM_UP, ITEM_MESSAGE, ITEM_GONE } item_kind_t;

typedef struct item item_t;
struct item {
    item_t *next;
    item_kind_t kind;
    int refs;
    size_t size;
    uint8_t bytes[];
};

//  One end of a link: `in` is what is on its way to it.
struct end {
    end_t *next, *other;
    struct node *node;          //  NULL: the broker
    struct node *peer;          //  Whom it reaches, NULL: the broker
    node_link_t *link;
    item_t *in, **in_last;
    size_t waiting;
    bool dead;                  //  The link was cut, or this end has given up
    bool told;                  //  Its core knows
};

typedef struct node {
    net_t *net;
    int number;
    char id[16], name[16];
    node_core_t core;
    end_t *broker;
    uint64_t incarnation;
    uint64_t sent[NODES];       //  Numbers of what it sent to each
    uint64_t heard[NODES];
    size_t deferred;
} node_t;

typedef struct {
    node_t *caller;
    uint64_t id;
    int outcomes, runs;
    int code;
    bool definite;
} call_t;

typedef struct {
    node_t *node;
    alua_remote_t *from;
    uint64_t request;
} task_t;

struct net {
    int64_t now;
    node_t nodes[NODES];
    end_t *ends;
    call_t calls[CALLS];
    size_t made, sends, sends_run, reports, refused;
    size_t results, failures, timeouts, gone, cancelled;
    task_t tasks[256];
    size_t task_count;
    bool cuts;                  //  Links are cut now and then
    bool no_way[NODES][NODES];  //  Must use the broker
    node_t *holder;             //  Of the name "svc", as the broker knows
    uint64_t svc_sent, svc_heard;   //  Numbers of the calls under it
    bool pumping;
};

static wire_str_t str(const char *text)
{
    wire_str_t self = { text, strlen(text) };
    return self;
}

//  ---- Links -----------------------------------------------------------------

static end_t *end_new(net_t *net, node_t *node, node_t *peer)
{
    end_t *end = calloc(1, sizeof *end);
    end->node = node;
    end->peer = peer;
    end->in_last = &end->in;
    end->next = net->ends;
    net->ends = end;
    return end;
}

static end_t *link_between(net_t *net, node_t *a, node_t *b)
{
    end_t *here = end_new(net, a, b), *there = end_new(net, b, a);
    here->other = there;
    there->other = here;
    return here;
}

static void arrive(end_t *end, item_kind_t kind, const void *bytes, size_t size)
{
    item_t *item = calloc(1, sizeof *item + size);
    item->kind = kind;
    item->refs = 1;
    item->size = size;
    if (size)
        memcpy(item->bytes, bytes, size);
    *end->in_last = item;
    end->in_last = &item->next;
    end->waiting++;
}

static item_t *take(end_t *end)
{
    item_t *item = end->in;
    end->in = item->next;
    if (!end->in)
        end->in_last = &end->in;
    end->waiting--;
    return item;
}

static void release(void *frame)
{
    item_t *item = frame;
    if (--item->refs == 0)
        free(item);
}

static void hold(void *frame)
{
    ((item_t *) frame)->refs++;
}

static wire_msg_t message_in(const item_t *item)
{
    wire_reader_t at = wire_reader(item->bytes, item->size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    return msg;
}

//  The core learns that this end is over: what it sent and nobody had comes first.
static void give_up(end_t *end, const char *text)
{
    if (end->told)
        return;
    end->dead = end->told = true;
    node_link_t *link = end->link;
    end->link = NULL;
    while (end->other->in) {
        item_t *item = take(end->other);
        if (item->kind == ITEM_MESSAGE && end->node && link) {
            wire_msg_t msg = message_in(item);
            node_core_link_lost(&end->node->core, link, &msg);
        }
        release(item);
    }
    if (!end->other->told)
        arrive(end->other, ITEM_GONE, NULL, 0);
    if (end->node && link)
        node_core_link_gone(&end->node->core, link, WIRE_E_GONE, text);
}

//  ---- Effects ---------------------------------------------------------------

static int do_send(void *arg, void *peer, const void *message, size_t size)
{
    end_t *end = peer;
    (void) arg;
    if (end->dead || end->told)
        return WIRE_E_GONE;
    if (end->other->waiting >= 8 * ROOM)
        return WIRE_E_FULL;
    arrive(end->other, ITEM_MESSAGE, message, size);
    return 0;
}

static bool do_room(void *arg, void *peer, size_t size)
{
    const end_t *end = peer;
    (void) arg, (void) size;
    return end->other->waiting < ROOM;
}

static end_t *end_of(net_t *net, const node_t *node, const node_t *peer)
{
    for (end_t *end = net->ends; end; end = end->next)
        if (end->node == node && end->peer == peer && !end->dead && !end->told && !end->other->dead)
            return end;
    return NULL;
}

static node_t *named(net_t *net, wire_str_t name)
{
    if (wire_str_is(name, "svc"))
        return net->holder;
    for (int i = 0; i < NODES; i++)
        if (wire_str_is(name, net->nodes[i].name) || wire_str_is(name, net->nodes[i].id))
            return &net->nodes[i];
    return NULL;
}

static void *do_dial(void *arg, node_link_t *link, const node_address_t *address)
{
    node_t *self = arg;
    node_t *peer = named(self->net, address->node);
    assert_non_null(peer);
    if (self->net->no_way[self->number][peer->number])
        return NULL;
    end_t *end = end_of(self->net, self, peer);
    if (!end) {                         //  Else theirs is on its way: one link for both
        end = link_between(self->net, self, peer);
        arrive(end->other, ITEM_UP, NULL, 0);
        arrive(end, ITEM_UP, NULL, 0);
    }
    assert_null(end->link);
    end->link = link;
    return end;
}

static void do_bury(void *arg, void *peer, const char *text)
{
    (void) arg;
    give_up(peer, text);
}

static int64_t do_now(void *arg)
{
    return ((node_t *) arg)->net->now;
}

static void do_claims(void *arg)
{
    (void) arg;
}

//  ---- Delivery --------------------------------------------------------------

static void broker_registers(end_t *to, const wire_msg_t *msg)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    to->peer->net->holder = msg->type == WIRE_REGISTER ? to->peer : NULL;
    wire_msg_begin(&out, WIRE_ANSWER, msg->request, 0, 1);
    wire_put_bool(&out, true);
    arrive(to->other, ITEM_MESSAGE, out.data, out.size);
    wire_buf_free(&out);
}

static void broker_answer(end_t *to, const wire_msg_t *msg)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_reader_t at = msg->fields;
    wire_str_t who;
    assert_int_equal(msg->type, WIRE_LOOKUP);
    assert_int_equal(wire_read_name(&at, &who), 0);
    node_t *found = named(to->peer->net, who);
    if (!found) {
        wire_msg_begin(&out, WIRE_DENY, msg->request, 0, 2);
        wire_put_cstr(&out, "unknown");
        wire_put_cstr(&out, "nobody");
    } else {
        wire_msg_begin(&out, WIRE_ANSWER, msg->request, 0, 1);
        wire_put_map(&out, 4);
        wire_put_cstr(&out, "id");
        wire_put_cstr(&out, found->id);
        wire_put_cstr(&out, "node");
        wire_put_cstr(&out, found->name);
        wire_put_cstr(&out, "incarnation");
        wire_put_uint(&out, found->incarnation);
        wire_put_cstr(&out, "endpoints");
        wire_put_array(&out, 1);
        wire_put_cstr(&out, "ipc:///x");
    }
    arrive(to->other, ITEM_MESSAGE, out.data, out.size);
    wire_buf_free(&out);
}

static void broker_hears(end_t *end, const item_t *item)
{
    wire_msg_t msg = message_in(item);
    if (wire_type_way(msg.type) != WIRE_WAY_PROC) {
        bool lookup = msg.type == WIRE_LOOKUP;
        (lookup ? broker_answer : broker_registers)(end, &msg);
        return;
    }
    wire_buf_t out = WIRE_BUF_EMPTY;
    node_t *to = named(end->peer->net, msg.to);
    assert_non_null(to);
    wire_msg_begin_proc(&out, msg.type, msg.request, msg.ttl, str(end->peer->id), str(to->id), msg.count);
    wire_buf_append(&out, msg.fields.at, (size_t) (msg.fields.end - msg.fields.at));
    arrive(to->broker, ITEM_MESSAGE, out.data, out.size);
    wire_buf_free(&out);
}

static void node_hears(end_t *end, item_t *item)
{
    node_t *self = end->node;
    if (item->kind == ITEM_GONE)
        give_up(end, "the link was cut");
    else if (item->kind == ITEM_UP) {
        if (!end->link)
            end->link = node_core_link_accept(&self->core, end, str(end->peer->name), end->peer->incarnation,
                                              str(end->peer->id));
        node_core_link_up(&self->core, end->link, str(end->peer->id));
    } else {
        wire_msg_t msg = message_in(item);
        assert_int_equal(node_core_message(&self->core, end->link, &msg, item), 0);
    }
}

static bool deliver(net_t *net)
{
    size_t ready = 0;
    for (const end_t *end = net->ends; end; end = end->next)
        ready += end->in && !end->told;     //  Behind an end that is over it stays, until its sender learns that it was lost
    if (ready == 0)
        return false;
    size_t choice = any((uint32_t) ready);
    for (end_t *end = net->ends; end; end = end->next) {
        if (!end->in || end->told || choice--)
            continue;
        item_t *item = take(end);
        if (end->node)
            node_hears(end, item);
        else
            broker_hears(end, item);
        release(item);
        return true;
    }
    return true;
}

//  While one waits for room the others go on, but no handler of anybody's runs here.
static void do_pump(void *arg, int ms)
{
    node_t *self = arg;
    net_t *net = self->net;
    assert_false(net->pumping);         //  Never from inside what is received
    net->pumping = true;
    net->now += ms / 50;
    for (int i = 0; i < 20; i++)
        deliver(net);
    net->pumping = false;
}

static const node_effects_t effects = {
    .send = do_send, .room = do_room, .dial = do_dial, .bury = do_bury, .pump = do_pump, .now = do_now,
    .frame_hold = hold, .frame_release = release, .claims = do_claims
};

//  ---- Handlers --------------------------------------------------------------

//  Under the moving name: whoever holds it, all calls come in order.
static void on_svc(node_t *self, const alua_event_t *event, uint64_t number, int64_t call)
{
    const uint8_t none = 0x90;
    assert_true(number > self->net->svc_heard);
    self->net->svc_heard = number;
    self->net->calls[call].runs++;
    node_core_answer(&self->core, WIRE_REPLY, event->from, event->request, &none, 1);
}

//  Arguments: number of the sender, number of the message in its pair, number of the call or -1.
static void on_event(void *arg, const alua_event_t *event)
{
    node_t *self = arg;
    net_t *net = self->net;
    uint64_t from, number;
    int64_t call;
    wire_reader_t at = wire_reader(event->args, event->args_size);
    assert_false(net->pumping);
    assert_int_equal(event->count, 3);
    assert_int_equal(wire_read_uint(&at, &from), 0);
    assert_int_equal(wire_read_uint(&at, &number), 0);
    assert_int_equal(wire_read_int(&at, &call), 0);
    assert_true(wire_str_is(event->from_id, net->nodes[from].id));
    if (wire_str_is(event->name, "svc")) {
        on_svc(self, event, number, call);
        return;
    }
    assert_true(number > self->heard[from]);            //  In order, none twice
    if (!net->cuts)
        assert_true(number == self->heard[from] + 1 || net->timeouts || net->cancelled);
    self->heard[from] = number;
    if (call < 0) {
        net->sends_run++;
        return;
    }
    net->calls[call].runs++;
    if (any(3) == 0 && net->task_count < 256) {
        alua_remote_hold(event->from);
        net->tasks[net->task_count++] = (task_t) { self, event->from, event->request };
        return;
    }
    const uint8_t none = 0x90, error = 0x80;
    if (any(5))
        node_core_answer(&self->core, WIRE_REPLY, event->from, event->request, &none, 1);
    else
        node_core_answer(&self->core, WIRE_FAIL, event->from, event->request, &error, 1);
}

//  Answer something that was put off.
static void finish_task(net_t *net)
{
    const uint8_t none = 0x90;
    if (net->task_count == 0)
        return;
    size_t i = any((uint32_t) net->task_count);
    task_t task = net->tasks[i];
    net->tasks[i] = net->tasks[--net->task_count];
    node_core_answer(&task.node->core, WIRE_REPLY, task.from, task.request, &none, 1);
    alua_remote_release(task.from);
}

static void on_cancel(void *arg, alua_remote_t *from, uint64_t request)
{
    assert_false(((node_t *) arg)->net->pumping);
    (void) from, (void) request;
}

static void on_report(void *arg, wire_str_t about, int code, const char *text, const void *error, size_t size)
{
    (void) about, (void) code, (void) text, (void) error, (void) size;
    ((node_t *) arg)->net->reports++;
}

static void on_outcome(void *arg, const alua_outcome_t *outcome)
{
    call_t *call = arg;
    net_t *net = call->caller->net;
    assert_false(net->pumping);
    assert_int_equal(++call->outcomes, 1);
    call->code = outcome->code;
    call->definite = outcome->definite;
    net->results += outcome->code == 0;
    net->failures += outcome->code == WIRE_E_REMOTE;
    net->timeouts += outcome->code == WIRE_E_TIMEOUT;
    net->gone += outcome->code == WIRE_E_GONE;
    net->cancelled += outcome->code == WIRE_E_CANCELLED;
}

static const alua_handler_t handler = { on_event, on_cancel, on_report, NULL, NULL };

//  ---- The program -------------------------------------------------------------

//  A number is spent only when the message was taken.
static void talk(net_t *net, bool wants)
{
    node_t *self = &net->nodes[any(NODES)];
    node_t *to = &net->nodes[any(NODES)];
    call_t *call = &net->calls[net->made];
    //  Order is kept for each name; that two of them mean one process is known only once both were looked up.
    const char *name = (self->number + to->number) % 2 ? to->name : to->id;
    wire_buf_t args = WIRE_BUF_EMPTY;
    wire_put_array(&args, 3);
    wire_put_uint(&args, (uint64_t) self->number);
    wire_put_uint(&args, self->sent[to->number] + 1);
    wire_put_int(&args, wants ? (int64_t) net->made : -1);
    *call = (call_t) { .caller = self };
    alua_request_t request = { .kind = ALUA_CALL, .to = str(name), .name = { "f", 1 }, .args = args.data,
        .args_size = args.size, .timeout = any(4) ? 0 : 1 + any(60), .fn = wants ? on_outcome : NULL, .arg = call };
    if (!wants)
        request.timeout = 0;
    int rc = node_core_request(&self->core, &request, &call->id);
    wire_buf_free(&args);
    if (rc) {
        assert_true(rc == WIRE_E_FULL || rc == WIRE_E_GONE);
        net->refused++;
        return;
    }
    self->sent[to->number]++;
    net->made += wants;
    net->sends += !wants;
}

static void cancel_some(net_t *net)
{
    call_t *call = net->made ? &net->calls[net->made - 1 - any(net->made < 20 ? 1 : 20)] : NULL;
    if (call)
        node_core_cancel(&call->caller->core, call->id);
}

//  Both ends learn of it, each in its time; what is on its way may or may not arrive.
static void cut_some(net_t *net)
{
    for (end_t *end = net->ends; end; end = end->next)
        if (end->node && end->peer && !end->dead && any(4) == 0) {
            give_up(end, "the link was cut");
            return;
        }
}

static void step(net_t *net)
{
    uint32_t choice = any(100);
    node_t *node = &net->nodes[any(NODES)];
    if (choice < 50)
        deliver(net);
    else if (choice < 70)
        node_core_drain(&node->core, 1 + any(8));
    else if (choice < 84)
        for (uint32_t times = any(30) ? 1 : 30; times && net->made < CALLS; times--)
            talk(net, any(4));
    else if (choice < 90)
        finish_task(net);
    else if (choice < 92)
        cancel_some(net);
    else if (choice < 99 || !net->cuts || any(4))
        node_core_tick(&node->core);
    else
        cut_some(net);
    net->now += any(3) == 0;
}

static bool settle(net_t *net)
{
    bool more = false;
    while (deliver(net))
        more = true;
    for (int i = 0; i < NODES; i++) {
        node_core_tick(&net->nodes[i].core);
        more |= node_core_drain(&net->nodes[i].core, 1000) > 0;
    }
    while (net->task_count) {
        finish_task(net);
        more = true;
    }
    return more;
}

static net_t *net_new(void)
{
    net_t *net = calloc(1, sizeof *net);
    net->now = 1;
    for (int i = 0; i < NODES; i++) {
        node_t *node = &net->nodes[i];
        node->net = net;
        node->number = i;
        node->incarnation = (uint64_t) i + 100;
        snprintf(node->name, sizeof node->name, "n%d", i);
        snprintf(node->id, sizeof node->id, "1@n%d", i);
        assert_int_equal(node_core_init(&node->core, &effects, node), 0);
        node->core.handler = handler;
        node->core.handler_arg = node;
        node->core.ready = true;
        node->broker = link_between(net, node, NULL);
        node_core_welcome(&node->core, node->broker, str(node->id), str(node->name), str("net"));
    }
    return net;
}

static void net_free(net_t *net)
{
    for (int i = 0; i < NODES; i++)
        node_core_free(&net->nodes[i].core);
    while (net->ends) {
        end_t *end = net->ends;
        net->ends = end->next;
        while (end->in)
            release(take(end));
        free(end);
    }
    free(net);
}

static void all_had_one_outcome(const net_t *net)
{
    for (size_t i = 0; i < net->made; i++) {
        const call_t *call = &net->calls[i];
        assert_int_equal(call->outcomes, 1);
        assert_true(call->runs <= 1);
        if (call->code == 0 || call->code == WIRE_E_REMOTE)
            assert_int_equal(call->runs, 1);
        if (call->code && call->code != WIRE_E_REMOTE && call->definite)
            assert_int_equal(call->runs, 0);            //  Surely not done
    }
}

static void nothing_is_left(net_t *net)
{
    for (int i = 0; i < NODES; i++) {
        const node_core_t *core = &net->nodes[i].core;
        assert_int_equal(core->pendings.count, 0);
        assert_null(wire_heap_first(&core->heap));
        assert_int_equal(core->mailbox.events, 0);
        assert_null(core->lookups);
        assert_false(node_core_active(core));
    }
}

//  What one end of a link has counted as sent, the other has counted as received.
static void links_agree(const net_t *net)
{
    for (const end_t *end = net->ends; end; end = end->next)
        if (end->link && end->other->link) {
            assert_int_equal(end->link->sent, end->other->link->received);
            assert_true(end->link->up);
        }
}

//  So do the two ends of what the broker carried.
static void relays_agree(const net_t *net)
{
    for (int i = 0; i < NODES; i++)
        for (int j = 0; j < NODES; j++) {
            const alua_remote_t *to = node_remotes_find(&net->nodes[i].core.remotes, str(net->nodes[j].id));
            const alua_remote_t *from = node_remotes_find(&net->nodes[j].core.remotes, str(net->nodes[i].id));
            assert_int_equal(to ? to->relayed_sent : 0, from ? from->relayed_received : 0);
        }
}

static void talk_it_out(net_t *net)
{
    while (net->made < CALLS)
        step(net);
    while (settle(net))
        ;
    net->now += 1000;
    while (settle(net))
        ;
    all_had_one_outcome(net);
    nothing_is_left(net);
    links_agree(net);
    relays_agree(net);
    if (net->cuts)
        assert_true(net->sends_run <= net->sends);
    else
        assert_int_equal(net->sends_run, net->sends);
}

//  ---- A name that moves -------------------------------------------------------

static void call_svc(net_t *net)
{
    call_t *call = &net->calls[net->made];
    *call = (call_t) { .caller = &net->nodes[0] };
    wire_buf_t args = WIRE_BUF_EMPTY;
    wire_put_array(&args, 3);
    wire_put_uint(&args, 0);
    wire_put_uint(&args, net->svc_sent + 1);
    wire_put_int(&args, (int64_t) net->made);
    alua_request_t request = { .kind = ALUA_CALL, .to = str("svc"), .name = { "svc", 3 }, .args = args.data,
                               .args_size = args.size, .timeout = any(8) ? 0 : 1 + any(60), .wait_name = true,
                               .fn = on_outcome, .arg = call };
    int rc = node_core_request(&net->nodes[0].core, &request, &call->id);
    wire_buf_free(&args);
    net->svc_sent += rc == 0;
    net->made += rc == 0;
}

static void ask_for_svc(node_t *node, wire_type_t type)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_cstr(&field, "svc");
    node_ask_t ask = { .type = type, .fields = field.data, .size = field.size, .count = 1, .background = true };
    assert_int_equal(node_core_ask(&node->core, &ask), 0);
    wire_buf_free(&field);
}

static void svc_step(net_t *net)
{
    uint32_t choice = any(100);
    if (choice < 50)
        deliver(net);
    else if (choice < 75)
        node_core_drain(&net->nodes[any(NODES)].core, 1 + any(8));
    else if (choice < 90 && net->made < CALLS)
        call_svc(net);
    else
        node_core_tick(&net->nodes[any(NODES)].core);
    net->now += any(3) == 0;
}

//  Calls go on while one gives the name up and, once that is so, another takes it.
static void move_svc(net_t *net, node_t *old, node_t *new)
{
    for (uint32_t i = any(60); i; i--)
        svc_step(net);
    if (old) {
        ask_for_svc(old, WIRE_UNREGISTER);
        while (node_core_is_me(&old->core, str("svc")))
            svc_step(net);
    }
    ask_for_svc(new, WIRE_REGISTER);
    while (!node_core_is_me(&new->core, str("svc")))
        svc_step(net);
}

static void settle_svc(net_t *net)
{
    for (int i = 0; i < 100; i++, net->now += 10)
        while (settle(net))
            ;
}

static void test_calls_under_a_name_that_moves(void **state)
{
    (void) state;
    size_t moves = 0;
    seed = 24;
    net_t *net = net_new();
    for (node_t *old = NULL, *new = &net->nodes[1]; net->made < CALLS; moves++) {
        move_svc(net, old, new);
        if (any(2))
            settle_svc(net);
        else
            for (uint32_t i = any(400); i; i--)
                svc_step(net);
        old = new;
        new = &net->nodes[old == &net->nodes[1] ? 2 : 1];
    }
    settle_svc(net);
    all_had_one_outcome(net);
    nothing_is_left(net);
    printf("%zu moves: %zu results, %zu timeouts\n", moves, net->results, net->timeouts);
    assert_true(moves > 100 && net->results > CALLS * 3 / 4);
    net_free(net);
}

//  ---- Runs ------------------------------------------------------------------

static void test_ten_thousand_calls_over_links(void **state)
{
    (void) state;
    seed = 21;
    net_t *net = net_new();
    talk_it_out(net);
    assert_int_equal(net->gone, 0);
    assert_int_equal(net->reports, 0);
    assert_true(net->results > CALLS / 2 && net->failures > 500 && net->timeouts > 100 && net->cancelled > 100);
    for (int a = 0; a < NODES; a++)
        for (int b = 0; b < NODES; b++)                 //  All but what was cancelled or late ran
            assert_true(net->nodes[b].heard[a] > net->nodes[a].sent[b] * 9 / 10);
    net_free(net);
}

static void test_ten_thousand_calls_with_cuts(void **state)
{
    (void) state;
    seed = 22;
    net_t *net = net_new();
    net->cuts = true;
    talk_it_out(net);
    assert_true(net->gone > 50 && net->results > CALLS / 3);
    net_free(net);
}

static void test_ten_thousand_calls_where_some_need_the_broker(void **state)
{
    (void) state;
    seed = 23;
    net_t *net = net_new();
    net->no_way[0][1] = net->no_way[1][0] = true;       //  Neither reaches the other
    net->no_way[2][0] = true;                           //  Only the other way round
    talk_it_out(net);
    assert_int_equal(net->gone, 0);
    assert_true(net->nodes[0].core.stat.relayed > 500);
    net_free(net);
}

static void test_other_orders_and_all_at_once(void **state)
{
    (void) state;
    for (uint64_t run = 100; run < 108; run++) {
        seed = run;
        net_t *net = net_new();
        net->cuts = run % 2;
        net->no_way[1][2] = run % 3 == 0;
        talk_it_out(net);
        net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_calls_over_links),
        cmocka_unit_test(test_ten_thousand_calls_with_cuts),
        cmocka_unit_test(test_ten_thousand_calls_where_some_need_the_broker),
        cmocka_unit_test(test_other_orders_and_all_at_once),
        cmocka_unit_test(test_calls_under_a_name_that_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
