/* Four channels at a time, whose largest values stay in registers over the window. */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_max_pool2d_s8.h"

#include "ec_requantize.h"
#include "ec_riscv_window.h"

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static inline void largest_of_four(const ec_riscv_window *w, const int8_t *from, int32_t low, int32_t high, int8_t *output) {
    int32_t a = INT8_MIN;
    int32_t b = INT8_MIN;
    int32_t c = INT8_MIN;
    int32_t d = INT8_MIN;
    const int32_t step = w->column_step;
    const int32_t gap = w->row_step - (int32_t)w->columns * step;
    for (uint32_t row = w->rows; row > 0; row--) {
        for (uint32_t column = w->columns; column > 0; column--) {
            a = larger(a, from[0]);
            b = larger(b, from[1]);
            c = larger(c, from[2]);
            d = larger(d, from[3]);
            from += step;
        }
        from += gap;
    }
    output[0] = (int8_t)ec_clamp(a, low, high);
    output[1] = (int8_t)ec_clamp(b, low, high);
    output[2] = (int8_t)ec_clamp(c, low, high);
    output[3] = (int8_t)ec_clamp(d, low, high);
}

static inline int8_t largest_of_one(const ec_riscv_window *w, const int8_t *from, int32_t low, int32_t high) {
    int32_t best = INT8_MIN;
    for (uint32_t row = w->rows; row > 0; row--) {
        const int8_t *tap = from;
        for (uint32_t column = w->columns; column > 0; column--) {
            best = larger(best, *tap);
            tap += w->column_step;
        }
        from += w->row_step;
    }
    return (int8_t)ec_clamp(best, low, high);
}

static __attribute__((noinline)) void pixel(const ec_max_pool2d_s8_params *p, const ec_riscv_window *w, const int8_t *from,
                                            int8_t *output) {
    const int32_t low = p->clamp_min;
    const int32_t high = p->clamp_max;
    uint32_t left = p->input_c;
    for (; left >= EC_RISCV_PIXEL; left -= EC_RISCV_PIXEL) {
        largest_of_four(w, from, low, high, output);
        from += EC_RISCV_PIXEL;
        output += EC_RISCV_PIXEL;
    }
    for (; left > 0; left--) {
        *output++ = largest_of_one(w, from++, low, high);
    }
}

void ec_max_pool2d_s8_riscv(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const int32_t row = params->input_w * params->input_c;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        const int32_t y = (int32_t)(oy * params->stride_h) - params->pad_top;
        const ec_riscv_taps rows = ec_riscv_taps_within(y, params->kernel_h, params->dilation_h, params->input_h);
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            const int32_t x = (int32_t)(ox * params->stride_w) - params->pad_left;
            const ec_riscv_taps columns = ec_riscv_taps_within(x, params->kernel_w, params->dilation_w, params->input_w);
            const ec_riscv_window w = {ec_riscv_count(rows), ec_riscv_count(columns), params->dilation_h * row,
                                       params->dilation_w * params->input_c};
            const int32_t first = (y + rows.begin * params->dilation_h) * row + (x + columns.begin * params->dilation_w) * params->input_c;
            pixel(params, &w, input + first, output);
            output += params->input_c;
        }
    }
}
