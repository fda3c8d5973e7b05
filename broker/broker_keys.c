//  broker_keys - the trust store and the policy file, as long as a broker runs

#include "broker_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cert.h"
#include "policy_text.h"
#include "wire_rate.h"

//  A flood of keys that nobody knows does not make us read the directory for each: so many wait for the next look.
#define LOOK_AGAIN 50
#define MOST_WAITING 64
//  Refused connections that are said, in so many ms; the rest is counted.
#define SAY_LINES 10
#define SAY_TIME  10000

//  What a file looked like.
typedef struct {
    ino_t inode;
    off_t size;
    int64_t seconds, nanoseconds, changed;
    int error;                  //  errno, when it cannot be looked at
} look_t;

struct broker_keys {
    uv_timer_t timer;
    broker_keys_config_t config;
    trust_t *trust;
    char *directory, *policy;
    wire_buf_t trusted;         //  Map from names to keys, as the core has it
    look_t seen, loaded;        //  The policy, at the last look and when it was read
    int64_t looked;             //  When the trust store was
    bool policy_broken, trust_broken;
    char waiting[MOST_WAITING][CERT_KEY + 1];
    size_t waiting_count;
    uint64_t reloads, refused;
    wire_rate_t said;           //  Refusals
};

//  ---- Telling people ------------------------------------------------------

static void say(const broker_keys_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const broker_keys_t *self, const char *format, ...)
{
    char text[BROKER_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->config.say(self->config.arg, text);
}

static int64_t now_of(const broker_keys_t *self)
{
    return hub_now(self->config.hub);
}

//  ---- The policy file -----------------------------------------------------

static look_t look_at(const char *path)
{
    struct stat file;
    if (stat(path, &file))
        return (look_t) { .error = errno };
    return (look_t) { .inode = file.st_ino, .size = file.st_size, .seconds = file.st_mtim.tv_sec,
                      .nanoseconds = file.st_mtim.tv_nsec,
                      .changed = (int64_t) file.st_ctim.tv_sec * 1000000000 + file.st_ctim.tv_nsec };
}

static bool same_look(const look_t *a, const look_t *b)
{
    return a->inode == b->inode && a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds
        && a->changed == b->changed && a->error == b->error;
}

static bool fail(char *error, const char *path, const char *what)
{
    snprintf(error, BROKER_KEYS_ERROR, "%.100s: %.140s", path, what);
    return false;
}

static bool is_sound(int fd, struct stat *file)
{
    return fstat(fd, file) == 0 && S_ISREG(file->st_mode);
}

//  The whole file, at most one byte more than is allowed. The caller frees it. NULL: error says why.
static char *slurp(int fd, const char *path, size_t *size, char *error)
{
    struct stat file;
    if (!is_sound(fd, &file))
        fail(error, path, "is no file");
    else if (file.st_mode & 022)
        fail(error, path, "others can change it: chmod go-w");
    else if (file.st_size > POLICY_TEXT_MAX)
        fail(error, path, "is too big for a policy");
    else {
        char *text = malloc((size_t) file.st_size + 1);
        ssize_t got = text ? read(fd, text, (size_t) file.st_size) : -1;
        if (got > 0) {
            *size = (size_t) got;
            return text;
        }
        free(text);
        fail(error, path, got ? "cannot be read" : "is empty: a policy has roles, keys or default");
    }
    return NULL;
}

static char *read_file(const char *path, size_t *size, char *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        fail(error, path, strerror(errno));
        return NULL;
    }
    char *text = slurp(fd, path, size, error);
    close(fd);
    return text;
}

static bool load_text(broker_keys_t *self, const char *text, size_t size, char *error)
{
    char why[BROKER_TEXT] = "";
    wire_buf_t packed = WIRE_BUF_EMPTY;
    int rc = policy_text_read(text, size, &packed, why);
    if (rc)                             //  FILE:LINE:COLUMN: ...
        snprintf(error, BROKER_KEYS_ERROR, "%.80s:%.160s", self->policy, why);
    else if ((rc = broker_core_policy(self->config.core, wire_reader(packed.data, packed.size), now_of(self), why)))
        fail(error, self->policy, why);
    wire_buf_free(&packed);
    return rc == 0;
}

static bool load_policy(broker_keys_t *self, char *error)
{
    size_t size = 0;
    self->loaded = look_at(self->policy);
    char *text = read_file(self->policy, &size, error);
    bool ok = text && load_text(self, text, size, error);
    free(text);
    self->policy_broken = !ok;
    return ok;
}

