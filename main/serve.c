//  serve - `alua broker`. See serve.h

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include "address.h"
#include "alua.h"
#include "broker.h"
#include "cert.h"
#include "numbers.h"
#include "serve.h"
#include "serve_log.h"

#define PROBE_TIME 500

typedef struct {
    uv_loop_t loop;
    uv_signal_t signals[3];
    broker_t *broker;
    numbers_t numbers;
    cert_t cert;
    serve_log_t log;
    bool had_members;
} serve_t;

static const int watched_signals[] = { SIGINT, SIGTERM, SIGHUP };

static void on_signal(uv_signal_t *watcher, int number)
{
    (void) number;
    uv_stop(watcher->loop);
}

static void on_empty(void *arg)
{
    serve_t *self = arg;
    uv_stop(&self->loop);
}

//  Those of an earlier broker may still come back, as long as we have had nobody.
static void on_change(void *arg)
{
    serve_t *self = arg;
    const broker_core_t *core = self->broker ? broker_core(self->broker) : NULL;
    bool members = core && broker_core_members(core) > 0;
    self->had_members |= members;
    if (members)
        numbers_note(&self->numbers, broker_core_number(core));
    else if (self->had_members)
        numbers_forget(&self->numbers);
}

//  One line to whoever started us and waits for it.
static void tell_ready(int fd, const char *word, const char *text)
{
    char line[1024];
    if (!fd)
        return;
    int size = snprintf(line, sizeof line, "%s %.1000s\n", word, text);
    ssize_t written = write(fd, line, (size_t) size);
    (void) written;             //  Nobody there any more: nobody to tell
    close(fd);
}

//  ZeroMQ would take a path over from whoever listens there.
static const char *taken(const char *const *listen)
{
    const char *why;
    for (; *listen; listen++)
        if (address_reach(*listen, PROBE_TIME, &why) == ADDRESS_ACCEPTED)
            return *listen;
    return NULL;
}

static void on_log(void *arg, const char *text)
{
    serve_t *self = arg;
    serve_log(&self->log, uv_now(&self->loop), text);
}

static bool load_key(serve_t *self, const serve_options_t *options, broker_config_t *config, char *error)
{
    char why[CERT_ERROR];
    config->trust = options->trust;
    config->policy = options->policy;
    config->insecure = options->insecure;
    config->log = options->key || options->insecure ? on_log : NULL;
    if (!options->key)
        return true;
    config->cert = &self->cert;
    bool loaded = cert_load(&self->cert, options->key, true, why);
    if (!loaded)
        snprintf(error, BROKER_ERROR_TEXT, "%.255s", why);
    return loaded;
}

static bool start_broker(serve_t *self, const serve_options_t *options, char *error)
{
    const char *busy = taken(options->listen);
    numbers_init(&self->numbers, options->listen[0]);
    broker_config_t config = { .endpoints = options->listen, .token = alua_token(), .host = alua_host(),
                               .first_number = numbers_read(&self->numbers), .until_empty = options->until_empty,
                               .on_empty = on_empty, .on_change = on_change, .arg = self };
    while (options->listen[config.endpoint_count])
        config.endpoint_count++;
    if (busy)
        snprintf(error, BROKER_ERROR_TEXT, "another broker listens on %.200s already", busy);
    else if (!config.token)
        snprintf(error, BROKER_ERROR_TEXT, "the user's token cannot be read or made");
    else if (load_key(self, options, &config, error))
        self->broker = broker_new(&self->loop, &config, error);
    const char *asked = options->listen[0];
    if (self->broker && asked[strlen(asked) - 1] == '*')
        numbers_init(&self->numbers, broker_endpoint(self->broker, 0));
    return self->broker != NULL;
}

static void say_where(const serve_t *self, int ready)
{
    char all[900] = "listening on";
    for (size_t i = 0; broker_endpoint(self->broker, i); i++) {
        const char *endpoint = broker_endpoint(self->broker, i);
        printf("listening on %s\n", endpoint);
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, " %s", endpoint);
    }
    fflush(stdout);
    tell_ready(ready, "ok", all);
}

static void watch_signals(serve_t *self)
{
    for (size_t i = 0; i < sizeof watched_signals / sizeof *watched_signals; i++) {
        uv_signal_init(&self->loop, &self->signals[i]);
        uv_signal_start(&self->signals[i], on_signal, watched_signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void) arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void finish(serve_t *self)
{
    if (self->broker)
        broker_destroy(&self->broker);
    uv_walk(&self->loop, close_handle, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
}

int serve(const serve_options_t *options)
{
    serve_t self = { .broker = NULL };
    char error[BROKER_ERROR_TEXT] = "out of memory";
    if (uv_loop_init(&self.loop))
        return 1;
    watch_signals(&self);
    bool started = start_broker(&self, options, error);
    if (started) {
        say_where(&self, options->ready);
        uv_run(&self.loop, UV_RUN_DEFAULT);
    } else {
        fprintf(stderr, "alua broker: %s\n", error);
        tell_ready(options->ready, "error", error);
    }
    finish(&self);
    memset(&self.cert, 0, sizeof self.cert);
    return started ? 0 : 1;
}
