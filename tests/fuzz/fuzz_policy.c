//  Any bytes as a policy's text, and as the packed rights of a RIGHTS message.
//
//  - what the reader takes is one value within the limits; what it refuses leaves the output as it was and says where
//  - text that is taken as a policy gives rights that are read again, and packed again are the same bytes
//  - packed bytes that are no rights are refused, not overrun

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "policy_text.h"
#include "wire_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const rights_t *rights, const uint8_t *data, size_t size)
{
    wire_str_t about = { (const char *) data, size < 64 ? size : 64 };
    for (unsigned right = 0; right < WIRE_RIGHT_LIMIT; right++)
        (void) rights_may(rights, (wire_right_t) right, about);
    assert(rights_code(rights, about) <= RIGHTS_FULL);
}

static void check_rights(wire_reader_t packed, const uint8_t *data, size_t size)
{
    char error[256];
    wire_buf_t once = WIRE_BUF_EMPTY, twice = WIRE_BUF_EMPTY;
    rights_t *rights = rights_new(packed, error);
    if (!rights)
        return;
    ask(rights, data, size);
    rights_put(rights, &once);
    rights_destroy(&rights);
    rights = rights_new(wire_reader(once.data, once.size), error);
    assert(rights);
    ask(rights, data, size);
    rights_put(rights, &twice);
    assert(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    rights_destroy(&rights);
    wire_buf_free(&once);
    wire_buf_free(&twice);
}

static void check_policy(wire_reader_t packed, const uint8_t *data, size_t size)
{
    static const wire_str_t names[] = { { "ana", 3 }, { "bob", 3 }, { "a", 1 } };
    char error[256];
    policy_t *policy = policy_new(packed, error);
    for (size_t i = 0; policy && i < sizeof names / sizeof names[0]; i++) {
        wire_buf_t out = WIRE_BUF_EMPTY;
        bool put = policy_put_rights(policy, names[i], names[i], &out);
        assert(put);
        rights_t *rights = rights_new(wire_reader(out.data, out.size), error);
        assert(rights);
        rights_destroy(&rights);
        check_rights(wire_reader(out.data, out.size), data, size);
        wire_buf_free(&out);
    }
    policy_destroy(&policy);
}

static void check_text(const uint8_t *data, size_t size)
{
    char error[POLICY_ERROR_TEXT] = "";
    wire_buf_t out = WIRE_BUF_EMPTY;
    int rc = policy_text_read((const char *) data, size, &out, error);
    if (rc) {
        assert(out.size == 0 && error[0] >= '1' && error[0] <= '9' && strchr(error, ':'));
        assert(rc == WIRE_E_SYNTAX || rc == WIRE_E_TOO_BIG || rc == WIRE_E_TOO_DEEP);
    }
    else {
        wire_reader_t at = wire_reader(out.data, out.size);
        rc = wire_scan(&at);
        assert(rc == 0 && at.at == at.end);
        check_policy(wire_reader(out.data, out.size), data, size);
        check_rights(wire_reader(out.data, out.size), data, size);
    }
    wire_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(data, size);
    check_rights(wire_reader(data, size), data, size);
    check_policy(wire_reader(data, size), data, size);
    return 0;
}
