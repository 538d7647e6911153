/* The inputs of a row that are not zero are listed once. For each pixel those of its window are brought together two by two, then
 * multiplied by blocks of eight output channels (ec_zero_input_blocks.h).
 *
 * weights: for each group the constants of its blocks (EC_BLOCK_CONSTANTS), where biases are plus input_zero_point * sum of the channel's
 * weights; then [kernel_h][kernel_w][input_c / groups][channels of all blocks]. Channels that are not there are zero.
 * scratch: the pairs of a window and three more, the number of the row in each place of the ring, the ring's rows.
 */
#include "ec_conv2d_zero_input_s8.h"

#include "ec_blocks.h"
#include "ec_zero_input_blocks.h"

#define NO_ROW INT32_MAX
#define ENTRY_OFFSETS (1u << 16) /* that an entry can hold */
#define SPARE_PAIRS (EC_PAIRS_IN_TURN + 1u)

typedef struct {
    const ec_conv2d_zero_input_s8_params *params;
    ec_list_format format;
    uint32_t outputs; /* of a group */
    uint32_t blocks;
    uint32_t tap_bytes; /* of weights */
    uint32_t run_taps;  /* of a window's row, whose inputs are brought together at once */
    uint32_t reach;     /* input rows from the first to the last of a window: places in the ring */
    uint32_t row_words; /* of a place in the ring */
    ec_input_pair *pairs;
    int32_t *listed; /* [reach], the input row in each place of the ring, or NO_ROW */
    uint32_t *ring;  /* [reach][row_words] */
} layer;

/* One group. */
typedef struct {
    const int8_t *input; /* its first channel */
    const int8_t *constants;
    const int8_t *weights;
    int8_t *output;
} group;

/* A window's first row and column, which may lie in the padding. */
typedef struct {
    int32_t y;
    int32_t x;
} corner;

static inline uint32_t **row_in_ring(const layer *l, int32_t y) {
    return (uint32_t **)(void *)(l->ring + (uint32_t)y % l->reach * l->row_words);
}

/* Lists the rows of the windows whose first row is `y`, unless the ring holds them. */
static void list_rows(const layer *l, const group *g, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    for (uint32_t left = p->kernel_h; left > 0; left--) {
        if (y >= 0 && y < p->input_h) {
            int32_t *const listed = l->listed + (uint32_t)y % l->reach;
            if (*listed != y) {
                *listed = y;
                ec_list_row(&l->format, g->input + (uint32_t)y * p->input_w * p->input_c, row_in_ring(l, y));
            }
        }
        y += p->dilation_h;
    }
}

/* The end of the taps of a window's row that lie within the input; *first is the first of them. */
static inline int32_t taps_inside(const ec_conv2d_zero_input_s8_params *p, int32_t x, int32_t *first) {
    int32_t begin = 0;
    int32_t end = p->kernel_w;
    while (begin < end && x + begin * p->dilation_w < 0) {
        begin++;
    }
    while (end > begin && x + (end - 1) * p->dilation_w >= p->input_w) {
        end--;
    }
    *first = begin;
    return end;
}

/* The pairs of a window; `weights` of the blocks they are for. */
EC_NOT_INLINED static void pair_inputs(const layer *l, corner at, const int8_t *weights) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    ec_pair_end end = {l->pairs, 0};
    int32_t first;
    const int32_t taps_end = taps_inside(p, at.x, &first);
    const int8_t *row_weights = weights;
    for (uint32_t rows = p->kernel_h; rows > 0; rows--) {
        if (at.y >= 0 && at.y < p->input_h && first < taps_end) {
            uint32_t *const *const starts = row_in_ring(l, at.y);
            if (l->run_taps > 1u) {
                const int8_t *const column_0 = row_weights - at.x * (int32_t)l->tap_bytes;
                end = ec_append_list(end, starts[at.x + first], starts[at.x + taps_end], column_0);
            } else {
                for (int32_t tap = first; tap < taps_end; tap++) {
                    const int32_t x = at.x + tap * p->dilation_w;
                    end = ec_append_list(end, starts[x], starts[x + 1], row_weights + (uint32_t)tap * l->tap_bytes);
                }
            }
        }
        at.y += p->dilation_h;
        row_weights += p->kernel_w * l->tap_bytes;
    }
    ec_end_pairs(l->pairs, end, weights);
}

