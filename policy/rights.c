//  rights - a set of patterns for each word, read from a map and written as one

#include "rights_self.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy_guess.h"
#include "wire_error.h"

static const char *const levels[] = { [RIGHTS_NONE] = "none", [RIGHTS_JAIL] = "jail", [RIGHTS_FULL] = "full" };

#define LEVELS (sizeof levels / sizeof levels[0])

#define EVERYTHING { .all = true }

static const rights_t nothing;
static const rights_t everything = {
    .sets = { [WIRE_RIGHT_CALL] = EVERYTHING, [WIRE_RIGHT_OUT] = EVERYTHING, [WIRE_RIGHT_TAKE] = EVERYTHING,
              [WIRE_RIGHT_READ] = EVERYTHING, [WIRE_RIGHT_PUB] = EVERYTHING, [WIRE_RIGHT_SUB] = EVERYTHING },
    .code = RIGHTS_FULL, .admin = true,
};

static wire_str_t str(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static int shown(wire_str_t text)
{
    return text.size < 48 ? (int) text.size : 48;
}

static int no_memory(char *error)
{
    snprintf(error, RIGHTS_ERROR, "out of memory");
    return WIRE_E_NO_MEMORY;
}

//  ---- Levels of code ----------------------------------------------------------------

const char *rights_code_word(rights_code_t level)
{
    return (size_t) level < LEVELS ? levels[level] : levels[RIGHTS_NONE];
}

bool rights_code_of(wire_str_t word, rights_code_t *level)
{
    for (size_t i = 0; i < LEVELS; i++)
        if (wire_str_is(word, levels[i])) {
            *level = (rights_code_t) i;
            return true;
        }
    return false;
}

static int refuse_level(wire_str_t word, char *error)
{
    policy_guess_t guess = policy_guess(word);
    for (size_t i = 0; i < LEVELS; i++)
        policy_guess_among(&guess, str(levels[i]));
    snprintf(error, RIGHTS_ERROR, "code: '%.*s' is none of \"none\", \"jail\" and \"full\"", shown(word), word.data);
    policy_guess_say(&guess, error, RIGHTS_ERROR);
    return WIRE_E_USAGE;
}

static int read_level(wire_reader_t *value, rights_code_t *level, char *error)
{
    wire_str_t word;
    if (wire_read_bytes(value, &word)) {
        snprintf(error, RIGHTS_ERROR, "code: a level is \"none\", \"jail\" or \"full\"");
        return WIRE_E_USAGE;
    }
    return rights_code_of(word, level) ? 0 : refuse_level(word, error);
}

//  ---- Adding ------------------------------------------------------------------------

static rights_item_t *new_item(rights_set_t *set)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 4;
        rights_item_t *items = realloc(set->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        set->items = items;
        set->capacity = capacity;
    }
    return &set->items[set->count++];
}

static rights_item_t *find(const rights_set_t *set, wire_str_t text)
{
    for (size_t i = 0; i < set->count; i++)
        if (wire_str_same(set->items[i].pattern.text, text))
            return &set->items[i];
    return NULL;
}

//  One that is there already has the higher level of the two.
static int add_pattern(rights_set_t *set, wire_str_t word, wire_str_t text, rights_code_t level, char *error)
{
    rights_pattern_t pattern;
    const char *fault = rights_pattern_set(&pattern, text);
    if (fault) {
        snprintf(error, RIGHTS_ERROR, "%.*s: '%.*s' is no pattern: %s", shown(word), word.data, shown(text), text.data, fault);
        return WIRE_E_USAGE;
    }
    rights_item_t *item = find(set, text);
    if (!item) {
        if (!(item = new_item(set)))
            return no_memory(error);
        *item = (rights_item_t) { pattern, RIGHTS_NONE };
    }
    item->level = level > item->level ? level : item->level;
    return 0;
}

static int refuse_list(wire_str_t word, char *error)
{
    snprintf(error, RIGHTS_ERROR, "%.*s: expected true or a list of patterns, such as { \"jobs\", \"stats.*\" }", shown(word), word.data);
    return WIRE_E_USAGE;
}

static int add_list(rights_set_t *set, wire_str_t word, wire_reader_t *value, uint32_t count, char *error)
{
    int rc = 0;
    for (; count && rc == 0; count--) {
        wire_str_t text;
        rc = wire_read_bytes(value, &text) ? refuse_list(word, error) : add_pattern(set, word, text, RIGHTS_NONE, error);
    }
    return rc;
}

