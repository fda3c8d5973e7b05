//  cert - key pairs, and their files in czmq's format
//
//  The reader is our own: czmq's follows whatever rights a file has, reads it whole however large it is, and says
//  what is wrong with it on standard error. What it writes we read, and the other way round.

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "cert_file.h"

//  A certificate has some 400 bytes; metadata of others' tools may be more.
#define MAX_FILE    16384
#define KEY_BYTES   32

static const char head_public[] =
    "#   CURVE public certificate (czmq's format), made by alua. It is no secret, but whoever gives it to others\n"
    "#   should see to it that they get this one and no other.\n\n";
static const char head_secret[] =
    "#   CURVE **secret** certificate (czmq's format), made by alua.\n"
    "#   Show it to nobody, and leave its rights as they are.\n\n";

bool cert_fail(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, CERT_ERROR, format, args);
    va_end(args);
    return false;
}

bool cert_name_ok(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= CERT_NAME || name[0] == '.')
        return false;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char) *at) && !strchr("._-", *at))
            return false;
    return true;
}

bool cert_key_ok(const char *key)
{
    uint8_t bytes[KEY_BYTES];
    return strlen(key) == CERT_KEY && zmq_z85_decode(bytes, key) != NULL;
}

bool cert_new(cert_t *self, const char *name)
{
    memset(self, 0, sizeof *self);
    snprintf(self->name, sizeof self->name, "%s", name);
    return zmq_curve_keypair(self->public_key, self->secret_key) == 0;
}

//  Reading

//  For root all files are, since it reads and changes them anyway.
bool cert_is_ours(const struct stat *file)
{
    return geteuid() == 0 || file->st_uid == geteuid();
}

//  A credential that systemd hands to its service is root's, and readable by the service alone through an access list,
//  which shows as a right of the group.
static bool is_credential(const struct stat *file, const char *path)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    size_t size = directory ? strlen(directory) : 0;
    return size && strncmp(path, directory, size) == 0 && path[size] == '/' && !strchr(path + size + 1, '/')
        && file->st_uid == 0 && (file->st_mode & 037) == 0;
}

//  Others may do nothing with a secret, and may not change what says who is trusted.
static bool is_tight(const struct stat *file, const char *path, bool secret, char *error)
{
    mode_t loose = secret ? 077 : 022;
    if (is_credential(file, path))
        return true;
    if (!cert_is_ours(file) && (secret || file->st_uid != 0))
        return cert_fail(error, "%s belongs to another user: make it yours (chown)", path);
    if (file->st_mode & loose)
        return cert_fail(error, secret ? "%s can be read by others: chmod 600 %s"
                                       : "%s can be changed by others: chmod go-w %s", path, path);
    return true;
}

//  The file's text, zero at its end, in text[MAX_FILE + 1].
static bool read_file(int fd, char *text)
{
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, text + size, MAX_FILE + 1 - size)) > 0)
        if ((size += (size_t) got) > MAX_FILE)
            return false;
    text[size] = 0;
    return got == 0 && strlen(text) == size;
}

//  Opening does not wait for a writer, should it be a pipe.
static bool slurp(const char *path, struct stat *file, char *text, char *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cert_fail(error, "%s: %s", path, strerror(errno));
    bool ok = fstat(fd, file) == 0 && S_ISREG(file->st_mode);
    if (!ok)
        cert_fail(error, "%s is no file", path);
    else if (!(ok = read_file(fd, text)))
        cert_fail(error, "%s is no certificate: make one with `alua keys new NAME`", path);
    close(fd);
    return ok;
}

//  The value behind `=`, without its quotes. Z85 has no quotes, but `#`. What is too long is neither a name nor a key,
//  as "/" is none.
static void take_value(const char *at, char *to, size_t size)
{
    at += strspn(at, " \t");
    const char *end;
    if (*at == '"' || *at == '\'') {
        end = strchr(at + 1, *at);
        at++;
    }
    else
        end = at + strcspn(at, " \t#");
    size_t length = end ? (size_t) (end - at) : 0;
    snprintf(to, size, "%.*s", length < size ? (int) length : 1, length < size ? at : "/");
}

