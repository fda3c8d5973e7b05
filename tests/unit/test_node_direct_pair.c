//  Two cores, a broker's relay and a link between them, each delivered when chance says so
//
//  Each sends numbered messages and calls; links come up, and are lost at one end before the other, with what was on its
//  way and perhaps the last messages that did arrive; SWITCHes get lost; a broker may lose all. Whatever happens: what
//  arrives from one end arrives in the order it was sent, and once; what does not arrive was reported or is unknown; each call has one outcome.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "node_core.h"

#define MANY 4096

typedef struct parcel {
    struct parcel *next;
    int refs;
    size_t size;
    uint8_t bytes[];
} parcel_t;

typedef struct {
    parcel_t *first, **last;
} queue_t;

typedef struct world world_t;

//  One end: a core, what it put on each way, and the books of what it sent.
typedef struct {
    world_t *world;
    node_core_t core;
    const char *id, *node;
    int index;
    char broker, peer;          //  Their addresses are handles
    queue_t relay, link;        //  On the way to the other
    parcel_t *recent;           //  The last message over the link that arrived: perhaps not acknowledged
    queue_t answers;            //  From the broker itself
    node_link_t *way;           //  NULL: no link here
    bool up;
    uint64_t sent, heard;       //  The last number; of the other the last one that came
    uint64_t calls, outcomes, unknown, reports, arrived;
    uint8_t outcome[MANY];      //  Of the call with this number
    bool was_call[MANY];
} end_t;

struct world {
    end_t ends[2];
    int64_t now;
    uint64_t random;
    bool losses;                //  Anything may be lost
    int links;
};

