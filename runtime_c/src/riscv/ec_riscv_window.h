/* ec_riscv_window.h - the taps of a pool's window that lie within the input. */
#ifndef EC_RISCV_WINDOW_H
#define EC_RISCV_WINDOW_H

#include <stdint.h>

#define EC_RISCV_PIXEL 4U /* channels computed together */

/* Taps of one axis, from `begin` on, up to but without `end`; none where both are equal. */
typedef struct {
    int32_t begin;
    int32_t end;
} ec_riscv_taps;

/* A box of taps; steps in bytes. */
typedef struct {
    uint32_t rows;
    uint32_t columns;
    int32_t row_step;
    int32_t column_step;
} ec_riscv_window;

/* Of `kernel` taps at first, first + dilation, ... those that lie in 0 .. size - 1. */
static inline ec_riscv_taps ec_riscv_taps_within(int32_t first, int32_t kernel, int32_t dilation, int32_t size) {
    ec_riscv_taps taps = {0, kernel};
    while (taps.begin < kernel && first + taps.begin * dilation < 0) {
        taps.begin++;
    }
    while (taps.end > taps.begin && first + (taps.end - 1) * dilation >= size) {
        taps.end--;
    }
    return taps;
}

static inline uint32_t ec_riscv_count(ec_riscv_taps taps) { return (uint32_t)(taps.end - taps.begin); }

#endif
