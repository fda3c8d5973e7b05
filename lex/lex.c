//  lex - names, numbers, strings, comments and operators, as Lua 5.4 reads them

#include "lex.h"

#include <stdarg.h>
#include <stdio.h>

#include "lex_number.h"

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

//  \n, \r, \r\n and \n\r are one newline.
static size_t newline_size(char first, char second)
{
    return is_newline(second) && second != first ? 2 : 1;
}

//  Zero behind the end, as in zero-terminated text; a zero inside is no part of any token either.
static char byte_at(const lex_t *self, size_t at)
{
    return at < self->source.size ? self->source.data[at] : 0;
}

static size_t line_of(const lex_t *self, size_t at, size_t *start)
{
    size_t line = 1, i = 0;
    *start = 0;
    while (i < at) {
        char c = byte_at(self, i);
        i += is_newline(c) ? newline_size(c, byte_at(self, i + 1)) : 1;
        line += is_newline(c);
        *start = is_newline(c) ? i : *start;
    }
    return line;
}

size_t lex_line(const lex_t *self, size_t at)
{
    size_t start;
    return line_of(self, at, &start);
}

static int write_place(const lex_t *self, size_t at)
{
    size_t start, line;
    if (!self->lines)
        return snprintf(self->text, LEX_TEXT, "column %zu: ", at + 1);
    line = line_of(self, at, &start);
    return snprintf(self->text, LEX_TEXT, "%zu:%zu: ", line, at - start + 1);
}

bool lex_fail(lex_t *self, int rc, size_t at, const char *format, ...)
{
    va_list args;
    int head = write_place(self, at);
    va_start(args, format);
    vsnprintf(self->text + head, LEX_TEXT - (size_t) head, format, args);
    va_end(args);
    self->rc = rc;
    return false;
}

static bool refuse(lex_t *self, const char *sentence)
{
    return lex_fail(self, WIRE_E_SYNTAX, self->start, "%s", sentence);
}

//  ---- Bytes -------------------------------------------------------------------------
//
//  Not <ctype.h>: its answers depend on the locale.

