//  space_fields - an operation's fields become a step: tuples made, templates compiled, nothing done yet

#include <stdlib.h>

#include "space_step.h"

#define TTL_MAX (INT64_C(1000) * 3600 * 24 * 366 * 100)     //  A century, so that no deadline overflows

static int malformed(spaces_t *self, wire_type_t type, const char *what)
{
    return spaces_say(self, WIRE_E_MALFORMED, "%s: %s", wire_type_name((unsigned) type), what);
}

//  ---- Fields --------------------------------------------------------------

//  The next field, a whole value. False: there is none.
static bool next_field(space_fields_t *fields, wire_reader_t *value)
{
    if (fields->left == 0)
        return false;
    value->at = fields->in.at;
    if (wire_skip(&fields->in))
        return false;
    value->end = fields->in.at;
    fields->left--;
    return true;
}

int space_field_name(spaces_t *self, wire_type_t type, space_fields_t *fields, wire_str_t *name)
{
    wire_reader_t value;
    if (!next_field(fields, &value) || wire_read_bytes(&value, name))
        return malformed(self, type, "the space's name is not text");
    if (name->size < 1 || name->size > WIRE_MAX_NAME)
        return spaces_say(self, WIRE_E_USAGE, "a space's name has 1..%d bytes, not %zu", WIRE_MAX_NAME, name->size);
    for (size_t i = 0; i < name->size; i++)
        if ((uint8_t) name->data[i] < 32 || name->data[i] == 127)
            return spaces_say(self, WIRE_E_USAGE, "a space's name has no control characters");
    return 0;
}

int space_field_uint(spaces_t *self, wire_type_t type, const char *what, space_fields_t *fields, uint64_t *number)
{
    wire_reader_t value;
    if (!next_field(fields, &value) || wire_read_uint(&value, number))
        return malformed(self, type, what);
    return 0;
}

int space_field_match(spaces_t *self, wire_type_t type, space_fields_t *fields, match_t **match)
{
    wire_reader_t value;
    bool is_there = next_field(fields, &value);
    if ((type == WIRE_COUNT || type == WIRE_REACT) && (!is_there || wire_is_nil(value)))
        return 0;
    if (!is_there)
        return malformed(self, type, "there is no template");
    int rc = match_new(match, value, self->config.seed, self->text);
    return rc == WIRE_E_NO_MEMORY ? spaces_no_memory(self) : rc;
}

int space_fields_end(spaces_t *self, wire_type_t type, const space_fields_t *fields)
{
    return fields->left ? malformed(self, type, "too many fields") : 0;
}

//  ---- Options -------------------------------------------------------------

typedef enum {
    OPTION_TRY = 1, OPTION_LEASE = 2, OPTION_PUT = 4, OPTION_ALL = 8, OPTION_TTL = 16, OPTION_NUMBER = 32,
    OPTION_AFTER = 64, OPTION_STRICT = 128, OPTION_SINCE = 256
} option_t;

static const struct {
    const char *name;
    option_t option;
    const char *wanted;
} options_known[] = {
    { "try",    OPTION_TRY,    "true or false" },
    { "lease",  OPTION_LEASE,  "10..86400000 ms" },
    { "put",    OPTION_PUT,    "a tuple" },
    { "all",    OPTION_ALL,    "a number of tuples from 1 to 1024, or true" },
    { "ttl",    OPTION_TTL,    "a number of ms" },
    { "number", OPTION_NUMBER, "a tuple's number" },
    { "after",  OPTION_AFTER,  "a lease's number" },
    { "after",  OPTION_SINCE,  "a tuple's number, or 0" },
    { "strict", OPTION_STRICT, "true or false" },
};

static unsigned options_of(wire_type_t type)
{
    return type == WIRE_OUT    ? OPTION_TTL | OPTION_NUMBER
           : type == WIRE_TAKE ? OPTION_TRY | OPTION_LEASE | OPTION_PUT | OPTION_ALL | OPTION_AFTER
           : type == WIRE_READ ? OPTION_TRY | OPTION_ALL
           : type == WIRE_REACT       ? OPTION_STRICT
           : type == WIRE_SPACE_WATCH ? OPTION_SINCE
                                      : 0;
}

