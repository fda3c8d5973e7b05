//  link_open - HELLO and its kin, encode beside decode

#include "link_open.h"

#include <string.h>

static void put_body(wire_buf_t *out, wire_reader_t body)
{
    if (body.at == body.end)
        wire_put_map(out, 0);
    else
        wire_buf_append(out, body.at, (size_t) (body.end - body.at));
}

//  A short text that may be empty.
static int read_text(wire_reader_t *at, wire_str_t *text)
{
    int rc = wire_read_bytes(at, text);
    if (rc == 0 && text->size > WIRE_MAX_NAME)
        rc = WIRE_E_TOO_BIG;
    return rc;
}

static int read_body(wire_reader_t *at, wire_reader_t *body)
{
    uint32_t pairs;
    wire_reader_t map = *at;
    body->at = at->at;
    if (wire_read_map(&map, &pairs) || wire_skip(at))
        return WIRE_E_MALFORMED;
    body->end = at->at;
    return 0;
}

//  [ min_version, max_version, features, nonce, role, name, incarnation, proof, session, body{} ]
void wire_put_hello(wire_buf_t *out, const wire_hello_t *self)
{
    wire_msg_begin(out, WIRE_HELLO, 0, 0, 10);
    wire_put_uint(out, self->min_version);
    wire_put_uint(out, self->max_version);
    wire_put_uint(out, self->features);
    wire_put_uint(out, self->nonce);
    wire_put_str(out, self->role.data, self->role.size);
    wire_put_text(out, self->name.data, self->name.size);
    wire_put_uint(out, self->incarnation);
    wire_put_text(out, self->proof.data, self->proof.size);
    wire_put_uint(out, self->session);
    put_body(out, self->body);
}

int wire_read_hello(const wire_msg_t *msg, wire_hello_t *self)
{
    wire_reader_t at = msg->fields;
    if (msg->type != WIRE_HELLO || msg->count < 10
            || wire_read_u32(&at, &self->min_version)
            || wire_read_u32(&at, &self->max_version)
            || wire_read_u32(&at, &self->features)
            || wire_read_uint(&at, &self->nonce)
            || read_text(&at, &self->role)
            || read_text(&at, &self->name)
            || wire_read_uint(&at, &self->incarnation)
            || read_text(&at, &self->proof)
            || wire_read_uint(&at, &self->session)
            || read_body(&at, &self->body))
        return WIRE_E_MALFORMED;
    return 0;
}

//  [ version, features, nonce, role, name, incarnation, session, term, brokers[], body{} ]
void wire_put_welcome(wire_buf_t *out, const wire_welcome_t *self)
{
    wire_msg_begin(out, WIRE_WELCOME, 0, 0, 10);
    wire_put_uint(out, self->version);
    wire_put_uint(out, self->features);
    wire_put_uint(out, self->nonce);
    wire_put_str(out, self->role.data, self->role.size);
    wire_put_text(out, self->name.data, self->name.size);
    wire_put_uint(out, self->incarnation);
    wire_put_uint(out, self->session);
    wire_put_uint(out, self->term);
    wire_put_array(out, 0);             //  No other brokers yet
    put_body(out, self->body);
}

int wire_read_welcome(const wire_msg_t *msg, wire_welcome_t *self)
{
    wire_reader_t at = msg->fields;
    if (msg->type != WIRE_WELCOME || msg->count < 10
            || wire_read_u32(&at, &self->version)
            || wire_read_u32(&at, &self->features)
            || wire_read_uint(&at, &self->nonce)
            || read_text(&at, &self->role)
            || read_text(&at, &self->name)
            || wire_read_uint(&at, &self->incarnation)
            || wire_read_uint(&at, &self->session)
            || wire_read_uint(&at, &self->term)
            || wire_skip(&at)
            || read_body(&at, &self->body))
        return WIRE_E_MALFORMED;
    return 0;
}

static void put_reason(wire_buf_t *out, int code, const char *text)
{
    wire_put_cstr(out, wire_error_word(code));
    wire_put_text(out, text ? text : "", text ? strlen(text) : 0);
}

static int read_reason(wire_reader_t *at, int *code, wire_str_t *text)
{
    wire_str_t word;
    if (wire_read_bytes(at, &word) || wire_read_bytes(at, text))
        return WIRE_E_MALFORMED;
    *code = wire_error_of(word.data, word.size);
    return 0;
}

//  [ nonce, code, text ]
void wire_put_refused(wire_buf_t *out, uint64_t nonce, int code, const char *text)
{
    wire_msg_begin(out, WIRE_REFUSED, 0, 0, 3);
    wire_put_uint(out, nonce);
    put_reason(out, code, text);
}

int wire_read_refused(const wire_msg_t *msg, wire_refused_t *self)
{
    wire_reader_t at = msg->fields;
    if (msg->type != WIRE_REFUSED || msg->count < 3 || wire_read_uint(&at, &self->nonce))
        return WIRE_E_MALFORMED;
    return read_reason(&at, &self->code, &self->text);
}

//  [ nonce, session, received ]
void wire_put_resume(wire_buf_t *out, wire_type_t type, const wire_resume_t *self)
{
    wire_msg_begin(out, type, 0, 0, 3);
    wire_put_uint(out, self->nonce);
    wire_put_uint(out, self->session);
    wire_put_uint(out, self->received);
}

int wire_read_resume(const wire_msg_t *msg, wire_resume_t *self)
{
    wire_reader_t at = msg->fields;
    if ((msg->type != WIRE_RESUME && msg->type != WIRE_RESUMED) || msg->count < 3
            || wire_read_uint(&at, &self->nonce)
            || wire_read_uint(&at, &self->session)
            || wire_read_uint(&at, &self->received))
        return WIRE_E_MALFORMED;
    return 0;
}

//  [ code, text ]
void wire_put_bye(wire_buf_t *out, int code, const char *text)
{
    wire_msg_begin(out, WIRE_BYE, 0, 0, 2);
    put_reason(out, code, text);
}

int wire_read_bye(const wire_msg_t *msg, int *code, wire_str_t *text)
{
    wire_reader_t at = msg->fields;
    if (msg->type != WIRE_BYE || msg->count < 2)
        return WIRE_E_MALFORMED;
    return read_reason(&at, code, text);
}

void wire_put_who(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_WHO, 0, 0, 0);
}

bool wire_proof_equal(wire_str_t a, wire_str_t b)
{
    unsigned differ = a.size != b.size;
    for (size_t i = 0; i < a.size; i++)
        differ |= (unsigned) (uint8_t) a.data[i] ^ (b.size ? (unsigned) (uint8_t) b.data[i % b.size] : 1u);
    return differ == 0;
}
