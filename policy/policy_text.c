//  policy_text - one pass over the tokens; each table is packed where its values end

#include "policy_text.h"

#include <stdlib.h>

#include "lex.h"
#include "wire_limits.h"

//  A pair of a table that is still open; places are in the output.
typedef struct {
    size_t key, key_size;
    size_t value, value_size;   //  Size 0: nil, which is no pair but may stand only once, too
    size_t at;                  //  In the text
} pair_t;

typedef struct {
    lex_t lex;
    wire_buf_t *out;
    wire_buf_t *lines;          //  NULL: nobody asks
    wire_buf_t table;           //  One that is being put together
    pair_t *pairs;              //  Of all open tables, the innermost one's last
    size_t count, capacity;
    size_t objects;
    unsigned depth;
} reader_t;

static bool read_value(reader_t *self);

//  ---- Refusing ------------------------------------------------------------------

static bool no_memory(reader_t *self)
{
    return lex_fail(&self->lex, WIRE_E_NO_MEMORY, self->lex.start, "out of memory");
}

static bool refuse(reader_t *self, size_t at, const char *sentence)
{
    return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "%s", sentence);
}

//  What stands there instead, as far as it can be shown in a line.
static bool refuse_token(reader_t *self, const char *wanted)
{
    wire_str_t word = lex_word(&self->lex);
    int size = (int) (word.size < 32 ? word.size : 32);
    size_t at = self->lex.start;
    bool shown = word.size && word.data[0] > ' ' && word.data[0] < 0x7f;
    switch (self->lex.token) {
    case TOKEN_END:
        return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "expected %s, found the end", wanted);
    case TOKEN_STRING:
        return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "expected %s, found a string", wanted);
    case TOKEN_NAME:
        return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "expected %s, found the name '%.*s'", wanted, size, word.data);
    default:
        return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "expected %s, found '%.*s'", wanted, shown ? size : 1,
                        shown ? word.data : "?");
    }
}

static bool next(reader_t *self)
{
    return lex_next(&self->lex);
}

static bool is(const reader_t *self, lex_token_t token)
{
    return self->lex.token == token;
}

static bool expect(reader_t *self, lex_token_t token, const char *wanted)
{
    return is(self, token) ? next(self) : refuse_token(self, wanted);
}

//  ---- Single values ---------------------------------------------------------------

static bool put_string(reader_t *self)
{
    const lex_t *lex = &self->lex;
    const char *text = lex->string_size ? (const char *) lex->pool.data + lex->string : "";
    wire_put_text(self->out, text, lex->string_size);
    wire_buf_clear(&self->lex.pool);
    return true;
}

//  Minus wraps at the least integer, as Lua's does.
static bool put_number(reader_t *self, bool minus)
{
    const wire_item_t *number = &self->lex.value;
    if (number->kind == WIRE_IS_INT)
        wire_put_int(self->out, (int64_t) (minus ? 0 - number->as.natural : number->as.natural));
    else
        wire_put_double(self->out, minus ? -number->as.number : number->as.number);
    return true;
}

static bool put_negative(reader_t *self)
{
    if (!next(self))
        return false;
    return is(self, TOKEN_NUMBER) ? put_number(self, true) : refuse_token(self, "a number behind '-'");
}

static bool put_scalar(reader_t *self)
{
    switch (self->lex.token) {
    case TOKEN_NIL:    wire_put_nil(self->out); return true;
    case TOKEN_TRUE:   wire_put_bool(self->out, true); return true;
    case TOKEN_FALSE:  wire_put_bool(self->out, false); return true;
    case TOKEN_NUMBER: return put_number(self, false);
    case TOKEN_STRING: return put_string(self);
    case TOKEN_MINUS:  return put_negative(self);
    case TOKEN_NAME:   return refuse_token(self, "a value (nothing is run here, so a name means nothing; a string has quotes)");
    default:           return refuse_token(self, "a value");
    }
}

//  ---- Keys ------------------------------------------------------------------------

