//  node_probe - does anybody listen at an endpoint? A plain connect tells at once what a ZeroMQ connect never would

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "endpoint.h"
#include "node_shell.h"

typedef struct {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } as;
    uv_connect_t request;
    uv_getaddrinfo_t lookup;
    struct addrinfo *addresses, *next;      //  Of a host by name: tried one after the other
    alua_node_t *node;
    alua_outcome_fn *fn;
    void *arg;
    char text[320];
} node_probe_t;

static void probe_free(node_probe_t *probe)
{
    if (probe->addresses)
        uv_freeaddrinfo(probe->addresses);
    free(probe);
}

static void probe_tell(node_probe_t *probe, bool found)
{
    alua_outcome_t outcome = { .code = found ? 0 : WIRE_E_OFFLINE, .definite = true, .text = found ? NULL : probe->text };
    if (!probe->node->leaving)
        probe->fn(probe->arg, &outcome);
}

static void on_probe_closed(uv_handle_t *handle)
{
    probe_free(handle->data);
}

static bool connect_next(node_probe_t *probe);

static void on_probe_closed_try_next(uv_handle_t *handle)
{
    node_probe_t *probe = handle->data;
    if (!probe->node->leaving && connect_next(probe))
        return;
    probe_tell(probe, false);
    probe_free(probe);
}

static void on_probe(uv_connect_t *request, int status)
{
    node_probe_t *probe = request->data;
    bool again = status && probe->next && !probe->node->leaving;
    if (!again)
        probe_tell(probe, status == 0);
    if (!uv_is_closing(&probe->as.handle))
        uv_close(&probe->as.handle, again ? on_probe_closed_try_next : on_probe_closed);
}

//  Where the name has other addresses: else the system tries for minutes. Before it connects, for its descriptor has to
//  be there.
static void limit_silence(uv_tcp_t *tcp)
{
    unsigned ms = HUB_CONNECT_TIMEOUT;
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *) tcp, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

//  False: no address is left. There may be no socket for its kind.
static bool connect_next(node_probe_t *probe)
{
    const struct addrinfo *one = probe->next;
    while (one && uv_tcp_init_ex(&probe->node->loop, &probe->as.tcp, (unsigned) one->ai_family))
        one = one->ai_next;
    if (!one)
        return false;
    probe->next = one->ai_next;
    probe->as.handle.data = probe;
    if (probe->next)
        limit_silence(&probe->as.tcp);
    if (uv_tcp_connect(&probe->request, &probe->as.tcp, one->ai_addr, on_probe))
        uv_close(&probe->as.handle, on_probe_closed_try_next);
    return true;
}

static void on_addresses(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
    node_probe_t *probe = lookup->data;
    probe->addresses = probe->next = addresses;
    if (status == 0 && !probe->node->leaving && connect_next(probe))
        return;
    if (status)
        snprintf(probe->text, sizeof probe->text, "no host of this name: %s", uv_strerror(status));
    probe_tell(probe, false);
    probe_free(probe);
}

//  The host may be a name, which another thread looks up.
static int look_up(alua_node_t *self, node_probe_t *probe, const char *endpoint)
{
    char host[ENDPOINT_HOST];
    const char *port;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    if (!endpoint_split(endpoint, host, &port) || !endpoint_port(port))
        return WIRE_E_USAGE;
    probe->lookup.data = probe;
    return uv_getaddrinfo(&self->loop, &probe->lookup, on_addresses, host, port, &hints) ? WIRE_E_USAGE : 0;
}

static int connect_probe(alua_node_t *self, node_probe_t *probe, const char *endpoint)
{
    if (strncmp(endpoint, "tcp://", 6) == 0)
        return look_up(self, probe, endpoint);
    if (strncmp(endpoint, "ipc://", 6))
        return WIRE_E_USAGE;
    uv_pipe_init(&self->loop, &probe->as.pipe, 0);
    probe->as.handle.data = probe;
    uv_pipe_connect(&probe->request, &probe->as.pipe, endpoint + 6, on_probe);
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
    if (rc)
        free(probe);
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
