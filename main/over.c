//  over - is the program over? See over.h

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "over.h"
#include "wire_error.h"

//  A message that is on its way arrives within a millisecond or so on one machine; a full link may hold
//  it longer. Its arrival makes somebody active and idle again, so this is only the fallback.
#define OVER_RETRY 50
//  All idle, and counts that differ yet stand still: what is missing was lost with a link or a process
//  that nobody can be asked about. Longer than a link needs to come back (silent: 2.5 s, then resume).
#define OVER_PATIENCE 6000
//  Before the id of a process in rows about what a broker carried
#define RELAY "relay:"

typedef struct {
    uint64_t number;
    char *peer, *relay;         //  "NAME#INCARNATION", "relay:ID"; NULL before it opened
    bool idle;                  //  As far as we know
    bool answered;              //  Its report of this wave is in `report`
    over_report_t report;
    over_row_t *rows;           //  Owned, with their names
} member_t;

struct over {
    over_rules_t rules;
    over_broker_fn *broker;
    void *arg;
    member_t *members;
    size_t count, capacity;
    size_t ever;                //  Members that ever came: all first ones must have
    uint64_t wave;
    bool asking;                //  A wave is under way
    bool quiet;                 //  The last wave found nobody active and nothing on its way
    uint64_t sum;               //  of all counts, in that wave
    int64_t retry;              //  Not another wave before
    int64_t still;              //  Since when nobody is active and no count changes; -1: it is not so
    over_verdict_t final;
};

//  ---- Members ---------------------------------------------------------------

static member_t *find(const over_t *self, uint64_t number)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->members[i].number == number)
            return &self->members[i];
    return NULL;
}

//  *relayed: `peer` names it as somebody reached through a broker.
static member_t *find_peer(const over_t *self, const char *peer, bool *relayed)
{
    *relayed = strncmp(peer, RELAY, sizeof RELAY - 1) == 0;
    for (size_t i = 0; i < self->count; i++) {
        const char *known = *relayed ? self->members[i].relay : self->members[i].peer;
        if (known && strcmp(known, peer) == 0)
            return &self->members[i];
    }
    return NULL;
}

static void forget_report(member_t *member)
{
    for (size_t i = 0; i < member->report.count; i++)
        free((char *) member->rows[i].peer);
    free(member->rows);
    member->rows = NULL;
    member->report.count = 0;
    member->answered = false;
}

static void free_member(member_t *member)
{
    forget_report(member);
    free(member->peer);
    free(member->relay);
}

//  Something happened: the next wave is a first one again.
static void disturb(over_t *self)
{
    self->quiet = false;
    self->still = -1;
}

//  ---- Constructor, destructor -------------------------------------------------

over_t *over_new(const over_rules_t *rules, over_broker_fn *broker, void *arg)
{
    over_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rules = *rules;
    self->broker = broker;
    self->arg = arg;
    self->still = -1;
    return self;
}

void over_destroy(over_t **self_p)
{
    over_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        free_member(&self->members[i]);
    free(self->members);
    free(self);
    *self_p = NULL;
}

//  ---- What comes in -----------------------------------------------------------

static int make_room(over_t *self)
{
    if (self->count < self->capacity)
        return 0;
    size_t capacity = self->capacity ? 2 * self->capacity : 16;
    member_t *members = realloc(self->members, capacity * sizeof *members);
    if (!members)
        return WIRE_E_NO_MEMORY;
    self->members = members;
    self->capacity = capacity;
    return 0;
}

int over_join(over_t *self, uint64_t number)
{
    assert(!find(self, number));
    if (make_room(self))
        return WIRE_E_NO_MEMORY;
    self->members[self->count++] = (member_t) { .number = number };
    self->ever++;
    self->asking = false;       //  It was not asked: the wave that is under way is void
    disturb(self);
    return 0;
}

static char *relay_name(const char *id)
{
    size_t size = sizeof RELAY + strlen(id);
    char *name = malloc(size);
    if (name)
        snprintf(name, size, RELAY "%s", id);
    return name;
}

int over_opened(over_t *self, uint64_t number, const char *peer, const char *id)
{
    member_t *member = find(self, number);
    if (!member)
        return 0;
    free(member->peer);
    free(member->relay);
    member->peer = strdup(peer);
    member->relay = relay_name(id);
    disturb(self);
    return member->peer && member->relay ? 0 : WIRE_E_NO_MEMORY;
}

void over_idle(over_t *self, uint64_t number)
{
    member_t *member = find(self, number);
    if (!member)
        return;
    member->idle = true;
    self->retry = 0;
    disturb(self);              //  It was active until now
}

void over_leave(over_t *self, uint64_t number)
{
    member_t *member = find(self, number);
    if (!member)
        return;
    free_member(member);
    *member = self->members[--self->count];
    disturb(self);
}

//  Whether only takes without a timeout hold it.
static bool is_stuck(const over_report_t *report)
{
    return report->takes > 0 && report->active == report->takes;
}

static bool is_quiet(const over_t *self, const over_report_t *report)
{
    bool held = report->active > 0 && (self->rules.shared || !is_stuck(report));
    bool serves = report->serving && !self->rules.end;
    return !held && !serves && report->children == 0;
}

