//  match_term - the words of a template

#include "match_compile.h"
#include "match_normal.h"
#include "match_value.h"

#include <stdlib.h>

typedef struct {
    match_compile_t *self;
    const match_term_t *term;
    const match_place_t *place;
    unsigned depth;             //  Of the term
} job_t;

static int wrong(const job_t *job, const char *sentence)
{
    return match_refuse(job->self, job->place, "%s", sentence);
}

static int put(const job_t *job, match_node_t node)
{
    return match_compile_node(job->self, node, NULL);
}

int match_term_read(match_compile_t *self, const wire_item_t *item, match_term_t *term, const match_place_t *place)
{
    wire_reader_t at = wire_reader(item->as.bytes.data, item->as.bytes.size), scanned = at;
    uint32_t count;
    if (wire_scan(&scanned) || scanned.at != scanned.end || wire_read_array(&at, &count) || count == 0
            || wire_read_bytes(&at, &term->word))
        return match_refuse(self, place, "a term is a list that begins with a word");
    term->at = at;
    term->count = count - 1;
    return 0;
}

//  ---- any, type, prefix, var ---------------------------------------------------------

static int compile_any(const job_t *job)
{
    return job->term->count ? wrong(job, "`any` takes no argument") : put(job, (match_node_t) { .op = MATCH_OP_ANY });
}

static const char *const types[] = { "nil", "boolean", "number", "int", "float", "string", "table", "code" };

