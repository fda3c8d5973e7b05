//  boot - starting one process of a run: its command line, its boot record, its input. See boot.h

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "alua.h"
#include "boot.h"

extern char **environ;

static void add_line(wire_buf_t *out, const char *key, const char *value)
{
    if (!value || strchr(value, '\n'))
        return;
    wire_buf_append(out, key, strlen(key));
    wire_buf_append(out, "=", 1);
    wire_buf_append(out, value, strlen(value));
    wire_buf_append(out, "\n", 1);
}

static void add_number(wire_buf_t *out, const char *key, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    add_line(out, key, text);
}

static void add_name(wire_buf_t *out, const launch_options_t *options, int rank)
{
    char name[WIRE_MAX_NAME + 16];
    if (!options->name)
        return;
    snprintf(name, sizeof name, "%s", options->name);
    if (options->count > 1)
        snprintf(name, sizeof name, "%s%d", options->name, rank);
    add_line(out, "NAME", name);
}

//  Processes join in any order; in a network of their own each claims the number of its rank.
static void add_id(wire_buf_t *out, const boot_t *self)
{
    char id[WIRE_MAX_NAME + 1];
    if (self->options->name || !self->address)
        return;
    snprintf(id, sizeof id, "%d@%s", self->rank, self->address);
    add_line(out, "ID", id);
}

//  "ALUA_BOOT=..." for this process; node/CONTROL.md has the keys.
static char *boot_record(const boot_t *self)
{
    const launch_options_t *options = self->options;
    char control[PATH_MAX + 16];
    wire_buf_t out = WIRE_BUF_EMPTY;
    snprintf(control, sizeof control, "%s/control", self->directory);
    wire_buf_append(&out, "ALUA_BOOT=", 10);
    add_line(&out, "CONTROL", control);
    add_line(&out, "BROKER", self->private ? self->private : options->broker);
    add_line(&out, "KEY", options->key);
    add_line(&out, "BROKER_KEY", options->broker_key);
    add_line(&out, "CODE", options->code);
    add_line(&out, "APP", options->app);
    add_line(&out, "FILE", options->file);
    add_name(&out, options, self->rank);
    add_id(&out, self);
    add_number(&out, "RANK", self->rank);
    add_number(&out, "SIZE", options->count);
    add_number(&out, "LABEL", options->label && options->count > 1);
    add_number(&out, "PRIVATE", self->private != NULL);
    add_number(&out, "KEEP", options->keep);
    add_number(&out, "END", options->end);
    wire_buf_append(&out, "", 1);
    if (out.failed)
        wire_buf_free(&out);
    return (char *) out.data;
}

//  Our environment and the record behind it. A record that we ourselves were started with is gone already.
static char **environment_with(char *record)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **env = record ? calloc(count + 2, sizeof *env) : NULL;
    if (!env)
        return NULL;
    memcpy(env, environ, count * sizeof *env);
    env[count] = record;
    return env;
}

//  alua child FILE ARGS...
static char **arguments(const boot_t *self)
{
    size_t count = 0;
    while (self->options->args[count])
        count++;
    const char **args = calloc(count + 4, sizeof *args);
    if (!args)
        return NULL;
    args[0] = alua_executable();
    args[1] = "child";
    args[2] = self->options->file;
    memcpy(args + 3, self->options->args, count * sizeof *args);
    return (char **) args;
}

static int spawn(const boot_t *self, char **args, char **env, uv_loop_t *loop, uv_process_t *process, uv_exit_cb done)
{
    uv_stdio_container_t stdio[3] = {
        { .flags = self->rank == 1 ? UV_INHERIT_FD : UV_IGNORE, .data.fd = 0 },
        { .flags = UV_INHERIT_FD, .data.fd = 1 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    uv_process_options_t options = { .exit_cb = done, .file = args[0], .args = args, .env = env,
                                     .stdio_count = 3, .stdio = stdio };
    return uv_spawn(loop, process, &options);
}

int boot_start(const boot_t *self, uv_loop_t *loop, uv_process_t *process, uv_exit_cb done)
{
    char *record = boot_record(self), **env = environment_with(record), **args = arguments(self);
    int rc = env && args ? spawn(self, args, env, loop, process, done) : UV_ENOMEM;
    free(record);
    free(env);
    free(args);
    return rc;
}
