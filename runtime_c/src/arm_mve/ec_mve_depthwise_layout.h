/* ec_mve_depthwise_layout.h - how a depthwise convolution uses its scratch: sizes, and the weights in it.
 *
 * A word holds four inputs of a channel that lie above each other, or beside each other where the kernel is one row high. A window is
 * some words; in vectors of four words they meet weights that are laid out the same way.
 */
#ifndef EC_MVE_DEPTHWISE_LAYOUT_H
#define EC_MVE_DEPTHWISE_LAYOUT_H

#include "ec_depthwise_conv2d_s8.h"
#include "ec_mve.h"
#include "ec_mve_runs.h"

#define EC_MVE_TILE_BYTES 4096U /* that the words of a tile of pixels may take, unless two pixels need more */
#define EC_MVE_WORD 4U          /* inputs */
#define EC_MVE_MOST_VECTORS 4U  /* of a window */

typedef struct {
    const ec_depthwise_conv2d_s8_params *p;
    int along;            /* whether words hold inputs beside each other; every pixel has columns of its own then */
    uint32_t taps;        /* of the kernel along words */
    uint32_t planes;      /* words that hold them */
    uint32_t across;      /* taps across words */
    uint32_t vectors;     /* of a window */
    uint32_t rows;        /* of pixels computed together: 2 where words have room for what both read */
    uint32_t pixels;      /* of a row in a tile */
    uint32_t columns;     /* that they read */
    uint32_t column_step; /* columns from one pixel to the next */
    uint32_t column_size; /* bytes */
    uint32_t plane_size;
    uint32_t offsets[EC_MVE_WORD * EC_MVE_MOST_VECTORS]; /* of a window's words in the tile */
    int8_t *weights;                                     /* [output_c][rows][vectors][16] */
    int8_t *padding;                                     /* [columns][input_c], input_zero_point */
    int8_t *tile; /* [planes][columns][output_c], words, and room behind them for sixteen where a store may run over */
} ec_mve_depthwise;

static inline uint32_t ec_mve_words(uint32_t taps) { return (taps + EC_MVE_WORD - 1U) / EC_MVE_WORD; }

/* Columns that some pixels of a row read. */
static inline uint32_t ec_mve_columns(const ec_mve_depthwise *d, uint32_t pixels) {
    return (pixels - 1U) * d->column_step + (d->across - 1U) * d->p->dilation_w + 1U;
}

static inline ec_mve_depthwise ec_mve_make_depthwise(const ec_depthwise_conv2d_s8_params *p, void *scratch) {
    ec_mve_depthwise d = {.p = p};
    d.along = p->kernel_h == 1;
    d.taps = d.along ? p->kernel_w : p->kernel_h;
    d.across = d.along ? 1 : p->kernel_w;
    d.planes = ec_mve_words(d.taps);
    d.vectors = ec_mve_words(d.planes * d.across);
    d.rows = !d.along && d.vectors == 1 && p->dilation_h == 1 && d.taps + p->stride_h <= EC_MVE_WORD * d.planes ? 2 : 1;
    d.column_step = d.along ? 1 : p->stride_w;
    d.column_size = EC_MVE_WORD * p->output_c;
    d.pixels = p->output_w;
    while (d.pixels > 2 && ec_mve_columns(&d, d.pixels) * d.planes * d.column_size > EC_MVE_TILE_BYTES) {
        d.pixels = (d.pixels + 1U) / 2U;
    }
    d.columns = ec_mve_columns(&d, d.pixels);
    d.plane_size = d.columns * d.column_size;
    for (uint32_t i = 0; i < EC_MVE_WORD * EC_MVE_MOST_VECTORS; i++) {
        const int used = i < d.planes * d.across;
        d.offsets[i] = used ? i % d.planes * d.plane_size + i / d.planes * p->dilation_w * d.column_size : 0;
    }
    d.weights = scratch;
    d.padding = d.weights + p->output_c * d.rows * d.vectors * EC_MVE_BYTES;
    d.tile = d.padding + (d.columns * p->input_c + EC_MVE_BYTES - 1U) / EC_MVE_BYTES * EC_MVE_BYTES;
    return d;
}

/* Where a lane finds its weight in [kernel_w][kernel_h]; -1 where it holds no tap of that row of pixels. */
static inline int32_t ec_mve_weight_of_lane(const ec_mve_depthwise *d, uint32_t row, uint32_t vector, uint32_t lane) {
    const uint32_t word = EC_MVE_WORD * vector + lane / EC_MVE_WORD;
    const int32_t column = (int32_t)(word / d->planes);
    const int32_t tap = (int32_t)(word % d->planes * EC_MVE_WORD + lane % EC_MVE_WORD) - (int32_t)(row * d->p->stride_h);
    return column < (int32_t)d->across && tap >= 0 && tap < (int32_t)d->taps ? column * (int32_t)d->taps + tap : -1;
}

/* Weights into words as inputs will come in them, zeros where a word holds no tap. */
static inline void ec_mve_spread_weights(const ec_mve_depthwise *d) {
    const uint32_t count = d->rows * d->vectors;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t from[EC_MVE_BYTES];
        int8_t mask[EC_MVE_BYTES];
        for (uint32_t lane = 0; lane < EC_MVE_BYTES; lane++) {
            const int32_t weight = ec_mve_weight_of_lane(d, i / d->vectors, i % d->vectors, lane);
            from[lane] = (uint8_t)(weight < 0 ? 0 : weight);
            mask[lane] = weight < 0 ? 0 : -1;
        }
        const uint8x16_t offsets = vldrbq_u8(from);
        const int8x16_t taps = vldrbq_s8(mask);
        const int8_t *weights = d->p->weights;
        int8_t *to = d->weights + i * EC_MVE_BYTES;
        for (uint32_t channel = d->p->output_c; channel > 0; channel--) {
            vstrbq_s8(to, vandq_s8(vldrbq_gather_offset_s8(weights, offsets), taps));
            weights += d->taps * d->across;
            to += count * EC_MVE_BYTES;
        }
    }
}

#endif
