//  rundir - the private directory of one run. See rundir.h

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "alua.h"
#include "rundir.h"

//  The lock of a directory's owner, or -1 with EWOULDBLOCK when the owner lives.
static int lock_file(const char *path, int flags, int how)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd >= 0 && flock(fd, how)) {
        int why = errno;
        close(fd);
        errno = why;
        fd = -1;
    }
    return fd;
}

static int lock_in(const char *directory, int flags, int how)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/lock", directory);
    return lock_file(path, flags, how);
}

//  The files in it, then itself. There are no directories in ours.
static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (*entry->d_name != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

//  False: its owner lives.
static bool remove_unless_locked(const char *path)
{
    int lock = lock_in(path, 0, LOCK_EX | LOCK_NB);
    if (lock < 0 && errno != ENOENT)
        return false;
    remove_all(path);
    if (lock >= 0)
        close(lock);
    return true;
}

//  Ended; perhaps nobody has reaped it yet.
static bool is_dead(int pid)
{
    char path[64], state = 0;
    if (kill(pid, 0) && errno == ESRCH)
        return true;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    bool known = file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose(file);
    return known && (state == 'Z' || state == 'X');
}

void rundir_leave(const char *path)
{
    for (int i = 0; i < 100 && !remove_unless_locked(path); i++)
        usleep(10 * 1000);
    rundir_remove_sockets((int) getpid());
}

//  Calls fn for each entry of the user's directory whose name begins like that.
static void each_entry(const char *prefix, void (*fn)(const char *path))
{
    const char *parent = alua_directory();
    DIR *dir = parent ? opendir(parent) : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 300, parent, entry->d_name);
            fn(path);
        }
    if (dir)
        closedir(dir);
}

static void sweep_directory(const char *path)
{
    remove_unless_locked(path);
}

static void sweep_socket(const char *path)
{
    int pid;
    if (sscanf(strrchr(path, '/'), "/n-%d-", &pid) == 1 && is_dead(pid))
        unlink(path);
}

//  Of a token, by one that was killed before it had linked it (node_place: only where files must have names).
static void sweep_draft(const char *path)
{
    int pid;
    if (sscanf(strrchr(path, '/'), "/token.%d", &pid) == 1 && is_dead(pid))
        unlink(path);
}

static void remove_file(const char *path)
{
    unlink(path);
}

void rundir_remove_sockets(int pid)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "n-%d-", pid);
    each_entry(prefix, remove_file);
}

//  Under p-PID, or p-PID-1 ... where another pid namespace has the same number in the same directory.
static bool make_directory(rundir_t *self)
{
    for (int i = 0; i < 100; i++) {
        char suffix[16] = "";
        if (i > 0)
            snprintf(suffix, sizeof suffix, "-%d", i);
        snprintf(self->path, sizeof self->path, "%.*s/p-%d%s", PATH_MAX - 64, alua_directory(), (int) getpid(), suffix);
        if (mkdir(self->path, 0700) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

//  Between mkdir and its lock a directory looks left over: nobody may sweep meanwhile.
bool rundir_make(rundir_t *self)
{
    *self = (rundir_t) { .lock = -1 };
    const char *parent = alua_directory();
    int turn = parent ? lock_in(parent, O_CREAT, LOCK_EX) : -1;
    if (turn < 0)
        return false;
    each_entry("p-", sweep_directory);
    each_entry("n-", sweep_socket);
    each_entry("token.", sweep_draft);
    if (make_directory(self))
        self->lock = lock_in(self->path, O_CREAT, LOCK_EX | LOCK_NB);
    int why = errno;
    close(turn);
    errno = why;
    if (self->lock < 0)
        rundir_remove(self);
    return self->lock >= 0;
}

void rundir_remove(rundir_t *self)
{
    if (*self->path)
        remove_all(self->path);
    if (self->lock >= 0)
        close(self->lock);
    *self = (rundir_t) { .lock = -1 };
}
