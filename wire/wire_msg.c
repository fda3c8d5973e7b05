//  wire_msg - envelope and link header, encode beside decode

#include "wire_msg.h"

#include "wire_bytes.h"
#include "wire_scan.h"

#define ENVELOPE_FIELDS 4       //  version, type, request, ttl_ms
#define PROC_FIELDS     6       //  and from, to

//  The most that version, type, request and ttl_ms take.
#define ENVELOPE_SIZE   (1 + 9 + 9 + 5)

//  An id of up to 31 bytes, which nearly all are, in place.
#define SHORT           31
#define SHORT_SIZE      (1 + SHORT)

static uint8_t *store_envelope(uint8_t *at, wire_type_t type, uint64_t request, uint32_t ttl)
{
    *at++ = WIRE_VERSION;
    at = wire_store_uint(at, (uint64_t) type);
    at = wire_store_uint(at, request);
    *at++ = 0xce;
    wire_store32(at, ttl);
    return at + 4;
}

static uint8_t *store_short(uint8_t *at, wire_str_t text)
{
    *at++ = (uint8_t) (0xa0u | text.size);
    wire_copy_short(at, text.data, text.size);
    return at + text.size;
}

static void begin(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl, uint32_t fields)
{
    wire_put_array(out, fields);
    uint8_t *at = wire_buf_reserve(out, ENVELOPE_SIZE);
    if (at)
        out->size = (size_t) (store_envelope(at, type, request, ttl) - out->data);
}

void wire_msg_begin(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl, uint32_t count)
{
    begin(out, type, request, ttl, ENVELOPE_FIELDS + count);
}

void wire_msg_begin_proc(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl,
                         wire_str_t from, wire_str_t to, uint32_t count)
{
    bool usual = from.size - 1 < SHORT && to.size - 1 < SHORT && count <= 15 - PROC_FIELDS;
    uint8_t *at = usual ? wire_buf_reserve(out, 1 + ENVELOPE_SIZE + 2 * SHORT_SIZE) : NULL;
    if (at) {
        *at = (uint8_t) (0x90u | (PROC_FIELDS + count));
        at = store_envelope(at + 1, type, request, ttl);
        at = store_short(store_short(at, from), to);
        out->size = (size_t) (at - out->data);
        return;
    }
    begin(out, type, request, ttl, PROC_FIELDS + count);
    wire_put_str(out, from.data, from.size);
    wire_put_str(out, to.data, to.size);
}

//  The opening as our own writers make it: array, version and type a byte each, request and ttl_ms up
//  to five, so the end is looked at once. Each message that arrives passes here.
#define USUAL_SIZE      (1 + 1 + 1 + 5 + 5)

//  The place behind a number of one, three or five bytes; NULL when it has another form.
static inline const uint8_t *usual_uint(const uint8_t *at, uint64_t *value)
{
    if (*at <= 0x7f) {
        *value = *at;
        return at + 1;
    }
    if (*at == 0xcd) {
        *value = wire_load16(at + 1);
        return at + 3;
    }
    *value = wire_load32(at + 1);
    return *at == 0xce ? at + 5 : NULL;
}

//  False when anything has another form; then nothing is read.
static inline bool read_usual(wire_reader_t *self, wire_msg_t *msg, uint32_t *fields)
{
    const uint8_t *at = self->at;
    if (self->end - at < USUAL_SIZE || (at[0] & 0xf0) != 0x90 || (at[0] & 0x0f) < ENVELOPE_FIELDS
            || at[1] != WIRE_VERSION || at[2] > 0x7f || at[2] == WIRE_LINK)
        return false;
    msg->type = (wire_type_t) at[2];
    *fields = (at[0] & 0x0fu) - ENVELOPE_FIELDS;
    at = usual_uint(at + 3, &msg->request);
    if (!at || *at != 0xce)
        return false;
    msg->ttl = wire_load32(at + 1);
    self->at = at + 5;
    return true;
}

