/* ec_taps.h - the taps of a pool's window that lie within the input, four channels at a time. */
#ifndef EC_TAPS_H
#define EC_TAPS_H

#include "ec_dsp.h"

/* Taps of one axis, from `begin` on, up to but without `end`; none where both are equal. */
typedef struct {
    int32_t begin;
    int32_t end;
} ec_taps;

/* Of `kernel` taps at first, first + dilation, ... those that lie in 0 .. size - 1. */
static inline ec_taps ec_taps_within(int32_t first, int32_t kernel, int32_t dilation, int32_t size) {
    ec_taps taps = {0, kernel};
    while (taps.begin < kernel && first + taps.begin * dilation < 0) {
        taps.begin++;
    }
    while (taps.end > taps.begin && first + (taps.end - 1) * dilation >= size) {
        taps.end--;
    }
    return taps;
}

static inline int32_t ec_taps_count(ec_taps taps) { return taps.end - taps.begin; }

/* A box of taps; steps in bytes. */
typedef struct {
    int32_t rows;
    int32_t columns;
    int32_t row_step;
    int32_t column_step;
} ec_window;

/* Rows that follow each other without a gap are one row. */
static inline void ec_join_rows(ec_window *w) {
    if (w->columns * w->column_step == w->row_step) {
        w->columns *= w->rows;
        w->rows = 1;
    }
}

/* clang-format off */

/* Lines of assembly over `rows` > 0 times `columns` > 0 taps: ONE uses the four bytes in x, TWO those in x and y. They may use t and must
 * leave the flags. `row` and `rows` are used up. */
#define EC_OVER_TAPS(ONE, TWO) \
    "1:\n\t" \
    "mov %[tap], %[row]\n\t" \
    "lsrs %[pairs], %[columns], #1\n\t" \
    "bcc 2f\n\t" \
    "ldr %[x], [%[tap]]\n\t" \
    "add %[tap], %[tap], %[step]\n\t" \
    ONE \
    "2:\n\t" \
    "beq 4f\n" \
    "3:\n\t" \
    "ldr %[x], [%[tap]]\n\t" \
    "ldr %[y], [%[tap], %[step]]\n\t" \
    "add %[tap], %[tap], %[step], lsl #1\n\t" \
    TWO \
    "subs %[pairs], %[pairs], #1\n\t" \
    "bne 3b\n" \
    "4:\n\t" \
    "add %[row], %[row], %[row_step]\n\t" \
    "subs %[rows], %[rows], #1\n\t" \
    "bne 1b"

/* clang-format on */

#endif
