//  raw_pubsub - the floor under topics: ZeroMQ's PUB to as many SUB sockets
//
//      raw_pubsub [tcp|ipc] SECONDS BYTES PROCESSES SOCKETS AHEAD
//
//  Each process has so many SUB sockets, all of them subscribe to everything. The publisher is held back, as ours is, by
//  answers: each 100th message is answered by the first subscriber, and AHEAD are on their way at most.
//  Prints:  delivered/s=... and the publisher's CPU for each, in us

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define BATCH   100
#define TURN    256             //  So many are received before the sockets are polled again
#define MOST    1024            //  Bytes, sockets

static char endpoint[128], answers[128];

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static double seconds_used(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void *open_socket(void *context, int type)
{
    void *sock = zmq_socket(context, type);
    int none = 0;
    zmq_setsockopt(sock, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(sock, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(sock, ZMQ_LINGER, &none, sizeof none);
    return sock;
}

//  ---- A subscriber ----------------------------------------------------------------

//  False: there is nothing. The last of a batch, at the socket that answers, is answered.
static int receive_one(void *sock, void *answer)
{
    zmq_msg_t body;
    zmq_msg_init(&body);
    int got = zmq_msg_recv(&body, sock, ZMQ_DONTWAIT) >= 0;
    if (got && answer && *(char *) zmq_msg_data(&body) == '!')
        zmq_send(answer, "", 0, 0);
    zmq_msg_close(&body);
    return got;
}

static void subscribe(int sockets, int answers_too)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    zmq_pollitem_t items[MOST];
    void *context = zmq_ctx_new(), *answer = NULL;
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, MOST + 1);
    if (answers_too) {
        answer = open_socket(context, ZMQ_PUSH);
        zmq_connect(answer, answers);
    }
    for (int i = 0; i < sockets; i++) {
        items[i] = (zmq_pollitem_t) { open_socket(context, ZMQ_SUB), 0, ZMQ_POLLIN, 0 };
        zmq_setsockopt(items[i].socket, ZMQ_SUBSCRIBE, "", 0);
        if (zmq_connect(items[i].socket, endpoint))
            exit(1);
    }
    for (;;) {
        zmq_poll(items, sockets, -1);
        for (int i = 0; i < sockets; i++)
            for (int j = 0; (items[i].revents & ZMQ_POLLIN) && j < TURN && receive_one(items[i].socket, i ? NULL : answer); j++)
                ;
    }
}

//  ---- The publisher ---------------------------------------------------------------

static void publish_batch(void *publisher, size_t bytes)
{
    static char text[MOST];
    for (int i = 0; i < BATCH; i++) {
        *text = i == BATCH - 1 ? '!' : '.';
        zmq_send(publisher, text, bytes, 0);
    }
}

//  Each subscription is a message to an XPUB.
static void await_subscriptions(void *publisher, int count)
{
    for (char byte[2]; count > 0; )
        count -= zmq_recv(publisher, byte, sizeof byte, 0) > 0;
}

static void measure(void *publisher, void *answer, double seconds, size_t bytes, int subscribers, int ahead)
{
    for (int i = 0; i < ahead; i += BATCH)
        publish_batch(publisher, bytes);
    double began = seconds_now(), used = seconds_used(), now = began;
    uint64_t batches = 0;
    for (; now - began < seconds; now = seconds_now()) {
        char none;
        zmq_recv(answer, &none, 0, 0);
        publish_batch(publisher, bytes);
        batches++;
    }
    double delivered = (double) batches * BATCH * subscribers;
    printf("rate=%.0f publisher_us=%.3f\n", delivered / (now - began), (seconds_used() - used) / delivered * 1e6);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 7 || strtoul(argv[3], NULL, 10) > MOST || atoi(argv[5]) > MOST || atoi(argv[4]) > MOST)
        return 2;
    int processes = atoi(argv[4]), sockets = atoi(argv[5]);
    pid_t children[MOST];
    const char *form = strcmp(argv[1], "tcp") == 0 ? "tcp://127.0.0.1:%d" : "ipc:///tmp/alua-raw-pubsub-%d";
    int port = 20000 + (int) getpid() % 6000;
    snprintf(endpoint, sizeof endpoint, form, port);
    snprintf(answers, sizeof answers, form, port + 6000);
    for (int i = 0; i < processes; i++)
        if ((children[i] = fork()) == 0)        //  Before there is any thread
            subscribe(sockets, i == 0);
    void *context = zmq_ctx_new(), *publisher = open_socket(context, ZMQ_XPUB), *answer = open_socket(context, ZMQ_PULL);
    int every = 1;
    zmq_setsockopt(publisher, ZMQ_XPUB_VERBOSE, &every, sizeof every);
    if (zmq_bind(answer, answers) || zmq_bind(publisher, endpoint))
        return 1;
    await_subscriptions(publisher, processes * sockets);
    measure(publisher, answer, atof(argv[2]), strtoul(argv[3], NULL, 10), processes * sockets, atoi(argv[6]));
    for (int i = 0; i < processes; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    zmq_close(publisher);
    zmq_close(answer);
    zmq_ctx_term(context);
    return 0;
}
