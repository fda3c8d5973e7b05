//  raw_echo - the floor under every benchmark of ours
//
//  A DEALER in one process, a ROUTER in another, both waiting in zmq_poll as an honest
//  event loop must, and a message of about fifty bytes that comes back: nothing is decoded,
//  counted or kept. With 1, 64 and 1024 messages on their way at once.
//
//      raw_echo [tcp|ipc|curve] [SECONDS] [IN_FLIGHT]      default: ipc, 1 s each, 1 and 64 and 1024
//
//  curve is tcp, encrypted and authenticated.
//  Prints a line a depth:  raw_echo ipc in_flight=64 ops/s=... us/op=...

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define MESSAGE_SIZE    50
#define TURN            256     //  So many are received before the socket is polled again

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void wait_for_input(void *sock)
{
    zmq_pollitem_t item = { sock, 0, ZMQ_POLLIN, 0 };
    zmq_poll(&item, 1, -1);
}

//  Give one message back. False: there is none.
static int echo_one(void *router)
{
    zmq_msg_t id, body;
    zmq_msg_init(&id);
    zmq_msg_init(&body);
    int more = zmq_msg_recv(&id, router, ZMQ_DONTWAIT) >= 0 && zmq_msg_recv(&body, router, 0) >= 0;
    if (more) {
        zmq_msg_send(&id, router, ZMQ_SNDMORE);
        zmq_msg_send(&body, router, 0);
    }
    zmq_msg_close(&id);
    zmq_msg_close(&body);
    return more;
}

//  The key pairs of both sides, made before they part; empty: no CURVE.
static char server_key[41], server_secret[41], client_key[41], client_secret[41];

static void lock_server(void *router)
{
    int on = 1;
    if (!server_key[0])
        return;
    zmq_setsockopt(router, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, server_secret, sizeof server_secret);
}

static void lock_client(void *dealer)
{
    if (!server_key[0])
        return;
    zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server_key, sizeof server_key);
    zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client_key, sizeof client_key);
    zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client_secret, sizeof client_secret);
}

//  The server never ends by itself: without it nobody would answer.
static void on_child(int signal)
{
    static const char text[] = "raw_echo: the server has ended (is its port taken?)\n";
    (void) signal;
    (void) !write(STDERR_FILENO, text, sizeof text - 1);
    _exit(1);
}

static void serve(const char *endpoint)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    void *router = zmq_socket(zmq_ctx_new(), ZMQ_ROUTER);
    int high_water = 0;
    zmq_setsockopt(router, ZMQ_SNDHWM, &high_water, sizeof high_water);
    zmq_setsockopt(router, ZMQ_RCVHWM, &high_water, sizeof high_water);
    lock_server(router);
    if (zmq_bind(router, endpoint))
        exit(1);
    for (;;) {
        wait_for_input(router);
        for (int i = 0; i < TURN && echo_one(router); i++)
            ;
    }
}

static void send_one(void *dealer)
{
    static const char bytes[MESSAGE_SIZE] = "fifty bytes";
    zmq_send(dealer, bytes, sizeof bytes, 0);
}

static int receive_one(void *dealer)
{
    zmq_msg_t body;
    zmq_msg_init(&body);
    int got = zmq_msg_recv(&body, dealer, ZMQ_DONTWAIT) >= 0;
    zmq_msg_close(&body);
    return got;
}

static void measure(void *dealer, const char *transport, int in_flight, double seconds)
{
    for (int i = 0; i < in_flight; i++)
        send_one(dealer);
    double start = seconds_now(), end = start;
    uint64_t count = 0;
    while (end - start < seconds) {
        wait_for_input(dealer);
        for (int i = 0; i < TURN && receive_one(dealer); i++) {
            send_one(dealer);
            count++;
        }
        end = seconds_now();
    }
    for (int left = in_flight; left > 0; ) {
        wait_for_input(dealer);
        while (left > 0 && receive_one(dealer))
            left--;
    }
    double each = (end - start) / (double) (count ? count : 1);
    printf("raw_echo %s in_flight=%d ops/s=%.0f us/op=%.3f\n", transport, in_flight, 1 / each, each * 1e6);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *transport = argc > 1 && strcmp(argv[1], "ipc") != 0 ? argv[1] : "ipc";
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    char endpoint[128];
    if (strcmp(transport, "curve") == 0
            && (zmq_curve_keypair(server_key, server_secret) || zmq_curve_keypair(client_key, client_secret)))
        return 1;
    if (strcmp(transport, "ipc") != 0)
        snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", 20000 + (int) getpid() % 12000);
    else
        snprintf(endpoint, sizeof endpoint, "ipc:///tmp/alua-raw-echo-%d", (int) getpid());

    signal(SIGCHLD, on_child);
    pid_t server = fork();              //  Before there is any thread
    if (server == 0)
        serve(endpoint);
    void *context = zmq_ctx_new();
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    int none = 0;
    zmq_setsockopt(dealer, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(dealer, ZMQ_RCVHWM, &none, sizeof none);
    lock_client(dealer);
    if (server < 0 || zmq_connect(dealer, endpoint))
        return 1;
    static const int depths[] = { 1, 64, 1024 };
    if (argc > 3)
        measure(dealer, transport, atoi(argv[3]), seconds);
    else
        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
            measure(dealer, transport, depths[i], seconds);
    zmq_close(dealer);
    zmq_ctx_term(context);
    signal(SIGCHLD, SIG_DFL);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (strcmp(transport, "ipc") == 0)
        unlink(endpoint + strlen("ipc://"));
    return 0;
}
