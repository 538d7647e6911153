/* Four input channels at a time are unpacked into padded int16 planes, along which windows slide two inputs an instruction. Weights keep
 * the portable layout: those of four channels are widened to pairs once a tile. A left shift of the accumulator is applied to weights
 * and bias. Where there are few taps or few outputs, inputs are read where they lie. */
#include "ec_depthwise_conv2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_depthwise_direct.h"
#include "ec_depthwise_planes.h"
#include "ec_depthwise_rows.h"
#include "ec_depthwise_segments.h"
#include "ec_depthwise_tables.h"
#include "ec_depthwise_tile.h"

#define NOT_INLINED __attribute__((noinline)) /* inline assembly that needs every register */

/* One tile: working memory holds the planes, then the tables. */
typedef struct {
    const ec_depthwise_conv2d_s8_params *p;
    const ec_tiling *tiling;
    int16_t *planes;
    uint32_t *tables;
    ec_span along;
    ec_span across;
    int32_t outputs; /* along */
    int32_t rows;    /* of outputs, across */
} tile;

/* One channel where windows have three rows and one segment of two weight pairs. */
NOT_INLINED static void run_three_rows(const tile *t, const uint32_t *table, const int16_t *plane, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t stride = tiling->along.stride;
    const int32_t blocks = t->outputs / 4;
    const int32_t rest = t->outputs % 4;
    const int32_t computed = 4 * blocks + (rest + 1) / 2 * 2;
    const int32_t to_next_row = (tiling->across.stride * tiling->pitch - stride * computed) * 2;
    const int32_t to_next_output = tiling->across.output_step - tiling->along.output_step * computed;
    int32_t rows = t->rows;
    const int16_t *row0 = plane;
    const int16_t *row1 = row0 + tiling->pitch;
    const int16_t *row2 = row1 + tiling->pitch;
    int32_t a0, a1, a2, a3, n;
    uint32_t p, q, u, v;
    if (stride == 1) {
        EC_THREE_ROWS(EC_ROW_OF_4_STRIDE_1, EC_ROW_OF_2_STRIDE_1);
    } else {
        EC_THREE_ROWS(EC_ROW_OF_4_STRIDE_2, EC_ROW_OF_2_STRIDE_2);
    }
}

/* One channel, any window: four neighbouring outputs at a time, of which those that exist are stored. */
NOT_INLINED static void run_blocks(const tile *t, const uint32_t *table, const int16_t *plane, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t kind = tiling->along.stride * 8 + tiling->segments.words;
    const int32_t pitch = tiling->pitch * 2;
    const int32_t step = tiling->along.output_step;
    for (int32_t done = 0, rows = t->rows; rows > 0;) {
        const int16_t *at = plane + done * tiling->along.stride;
        const uint32_t *weights = table + EC_TABLE_HEAD_WORDS;
        int32_t a0 = (int32_t)table[EC_TABLE_BIAS_WORD];
        int32_t a1 = a0;
        int32_t a2 = a0;
        int32_t a3 = a0;
        int32_t segments = tiling->segments.count;
        do {
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
        } while (--segments > 0);
        const int32_t twice_multiplier = (int32_t)table[EC_TABLE_MULTIPLIER_WORD];
        const int32_t zero_point = (int32_t)table[EC_TABLE_ZERO_POINT_WORD];
        const int32_t left = t->outputs - done;
        int8_t *to = output + done * step;
        *to = ec_saturate(ec_rescale(a0, twice_multiplier, zero_point));
        if (left > 1) {
            to += step;
            *to = ec_saturate(ec_rescale(a1, twice_multiplier, zero_point));
        }
        if (left > 2) {
            to += step;
            *to = ec_saturate(ec_rescale(a2, twice_multiplier, zero_point));
        }
        if (left > 3) {
            to += step;
            *to = ec_saturate(ec_rescale(a3, twice_multiplier, zero_point));
        }
        done += EC_BLOCK_OUTPUTS;
        if (left <= EC_BLOCK_OUTPUTS) {
            done = 0;
            rows--;
            plane += tiling->across.stride * tiling->pitch;
            output += tiling->across.output_step;
        }
    }
}