static bool in_range(const wire_item_t *item, int64_t low, int64_t high)
{
    return item->kind == WIRE_IS_INT && item->as.integer >= low && item->as.integer <= high;
}

static bool read_all(const wire_item_t *item, uint32_t *all)
{
    bool truth = item->kind == WIRE_IS_BOOL;
    if (!truth && !in_range(item, 1, SPACES_MAX_BULK))
        return false;
    *all = (uint32_t) (truth ? item->as.boolean ? SPACES_MAX_BULK : 0 : item->as.integer);
    return true;
}

//  False: it is not what the option wants.
static bool read_option(space_options_t *self, option_t option, wire_reader_t value)
{
    wire_reader_t in = value;
    wire_item_t item;
    if (wire_read(&in, &item))
        return false;
    switch (option) {
    case OPTION_TRY:
        self->attempt = item.kind == WIRE_IS_BOOL && item.as.boolean;
        return item.kind == WIRE_IS_BOOL;
    case OPTION_STRICT:
        self->strict = item.kind == WIRE_IS_BOOL && item.as.boolean;
        return item.kind == WIRE_IS_BOOL;
    case OPTION_LEASE:
        self->lease = (uint32_t) item.as.integer;
        return in_range(&item, SPACES_LEASE_MIN, SPACES_LEASE_MAX);
    case OPTION_PUT:
        self->put = value;
        return item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP;
    case OPTION_ALL: return read_all(&item, &self->all);
    case OPTION_TTL:
        self->ttl = item.as.integer;
        return in_range(&item, 1, TTL_MAX);
    case OPTION_AFTER:
        self->after = item.as.natural;
        return in_range(&item, 1, INT64_MAX);
    case OPTION_SINCE:
        self->replay = true;
        self->since = item.as.natural;
        return in_range(&item, 0, INT64_MAX);
    default:
        self->number = item.as.natural;
        return in_range(&item, 1, INT64_MAX);
    }
}

static int find_option(unsigned allowed, wire_str_t key)
{
    for (size_t i = 0; i < sizeof options_known / sizeof *options_known; i++)
        if ((allowed & options_known[i].option) && wire_str_is(key, options_known[i].name))
            return (int) i;
    return -1;
}

static int read_pair(spaces_t *self, wire_type_t type, space_fields_t *pairs, space_options_t *options)
{
    wire_reader_t key, value;
    wire_str_t name;
    const char *operation = wire_type_name((unsigned) type);
    if (!next_field(pairs, &key) || !next_field(pairs, &value))
        return malformed(self, type, "the options are cut");
    if (wire_read_bytes(&key, &name))
        return spaces_say(self, WIRE_E_USAGE, "%s: an option's name is not text", operation);
    int known = find_option(options_of(type), name);
    if (known < 0)
        return spaces_say(self, WIRE_E_USAGE, "%s has no option \"%.*s\"", operation,
                          (int) (name.size < 64 ? name.size : 64), name.data);
    if (!wire_is_nil(value) && !read_option(options, options_known[known].option, value))
        return spaces_say(self, WIRE_E_USAGE, "%s: %s is not %s", operation, options_known[known].name,
                          options_known[known].wanted);
    return 0;
}

//  Lua's empty table may come as an array.
int space_field_options(spaces_t *self, wire_type_t type, space_fields_t *fields, space_options_t *options)
{
    wire_reader_t value;
    wire_item_t item;
    if (!next_field(fields, &value) || wire_is_nil(value))
        return 0;
    if (wire_read(&value, &item) || (item.kind != WIRE_IS_MAP && (item.kind != WIRE_IS_ARRAY || item.as.count)))
        return malformed(self, type, "the options are no map");
    space_fields_t pairs = { value, item.kind == WIRE_IS_MAP ? 2 * item.as.count : 0 };
    int rc = 0;
    while (!rc && pairs.left)
        rc = read_pair(self, type, &pairs, options);
    if (!rc && options->all && (options->lease || options->put.at))
        rc = spaces_say(self, WIRE_E_USAGE, "TAKE: all does not go with %s", options->lease ? "lease" : "put");
    return rc;
}

