/* Four input channels after another are gathered into a padded plane. A 3x3 filter stays in registers while it slides down each column
 * of a channel; every other filter computes up to eight outputs of a row at a time.
 *
 * weights: [output_c][kernel_h][kernel_w].
 * scratch: offsets of the taps, if the kernel is not 3x3, then the plane; edgecomp/plan/instruction_sets/riscv.py counts the bytes.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32
#error "this kernel needs a 32-bit RISC-V with M: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_depthwise_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_riscv_plane.h"
#include "ec_riscv_requantize.h"

#define PLANE_BYTES 4096 /* at most, unless one run of outputs needs more */
#define PIXEL EC_RISCV_PIXEL
#define RUN 8   /* outputs of a row computed together */
#define LONG 24 /* outputs of a column that are worth sliding over */

typedef struct {
    ec_riscv_axis outer; /* windows slide along it */
    ec_riscv_axis inner;
    ec_riscv_plane plane; /* of one channel, for a tile of the output */
    int32_t outer_tile;   /* outputs */
    int32_t inner_tile;
    int32_t taps;
    int32_t *offsets; /* of each tap in the plane; null where the filter is 3x3 and slides */
    ec_riscv_output to;
} layer;

/* One output channel of a tile. */
typedef struct {
    const int8_t *weights;
    const int8_t *plane; /* first row and column of the input channel */
    int32_t bias;
    int32_t multiplier;
    int8_t *output;
} filter;

/* A 3x3 filter down one column, stride 1: with every row one output ends, one goes on and one starts. */
static inline __attribute__((always_inline)) void slide_by_one(const int32_t *w, const filter *f, ec_riscv_output to, const int8_t *taps,
                                                               int32_t row_step, int32_t count, int8_t *output, int32_t output_step) {
    const int32_t multiplier = ec_riscv_doubled(f->multiplier);
    const int32_t bias = f->bias;
    const int8_t *second = taps + row_step;
    int32_t ending = bias + w[0] * taps[0] + w[1] * taps[PIXEL] + w[2] * taps[2 * PIXEL];
    ending += w[3] * second[0] + w[4] * second[PIXEL] + w[5] * second[2 * PIXEL];
    int32_t starting = bias + w[0] * second[0] + w[1] * second[PIXEL] + w[2] * second[2 * PIXEL];
    const int8_t *last = second + count * row_step;
    taps = second;
    while (taps != last) {
        taps += row_step;
        const int32_t x0 = taps[0];
        const int32_t x1 = taps[PIXEL];
        const int32_t x2 = taps[2 * PIXEL];
        const int32_t sum = ending + w[6] * x0 + w[7] * x1 + w[8] * x2;
        ending = starting + w[3] * x0 + w[4] * x1 + w[5] * x2;
        starting = bias + w[0] * x0 + w[1] * x1 + w[2] * x2;
        *output = ec_riscv_scale(sum, multiplier, to);
        output += output_step;
    }
}

/* The same, stride 2: every other row ends one output and starts the next. */
static inline __attribute__((always_inline)) void slide_by_two(const int32_t *w, const filter *f, ec_riscv_output to, const int8_t *taps,
                                                               int32_t row_step, int32_t count, int8_t *output, int32_t output_step) {
    const int32_t multiplier = ec_riscv_doubled(f->multiplier);
    const int32_t bias = f->bias;
    int32_t sum = bias + w[0] * taps[0] + w[1] * taps[PIXEL] + w[2] * taps[2 * PIXEL];
    const int8_t *last = taps + 2 * count * row_step;
    while (taps != last) {
        taps += row_step;
        sum += w[3] * taps[0] + w[4] * taps[PIXEL] + w[5] * taps[2 * PIXEL];
        taps += row_step;
        const int32_t x0 = taps[0];
        const int32_t x1 = taps[PIXEL];
        const int32_t x2 = taps[2 * PIXEL];
        sum += w[6] * x0 + w[7] * x1 + w[8] * x2;
        *output = ec_riscv_scale(sum, multiplier, to);
        output += output_step;
        sum = bias + w[0] * x0 + w[1] * x1 + w[2] * x2;
    }
}

