//  lex - the tokens of Lua 5.4's values and expressions
//
//  For those who read Lua text without running it: predicates (broker/match) and data (policy/policy_text). Pure, one thread.

#ifndef LEX_H
#define LEX_H

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_read.h"

#define LEX_TEXT 256

typedef enum {
    TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING,
    TOKEN_AND, TOKEN_OR, TOKEN_NOT, TOKEN_TRUE, TOKEN_FALSE, TOKEN_NIL, TOKEN_RESERVED,
    TOKEN_LT, TOKEN_GT, TOKEN_LE, TOKEN_GE, TOKEN_NE, TOKEN_EQ,
    TOKEN_BAR, TOKEN_TILDE, TOKEN_AMPERSAND, TOKEN_SHL, TOKEN_SHR, TOKEN_CONCAT,
    TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH, TOKEN_DOUBLE_SLASH, TOKEN_PERCENT, TOKEN_CARET,
    TOKEN_HASH, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SQUARE, TOKEN_SQUARE_CLOSE, TOKEN_DOT, TOKEN_COMMA,
    TOKEN_BRACE, TOKEN_BRACE_CLOSE, TOKEN_ASSIGN, TOKEN_SEMICOLON, TOKEN_OTHER
} lex_token_t;

//  The token at hand, and where reading goes on.
typedef struct {
    wire_str_t source;
    size_t at;                  //  Behind the token
    lex_token_t token;
    size_t start;               //  Of the token
    wire_item_t value;          //  NUMBER: INT or DOUBLE
    size_t string, string_size; //  STRING: in the pool
    wire_buf_t pool;            //  Of all strings so far; the caller may clear it between tokens, and frees it
    int rc;                     //  0, or why reading ended
    char *text;                 //  [LEX_TEXT], the caller's
    bool lines;                 //  Say "3:7: ..." where a text has lines; else "column 7: ..."
} lex_t;

//  Step to the next token. False: rc and text say why.
bool lex_next(lex_t *self);

//  The token's own bytes.
static inline wire_str_t lex_word(const lex_t *self)
{
    wire_str_t word = { self->source.data + self->start, self->at - self->start };
    return word;
}

//  The line of the byte `at`, from 1.
size_t lex_line(const lex_t *self, size_t at);

//  Give up: "column 7: sentence" or "LINE:COLUMN: sentence", of the byte `at` (from 0). Columns are bytes. Returns false.
__attribute__((format(printf, 4, 5)))
bool lex_fail(lex_t *self, int rc, size_t at, const char *format, ...);

#endif
