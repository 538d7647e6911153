/* ec_quads.h - four sums of products in three accumulators, for cores that multiply 32 bits but have no vectors.
 *
 * A word holds four weights a, b, c, d of four filters, plus 128 each, from the lowest byte on. Multiplying
 *     the word itself,  the word / 2^8 without c,  the word / 2^16
 * by an input and adding up, less what the 128s add, gives
 *     E = A + 2^8 B + 2^16 C + 2^24 D,    F = B + 2^16 D,    G = C + 2^8 D    (mod 2^32),
 * from which the four sums come back exactly as long as they need no more than 24 bits:
 *     E - 2^8 F - 2^16 G = A - 2^24 D, whose lowest 24 bits are A, the others the lowest 8 of -D;
 *     without those of D, the lowest 24 bits of F are B, the others give 16 bits of D; the same with G gives C and all of D.
 * So three multiplications make four products. Rows whose sums could leave 24 bits are taken in several segments.
 *
 * Here: a fully connected layer but for its inner loops.
 *
 * Weights: a word with the number of inputs in a segment; outputs by eight, for each input two words; then four, if there are, one
 * word; then the rest row by row as in the portable kernel.
 */
#ifndef EC_QUADS_H
#define EC_QUADS_H

#include <stdint.h>
#include <string.h>

#include "ec_fully_connected_s8.h"

#define EC_QUAD 4U
#define EC_QUAD_SUMS 3U
#define EC_MOST_QUADS 2U
#define EC_MOST_SEGMENTS 8U

/* Adds to E, F, G of each quad the products of the inputs up to `end`, one or more; returns where to go on in the weights. */
typedef const int8_t *ec_quads_loop(const int8_t *input, const int8_t *end, const int8_t *weights, uint32_t *sums);

/* ec_multiply of a shifted sum. */
typedef int32_t ec_quads_multiply(int32_t sum, int32_t multiplier);

typedef struct {
    ec_quads_loop *one; /* quad */
    ec_quads_loop *two;
    ec_quads_multiply *multiply;
} ec_quads_loops;

/* A row of the input. */
typedef struct {
    const int8_t *from;
    uint32_t count;
    uint32_t segment;
    uint32_t totals[EC_MOST_SEGMENTS]; /* 128 times the sum of each segment's inputs */
} ec_quads_row;

static inline int32_t ec_lowest_24(uint32_t value) { return (int32_t)(value << 8) >> 8; }

/* Adds the four sums. */
static inline void ec_split_quad(uint32_t e, uint32_t f, uint32_t g, int32_t *sums) {
    const uint32_t low = e - (f << 8) - (g << 16);
    const int32_t a = ec_lowest_24(low);
    const int32_t b = ec_lowest_24(f - (((uint32_t)a - low) >> 8));
    const int32_t c = ec_lowest_24(g - ((f - (uint32_t)b) >> 8));
    const int32_t d = (int32_t)(g - (uint32_t)c) >> 8;
    sums[0] += a;
    sums[1] += b;
    sums[2] += c;
    sums[3] += d;
}

static void ec_add_totals(ec_quads_row *row) {
    const int8_t *from = row->from;
    uint32_t *total = row->totals;
    uint32_t left = row->count;
    do {
        const uint32_t count = left < row->segment ? left : row->segment;
        int32_t sum = 0;
        const int8_t *const end = from + count;
        do {
            sum += *from++;
        } while (from != end);
        *total++ = (uint32_t)sum << 7;
        left -= count;
    } while (left > 0);
}

/* Sums of one quad or two; returns where to go on in the weights. */
static inline const int8_t *ec_add_quads(const ec_quads_row *row, const int8_t *weights, uint32_t quads, ec_quads_loop *loop,
                                         int32_t *sums) {
    const int8_t *from = row->from;
    const uint32_t *total = row->totals;
    uint32_t left = row->count;
    do {
        const uint32_t count = left < row->segment ? left : row->segment;
        uint32_t words[EC_MOST_QUADS * EC_QUAD_SUMS];
        for (uint32_t quad = 0; quad < quads; quad++) {
            words[EC_QUAD_SUMS * quad] = 0U - *total * 0x01010101U;
            words[EC_QUAD_SUMS * quad + 1U] = 0U - *total * 0x00010001U;
            words[EC_QUAD_SUMS * quad + 2U] = 0U - *total * 0x00000101U;
        }
        weights = loop(from, from + count, weights, words);
        for (uint32_t quad = 0; quad < quads; quad++) {
            const uint32_t *const w = words + EC_QUAD_SUMS * quad;
            ec_split_quad(w[0], w[1], w[2], sums + EC_QUAD * quad);
        }
        from += count;
        total++;
        left -= count;
    } while (left > 0);
    return weights;
}

/* Sum of products of a row that is not part of a quad. */
static int32_t ec_single_row(const int8_t *from, const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (; count >= 4U; count -= 4U) {
        sum += from[0] * weights[0];
        sum += from[1] * weights[1];
        sum += from[2] * weights[2];
        sum += from[3] * weights[3];
        from += 4;
        weights += 4;
    }
    for (; count > 0; count--) {
        sum += *from++ * *weights++;
    }
    return sum;
}

/* Outputs from `first` on. */
static inline void ec_put_outputs(const ec_fully_connected_s8_params *p, const int32_t *sums, uint32_t first, uint32_t count,
                                  ec_quads_multiply *multiply, int8_t *output) {
    const int32_t *multiplier = p->multiplier + first;
    const int32_t zero_point = p->output_zero_point;
    const int32_t low = p->clamp_min;
    const int32_t high = p->clamp_max;
    const uint32_t shift = p->shift;
    const int32_t *const end = sums + count;
    do {
        int32_t value = multiply((int32_t)((uint32_t)*sums++ << shift), *multiplier++) + zero_point;
        if (value < low) {
            value = low;
        }
        if (value > high) {
            value = high;
        }
        *output++ = (int8_t)value;
    } while (sums != end);
}

static inline void ec_row_by_quads(const ec_fully_connected_s8_params *p, const ec_quads_row *row, const ec_quads_loops *loops,
                                   int8_t *output) {
    const int8_t *weights = p->weights + sizeof(uint32_t);
    uint32_t count;
    for (uint32_t o = 0; o < p->output_n; o += count) {
        const uint32_t left = p->output_n - o;
        int32_t sums[EC_MOST_QUADS * EC_QUAD];
        count = left >= 2U * EC_QUAD ? 2U * EC_QUAD : left >= EC_QUAD ? EC_QUAD : 1U;
        for (uint32_t i = 0; i < count; i++) {
            sums[i] = p->bias[o + i];
        }
        if (count == 1U) {
            sums[0] += ec_single_row(row->from, weights, row->count);
            weights += row->count;
        } else {
            weights = ec_add_quads(row, weights, count / EC_QUAD, count == EC_QUAD ? loops->one : loops->two, sums);
        }
        ec_put_outputs(p, sums, o, count, loops->multiply, output + o);
    }
}

/* The layer. */
static inline void ec_fully_connected_quads(const ec_fully_connected_s8_params *p, const int8_t *input, int8_t *output,
                                            const ec_quads_loops *loops) {
    ec_quads_row row;
    row.from = input;
    row.count = p->input_n;
    memcpy(&row.segment, p->weights, sizeof row.segment);
    for (uint32_t left = p->rows; left > 0; left--) {
        ec_add_totals(&row);
        ec_row_by_quads(p, &row, loops, output);
        row.from += p->input_n;
        output += p->output_n;
    }
}

#endif
