//  predicate - an expression in Lua's syntax, compiled into a small program over packed values
//
//  No Lua runs it: it has no loops, no assignments and no calls but those listed, so it ends, allocates nothing and gives
//  the same answer everywhere.
//
//      t[2] > t.limit and #t[3] < 10        prefix(t.name, "ab") or t.kind == "x"
//
//  Variables are the roots that the caller names ("t"; for topics "value", "topic", "publisher"). Operators: or and not,
//  < > <= >= ~= ==, | ~ & << >>, + - * / // % ^, unary - # ~, with Lua's precedence, integer and float rules (integers wrap;
//  strings that are numbers are so in arithmetic). Comments, and literals: nil true false numbers strings ('..', "..", [[..]]).
//  Indexing: a.b, a[expr], chained. There is no .. and no table constructor, which would have to make something.
//  Functions (what would allocate is left out): prefix(s, p) suffix(s, p) find(s, plain[, init]) -> position or nil,
//  type(v), math.type(v), math.abs math.floor math.ceil math.min math.max; the math ones also without "math.".
//
//  As in Lua 5.4, but:
//  - strings compare by bytes, not by the locale's order (in the C locale that is the same);
//  - strings have no methods: to index one is a fault; a numeral inside a string has 200 bytes at most;
//  - a table is equal to itself only, as in Lua; # of one is the array's length, else the least n with n + 1 absent;
//  - the type of code is "code", and code is equal to code with the same text.
//
//  A fault while it runs (comparing a number with a string, arithmetic on nil, indexing what is no table) makes the
//  expression false; it is counted by the caller when *fault is set. So does too much work: one test may step over 16 MiB of
//  packed values, so that nobody keeps the broker busy by looking at the end of a large table again and again.
//  Pure; one thread.

#ifndef PREDICATE_H
#define PREDICATE_H

#include "wire_read.h"

#define PREDICATE_SOURCE 4096   //  Bytes of text at most
#define PREDICATE_ROOTS  4

typedef struct predicate predicate_t;

//  Compile; source and roots are not kept. roots: up to PREDICATE_ROOTS names. 0; or WIRE_E_SYNTAX, WIRE_E_TOO_BIG (also:
//  nested too deeply), WIRE_E_NO_MEMORY, and text[256] says "column 7: ...", counted in bytes from 1.
int predicate_new(predicate_t **self_p, wire_str_t source, const char *const *roots, size_t count, char *text);
void predicate_destroy(predicate_t **self_p);

//  Whether it is true (neither nil nor false) of these packed values, one per root, scanned before, in any form. Allocates
//  nothing. fault may be NULL.
bool predicate_test(const predicate_t *self, const wire_reader_t *roots, bool *fault);

//  Bytes that it takes in memory.
size_t predicate_size(const predicate_t *self);

#endif
