/* Four channels at a time, whose sums stay in registers over the window. */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_avg_pool2d_s8.h"

#include "ec_riscv_requantize.h"
#include "ec_riscv_window.h"

/* What the channels of a pixel share. */
typedef struct {
    int32_t offset; /* input zero point times the taps, subtracted from each sum */
    int32_t multiplier;
    ec_riscv_output to;
} rule;

static inline void average_of_four(const ec_riscv_window *w, const rule *r, const int8_t *from, int8_t *output) {
    const rule own = *r;
    int32_t a = -own.offset;
    int32_t b = a;
    int32_t c = a;
    int32_t d = a;
    const int32_t step = w->column_step;
    const int32_t gap = w->row_step - (int32_t)w->columns * step;
    for (uint32_t row = w->rows; row > 0; row--) {
#pragma GCC unroll 2
        for (uint32_t column = w->columns; column > 0; column--) {
            a += from[0];
            b += from[1];
            c += from[2];
            d += from[3];
            from += step;
        }
        from += gap;
    }
    output[0] = ec_riscv_requantize(a, own.multiplier, own.to);
    output[1] = ec_riscv_requantize(b, own.multiplier, own.to);
    output[2] = ec_riscv_requantize(c, own.multiplier, own.to);
    output[3] = ec_riscv_requantize(d, own.multiplier, own.to);
}

static inline int8_t average_of_one(const ec_riscv_window *w, const rule *r, const int8_t *from) {
    int32_t sum = -r->offset;
    for (uint32_t row = w->rows; row > 0; row--) {
        const int8_t *tap = from;
        for (uint32_t column = w->columns; column > 0; column--) {
            sum += *tap;
            tap += w->column_step;
        }
        from += w->row_step;
    }
    return ec_riscv_requantize(sum, r->multiplier, r->to);
}

static __attribute__((noinline)) void pixel(uint32_t channels, const ec_riscv_window *w, const rule *r, const int8_t *from,
                                            int8_t *output) {
    for (; channels >= EC_RISCV_PIXEL; channels -= EC_RISCV_PIXEL) {
        average_of_four(w, r, from, output);
        from += EC_RISCV_PIXEL;
        output += EC_RISCV_PIXEL;
    }
    for (; channels > 0; channels--) {
        *output++ = average_of_one(w, r, from++);
    }
}

/* Taps that the divisor counts along one axis: those within the padded input too, if padding counts. */
static uint32_t counted(const ec_avg_pool2d_s8_params *p, ec_riscv_taps inside, int32_t first, int32_t kernel, int32_t dilation,
                        int32_t padded) {
    return ec_riscv_count(p->count_include_pad ? ec_riscv_taps_within(first, kernel, dilation, padded) : inside);
}

void ec_avg_pool2d_s8_riscv(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const ec_avg_pool2d_s8_params *p = params;
    const int32_t row = p->input_w * p->input_c;
    rule r = {0, 0, {p->output_zero_point, p->clamp_min, p->clamp_max, p->shift}};
    for (uint32_t oy = 0; oy < p->output_h; oy++) {
        const int32_t y = (int32_t)(oy * p->stride_h) - p->pad_top;
        const ec_riscv_taps rows = ec_riscv_taps_within(y, p->kernel_h, p->dilation_h, p->input_h);
        const uint32_t counted_rows = counted(p, rows, y + p->pad_top, p->kernel_h, p->dilation_h, p->pad_top + p->input_h + p->pad_bottom);
        for (uint32_t ox = 0; ox < p->output_w; ox++) {
            const int32_t x = (int32_t)(ox * p->stride_w) - p->pad_left;
            const ec_riscv_taps columns = ec_riscv_taps_within(x, p->kernel_w, p->dilation_w, p->input_w);
            const uint32_t counted_columns =
                counted(p, columns, x + p->pad_left, p->kernel_w, p->dilation_w, p->pad_left + p->input_w + p->pad_right);
            const ec_riscv_window w = {ec_riscv_count(rows), ec_riscv_count(columns), p->dilation_h * row, p->dilation_w * p->input_c};
            const int32_t first = (y + rows.begin * p->dilation_h) * row + (x + columns.begin * p->dilation_w) * p->input_c;
            r.offset = (int32_t)(w.rows * w.columns) * p->input_zero_point;
            r.multiplier = p->multiplier[counted_rows * counted_columns - p->smallest_count];
            pixel(p->input_c, &w, &r, input + first, output);
            output += p->input_c;
        }
    }
}
