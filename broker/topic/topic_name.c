//  topic_name - topics and patterns as words

#include "topic_name.h"

static wire_str_t first_word(wire_str_t name)
{
    const char *dot = memchr(name.data, '.', name.size);
    return (wire_str_t) { name.data, dot ? (size_t) (dot - name.data) : name.size };
}

//  False behind the last word. An empty last word ("a.") is one, too.
static bool next_word(wire_str_t *rest, wire_str_t *word, bool *more)
{
    if (!*more)
        return false;
    *word = first_word(*rest);
    *more = word->size < rest->size;
    size_t step = word->size + *more;
    *rest = (wire_str_t) { rest->data + step, rest->size - step };
    return true;
}

static const char *size_fault(wire_str_t name)
{
    if (name.size == 0)
        return "a topic has at least one word";
    return name.size > WIRE_MAX_NAME ? "a topic has at most 255 bytes" : NULL;
}

static const char *word_fault(wire_str_t word, bool pattern, bool more)
{
    if (word.size == 0)
        return "a topic has no empty word";
    if (!pattern && (topic_word_is(word, '*') || topic_word_is(word, '>')))
        return "\"*\" and \">\" are words of patterns only";
    return topic_word_is(word, '>') && more ? "\">\" is the last word of a pattern" : NULL;
}

static const char *fault(wire_str_t name, bool pattern)
{
    const char *text = size_fault(name);
    bool more = !text;
    wire_str_t word;
    while (!text && next_word(&name, &word, &more))
        text = word_fault(word, pattern, more);
    return text;
}

const char *topic_name_fault(wire_str_t name)
{
    return fault(name, false);
}

const char *topic_pattern_fault(wire_str_t pattern)
{
    return fault(pattern, true);
}

void topic_name_split(wire_str_t name, topic_words_t *out)
{
    bool more = true;
    out->count = 0;
    while (next_word(&name, &out->words[out->count], &more))
        out->count++;
}

bool topic_pattern_wild(wire_str_t pattern)
{
    topic_words_t words;
    topic_name_split(pattern, &words);
    bool wild = topic_word_is(words.words[words.count - 1], '>');
    for (size_t i = 0; i < words.count; i++)
        wild |= topic_word_is(words.words[i], '*');
    return wild;
}
