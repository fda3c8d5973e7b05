//  policy_text - data in Lua's syntax, read without running anything
//
//  A policy or a configuration is a Lua file that holds data only: either `return VALUE`, or lines
//  `name = VALUE`, which make one table. VALUE is nil, a boolean, a number, a string (quoted or long), or a table
//  constructor of these; comments, numbers and escapes as in Lua 5.4. Names as values, calls, functions and operators (but a
//  minus before a number) are errors, so nothing can run, whatever the file says. A byte order mark and a first line that
//  begins with # are skipped. Pure and bounded: WIRE_MAX_DEPTH, WIRE_MAX_OBJECTS, POLICY_TEXT_MAX bytes of text,
//  WIRE_MAX_MESSAGE when packed.

#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

#include "wire_buf.h"

#define POLICY_TEXT_MAX   (1024 * 1024)
#define POLICY_ERROR_TEXT 256

//  Append the packed value to out: tables as the codec packs them (PROTOCOL.md section 8): a sequence 1..n is an array, all else
//  a map, its pairs in the order of their keys' bytes, so that equal files have equal bytes. A pair whose value is nil is
//  left out; a key that stands twice is an error. 0, or WIRE_E_SYNTAX / _TOO_BIG / _TOO_DEEP / _NO_MEMORY with
//  error[POLICY_ERROR_TEXT] that begins with "LINE:COLUMN: ", columns in bytes; out is then as before.
int policy_text_read(const char *text, size_t size, wire_buf_t *out, char *error);

//  Likewise, and lines (empty before) gets a map from the keys of the outermost table to the lines where they stand (an empty one when the
//  value is no table).
int policy_text_read_lines(const char *text, size_t size, wire_buf_t *out, wire_buf_t *lines, char *error);

#endif