//  true; false, which gives nothing; one pattern; a list of them, the empty one being a map.
static int add_set(rights_set_t *set, wire_str_t word, wire_reader_t *value, char *error)
{
    wire_item_t item;
    if (wire_read(value, &item))
        return refuse_list(word, error);
    switch (item.kind) {
    case WIRE_IS_BOOL:
        set->all |= item.as.boolean;
        return 0;
    case WIRE_IS_STR:
        return add_pattern(set, word, item.as.bytes, RIGHTS_NONE, error);
    case WIRE_IS_ARRAY:
        return add_list(set, word, value, item.as.count, error);
    default:
        return item.kind == WIRE_IS_MAP && item.as.count == 0 ? 0 : refuse_list(word, error);
    }
}

static int add_code_table(rights_t *self, wire_str_t word, wire_reader_t *value, uint32_t pairs, char *error)
{
    int rc = 0;
    for (; pairs && rc == 0; pairs--) {
        wire_str_t node;
        rights_code_t level = RIGHTS_NONE;
        if (wire_read_bytes(value, &node)) {
            snprintf(error, RIGHTS_ERROR, "code: a table of levels has nodes as keys, such as { ana = \"full\" }");
            return WIRE_E_USAGE;
        }
        rc = read_level(value, &level, error);
        rc = rc ? rc : add_pattern(&self->sets[WIRE_RIGHT_CODE], word, node, level, error);
    }
    return rc;
}

static int add_code(rights_t *self, wire_str_t word, wire_reader_t *value, char *error)
{
    uint32_t pairs;
    rights_code_t level = RIGHTS_NONE;
    wire_reader_t map = *value;
    if (wire_read_map(&map, &pairs) == 0) {
        *value = map;
        return add_code_table(self, word, value, pairs, error);
    }
    int rc = read_level(value, &level, error);
    self->code = level > self->code ? level : self->code;
    return rc;
}

static int add_admin(rights_t *self, wire_reader_t *value, char *error)
{
    bool admin;
    if (wire_read_bool(value, &admin)) {
        snprintf(error, RIGHTS_ERROR, "admin: expected true");
        return WIRE_E_USAGE;
    }
    self->admin |= admin;
    return 0;
}

static int refuse_word(wire_str_t word, char *error)
{
    policy_guess_t guess = policy_guess(word);
    for (unsigned right = WIRE_RIGHT_NONE + 1; right < WIRE_RIGHT_LIMIT; right++)
        policy_guess_among(&guess, str(wire_right_word(right)));
    snprintf(error, RIGHTS_ERROR, "there is no right '%.*s'", shown(word), word.data);
    policy_guess_say(&guess, error, RIGHTS_ERROR);
    return WIRE_E_USAGE;
}

int rights_add(rights_t *self, wire_str_t word, wire_reader_t *value, char *error)
{
    unsigned right = WIRE_RIGHT_NONE + 1;
    while (right < WIRE_RIGHT_LIMIT && !wire_str_is(word, wire_right_word(right)))
        right++;
    switch (right) {
    case WIRE_RIGHT_LIMIT: return refuse_word(word, error);
    case WIRE_RIGHT_CODE:  return add_code(self, word, value, error);
    case WIRE_RIGHT_ADMIN: return add_admin(self, value, error);
    default:               return add_set(&self->sets[right], word, value, error);
    }
}

//  ---- New and gone --------------------------------------------------------------------

static int refuse_map(char *error)
{
    snprintf(error, RIGHTS_ERROR, "rights are a table of the words code, call, out, take, read, pub, sub and admin");
    return WIRE_E_USAGE;
}

static int add_all(rights_t *self, wire_reader_t at, char *error)
{
    wire_reader_t end = at;
    uint32_t pairs;
    int rc = wire_scan(&end) || end.at != end.end || wire_read_map(&at, &pairs) ? refuse_map(error) : 0;
    for (; rc == 0 && pairs; pairs--) {
        wire_str_t word;
        rc = wire_read_bytes(&at, &word) ? refuse_map(error) : rights_add(self, word, &at, error);
    }
    return rc;
}

rights_t *rights_new(wire_reader_t packed, char *error)
{
    char unwanted[RIGHTS_ERROR];
    rights_t *self = calloc(1, sizeof *self);
    error = error ? error : unwanted;
    if (self)
        wire_buf_append(&self->text, packed.at, (size_t) (packed.end - packed.at));
    if (!self || self->text.failed)
        no_memory(error);
    else if (add_all(self, wire_reader(self->text.data, self->text.size), error) == 0)
        return self;
    rights_destroy(&self);
    return NULL;
}