static uint64_t chance(world_t *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

static end_t *other(end_t *e)
{
    return &e->world->ends[1 - e->index];
}

static void push(queue_t *queue, const void *bytes, size_t size)
{
    parcel_t *parcel = malloc(sizeof *parcel + size);
    *parcel = (parcel_t) { NULL, 1, size };
    memcpy(parcel->bytes, bytes, size);
    *queue->last = parcel;
    queue->last = &parcel->next;
}

static parcel_t *pop(queue_t *queue)
{
    parcel_t *parcel = queue->first;
    if (parcel && !(queue->first = parcel->next))
        queue->last = &queue->first;
    return parcel;
}

static void unref(void *frame)
{
    parcel_t *parcel = frame;
    if (parcel && --parcel->refs == 0)
        free(parcel);
}

static void ref(void *frame)
{
    ((parcel_t *) frame)->refs++;
}

static void clear(queue_t *queue)
{
    for (parcel_t *parcel = pop(queue); parcel; parcel = pop(queue))
        unref(parcel);
}

static wire_msg_t message_in(const parcel_t *parcel)
{
    wire_reader_t at = wire_reader(parcel->bytes, parcel->size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    return msg;
}

static wire_str_t str(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

//  ---- Effects -------------------------------------------------------------------

//  LOOKUP finds the other, always: in this world nobody dies.
static void answer_lookup(end_t *e, uint64_t request)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    const end_t *o = other(e);
    const char *pairs[] = { "id", o->id, "node", o->node };
    wire_msg_begin(&out, WIRE_ANSWER, request, 0, 1);
    wire_put_map(&out, 4);
    for (size_t i = 0; i < 4; i++)
        wire_put_cstr(&out, pairs[i]);
    wire_put_cstr(&out, "incarnation");
    wire_put_uint(&out, 7);
    wire_put_cstr(&out, "endpoints");
    wire_put_array(&out, 0);
    push(&e->answers, out.data, out.size);
    wire_buf_free(&out);
}

static int do_send(void *arg, void *peer, const void *bytes, size_t size)
{
    end_t *e = arg;
    wire_reader_t at = wire_reader(bytes, size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    if (peer == &e->peer) {
        assert_non_null(e->way);
        push(&e->link, bytes, size);
    } else if (msg.type == WIRE_LOOKUP)
        answer_lookup(e, msg.request);
    else if (wire_type_way(msg.type) == WIRE_WAY_PROC)
        push(&e->relay, bytes, size);
    return 0;
}

static bool do_room(void *arg, void *peer, size_t size)
{
    (void) arg, (void) peer, (void) size;
    return true;
}

static void *do_dial(void *arg, node_link_t *link, const node_address_t *address)
{
    (void) arg, (void) link, (void) address;
    fail_msg("there is no address to dial");
    return NULL;
}

//  As the hub does: what was on its way is lost, then the link is gone.
static void lose_link(end_t *e, int code, const char *text)
{
    node_link_t *way = e->way;
    queue_t mine = e->link;
    if (mine.last == &e->link.first)
        mine.last = &mine.first;
    e->link = (queue_t) { NULL, &e->link.first };
    if (e->recent && chance(e->world, 2)) {
        wire_msg_t msg = message_in(e->recent);
        node_core_link_lost(&e->core, way, &msg);
    }
    for (parcel_t *parcel = pop(&mine); parcel; parcel = pop(&mine)) {
        wire_msg_t msg = message_in(parcel);
        node_core_link_lost(&e->core, way, &msg);
        unref(parcel);
    }
    unref(e->recent);
    e->recent = NULL;
    e->way = NULL;
    e->up = false;
    node_core_link_gone(&e->core, way, code, text);
}

static void do_bury(void *arg, void *peer, const char *text)
{
    (void) peer;
    lose_link(arg, WIRE_E_GONE, text);
}

static void do_pump(void *arg, int ms)
{
    end_t *e = arg;
    e->world->now += ms;
}

static int64_t do_now(void *arg)
{
    return ((end_t *) arg)->world->now;
}

static void do_claims(void *arg)
{
    (void) arg;
}

static const node_effects_t effects = {
    .send = do_send, .room = do_room, .dial = do_dial, .bury = do_bury, .pump = do_pump, .now = do_now,
    .frame_hold = ref, .frame_release = unref, .claims = do_claims,
};

//  ---- Handler: what arrives is numbered ---------------------------------------------

static void on_event(void *arg, const alua_event_t *event)
{
    end_t *e = arg;
    const uint8_t none = 0x90;
    wire_reader_t at = wire_reader(event->args, event->args_size);
    uint64_t number;
    assert_int_equal(wire_read_uint(&at, &number), 0);
    if (number <= e->heard)
        fail_msg("%s has %llu after %llu", e->id, (unsigned long long) number, (unsigned long long) e->heard);
    e->heard = number;
    e->arrived++;
    if (event->flags & WIRE_WANTS_REPLY)
        (void) node_core_answer(&e->core, WIRE_REPLY, event->from, event->request, &none, 1);
}

static void on_report(void *arg, wire_str_t about, int code, const char *text, const void *error, size_t size)
{
    (void) about, (void) code, (void) text, (void) error, (void) size;
    ((end_t *) arg)->reports++;
}

static void on_outcome(void *arg, const alua_outcome_t *outcome)
{
    uint8_t *place = arg;
    assert_int_equal(*place, 0);
    *place = outcome->code ? outcome->definite ? 3 : 2 : 1;
}

static const alua_handler_t handler = { .event = on_event, .report = on_report };

//  ---- What may happen -----------------------------------------------------------------

static void say_something(end_t *e)
{
    wire_buf_t args = WIRE_BUF_EMPTY;
    bool calls = chance(e->world, 2);
    uint64_t number = ++e->sent;
    if (number >= MANY)
        return;
    wire_put_array(&args, 1);
    wire_put_uint(&args, number);
    alua_request_t request = { .kind = ALUA_CALL, .to = str(other(e)->id), .name = str("f"), .args = args.data, .args_size = args.size,
                               .fn = calls ? on_outcome : NULL, .arg = &e->outcome[number] };
    e->was_call[number] = calls;
    e->calls += calls;
    assert_int_equal(node_core_request(&e->core, &request, NULL), 0);
    wire_buf_free(&args);
}

static void hear(end_t *e, node_link_t *link, parcel_t *parcel)
{
    wire_msg_t msg = message_in(parcel);
    assert_int_equal(node_core_message(&e->core, link, &msg, parcel), 0);
    unref(parcel);
}

static void deliver_relayed(end_t *from)
{
    parcel_t *parcel = pop(&from->relay);
    if (!parcel)
        return;
    wire_msg_t msg = message_in(parcel);
    bool marker = msg.type == WIRE_SWITCH || msg.type == WIRE_SWITCHED;
    if (marker && from->world->losses && chance(from->world, 8) == 0)
        unref(parcel);
    else
        hear(other(from), NULL, parcel);
}

static void deliver_direct(end_t *from)
{
    end_t *to = other(from);
    parcel_t *parcel = from->up && to->up ? pop(&from->link) : NULL;
    if (!parcel)
        return;
    unref(from->recent);
    from->recent = parcel;
    ref(parcel);
    hear(to, to->way, parcel);
}

static void deliver_answer(end_t *e)
{
    parcel_t *parcel = pop(&e->answers);
    if (parcel)
        hear(e, NULL, parcel);
}

//  This end accepts; the other one learns of it in its own time. A link that only the other end has is begun anew.
static void open_link(end_t *e)
{
    end_t *o = other(e);
    if (e->up || o->up) {
        if (e->up != o->up)
            lose_link(e->up ? e : o, WIRE_E_TIMEOUT, "it opened its link anew");
        return;
    }
    end_t *both[] = { e, o };
    for (int i = 0; i < 2; i++) {
        end_t *x = both[i];
        x->way = node_core_link_accept(&x->core, &x->peer, str(other(x)->node), 7, str(other(x)->id));
        assert_non_null(x->way);
        x->up = true;
        x->way->switches = true;
        node_core_link_up(&x->core, x->way, str(other(x)->id));
    }
    e->world->links++;
}

static void run(end_t *e)
{
    node_core_tick(&e->core);
    while (node_core_drain(&e->core, 64))
        ;
}

static void lose_broker(end_t *e)
{
    clear(&e->relay);
    clear(&e->answers);
    clear(&other(e)->relay);
    clear(&other(e)->answers);
    for (int i = 0; i < 2; i++) {
        end_t *x = &e->world->ends[i];
        node_core_broker_gone(&x->core, WIRE_E_GONE, "killed");
        assert_int_equal(node_core_welcome(&x->core, &x->broker, str(x->id), str(x->node), str("net")), 0);
    }
}

static void happen(world_t *w)
{
    end_t *e = &w->ends[chance(w, 2)];
    switch (chance(w, 40)) {
    case 0: if (chance(w, 4) == 0) open_link(e); break;
    case 1: if (w->losses && e->up && chance(w, 3) == 0) lose_link(e, WIRE_E_TIMEOUT, "lease"); break;
    case 2: w->now += (int64_t) chance(w, 3000); break;
    case 3: if (w->losses && chance(w, 50) == 0) lose_broker(e); break;
    case 4: case 5: case 6: case 7: case 8: case 9: deliver_answer(e); break;
    default:
        switch (chance(w, 4)) {
        case 0: say_something(e); break;
        case 1: deliver_relayed(e); break;
        case 2: deliver_direct(e); break;
        default: run(e);
        }
    }
}

//  ---- The two properties ----------------------------------------------------------------

static void start_end(world_t *w, int index)
{
    end_t *e = &w->ends[index];
    e->world = w;
    e->index = index;
    e->id = index ? "1@b" : "1@a";
    e->node = index ? "b" : "a";
    queue_t *queues[] = { &e->relay, &e->link, &e->answers };
    for (int i = 0; i < 3; i++)
        queues[i]->last = &queues[i]->first;
    assert_int_equal(node_core_init(&e->core, &effects, e), 0);
    e->core.handler = handler;
    e->core.handler_arg = e;
    e->core.ready = true;
    assert_int_equal(node_core_welcome(&e->core, &e->broker, str(e->id), str(e->node), str("net")), 0);
}

static bool at_rest(const world_t *w)
{
    for (int i = 0; i < 2; i++) {
        const end_t *e = &w->ends[i];
        if (e->relay.first || e->link.first || e->answers.first || e->core.mailbox.events || e->core.pendings.count
                || e->core.parked_alone)
            return false;
    }
    return true;
}

//  No more news; all that is on its way comes.
static void settle(world_t *w)
{
    w->losses = false;
    for (int round = 0; round < 200000 && !at_rest(w); round++) {
        end_t *e = &w->ends[round & 1];
        if (e->up != other(e)->up)
            lose_link(e->up ? e : other(e), WIRE_E_TIMEOUT, "lease");
        deliver_answer(e);
        deliver_relayed(e);
        deliver_direct(e);
        run(e);
        w->now += round % 64 == 0 ? 1000 : 0;
    }
    for (int i = 0; i < 2 && !at_rest(w); i++)
        for (uint64_t id = 0; id <= w->ends[i].core.pendings.last_id; id++)
            if (node_pendings_find(&w->ends[i].core.pendings, id))
                print_message("%s still waits for %llu\n", w->ends[i].id, (unsigned long long) id);
    for (int i = 0; i < 2 && !at_rest(w); i++)
        print_message("%s: pendings %zu, parked %zu, route %d\n", w->ends[i].id, w->ends[i].core.pendings.count, w->ends[i].core.parked_alone,
                      node_remotes_find(&w->ends[i].core.remotes, str(w->ends[1 - i].id))->route);
    assert_true(at_rest(w));
}

static void check(end_t *e, bool exact)
{
    uint64_t sends = 0, unknown = 0;
    for (uint64_t i = 1; i <= e->sent && i < MANY; i++) {
        assert_int_equal(e->outcome[i] != 0, e->was_call[i]);
        unknown += e->outcome[i] >= 2;
        sends += !e->was_call[i];
    }
    assert_true(other(e)->arrived <= e->sent);
    if (exact) {
        assert_int_equal(other(e)->arrived, e->sent);
        assert_int_equal(unknown, 0);
        assert_int_equal(e->reports, 0);
    }
    assert_int_equal(e->core.parked_alone, 0);
    assert_int_equal(e->core.opening, 0);
    (void) sends;
}

static void finish(world_t *w)
{
    for (int i = 0; i < 2; i++) {
        end_t *e = &w->ends[i];
        node_core_free(&e->core);
        clear(&e->relay);
        clear(&e->link);
        clear(&e->answers);
        unref(e->recent);
    }
}

static void play(uint64_t seed, bool losses, uint64_t *switches, uint64_t *fallbacks)
{
    static world_t w;
    memset(&w, 0, sizeof w);
    w.now = 1000;
    w.random = seed * 0x9e3779b97f4a7c15u + 1;
    w.losses = losses;
    start_end(&w, 0);
    start_end(&w, 1);
    for (int i = 0; i < 3000; i++)
        happen(&w);
    settle(&w);
    for (int i = 0; i < 2; i++) {
        check(&w.ends[i], !losses);
        *switches += w.ends[i].core.stat.switches;
        *fallbacks += w.ends[i].core.stat.fallbacks;
    }
    finish(&w);
}

static void test_a_switch_keeps_the_order_and_loses_nothing(void **state)
{
    uint64_t switches = 0, fallbacks = 0;
    (void) state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        play(seed, false, &switches, &fallbacks);
    print_message("%llu switches\n", (unsigned long long) switches);
    assert_true(switches > 200);
    assert_int_equal(fallbacks, 0);
}

static void test_to_and_fro_in_order_and_at_most_once(void **state)
{
    uint64_t switches = 0, fallbacks = 0;
    (void) state;
    for (uint64_t seed = 1; seed <= 600; seed++)
        play(seed, true, &switches, &fallbacks);
    print_message("%llu switches, %llu fallbacks\n", (unsigned long long) switches, (unsigned long long) fallbacks);
    assert_true(switches > 1000 && fallbacks > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_switch_keeps_the_order_and_loses_nothing),
        cmocka_unit_test(test_to_and_fro_in_order_and_at_most_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
