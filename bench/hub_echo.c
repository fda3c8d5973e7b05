//  hub_echo - the echo of raw_echo.c, but through two hubs: what counted links cost
//
//      hub_echo [tcp|ipc|curve] [SECONDS]      default: ipc, 1 s each; curve is tcp with keys

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub.h"

#define TOKEN "00112233445566778899aabbccddeeff"

typedef struct {
    hub_t *hub;
    hub_peer_t *peer;
    int echo;
    uint64_t count;
} side_t;

static int on_hello(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting,
                    wire_buf_t *body, char *name, const char **text)
{
    (void) arg, (void) peer, (void) greeting, (void) body, (void) name, (void) text;
    return 0;
}

static void on_up(void *arg, hub_peer_t *peer, const hub_greeting_t *greeting)
{
    (void) greeting;
    ((side_t *) arg)->peer = peer;
}

static int on_message(void *arg, hub_peer_t *peer, const wire_msg_t *msg, hub_frame_t *frame)
{
    side_t *side = arg;
    (void) frame;
    side->count++;
    if (side->echo && hub_send(peer, msg->whole.at, (size_t) (msg->whole.end - msg->whole.at)))
        abort();
    return 0;
}

static void on_silent(void *arg, hub_peer_t *peer, bool silent)
{
    (void) arg, (void) peer, (void) silent;
}

static void on_lost(void *arg, hub_peer_t *peer, const wire_msg_t *msg)
{
    (void) arg, (void) peer, (void) msg;
}

static void on_gone(void *arg, hub_peer_t *peer, int code, const char *text)
{
    (void) peer, (void) code;
    fprintf(stderr, "gone: %s\n", text);
    ((side_t *) arg)->peer = NULL;
    exit(1);
}

static void on_turn(void *arg)
{
    (void) arg;
}

static const hub_handler_t handler = {
    .hello = on_hello, .up = on_up, .message = on_message, .silent = on_silent,
    .lost = on_lost, .gone = on_gone, .turn = on_turn
};

//  Made before the sides part.
static cert_t server_cert, client_cert;
static int by_curve;

static void open_side(side_t *side, const char *name, const cert_t *cert)
{
    hub_config_t config = { .role = HUB_NODE, .name = name, .incarnation = 1, .token = TOKEN,
                            .cert = by_curve ? cert : NULL };
    side->hub = hub_new(uv_default_loop(), &config, &handler, side);
    side->echo = 1;
}

static void serve(const char *endpoint)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    side_t side = { 0 };
    open_side(&side, "server", &server_cert);
    if (hub_bind(side.hub, endpoint, NULL))
        exit(1);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static void send_one(side_t *side)
{
    static wire_buf_t out = WIRE_BUF_EMPTY;
    wire_buf_clear(&out);
    wire_msg_begin_proc(&out, WIRE_CALL, 1234, 30000, (wire_str_t) { "1@ana", 5 },
                        (wire_str_t) { "1@bob", 5 }, 3);
    wire_put_uint(&out, 1);
    wire_put_cstr(&out, "a.function");
    wire_put_array(&out, 1);
    wire_put_cstr(&out, "argument");
    hub_send(side->peer, out.data, out.size);
}

static void measure(side_t *side, const char *transport, int in_flight, double seconds)
{
    uv_loop_t *loop = uv_default_loop();
    side->echo = 1;
    for (int i = 0; i < in_flight; i++)
        send_one(side);
    uint64_t start = uv_hrtime(), end = start, first = side->count;
    while ((double) (end - start) / 1e9 < seconds) {
        for (int i = 0; i < 50; i++)
            uv_run(loop, UV_RUN_ONCE);
        end = uv_hrtime();
    }
    double each = (double) (end - start) / 1e3 / (double) (side->count - first);
    printf("hub_echo %s in_flight=%d ops/s=%.0f us/op=%.3f\n", transport, in_flight, 1e6 / each, each);
    fflush(stdout);
    side->echo = 0;
    for (uint64_t last = 0; last != side->count || !hub_drained(side->peer); ) {
        last = side->count;
        for (int i = 0; i < 20; i++)
            hub_pump(side->hub, 2);
    }
}

int main(int argc, char **argv)
{
    const char *transport = argc > 1 && strcmp(argv[1], "ipc") != 0 ? argv[1] : "ipc";
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    char endpoint[128];
    by_curve = strcmp(transport, "curve") == 0;
    if (by_curve && !(cert_new(&server_cert, "server") && cert_new(&client_cert, "client")))
        return 1;
    if (strcmp(transport, "ipc") != 0)
        snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", 20000 + (int) getpid() % 20000);
    else
        snprintf(endpoint, sizeof endpoint, "ipc:///tmp/alua-hub-echo-%d", (int) getpid());

    pid_t server = fork();              //  Before there is any thread
    if (server == 0)
        serve(endpoint);
    usleep(200000);                     //  A hub gives up at once where nobody listens
    side_t side = { 0 };
    const char *endpoints[] = { endpoint };
    open_side(&side, "client", &client_cert);
    if (!hub_dial_key(side.hub, (wire_str_t) { "server", 6 }, 0, endpoints, 1,
                      by_curve ? server_cert.public_key : NULL, NULL, 0))
        return 1;
    while (!side.peer)
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    measure(&side, transport, 1, seconds);
    measure(&side, transport, 64, seconds);
    measure(&side, transport, 1024, seconds);
    hub_destroy(&side.hub);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (strcmp(transport, "ipc") == 0)
        unlink(endpoint + strlen("ipc://"));
    return 0;
}
