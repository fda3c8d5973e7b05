//  rights_pattern - first the plain bytes, then word by word

#include "rights_pattern.h"

#include "wire_limits.h"

static size_t word_size(const char *at, const char *end)
{
    const char *dot = memchr(at, '.', (size_t) (end - at));
    return (size_t) ((dot ? dot : end) - at);
}

static bool is_wild(const char *at, size_t size)
{
    return size == 1 && (*at == '*' || *at == '>');
}

static const char *word_fault(const char *at, size_t size, bool last)
{
    if (size == 0)
        return "there is an empty word";
    if (is_wild(at, size))
        return *at == '>' && !last ? "> is the last word" : NULL;
    if (memchr(at, '*', size) || memchr(at, '>', size))
        return "* and > stand for whole words";
    return NULL;
}

const char *rights_pattern_set(rights_pattern_t *out, wire_str_t text)
{
    const char *at = text.data, *end = at + text.size, *fault;
    if (text.size == 0 || text.size > WIRE_MAX_NAME)
        return text.size ? "it has more than 255 bytes" : "it is empty";
    *out = (rights_pattern_t) { text, text.size, false };
    for (;;) {
        size_t size = word_size(at, end);
        if ((fault = word_fault(at, size, at + size == end)) != NULL)
            return fault;
        if (!out->wild && is_wild(at, size)) {
            out->wild = true;
            out->plain = (size_t) (at - text.data);
        }
        if (at + size == end)
            return NULL;
        at += size + 1;
    }
}

//  What stands behind the plain bytes in both.
static bool walk(const char *at, const char *end, const char *name, const char *name_end, bool within)
{
    for (;;) {
        size_t size = word_size(at, end), other = word_size(name, name_end);
        if (size == 1 && *at == '>')
            return true;
        if (size == 1 && *at == '*' ? within && other == 1 && *name == '>' : size != other || memcmp(at, name, size) != 0)
            return false;
        bool last = at + size == end, other_last = name + other == name_end;
        if (last || other_last)
            return last && other_last;
        at += size + 1;
        name += other + 1;
    }
}

bool rights_pattern_has(const rights_pattern_t *self, wire_str_t name, bool within)
{
    if (!self->wild)
        return wire_str_same(self->text, name);
    size_t plain = self->plain;
    if (name.size < plain || (plain && memcmp(self->text.data, name.data, plain) != 0))
        return false;
    if (name.size == 0)
        return self->text.size == 1;    //  One empty word, without a place in memory
    return walk(self->text.data + plain, self->text.data + self->text.size, name.data + plain, name.data + name.size, within);
}
