//  wire_error - the tables behind the list in wire_error.h

#include "wire_error.h"

#include <string.h>

static const struct {
    const char *word;
    const char *text;
    bool definite;
} errors[] = {
#define X(name, id, word, definite, text) [id] = { word, text, definite },
    WIRE_ERRORS(X)
#undef X
};

#define ERROR_COUNT ((int) (sizeof errors / sizeof errors[0]))

static int known(int error)
{
    return error >= 0 && error < ERROR_COUNT && errors[error].word ? error : WIRE_E_INTERNAL;
}

const char *wire_error_word(int error)
{
    return errors[known(error)].word;
}

const char *wire_error_text(int error)
{
    return errors[known(error)].text;
}

bool wire_error_definite(int error)
{
    return errors[known(error)].definite;
}

int wire_error_of(const char *word, size_t size)
{
    for (int i = 0; i < ERROR_COUNT; i++)
        if (errors[i].word && strlen(errors[i].word) == size && memcmp(errors[i].word, word, size) == 0)
            return i;
    return WIRE_E_REMOTE;
}