static pair_t *new_pair(reader_t *self)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 64;
        pair_t *pairs = realloc(self->pairs, capacity * sizeof *pairs);
        if (!pairs)
            return NULL;
        self->pairs = pairs;
        self->capacity = capacity;
    }
    return &self->pairs[self->count++];
}

//  A float that is an integer is that integer, as in Lua's tables; then equal keys have equal bytes.
static bool settle_key(reader_t *self, size_t key)
{
    wire_reader_t at = wire_reader(self->out->data + key, self->out->size - key);
    wire_item_t item;
    if (self->out->failed || wire_read(&at, &item) || item.kind != WIRE_IS_DOUBLE)
        return true;
    if (!(item.as.number >= -0x1p63 && item.as.number < 0x1p63) || (double) (int64_t) item.as.number != item.as.number)
        return true;
    wire_buf_truncate(self->out, key);
    wire_put_int(self->out, (int64_t) item.as.number);
    return true;
}

//  [value] =
static bool read_bracket_key(reader_t *self)
{
    size_t key = self->out->size;
    if (!next(self))
        return false;
    if (is(self, TOKEN_NIL) || is(self, TOKEN_BRACE))
        return refuse_token(self, "a boolean, a number or a string as a key");
    return put_scalar(self) && next(self) && settle_key(self, key) && expect(self, TOKEN_SQUARE_CLOSE, "']' behind the key")
           && expect(self, TOKEN_ASSIGN, "'=' behind the key");
}

//  name =
static bool read_name_key(reader_t *self)
{
    wire_str_t word = lex_word(&self->lex);
    size_t at = self->lex.start;
    wire_put_str(self->out, word.data, word.size);
    if (!next(self))
        return false;
    if (is(self, TOKEN_ASSIGN))
        return next(self);
    return lex_fail(&self->lex, WIRE_E_SYNTAX, at, "expected '=' behind the name '%.*s' (nothing is run here, so a name is only a key; "
                    "a string has quotes)", (int) (word.size < 32 ? word.size : 32), word.data);
}

static bool read_key(reader_t *self, uint32_t *position)
{
    if (is(self, TOKEN_NAME))
        return read_name_key(self);
    if (is(self, TOKEN_SQUARE))
        return read_bracket_key(self);
    wire_put_int(self->out, ++*position);
    return true;
}

static bool read_pair(reader_t *self, uint32_t *position)
{
    pair_t pair = { .key = self->out->size, .at = self->lex.start };
    if ((self->objects += 2) > WIRE_MAX_OBJECTS)
        return lex_fail(&self->lex, WIRE_E_TOO_BIG, pair.at, "more than %d keys and values", WIRE_MAX_OBJECTS);
    if (!read_key(self, position))
        return false;
    pair.value = self->out->size;
    bool nil = is(self, TOKEN_NIL);
    if (!read_value(self))
        return false;
    pair.key_size = pair.value - pair.key;
    pair.value_size = nil ? 0 : self->out->size - pair.value;
    pair_t *place = self->out->failed ? NULL : new_pair(self);
    if (!place)
        return no_memory(self);
    *place = pair;
    return true;
}

//  ---- Tables ------------------------------------------------------------------------
//
//  The pairs are sorted by their keys' bytes, in which the integers 1..n come first and in order.

typedef struct {
    size_t size, at, number;
    const uint8_t *bytes;
} sort_key_t;

static int compare(const void *a, const void *b)
{
    const sort_key_t *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);
    if (order == 0)
        order = (x->size > y->size) - (x->size < y->size);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static sort_key_t *sort_pairs(const reader_t *self, const pair_t *pairs, size_t count)
{
    sort_key_t *keys = malloc((count + 1) * sizeof *keys);
    for (size_t i = 0; keys && i < count; i++)
        keys[i] = (sort_key_t) { pairs[i].key_size, pairs[i].at, i, self->out->data + pairs[i].key };
    if (keys)
        qsort(keys, count, sizeof *keys, compare);
    return keys;
}