static void look_at_policy(broker_keys_t *self)
{
    char error[BROKER_KEYS_ERROR];
    look_t look = look_at(self->policy);
    bool settled = same_look(&look, &self->seen);
    self->seen = look;
    if (!settled || same_look(&look, &self->loaded))
        return;
    if (load_policy(self, error)) {
        self->reloads++;
        say(self, "POLICY %s is in force", self->policy);
        self->config.changed(self->config.arg);
    }
    else
        say(self, "POLICY BROKEN, THE OLD RIGHTS STAY: %s", error);
}

//  ---- The trust store -----------------------------------------------------

static void put_trusted(const broker_keys_t *self, wire_buf_t *out)
{
    cert_t cert;
    bool revoked;
    uint32_t count = 0;
    while (trust_at(self->trust, count, &cert, &revoked) && !revoked)
        count++;
    wire_put_map(out, count);
    for (uint32_t i = 0; i < count && trust_at(self->trust, i, &cert, &revoked); i++) {
        wire_put_text(out, cert.name, strlen(cert.name));
        wire_put_text(out, cert.public_key, CERT_KEY);
    }
}

static void cut_off(broker_keys_t *self, wire_str_t name, wire_str_t key)
{
    char text[CERT_KEY + 1];
    snprintf(text, sizeof text, "%.*s", (int) key.size, key.data);
    if (trust_find(self->trust, text, NULL) == TRUST_YES)
        return;
    say(self, "%.*s is not trusted any more (%s): its links end", (int) name.size, name.data, text);
    broker_core_revoke(self->config.core, key, now_of(self));   //  First: its sessions hear why
    hub_admit(self->config.hub, text, false);
}

//  Whoever was trusted and is not now.
static void revoke_others(broker_keys_t *self, const wire_buf_t *before)
{
    wire_reader_t in = wire_reader(before->data, before->size);
    wire_str_t name, key;
    uint32_t pairs = 0;
    if (in.at == in.end || wire_read_map(&in, &pairs))
        return;
    for (; pairs && !wire_read_bytes(&in, &name) && !wire_read_bytes(&in, &key); pairs--)
        cut_off(self, name, key);
}

//  The core hears who is trusted when that is something else than it knows.
static bool tell_core(broker_keys_t *self)
{
    wire_buf_t now = WIRE_BUF_EMPTY, before = self->trusted;
    put_trusted(self, &now);
    bool same = now.size == before.size && now.size && memcmp(now.data, before.data, now.size) == 0;
    if (now.failed || same || broker_core_trust(self->config.core, wire_reader(now.data, now.size), now_of(self))) {
        wire_buf_free(&now);
        return same;
    }
    self->trusted = now;
    revoke_others(self, &before);
    wire_buf_free(&before);
    self->config.changed(self->config.arg);
    return true;
}

static void refresh_trust(broker_keys_t *self)
{
    char error[CERT_ERROR];
    trust_refresh(self->trust, error);
    self->looked = now_of(self);
    if (*error && !self->trust_broken)
        say(self, "TRUST STORE BROKEN, WHO IS TRUSTED STAYS AS IT WAS: %s", error);
    else if (!*error && self->trust_broken)
        say(self, "trust store %s is in order again", self->directory);
    self->trust_broken = *error != 0;
}

//  Strangers who knock without end do not fill the log.
static void say_refused(broker_keys_t *self, const char *key)
{
    self->refused++;
    if (wire_rate_take(&self->said, now_of(self), SAY_LINES, SAY_TIME))
        say(self, "refused a connection: the key %s is %s", key,
            trust_find(self->trust, key, NULL) == TRUST_REVOKED ? "revoked" : "not trusted (alua keys trust NAME.pub)");
}

static bool judge(broker_keys_t *self, const char *key)
{
    bool trusted = trust_find(self->trust, key, NULL) == TRUST_YES;
    if (!trusted)
        say_refused(self, key);
    return trusted;
}

static void decide(broker_keys_t *self)
{
    for (size_t i = 0; i < self->waiting_count; i++)
        hub_admit(self->config.hub, self->waiting[i], judge(self, self->waiting[i]));
    self->waiting_count = 0;
}

static void on_look(uv_timer_t *timer)
{
    broker_keys_t *self = timer->data;
    refresh_trust(self);
    tell_core(self);
    decide(self);
    if (self->policy)
        look_at_policy(self);
}

hub_verdict_t broker_keys_admit(broker_keys_t *self, const char *key)
{
    if (trust_find(self->trust, key, NULL) == TRUST_YES)
        return HUB_ADMIT;
    if (now_of(self) - self->looked < LOOK_AGAIN && self->waiting_count < MOST_WAITING) {
        snprintf(self->waiting[self->waiting_count++], CERT_KEY + 1, "%s", key);
        return HUB_ASK;
    }
    if (now_of(self) - self->looked >= LOOK_AGAIN)
        refresh_trust(self);            //  The core hears of it at the next look
    return judge(self, key) ? HUB_ADMIT : HUB_REJECT;
}

