//  node_probe - does anybody listen at an endpoint? A plain connect tells at once what a ZeroMQ connect never would

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "node_shell.h"

typedef struct {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } as;
    uv_connect_t request;
    alua_node_t *node;
    alua_outcome_fn *fn;
    void *arg;
    char text[320];
} node_probe_t;

static void on_probe_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_probe(uv_connect_t *request, int status)
{
    node_probe_t *probe = request->data;
    alua_outcome_t outcome = { .code = status ? WIRE_E_OFFLINE : 0, .definite = true, .text = status ? probe->text : NULL };
    if (!probe->node->leaving)
        probe->fn(probe->arg, &outcome);
    if (!uv_is_closing(&probe->as.handle))
        uv_close(&probe->as.handle, on_probe_closed);
}

//  tcp://ADDRESS:PORT with a numeric address; brackets around IPv6.
static bool tcp_address(const char *endpoint, struct sockaddr_storage *address)
{
    char host[64];
    const char *colon = strrchr(endpoint, ':');
    size_t size = (size_t) (colon - endpoint) - 6;
    if (strncmp(endpoint, "tcp://", 6) || size == 0 || size >= sizeof host || colon < endpoint + 6)
        return false;
    int port = atoi(colon + 1);
    bool brackets = endpoint[6] == '[' && size > 2;
    memcpy(host, endpoint + 6 + brackets, size - 2 * brackets);
    host[size - 2 * brackets] = 0;
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", 10);
    if (port <= 0 || port > 65535)
        return false;
    return uv_ip4_addr(host, port, (struct sockaddr_in *) address) == 0
        || uv_ip6_addr(host, port, (struct sockaddr_in6 *) address) == 0;
}

static int connect_probe(alua_node_t *self, node_probe_t *probe, const char *endpoint)
{
    struct sockaddr_storage address;
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        uv_pipe_init(&self->loop, &probe->as.pipe, 0);
        uv_pipe_connect(&probe->request, &probe->as.pipe, endpoint + 6, on_probe);
        return 0;
    }
    if (!tcp_address(endpoint, &address))
        return WIRE_E_USAGE;
    uv_tcp_init(&self->loop, &probe->as.tcp);
    if (uv_tcp_connect(&probe->request, &probe->as.tcp, (struct sockaddr *) &address, on_probe)) {
        probe->as.handle.data = probe;
        uv_close(&probe->as.handle, on_probe_closed);
        return WIRE_E_SYSTEM;
    }
    return 0;
}

int node_probe(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg)
{
    node_probe_t *probe = calloc(1, sizeof *probe);
    if (!probe)
        return WIRE_E_NO_MEMORY;
    probe->node = self;
    probe->fn = fn;
    probe->arg = arg;
    snprintf(probe->text, sizeof probe->text, "no broker answers at %.256s", endpoint);
    probe->request.data = probe;
    int rc = connect_probe(self, probe, endpoint);
    if (rc == WIRE_E_USAGE)
        free(probe);
    else
        probe->as.handle.data = probe;
    return rc;
}

typedef struct {
    alua_node_t *node;
    alua_outcome_fn *fn;
    void *arg;
} relayed_t;

static void on_probed_for_user(void *arg, const alua_outcome_t *outcome)
{
    relayed_t *relayed = arg;
    wire_buf_t answers = WIRE_BUF_EMPTY;
    wire_put_bool(&answers, outcome->code == 0);
    alua_outcome_t known = { .count = 1, .body = answers.data, .size = answers.size };
    relayed->node->core.starting--;
    node_post_outcome(relayed->node, relayed->fn, relayed->arg, &known);
    wire_buf_free(&answers);
    free(relayed);
}

int alua_probe(alua_node_t *self, const char *endpoint, alua_outcome_fn *fn, void *arg)
{
    relayed_t *relayed = malloc(sizeof *relayed);
    if (!relayed)
        return WIRE_E_NO_MEMORY;
    *relayed = (relayed_t) { self, fn, arg };
    int rc = node_probe(self, endpoint, on_probed_for_user, relayed);
    if (rc)
        free(relayed);
    else
        self->core.starting++;          //  It holds the program like any call
    return rc;
}
