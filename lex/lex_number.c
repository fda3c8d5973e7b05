//  lex_number - integers, which wrap when they are hexadecimal, and floats

#include "lex_number.h"

#include <stdlib.h>

#define NUMBER_TEXT 200         //  Bytes, as many as a numeral of Lua has in its own conversions

static const char *skip_spaces(const char *at)
{
    while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
        at++;
    return at;
}

static int digit_of(char c, int base)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return digit < base ? digit : -1;
}

//  Hexadecimal digits wrap; decimal ones that do not fit make it a float. Sets *end behind the digits, NULL: no integer.
static uint64_t read_digits(const char *at, int base, bool minus, const char **end)
{
    const uint64_t most = (uint64_t) INT64_MAX + minus;
    const char *first = at;
    uint64_t value = 0;
    for (int digit; (digit = digit_of(*at, base)) >= 0; at++) {
        if (base == 10 && (value > most / 10 || (value == most / 10 && (uint64_t) digit > most % 10))) {
            *end = NULL;
            return 0;
        }
        value = value * (uint64_t) base + (uint64_t) digit;
    }
    *end = at == first ? NULL : at;
    return value;
}

static const char *read_integer(const char *at, wire_item_t *number)
{
    const char *end;
    at = skip_spaces(at);
    bool minus = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    uint64_t value = read_digits(hex ? at + 2 : at, hex ? 16 : 10, minus, &end);
    if (!end)
        return NULL;
    number->kind = WIRE_IS_INT;
    number->as.natural = minus ? 0 - value : value;
    return skip_spaces(end);
}

//  strtod takes hexadecimal floats, too. Nobody in our programs sets a locale, so its point is a point.
static const char *read_float(const char *at, wire_item_t *number)
{
    char *end;
    if (strpbrk(at, "nN"))                  //  "inf" and "nan" are no numbers
        return NULL;
    number->kind = WIRE_IS_DOUBLE;
    number->as.number = strtod(at, &end);
    return end == at ? NULL : skip_spaces(end);
}

bool lex_number(wire_str_t text, wire_item_t *number)
{
    char copy[NUMBER_TEXT + 1];
    if (text.size == 0 || text.size > NUMBER_TEXT)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    if (read_integer(copy, number) == copy + text.size)
        return true;
    return read_float(copy, number) == copy + text.size;
}
