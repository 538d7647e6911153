/* ec_mve_columns.h - columns of a convolution's windows: kernel_h inputs of a group that lie above each other, brought together. */
#ifndef EC_MVE_COLUMNS_H
#define EC_MVE_COLUMNS_H

#include "ec_conv2d_s8.h"
#include "ec_mve_runs.h"

typedef struct {
    const ec_conv2d_s8_params *p;
    ec_mve_runs rows; /* of columns: the group's channels of an input pixel */
    uint32_t size;
    uint32_t step; /* columns of the input from one column of a window to the next */
} ec_mve_columns;

static inline ec_mve_columns ec_mve_make_columns(const ec_conv2d_s8_params *p) {
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t size = p->kernel_h * channels;
    const ec_mve_columns c = {p, ec_mve_make_runs(channels, size), size, p->dilation_w};
    return c;
}

/* Columns from (y, x) of the input on. */
static void ec_mve_fill_columns(const ec_mve_columns *c, const int8_t *input, int32_t y, int32_t x, uint32_t count, int8_t *to) {
    const ec_conv2d_s8_params *p = c->p;
    const int32_t step = (int32_t)c->step;
    uint32_t before = 0;
    uint32_t end = count;
    while (before < count && x + (int32_t)before * step < 0) {
        before++;
    }
    while (end > before && x + (int32_t)(end - 1U) * step >= p->input_w) {
        end--;
    }
    int8_t *const inside = to + before * c->size;
    ec_mve_fill(to, p->input_zero_point, before * c->size);
    ec_mve_fill(to + end * c->size, p->input_zero_point, (count - end) * c->size);
    for (uint32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
        int8_t *const row = inside + ky * c->rows.size;
        if (y < 0 || y >= p->input_h) {
            ec_mve_fill_runs(&c->rows, p->input_zero_point, row, end - before);
        } else {
            const uint32_t pixel = (uint32_t)(y * p->input_w + x) + before * c->step;
            ec_mve_copy_runs(&c->rows, input + pixel * p->input_c, c->step * p->input_c, row, end - before);
        }
    }
}

#endif