static char peek(const lex_t *self, size_t ahead)
{
    return byte_at(self, self->at + ahead);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int hex_of(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_newline(lex_t *self)
{
    self->at += newline_size(peek(self, 0), peek(self, 1));
}

//  ---- Long brackets -------------------------------------------------------------------

//  At '[' or ']': how many '=' stand before the second one; -1: it is no long bracket.
static int bracket_level(const lex_t *self)
{
    size_t level = 0;
    char bracket = peek(self, 0);
    while (peek(self, 1 + level) == '=')
        level++;
    return peek(self, 1 + level) == bracket ? (int) level : -1;
}

static bool read_long(lex_t *self, int level, bool keep)
{
    self->at += (size_t) level + 2;
    if (is_newline(peek(self, 0)))
        skip_newline(self);
    while (self->at < self->source.size) {
        char c = peek(self, 0);
        if (c == ']' && bracket_level(self) == level) {
            self->at += (size_t) level + 2;
            return true;
        }
        if (is_newline(c)) {
            c = '\n';
            skip_newline(self);
        }
        else
            self->at++;
        if (keep)
            wire_put_byte(&self->pool, (uint8_t) c);
    }
    return refuse(self, keep ? "this string has no end" : "this comment has no end");
}

//  ---- Short strings ---------------------------------------------------------------------

static bool refuse_escape(lex_t *self, const char *sentence)
{
    return lex_fail(self, WIRE_E_SYNTAX, self->at, "%s", sentence);
}

static bool read_hex_escape(lex_t *self)
{
    int high = hex_of(peek(self, 1)), low = hex_of(peek(self, 2));
    if (high < 0 || low < 0)
        return refuse_escape(self, "two hexadecimal digits follow \\x");
    wire_put_byte(&self->pool, (uint8_t) (high * 16 + low));
    self->at += 3;
    return true;
}

static bool read_decimal_escape(lex_t *self)
{
    unsigned value = 0;
    for (int i = 0; i < 3 && is_digit(peek(self, 0)); i++, self->at++)
        value = value * 10 + (unsigned) (peek(self, 0) - '0');
    if (value > UINT8_MAX)
        return refuse_escape(self, "a byte is 255 at most");
    wire_put_byte(&self->pool, (uint8_t) value);
    return true;
}

//  UTF-8 as it was first meant, up to 2^31, as Lua has it.
static void put_utf8(lex_t *self, uint32_t code)
{
    uint8_t bytes[8];
    size_t n = 1;
    if (code < 0x80)
        bytes[7] = (uint8_t) code;
    else {
        uint32_t limit = 0x3f;                  //  The largest number that fits the first byte
        do {
            bytes[8 - n++] = (uint8_t) (0x80 | (code & 0x3f));
            code >>= 6;
            limit >>= 1;
        } while (code > limit);
        bytes[8 - n] = (uint8_t) (~limit << 1 | code);
    }
    wire_buf_append(&self->pool, bytes + 8 - n, n);
}

static bool read_utf8_escape(lex_t *self)
{
    uint32_t code = 0;
    size_t digits = 0;
    self->at++;
    if (peek(self, 0) != '{')
        return refuse_escape(self, "{ follows \\u");
    for (self->at++; hex_of(peek(self, 0)) >= 0; self->at++, digits++) {
        if (code > (0x7fffffffu >> 4))
            return refuse_escape(self, "this character is too large");
        code = code * 16 + (uint32_t) hex_of(peek(self, 0));
    }
    if (digits == 0 || peek(self, 0) != '}')
        return refuse_escape(self, "hexadecimal digits and } follow \\u{");
    self->at++;
    put_utf8(self, code);
    return true;
}

static void skip_spaces(lex_t *self)
{
    while (self->at < self->source.size && is_space(peek(self, 0)))
        self->at++;
}

//  Behind the backslash.
static bool read_escape(lex_t *self)
{
    static const char letters[] = "abfnrtv\\\"'", bytes[] = "\a\b\f\n\r\t\v\\\"'";
    char c = peek(self, 0);
    const char *letter = c ? strchr(letters, c) : NULL;
    if (c == 'x')
        return read_hex_escape(self);
    if (c == 'u')
        return read_utf8_escape(self);
    if (is_digit(c))
        return read_decimal_escape(self);
    if (is_newline(c)) {
        skip_newline(self);
        wire_put_byte(&self->pool, '\n');
        return true;
    }
    if (!letter && c != 'z')
        return refuse_escape(self, "no such escape");
    self->at++;
    if (letter)
        wire_put_byte(&self->pool, (uint8_t) bytes[letter - letters]);
    else
        skip_spaces(self);
    return true;
}

static bool read_short(lex_t *self, char quote)
{
    self->at++;
    while (self->at < self->source.size) {
        char c = peek(self, 0);
        if (is_newline(c))
            break;
        self->at++;
        if (c == quote)
            return true;
        if (c != '\\')
            wire_put_byte(&self->pool, (uint8_t) c);
        else if (!read_escape(self))
            return false;
    }
    return refuse(self, "this string has no end");
}

static bool read_string(lex_t *self, int level)
{
    self->token = TOKEN_STRING;
    self->string = self->pool.size;
    if (level >= 0 ? !read_long(self, level, true) : !read_short(self, peek(self, 0)))
        return false;
    self->string_size = self->pool.size - self->string;
    return true;
}

//  ---- Numbers and names -------------------------------------------------------------------

//  As Lua does: take all that could belong to a number, then look whether it is one.
static bool read_number(lex_t *self)
{
    bool hex = peek(self, 0) == '0' && (peek(self, 1) == 'x' || peek(self, 1) == 'X');
    char small = hex ? 'p' : 'e', large = hex ? 'P' : 'E';
    self->at += hex ? 2 : 0;
    for (;;) {
        char c = peek(self, 0);
        if (c == small || c == large)
            self->at += peek(self, 1) == '+' || peek(self, 1) == '-' ? 2 : 1;
        else if (hex_of(c) >= 0 || c == '.')
            self->at++;
        else
            break;
    }
    self->at += is_letter(peek(self, 0));
    self->token = TOKEN_NUMBER;
    return lex_number(lex_word(self), &self->value) || refuse(self, "this is no number");
}

static const struct {
    const char *word;
    lex_token_t token;
} words[] = {
    { "and", TOKEN_AND }, { "or", TOKEN_OR }, { "not", TOKEN_NOT },
    { "true", TOKEN_TRUE }, { "false", TOKEN_FALSE }, { "nil", TOKEN_NIL },
    { "break", TOKEN_RESERVED }, { "do", TOKEN_RESERVED }, { "else", TOKEN_RESERVED }, { "elseif", TOKEN_RESERVED },
    { "end", TOKEN_RESERVED }, { "for", TOKEN_RESERVED }, { "function", TOKEN_RESERVED }, { "goto", TOKEN_RESERVED },
    { "if", TOKEN_RESERVED }, { "in", TOKEN_RESERVED }, { "local", TOKEN_RESERVED }, { "repeat", TOKEN_RESERVED },
    { "return", TOKEN_RESERVED }, { "then", TOKEN_RESERVED }, { "until", TOKEN_RESERVED }, { "while", TOKEN_RESERVED },
};

static bool read_name(lex_t *self)
{
    while (is_letter(peek(self, 0)) || is_digit(peek(self, 0)))
        self->at++;
    self->token = TOKEN_NAME;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (wire_str_is(lex_word(self), words[i].word))
            self->token = words[i].token;
    return true;
}

//  ---- Operators -----------------------------------------------------------------------------

//  The longer ones first.
static const struct {
    const char *text;
    lex_token_t token;
} operators[] = {
    { "...", TOKEN_OTHER }, { "..", TOKEN_CONCAT }, { "<=", TOKEN_LE }, { ">=", TOKEN_GE }, { "~=", TOKEN_NE },
    { "==", TOKEN_EQ }, { "<<", TOKEN_SHL }, { ">>", TOKEN_SHR }, { "//", TOKEN_DOUBLE_SLASH }, { "::", TOKEN_OTHER },
    { "<", TOKEN_LT }, { ">", TOKEN_GT }, { "|", TOKEN_BAR }, { "~", TOKEN_TILDE }, { "&", TOKEN_AMPERSAND },
    { "+", TOKEN_PLUS }, { "-", TOKEN_MINUS }, { "*", TOKEN_STAR }, { "/", TOKEN_SLASH }, { "%", TOKEN_PERCENT },
    { "^", TOKEN_CARET }, { "#", TOKEN_HASH }, { "(", TOKEN_OPEN }, { ")", TOKEN_CLOSE }, { "[", TOKEN_SQUARE },
    { "]", TOKEN_SQUARE_CLOSE }, { ".", TOKEN_DOT }, { ",", TOKEN_COMMA },
    { "{", TOKEN_BRACE }, { "}", TOKEN_BRACE_CLOSE }, { "=", TOKEN_ASSIGN }, { ";", TOKEN_SEMICOLON },
};

static bool read_operator(lex_t *self)
{
    size_t left = self->source.size - self->at;
    self->token = TOKEN_OTHER;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t size = strlen(operators[i].text);
        if (size <= left && memcmp(self->source.data + self->at, operators[i].text, size) == 0) {
            self->token = operators[i].token;
            self->at += size;
            return true;
        }
    }
    do                                  //  A whole character of UTF-8, for the sentence that refuses it
        self->at++;
    while ((peek(self, 0) & 0xc0) == 0x80);
    return true;
}

//  ---- Tokens ----------------------------------------------------------------------------------

static bool skip_comment(lex_t *self)
{
    self->start = self->at;
    self->at += 2;
    int level = peek(self, 0) == '[' ? bracket_level(self) : -1;
    if (level >= 0)
        return read_long(self, level, false);
    while (self->at < self->source.size && !is_newline(peek(self, 0)))
        self->at++;
    return true;
}

static bool skip_blank(lex_t *self)
{
    for (;;) {
        skip_spaces(self);
        if (peek(self, 0) != '-' || peek(self, 1) != '-')
            return true;
        if (!skip_comment(self))
            return false;
    }
}

static bool read_token(lex_t *self)
{
    char c = peek(self, 0);
    if (is_letter(c))
        return read_name(self);
    if (is_digit(c) || (c == '.' && is_digit(peek(self, 1))))
        return read_number(self);
    if (c == '"' || c == '\'')
        return read_string(self, -1);
    if (c == '[' && bracket_level(self) >= 0)
        return read_string(self, bracket_level(self));
    if (c == '[' && peek(self, 1) == '=')
        return refuse(self, "this long bracket is not complete");
    return read_operator(self);
}

bool lex_next(lex_t *self)
{
    if (!skip_blank(self))
        return false;
    self->start = self->at;
    if (self->at == self->source.size) {
        self->token = TOKEN_END;
        return true;
    }
    if (!read_token(self))
        return false;
    return !self->pool.failed || lex_fail(self, WIRE_E_NO_MEMORY, self->start, "out of memory");
}
