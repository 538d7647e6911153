/* ec_riscv_patch.h - gather what a convolution reads for one output pixel into a lane of quads (ec_riscv_dot.h). */
#ifndef EC_RISCV_PATCH_H
#define EC_RISCV_PATCH_H

#include <stdint.h>
#include <string.h>

#include "ec_conv2d_s8.h"
#include "ec_requantize.h"
#include "ec_riscv_dot.h"

/* Where a layer's patches come from. */
typedef struct {
    const ec_conv2d_s8_params *params;
    const int8_t *input; /* first channel of the group */
    uint32_t channels;   /* of the group */
    uint32_t count;      /* elements of a patch */
    int8_t *line;        /* room for one patch, where pixels are not made of words; null where they are */
} ec_riscv_patches;

/* A whole number of bytes or, in a lane of quads, of words: the two forms of what follows, chosen when compiling. */
typedef enum { EC_RISCV_BYTES = 1, EC_RISCV_WORDS = 4 } ec_riscv_unit;

static inline __attribute__((always_inline)) void ec_riscv_put(int8_t *to, const int8_t *from, uint32_t at, ec_riscv_unit unit) {
    if (unit == EC_RISCV_BYTES) {
        to[at] = from[at];
    } else {
        memcpy(__builtin_assume_aligned(to + at * EC_RISCV_QUAD_BYTES, 4), __builtin_assume_aligned(from + at * 4U, 4), 4);
    }
}

/* Copies `bytes` and returns where to go on. */
static inline __attribute__((always_inline)) int8_t *ec_riscv_copy(int8_t *to, const int8_t *from, uint32_t bytes, ec_riscv_unit unit) {
    const uint32_t step = unit == EC_RISCV_BYTES ? 1U : EC_RISCV_QUAD_BYTES;
    uint32_t units = bytes / unit;
    for (; units >= 4U; units -= 4U) {
        ec_riscv_put(to, from, 0, unit);
        ec_riscv_put(to, from, 1, unit);
        ec_riscv_put(to, from, 2, unit);
        ec_riscv_put(to, from, 3, unit);
        to += 4U * step;
        from += 4U * unit;
    }
    for (; units > 0; units--) {
        ec_riscv_put(to, from, 0, unit);
        to += step;
        from += unit;
    }
    return to;
}

static inline __attribute__((always_inline)) int8_t *ec_riscv_fill(int8_t *to, int8_t value, uint32_t bytes, ec_riscv_unit unit) {
    const uint32_t step = unit == EC_RISCV_BYTES ? 1U : EC_RISCV_QUAD_BYTES;
    for (uint32_t units = bytes / unit; units > 0; units--) {
        const uint32_t word = (uint8_t)value * 0x01010101U;
        memcpy(__builtin_assume_aligned(to, unit), &word, unit);
        to += step;
    }
    return to;
}

/* The window whose rows are runs of neighbouring channels: padding, pixels, padding. */
static inline __attribute__((always_inline)) void ec_riscv_window_of_runs(const ec_riscv_patches *from, int32_t y, int32_t x, int8_t *to,
                                                                          ec_riscv_unit unit) {
    const ec_conv2d_s8_params *p = from->params;
    const int32_t first = ec_clamp(-x, 0, p->kernel_w);
    const int32_t end = ec_clamp(p->input_w - x, first, p->kernel_w);
    const uint32_t before = (uint32_t)first * from->channels;
    const uint32_t inside = (uint32_t)(end - first) * from->channels;
    const uint32_t after = (uint32_t)(p->kernel_w - end) * from->channels;
    const int32_t row_step = p->input_w * p->input_c;
    int32_t row = y * row_step + (x + first) * p->input_c;
    const int32_t dilation = p->dilation_h;
    const int32_t rows = p->input_h;
    const int8_t zero = p->input_zero_point;
    for (uint32_t ky = p->kernel_h; ky > 0; ky--) {
        if (y >= 0 && y < rows) {
            to = ec_riscv_fill(to, zero, before, unit);
            to = ec_riscv_copy(to, from->input + row, inside, unit);
            to = ec_riscv_fill(to, zero, after, unit);
        } else {
            to = ec_riscv_fill(to, zero, before + inside + after, unit);
        }
        y += dilation;
        row += dilation * row_step;
    }
}

/* The window tap by tap. */
static inline __attribute__((always_inline)) void ec_riscv_window_of_taps(const ec_riscv_patches *from, int32_t y, int32_t x, int8_t *to,
                                                                          ec_riscv_unit unit) {
    const ec_conv2d_s8_params *p = from->params;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        int32_t column = x;
        for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
            if (y >= 0 && y < p->input_h && column >= 0 && column < p->input_w) {
                to = ec_riscv_copy(to, from->input + (y * p->input_w + column) * p->input_c, from->channels, unit);
            } else {
                to = ec_riscv_fill(to, p->input_zero_point, from->channels, unit);
            }
            column += p->dilation_w;
        }
        y += p->dilation_h;
    }
}

static inline __attribute__((always_inline)) void ec_riscv_window(const ec_riscv_patches *from, int32_t y, int32_t x, int8_t *to,
                                                                  ec_riscv_unit unit) {
    if (from->params->dilation_w == 1 && from->params->groups == 1) {
        ec_riscv_window_of_runs(from, y, x, to, unit);
    } else {
        ec_riscv_window_of_taps(from, y, x, to, unit);
    }
}

/* The patch whose first tap lies at (y, x), which may be in the padding. */
static inline void ec_riscv_gather(const ec_riscv_patches *from, int32_t y, int32_t x, int8_t *lane) {
    if (from->line == NULL) {
        ec_riscv_window(from, y, x, lane, EC_RISCV_WORDS);
    } else {
        ec_riscv_window(from, y, x, from->line, EC_RISCV_BYTES);
        ec_riscv_copy(lane, from->line, from->count + 3U, EC_RISCV_WORDS);
    }
}

#endif
