//  trust - the trust store: a directory of public certificates
//
//  The file's name is the name: that is what its owner saw when it was put there, not what somebody wrote into a file.
//  The whole directory is read at once, and what is wrong with one file is wrong with all: who may come must not
//  depend on which half of it could be read.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cert_file.h"

#define MAX_PATH    4096
//  More would be an attack on whoever runs this, or a mistake.
#define MAX_CERTS   10000

typedef struct {
    char name[CERT_NAME];
    char key[CERT_KEY + 1];
    bool revoked;
} entry_t;

typedef struct {
    entry_t *entries;           //  Trusted ones first, each part in the order of names
    size_t count, capacity;
} list_t;

struct trust {
    char directory[MAX_PATH];
    list_t list;
    uint64_t look;              //  A digest of the directory as it was when it was read
};

const char *trust_directory(void)
{
    static char path[MAX_PATH];
    const char *given = getenv("ALUA_TRUST"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (given && given[0])
        return given;
    if (config && config[0] == '/')
        snprintf(path, sizeof path, "%s/alua/trusted", config);
    else if (home && home[0])
        snprintf(path, sizeof path, "%s/.config/alua/trusted", home);
    else
        return NULL;
    return path;
}

static bool join(char *path, const char *directory, const char *name, char *error)
{
    if ((size_t) snprintf(path, MAX_PATH, "%s/%s", directory, name) < MAX_PATH)
        return true;
    return cert_fail(error, "%s: the path is too long", directory);
}

//  ---- Looking --------------------------------------------------------------

//  The certificate's name of a file's name; false: it is none of ours.
static bool name_of(const char *file, char *name)
{
    size_t size = strlen(file);
    if (file[0] == '.' || size <= 4 || strcmp(file + size - 4, ".pub") != 0 || size - 4 >= CERT_NAME)
        return false;
    snprintf(name, CERT_NAME, "%.*s", (int) (size - 4), file);
    return cert_name_ok(name);
}

//  FNV-1a
static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ ((const uint8_t *) bytes)[i]) * 1099511628211u;
    return digest;
}

static uint64_t mix_file(int directory, const char *name)
{
    struct stat file;
    memset(&file, 0, sizeof file);
    fstatat(directory, name, &file, 0);
    uint64_t facts[] = { file.st_ino, (uint64_t) file.st_size, file.st_mode, file.st_uid, (uint64_t) file.st_ctim.tv_sec,
                         (uint64_t) file.st_ctim.tv_nsec };
    return mix(mix(14695981039346656037u, name, strlen(name)), facts, sizeof facts);
}

//  What it looks like from outside, in any order of its files. A missing directory looks like nothing.
static uint64_t look_at(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return 0;
    uint64_t look = mix_file(dirfd(directory), ".");
    for (struct dirent *entry; (entry = readdir(directory)); )
        if (entry->d_name[0] != '.')
            look += mix_file(dirfd(directory), entry->d_name);
    closedir(directory);
    return look;
}

static uint64_t look_of(const char *directory)
{
    char revoked[MAX_PATH], error[CERT_ERROR];
    return join(revoked, directory, "revoked", error) ? look_at(directory) * 31 + look_at(revoked) : 0;
}

//  ---- Reading --------------------------------------------------------------

static bool add_entry(list_t *self, const entry_t *entry)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity * 2 + 16;
        entry_t *entries = realloc(self->entries, capacity * sizeof *entries);
        if (!entries)
            return false;
        self->entries = entries;
        self->capacity = capacity;
    }
    self->entries[self->count++] = *entry;
    return true;
}

static bool read_one(list_t *self, const char *directory, const char *file, bool revoked, char *error)
{
    char path[MAX_PATH];
    entry_t entry = { .revoked = revoked };
    cert_t cert;
    if (!name_of(file, entry.name))
        return true;
    if (!join(path, directory, file, error) || !cert_load(&cert, path, false, error))
        return false;
    memcpy(entry.key, cert.public_key, sizeof entry.key);
    if (self->count < MAX_CERTS && add_entry(self, &entry))
        return true;
    return cert_fail(error, "%s: too many certificates", directory);
}

static bool is_tight(DIR *directory, const char *path, char *error)
{
    struct stat file;
    if (fstat(dirfd(directory), &file))
        return cert_fail(error, "%s: %s", path, strerror(errno));
    if (!cert_is_ours(&file) && file.st_uid != 0)
        return cert_fail(error, "%s belongs to another user: make it yours (chown)", path);
    if (file.st_mode & 022)
        return cert_fail(error, "others can put certificates into %s: chmod 700 %s", path, path);
    return true;
}

