//  trust_change - putting certificates into a trust store, and moving them out
//
//  Each change is one rename, so whoever reads the directory meanwhile sees it before or after.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cert_file.h"

#define MAX_PATH 4096
//  Certificates of one name that were revoked one after the other
#define MAX_OLD  1000

static bool path_of(char *path, const char *directory, const char *middle, const char *name, char *error)
{
    if ((size_t) snprintf(path, MAX_PATH, "%s/%s%s.pub", directory, middle, name) < MAX_PATH)
        return true;
    return cert_fail(error, "%s: the path is too long", directory);
}

//  With all above it; the user's only, as far as they are made here.
static bool make_directory(const char *directory, char *error)
{
    char path[MAX_PATH];
    if ((size_t) snprintf(path, sizeof path, "%s/", directory) >= sizeof path)
        return cert_fail(error, "the path is too long");
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return cert_fail(error, "%s: %s", path, strerror(errno));
        *at = '/';
    }
    return true;
}

//  True: nothing stands in the way. *there: it has been put there before.
static bool is_free(const char *directory, const cert_t *cert, bool *there, char *error)
{
    const char *name = NULL;
    trust_t *trust = trust_new(directory, error);
    if (!trust)
        return false;
    const char *key = trust_key_of(trust, cert->name);
    trust_verdict_t verdict = trust_find(trust, cert->public_key, &name);
    *there = verdict == TRUST_YES && strcmp(name, cert->name) == 0;
    bool ok = true;
    if (key && strcmp(key, cert->public_key) != 0)
        ok = cert_fail(error, "another key is trusted as %s: `alua keys revoke %s` first, or rotate it",
                       cert->name, cert->name);
    else if (verdict == TRUST_YES && !*there)
        ok = cert_fail(error, "this key is trusted already, as %s", name);
    else if (verdict == TRUST_REVOKED)
        ok = cert_fail(error, "this key was revoked, as %s: remove it from %s/revoked if you trust it again",
                       name, directory);
    trust_destroy(&trust);
    return ok;
}

bool trust_add(const char *directory, const cert_t *cert, char *error)
{
    char path[MAX_PATH], fresh[MAX_PATH];
    bool there;
    error[0] = 0;
    if (!cert_name_ok(cert->name) || !cert_key_ok(cert->public_key))
        return cert_fail(error, "not a certificate");
    if (!make_directory(directory, error) || !is_free(directory, cert, &there, error)
            || !path_of(path, directory, "", cert->name, error) || !path_of(fresh, directory, ".", cert->name, error))
        return false;
    if (there)
        return true;
    unlink(fresh);                      //  Left over from one that was killed
    if (!cert_write(cert, fresh, false, error))
        return false;
    return rename(fresh, path) == 0 || cert_fail(error, "%s: %s", path, strerror(errno));
}

//  Where it is kept: the ones of that name that were revoked before stay, too.
static bool free_place(char *path, const char *directory, const char *name, char *error)
{
    char numbered[CERT_NAME + 16];
    snprintf(numbered, sizeof numbered, "%s", name);
    for (int i = 2; i < MAX_OLD; i++) {
        if (!path_of(path, directory, "revoked/", numbered, error))
            return false;
        if (access(path, F_OK) != 0)
            return true;
        snprintf(numbered, sizeof numbered, "%.56s.%d", name, i);
    }
    return cert_fail(error, "too many revoked certificates of that name");
}

//  Where the certificate of that name is, and where it is to go when it is revoked.
static bool find_places(const char *directory, const char *name, char *from, char *to, char *error)
{
    char revoked[MAX_PATH];
    if (!cert_name_ok(name))
        return cert_fail(error, "a certificate cannot be named like that");
    if (!path_of(from, directory, "", name, error))
        return false;
    if (access(from, F_OK) != 0)
        return cert_fail(error, "nobody is trusted as %s: see `alua keys list`", name);
    if ((size_t) snprintf(revoked, sizeof revoked, "%s/revoked", directory) >= sizeof revoked)
        return cert_fail(error, "%s: the path is too long", directory);
    return make_directory(revoked, error) && free_place(to, directory, name, error);
}

bool trust_revoke(const char *directory, const char *name, char *error)
{
    char from[MAX_PATH], to[MAX_PATH];
    error[0] = 0;
    if (!find_places(directory, name, from, to, error))
        return false;
    return rename(from, to) == 0 || cert_fail(error, "%s: %s", from, strerror(errno));
}

//  Both halves of the change beside their places: what the disk refuses it refuses here.
static bool write_both(const char *from, const cert_t *cert, const char *fresh, const char *gone, char *error)
{
    cert_t old;
    if (!cert_load(&old, from, false, error))
        return false;
    unlink(fresh);                      //  Left over from one that was killed
    unlink(gone);
    if (!cert_write(cert, fresh, false, error))
        return false;
    if (cert_write(&old, gone, false, error))
        return true;
    unlink(fresh);
    return false;
}

bool trust_replace(const char *directory, const cert_t *cert, char *error)
{
    char from[MAX_PATH], to[MAX_PATH], fresh[MAX_PATH], gone[MAX_PATH];
    error[0] = 0;
    if (!find_places(directory, cert->name, from, to, error) || !path_of(fresh, directory, ".", cert->name, error)
            || !path_of(gone, directory, "revoked/.", cert->name, error) || !write_both(from, cert, fresh, gone, error))
        return false;
    if (rename(fresh, from)) {
        cert_fail(error, "%s: %s", from, strerror(errno));
        unlink(fresh);
        unlink(gone);
        return false;
    }
    if (rename(gone, to))
        cert_fail(error, "%s: %s", to, strerror(errno));
    return true;
}
