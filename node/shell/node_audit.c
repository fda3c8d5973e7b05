//  node_audit - refusals and what jailed code prints, on standard error: a line each, harmless to a terminal, and not too many

#include <stdio.h>
#include <string.h>
#include "node_shell.h"

#define BURST  20               //  Lines that may come at once
#define PAUSE  200              //  ms until there may be one more
#define LINE   600              //  Bytes of a line

//  Whatever a stranger chose stays on its line: other bytes than plain ASCII are shown as \xNN.
static void escape(char *line, size_t room, const char *text)
{
    size_t at = 0;
    for (; *text && at + 5 < room; text++) {
        unsigned char c = (unsigned char) *text;
        if (c >= ' ' && c < 127)
            line[at++] = (char) c;
        else
            at += (size_t) snprintf(line + at, room - at, "\\x%02x", c);
    }
    line[at] = 0;
}

//  A bucket of lines that fills by and by.
static bool may_say(node_audit_t *self, int64_t now)
{
    int64_t earned = (now - self->since) / PAUSE;
    if (self->since == 0 || self->said <= earned) {
        self->said = 0;
        self->since = now;
    } else {
        self->said -= earned;
        self->since += earned * PAUSE;
    }
    if (self->said >= BURST)
        return false;
    self->said++;
    return true;
}

void node_audit(void *arg, const char *text)
{
    alua_node_t *node = arg;
    node_audit_t *self = &node->audit;
    char line[LINE];
    if (!may_say(self, alua_now(node))) {
        self->unsaid++;
        return;
    }
    escape(line, sizeof line, text);
    fflush(stdout);
    if (self->unsaid)
        fprintf(stderr, "alua: (%llu lines more were not shown)\n", (unsigned long long) self->unsaid);
    fprintf(stderr, "alua: %s\n", line);
    fflush(stderr);
    self->unsaid = 0;
}

void node_audit_key(alua_node_t *self, const char *key, const char *text)
{
    char line[LINE];
    snprintf(line, sizeof line, "denied: a link by key %.8s: %s", key, text);
    node_audit(self, line);
}
