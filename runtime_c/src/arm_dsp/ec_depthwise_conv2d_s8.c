/* Four input channels at a time are unpacked into padded int16 planes, along which windows slide two inputs an instruction. Weights keep
 * the portable layout: a channel's are widened to pairs once a tile. A left shift of the accumulator is applied to weights and bias. */
#include "ec_depthwise_conv2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_depthwise_planes.h"
#include "ec_depthwise_rows.h"
#include "ec_depthwise_segments.h"
#include "ec_depthwise_tile.h"

#define NOT_INLINED __attribute__((noinline)) /* inline assembly that needs every register */

/* One tile. Working memory holds the planes, then one channel's table: the head of ec_depthwise_rows.h and weight pairs,
 * [segment][row across][pair]. */
typedef struct {
    const ec_depthwise_conv2d_s8_params *p;
    const ec_tiling *tiling;
    int16_t *planes;
    uint32_t *table;
    ec_span along;
    ec_span across;
    int32_t outputs; /* along */
    int32_t rows;    /* of outputs, across */
} tile;

/* One channel where windows have three rows and one segment of two weight pairs. */
NOT_INLINED static void run_three_rows(const tile *t, const int16_t *plane, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    uint32_t *table = t->table;
    const int32_t pitch = tiling->pitch_bytes / 2;
    for (int32_t row = 0; row < t->rows; row++) {
        const int16_t *row0 = plane;
        const int16_t *row1 = row0 + pitch;
        const int16_t *row2 = row1 + pitch;
        int8_t *to = output;
        int32_t count = t->outputs;
        int32_t a0, a1, a2, a3;
        uint32_t p, q, u, v;
        const int32_t blocked = count & ~3;
        count -= blocked;
        table[EC_TABLE_END_WORD] = (uint32_t)(uintptr_t)(row0 + blocked * tiling->along.stride);
        if (tiling->along.stride == 1) {
            if (blocked) {
                EC_BLOCKS_OF_4(EC_ROW_OF_4_STRIDE_1);
            }
            if (count) {
                EC_BLOCKS_OF_2(EC_ROW_OF_2_STRIDE_1);
            }
        } else {
            if (blocked) {
                EC_BLOCKS_OF_4(EC_ROW_OF_4_STRIDE_2);
            }
            if (count) {
                EC_BLOCKS_OF_2(EC_ROW_OF_2_STRIDE_2);
            }
        }
        plane += tiling->across.stride * pitch;
        output += tiling->across.phases * tiling->across.output_step;
    }
}

/* Four neighbouring outputs of one channel, any window; the first `count` are stored. */
NOT_INLINED static void run_block(const tile *t, const int16_t *at, int32_t outputs, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const uint32_t *table = t->table;
    const uint32_t *weights = table + EC_TABLE_HEAD_WORDS;
    const int32_t pitch = tiling->pitch_bytes;
    const int32_t kind = tiling->along.stride * 8 + tiling->segments.words;
    int32_t a0 = (int32_t)table[EC_TABLE_BIAS_WORD];
    int32_t a1 = a0;
    int32_t a2 = a0;
    int32_t a3 = a0;
    for (int32_t segment = 0; segment < tiling->segments.count; segment++) {
        const int16_t *row = at;
        int32_t count = tiling->across.taps;
        uint32_t p, q, u, v, w;
        switch (kind) {
        case 8 + 2:
            EC_SEGMENT_ROWS(EC_SEGMENT_3_STRIDE_1);
            break;
        case 8 + 4:
            EC_SEGMENT_ROWS(EC_SEGMENT_5_STRIDE_1);
            break;
        case 8 + 6:
            EC_SEGMENT_ROWS(EC_SEGMENT_7_STRIDE_1);
            break;
        case 16 + 2:
            EC_SEGMENT_ROWS(EC_SEGMENT_4_STRIDE_2);
            break;
        case 16 + 3:
            EC_SEGMENT_ROWS(EC_SEGMENT_6_STRIDE_2);
            break;
        default:
            EC_SEGMENT_ROWS(EC_SEGMENT_8_STRIDE_2);
            break;
        }
        at += tiling->segments.advance;
    }
    const int32_t twice_multiplier = (int32_t)table[EC_TABLE_MULTIPLIER_WORD];
    const int32_t zero_point = (int32_t)table[EC_TABLE_ZERO_POINT_WORD];
    const int32_t step = (int32_t)table[EC_TABLE_STEP_WORD];
    output[0] = ec_saturate(ec_rescale(a0, twice_multiplier, zero_point));
    if (outputs > 1) {
        output[step] = ec_saturate(ec_rescale(a1, twice_multiplier, zero_point));
    }
    if (outputs > 2) {
        output[2 * step] = ec_saturate(ec_rescale(a2, twice_multiplier, zero_point));
    }
    if (outputs > 3) {
        output[3 * step] = ec_saturate(ec_rescale(a3, twice_multiplier, zero_point));
    }
}

static void run_blocks(const tile *t, const int16_t *plane, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t step = (int32_t)t->table[EC_TABLE_STEP_WORD];
    for (int32_t row = 0; row < t->rows; row++) {
        for (int32_t first = 0; first < t->outputs; first += EC_BLOCK_OUTPUTS) {
            run_block(t, plane + first * tiling->along.stride, t->outputs - first, output + first * step);
        }
        plane += tiling->across.stride * (tiling->pitch_bytes / 2);
        output += tiling->across.phases * tiling->across.output_step;
    }
}

