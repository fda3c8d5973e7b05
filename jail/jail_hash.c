//  jail_hash - SipHash-1-3 of a text and its name
//
//  Keyed, because texts are foreign: with a plain hash somebody could prepare two of one hash.

#include "jail_self.h"

typedef struct {
    uint64_t v[4];
} state_t;

static uint64_t turn(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(state_t *s)
{
    uint64_t *v = s->v;
    v[0] += v[1], v[1] = turn(v[1], 13) ^ v[0], v[0] = turn(v[0], 32);
    v[2] += v[3], v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = turn(v[1], 17) ^ v[2], v[2] = turn(v[2], 32);
}

static void take_word(state_t *s, uint64_t word)
{
    s->v[3] ^= word;
    mix(s);
    s->v[0] ^= word;
}

//  The size closes each text, so that name and code cannot run into each other.
static void take(state_t *s, wire_str_t text)
{
    uint64_t word = 0;
    size_t i = 0;
    for (; i + sizeof word <= text.size; i += sizeof word) {
        memcpy(&word, text.data + i, sizeof word);
        take_word(s, word);
    }
    word = 0;
    if (text.size > i)
        memcpy(&word, text.data + i, text.size - i);
    take_word(s, word);
    take_word(s, text.size);
}

void jail_hash(const uint64_t key[2], wire_str_t name, wire_str_t code, uint8_t hash[JAIL_HASH])
{
    state_t s = { { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                    key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) } };
    take(&s, name);
    take(&s, code);
    s.v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        mix(&s);
    uint64_t sum = s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
    memcpy(hash, &sum, JAIL_HASH);
}
