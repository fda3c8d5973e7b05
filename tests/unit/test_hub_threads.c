//  Two hubs, each on a loop in a thread of its own, and a third thread that uses received frames: what hubs of one
//  process share, and what libzmq's threads, ours and the frames' users do to the same memory.

#include <pthread.h>
#include <stdatomic.h>

#include "test_hub_side.h"

#define MESSAGES    400
#define PATIENCE    60000       //  ms; the thread sanitizer is slow

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t came;
    hub_frame_t *frames[MESSAGES];
    wire_msg_t messages[MESSAGES];
    size_t count;
    uint64_t sum;               //  Of what the third thread read
} shelf_t;

typedef struct {
    side_t side;                //  First, so that side_handler's functions find it
    uv_loop_t loop;
    uv_timer_t timer;
    pthread_t thread;
    shelf_t *shelf;
    const char *endpoint;       //  To dial; NULL: we are dialled
    pthread_barrier_t *bound;   //  The one that is dialled listens
    atomic_bool *done;
    bool in_time;
} party_t;

//  Sizes on both sides of what is copied, gathered and lent to libzmq.
static size_t size_of(uint64_t number)
{
    static const size_t sizes[] = { 10, 3000, 5000, 20000, 70000 };
    return sizes[number % 5];
}

static int on_kept_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    party_t *self = arg;
    shelf_t *shelf = self->shelf;
    hub_frame_hold(frame);
    pthread_mutex_lock(&shelf->lock);
    shelf->frames[shelf->count] = frame;
    shelf->messages[shelf->count++] = *msg;
    pthread_cond_signal(&shelf->came);
    pthread_mutex_unlock(&shelf->lock);
    return on_message(arg, peer, msg, frame);
}

//  Read what others received, and give it back from here.
static void *use_frames(void *arg)
{
    shelf_t *self = arg;
    for (size_t i = 0; i < MESSAGES; i++) {
        pthread_mutex_lock(&self->lock);
        while (self->count <= i)
            pthread_cond_wait(&self->came, &self->lock);
        hub_frame_t *frame = self->frames[i];
        wire_msg_t message = self->messages[i];
        pthread_mutex_unlock(&self->lock);
        for (const uint8_t *at = message.whole.at; at < message.whole.end; at++)
            self->sum += *at;
        hub_frame_release(frame);
    }
    return NULL;
}

//  Send one after the other, as the ring has room.
static uint64_t say_more(party_t *self, uint64_t said)
{
    while (self->side.last && said < MESSAGES && hub_has_room(self->side.last, size_of(said) + 64))
        if (say(self->side.last, said + 1, size_of(said)) == 0)
            said++;
    return said;
}

static bool at_end(const party_t *self, uint64_t said)
{
    if (!self->endpoint)
        return *self->done;
    return said == MESSAGES && self->side.got == MESSAGES && hub_all_drained(self->side.hub);
}

static void *run_party(void *arg)
{
    party_t *self = arg;
    uint64_t said = 0, until = uv_hrtime() + PATIENCE * (uint64_t) 1000000;
    uv_timer_init(&self->loop, &self->timer);
    uv_timer_start(&self->timer, nap, 5, 5);
    if (self->endpoint)
        side_dial_at(&self->side, "b", &self->endpoint, 1);
    while (!at_end(self, said) && uv_hrtime() < until) {
        if (self->endpoint)
            said = say_more(self, said);
        uv_run(&self->loop, UV_RUN_ONCE);
    }
    self->in_time = uv_hrtime() < until;
    if (self->endpoint)
        *self->done = true;
    uv_close((uv_handle_t *) &self->timer, NULL);
    hub_destroy(&self->side.hub);
    return NULL;
}

//  Made in the thread that runs it: both at once do what a process does once.
static void *begin_and_run(void *arg)
{
    party_t *self = arg;
    hub_handler_t handler = side_handler;
    hub_config_t config = { .role = HUB_NODE, .name = self->side.name, .token = TOKEN, .host = "here", .incarnation = 7 };
    if (self->shelf)
        handler.message = on_kept_message;
    self->side.hub = hub_new(&self->loop, &config, &handler, self);
    bool fine = self->endpoint || hub_bind(self->side.hub, self->side.bound, NULL) == 0;
    pthread_barrier_wait(self->bound);
    return fine ? run_party(self) : NULL;
}

static void test_hubs_of_several_threads(void **state)
{
    (void) state;
    static shelf_t shelf = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER };
    static party_t a, b;
    atomic_bool done = false;
    pthread_barrier_t bound;
    pthread_t user;
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "%s", ipc_path("threads"));
    a = (party_t) { .side = { .name = "a" }, .endpoint = endpoint, .bound = &bound, .done = &done };
    b = (party_t) { .side = { .name = "b", .bound = endpoint, .echo = true }, .shelf = &shelf, .bound = &bound,
                    .done = &done };
    pthread_barrier_init(&bound, NULL, 2);
    uv_loop_init(&a.loop);
    uv_loop_init(&b.loop);
    pthread_create(&user, NULL, use_frames, &shelf);
    pthread_create(&b.thread, NULL, begin_and_run, &b);
    pthread_create(&a.thread, NULL, begin_and_run, &a);
    pthread_join(a.thread, NULL);
    pthread_join(b.thread, NULL);
    assert_true(a.in_time && b.in_time);
    pthread_join(user, NULL);
    close_all(&a.loop);
    close_all(&b.loop);
    assert_int_equal(a.side.got, MESSAGES);
    assert_int_equal(b.side.got, MESSAGES);
    assert_int_equal(a.side.disordered + b.side.disordered + a.side.lost + b.side.lost, 0);
    assert_true(shelf.sum > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hubs_of_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
