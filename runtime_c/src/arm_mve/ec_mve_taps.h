/* ec_mve_taps.h - the taps of a pooling window that lie inside the input. */
#ifndef EC_MVE_TAPS_H
#define EC_MVE_TAPS_H

#include "ec_mve.h"

/* Taps first, first + dilation, ... along one axis: `count` of them from `begin` on lie in 0 .. size - 1. */
typedef struct {
    uint32_t begin;
    uint32_t count;
} ec_mve_taps;

static inline ec_mve_taps ec_mve_taps_inside(int32_t first, uint32_t kernel, int32_t dilation, int32_t size) {
    uint32_t begin = 0;
    uint32_t end = kernel;
    while (begin < kernel && first + (int32_t)begin * dilation < 0) {
        begin++;
    }
    while (end > begin && first + (int32_t)(end - 1U) * dilation >= size) {
        end--;
    }
    const ec_mve_taps taps = {begin, end - begin};
    return taps;
}

/* Taps that lie inside, in bytes from one to the next. */
typedef struct {
    const int8_t *first;
    uint32_t rows;
    uint32_t columns;
    uint32_t row_step;
    uint32_t column_step;
} ec_mve_window;

#endif