static int copy_rows(member_t *member, const over_report_t *report)
{
    member->rows = calloc(report->count + 1, sizeof *member->rows);
    if (!member->rows)
        return WIRE_E_NO_MEMORY;
    for (size_t i = 0; i < report->count; i++) {
        member->rows[i] = report->rows[i];
        member->rows[i].peer = strdup(report->rows[i].peer);
        if (!member->rows[i].peer)
            return WIRE_E_NO_MEMORY;
        member->report.count = i + 1;
    }
    return 0;
}

int over_report(over_t *self, uint64_t number, const over_report_t *report)
{
    member_t *member = find(self, number);
    if (!member || !self->asking || report->wave != self->wave)
        return 0;
    forget_report(member);
    member->report = *report;
    member->report.count = 0;
    if (copy_rows(member, report)) {
        forget_report(member);
        return WIRE_E_NO_MEMORY;
    }
    member->report.rows = member->rows;
    member->answered = true;
    //  Somebody works after all: it will say idle again, perhaps before this wave is complete
    if (!is_quiet(self, report))
        member->idle = report->active == 0 && !report->serving;
    return 0;
}

//  ---- The verdict -------------------------------------------------------------

//  What `member` counted with `peer`.
static over_row_t row_of(const member_t *member, const char *peer)
{
    for (size_t i = 0; i < member->report.count; i++)
        if (strcmp(member->rows[i].peer, peer) == 0)
            return member->rows[i];
    return (over_row_t) { peer, 0, 0 };
}

//  Nothing is on its way between a and b. Each pair is seen from a's rows and from b's.
static bool pair_agrees(const member_t *a, const member_t *b, bool relayed)
{
    over_row_t there = row_of(a, relayed ? b->relay : b->peer);
    over_row_t back = row_of(b, relayed ? a->relay : a->peer);
    return there.sent == back.received && there.received == back.sent;
}

static bool broker_agrees(const over_t *self, const member_t *member)
{
    over_broker_t counts;
    if (!self->broker || !member->peer || !self->broker(self->arg, member->peer, &counts))
        return true;
    over_row_t row = row_of(member, "broker");
    return row.sent == counts.received && row.received == counts.sent && counts.parked == 0;
}

//  Rows that both ends lack agree, so it is enough to look at those that somebody has.
static bool member_agrees(const over_t *self, const member_t *member)
{
    for (size_t i = 0; i < member->report.count; i++) {
        bool relayed;
        const member_t *other = find_peer(self, member->rows[i].peer, &relayed);
        if (other && member->peer && !pair_agrees(member, other, relayed))
            return false;
    }
    return broker_agrees(self, member);
}

static uint64_t sum_of(const over_t *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < self->count; i++)
        for (size_t j = 0; j < self->members[i].report.count; j++)
            sum += self->members[i].rows[j].sent + self->members[i].rows[j].received;
    return sum;
}

static bool all_answered(const over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!self->members[i].answered)
            return false;
    return true;
}

static bool all_idle(const over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!self->members[i].idle)
            return false;
    return self->count > 0 && self->ever >= self->rules.first;
}

static bool any_active(const over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!is_quiet(self, &self->members[i].report))
            return true;
    return false;
}

static bool all_agree(const over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (!member_agrees(self, &self->members[i]))
            return false;
    return true;
}

static over_verdict_t verdict_of(const over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->members[i].report.active > 0)
            return OVER_DEADLOCK;
    return OVER_DONE;
}

static bool lost_patience(over_t *self, bool same, int64_t now)
{
    if (self->still < 0 || !same)
        self->still = now;
    return now - self->still >= OVER_PATIENCE;
}

//  A wave is complete.
static void judge(over_t *self, int64_t now)
{
    uint64_t sum = sum_of(self);
    bool same = sum == self->sum, before = self->quiet;
    bool active = any_active(self);
    self->asking = false;
    self->sum = sum;
    self->quiet = !active && all_agree(self);
    if (active)
        self->still = -1;
    if (self->quiet ? before && same : !active && lost_patience(self, same, now))
        self->final = verdict_of(self);
    else if (!self->quiet)
        self->retry = now + OVER_RETRY;
}

static over_verdict_t begin_wave(over_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        forget_report(&self->members[i]);
    self->wave++;
    self->asking = true;
    return OVER_WAVE;
}

over_verdict_t over_step(over_t *self, int64_t now)
{
    if (self->final != OVER_NOT_YET || self->rules.keep)
        return self->final;
    if (self->asking && all_answered(self))
        judge(self, now);
    if (self->final != OVER_NOT_YET)
        return self->final;
    if (!self->asking && all_idle(self) && now >= self->retry)
        return begin_wave(self);
    return OVER_NOT_YET;
}

uint64_t over_wave(const over_t *self)
{
    return self->wave;
}

int64_t over_timeout(const over_t *self, int64_t now)
{
    if (self->final != OVER_NOT_YET || self->rules.keep || self->asking || !all_idle(self))
        return -1;
    return self->retry > now ? self->retry - now : 0;
}
