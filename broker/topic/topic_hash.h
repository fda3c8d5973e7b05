//  topic_hash - hashes that whoever does not know the seed cannot aim at

#ifndef TOPIC_HASH_H
#define TOPIC_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 topic_wide_t;

//  Both halves of the product, folded: every bit of a and b reaches every bit of the result.
static inline uint64_t topic_mix(uint64_t a, uint64_t b)
{
    topic_wide_t product = (topic_wide_t) a * b;
    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t topic_hash_number(uint64_t seed, uint64_t number)
{
    return topic_mix(number ^ seed ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));
}

static inline uint64_t topic_hash_bytes(uint64_t seed, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint64_t hash = seed ^ UINT64_C(0x8ebc6af09c88c6e3) ^ size, word;
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = topic_mix(hash ^ word, UINT64_C(0x589965cc75374cc3));
    }
    word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t) at[i] << (8 * i);
    return topic_mix(hash ^ word, UINT64_C(0x1d8e4e27c47d124f));
}

#endif
