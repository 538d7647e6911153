/* ec_zero_input_quads.h - four sums of products in three accumulators.
 *
 * Weights a, b, c, d of four output channels are merged into three words,
 *     u = a + 2^23 d,    v = b + 2^15 d,    w = c + 2^7 d    (mod 2^32),
 * and added up, times inputs, with all sums twice as large as they are (minimal filtering makes them so): U = 2 A + 2^24 D, and so on. Where
 * A, B and C need no more than 23 bits and D no more than 24, they come back exactly: from the lowest 24 bits of U follows A, from its
 * highest the lowest 8 bits of D; with these, B and 8 bits more follow from V, and C and the last from W. Sums start at 2^22, so that none
 * is negative. Three multiplications make four products; that no sum leaves its range is proved when the weights are laid out.
 */
#ifndef EC_ZERO_INPUT_QUADS_H
#define EC_ZERO_INPUT_QUADS_H

#include <stdint.h>

#define EC_QUAD 4U
#define EC_QUAD_WORDS 3U
#define EC_QUADS 6U /* of a block at most */
#define EC_MOST_WORDS (EC_QUADS * EC_QUAD_WORDS)

/* What the words of a quad start from: four sums of 2^22. */
#define EC_QUAD_U 0x00800000U
#define EC_QUAD_V 0x00800000U
#define EC_QUAD_W 0x40800000U

/* Merges the weights of up to four channels. */
static inline __attribute__((always_inline)) void ec_merge_quad(const int8_t *weights, uint32_t channels, uint32_t words[EC_QUAD_WORDS]) {
    const uint32_t d = channels > 3U ? (uint32_t)weights[3] : 0U;
    words[0] = (uint32_t)weights[0] + (d << 23);
    words[1] = (channels > 1U ? (uint32_t)weights[1] : 0U) + (d << 15);
    words[2] = (channels > 2U ? (uint32_t)weights[2] : 0U) + (d << 7);
}

/* The sums, each 2^22 too large. */
static inline __attribute__((always_inline)) void ec_split_quad(const uint32_t *words, int32_t sums[EC_QUAD]) {
    const uint32_t u = words[0];
    const uint32_t low = u >> 24;
    const uint32_t v = words[1] - (low << 16);
    const uint32_t middle = v >> 24;
    const uint32_t w = words[2] - (low << 8) - (middle << 16);
    sums[0] = (int32_t)(u << 8 >> 9);
    sums[1] = (int32_t)(v << 8 >> 9);
    sums[2] = (int32_t)(w << 8 >> 9);
    sums[3] = (int32_t)(low + (middle << 8) + (w >> 24 << 16));
}

#endif
