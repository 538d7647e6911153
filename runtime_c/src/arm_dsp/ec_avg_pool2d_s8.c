/* Four channels at a time are summed in 16-bit lanes, which hold up to 256 taps, and moved to 32 bits when they are full. */
#include "ec_avg_pool2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_lanes.h"
#include "ec_taps.h"

#define LANE_TAPS 256                         /* -128 * 256 fits 16 bits */
#define NOT_INLINED __attribute__((noinline)) /* loops that keep all they need in registers */
#define ADD(value) "sxtab16 %[even], %[even], %[" value "]\n\tsxtab16 %[odd], %[odd], %[" value "], ror #8\n\t"

/* What makes an average of a sum. */
typedef struct {
    int32_t offset; /* of zero points, in the sum */
    int32_t twice_multiplier;
    int32_t zero_point;
    uint32_t shift;
} scaling;

/* Four channels: 0 and 2, then 1 and 3. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} four_lanes;

static inline int32_t average(scaling s, int32_t sum) {
    return ec_rescale((int32_t)((uint32_t)(sum - s.offset) << s.shift), s.twice_multiplier, s.zero_point);
}

static inline void store_averages(scaling s, const int32_t *sums, int8_t *output) {
    ec_store_saturated(&output[0], average(s, sums[0]));
    ec_store_saturated(&output[1], average(s, sums[1]));
    ec_store_saturated(&output[2], average(s, sums[2]));
    ec_store_saturated(&output[3], average(s, sums[3]));
}

/* Sums over a part of a window that lanes have room for. */
static inline four_lanes sum_part(const ec_window *w, const int8_t *row, int32_t rows, int32_t columns) {
    const int8_t *tap;
    int32_t pairs;
    four_lanes sums = {0, 0};
    uint32_t x, y;
    __asm__ volatile(EC_OVER_TAPS(ADD("x"), ADD("x") ADD("y"))
                     : [even] "+r"(sums.even), [odd] "+r"(sums.odd), [row] "+r"(row), [rows] "+r"(rows), [x] "=&r"(x), [y] "=&r"(y),
                       [tap] "=&r"(tap), [pairs] "=&r"(pairs)
                     : [columns] "r"(columns), [step] "r"(w->column_step), [row_step] "r"(w->row_step)
                     : "cc", "memory");
    return sums;
}

static inline void add_part(int32_t *sums, four_lanes part) {
    sums[0] += (int16_t)part.even;
    sums[1] += (int16_t)part.odd;
    sums[2] += (int32_t)part.even >> 16;
    sums[3] += (int32_t)part.odd >> 16;
}

/* A window of any size, part by part. */
NOT_INLINED static void sum_parts(const ec_window *w, const int8_t *from, int32_t *sums) {
    const int32_t columns = w->columns < LANE_TAPS ? w->columns : LANE_TAPS;
    const int32_t rows = LANE_TAPS / columns;
    for (int32_t row = 0; row < w->rows; row += rows) {
        for (int32_t column = 0; column < w->columns; column += columns) {
            const int8_t *part = from + row * w->row_step + column * w->column_step;
            const int32_t part_rows = w->rows - row < rows ? w->rows - row : rows;
            const int32_t part_columns = w->columns - column < columns ? w->columns - column : columns;
            add_part(sums, sum_part(w, part, part_rows, part_columns));
        }
    }
}

/* Every output of one pixel, four channels at a time; the last four may overlap those before. */
NOT_INLINED static void pool_by_four(const ec_window *w, scaling s, const int8_t *from, int32_t channels, int8_t *output) {
    const int32_t last = channels - 4;
    const int32_t whole = w->rows * w->columns <= LANE_TAPS;
    for (int32_t c = 0;; c = c < last - 4 ? c + 4 : last) {
        int32_t sums[4] = {0};
        if (whole) {
            add_part(sums, sum_part(w, from + c, w->rows, w->columns));
        } else {
            sum_parts(w, from + c, sums);
        }
        store_averages(s, sums, output + c);
        if (c == last) {
            return;
        }
    }
}

static int32_t sum_one(const ec_window *w, const int8_t *from) {
    int32_t sum = 0;
    for (int32_t row = 0; row < w->rows; row++) {
        const int8_t *tap = from;
        for (int32_t column = 0; column < w->columns; column++) {
            sum += *tap;
            tap += w->column_step;
        }
        from += w->row_step;
    }
    return sum;
}

static void pool(const ec_window *w, scaling s, const int8_t *from, int32_t channels, int8_t *output) {
    if (channels >= 4 && w->rows > 0 && w->columns > 0) {
        pool_by_four(w, s, from, channels, output);
        return;
    }
    for (int32_t c = 0; c < channels; c++) {
        output[c] = ec_saturate(average(s, sum_one(w, from + c)));
    }
}

/* The divisor of a window that starts at y, x: its taps in the input or, with count_include_pad, in the input and its padding. */
static int32_t divisor(const ec_avg_pool2d_s8_params *p, int32_t y, int32_t x, int32_t taps) {
    if (!p->count_include_pad) {
        return taps;
    }
    const int32_t padded_h = p->pad_top + p->input_h + p->pad_bottom;
    const int32_t padded_w = p->pad_left + p->input_w + p->pad_right;
    return ec_taps_count(ec_taps_within(y + p->pad_top, p->kernel_h, p->dilation_h, padded_h)) *
           ec_taps_count(ec_taps_within(x + p->pad_left, p->kernel_w, p->dilation_w, padded_w));
}

void ec_avg_pool2d_s8_arm_dsp(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const ec_avg_pool2d_s8_params *p = params;
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
            const int32_t taps = w.rows * w.columns;
            const int32_t multiplier = p->multiplier[(uint32_t)divisor(p, y, x, taps) - p->smallest_count];
            const scaling s = {taps * p->input_zero_point, 2 * multiplier, p->output_zero_point, p->shift};
            const int32_t first = (y + rows.begin * p->dilation_h) * pitch + (x + columns.begin * p->dilation_w) * channels;
            ec_join_rows(&w);
            pool(&w, s, input + first, channels, output);
            output += channels;
        }
    }
    ec_clamp_run(start, (uint32_t)(output - start), p->clamp_min, p->clamp_max);
}
