/* ec_zero_input_lists.h - the inputs of a row that are not zero, listed once for all windows that read them. */
#ifndef EC_ZERO_INPUT_LISTS_H
#define EC_ZERO_INPUT_LISTS_H

#include <stdint.h>

/* A value without the zero point, and where its weights are: bytes from the first weights of a tap. The first entry of a list holds how
 * many follow, as its offset. */
typedef struct {
    uint16_t offset;
    int16_t value;
} ec_entry;

typedef struct {
    uint32_t pixel; /* bytes from column to column of the input */
    uint32_t channels;
    uint32_t channel_bytes; /* of weights, from one channel to the next */
    int32_t zero_point;
    uint32_t zero_span; /* values up to it count as zero */
    uint32_t list;      /* entries from one list to the next */
} ec_list_format;

/* Appends a value unless it counts as zero. */
static inline __attribute__((always_inline)) ec_entry *ec_append(ec_entry *to, int32_t value, uint32_t zero_span, uint32_t offset) {
    if ((uint32_t)value > zero_span) { /* or negative */
        to->offset = (uint16_t)offset;
        to->value = (int16_t)value;
        to++;
    }
    return to;
}

/* Lists each column of a row of the input. */
static __attribute__((noinline)) void ec_list_columns(const ec_list_format *f, const int8_t *from, uint32_t columns, ec_entry *lists) {
    const int32_t zero_point = f->zero_point;
    const uint32_t span = f->zero_span;
    const uint32_t step = f->channel_bytes;
    for (; columns > 0; columns--) {
        const int8_t *input = from;
        ec_entry *to = lists + 1;
        uint32_t offset = 0;
        uint32_t left = f->channels;
        for (; left >= 4U; left -= 4U) {
            to = ec_append(to, input[0] - zero_point, span, offset);
            offset += step;
            to = ec_append(to, input[1] - zero_point, span, offset);
            offset += step;
            to = ec_append(to, input[2] - zero_point, span, offset);
            offset += step;
            to = ec_append(to, input[3] - zero_point, span, offset);
            offset += step;
            input += 4;
        }
        for (; left > 0; left--) {
            to = ec_append(to, *input++ - zero_point, span, offset);
            offset += step;
        }
        lists->offset = (uint16_t)(to - lists - 1);
        lists += f->list;
        from += f->pixel;
    }
}

#endif
