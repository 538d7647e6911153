/* A row of patches at a time. Positions of the masks are computed three at a time for all channels, and flags say which channels are above
 * their thresholds in which patch. Then patch by patch the channels that are above are listed, and computed two at a time at two of the
 * other positions.
 *
 * Weights: as in ec_conv2d_s8.c. Scratch: for each row of a patch the columns that a row of outputs reads; 2 bytes a channel and two more;
 * a byte for each channel of each patch of a row.
 */
#include "ec_conv2d_spatial_s8.h"

#include <string.h>

#include "ec_mve_block_of_two.h"
#include "ec_mve_columns.h"
#include "ec_mve_streamed.h"
#include "ec_spatial.h"

#define SECOND_HALF 0xff00U /* of a vector, as a predicate */

typedef struct {
    const ec_conv2d_s8_params *p;
    const ec_spatial *spatial;
    const int8_t *input;
    ec_mve_columns columns;
    int8_t *strips;
    uint32_t strip_bytes; /* of a row of outputs */
    uint32_t pixel_bytes; /* from one pixel's columns to the next one's */
    uint32_t row_columns; /* that are filled at once: of the row where pixels share them, else of a pixel */
    uint16_t *list;       /* [output_c + 1] */
    uint8_t *above;       /* [patches of a row][output_c] */
    uint32_t top;         /* output row of the patches at work */
    int8_t *output;       /* there */
    ec_mve_filters filters;
    ec_mve_block block;
} layer;

/* Pixels that wait until there are three. */
typedef struct {
    int8_t *output[EC_MVE_TRIO];
    uint8_t *above[EC_MVE_TRIO];
    uint32_t count;
} trio;

static void fill_strip(const layer *l, uint32_t row) {
    const ec_conv2d_s8_params *p = l->p;
    const int32_t y = (int32_t)((l->top + row) * p->stride_h) - p->pad_top;
    int32_t x = -p->pad_left;
    int8_t *to = l->strips + row * l->strip_bytes;
    const int8_t *const end = to + l->strip_bytes;
    for (; to != end; to += l->row_columns * l->columns.size) {
        ec_mve_fill_columns(&l->columns, l->input, y, x, l->row_columns, to);
        x += p->stride_w;
    }
}

static inline const int8_t *window(const layer *l, uint32_t row, uint32_t x) {
    return l->strips + row * l->strip_bytes + x * l->pixel_bytes;
}

static inline int8_t *output_at(const layer *l, uint32_t row, uint32_t x) {
    return l->output + (row * l->p->output_w + x) * l->p->output_c;
}

static inline int32x4_t requantize(const layer *l, int32x4_t sums, int32x4_t multiplier) {
    const int32x4_t low = vldrwq_s32(l->block.low);
    const int32x4_t high = vldrwq_s32(l->block.high);
    __asm__(EC_MVE_REQUANTIZE(sums, multiplier, zero_point, low, high)
            : [sums] "+w"(sums)
            : [multiplier] "w"(multiplier), [zero_point] "r"(l->filters.zero_point), [low] "w"(low), [high] "w"(high));
    return sums;
}

/* Four channels of a pixel; sets the flags of those that are above their thresholds. The predicate register is handed back as it was. */
static inline void judge_and_store(const layer *l, int32x4_t sums, int32x4_t multiplier, int32x4_t thresholds, uint8_t *above,
                                   int8_t *output) {
    const uint32x4_t ones = vdupq_n_u32(1);
    const int32x4_t low = vldrwq_s32(l->block.low);
    const int32x4_t high = vldrwq_s32(l->block.high);
    uint32_t predicate;
    uint32x4_t flags;
    __asm__ volatile(
        "vmrs %[predicate], p0\n"
        "vldrb.u32 %q[flags], [%[above]]\n"
        "vpt.s32 gt, %q[sums], %q[thresholds]\n"
        "vorrt %q[flags], %q[flags], %q[ones]\n"
        "vmsr p0, %[predicate]\n"
        "vstrb.32 %q[flags], [%[above]]\n" EC_MVE_REQUANTIZE(sums, multiplier, zero_point, low, high) "vstrb.32 %q[sums], [%[output]]\n"
        : [sums] "+w"(sums), [flags] "=&w"(flags), [predicate] "=&r"(predicate)
        : [multiplier] "w"(multiplier), [thresholds] "w"(thresholds), [above] "l"(above), [output] "l"(output), [ones] "w"(ones),
          [zero_point] "r"(l->block.zero_point), [low] "w"(low), [high] "w"(high)
        : "memory");
}

