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

/* Filters whose tables lie one after the other; `filter` of the channel multiplier's is the first one's number on its plane. */
typedef struct {
    const uint32_t *table;
    const int16_t *plane;
    int8_t *output;
    int32_t count;
    int32_t filter;
} filters;

static inline void next_filter(const tile *t, filters *f) {
    f->table += t->tiling->table_words;
    f->output++;
    f->count--;
    if (++f->filter == t->p->channel_multiplier) {
        f->filter = 0;
        f->plane += t->tiling->plane_elements;
    }
}

/* Windows that have three rows and one segment of two weight pairs. */
NOT_INLINED static void run_three_rows(const tile *t, filters *f) {
    const ec_tiling *tiling = t->tiling;
    const int32_t stride = tiling->along.stride;
    const int32_t blocks = t->outputs / 4;
    const int32_t rest = t->outputs % 4;
    const int32_t computed = 4 * blocks + (rest + 1) / 2 * 2;
    const int32_t to_next_row = (tiling->across.stride * tiling->pitch - stride * computed) * 2;
    const int32_t to_next_output = tiling->across.output_step - tiling->along.output_step * computed;
    for (; f->count > 0; next_filter(t, f)) {
        const uint32_t *table = f->table;
        const int16_t *row0 = f->plane;
        const int16_t *row1 = row0 + tiling->pitch;
        const int16_t *row2 = row1 + tiling->pitch;
        int8_t *output = f->output;
        int32_t rows = t->rows;
        int32_t a0, a1, a2, a3, n;
        uint32_t p, q, u, v;
        if (stride == 1) {
            EC_THREE_ROWS(EC_ROW_OF_4_STRIDE_1, EC_ROW_OF_2_STRIDE_1);
        } else {
            EC_THREE_ROWS(EC_ROW_OF_4_STRIDE_2, EC_ROW_OF_2_STRIDE_2);
        }
    }
}

/* The sums of one block, from its first segment on. */
typedef struct {
    int32_t kind;
    int32_t rows;  /* of a segment */
    int32_t pitch; /* bytes */
    int32_t segments;
    int32_t advance; /* elements from one segment to the next */
} sum_order;

/* Where windows have one row its segments follow each other as rows do. */
static sum_order sum_order_of(const ec_tiling *t) {
    const int32_t one_row = t->across.taps == 1;
    const sum_order order = {.kind = t->along.stride * 8 + t->segments.words,
                             .rows = one_row ? t->segments.count : t->across.taps,
                             .pitch = 2 * (one_row ? t->segments.advance : t->pitch),
                             .segments = one_row ? 1 : t->segments.count,
                             .advance = t->segments.advance};
    return order;
}

/* One row of outputs of one channel, any window: four at a time, of which those that exist are stored. */
NOT_INLINED static void run_row(const sum_order *order, const uint32_t *table, const int16_t *at, int32_t left, int32_t block_step,
                                int8_t *output) {
    const int32_t pitch = order->pitch;
    do {
        const uint32_t *weights = table + EC_TABLE_HEAD_WORDS;
        const int16_t *segment = at;
        int32_t a0 = (int32_t)table[EC_TABLE_BIAS_WORD];
        int32_t a1 = a0;
        int32_t a2 = a0;
        int32_t a3 = a0;
        int32_t segments = order->segments;
        do {
            const int16_t *row = segment;
            int32_t count = order->rows;
            uint32_t p, q, u, v, w;
            switch (order->kind) {
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
            segment += order->advance;
        } while (--segments > 0);
        const int32_t twice_multiplier = (int32_t)table[EC_TABLE_MULTIPLIER_WORD];
        const int32_t zero_point = (int32_t)table[EC_TABLE_ZERO_POINT_WORD];
        const int32_t step = (int32_t)table[EC_TABLE_STEP_WORD];
        output[0] = ec_saturate(ec_rescale(a0, twice_multiplier, zero_point));
        if (left > 1) {
            output[step] = ec_saturate(ec_rescale(a1, twice_multiplier, zero_point));
        }
        output += 2 * step;
        if (left > 2) {
            output[0] = ec_saturate(ec_rescale(a2, twice_multiplier, zero_point));
        }
        if (left > 3) {
            output[step] = ec_saturate(ec_rescale(a3, twice_multiplier, zero_point));
        }
        output += 2 * step;
        at += block_step;
        left -= EC_BLOCK_OUTPUTS;
    } while (left > 0);
}

/* Any window. */
static void run_rows(const tile *t, filters *f) {
    const ec_tiling *tiling = t->tiling;
    const sum_order order = sum_order_of(tiling);
    for (; f->count > 0; next_filter(t, f)) {
        const int16_t *plane = f->plane;
        int8_t *output = f->output;
        for (int32_t row = 0; row < t->rows; row++) {
            run_row(&order, f->table, plane, t->outputs, EC_BLOCK_OUTPUTS * tiling->along.stride, output);
            plane += tiling->across.stride * tiling->pitch;
            output += tiling->across.output_step;
        }
    }
}

/* Four input channels, or as many as there are. */
static void unpack(const tile *t, const int8_t *input) {
    const ec_tiling *tiling = t->tiling;
    input += t->along.position * tiling->along.input_step + t->across.position * tiling->across.input_step;
    if (tiling->planes == EC_PLANES) {
        ec_unpack_four(tiling, &t->across, &t->along, input, t->planes);
    } else {
        ec_unpack_few(tiling, &t->across, &t->along, input, t->planes);
    }
}

/* The filters of the planes that come after the first `skipped` of the unpacked channels; `unpacked` is the first channel. */
static void run_channels(const tile *t, int32_t unpacked, int32_t skipped, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t multiplier = t->p->channel_multiplier;
    const int32_t tables = ec_smaller(t->p->output_c, EC_TABLES);
    const int32_t end = (unpacked + tiling->planes) * multiplier;
    filters f = {.plane = t->planes + skipped * tiling->plane_elements};
    for (int32_t c = (unpacked + skipped) * multiplier; c < end;) {
        const int32_t filled = ec_smaller(c, t->p->output_c - tables);
        const int32_t stop = ec_smaller(filled + tables, end);
        ec_fill_tables(t->p, tiling, filled, tables, t->tables);
        f.table = t->tables + (c - filled) * tiling->table_words;
        f.output = output + c;
        f.count = stop - c;
        if (tiling->has_three_rows) {
            run_three_rows(t, &f);
        } else {
            run_rows(t, &f);
        }
        c = stop;
    }
}

static void run_tile(const tile *t, const int8_t *input, int8_t *output) {
    const ec_tiling *tiling = t->tiling;
    const int32_t channels = t->p->input_c;
    ec_fill_planes((uint32_t *)(void *)t->planes, tiling->planes * tiling->plane_elements / 2, tiling->padding);
    for (int32_t first = 0; first < channels; first += tiling->planes) {
        const int32_t unpacked = ec_smaller(first, channels - tiling->planes);
        unpack(t, input + unpacked);
        run_channels(t, unpacked, first - unpacked, output);
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