/* The last block of which not all channels are there. */
static void compute_last(ec_zero_input_block *b, uint32_t channels) {
    int8_t results[EC_BLOCK_CHANNELS];
    int8_t *const output = b->output;
    b->output = results;
    b->blocks++;
    ec_zero_input_blocks(b);
    memcpy(output, results, channels); /* cppcheck-suppress uninitvar ; written through b->output */
}

/* All channels of a group for one pixel. */
static void compute_pixel(const layer *l, const group *g, corner at, ec_zero_input_block *b, int8_t *output) {
    const uint32_t rest = l->outputs % EC_BLOCK_CHANNELS;
    b->constants = g->constants;
    b->output = output;
    for (uint32_t first = 0; first < l->blocks; first += EC_BLOCKS_OF_PAIRS) {
        const uint32_t blocks = ec_block(l->blocks, first, EC_BLOCKS_OF_PAIRS);
        const uint32_t has_rest = rest > 0 && first + blocks == l->blocks;
        pair_inputs(l, at, g->weights + first * EC_BLOCK_CHANNELS);
        b->block = 0;
        b->blocks = blocks - has_rest;
        if (b->blocks > 0) {
            ec_zero_input_blocks(b);
        }
        if (has_rest) {
            compute_last(b, rest);
        }
    }
}

static void compute_group(const layer *l, const group *g, ec_zero_input_block *b) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    int8_t *output = g->output;
    for (uint32_t i = 0; i < l->reach; i++) {
        l->listed[i] = NO_ROW;
    }
    for (int32_t y = 0; y < p->output_h; y++) {
        corner at = {y * p->stride_h - p->pad_top, -p->pad_left};
        list_rows(l, g, at.y);
        for (uint32_t left = p->output_w; left > 0; left--) {
            compute_pixel(l, g, at, b, output);
            at.x += p->stride_w;
            output += p->output_c;
        }
    }
}

static layer make_layer(const ec_conv2d_zero_input_s8_params *p, void *scratch) {
    layer l = {.params = p};
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    const uint32_t inputs = (uint32_t)p->kernel_h * p->kernel_w * channels;
    l.outputs = (uint32_t)p->output_c / p->groups;
    l.blocks = (l.outputs + EC_BLOCK_CHANNELS - 1u) / EC_BLOCK_CHANNELS;
    l.format.pixel = p->input_c;
    l.format.columns = p->input_w;
    l.format.channels = channels;
    l.format.row_bytes = l.blocks * EC_BLOCK_CHANNELS;
    l.format.zero_point = p->input_zero_point;
    l.format.zero_span = p->zero_span;
    l.tap_bytes = channels * l.format.row_bytes;
    const int is_one_run = p->dilation_w == 1u && p->input_w * l.tap_bytes <= ENTRY_OFFSETS;
    l.run_taps = is_one_run ? p->kernel_w : 1u;
    l.format.column_bytes = l.run_taps > 1u ? l.tap_bytes : 0u;
    l.reach = (p->kernel_h - 1u) * p->dilation_h + 1u;
    l.row_words = p->input_w * (channels + 1u) + 1u;
    l.pairs = scratch;
    l.listed = (int32_t *)(void *)(l.pairs + inputs / 2u + SPARE_PAIRS);
    l.ring = (uint32_t *)(void *)(l.listed + l.reach);
    return l;
}

void ec_conv2d_zero_input_s8_arm_dsp(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const layer l = make_layer(params, scratch);
    ec_zero_input_block b = {
        .pairs = l.pairs,
        .zero_point = params->output_zero_point,
        .rare = ec_rare(params->shift, params->clamp_min, params->clamp_max),
        .above = (uint32_t)(INT8_MAX - params->clamp_max),
        .span = (uint32_t)(UINT8_MAX - (params->clamp_max - params->clamp_min)),
        .low = params->clamp_min,
    };
    const int8_t *weights = params->weights;
    for (uint32_t i = 0; i < params->groups; i++) {
        const int8_t *const rows = weights + l.blocks * EC_BLOCK_CONSTANTS;
        const group g = {input + i * l.format.channels, weights, rows, output + i * l.outputs};
        compute_group(&l, &g, &b);
        weights = rows + params->kernel_h * params->kernel_w * l.tap_bytes;
    }
}
