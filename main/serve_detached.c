//  serve_detached - start a broker in the background and wait until it listens. See serve.h

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "alua.h"
#include "serve.h"

#define READY_FD 3
#define READY_TEXT "3"

extern char **environ;

static size_t add(const char **args, size_t at, const char *option, const char *value)
{
    if (!value)
        return at;
    args[at] = option;
    args[at + 1] = value;
    return at + 2;
}

//  alua broker --ready 3 [--until-empty] [--key FILE ...] --listen E ...; malloc'ed, NULL: no memory.
static char **arguments(const serve_options_t *options)
{
    size_t count = 0, at = 0;
    while (options->listen[count])
        count++;
    const char **args = calloc(2 * count + 14, sizeof *args);
    if (!args)
        return NULL;
    args[at++] = alua_executable();
    args[at++] = "broker";
    args[at++] = "--ready";
    args[at++] = READY_TEXT;
    if (options->until_empty)
        args[at++] = "--until-empty";
    if (options->insecure)
        args[at++] = "--insecure";
    at = add(args, at, "--key", options->key);
    at = add(args, at, "--trust", options->trust);
    at = add(args, at, "--policy", options->policy);
    for (size_t i = 0; i < count; i++)
        at = add(args, at, "--listen", options->listen[i]);
    return (char **) args;
}

static int spawn(char **args, int ready, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_adddup2(&actions, ready, READY_FD);
    for (int fd = 0; fd < READY_FD; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    int rc = posix_spawnp(pid, args[0], &actions, &attributes, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

//  One line, or less when its writer ended.
static void read_line(int fd, char *line, size_t size)
{
    size_t at = 0;
    ssize_t got;
    while (at + 1 < size && ((got = read(fd, line + at, 1)) == 1 || (got < 0 && errno == EINTR)))
        if (got == 1 && line[at++] == '\n') {
            at--;
            break;
        }
    line[at] = 0;
}

//  "ok TEXT" or "error TEXT" becomes TEXT.
static bool understand(char *line, size_t size)
{
    bool ok = strncmp(line, "ok ", 3) == 0;
    const char *space = strchr(line, ' ');
    if (space)
        memmove(line, space + 1, strlen(space));
    else
        snprintf(line, size, "the broker ended before it listened");
    return ok;
}

bool serve_detached(const serve_options_t *options, char *line, size_t size)
{
    int ends[2], rc;
    pid_t pid;
    char **args = arguments(options);
    if (!args || pipe2(ends, O_CLOEXEC)) {
        free(args);
        snprintf(line, size, "out of memory or descriptors");
        return false;
    }
    rc = spawn(args, ends[1], &pid);
    close(ends[1]);
    free(args);
    if (rc)
        snprintf(line, size, "error cannot start %s: %s", alua_executable(), strerror(rc));
    else
        read_line(ends[0], line, size);
    close(ends[0]);
    bool ok = understand(line, size);
    if (!rc && !ok)
        waitpid(pid, NULL, 0);
    return ok;
}
