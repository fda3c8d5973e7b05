//  jail_frame - one frame, built and looked at

#include "jail_frame.h"

#include "wire_error.h"

void jail_frame_begin(wire_buf_t *out, jail_type_t type)
{
    wire_buf_clear(out);
    wire_buf_append(out, "\0\0\0\0", 4);
    wire_put_byte(out, (uint8_t) type);
}

void jail_frame_end(wire_buf_t *out)
{
    if (out->failed)
        return;
    size_t size = out->size - 4;
    for (unsigned i = 0; i < 4; i++)
        out->data[i] = (uint8_t) (size >> (8 * i));
}

int jail_frame_look(const wire_buf_t *in, size_t limit, jail_frame_t *frame)
{
    size_t size = 0;
    if (in->size < JAIL_HEAD)
        return WIRE_E_STATE;
    for (unsigned i = 0; i < 4; i++)
        size |= (size_t) in->data[i] << (8 * i);
    if (size > limit)
        return WIRE_E_TOO_BIG;
    if (size == 0 || in->size > size + 4)
        return WIRE_E_MALFORMED;
    if (in->size < size + 4)
        return WIRE_E_STATE;
    frame->type = in->data[4];
    frame->body = wire_reader(in->data + JAIL_HEAD, size - 1);
    return 0;
}

int jail_frame_value(wire_reader_t *body, wire_kind_t kind, wire_reader_t *value)
{
    wire_reader_t ahead = *body, first = *body;
    wire_item_t item;
    int rc = wire_scan(&ahead);
    if (rc)
        return rc;
    if (wire_read(&first, &item) || (item.kind != kind && !(kind == WIRE_IS_STR && item.kind == WIRE_IS_BIN)))
        return WIRE_E_MALFORMED;
    *value = wire_reader(body->at, (size_t) (ahead.at - body->at));
    *body = ahead;
    return 0;
}
