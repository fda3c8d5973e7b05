//  topic_options - the maps of options

#include "topic_options.h"

#include <stdio.h>

#define NOT_GIVEN SIZE_MAX

typedef enum { A_FLAG, A_NUMBER, A_TEXT } option_kind_t;

typedef struct {
    const char *name;
    option_kind_t kind;
    size_t at, given;           //  Offsets of the value, and of the bool that says it was given
} option_t;

#define AT(type, member) offsetof(topic_##type##_options_t, member)

static const option_t publish_options[] = {
    { "retain", A_FLAG, AT(publish, retain), NOT_GIVEN },   { "ttl", A_NUMBER, AT(publish, ttl), NOT_GIVEN },
    { "delay", A_NUMBER, AT(publish, delay), NOT_GIVEN },   { "reply", A_TEXT, AT(publish, reply), NOT_GIVEN },
    { NULL, A_FLAG, 0, 0 }
};

static const option_t subscribe_options[] = {
    { "group", A_TEXT, AT(subscribe, group), NOT_GIVEN },
    { "filter", A_TEXT, AT(subscribe, filter), NOT_GIVEN },
    { "policy", A_TEXT, AT(subscribe, policy), NOT_GIVEN },
    { "last", A_NUMBER, AT(subscribe, last), AT(subscribe, has_last) },
    { "since", A_NUMBER, AT(subscribe, since), AT(subscribe, has_since) },
    { "seq", A_NUMBER, AT(subscribe, seq), AT(subscribe, has_seq) },
    { "window", A_NUMBER, AT(subscribe, window), AT(subscribe, has_window) },
    { "count", A_NUMBER, AT(subscribe, count), AT(subscribe, has_count) },
    { "bytes", A_NUMBER, AT(subscribe, bytes), AT(subscribe, has_bytes) },
    { NULL, A_FLAG, 0, 0 }
};

static bool as_number(const wire_item_t *item, uint64_t *out)
{
    if (item->kind == WIRE_IS_INT && item->as.integer >= 0)
        *out = (uint64_t) item->as.integer;
    else if (item->kind == WIRE_IS_DOUBLE && item->as.number >= 0 && item->as.number < 9e15)
        *out = (uint64_t) item->as.number;
    else
        return false;
    return true;
}

static bool as_text(const wire_item_t *item, wire_str_t *out)
{
    if (item->kind != WIRE_IS_STR && item->kind != WIRE_IS_BIN)
        return false;
    *out = item->as.bytes;
    return true;
}

static bool as_flag(const wire_item_t *item, bool *out)
{
    if (item->kind == WIRE_IS_BOOL)
        *out = item->as.boolean;
    return item->kind == WIRE_IS_BOOL;
}

static bool set(const option_t *option, const wire_item_t *item, char *out)
{
    void *to = out + option->at;
    if (item->kind == WIRE_IS_NIL)
        return true;
    if (option->given != NOT_GIVEN)
        *(bool *) (void *) (out + option->given) = true;
    return option->kind == A_FLAG ? as_flag(item, to) : option->kind == A_TEXT ? as_text(item, to) : as_number(item, to);
}

static int refuse(const option_t *option, char *text)
{
    static const char *const wanted[] = { "true or false", "a number from 0", "a string" };
    snprintf(text, TOPIC_TEXT, "option '%s' must be %s", option->name, wanted[option->kind]);
    return WIRE_E_USAGE;
}

//  One key and its value. The item's contents, if it has any, are stepped over.
static int read_option(const option_t *options, wire_reader_t *in, char *out, char *text)
{
    wire_reader_t key = *in, value;
    wire_item_t word, item;
    if (wire_skip(in))
        return WIRE_E_MALFORMED;
    value = *in;
    if (wire_skip(in) || wire_read(&key, &word) || wire_read(&value, &item))
        return WIRE_E_MALFORMED;
    for (; options->name; options++)
        if ((word.kind == WIRE_IS_STR || word.kind == WIRE_IS_BIN) && wire_str_is(word.as.bytes, options->name))
            return set(options, &item, out) ? 0 : refuse(options, text);
    return 0;
}

static int read_options(const option_t *options, wire_reader_t in, void *out, char *text)
{
    wire_item_t item;
    if (in.at == in.end)
        return 0;
    if (wire_read(&in, &item))
        return WIRE_E_MALFORMED;
    if (item.kind == WIRE_IS_NIL || (item.kind == WIRE_IS_ARRAY && item.as.count == 0))
        return 0;
    if (item.kind != WIRE_IS_MAP)
        return WIRE_E_MALFORMED;
    for (uint32_t pairs = item.as.count; pairs; pairs--) {
        int rc = read_option(options, &in, out, text);
        if (rc)
            return rc;
    }
    return 0;
}

int topic_options_publish(wire_reader_t in, topic_publish_options_t *out, char *text)
{
    *out = (topic_publish_options_t) { .retain = false };
    return read_options(publish_options, in, out, text);
}

int topic_options_subscribe(wire_reader_t in, topic_subscribe_options_t *out, char *text)
{
    *out = (topic_subscribe_options_t) { .has_last = false };
    return read_options(subscribe_options, in, out, text);
}
