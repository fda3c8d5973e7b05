//  match - templates over packed tuples
//
//  A **tuple** is one msgpack value as Lua's tables travel: an array (positions 1..n), or a map whose integer keys are
//  exactly 1..n and whose other keys are strings (named fields). Its normal form has the positions in order and then the
//  names sorted by bytes, and tables inside are brought into order likewise, so a template walks along it once and equal
//  tables have equal tokens.
//
//  A **template** is packed likewise; whatever in it is no term must be equal. A **term** is an extension of type
//  MATCH_EXT_TERM whose bytes are an array [word, ...arguments]:
//
//      any                     any value
//      type, NAME              "nil"* "boolean" "number" "int" "float" "string" "table" "code"
//      range, LOW, HIGH        a number LOW <= x <= HIGH; nil: open. Integers and floats compare as in Lua; NaN is in no range
//      prefix, TEXT            a string that begins so
//      oneof, VALUE...         equal to (or, for templates, matched by) one of these; at most 256 of all are tables or terms
//      rest                    last position: any number of further positions, none too
//      var, NAME               any value; the same value wherever NAME stands again (tables: equal). Not inside oneof; at
//                              most 32 names
//      where, TEXT             takes no position: the whole tuple must satisfy the expression (predicate.h), in which t is
//                              the tuple. Stands among the template's own positions, at most 8 times
//
//  Positions must agree in number unless there is `rest`; a tuple may have further named fields. A table inside a template
//  is a template for that place. 1 and 1.0 are equal; str and bin are both strings; NaN equals nothing.
//
//  Pure; one thread. Nothing here recurses deeper than WIRE_MAX_DEPTH.
//  (* a tuple has no nil; nil can only stand inside a nested array.)

#ifndef MATCH_H
#define MATCH_H

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"

#define MATCH_EXT_TERM  2
#define MATCH_EXT_CODE  3       //  Lua text as a value (luats.code): the bytes are the text
#define MATCH_TEXT      256     //  Bytes for a sentence about what is wrong, zero included
#define MATCH_POSITIONS 8       //  Positions 1..8 are index keys
#define MATCH_KEYS      255     //  Index keys of a tuple at most: more named scalars are TOO_BIG

//  ---- Tuples --------------------------------------------------------------

//  Append the normal form of the tuple at the cursor (scanned before) to out. 0; or WIRE_E_USAGE (no table, nil inside,
//  integer keys that are not 1..n, keys that are neither integers nor strings, a key twice, a term inside), WIRE_E_TOO_DEEP,
//  WIRE_E_TOO_BIG, WIRE_E_NO_MEMORY (out failed). text[MATCH_TEXT] says what and where; out is cut back then.
int match_normal(wire_reader_t tuple, wire_buf_t *out, char *text);

//  The index keys of a tuple in normal form: a hash for each of the first MATCH_POSITIONS positions and each named field
//  whose value is a scalar (bool, number, string). Returns how many; `seed` makes the hashes ours alone.
size_t match_tuple_keys(wire_reader_t tuple, uint64_t seed, uint32_t keys[MATCH_KEYS]);

//  ---- Templates -----------------------------------------------------------

typedef struct match match_t;

//  Compile the template at the cursor (scanned before; copied). 0; or WIRE_E_USAGE, WIRE_E_SYNTAX (a predicate: the text
//  names the column), WIRE_E_TOO_BIG, WIRE_E_TOO_DEEP, WIRE_E_NO_MEMORY. text[MATCH_TEXT] says what and where:
//  "position 3, field frame: `range` takes two numbers, or nil for an open end".
int match_new(match_t **self_p, wire_reader_t packed, uint64_t seed, char *text);
void match_destroy(match_t **self_p);

//  Whether a tuple in normal form matches. Allocates nothing.
bool match_test(const match_t *self, wire_reader_t tuple);

//  The keys of which a matching tuple has every one (literal scalars); none: 0. The keys live as long as self.
size_t match_keys(const match_t *self, const uint32_t **keys);

//  Bytes that it takes in memory.
size_t match_size(const match_t *self);

#endif
