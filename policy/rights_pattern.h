//  rights_pattern - dotted words, `*` and `>`; for the sources of policy/ only

#ifndef RIGHTS_PATTERN_H
#define RIGHTS_PATTERN_H

#include "wire_read.h"

typedef struct {
    wire_str_t text;            //  The caller's
    size_t plain;               //  Bytes before the first word that is * or >; all of them without one
    bool wild;
} rights_pattern_t;

//  NULL: it is a pattern, and *out is it; else what is wrong with it.
const char *rights_pattern_set(rights_pattern_t *out, wire_str_t text);

//  Whether the pattern has that name; `within`: whether all that `name`, itself a pattern, may mean is the pattern's.
bool rights_pattern_has(const rights_pattern_t *self, wire_str_t name, bool within);

#endif