//  ---- Tuples --------------------------------------------------------------

//  A tuple for the space of that name, at the end of self->made.
static int make(spaces_t *self, wire_str_t name, wire_reader_t packed, const space_options_t *options)
{
    space_item_t item = { .wish = options->number };
    int rc = space_open(self, name, &item.space);
    if (rc)
        return rc;
    rc = space_tuple_new(self, item.space, packed, options->ttl, &item.tuple);
    if (!rc && !space_list_add(&self->made, item)) {
        space_tuple_free(self, item.tuple);
        rc = spaces_no_memory(self);
    }
    if (rc)
        space_close(self, item.space);
    return rc;
}

//  space, tuple, options
static int parse_out(spaces_t *self, space_fields_t *fields)
{
    wire_str_t name;
    wire_reader_t tuple;
    space_options_t options = { .ttl = 0 };
    int rc = space_field_name(self, WIRE_OUT, fields, &name);
    if (!rc && !next_field(fields, &tuple))
        rc = malformed(self, WIRE_OUT, "there is no tuple");
    if (!rc)
        rc = space_field_options(self, WIRE_OUT, fields, &options);
    if (!rc)
        rc = space_fields_end(self, WIRE_OUT, fields);
    return rc ? rc : make(self, name, tuple, &options);
}

//  ---- Steps ---------------------------------------------------------------

//  space, template, options
static int parse_search(spaces_t *self, space_fields_t *fields, space_step_t *step)
{
    int rc = space_field_name(self, step->type, fields, &step->name);
    if (!rc)
        rc = space_field_match(self, step->type, fields, &step->match);
    if (!rc && step->type != WIRE_COUNT)
        rc = space_field_options(self, step->type, fields, &step->options);
    if (!rc)
        rc = space_fields_end(self, step->type, fields);
    if (!rc && step->options.put.at)
        rc = make(self, step->name, step->options.put, &step->options);
    if (!rc && (step->space = space_find(self, step->name)))
        step->space->pins++;
    return rc;
}

static int parse_outs(spaces_t *self, space_fields_t outs)
{
    wire_reader_t out;
    uint32_t count = 0;
    if (outs.left > SPACES_MAX_BATCH)
        return spaces_say(self, WIRE_E_TOO_BIG, "ACK: %u tuples, more than %d", outs.left, SPACES_MAX_BATCH);
    int rc = 0;
    while (!rc && next_field(&outs, &out)) {
        rc = wire_read_array(&out, &count) ? malformed(self, WIRE_ACK, "an out is no array") : 0;
        if (!rc)
            rc = parse_out(self, &(space_fields_t) { out, count });
    }
    return rc;
}

//  lease, outs
static int parse_ack(spaces_t *self, space_fields_t *fields, space_step_t *step)
{
    wire_reader_t outs = { NULL, NULL };
    uint32_t count = 0;
    int rc = space_field_uint(self, WIRE_ACK, "the lease is no number", fields, &step->lease_number);
    if (rc)
        return rc;
    bool none = !next_field(fields, &outs) || wire_is_nil(outs) || *outs.at == 0x80;
    if (!none && wire_read_array(&outs, &count))
        return malformed(self, WIRE_ACK, "outs is no array");
    rc = space_fields_end(self, WIRE_ACK, fields);
    return rc ? rc : parse_outs(self, (space_fields_t) { outs, count });
}

int space_step_parse(spaces_t *self, wire_type_t type, space_fields_t fields, space_step_t *step)
{
    *step = (space_step_t) { .type = type, .made = self->made.count };
    int rc = type == WIRE_OUT   ? parse_out(self, &fields)
             : type == WIRE_ACK ? parse_ack(self, &fields, step)
                                : parse_search(self, &fields, step);
    step->made_end = self->made.count;
    return rc;
}

void space_step_free(spaces_t *self, space_step_t *step)
{
    for (size_t i = step->made; i < step->made_end; i++) {
        space_item_t *item = &self->made.items[i];
        if (item->tuple)
            space_tuple_free(self, item->tuple);
        space_close(self, item->space);
    }
    space_close(self, step->space);
    match_destroy(&step->match);
}