//  [ version, type, request, ttl_ms: msg gets them, *fields how many follow.
static int read_envelope(wire_reader_t *at, wire_msg_t *msg, uint32_t *fields)
{
    uint64_t version, type, ttl;
    if (wire_read_array(at, fields) || *fields < ENVELOPE_FIELDS || wire_read_uint(at, &version))
        return WIRE_E_MALFORMED;
    if (version != WIRE_VERSION)
        return WIRE_E_VERSION;
    if (wire_read_uint(at, &type) || type > INT32_MAX || type == WIRE_LINK
            || wire_read_uint(at, &msg->request)
            || wire_read_uint(at, &ttl) || ttl > UINT32_MAX)
        return WIRE_E_MALFORMED;
    msg->type = (wire_type_t) type;
    msg->ttl = (uint32_t) ttl;
    *fields -= ENVELOPE_FIELDS;
    return 0;
}

static int read_ends(wire_reader_t *at, wire_msg_t *msg, uint32_t *fields)
{
    if (*fields < 2 || wire_read_name(at, &msg->from) || wire_read_name(at, &msg->to))
        return WIRE_E_MALFORMED;
    *fields -= 2;
    return 0;
}

int wire_msg_next(wire_reader_t *frame, wire_msg_t *msg)
{
    wire_reader_t at = *frame;
    int rc = read_usual(&at, msg, &msg->count) ? 0 : read_envelope(&at, msg, &msg->count);
    if (rc)
        return rc;
    uint64_t objects = 1u + ENVELOPE_FIELDS + (uint64_t) msg->count;
    msg->from = msg->to = (wire_str_t) { NULL, 0 };
    if (wire_type_way((unsigned) msg->type) == WIRE_WAY_PROC && read_ends(&at, msg, &msg->count))
        return WIRE_E_MALFORMED;

    msg->fields.at = at.at;
    if (!wire_scan_usual(&at, msg->count) && (rc = wire_scan_values(&at, msg->count, 1, objects)) != 0)
        return rc;
    if (at.at - frame->at > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    msg->fields.end = at.at;
    msg->whole = (wire_reader_t) { frame->at, at.at };
    frame->at = at.at;
    return 0;
}

//  What is left never exceeds what was there, so it fits in whatever form another
//  implementation chose; ours is always the five bytes of 0xce.
static void patch_uint(uint8_t *at, uint32_t value)
{
    bool negative_form = (*at & 0xfc) == 0xd0;
    if (*at < 0x80) {
        *at = value < 0x7f ? (uint8_t) value : 0x7f;
        return;
    }
    unsigned width = 1u << (*at & 3);   //  0xcc..0xcf, 0xd0..0xd3: 1, 2, 4, 8 bytes
    uint64_t most = UINT64_MAX >> (64 - 8 * width + (negative_form ? 1 : 0));
    uint64_t left = value < most ? value : most;
    for (unsigned i = width; i; i--, left >>= 8)
        at[i] = (uint8_t) left;
}

void wire_msg_set_ttl(uint8_t *message, size_t size, uint32_t ttl)
{
    wire_reader_t at = wire_reader(message, size);
    uint32_t fields;
    wire_msg_t msg;
    wire_reader_t place = at;
    if (wire_read_array(&place, &fields) || wire_skip(&place) || wire_skip(&place) || wire_skip(&place))
        return;
    if (read_envelope(&at, &msg, &fields) == 0)
        patch_uint(message + (place.at - message), ttl);
}

//  [ version, LINK, seq, ack ]     94 01 01 cf seq:8 cf ack:8
void wire_link_put(wire_buf_t *out, uint64_t seq, uint64_t ack)
{
    uint8_t *at = wire_buf_reserve(out, WIRE_LINK_HEADER_SIZE);
    if (!at)
        return;
    at[0] = 0x94;
    at[1] = WIRE_VERSION;
    at[2] = WIRE_LINK;
    at[3] = 0xcf;
    wire_store64(at + 4, seq);
    at[12] = 0xcf;
    wire_store64(at + 13, ack);
    out->size += WIRE_LINK_HEADER_SIZE;
}

void wire_link_set_ack(uint8_t *frame, uint64_t ack)
{
    wire_store64(frame + 13, ack);
}

int wire_link_read(wire_reader_t *frame, wire_link_header_t *header)
{
    wire_reader_t at = *frame;
    uint32_t fields;
    uint64_t version, type;
    if (wire_read_array(&at, &fields) || fields != 4
            || wire_read_uint(&at, &version) || version != WIRE_VERSION
            || wire_read_uint(&at, &type) || type != WIRE_LINK
            || wire_read_uint(&at, &header->seq)
            || wire_read_uint(&at, &header->ack))
        return WIRE_E_MALFORMED;
    *frame = at;
    return 0;
}