/* Weights of one row across, from tap `first` on, as pairs. */
static uint32_t *widen_row(const tile *t, const int8_t *weights, int32_t first, uint32_t *pairs) {
    const ec_tiling *tiling = t->tiling;
    const int32_t last_segment = first + tiling->segments.advance >= tiling->along.taps - 1;
    const int32_t own = last_segment ? tiling->segments.taps : tiling->segments.advance;
    const int32_t taps = ec_smaller(own, tiling->along.taps - first);
    const int32_t steps = tiling->along.stride == 1 ? 1 : 2;
    const int32_t weight_step = tiling->along.weight_step;
    const int32_t scale = 1 << t->p->shift;
    weights += first * weight_step;
    for (int32_t pair = 0; pair < tiling->segments.words; pair++) {
        const int32_t tap = pair * steps;
        const int32_t low = tap < taps ? weights[tap * weight_step] * scale : 0;
        const int32_t high = tap + 1 < taps ? weights[(tap + 1) * weight_step] * scale : 0;
        *pairs++ = ec_pack_low((uint32_t)low, (uint32_t)high);
    }
    return pairs;
}

/* The table of output channel c. */
static void fill_table(const tile *t, int32_t c) {
    const ec_depthwise_conv2d_s8_params *p = t->p;
    const ec_tiling *tiling = t->tiling;
    uint32_t *table = t->table;
    table[EC_TABLE_BIAS_WORD] = (uint32_t)(p->bias[c] * (1 << p->shift));
    table[EC_TABLE_MULTIPLIER_WORD] = (uint32_t)p->multiplier[c] * 2;
    table[EC_TABLE_ZERO_POINT_WORD] = (uint32_t)(int32_t)p->output_zero_point;
    table[EC_TABLE_STEP_WORD] = (uint32_t)(tiling->along.phases * tiling->along.output_step);
    uint32_t *pairs = table + EC_TABLE_HEAD_WORDS;
    for (int32_t segment = 0; segment < tiling->segments.count; segment++) {
        const int8_t *weights = p->weights + c;
        for (int32_t row = 0; row < tiling->across.taps; row++) {
            pairs = widen_row(t, weights, segment * tiling->segments.advance, pairs);
            weights += tiling->across.weight_step;
        }
    }
}

static void unpack(const tile *t, const int8_t *input) {
    const ec_tiling *tiling = t->tiling;
    const ec_axis *across = &tiling->across;
    input += t->along.position * tiling->along.input_step + t->across.position * across->input_step;
    for (int32_t row = t->across.from; row < t->across.to; row++) {
        ec_unpack_row(tiling, input, t->along.from, t->along.to, t->planes + row * (tiling->pitch_bytes / 2));
        input += across->tap_stride * across->input_step;
    }
}

static void run_tile(const tile *t, const int8_t *input, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t plane_elements = tiling->plane_rows * (tiling->pitch_bytes / 2);
    const int32_t channel_multiplier = t->p->channel_multiplier;
    const int32_t three_rows = tiling->across.taps == 3 && tiling->segments.count == 1 && tiling->segments.words == 2;
    ec_fill_planes((uint32_t *)(void *)t->planes, tiling->planes * plane_elements / 2, t->p->input_zero_point);
    for (int32_t first = 0; first < t->p->input_c; first += tiling->planes) {
        const int32_t unpacked = ec_smaller(first, t->p->input_c - tiling->planes);
        unpack(t, input + unpacked);
        for (int32_t c = first * channel_multiplier; c < (unpacked + tiling->planes) * channel_multiplier; c++) {
            const int16_t *plane = t->planes + (c / channel_multiplier - unpacked) * plane_elements;
            fill_table(t, c);
            if (three_rows) {
                run_three_rows(t, plane, output + c);
            } else {
                run_blocks(t, plane, output + c);
            }
        }
    }
}

/* The tiles of one phase along and one phase across. */
static void run_phase(tile *t, const int8_t *input, int8_t *output, int32_t phase_along, int32_t phase_across) {
    const ec_tiling *tiling = t->tiling;
    const ec_axis *along = &tiling->along;
    const ec_axis *across = &tiling->across;
    const int32_t tile_along = tiling->tile_outputs * along->phases;
    const int32_t tile_across = tiling->tile_rows * across->phases;
    const int32_t elements = tiling->pitch_bytes / 2;
    for (int32_t j = phase_across; j < across->outputs; j += tile_across) {
        t->rows = ec_smaller(ec_round_up(across->outputs - j, across->phases), tiling->tile_rows);
        t->across = ec_span_inside(across, j * across->output_stride - across->padding, tiling->plane_rows);
        for (int32_t i = phase_along; i < along->outputs; i += tile_along) {
            t->outputs = ec_smaller(ec_round_up(along->outputs - i, along->phases), tiling->tile_outputs);
            t->along = ec_span_inside(along, i * along->output_stride - along->padding, elements);
            run_tile(t, input, output + i * along->output_step + j * across->output_step);
        }
    }
}

void ec_depthwise_conv2d_s8_arm_dsp(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_tiling tiling = ec_tiling_of(params);
    tile t = {.p = params, .tiling = &tiling, .planes = scratch};
    t.table = (uint32_t *)scratch + tiling.planes * tiling.plane_rows * (tiling.pitch_bytes / 4);
    for (int32_t across = 0; across < tiling.across.phases; across++) {
        for (int32_t along = 0; along < tiling.along.phases; along++) {
            run_phase(&t, input, output, along, across);
        }
    }
    ec_clamp_run(output, (uint32_t)params->output_h * params->output_w * params->output_c, params->clamp_min, params->clamp_max);
}
