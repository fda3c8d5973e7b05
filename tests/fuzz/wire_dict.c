//  Print libFuzzer's dictionary for fuzz_wire: an envelope's opening for each type, each error's
//  word, the keys of bodies and errors, and the heads that announce more than there is.

#include <stdio.h>
#include <string.h>

#include "wire_msg.h"

static void entry(const char *name, const wire_buf_t *bytes)
{
    printf("%s=\"", name);
    for (size_t i = 0; i < bytes->size; i++)
        printf("\\x%02x", bytes->data[i]);
    puts("\"");
}

static void type_entry(const char *name, wire_type_t type)
{
    static const wire_str_t a = { "1@ana", 5 }, b = { "2@bob", 5 };
    wire_buf_t buf = WIRE_BUF_EMPTY;
    if (type == WIRE_LINK)
        wire_link_put(&buf, 1, 0);
    else if (wire_type_way((unsigned) type) == WIRE_WAY_PROC)
        wire_msg_begin_proc(&buf, type, 1, 0, a, b, 3);
    else
        wire_msg_begin(&buf, type, 1, 0, 1);
    entry(name, &buf);
    wire_buf_free(&buf);
}

static void text_entry(const char *prefix, const char *text)
{
    char name[64];
    wire_buf_t buf = WIRE_BUF_EMPTY;
    wire_put_cstr(&buf, text);
    snprintf(name, sizeof name, "%s_%s", prefix, text);
    entry(name, &buf);
    wire_buf_free(&buf);
}

int main(void)
{
    static const char *const keys[] = {
        "id", "endpoints", "host", "apps", "names", "visitor", "spawn", "lease", "pid", "address", "lost",
        "code", "message", "node", "where", "traceback", "definite", "value"
    };
    static const char *const heads[] = {
        "\\xdd\\xff\\xff\\xff\\xff", "\\xdf\\xff\\xff\\xff\\xff", "\\xdb\\xff\\xff\\xff\\xff", "\\xc6\\xff\\xff\\xff\\xff",
        "\\xc9\\xff\\xff\\xff\\xff", "\\xdc\\xff\\xff", "\\xc1", "\\x91\\x91\\x91\\x91\\x91\\x91\\x91\\x91",
        "\\xcf\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff", "\\xd3\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00", "\\xce\\x00\\x00\\x75\\x30"
    };
#define X(name, id, way, early, change, counts, right, fields) type_entry(#name, WIRE_##name);
    WIRE_TYPES(X)
#undef X
#define X(name, id, word, definite, text) text_entry("error", word);
    WIRE_ERRORS(X)
#undef X
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        text_entry("key", keys[i]);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        printf("head_%zu=\"%s\"\n", i, heads[i]);
    return 0;
}