/* All channels of three pixels. */
static void compute_trio(layer *l, trio *t) {
    const ec_mve_filters *const f = &l->filters;
    ec_mve_block *const s = &l->block;
    for (; t->count < EC_MVE_TRIO; t->count++) { /* the last one again */
        s->x[t->count] = s->x[t->count - 1U];
        t->output[t->count] = t->output[t->count - 1U];
        t->above[t->count] = t->above[t->count - 1U];
    }
    t->count = 0;
    ec_mve_run run = ec_mve_first_run(f);
    do {
        uint32_t channel = run.channel;
        s->weights = f->weights + channel * f->inputs;
        for (uint32_t left = run.blocks; left > 0; left--) {
            int32x4_t sums[EC_MVE_TRIO];
            s->bias = f->bias + channel;
            ec_mve_sums_of_three(s, sums);
            const int32x4_t multiplier = vldrwq_s32(f->multiplier + channel);
            const int32x4_t thresholds = vldrwq_s32(l->spatial->thresholds + channel);
            judge_and_store(l, sums[0], multiplier, thresholds, t->above[0] + channel, t->output[0] + channel);
            judge_and_store(l, sums[1], multiplier, thresholds, t->above[1] + channel, t->output[1] + channel);
            judge_and_store(l, sums[2], multiplier, thresholds, t->above[2] + channel, t->output[2] + channel);
            channel += EC_MVE_BLOCK;
        }
    } while (ec_mve_next_run(f, &run));
}

/* The listed channels, two at a time, at two positions, whose outputs lie `apart` bytes from one another. */
static void compute_listed(const layer *l, const uint16_t *end, int8_t *output, uint32_t apart) {
    const ec_mve_filters *const f = &l->filters;
    const uint32x4_t zeros = vdupq_n_u32(0);
    const uint32x4_t both = vandq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(1)); /* 0, 1, 0, 1 */
    const uint32x4_t second = vaddq_m_u32(zeros, zeros, vdupq_n_u32(apart), SECOND_HALF);
    for (const uint16_t *at = l->list; at < end; at += 2) {
        const uint32x4_t channels = vldrhq_gather_shifted_offset_u32(at, both);
        int32x4_t sums = ec_mve_sums_of_two(&l->block, f->weights + at[0] * f->inputs, f->weights + at[1] * f->inputs);
        sums = vaddq_s32(sums, vldrwq_gather_shifted_offset_s32(f->bias, channels));
        sums = requantize(l, sums, vldrwq_gather_shifted_offset_s32(f->multiplier, channels));
        vstrbq_scatter_offset_s32(output, vaddq_u32(channels, second), sums);
    }
}

/* The channels that are above their thresholds in a patch, the last once more, so that there are pairs. */
static const uint16_t *list_above(const layer *l, const uint8_t *above) {
    uint16_t *to = l->list;
    for (uint32_t channel = 0; channel < l->p->output_c; channel++) {
        if (above[channel] != 0) {
            *to++ = (uint16_t)channel;
        }
    }
    if (to != l->list) {
        *to = to[-1];
    }
    return to;
}

typedef struct {
    uint32_t mask;
    uint32_t left;
    uint32_t rows;
    uint32_t columns;
    uint8_t *above;
} patch;

static patch patch_at(const layer *l, uint32_t number) {
    const ec_spatial *const s = l->spatial;
    patch a;
    a.left = number * s->patch;
    a.mask = ec_spatial_mask(s, l->top / s->patch, number, 0);
    a.rows = ec_spatial_end(l->top, s->patch, s->output_h) - l->top;
    a.columns = ec_spatial_end(a.left, s->patch, s->output_w) - a.left;
    a.above = l->above + number * s->output_c;
    return a;
}