void rights_clear(rights_t *self)
{
    for (size_t i = 0; i < WIRE_RIGHT_LIMIT; i++)
        free(self->sets[i].items);
    wire_buf_free(&self->text);
    *self = nothing;
}

void rights_destroy(rights_t **self_p)
{
    rights_t *self = *self_p;
    *self_p = NULL;
    if (!self || self == &nothing || self == &everything)
        return;
    rights_clear(self);
    free(self);
}

const rights_t *rights_all(void)
{
    return &everything;
}

const rights_t *rights_nothing(void)
{
    return &nothing;
}

//  ---- Asking ----------------------------------------------------------------------------

rights_code_t rights_code(const rights_t *self, wire_str_t node)
{
    if (!self)
        return RIGHTS_FULL;
    rights_code_t level = self->code;
    const rights_set_t *set = &self->sets[WIRE_RIGHT_CODE];
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].level > level && rights_pattern_has(&set->items[i].pattern, node, false))
            level = set->items[i].level;
    return level;
}

static bool set_has(const rights_set_t *set, wire_str_t about, bool within)
{
    if (set->all)
        return true;
    for (size_t i = 0; i < set->count; i++)
        if (rights_pattern_has(&set->items[i].pattern, about, within))
            return true;
    return false;
}

bool rights_may(const rights_t *self, wire_right_t right, wire_str_t about)
{
    if (!self || right == WIRE_RIGHT_NONE)
        return true;
    switch (right) {
    case WIRE_RIGHT_CODE:  return rights_code(self, about) > RIGHTS_NONE;
    case WIRE_RIGHT_ADMIN: return self->admin;
    default:               return right < WIRE_RIGHT_LIMIT && set_has(&self->sets[right], about, right == WIRE_RIGHT_SUB);
    }
}

//  ---- Writing -----------------------------------------------------------------------------

static void put_code(const rights_t *self, wire_buf_t *out)
{
    const rights_set_t *set = &self->sets[WIRE_RIGHT_CODE];
    bool all = self->code > RIGHTS_NONE;
    if (set->count == 0) {
        wire_put_cstr(out, rights_code_word(self->code));
        return;
    }
    bool own = all && find(set, (wire_str_t) { ">", 1 });       //  Then that pair says both
    wire_put_map(out, (uint32_t) (set->count + (all && !own)));
    if (all && !own) {
        wire_put_cstr(out, ">");
        wire_put_cstr(out, rights_code_word(self->code));
    }
    for (size_t i = 0; i < set->count; i++) {
        const rights_item_t *item = &set->items[i];
        bool lifted = own && wire_str_is(item->pattern.text, ">") && self->code > item->level;
        wire_put_text(out, item->pattern.text.data, item->pattern.text.size);
        wire_put_cstr(out, rights_code_word(lifted ? self->code : item->level));
    }
}

static void put_set(const rights_set_t *set, wire_buf_t *out)
{
    if (set->all) {
        wire_put_bool(out, true);
        return;
    }
    wire_put_array(out, (uint32_t) set->count);
    for (size_t i = 0; i < set->count; i++)
        wire_put_text(out, set->items[i].pattern.text.data, set->items[i].pattern.text.size);
}

static bool has_any(const rights_t *self, unsigned right)
{
    if (right == WIRE_RIGHT_ADMIN)
        return self->admin;
    return self->sets[right].all || self->sets[right].count || (right == WIRE_RIGHT_CODE && self->code > RIGHTS_NONE);
}

static void put_right(const rights_t *self, unsigned right, wire_buf_t *out)
{
    wire_put_cstr(out, wire_right_word(right));
    if (right == WIRE_RIGHT_ADMIN)
        wire_put_bool(out, true);
    else if (right == WIRE_RIGHT_CODE)
        put_code(self, out);
    else
        put_set(&self->sets[right], out);
}

void rights_put(const rights_t *self, wire_buf_t *out)
{
    uint32_t words = 0;
    self = self ? self : &everything;
    for (unsigned right = WIRE_RIGHT_NONE + 1; right < WIRE_RIGHT_LIMIT; right++)
        words += has_any(self, right);
    wire_put_map(out, words);
    for (unsigned right = WIRE_RIGHT_NONE + 1; right < WIRE_RIGHT_LIMIT; right++)
        if (has_any(self, right))
            put_right(self, right, out);
}