static bool read_all(list_t *self, const char *path, bool revoked, char *error)
{
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return true;
    if (!directory)
        return cert_fail(error, "%s: %s", path, strerror(errno));
    bool ok = is_tight(directory, path, error);
    for (struct dirent *entry; ok && (entry = readdir(directory)); )
        ok = read_one(self, path, entry->d_name, revoked, error);
    closedir(directory);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    const entry_t *left = a, *right = b;
    return left->revoked != right->revoked ? left->revoked - right->revoked : strcmp(left->name, right->name);
}

//  A key that two names claim would have the rights of whichever is found first.
static bool no_twins(const list_t *self, char *error)
{
    for (size_t i = 1; i < self->count; i++)
        for (size_t j = 0; j < i && !self->entries[i].revoked; j++)
            if (strcmp(self->entries[i].key, self->entries[j].key) == 0)
                return cert_fail(error, "%s.pub and %s.pub are the same key: remove one of them",
                                 self->entries[j].name, self->entries[i].name);
    return true;
}

static bool read_both(list_t *self, const char *directory, char *error)
{
    char revoked[MAX_PATH];
    if (!join(revoked, directory, "revoked", error) || !read_all(self, directory, false, error)
            || !read_all(self, revoked, true, error))
        return false;
    if (self->count)
        qsort(self->entries, self->count, sizeof *self->entries, by_name);
    return no_twins(self, error);
}

static bool same(const list_t *a, const list_t *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (by_name(&a->entries[i], &b->entries[i]) != 0 || strcmp(a->entries[i].key, b->entries[i].key) != 0)
            return false;
    return true;
}

//  What it looks like is taken before it is read: a change in between is seen the next time.
static bool load(trust_t *self, bool *changed, char *error)
{
    list_t list = { NULL, 0, 0 };
    uint64_t look = look_of(self->directory);
    if (!read_both(&list, self->directory, error)) {
        free(list.entries);
        return false;
    }
    *changed = !same(&list, &self->list);
    free(self->list.entries);
    self->list = list;
    self->look = look;
    return true;
}

trust_t *trust_new(const char *directory, char *error)
{
    bool changed;
    error[0] = 0;
    trust_t *self = calloc(1, sizeof *self);
    if (!self || (size_t) snprintf(self->directory, MAX_PATH, "%s", directory) >= MAX_PATH) {
        cert_fail(error, "%.64s: %s", directory, self ? "the path is too long" : "out of memory");
        free(self);
        return NULL;
    }
    if (!load(self, &changed, error))
        trust_destroy(&self);
    return self;
}

void trust_destroy(trust_t **self_p)
{
    if (!*self_p)
        return;
    free((*self_p)->list.entries);
    free(*self_p);
    *self_p = NULL;
}

bool trust_refresh(trust_t *self, char *error)
{
    bool changed = false;
    error[0] = 0;
    if (look_of(self->directory) != self->look)
        load(self, &changed, error);
    return changed;
}

//  ---- Asking ---------------------------------------------------------------

trust_verdict_t trust_find(const trust_t *self, const char *public_key, const char **name)
{
    trust_verdict_t verdict = TRUST_UNKNOWN;
    for (size_t i = 0; i < self->list.count; i++)
        if (strcmp(self->list.entries[i].key, public_key) == 0) {
            verdict = self->list.entries[i].revoked ? TRUST_REVOKED : TRUST_YES;
            if (name)
                *name = self->list.entries[i].name;
        }
    return verdict;                     //  Of the last one: revoked ones stand behind the trusted
}

const char *trust_key_of(const trust_t *self, const char *name)
{
    for (size_t i = 0; i < self->list.count && !self->list.entries[i].revoked; i++)
        if (strcmp(self->list.entries[i].name, name) == 0)
            return self->list.entries[i].key;
    return NULL;
}

size_t trust_count(const trust_t *self)
{
    return self->list.count;
}

bool trust_at(const trust_t *self, size_t i, cert_t *cert, bool *revoked)
{
    if (i >= self->list.count)
        return false;
    memset(cert, 0, sizeof *cert);
    memcpy(cert->name, self->list.entries[i].name, sizeof cert->name);
    memcpy(cert->public_key, self->list.entries[i].key, sizeof cert->public_key);
    *revoked = self->list.entries[i].revoked;
    return true;
}
