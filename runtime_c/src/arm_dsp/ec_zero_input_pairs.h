/* ec_zero_input_pairs.h - inputs that are not zero: listed once for all windows that read them, then two by two for a window. */
#ifndef EC_ZERO_INPUT_PAIRS_H
#define EC_ZERO_INPUT_PAIRS_H

#include <stddef.h>

#include "ec_dsp.h"
#include "ec_lanes.h"

#define EC_PAIRS_IN_TURN 2u /* of the loop over them */
#define EC_NO_WEIGHTS NULL  /* behind the last pair */

/* Two inputs of a window without the zero point, and their weights for the first block of output channels. */
typedef struct {
    uint32_t values;
    const int8_t *weights[2];
} ec_input_pair;
_Static_assert(sizeof(ec_input_pair) == 12 && offsetof(ec_input_pair, weights) == 4, "the assembly counts on it");

/* How a row is listed: for each column the first of its entries, and the end; then the entries. One has the value without the zero point
 * in its upper half, in its lower half the offset of its weights. */
typedef struct {
    uint32_t pixel; /* bytes from column to column of the input */
    uint32_t columns;
    uint32_t channels;
    uint32_t row_bytes;    /* of weights, from one input to the next */
    uint32_t column_bytes; /* from where the offsets of one column begin to those of the next */
    int32_t zero_point;
    uint32_t zero_span; /* values up to it count as zero */
} ec_list_format;

/* What tells inputs that count as zero from others. */
typedef struct {
    uint32_t zeros; /* four of them, each the zero point */
    int32_t minus_zero_point;
    uint32_t span;
} ec_zero_rule;

/* clang-format off */

/* The entry of a byte of a word, unless it counts as zero: values above the span, or negative. */
#define EC_APPEND_BYTE(rotation)                                                                                                     \
    static inline uint32_t *ec_append_byte_##rotation(uint32_t *to, uint32_t word, const ec_zero_rule *zero, uint32_t offset) {      \
        uint32_t value;                                                                                                              \
        __asm__ volatile("sxtab %1, %2, %3, ror #" #rotation "\n\t"                                                                  \
                         "cmp %1, %4\n\t"                                                                                            \
                         "itt hi\n\t"                                                                                                \
                         "orrhi %1, %5, %1, lsl #16\n\t"                                                                             \
                         "strhi %1, [%0], #4"                                                                                        \
                         : "+r"(to), "=&r"(value)                                                                                    \
                         : "r"(zero->minus_zero_point), "r"(word), "r"(zero->span), "r"(offset)                                      \
                         : "cc", "memory");                                                                                          \
        return to;                                                                                                                   \
    }

EC_APPEND_BYTE(0)
EC_APPEND_BYTE(8)
EC_APPEND_BYTE(16)
EC_APPEND_BYTE(24)

#undef EC_APPEND_BYTE

/* clang-format on */

/* The channels of a pixel; returns where the list goes on. */
static inline __attribute__((always_inline)) uint32_t *ec_list_pixel(const int8_t *from, uint32_t channels, ec_zero_rule zero,
                                                                     uint32_t offset, uint32_t step, uint32_t *to) {
    for (; channels >= 4u; channels -= 4u) {
        const uint32_t word = ec_load_word(from);
        from += 4;
        if (word == zero.zeros) {
            offset += 4u * step;
            continue;
        }
        to = ec_append_byte_0(to, word, &zero, offset);
        offset += step;
        to = ec_append_byte_8(to, word, &zero, offset);
        offset += step;
        to = ec_append_byte_16(to, word, &zero, offset);
        offset += step;
        to = ec_append_byte_24(to, word, &zero, offset);
        offset += step;
    }
    for (; channels > 0; channels--) {
        to = ec_append_byte_0(to, (uint8_t)*from++, &zero, offset);
        offset += step;
    }
    return to;
}

/* Lists a row of the input. */
EC_NOT_INLINED static void ec_list_row(const ec_list_format *f, const int8_t *from, uint32_t **starts) {
    const ec_zero_rule zero = {ec_splat_byte((int8_t)f->zero_point), -f->zero_point, f->zero_span};
    const uint32_t channels = f->channels;
    const uint32_t step = f->row_bytes;
    uint32_t *to = (uint32_t *)(void *)(starts + f->columns + 1);
    uint32_t offset = 0;
    for (uint32_t columns = f->columns; columns > 0; columns--) {
        *starts++ = to;
        to = ec_list_pixel(from, channels, zero, offset, step, to);
        offset += f->column_bytes;
        from += f->pixel;
    }
    *starts = to;
}

/* Where the next pair goes, and whether it has its first input already. */
typedef struct {
    ec_input_pair *to;
    uint32_t is_half;
} ec_pair_end;

/* clang-format off */

#define PAIR_OF_ENTRIES                     \
    "ldrd   r5, r6, [r0], #8            \n" \
    "pkhtb  r4, r6, r5, asr #16         \n" \
    "uxtah  r5, r2, r5                  \n" \
    "uxtah  r6, r2, r6                  \n" \
    "stm    r3!, {r4, r5, r6}           \n"

/* Entries by twos, from `list` on, one pair or more; up to `last`, the last that may be the first of two. Returns the end. */
EC_ASM_FUNCTION static ec_input_pair *ec_put_pairs(const uint32_t *list EC_ASM_PARAMETER, const uint32_t *last EC_ASM_PARAMETER,
                                                   const int8_t *weights EC_ASM_PARAMETER, ec_input_pair *to EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r6, lr}                 \n"
        "1:" PAIR_OF_ENTRIES
        "cmp    r0, r1                      \n"
        "bhi    2f                          \n"
        PAIR_OF_ENTRIES
        "cmp    r0, r1                      \n"
        "bls    1b                          \n"
        "2: mov r0, r3                      \n"
        "pop    {r4-r6, pc}                 \n");
}

#undef PAIR_OF_ENTRIES

/* clang-format on */

/* Appends listed inputs; offsets of weights are from `weights` on. */
static inline ec_pair_end ec_append_list(ec_pair_end end, const uint32_t *list, const uint32_t *list_end, const int8_t *weights) {
    ec_input_pair *to = end.to;
    if (list == list_end) {
        return end;
    }
    if (end.is_half) {
        to->values |= *list & 0xffff0000u;
        to->weights[1] = weights + (uint16_t)*list++;
        to++;
    }
    const uint32_t left = (uint32_t)(list_end - list);
    if (left >= 2u) {
        to = ec_put_pairs(list, list_end - 2, weights, to);
    }
    if (left % 2u != 0) {
        to->values = list_end[-1] >> 16;
        to->weights[0] = weights + (uint16_t)list_end[-1];
        to->weights[1] = to->weights[0];
    }
    end.to = to;
    end.is_half = left % 2u;
    return end;
}

/* Completes the last turn of a loop, one turn at least, with pairs that are zero, for which any weights will do. */
static inline void ec_end_pairs(const ec_input_pair *pairs, ec_pair_end end, const int8_t *weights) {
    ec_input_pair *to = end.to + end.is_half;
    while (to == pairs || (uint32_t)(to - pairs) % EC_PAIRS_IN_TURN != 0) {
        to->values = 0;
        to->weights[0] = weights;
        to->weights[1] = weights;
        to++;
    }
    to->weights[0] = EC_NO_WEIGHTS;
}

#endif
