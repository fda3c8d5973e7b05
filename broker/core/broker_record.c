//  broker_record - encode beside decode

#include "broker_record.h"

#include "wire_error.h"

#define RECORD_FIELDS 9

const char *broker_record_name(unsigned kind)
{
    switch (kind) {
#define X(name, id, fields) case id: return #name;
    BROKER_RECORDS(X)
#undef X
    default: return NULL;
    }
}

static void put_optional(wire_buf_t *out, wire_str_t bytes)
{
    if (bytes.data)
        wire_put_bin(out, bytes.data, bytes.size);
    else
        wire_put_nil(out);
}

//  [ kind, time, session, request, number, name, body, count, key ]
void broker_record_put(wire_buf_t *out, const broker_record_t *record)
{
    wire_put_array(out, RECORD_FIELDS);
    wire_put_uint(out, (uint64_t) record->kind);
    wire_put_int(out, record->time);
    wire_put_uint(out, record->session);
    wire_put_uint(out, record->request);
    wire_put_uint(out, record->number);
    put_optional(out, record->name);
    put_optional(out, record->body);
    wire_put_uint(out, record->count);
    put_optional(out, record->key);
}

static int read_optional(wire_reader_t *in, wire_str_t *bytes)
{
    wire_reader_t ahead = *in;
    wire_item_t item;
    *bytes = (wire_str_t) { NULL, 0 };
    if (wire_read(&ahead, &item) || item.kind != WIRE_IS_NIL)
        return wire_read_bytes(in, bytes);
    *in = ahead;
    return 0;
}

int broker_record_read(const void *data, size_t size, broker_record_t *record)
{
    wire_reader_t in = wire_reader(data, size);
    uint32_t fields, kind;
    if (wire_read_array(&in, &fields) || fields != RECORD_FIELDS
            || wire_read_u32(&in, &kind) || !broker_record_name(kind)
            || wire_read_int(&in, &record->time)
            || wire_read_uint(&in, &record->session)
            || wire_read_uint(&in, &record->request)
            || wire_read_uint(&in, &record->number)
            || read_optional(&in, &record->name)
            || read_optional(&in, &record->body)
            || wire_read_u32(&in, &record->count)
            || read_optional(&in, &record->key) || in.at != in.end)
        return WIRE_E_MALFORMED;
    record->kind = (broker_record_kind_t) kind;
    return 0;
}