//  One line of a section.
static void take_line(cert_t *self, const char *section, const char *line)
{
    static const char metadata[] = "metadata", curve[] = "curve";
    line += strspn(line, " \t");
    size_t size = strcspn(line, " \t=");
    const char *value = strchr(line, '=');
    if (!value)
        return;
    struct { const char *section, *name; char *to; size_t size; } known[] = {
        { metadata, "name", self->name, sizeof self->name },
        { curve, "public-key", self->public_key, sizeof self->public_key },
        { curve, "secret-key", self->secret_key, sizeof self->secret_key }
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(section, known[i].section) == 0 && strlen(known[i].name) == size
                && memcmp(line, known[i].name, size) == 0)
            take_value(value + 1, known[i].to, known[i].size);
}

//  Sections begin at the margin, what belongs to them is indented.
static void parse(cert_t *self, char *text)
{
    char section[16] = "", *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (line[0] == '#' || line[0] == 0)
            continue;
        if (line[0] == ' ' || line[0] == '\t')
            take_line(self, section, line);
        else
            take_value(line, section, sizeof section);
    }
}

//  Whether the two halves belong together.
static bool is_pair(const cert_t *self)
{
    char public_key[CERT_KEY + 1];
    return cert_key_ok(self->secret_key) && zmq_curve_public(public_key, self->secret_key) == 0
        && strcmp(public_key, self->public_key) == 0;
}

//  czmq's own tools give no name: then it is the file's.
static void name_by_file(cert_t *self, const char *path)
{
    const char *base = strrchr(path, '/');
    snprintf(self->name, sizeof self->name, "%s", base ? base + 1 : path);
    char *dot = strrchr(self->name, '.');
    if (dot)
        *dot = 0;
}

static bool check(cert_t *self, const char *path, const struct stat *file, bool secret, char *error)
{
    if (!cert_key_ok(self->public_key))
        return cert_fail(error, "%s is no certificate: make one with `alua keys new NAME`", path);
    if (secret && !self->secret_key[0])
        return cert_fail(error, "%s has no private half: give the .key file", path);
    if (!is_tight(file, path, secret, error))
        return false;
    if (secret && !is_pair(self))
        return cert_fail(error, "%s: its private and public halves do not belong together", path);
    if (!self->name[0])
        name_by_file(self, path);
    if (!cert_name_ok(self->name))
        return cert_fail(error, "%s: a certificate cannot be named like that: letters, digits, `.`, `_`, `-`", path);
    return true;
}

bool cert_load(cert_t *self, const char *path, bool secret, char *error)
{
    char text[MAX_FILE + 2];
    struct stat file;
    memset(self, 0, sizeof *self);
    bool ok = slurp(path, &file, text, error);
    if (ok)
        parse(self, text);
    ok = ok && check(self, path, &file, secret, error);
    if (!ok || !secret)
        explicit_bzero(self->secret_key, sizeof self->secret_key);
    if (!ok)
        self->name[0] = self->public_key[0] = 0;
    explicit_bzero(text, sizeof text);
    return ok;
}

//  Writing

static bool write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t rc = write(fd, text, size);
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc <= 0)
            return false;
        text += rc;
        size -= (size_t) rc;
    }
    return fsync(fd) == 0;
}

bool cert_write(const cert_t *self, const char *path, bool secret, char *error)
{
    char text[1024];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
    if (fd < 0)
        return cert_fail(error, "%s: %s%s", path, strerror(errno), errno == EEXIST ? ": it is not overwritten" : "");
    int size = snprintf(text, sizeof text, "%smetadata\n    name = \"%s\"\ncurve\n    public-key = \"%s\"\n",
                        secret ? head_secret : head_public, self->name, self->public_key);
    if (secret)
        size += snprintf(text + size, sizeof text - (size_t) size, "    secret-key = \"%s\"\n", self->secret_key);
    bool ok = write_all(fd, text, (size_t) size);
    explicit_bzero(text, sizeof text);
    if (!ok) {
        cert_fail(error, "%s: %s", path, strerror(errno));
        unlink(path);
    }
    close(fd);
    return ok;
}

bool cert_save(const cert_t *self, const char *base, char *error)
{
    char secret[4096], open_half[4096];
    if (!cert_name_ok(self->name))
        return cert_fail(error, "a certificate's name has 1 to 63 letters, digits, `.`, `_` or `-`");
    if ((size_t) snprintf(secret, sizeof secret, "%s.key", base) >= sizeof secret)
        return cert_fail(error, "the path is too long");
    snprintf(open_half, sizeof open_half, "%s.pub", base);
    if (access(open_half, F_OK) == 0)
        return cert_fail(error, "%s exists: it is not overwritten", open_half);
    if (!cert_write(self, secret, true, error))
        return false;
    if (cert_write(self, open_half, false, error))
        return true;
    unlink(secret);
    return false;
}