static bool same_key(const sort_key_t *a, const sort_key_t *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool refuse_twice(reader_t *self, const sort_key_t *key)
{
    wire_reader_t at = wire_reader(key->bytes, key->size);
    wire_item_t item = { .kind = WIRE_IS_NIL };
    (void) wire_read(&at, &item);
    if (item.kind == WIRE_IS_STR)
        return lex_fail(&self->lex, WIRE_E_SYNTAX, key->at, "the key '%.*s' stands twice in this table",
                        (int) (item.as.bytes.size < 64 ? item.as.bytes.size : 64), item.as.bytes.data);
    if (item.kind == WIRE_IS_INT)
        return lex_fail(&self->lex, WIRE_E_SYNTAX, key->at, "the key %lld stands twice in this table (positions count from 1)",
                        (long long) item.as.integer);
    return refuse(self, key->at, "this key stands twice in this table");
}

static bool check_twice(reader_t *self, const sort_key_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (same_key(&keys[i - 1], &keys[i]))
            return refuse_twice(self, &keys[i]);
    return true;
}

//  How many there are that are not nil; *list: their keys are 1, 2, ...
static uint32_t count_pairs(const pair_t *pairs, const sort_key_t *keys, size_t count, bool *list)
{
    uint32_t kept = 0;
    *list = true;
    for (size_t i = 0; i < count; i++) {
        if (pairs[keys[i].number].value_size == 0)
            continue;
        wire_reader_t at = wire_reader(keys[i].bytes, keys[i].size);
        wire_item_t item = { .kind = WIRE_IS_NIL };
        kept++;
        *list &= wire_read(&at, &item) == 0 && item.kind == WIRE_IS_INT && item.as.integer == kept;
    }
    *list &= kept > 0;
    return kept;
}

static bool put_pairs(reader_t *self, const pair_t *pairs, const sort_key_t *keys, size_t count)
{
    wire_buf_t *table = &self->table;
    const uint8_t *data = self->out->data;
    bool list;
    uint32_t kept = count_pairs(pairs, keys, count, &list);
    wire_buf_clear(table);
    if (list)
        wire_put_array(table, kept);
    else
        wire_put_map(table, kept);
    for (size_t i = 0; i < count; i++) {
        const pair_t *pair = &pairs[keys[i].number];
        if (pair->value_size && !list)
            wire_buf_append(table, data + pair->key, pair->key_size);
        wire_buf_append(table, data + pair->value, pair->value_size);
    }
    return !table->failed;
}

//  Of the outermost table; the others end before it does.
static void put_lines(reader_t *self, const pair_t *pairs, size_t count)
{
    wire_buf_clear(self->lines);
    wire_put_map(self->lines, (uint32_t) count);
    for (size_t i = 0; i < count; i++) {
        wire_buf_append(self->lines, self->out->data + pairs[i].key, pairs[i].key_size);
        wire_put_uint(self->lines, lex_line(&self->lex, pairs[i].at));
    }
}

//  The pairs from `first` on, which stand in the output from `start` on, become one value.
static bool close_table(reader_t *self, size_t start, size_t first)
{
    const pair_t *pairs = self->pairs + first;
    size_t count = self->count - first;
    sort_key_t *keys = sort_pairs(self, pairs, count);
    bool good = keys && check_twice(self, keys, count);
    bool whole = good && put_pairs(self, pairs, keys, count);
    free(keys);
    if (!keys || (good && !whole))
        return no_memory(self);
    if (!good)
        return false;
    if (self->lines && self->depth == 1)
        put_lines(self, pairs, count);
    wire_buf_truncate(self->out, start);
    wire_buf_append(self->out, self->table.data, self->table.size);
    self->count = first;
    return true;
}

static bool read_pairs(reader_t *self)
{
    uint32_t position = 0;
    while (!is(self, TOKEN_BRACE_CLOSE)) {
        if (!read_pair(self, &position))
            return false;
        if (is(self, TOKEN_COMMA) || is(self, TOKEN_SEMICOLON)) {
            if (!next(self))
                return false;
        }
        else if (!is(self, TOKEN_BRACE_CLOSE))
            return refuse_token(self, "',' or '}'");
    }
    return true;
}

static bool read_table(reader_t *self)
{
    size_t start = self->out->size, first = self->count;
    if (self->depth == WIRE_MAX_DEPTH)
        return lex_fail(&self->lex, WIRE_E_TOO_DEEP, self->lex.start, "more than %d tables inside each other", WIRE_MAX_DEPTH);
    self->depth++;
    if (!next(self) || !read_pairs(self) || !close_table(self, start, first))
        return false;
    self->depth--;
    return next(self);
}

static bool read_value(reader_t *self)
{
    return is(self, TOKEN_BRACE) ? read_table(self) : put_scalar(self) && next(self);
}

//  ---- The file ------------------------------------------------------------------------

//  name = value, once or more; they make one table.
static bool read_lines(reader_t *self)
{
    size_t start = self->out->size;
    uint32_t position = 0;
    self->depth++;
    while (!is(self, TOKEN_END)) {
        if (!is(self, TOKEN_NAME))
            return refuse_token(self, "'name = value' (or 'return value' as all there is)");
        if (!read_pair(self, &position))
            return false;
        if (is(self, TOKEN_SEMICOLON) && !next(self))
            return false;
    }
    return close_table(self, start, 0);
}

static bool read_return(reader_t *self)
{
    if (!next(self) || !read_value(self))
        return false;
    if (is(self, TOKEN_SEMICOLON) && !next(self))
        return false;
    return is(self, TOKEN_END) || refuse_token(self, "nothing behind the value that is returned");
}

//  A byte order mark, and a first line that is for the shell.
static void skip_start(lex_t *lex)
{
    if (lex->source.size >= 3 && memcmp(lex->source.data, "\xef\xbb\xbf", 3) == 0)
        lex->source = (wire_str_t) { lex->source.data + 3, lex->source.size - 3 };
    if (lex->source.size && lex->source.data[0] == '#')
        while (lex->at < lex->source.size && lex->source.data[lex->at] != '\n')
            lex->at++;
}

static bool read_file(reader_t *self, size_t before)
{
    skip_start(&self->lex);
    if (self->lex.source.size > POLICY_TEXT_MAX)
        return lex_fail(&self->lex, WIRE_E_TOO_BIG, 0, "more than %d bytes", POLICY_TEXT_MAX);
    if (!next(self))
        return false;
    bool returns = is(self, TOKEN_RESERVED) && wire_str_is(lex_word(&self->lex), "return");
    if (!(returns ? read_return(self) : read_lines(self)))
        return false;
    if (self->out->failed || (self->lines && self->lines->failed))
        return no_memory(self);
    if (self->out->size - before > WIRE_MAX_MESSAGE)
        return lex_fail(&self->lex, WIRE_E_TOO_BIG, 0, "more than %d bytes when packed", WIRE_MAX_MESSAGE);
    return true;
}

static int read_text(reader_t *self)
{
    size_t before = self->out->size;
    if (!read_file(self, before))
        wire_buf_truncate(self->out, before);
    wire_buf_free(&self->lex.pool);
    wire_buf_free(&self->table);
    free(self->pairs);
    return self->lex.rc;
}

int policy_text_read(const char *text, size_t size, wire_buf_t *out, char *error)
{
    reader_t self = { .lex = { .source = { text, size }, .text = error, .lines = true }, .out = out };
    return read_text(&self);
}

int policy_text_read_lines(const char *text, size_t size, wire_buf_t *out, wire_buf_t *lines, char *error)
{
    reader_t self = { .lex = { .source = { text, size }, .text = error, .lines = true }, .out = out, .lines = lines };
    wire_put_map(lines, 0);
    return read_text(&self);
}
