/* Four input channels after another are gathered into a padded plane. A 3x3 filter stays in registers while it slides down each column
 * of a channel; every other filter computes up to eight outputs of a row at a time.
 *
 * Where one tile is the whole output, it may lie over the input: a channel is in the plane before it is written over.
 *
 * weights: [output_c][kernel_h][kernel_w].
 * scratch: offsets of the taps, if the kernel is not 3x3, then the plane; edgecomp/plan/instruction_sets/riscv.py counts the bytes.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_depthwise_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_planes.h"
#include "ec_riscv_plane.h"
#include "ec_riscv_requantize.h"
#include "ec_riscv_runs.h"
#include "ec_riscv_slide.h"

#define PLANE_BYTES 4096 /* at most, unless one run of outputs needs more */
#define PIXEL EC_RISCV_PIXEL
#define LONG 24 /* outputs of a column that are worth sliding over */

/* All channels of the tile whose first output lies at (y, x) of the outer and the inner axis. */
static void tile_outputs(ec_riscv_layer *l, const ec_depthwise_conv2d_s8_params *p, int32_t y, int32_t x, const int8_t *input,
                         int8_t *output) {
    l->plane.first_row = y * l->outer.stride - l->outer.pad;
    l->plane.first_column = x * l->inner.stride - l->inner.pad;
    l->plane.rows = ec_riscv_reach(&l->outer, l->outer_tile);
    memset(l->plane.data, p->input_zero_point, (uint32_t)(l->plane.rows * l->plane.pitch));
    ec_riscv_filter f = {p->weights, NULL, 0, 0, output + y * l->outer.output_step + x * l->inner.output_step};
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
                ec_riscv_slide_3x3(l, &f);
            } else {
                ec_riscv_run_by_run(l, &f);
            }
            f.weights += l->taps;
            f.output++;
        }
    }
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* Sizes of plane and tile: whole rows of outputs where PLANE_BYTES allow, and columns that are worth sliding down. */
static void choose_tile(ec_riscv_layer *l) {
    const int32_t wanted = l->offsets != NULL ? 1 : smaller(l->outer.output, LONG);
    ec_riscv_plane *plane = &l->plane;
    l->inner_tile = l->inner.output;
    for (;;) {
        plane->phase_columns = (ec_riscv_reach(&l->inner, l->inner_tile) + plane->phases - 1) / plane->phases;
        plane->pitch = plane->phases * plane->phase_columns * PIXEL;
        if (ec_riscv_reach(&l->outer, wanted) * plane->pitch <= PLANE_BYTES || l->inner_tile <= EC_RISCV_RUN) {
            break;
        }
        l->inner_tile = (l->inner_tile / 2 + EC_RISCV_RUN - 1) / EC_RISCV_RUN * EC_RISCV_RUN;
    }
    const int32_t more = (PLANE_BYTES / plane->pitch - ec_riscv_reach(&l->outer, 1)) / l->outer.stride;
    l->outer_tile = smaller(1 + (more > 0 ? more : 0), l->outer.output);
}

/* Where the taps lie in the plane, in the order of the weights. */
static void find_offsets(const ec_riscv_layer *l) {
    for (int32_t o = 0; o < l->outer.kernel; o++) {
        int32_t *offset = l->offsets + o * l->outer.weight_step;
        for (int32_t i = 0; i < l->inner.kernel; i++) {
            *offset = o * l->outer.dilation * l->plane.pitch + ec_riscv_column(&l->plane, i * l->inner.dilation);
            offset += l->inner.weight_step;
        }
    }
    for (int32_t tap = 0; l->paired && tap + 1 < l->taps; tap++) {
        if (l->offsets[tap + 1] == l->offsets[tap] + PIXEL) {
            l->offsets[tap] += EC_RISCV_PAIR;
            tap++;
        }
    }
}

static int can_slide(const ec_riscv_axis *axis) { return axis->stride == 1 || (axis->stride == 2 && axis->dilation == 1); }

/* Which axis is the outer one, and with which kernel: sliding pays along the longer axis, runs want the longer one inside. */
static void choose_kernel(ec_riscv_layer *l, const ec_depthwise_conv2d_s8_params *p, void *scratch) {
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
        const int wide = p->output_w >= p->output_h;
        l->outer = wide ? h : w;
        l->inner = wide ? w : h;
        l->paired = wide && l->inner.stride == 1 && l->inner.dilation == 1;
        l->plane.phases = l->inner.stride;
        l->offsets = scratch;
        l->plane.data = (int8_t *)(l->offsets + l->taps);
    }
}

void ec_depthwise_conv2d_s8_riscv(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    ec_riscv_layer l = {.taps = params->kernel_h * params->kernel_w,
                        .to = {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
    choose_kernel(&l, params, scratch);
    choose_tile(&l);
    if (l.offsets != NULL) {
        find_offsets(&l);
    }
    const int32_t rows = l.outer_tile;
    const int32_t columns = l.inner_tile;
    if (rows == l.outer.output && columns == l.inner.output) {
        input = ec_align_channels(params, input, output);
    }
    for (int32_t y = 0; y < l.outer.output; y += rows) {
        l.outer_tile = smaller(rows, l.outer.output - y);
        for (int32_t x = 0; x < l.inner.output; x += columns) {
            l.inner_tile = smaller(columns, l.inner.output - x);
            tile_outputs(&l, params, y, x, input, output);
        }
    }
}
