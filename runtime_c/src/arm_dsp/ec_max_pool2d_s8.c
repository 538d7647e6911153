/* Four channels at a time: SSUB8 compares, SEL takes the larger of each. */
#include "ec_max_pool2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_taps.h"

#define NOT_INLINED __attribute__((noinline)) /* loops that keep all they need in registers */
#define LARGER(value) "ssub8 %[t], %[best], %[" value "]\n\tsel %[best], %[best], %[" value "]\n\t"

/* Every output of one pixel, four channels at a time; the last four may overlap those before. */
NOT_INLINED static void pool_by_four(const ec_window *w, const int8_t *from, int32_t channels, int8_t *output) {
    const int32_t last = channels - 4;
    for (int32_t c = 0;; c = c < last - 4 ? c + 4 : last) {
        const int8_t *row = from + c;
        const int8_t *tap;
        int32_t rows = w->rows;
        int32_t pairs;
        uint32_t best = ec_load_word(row);
        uint32_t x, y, t;
        __asm__ volatile(EC_OVER_TAPS(LARGER("x"), LARGER("x") LARGER("y"))
                         : [best] "+r"(best), [row] "+r"(row), [rows] "+r"(rows), [x] "=&r"(x), [y] "=&r"(y), [t] "=&r"(t),
                           [tap] "=&r"(tap), [pairs] "=&r"(pairs)
                         : [columns] "r"(w->columns), [step] "r"(w->column_step), [row_step] "r"(w->row_step)
                         : "cc", "memory");
        ec_store_word(output + c, best);
        if (c == last) {
            return;
        }
    }
}

static int8_t largest(const ec_window *w, const int8_t *from) {
    int8_t best = INT8_MIN;
    for (int32_t row = 0; row < w->rows; row++) {
        const int8_t *tap = from;
        for (int32_t column = 0; column < w->columns; column++) {
            best = *tap > best ? *tap : best;
            tap += w->column_step;
        }
        from += w->row_step;
    }
    return best;
}

static void pool(const ec_window *w, const int8_t *from, int32_t channels, int8_t *output) {
    if (w->rows == 0 || w->columns == 0) {
        memset(output, INT8_MIN, (size_t)channels);
    } else if (channels < 4) {
        for (int32_t c = 0; c < channels; c++) {
            output[c] = largest(w, from + c);
        }
    } else {
        pool_by_four(w, from, channels, output);
    }
}

void ec_max_pool2d_s8_arm_dsp(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const ec_max_pool2d_s8_params *p = params;
    int8_t *const start = output;
    const int32_t channels = p->input_c;
    const int32_t pitch = p->input_w * channels;
    for (int32_t oy = 0; oy < p->output_h; oy++) {
        const int32_t y = oy * p->stride_h - p->pad_top;
        const ec_taps rows = ec_taps_within(y, p->kernel_h, p->dilation_h, p->input_h);
        for (int32_t ox = 0; ox < p->output_w; ox++) {
            const int32_t x = ox * p->stride_w - p->pad_left;
            const ec_taps columns = ec_taps_within(x, p->kernel_w, p->dilation_w, p->input_w);
            ec_window w = {ec_taps_count(rows), ec_taps_count(columns), p->dilation_h * pitch, p->dilation_w * channels};
            ec_join_rows(&w);
            const int32_t first = (y + rows.begin * p->dilation_h) * pitch + (x + columns.begin * p->dilation_w) * channels;
            pool(&w, input + first, channels, output);
            output += channels;
        }
    }
    ec_clamp_run(start, (uint32_t)(output - start), p->clamp_min, p->clamp_max);
}
