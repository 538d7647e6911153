/* ec_zero_input_pairs.h - inputs that are not zero: listed once for all windows that read them, then two by two for a window. */
#ifndef EC_ZERO_INPUT_PAIRS_H
#define EC_ZERO_INPUT_PAIRS_H

#include <stddef.h>

#include "ec_dsp.h"
#include "ec_lanes.h"

#define EC_PAIRS_IN_TURN 2u /* of the loop over them */

/* Two inputs of a window without the zero point, and their weights for the first block of output channels. */
typedef struct {
    uint32_t values;
    const int8_t *weights[2];
} ec_input_pair;
_Static_assert(sizeof(ec_input_pair) == 12 && offsetof(ec_input_pair, weights) == 4, "the assembly counts on it");

/* How a column is listed: the number of entries, then the entries. One has the value without the zero point in its upper half, in its lower
 * half the offset of its weights from the first of the tap. */
typedef struct {
    uint32_t pixel; /* bytes from column to column of the input */
    uint32_t channels;
    uint32_t row_bytes; /* of weights, from one input to the next */
    int32_t zero_point;
    uint32_t zero_span; /* values up to it count as zero */
    uint32_t list;      /* words from one list to the next */
} ec_list_format;

/* Stores a value, which the next one overwrites if it counts as zero. */
static inline uint32_t *ec_list_value(uint32_t *to, int32_t value, uint32_t zero_span, uint32_t offset) {
    *to = (uint32_t)value << 16 | offset;
    return (uint32_t)value > zero_span ? to + 1 : to; /* or negative */
}

/* Lists each column of a row of the input. */
EC_NOT_INLINED static void ec_list_columns(const ec_list_format *f, const int8_t *from, uint32_t columns, uint32_t *lists) {
    const int32_t zero_point = f->zero_point;
    const uint32_t span = f->zero_span;
    const uint32_t step = f->row_bytes;
    for (; columns > 0; columns--) {
        const int8_t *input = from;
        uint32_t *to = lists + 1;
        uint32_t offset = 0;
        for (uint32_t left = f->channels; left > 0; left--) {
            to = ec_list_value(to, *input++ - zero_point, span, offset);
            offset += step;
        }
        *lists = (uint32_t)(to - lists - 1);
        lists += f->list;
        from += f->pixel;
    }
}

/* Where the next pair goes, and whether it has its first input already. */
typedef struct {
    ec_input_pair *to;
    uint32_t is_half;
} ec_pair_end;

static inline const int8_t *ec_weights_of(uint32_t entry, const int8_t *tap) { return tap + (uint16_t)entry; }

/* Appends what is listed for a tap, whose weights begin at `tap`. */
static inline ec_pair_end ec_append_list(ec_pair_end end, const uint32_t *list, const int8_t *tap) {
    ec_input_pair *to = end.to;
    uint32_t left = *list++;
    if (left == 0) {
        return end;
    }
    if (end.is_half) {
        to->values |= *list & 0xffff0000u;
        to->weights[1] = ec_weights_of(*list++, tap);
        to++;
        left--;
    }
    for (; left >= 2u; left -= 2u) {
        to->values = ec_pack_high(list[0], list[1]);
        to->weights[0] = ec_weights_of(list[0], tap);
        to->weights[1] = ec_weights_of(list[1], tap);
        to++;
        list += 2;
    }
    if (left > 0) {
        to->values = *list >> 16;
        to->weights[0] = ec_weights_of(*list, tap);
        to->weights[1] = to->weights[0];
    }
    end.to = to;
    end.is_half = left;
    return end;
}

/* Completes the last turn of a loop, one turn at least, with pairs that are zero; any weights will do. Returns the end. */
static inline const ec_input_pair *ec_end_pairs(const ec_input_pair *pairs, ec_pair_end end, const int8_t *weights) {
    ec_input_pair *to = end.to + end.is_half;
    while (to == pairs || (uint32_t)(to - pairs) % EC_PAIRS_IN_TURN != 0) {
        to->values = 0;
        to->weights[0] = weights;
        to->weights[1] = weights;
        to++;
    }
    return to;
}

#endif
