#include "ec_max_pool2d_s8.h"

#include "ec_mve_taps.h"

/* The largest of a window's taps, sixteen channels at a time; -128 where it has none. */
static void largest(const ec_mve_window *w, uint32_t channels, int8x16_t low, int8x16_t high, int8_t *output) {
    const int8_t *from = w->first, *row, *tap;
    uint32_t rows, columns;
    int8x16_t best, x;
    __asm__ volatile("dlstp.8 lr, %[channels]\n"
                     "1:\n"
                     "vmov.i8 %q[best], #128\n"
                     "mov %[row], %[from]\n"
                     "movs %[rows], %[all_rows]\n"
                     "beq 4f\n"
                     "2:\n"
                     "mov %[tap], %[row]\n"
                     "movs %[columns], %[all_columns]\n"
                     "beq 4f\n"
                     "3:\n"
                     "vldrb.8 %q[x], [%[tap]]\n"
                     "subs %[columns], %[columns], #1\n"
                     "add %[tap], %[tap], %[column_step]\n"
                     "vmax.s8 %q[best], %q[best], %q[x]\n"
                     "bne 3b\n"
                     "subs %[rows], %[rows], #1\n"
                     "add %[row], %[row], %[row_step]\n"
                     "bne 2b\n"
                     "4:\n"
                     "vmax.s8 %q[best], %q[best], %q[low]\n"
                     "vmin.s8 %q[best], %q[best], %q[high]\n"
                     "vstrb.8 %q[best], [%[output]], #16\n"
                     "add %[from], %[from], #16\n"
                     "letp lr, 1b\n"
                     : [from] "+r"(from), [output] "+r"(output), [row] "=&r"(row), [tap] "=&r"(tap), [rows] "=&r"(rows),
                       [columns] "=&r"(columns), [best] "=&w"(best), [x] "=&w"(x)
                     : [channels] "r"(channels), [all_rows] "r"(w->rows), [all_columns] "r"(w->columns), [row_step] "r"(w->row_step),
                       [column_step] "r"(w->column_step), [low] "w"(low), [high] "w"(high)
                     : "lr", "cc", "memory");
}

void ec_max_pool2d_s8_arm_mve(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const int8x16_t low = vdupq_n_s8(params->clamp_min);
    const int8x16_t high = vdupq_n_s8(params->clamp_max);
    const uint32_t line = (uint32_t)params->input_w * params->input_c;
    ec_mve_window w;
    w.row_step = params->dilation_h * line;
    w.column_step = (uint32_t)params->dilation_w * params->input_c;
    for (uint32_t oy = 0; oy < params->output_h; oy++) {
        const int32_t y = (int32_t)(oy * params->stride_h) - params->pad_top;
        const ec_mve_taps rows = ec_mve_taps_inside(y, params->kernel_h, params->dilation_h, params->input_h);
        w.rows = rows.count;
        for (uint32_t ox = 0; ox < params->output_w; ox++) {
            const int32_t x = (int32_t)(ox * params->stride_w) - params->pad_left;
            const ec_mve_taps columns = ec_mve_taps_inside(x, params->kernel_w, params->dilation_w, params->input_w);
            w.columns = columns.count;
            w.first =
                input + (uint32_t)(y * params->input_w + x) * params->input_c + rows.begin * w.row_step + columns.begin * w.column_step;
            largest(&w, params->input_c, low, high, output);
            output += params->input_c;
        }
    }
}
