//  Any bytes as a frame: reading them must stay inside them and keep its own promises.
//
//  - what wire_msg_next accepts is within the limits, and all readers agree on where it ends
//  - what is decoded and written again is canonical: once more gives the same bytes
//  - a patched ttl leaves the same message
//  - what was not scanned (a map found in raw bytes) is refused, not overrun

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "link_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

//  ---- Decode, write canonically -------------------------------------------

static uint64_t items_of(const wire_item_t *item)
{
    return item->kind == WIRE_IS_MAP ? 2 * (uint64_t) item->as.count : item->kind == WIRE_IS_ARRAY ? item->as.count : 0;
}

static void put_item(wire_buf_t *out, const wire_item_t *item)
{
    switch (item->kind) {
    case WIRE_IS_NIL:    wire_put_nil(out); break;
    case WIRE_IS_BOOL:   wire_put_bool(out, item->as.boolean); break;
    case WIRE_IS_INT:    wire_put_int(out, item->as.integer); break;
    case WIRE_IS_UINT:   wire_put_uint(out, item->as.natural); break;
    case WIRE_IS_DOUBLE: wire_put_double(out, item->as.number); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN:    wire_put_text(out, item->as.bytes.data, item->as.bytes.size); break;
    case WIRE_IS_ARRAY:  wire_put_array(out, item->as.count); break;
    case WIRE_IS_MAP:    wire_put_map(out, item->as.count); break;
    case WIRE_IS_EXT:    wire_put_ext(out, item->ext, item->as.bytes.data, item->as.bytes.size); break;
    }
}

//  All tokens of `count` values that were scanned; *out gets them in canonical form.
static wire_reader_t copy_values(wire_reader_t at, uint64_t count, wire_buf_t *out)
{
    uint64_t objects = 0;
    for (; count; count--, objects++) {
        wire_item_t item;
        int rc = wire_read(&at, &item);
        assert(rc == 0);
        if (item.kind == WIRE_IS_STR || item.kind == WIRE_IS_BIN || item.kind == WIRE_IS_EXT)
            assert((const uint8_t *) item.as.bytes.data + item.as.bytes.size == at.at);
        put_item(out, &item);
        count += items_of(&item);
    }
    assert(objects <= WIRE_MAX_OBJECTS);
    return at;
}

static void check_values(wire_reader_t values, uint64_t count)
{
    wire_buf_t once = WIRE_BUF_EMPTY, twice = WIRE_BUF_EMPTY;
    wire_reader_t end = copy_values(values, count, &once);
    assert(end.at == values.end);

    wire_reader_t again = wire_reader(once.data, once.size);
    for (uint64_t i = 0; i < count; i++) {
        int rc = wire_scan(&again);
        assert(rc == 0 || rc == WIRE_E_TOO_BIG);    //  float32 became float64
        if (rc)
            break;
    }
    end = copy_values(wire_reader(once.data, once.size), count, &twice);
    assert(end.at == end.end);
    assert(once.size == twice.size && (once.size == 0 || memcmp(once.data, twice.data, once.size) == 0));
    wire_buf_free(&once);
    wire_buf_free(&twice);
}

//  ---- A message ------------------------------------------------------------

static void check_skip(const wire_msg_t *msg)
{
    wire_reader_t at = msg->whole;
    int rc = wire_skip(&at);
    assert(rc == 0 && at.at == msg->whole.end);
    at = msg->whole;
    rc = wire_scan(&at);
    assert(rc == 0 && at.at == msg->whole.end);
}

static void check_ttl(const wire_msg_t *msg)
{
    size_t size = (size_t) (msg->whole.end - msg->whole.at);
    uint8_t *copy = malloc(size);
    assert(copy);
    memcpy(copy, msg->whole.at, size);
    wire_msg_set_ttl(copy, size, msg->ttl / 2);     //  What is left never grows
    wire_reader_t at = wire_reader(copy, size);
    wire_msg_t patched;
    int rc = wire_msg_next(&at, &patched);
    assert(rc == 0 && at.at == at.end);
    assert(patched.ttl == msg->ttl / 2 && patched.request == msg->request && patched.type == msg->type);
    assert(patched.count == msg->count && patched.from.size == msg->from.size);
    free(copy);
}

static void check_opening(const wire_msg_t *msg)
{
    wire_hello_t hello;
    wire_welcome_t welcome;
    wire_refused_t refused;
    wire_resume_t resume;
    wire_str_t text;
    wire_reader_t value;
    int code;
    if (wire_read_hello(msg, &hello) == 0) {
        assert(hello.body.at >= msg->fields.at && hello.body.end <= msg->fields.end);
        (void) wire_map_find(&hello.body, "id", &value);
        (void) wire_proof_equal(hello.proof, hello.name);
    }
    if (wire_read_welcome(msg, &welcome) == 0)
        assert(welcome.body.at >= msg->fields.at && welcome.body.end <= msg->fields.end);
    (void) wire_read_refused(msg, &refused);
    (void) wire_read_resume(msg, &resume);
    (void) wire_read_bye(msg, &code, &text);
}

static void check_message(const wire_msg_t *msg)
{
    bool proc = wire_type_way((unsigned) msg->type) == WIRE_WAY_PROC;
    assert(msg->type != WIRE_LINK);
    assert(msg->whole.at < msg->fields.at && msg->fields.at <= msg->fields.end);
    assert(msg->fields.end == msg->whole.end);
    assert(msg->whole.end - msg->whole.at <= WIRE_MAX_MESSAGE);
    assert(proc ? msg->from.size >= 1 && msg->from.size <= WIRE_MAX_NAME : msg->from.size == 0);
    assert(proc ? msg->to.size >= 1 && msg->to.size <= WIRE_MAX_NAME : msg->to.size == 0);
    check_skip(msg);
    check_values(msg->fields, msg->count);
    check_ttl(msg);
    check_opening(msg);
}

static void read_frame(wire_reader_t at)
{
    wire_msg_t msg;
    while (at.at < at.end) {
        const uint8_t *before = at.at;
        int rc = wire_msg_next(&at, &msg);
        if (rc) {
            assert(at.at == before);
            assert(rc == WIRE_E_MALFORMED || rc == WIRE_E_TOO_BIG || rc == WIRE_E_TOO_DEEP || rc == WIRE_E_VERSION);
            return;
        }
        assert(at.at == msg.whole.end && at.at > before && at.at <= at.end);
        check_message(&msg);
    }
}

//  ---- Bytes that nobody scanned ----------------------------------------------

static void read_raw(wire_reader_t raw)
{
    wire_reader_t at = raw, value;
    wire_item_t item;
    while (wire_read(&at, &item) == 0)
        assert(at.at > raw.at && at.at <= raw.end);
    if (wire_map_find(&raw, "id", &value))
        assert(value.at > raw.at && value.at <= raw.end);
    at = raw;
    if (wire_skip(&at) == 0)
        assert(at.at > raw.at && at.at <= raw.end);
    wire_reader_t scanned = raw;
    if (wire_scan(&scanned) == 0) {
        assert(scanned.at == at.at);    //  Both agree on the end
        check_values((wire_reader_t) { raw.at, scanned.at }, 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wire_reader_t frame = wire_reader(data, size);
    wire_link_header_t header;
    read_raw(frame);
    read_frame(frame);
    if (wire_link_read(&frame, &header) == 0)
        read_frame(frame);
    return 0;
}
