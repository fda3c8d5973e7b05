//  predicate_lex - the tokens of Lua's expressions; for the sources of broker/match only

#ifndef PREDICATE_LEX_H
#define PREDICATE_LEX_H

#include "predicate.h"
#include "wire_buf.h"
#include "wire_error.h"

#define PREDICATE_TEXT 256

typedef enum {
    TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING,
    TOKEN_AND, TOKEN_OR, TOKEN_NOT, TOKEN_TRUE, TOKEN_FALSE, TOKEN_NIL, TOKEN_RESERVED,
    TOKEN_LT, TOKEN_GT, TOKEN_LE, TOKEN_GE, TOKEN_NE, TOKEN_EQ,
    TOKEN_BAR, TOKEN_TILDE, TOKEN_AMPERSAND, TOKEN_SHL, TOKEN_SHR, TOKEN_CONCAT,
    TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH, TOKEN_DOUBLE_SLASH, TOKEN_PERCENT, TOKEN_CARET,
    TOKEN_HASH, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SQUARE, TOKEN_SQUARE_CLOSE, TOKEN_DOT, TOKEN_COMMA, TOKEN_OTHER
} predicate_token_t;

//  The token at hand, and where reading goes on.
typedef struct {
    wire_str_t source;
    size_t at;                  //  Behind the token
    predicate_token_t token;
    size_t start;               //  Of the token
    wire_item_t value;          //  NUMBER: INT or DOUBLE
    size_t string, string_size; //  STRING: in the pool
    wire_buf_t pool;            //  Of all strings so far
    int rc;                     //  0, or why reading ended
    char *text;
} predicate_lex_t;

//  Step to the next token. False: rc and text say why.
bool predicate_lex_next(predicate_lex_t *self);

//  The token's own bytes.
static inline wire_str_t predicate_lex_word(const predicate_lex_t *self)
{
    wire_str_t word = { self->source.data + self->start, self->at - self->start };
    return word;
}

//  Give up: "column 7: sentence", the column of the byte `at` (from 0). Returns false.
__attribute__((format(printf, 4, 5)))
bool predicate_lex_fail(predicate_lex_t *self, int rc, size_t at, const char *format, ...);

#endif
