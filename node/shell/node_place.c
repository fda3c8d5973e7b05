//  node_place - where a node's files live, and what its starter told it

#define _GNU_SOURCE             //  O_TMPFILE

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "node_shell.h"

#define TOKEN_SIZE 32           //  Hex digits: 128 bits

static bool private_directory(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) && errno != EEXIST)
        return false;
    if (lstat(path, &st))
        return false;
    if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077)) {
        errno = EPERM;                  //  Somebody else's: in /tmp anyone may have made it first
        return false;
    }
    return true;
}

const char *alua_directory(void)
{
    static char path[PATH_MAX];
    if (*path)
        return path;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/')
        snprintf(path, sizeof path, "%s/alua", runtime);
    if (*path && private_directory(path))
        return path;
    snprintf(path, sizeof path, "/tmp/alua-%u", (unsigned) getuid());
    if (private_directory(path))
        return path;
    *path = 0;
    return NULL;
}

const char *alua_default_broker(void)
{
    static char endpoint[PATH_MAX + 32];
    const char *directory = alua_directory();
    if (!directory)
        return NULL;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/broker", directory);
    return endpoint;
}

static bool read_token(const char *path, char *token)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, token, TOKEN_SIZE);
    close(fd);
    return got == TOKEN_SIZE;
}

//  A file without a name, so that kill -9 leaves nothing; where the file system has none, under another name.
static int open_draft(const char *path, char *name, size_t size)
{
    int fd = open(alua_directory(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) {
        snprintf(name, size, "/proc/self/fd/%d", fd);
        return fd;
    }
    snprintf(name, size, "%s.%d", path, (int) getpid());
    return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

//  Written as a draft and linked into place, so that nobody reads half of it and the first wins.
static bool make_token(const char *path)
{
    char draft[PATH_MAX + 64], hex[TOKEN_SIZE + 1];
    uint8_t bytes[TOKEN_SIZE / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    int fd = open_draft(path, draft, sizeof draft);
    if (fd < 0)
        return false;
    bool placed = write(fd, hex, TOKEN_SIZE) == TOKEN_SIZE
               && (linkat(AT_FDCWD, draft, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST);
    close(fd);
    if (strncmp(draft, path, strlen(path)) == 0)
        unlink(draft);
    return placed;
}

const char *alua_token(void)
{
    static char token[TOKEN_SIZE + 1];
    char path[PATH_MAX];
    const char *directory = alua_directory();
    if (*token || !directory)
        return *token ? token : NULL;
    snprintf(path, sizeof path, "%s/token", directory);
    if (read_token(path, token) || (make_token(path) && read_token(path, token)))
        return token;
    *token = 0;
    return NULL;
}

//  Our own program when we are `alua`; else $ALUA, or the one that PATH finds.
const char *alua_executable(void)
{
    static char path[PATH_MAX];
    if (*path)
        return path;
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    const char *name = strrchr(path, '/');
    if (name && strcmp(name, "/alua") == 0)
        return path;
    const char *given = getenv("ALUA");
    snprintf(path, sizeof path, "%s", given && *given ? given : "alua");
    return path;
}

void node_place_cannot_start(char *text, size_t size, const char *executable, int rc)
{
    const char *advice = rc == UV_ENOENT ? "; put it where PATH finds it, or its path into the environment variable ALUA" : "";
    snprintf(text, size, "cannot start %.300s: %s%s", executable, uv_strerror(rc), advice);
}

char *node_place_endpoint(const char *directory, uint64_t incarnation)
{
    char text[PATH_MAX + 64];
    snprintf(text, sizeof text, "ipc://%s/n-%d-%04x", directory, (int) getpid(), (unsigned) (incarnation & 0xffff));
    return node_text_copy(text);
}

bool node_place_part(const char *list, size_t i, char *part)
{
    for (; list && i; i--)
        list = (list = strchr(list, ',')) ? list + 1 : NULL;
    size_t size = list ? strcspn(list, ",") : 0;
    snprintf(part, NODE_PART, "%.*s", (int) (size < NODE_PART ? size : 0), list ? list : "");
    return list != NULL;
}

char *node_place_advertised(const char *advertise, const char *bound)
{
    char text[PATH_MAX];
    const char *host = strncmp(advertise, "tcp://", 6) == 0 ? advertise + 6 : advertise;
    const char *behind = host[0] == '[' ? strchr(host, ']') : host, *colon = behind ? strchr(behind, ':') : NULL;
    const char *port = strrchr(bound, ':');
    bool bare = colon && behind == host && strchr(colon + 1, ':');      //  IPv6 without brackets
    if (strncmp(advertise, "ipc://", 6) == 0 || strncmp(bound, "tcp://", 6) != 0 || !port)
        return node_text_copy(advertise);
    snprintf(text, sizeof text, bare ? "tcp://[%.255s]%s" : "tcp://%.255s%s", host, colon && !bare ? "" : port);
    return node_text_copy(text);
}

//  Two nodes can use each other's ipc paths when they see the same runtime directory, whatever hosts are called.
const char *alua_host(void)
{
    static char text[512];
    char name[256] = "";
    struct stat st = { 0 };
    const char *directory = alua_directory();
    if (*text)
        return text;
    gethostname(name, sizeof name - 1);
    if (directory)
        stat(directory, &st);
    snprintf(text, sizeof text, "%.255s/%llx.%llx", name, (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
    return text;
}

//  Sockets of nodes that were killed: their process number tells.
void node_place_sweep(const char *directory)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    int pid;
    while (dir && (entry = readdir(dir)))
        if (sscanf(entry->d_name, "n-%d-", &pid) == 1 && kill(pid, 0) && errno == ESRCH)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

//  ---- Boot record ----------------------------------------------------------

static char *record, *record_end;   //  Our copy of ALUA_BOOT: KEY=VALUE, zero-terminated each
static bool record_read;

static void read_record(void)
{
    if (record_read)
        return;
    record_read = true;
    const char *value = getenv("ALUA_BOOT");
    if (value)
        record = node_text_copy(value);
    unsetenv("ALUA_BOOT");
    record_end = record ? record + strlen(record) : NULL;
    for (char *c = record; c < record_end; c++)
        if (*c == '\n')
            *c = 0;
}

const char *alua_boot_value(const char *key)
{
    read_record();
    size_t size = strlen(key);
    for (const char *line = record; line < record_end; line += strlen(line) + 1)
        if (strncmp(line, key, size) == 0 && line[size] == '=')
            return line + size + 1;
    return NULL;
}

static bool flag(const char *key)
{
    const char *value = alua_boot_value(key);
    return value && strcmp(value, "1") == 0;
}

static int number(const char *key)
{
    const char *value = alua_boot_value(key);
    return value ? atoi(value) : 0;
}

int node_place_parent(void)
{
    return alua_boot_value("PARENT_FD") ? number("PARENT_FD") : -1;
}

const alua_boot_t *alua_boot(void)
{
    static alua_boot_t boot;
    read_record();
    if (!record)
        return NULL;
    boot = (alua_boot_t) {
        .control = alua_boot_value("CONTROL"), .broker = alua_boot_value("BROKER"),
        .name = alua_boot_value("NAME"), .app = alua_boot_value("APP"),
        .rank = number("RANK"), .size = number("SIZE"),
        .spawned = flag("SPAWNED"), .label = flag("LABEL"), .keep = flag("KEEP"), .end = flag("END"),
    };
    return &boot;
}