bool broker_keys_show(broker_keys_t *self, const char *key, broker_hello_t *hello)
{
    const char *name = "";
    if (!*key)
        return true;
    if (trust_find(self->trust, key, &name) != TRUST_YES)
        return false;
    hello->key = (wire_str_t) { key, strlen(key) };
    hello->key_name = (wire_str_t) { name, strlen(name) };
    return true;
}

void broker_keys_audit(const broker_keys_t *self, const broker_refusal_t *r)
{
    char when[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &utc));
    say(self, "audit %s %s denied %s %s %s (%s %s)", when, r->who, r->type, r->right, r->about, r->id, r->key);
}

int broker_keys_rotate(broker_keys_t *self, const char *name, const char *old_key, const char *new_key, char *text)
{
    char error[CERT_ERROR];
    cert_t cert = { .secret_key = "" };
    const char *trusted = NULL;
    if (trust_find(self->trust, new_key, NULL) == TRUST_REVOKED) {
        snprintf(text, BROKER_TEXT, "that key was revoked: make a new one (alua keys new)");
        return WIRE_E_EXISTS;
    }
    if (trust_find(self->trust, old_key, &trusted) == TRUST_YES)
        name = trusted;
    snprintf(cert.name, sizeof cert.name, "%s", name);
    snprintf(cert.public_key, sizeof cert.public_key, "%s", new_key);
    if (!trust_replace(self->directory, &cert, error)) {
        snprintf(text, BROKER_TEXT, "the trust store could not be changed: %s", error);
        say(self, "ROTATE of %s: %s; its old key stays", name, text);
        return WIRE_E_SYSTEM;
    }
    if (*error)
        say(self, "ROTATE of %s: the old key is not trusted any more, but could not be put among the revoked: %s", name, error);
    say(self, "%s has a new key: %s", name, new_key);
    return 0;
}

//  ---- Life ----------------------------------------------------------------

static bool open_trust(broker_keys_t *self, char *error)
{
    char why[CERT_ERROR] = "no home directory to look for a trust store in: say which (--trust)";
    self->trust = self->directory ? trust_new(self->directory, why) : NULL;
    if (!self->trust)
        snprintf(error, BROKER_KEYS_ERROR, "%.250s", why);
    else if (!tell_core(self)) {
        snprintf(error, BROKER_KEYS_ERROR, "out of memory");
        return false;
    }
    return self->trust != NULL;
}

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool begin(broker_keys_t *self, const broker_keys_config_t *config, char *error)
{
    if (!copy(&self->directory, config->trust ? config->trust : trust_directory()) || !copy(&self->policy, config->policy)) {
        snprintf(error, BROKER_KEYS_ERROR, "out of memory");
        return false;
    }
    if (!open_trust(self, error) || (self->policy && !load_policy(self, error)))
        return false;
    self->seen = self->loaded;
    return true;
}

broker_keys_t *broker_keys_new(const broker_keys_config_t *config, char *error)
{
    broker_keys_t *self = calloc(1, sizeof *self);
    if (!self) {
        snprintf(error, BROKER_KEYS_ERROR, "out of memory");
        return NULL;
    }
    self->config = *config;
    uv_timer_init(config->loop, &self->timer);
    self->timer.data = self;
    if (!begin(self, config, error)) {
        broker_keys_destroy(&self);
        return NULL;
    }
    uv_timer_start(&self->timer, on_look, BROKER_KEYS_LOOK, BROKER_KEYS_LOOK);
    return self;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void broker_keys_destroy(broker_keys_t **self_p)
{
    broker_keys_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    trust_destroy(&self->trust);
    wire_buf_free(&self->trusted);
    free(self->directory);
    free(self->policy);
    uv_close((uv_handle_t *) &self->timer, on_closed);
}

//  ---- STAT ----------------------------------------------------------------

uint32_t broker_keys_stat(const broker_keys_t *self, wire_buf_t *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } pairs[] = {
        { "trusted", trust_count(self->trust) },    { "trust_broken", self->trust_broken },
        { "policy_broken", self->policy_broken },   { "policy_reloads", self->reloads },
        { "keys_refused", self->refused },
    };
    const uint32_t count = sizeof pairs / sizeof *pairs;
    for (uint32_t i = 0; i < count; i++) {
        wire_put_cstr(out, pairs[i].name);
        wire_put_uint(out, pairs[i].value);
    }
    return count;
}
