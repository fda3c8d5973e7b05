//  space_ended - which spaces were destroyed lately, for those who work there lease by lease
//
//  A worker that was busy with its last tuple when the space ended would else begin a new space of that name and wait there
//  for ever. It says which lease it had last; one that is not newer than the space's end is of the space that is no more.

#include "space_state.h"

//  FNV-1a with a seed: a name is known by 64 bits of it.
static uint64_t hash_of(const spaces_t *self, wire_str_t name)
{
    uint64_t hash = 0xcbf29ce484222325u ^ self->config.seed;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (uint8_t) name.data[i]) * 0x100000001b3u;
    return hash;
}

void space_ended_note(spaces_t *self, wire_str_t name)
{
    self->ended[self->next_ended] = (space_ended_t) { hash_of(self, name), self->last_lease };
    self->next_ended = (self->next_ended + 1) % SPACES_ENDED;
}

bool space_ended_since(const spaces_t *self, wire_str_t name, uint64_t lease)
{
    uint64_t hash = hash_of(self, name);
    for (size_t i = 0; i < SPACES_ENDED; i++)
        if (self->ended[i].name == hash && self->ended[i].last_lease >= lease)
            return true;
    return false;
}