static __attribute__((noinline)) void slide_3x3(const layer *l, const filter *f) {
    const int32_t o = l->outer.weight_step;
    const int32_t i = l->inner.weight_step;
    const int8_t *from = f->weights;
    const int32_t w[9] = {from[0],     from[i],         from[2 * i],        from[o], from[o + i], from[o + 2 * i],
                          from[2 * o], from[2 * o + i], from[2 * o + 2 * i]};
    const int32_t dilation = l->outer.dilation;
    for (int32_t x = 0; x < l->inner_tile; x++) {
        const int8_t *taps = f->plane + ec_riscv_column(&l->plane, x * l->inner.stride);
        int8_t *output = f->output + x * l->inner.output_step;
        if (l->outer.stride == 1 && dilation == 1) {
            slide_by_one(w, f, l->to, taps, l->plane.pitch, l->outer_tile, output, l->outer.output_step);
            continue;
        }
        if (l->outer.stride == 2) {
            slide_by_two(w, f, l->to, taps, l->plane.pitch, l->outer_tile, output, l->outer.output_step);
            continue;
        }
        for (int32_t y = 0; y < dilation && y < l->outer_tile; y++) {
            const int32_t count = (l->outer_tile - y + dilation - 1) / dilation;
            slide_by_one(w, f, l->to, taps, l->plane.pitch * dilation, count, output, l->outer.output_step * dilation);
            taps += l->plane.pitch;
            output += l->outer.output_step;
        }
    }
}

/* `size` neighbouring outputs of a row, of which the first `count` are stored. */
static inline __attribute__((always_inline)) void run_of(const layer *l, const filter *f, const int8_t *plane, int32_t size, int32_t count,
                                                         int8_t *output) {
    int32_t sums[RUN];
#pragma GCC unroll 8
    for (int32_t x = 0; x < size; x++) {
        sums[x] = f->bias;
    }
    const int32_t *offset = l->offsets;
    const int8_t *weights = f->weights;
    for (const int8_t *end = weights + l->taps; weights != end; weights++) {
        const int32_t w = *weights;
        const int8_t *from = plane + *offset++;
#pragma GCC unroll 8
        for (int32_t x = 0; x < size; x++) {
            sums[x] += w * from[x * PIXEL];
        }
    }
    const ec_riscv_output to = l->to;
    const int32_t multiplier = f->multiplier;
    const int32_t step = l->inner.output_step;
    for (int32_t x = 0; x < count; x++) {
        *output = ec_riscv_requantize(sums[x], multiplier, to);
        output += step;
    }
}

static __attribute__((noinline)) void run_by_run(const layer *l, const filter *f) {
    for (int32_t y = 0; y < l->outer_tile; y++) {
        const int8_t *row = f->plane + y * l->outer.stride * l->plane.pitch;
        int8_t *output = f->output + y * l->outer.output_step;
        int32_t left = l->inner_tile;
        for (; left > RUN / 2; left -= RUN) {
            run_of(l, f, row, RUN, left < RUN ? left : RUN, output);
            row += RUN * PIXEL;
            output += RUN * l->inner.output_step;
        }
        if (left > 0) {
            run_of(l, f, row, RUN / 2, left, output);
        }
    }
}

