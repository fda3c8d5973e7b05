//  predicate - an expression in Lua's syntax, compiled into a small program over packed values
//
//  No Lua runs it: it has no loops, no assignments and no calls but those listed, so it ends, allocates nothing and gives
//  the same answer everywhere.
//
//      t[2] > t.limit and #t[3] < 10        prefix(t.name, "ab") or t.kind == "x"
//
//  Variables are the roots that the caller names ("t"; for topics "value", "topic", "publisher"). Operators: or and not,
//  < > <= >= ~= ==, | ~ & << >>, + - * / // % ^, unary - # ~, with Lua's precedence, integer and float rules (integers wrap).
//  Literals: nil true false numbers strings ('..', "..", [[..]]). Indexing: a.b, a[expr], chained.
//  Functions (what would allocate is left out): prefix(s, p) suffix(s, p) find(s, plain[, init]) -> position or nil,
//  type(v), math.type(v), math.abs math.floor math.ceil math.min math.max; the math ones also without "math.".
//
//  A fault while it runs (comparing a number with a string, arithmetic on nil, indexing what is no table) makes the
//  expression false; it is counted by the caller when *fault is set.
//  Pure; one thread.

#ifndef PREDICATE_H
#define PREDICATE_H

#include "wire_read.h"

#define PREDICATE_SOURCE 4096   //  Bytes of text at most
#define PREDICATE_ROOTS  4

typedef struct predicate predicate_t;

//  Compile. roots: up to PREDICATE_ROOTS names. 0, WIRE_E_SYNTAX (text[256]: "column 7: ..."), _TOO_BIG, _NO_MEMORY.
int predicate_new(predicate_t **self_p, wire_str_t source, const char *const *roots, size_t count, char *text);
void predicate_destroy(predicate_t **self_p);

//  Whether it is true (neither nil nor false) of these packed values, one per root. fault may be NULL.
bool predicate_test(const predicate_t *self, const wire_reader_t *roots, bool *fault);

size_t predicate_size(const predicate_t *self);

#endif
