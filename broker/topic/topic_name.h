//  topic_name - topics and patterns as words

#ifndef TOPIC_NAME_H
#define TOPIC_NAME_H

#include "wire_limits.h"
#include "wire_read.h"

#define TOPIC_WORDS (WIRE_MAX_NAME / 2 + 1)

typedef struct {
    size_t count;
    wire_str_t words[TOPIC_WORDS];
} topic_words_t;

//  NULL when it is a topic, or a pattern; else what is wrong with it, as a sentence for people.
const char *topic_name_fault(wire_str_t name);
const char *topic_pattern_fault(wire_str_t pattern);

//  The words of one that has no fault.
void topic_name_split(wire_str_t name, topic_words_t *out);

//  Whether a pattern meets several topics.
bool topic_pattern_wild(wire_str_t pattern);

static inline bool topic_name_reserved(wire_str_t name)
{
    return name.size && name.data[0] == '$';
}

static inline bool topic_word_is(wire_str_t word, char letter)
{
    return word.size == 1 && word.data[0] == letter;
}

#endif
