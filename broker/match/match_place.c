//  match_place - "position 3, field frame: ..."

#include "match_place.h"

#include <stdarg.h>
#include <stdio.h>

#define PATH_MAX_TEXT 120       //  Bytes that the path may take: the sentence matters more
#define NAME_SHOWN 40

//  As much of a name as is shown, not cut inside a character.
static int shown(wire_str_t name)
{
    size_t size = name.size < NAME_SHOWN ? name.size : NAME_SHOWN;
    while (size && size < name.size && ((uint8_t) name.data[size] & 0xc0) == 0x80)
        size--;
    return (int) size;
}

static int segment(char *text, size_t size, const match_place_t *place)
{
    const wire_item_t *key = &place->key;
    switch (key->kind) {
    case WIRE_IS_NIL:    return snprintf(text, size, "choice %u", place->choice);
    case WIRE_IS_INT:    return snprintf(text, size, "position %lld", (long long) key->as.integer);
    case WIRE_IS_BOOL:   return snprintf(text, size, "field %s", key->as.boolean ? "true" : "false");
    case WIRE_IS_DOUBLE: return snprintf(text, size, "field %.14g", key->as.number);
    default:             return snprintf(text, size, "field %.*s", shown(key->as.bytes), key->as.bytes.data);
    }
}

//  The outermost first; what does not fit is "...".
static size_t write_path(char *text, const match_place_t *place)
{
    char part[NAME_SHOWN + 32];
    if (!place)
        return 0;
    size_t at = write_path(text, place->outer);
    int size = segment(part, sizeof part, place);
    if (at + (size_t) size + 8 > PATH_MAX_TEXT) {
        if (at < 3 || memcmp(text + at - 3, "...", 4) != 0)
            at += (size_t) snprintf(text + at, 8, ", ...");
        return at;
    }
    return at + (size_t) snprintf(text + at, sizeof part + 3, "%s%s", at ? ", " : "", part);
}

void match_say(char *text, const match_place_t *place, const char *format, ...)
{
    va_list args;
    size_t at = write_path(text, place);
    if (at)
        at += (size_t) snprintf(text + at, 3, ": ");
    va_start(args, format);
    vsnprintf(text + at, MATCH_TEXT - at, format, args);
    va_end(args);
}