/* Four input channels, or as many as there are. */
static void unpack(const tile *t, const int8_t *input) {
    const ec_tiling *tiling = t->tiling;
    const uint32_t padding = ec_splat_byte(t->p->input_zero_point);
    input += t->along.position * tiling->along.input_step + t->across.position * tiling->across.input_step;
    for (int32_t row = t->across.from; row < t->across.to; row++) {
        int16_t *to = t->planes + row * tiling->pitch;
        if (tiling->planes == EC_PLANES) {
            ec_unpack_row(tiling, input, t->along.from, t->along.to, padding, to);
        } else {
            ec_unpack_row_of_few(tiling, input, t->along.from, t->along.to, to);
        }
        input += tiling->across.element_step;
    }
}

/* Output channels c .. end - 1, whose inputs are unpacked from channel `unpacked` on. */
static void run_channels(const tile *t, int32_t unpacked, int32_t c, int32_t end, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t three_rows = ec_has_three_rows(&tiling->across, &tiling->segments);
    while (c < end) {
        const int32_t channels = ec_smaller(t->p->output_c, EC_TABLES);
        const int32_t filled = ec_smaller(c, t->p->output_c - channels);
        ec_fill_tables(t->p, tiling, filled, channels, t->tables);
        for (; c < ec_smaller(filled + channels, end); c++) {
            uint32_t *table = t->tables + (c - filled) * tiling->table_words;
            const int16_t *plane = t->planes + (c / t->p->channel_multiplier - unpacked) * tiling->plane_elements;
            if (three_rows) {
                run_three_rows(t, table, plane, output + c);
            } else {
                run_blocks(t, table, plane, output + c);
            }
        }
    }
}

static void run_tile(const tile *t, const int8_t *input, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t channel_multiplier = t->p->channel_multiplier;
    ec_fill_planes((uint32_t *)(void *)t->planes, tiling->planes * tiling->plane_elements / 2, t->p->input_zero_point);
    for (int32_t first = 0; first < t->p->input_c; first += tiling->planes) {
        const int32_t unpacked = ec_smaller(first, t->p->input_c - tiling->planes);
        unpack(t, input + unpacked);
        run_channels(t, unpacked, first * channel_multiplier, (unpacked + tiling->planes) * channel_multiplier, output);
    }
}

/* The tiles of one phase along and one phase across. */
static void run_phase(tile *t, const int8_t *input, int8_t *output, int32_t phase_along, int32_t phase_across) {
    const ec_tiling *tiling = t->tiling;
    const ec_axis *along = &tiling->along;
    const ec_axis *across = &tiling->across;
    for (int32_t row = phase_across; row < across->outputs; row += tiling->tile_rows * across->phases) {
        t->rows = ec_smaller(ec_round_up(across->outputs - row, across->phases), tiling->tile_rows);
        t->across = ec_span_inside(across, row * across->output_stride - across->padding, tiling->plane_rows);
        int8_t *to = output;
        for (int32_t first = phase_along; first < along->outputs; first += tiling->tile_outputs * along->phases) {
            t->outputs = ec_smaller(ec_round_up(along->outputs - first, along->phases), tiling->tile_outputs);
            t->along = ec_span_inside(along, first * along->output_stride - along->padding, tiling->pitch);
            run_tile(t, input, to);
            to += tiling->tile_outputs * along->output_step;
        }
        output += tiling->tile_rows * across->output_step;
    }
}

static void run_planes(const ec_depthwise_conv2d_s8_params *p, const ec_tiling *tiling, const int8_t *input, int8_t *output,
                       void *scratch) {
    tile t = {.p = p, .tiling = tiling, .planes = scratch};
    t.tables = (uint32_t *)scratch + ec_round_up(tiling->planes * tiling->plane_elements / 2, 4) * 4;
    const int32_t step_along = tiling->along.output_step / tiling->along.phases;
    const int32_t step_across = tiling->across.output_step / tiling->across.phases;
    for (int32_t across = 0; across < tiling->across.phases; across++) {
        for (int32_t along = 0; along < tiling->along.phases; along++) {
            run_phase(&t, input, output + along * step_along + across * step_across, along, across);
        }
    }
}

void ec_depthwise_conv2d_s8_arm_dsp(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    ec_tiling tiling;
    ec_tile(params, &tiling);
    if (tiling.direct) {
        ec_depthwise_direct(params, input, output, scratch);
    } else {
        run_planes(params, &tiling, input, output, scratch);
    }
    ec_clamp_run(output, (uint32_t)params->output_h * params->output_w * params->output_c, params->clamp_min, params->clamp_max);
}