/* All channels of the tile whose first output lies at (y, x) of the outer and the inner axis. */
static void tile_outputs(layer *l, const ec_depthwise_conv2d_s8_params *p, int32_t y, int32_t x, const int8_t *input, int8_t *output) {
    l->plane.first_row = y * l->outer.stride - l->outer.pad;
    l->plane.first_column = x * l->inner.stride - l->inner.pad;
    l->plane.rows = ec_riscv_reach(&l->outer, l->outer_tile);
    memset(l->plane.data, p->input_zero_point, (uint32_t)(l->plane.rows * l->plane.pitch));
    filter f = {p->weights, NULL, 0, 0, output + y * l->outer.output_step + x * l->inner.output_step};
    const int32_t *bias = p->bias;
    const int32_t *multiplier = p->multiplier;
    for (uint32_t c = 0; c < p->input_c; c++) {
        if (c % PIXEL == 0) {
            ec_riscv_gather_plane(&l->plane, &l->outer, &l->inner, input + c, ec_block(p->input_c, c, PIXEL));
        }
        f.plane = l->plane.data + c % PIXEL;
        for (uint32_t m = 0; m < p->channel_multiplier; m++) {
            f.bias = *bias++;
            f.multiplier = *multiplier++;
            if (l->offsets == NULL) {
                slide_3x3(l, &f);
            } else {
                run_by_run(l, &f);
            }
            f.weights += l->taps;
            f.output++;
        }
    }
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* Sizes of plane and tile: whole rows of outputs where PLANE_BYTES allow, and columns that are worth sliding down. */
static void choose_tile(layer *l) {
    const int32_t wanted = l->offsets != NULL ? 1 : smaller(l->outer.output, LONG);
    ec_riscv_plane *plane = &l->plane;
    l->inner_tile = l->inner.output;
    for (;;) {
        plane->phase_columns = (ec_riscv_reach(&l->inner, l->inner_tile) + plane->phases - 1) / plane->phases;
        plane->pitch = plane->phases * plane->phase_columns * PIXEL;
        if (ec_riscv_reach(&l->outer, wanted) * plane->pitch <= PLANE_BYTES || l->inner_tile <= RUN) {
            break;
        }
        l->inner_tile = (l->inner_tile / 2 + RUN - 1) / RUN * RUN;
    }
    const int32_t more = (PLANE_BYTES / plane->pitch - ec_riscv_reach(&l->outer, 1)) / l->outer.stride;
    l->outer_tile = smaller(1 + (more > 0 ? more : 0), l->outer.output);
}

/* Where the taps lie in the plane, in the order of the weights. */
static void find_offsets(const layer *l) {
    for (int32_t o = 0; o < l->outer.kernel; o++) {
        int32_t *offset = l->offsets + o * l->outer.weight_step;
        for (int32_t i = 0; i < l->inner.kernel; i++) {
            *offset = o * l->outer.dilation * l->plane.pitch + ec_riscv_column(&l->plane, i * l->inner.dilation);
            offset += l->inner.weight_step;
        }
    }
}

static int can_slide(const ec_riscv_axis *axis) { return axis->stride == 1 || (axis->stride == 2 && axis->dilation == 1); }

/* Which axis is the outer one, and with which kernel: sliding pays along the longer axis, runs want the longer one inside. */
static void choose_kernel(layer *l, const ec_depthwise_conv2d_s8_params *p, void *scratch) {
    const int32_t row = p->input_w * p->input_c;
    const ec_riscv_axis h = {p->input_h, p->output_h, p->kernel_h, p->stride_h, p->dilation_h, p->pad_top, row, p->output_w * p->output_c,
                             p->kernel_w};
    const ec_riscv_axis w = {p->input_w, p->output_w, p->kernel_w, p->stride_w, p->dilation_w, p->pad_left, p->input_c, p->output_c, 1};
    const int square = p->kernel_h == 3 && p->kernel_w == 3 && p->shift == 0;
    const int high = p->output_h >= p->output_w;
    const ec_riscv_axis *longer = high ? &h : &w;
    const ec_riscv_axis *other = high ? &w : &h;
    if (square && (can_slide(longer) || can_slide(other))) {
        const int along_longer = can_slide(longer);
        l->outer = along_longer ? *longer : *other;
        l->inner = along_longer ? *other : *longer;
        l->plane.phases = l->inner.dilation;
        l->offsets = NULL;
        l->plane.data = scratch;
    } else {
        l->outer = *other;
        l->inner = *longer;
        l->plane.phases = l->inner.stride;
        l->offsets = scratch;
        l->plane.data = (int8_t *)(l->offsets + l->taps);
    }
}

void ec_depthwise_conv2d_s8_riscv(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    layer l = {.taps = params->kernel_h * params->kernel_w,
               .to = {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
    choose_kernel(&l, params, scratch);
    choose_tile(&l);
    if (l.offsets != NULL) {
        find_offsets(&l);
    }
    const int32_t rows = l.outer_tile;
    const int32_t columns = l.inner_tile;
    for (int32_t y = 0; y < l.outer.output; y += rows) {
        l.outer_tile = smaller(rows, l.outer.output - y);
        for (int32_t x = 0; x < l.inner.output; x += columns) {
            l.inner_tile = smaller(columns, l.inner.output - x);
            tile_outputs(&l, params, y, x, input, output);
        }
    }
}
