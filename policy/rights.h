//  rights - what a key may do, compiled so that a message costs next to nothing to check
//
//  Packed, as RIGHTS and a policy have it: a map of the words of WIRE_RIGHTS,
//
//      { code = LEVEL | { NODE = LEVEL, ... },     LEVEL: "none", "jail", "full"
//        call = true | PATTERN | [PATTERN, ...], out =, take =, read =, pub =, sub = (likewise), admin = true }
//
//  What is not there is denied; false gives nothing. A PATTERN is dotted words: `*` is any one word, `>` at the end is one or
//  more words; a topic's grammar, used for functions, spaces and (in code's table) nodes as well, but that * and > are never
//  parts of words. A space's or node's name is one word when it has no dots. A node that matches several patterns of code's
//  table has the highest level of these. A word that is not one of ours is an error. Pure; immutable once made, so any
//  thread may ask.

#ifndef RIGHTS_H
#define RIGHTS_H

#include <stdbool.h>
#include "wire_buf.h"
#include "wire_read.h"
#include "wire_types.h"

typedef struct rights rights_t;

typedef enum { RIGHTS_NONE, RIGHTS_JAIL, RIGHTS_FULL } rights_code_t;

//  The bytes are copied. NULL: no memory, or not such a map: then error[256] says why (error may be NULL).
rights_t *rights_new(wire_reader_t packed, char *error);
void rights_destroy(rights_t **self_p);

//  Everything, and nothing. Not to be destroyed (rights_destroy of them does nothing).
const rights_t *rights_all(void);
const rights_t *rights_nothing(void);

//  May it do this to that? `about` is the function's, space's or topic's name; for SUB a pattern, which must lie wholly
//  within one that is allowed; for CODE a node's name: more than RIGHTS_NONE there. NONE is always allowed, ADMIN ignores about.
//  self NULL: rights_all.
bool rights_may(const rights_t *self, wire_right_t right, wire_str_t about);

//  How code of this author is run on that node: on all by its own level, or higher by the table. self NULL: FULL.
rights_code_t rights_code(const rights_t *self, wire_str_t node);

//  Packed again, as rights_new reads it. self NULL: rights_all.
void rights_put(const rights_t *self, wire_buf_t *out);

const char *rights_code_word(rights_code_t level);      //  "jail"
bool rights_code_of(wire_str_t word, rights_code_t *level);

#endif