/* The positions of a patch's mask go to the three at work. */
static void compute_always(layer *l, const patch *a, trio *t) {
    for (uint32_t y = 0; y < a->rows; y++) {
        for (uint32_t x = 0; x < a->columns; x++) {
            if ((a->mask >> (y * l->spatial->patch + x) & 1U) != 0) {
                l->block.x[t->count] = window(l, y, a->left + x);
                t->output[t->count] = output_at(l, y, a->left + x);
                t->above[t->count] = a->above;
                if (++t->count == EC_MVE_TRIO) {
                    compute_trio(l, t);
                }
            }
        }
    }
}

/* The others, two at a time, of an odd number the last alone. */
static void compute_others(layer *l, const patch *a) {
    const uint16_t *const end = list_above(l, a->above);
    int8_t *first = NULL;
    for (uint32_t y = 0; y < a->rows; y++) {
        for (uint32_t x = 0; x < a->columns; x++) {
            if ((a->mask >> (y * l->spatial->patch + x) & 1U) == 0) {
                int8_t *const output = output_at(l, y, a->left + x);
                ec_mve_fill(output, l->spatial->zero_point, l->p->output_c);
                l->block.x[first != NULL] = window(l, y, a->left + x);
                if (first != NULL) {
                    compute_listed(l, end, first, (uint32_t)(output - first));
                    first = NULL;
                } else {
                    first = output;
                }
            }
        }
    }
    if (first != NULL) {
        l->block.x[1] = l->block.x[0];
        compute_listed(l, end, first, 0);
    }
}

/* The row of patches that begins at output row `top`. */
static void compute_row(layer *l, uint32_t top, int8_t *output) {
    const uint32_t patches = (l->p->output_w + l->spatial->patch - 1U) / l->spatial->patch;
    const uint32_t rows = ec_spatial_end(top, l->spatial->patch, l->p->output_h) - top;
    trio t;
    l->top = top;
    l->output = output;
    for (uint32_t row = 0; row < rows; row++) {
        fill_strip(l, row);
    }
    memset(l->above, 0, patches * l->p->output_c);
    t.count = 0;
    for (uint32_t i = 0; i < patches; i++) {
        const patch a = patch_at(l, i);
        compute_always(l, &a, &t);
    }
    if (t.count > 0) {
        compute_trio(l, &t);
    }
    for (uint32_t i = 0; i < patches; i++) {
        const patch a = patch_at(l, i);
        compute_others(l, &a);
    }
}

static void begin(layer *l, const ec_conv2d_s8_params *p, const ec_spatial *spatial, const int8_t *input, void *scratch) {
    const int is_shared = p->dilation_w == 1 && p->stride_w <= p->kernel_w;
    l->p = p;
    l->spatial = spatial;
    l->input = input;
    l->columns = ec_mve_make_columns(p);
    l->row_columns = is_shared ? (p->output_w - 1U) * p->stride_w + p->kernel_w : p->kernel_w;
    l->pixel_bytes = (is_shared ? p->stride_w : p->kernel_w) * l->columns.size;
    l->strip_bytes = (is_shared ? l->row_columns : (uint32_t)p->output_w * p->kernel_w) * l->columns.size;
    l->strips = scratch;
    l->list = (uint16_t *)(void *)(l->strips + (spatial->patch * l->strip_bytes + 1U) / 2U * 2U);
    l->above = (uint8_t *)(l->list + p->output_c + 1);
    const ec_mve_filters filters = {p->weights,           p->bias,      p->multiplier, p->output_c, p->kernel_w * l->columns.size,
                                    p->output_zero_point, p->clamp_min, p->clamp_max};
    l->filters = filters;
    ec_mve_set_layer(&l->block, &l->filters, 0);
}

void ec_conv2d_spatial_s8_arm_mve(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_spatial spatial = EC_SPATIAL(params, params->output_zero_point);
    ec_conv2d_s8_params conv;
    layer l;
    memcpy(&conv, params, sizeof conv);
    begin(&l, &conv, &spatial, input, scratch);
    for (uint32_t top = 0; top < params->output_h; top += params->patch) {
        compute_row(&l, top, output + top * params->output_w * params->output_c);
    }
}