static int compile_type(const job_t *job)
{
    wire_reader_t at = job->term->at;
    wire_str_t name;
    if (job->term->count != 1 || wire_read_bytes(&at, &name))
        return wrong(job, "`type` takes the name of a type");
    for (uint8_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (wire_str_is(name, types[i]))
            return put(job, (match_node_t) { .op = MATCH_OP_TYPE, .flag = i });
    return match_refuse(job->self, job->place, "no type is called %.*s (boolean number int float string table code nil)",
                        (int) (name.size < 32 ? name.size : 32), name.data);
}

static int compile_prefix(const job_t *job)
{
    wire_reader_t at = job->term->at;
    wire_str_t text;
    if (job->term->count != 1 || wire_read_bytes(&at, &text))
        return wrong(job, "`prefix` takes a string");
    match_node_t node = { .op = MATCH_OP_PREFIX };
    node.as.text.at = (uint32_t) job->self->pool.size;
    node.as.text.size = (uint32_t) text.size;
    wire_buf_append(&job->self->pool, text.data, text.size);
    return job->self->pool.failed ? WIRE_E_NO_MEMORY : put(job, node);
}

static int compile_var(const job_t *job)
{
    match_compile_t *self = job->self;
    wire_reader_t at = job->term->at;
    wire_str_t name;
    if (job->term->count != 1 || wire_read_name(&at, &name))
        return wrong(job, "`var` takes a name");
    if (self->inside)
        return wrong(job, "`var` cannot stand inside `oneof`");
    for (uint8_t i = 0; i < self->var_count; i++)
        if (wire_str_same(name, self->vars[i]))
            return put(job, (match_node_t) { .op = MATCH_OP_SAME, .flag = i });
    if (self->var_count == MATCH_VARS)
        return match_refuse(self, job->place, "more than %d variables", MATCH_VARS);
    self->vars[self->var_count] = name;
    return put(job, (match_node_t) { .op = MATCH_OP_BIND, .flag = (uint8_t) self->var_count++ });
}

//  ---- range --------------------------------------------------------------------------

static int compile_bound(const job_t *job, wire_reader_t *at, bool given)
{
    wire_item_t item = { .kind = WIRE_IS_NIL };
    if (given && !match_read(at, &item))
        item.kind = WIRE_IS_EXT;
    if (item.kind == WIRE_IS_NIL)
        return put(job, (match_node_t) { .op = MATCH_OP_ANY });
    bool number = item.kind == WIRE_IS_INT || (item.kind == WIRE_IS_DOUBLE && item.as.number == item.as.number);
    return number ? match_compile_literal(job->self, &item) : wrong(job, "`range` takes two numbers, or nil for an open end");
}

static int compile_range(const job_t *job)
{
    wire_reader_t at = job->term->at;
    size_t index;
    if (job->term->count < 1 || job->term->count > 2)
        return wrong(job, "`range` takes two numbers, or nil for an open end");
    int rc = match_compile_node(job->self, (match_node_t) { .op = MATCH_OP_RANGE }, &index);
    for (uint32_t i = 0; rc == 0 && i < 2; i++)
        rc = compile_bound(job, &at, i < job->term->count);
    if (rc == 0)
        match_compile_end(job->self, index);
    return rc;
}

//  ---- oneof --------------------------------------------------------------------------

static bool is_choice(const wire_item_t *item)
{
    return item->kind == WIRE_IS_ARRAY || item->kind == WIRE_IS_MAP
        || (item->kind == WIRE_IS_EXT && item->ext == MATCH_EXT_TERM);
}

static bool is_nan(const wire_item_t *item)
{
    return item->kind == WIRE_IS_DOUBLE && item->as.number != item->as.number;
}

static int by_order(const void *a, const void *b)
{
    return match_order(a, b);
}

//  The values that are no templates, into items; how many.
static size_t collect(const job_t *job, wire_item_t *items)
{
    wire_reader_t at = job->term->at, next = at;
    size_t n = 0;
    for (uint32_t i = 0; i < job->term->count; i++) {
        at = next;
        if (match_skip(&next) && match_read(&at, &items[n]) && !is_choice(&items[n]) && !is_nan(&items[n]))
            n++;
    }
    return n;
}

//  Equal ones stand together once they are sorted: each is put once.
static int put_set(const job_t *job, wire_item_t *items, size_t n)
{
    size_t index;
    int rc = match_compile_node(job->self, (match_node_t) { .op = MATCH_OP_SET }, &index);
    qsort(items, n, sizeof *items, by_order);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (i == 0 || match_order(&items[i - 1], &items[i]) != 0)
            rc = match_compile_literal(job->self, &items[i]);
    if (rc == 0) {
        match_compile_end(job->self, index);
        job->self->nodes[index].as.count = (uint32_t) (job->self->count - index - 1);
    }
    return rc;
}

//  A set of its own, though all may be choices; *choices: how many are left.
static int compile_set(const job_t *job, uint32_t *choices)
{
    wire_item_t *items = calloc(job->term->count, sizeof *items);
    if (!items)
        return WIRE_E_NO_MEMORY;
    size_t n = collect(job, items);
    int rc = n == 1 && job->term->count == 1 ? match_compile_literal(job->self, items) : put_set(job, items, n);
    free(items);
    *choices = 0;
    wire_reader_t at = job->term->at;
    for (uint32_t i = 0; i < job->term->count; i++) {
        wire_reader_t here = at;
        wire_item_t item;
        *choices += match_read(&here, &item) && is_choice(&item);
        match_skip(&at);
    }
    return rc;
}

//  A choice's tables are not in normal form yet: the term's bytes were opaque until now.
static int compile_choice(const job_t *job, wire_reader_t *at, uint32_t number)
{
    match_compile_t *self = job->self;
    wire_buf_t normal = WIRE_BUF_EMPTY;
    match_normal_t settings = { &normal, self->text, true };
    match_place_t here = { job->place, { .kind = WIRE_IS_NIL }, number };
    int rc = match_normal_value(&settings, at, &here, job->depth + 1);
    if (rc == 0 && normal.failed)
        rc = WIRE_E_NO_MEMORY;
    wire_reader_t in = wire_reader(normal.data, normal.size);
    if (rc == 0)
        rc = match_compile_value(self, &in, &here, job->depth + 1);
    wire_buf_free(&normal);
    return rc;
}

static int compile_choices(const job_t *job)
{
    wire_reader_t at = job->term->at;
    int rc = 0;
    job->self->inside++;
    for (uint32_t i = 1; rc == 0 && i <= job->term->count; i++) {
        wire_reader_t here = at;
        wire_item_t item;
        if (match_read(&here, &item) && is_choice(&item))
            rc = compile_choice(job, &at, i);
        else
            match_skip(&at);
    }
    job->self->inside--;
    return rc;
}

static int count_choices(const job_t *job, uint32_t choices)
{
    job->self->choices += choices;
    if (job->self->choices <= MATCH_CHOICES)
        return 0;
    match_say(job->self->text, job->place, "more than %d tables and terms inside `oneof`", MATCH_CHOICES);
    return WIRE_E_TOO_BIG;
}

static int compile_oneof(const job_t *job)
{
    size_t index = job->self->count;
    uint32_t choices;
    if (job->term->count == 0)
        return wrong(job, "`oneof` takes at least one value");
    int rc = match_compile_node(job->self, (match_node_t) { .op = MATCH_OP_ONEOF }, NULL);
    if (rc == 0)
        rc = compile_set(job, &choices);
    if (rc == 0)
        rc = count_choices(job, choices);
    if (rc == 0 && choices == 0) {              //  The set alone: it moves to where oneof would be
        job->self->count--;
        memmove(job->self->nodes + index, job->self->nodes + index + 1, (job->self->count - index) * sizeof (match_node_t));
        return 0;
    }
    if (rc == 0)
        rc = compile_choices(job);
    if (rc == 0) {
        job->self->nodes[index].as.count = choices + 1;
        match_compile_end(job->self, index);
    }
    return rc;
}

//  ---- rest, where ------------------------------------------------------------------------

static int compile_rest(const job_t *job)
{
    return wrong(job, "`rest` stands among the positions of a table, last");
}

static int compile_where(const job_t *job)
{
    return wrong(job, "`where` stands among the positions of the tuple itself");
}

int match_term_where(match_compile_t *self, const match_term_t *term, const match_place_t *place)
{
    static const char *const roots[] = { "t" };
    job_t job = { self, term, place, 0 };
    wire_reader_t at = term->at;
    wire_str_t source;
    char text[MATCH_TEXT];
    if (term->count != 1 || wire_read_bytes(&at, &source))
        return wrong(&job, "`where` takes an expression as a string");
    if (self->where_count == MATCH_WHERES)
        return match_refuse(self, place, "more than %d times `where`", MATCH_WHERES);
    int rc = predicate_new(&self->wheres[self->where_count], source, roots, 1, text);
    if (rc == 0)
        self->where_count++;
    else if (rc != WIRE_E_NO_MEMORY)
        match_say(self->text, place, "%s", text);
    return rc;
}

//  ---- Words ------------------------------------------------------------------------------

static const struct {
    const char *word;
    int (*compile)(const job_t *job);
} words[] = {
    { "any",   compile_any   }, { "type", compile_type }, { "range", compile_range }, { "prefix", compile_prefix },
    { "oneof", compile_oneof }, { "rest", compile_rest }, { "var",   compile_var   }, { "where",  compile_where  },
};

int match_term_compile(match_compile_t *self, const match_term_t *term, const match_place_t *place, unsigned depth)
{
    job_t job = { self, term, place, depth };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (wire_str_is(term->word, words[i].word))
            return words[i].compile(&job);
    return match_refuse(self, place, "no term is called %.*s (any type range prefix oneof rest var where)",
                        (int) (term->word.size < 32 ? term->word.size : 32), term->word.data);
}
