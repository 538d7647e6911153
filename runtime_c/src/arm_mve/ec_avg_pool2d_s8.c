#include "ec_avg_pool2d_s8.h"

#include "ec_mve_taps.h"

#define LANES 8U      /* channels summed together, in 16 bits */
#define MOST_TAPS 255 /* whose sum fits them */

/* Sums of all taps, of which there are some but at most MOST_TAPS. */
static inline int16x8_t sum_taps(const ec_mve_window *w, const int8_t *from, uint32_t rows) {
    const int8_t *tap;
    int16x8_t sums = vdupq_n_s16(0), x;
    __asm__ volatile("1:\n"
                     "mov %[tap], %[from]\n"
                     "dls lr, %[columns]\n"
                     "2:\n"
                     "vldrb.s16 %q[x], [%[tap]]\n"
                     "add %[tap], %[tap], %[column_step]\n"
                     "vadd.i16 %q[sums], %q[sums], %q[x]\n"
                     "le lr, 2b\n"
                     "subs %[rows], %[rows], #1\n"
                     "add %[from], %[from], %[row_step]\n"
                     "bne 1b\n"
                     : [from] "+r"(from), [tap] "=&l"(tap), [rows] "+r"(rows), [sums] "+w"(sums), [x] "=&w"(x)
                     : [columns] "r"(w->columns), [row_step] "r"(w->row_step), [column_step] "r"(w->column_step)
                     : "lr", "cc", "memory");
    return sums;
}

typedef struct {
    int32_t offset; /* minus the zero points of the window's taps */
    int32_t multiplier;
    int32_t zero_point;
    int32_t low;
    int32_t high;
} rescaling;

static inline int32x4_t rescale(int32x4_t sums, const rescaling *r) {
    const int32x4_t scaled = vqrdmlashq_n_s32(vaddq_n_s32(sums, r->offset), vdupq_n_s32(r->multiplier), r->zero_point);
    return vminq_s32(vmaxq_s32(scaled, vdupq_n_s32(r->low)), vdupq_n_s32(r->high));
}

/* Eight channels of a window; the sums stand in even and in odd lanes. */
static void average_channels(const ec_mve_window *w, const int8_t *from, const rescaling *r, int8_t *output) {
    int32x4_t even = vdupq_n_s32(0);
    int32x4_t odd = vdupq_n_s32(0);
    const uint32_t together = MOST_TAPS / (w->columns > 0 ? w->columns : 1U);
    uint32_t rows;
    for (uint32_t left = w->columns > 0 ? w->rows : 0; left > 0; left -= rows) {
        rows = left < together ? left : together;
        const int16x8_t sums = sum_taps(w, from, rows);
        even = vaddq_s32(even, vmovlbq_s16(sums));
        odd = vaddq_s32(odd, vmovltq_s16(sums));
        from += rows * w->row_step;
    }
    const int16x8_t low_halves = vreinterpretq_s16_s32(rescale(even, r));
    vstrbq_s16(output, vmovntq_s32(low_halves, rescale(odd, r)));
}

/* Channels beyond the last whole vector are a vector more, which reaches back over channels that are done already. */
static void average(const ec_mve_window *w, uint32_t channels, const rescaling *r, int8_t *output) {
    for (uint32_t channel = 0; channel < channels; channel += LANES) {
        const uint32_t first = channel + LANES <= channels ? channel : channels - LANES;
        average_channels(w, w->first + first, r, output + first);
    }
}

static uint32_t padded_taps(const ec_avg_pool2d_s8_params *p, int32_t y, int32_t x) {
    const int32_t padded_h = p->pad_top + p->input_h + p->pad_bottom;
    const int32_t padded_w = p->pad_left + p->input_w + p->pad_right;
    return ec_mve_taps_inside(y + p->pad_top, p->kernel_h, p->dilation_h, padded_h).count *
           ec_mve_taps_inside(x + p->pad_left, p->kernel_w, p->dilation_w, padded_w).count;
}

void ec_avg_pool2d_s8_arm_mve(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output) {
    const uint32_t line = (uint32_t)params->input_w * params->input_c;
    rescaling r = {0, 0, params->output_zero_point, params->clamp_min, params->clamp_max};
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
            const uint32_t taps = rows.count * columns.count;
            w.columns = columns.count;
            w.first =
                input + (uint32_t)(y * params->input_w + x) * params->input_c + rows.begin * w.row_step + columns.begin * w.column_step;
            r.offset = -(int32_t)taps * params->input_zero_point;
            r.multiplier = params->multiplier[(params->count_include_pad ? padded_taps(params, y, x) : taps) - params->smallest_count];
            average(&w, params->input_c, &r, output);
            output += params->input_c;
        }
    }
}
