/* ec_four_sums.h - four sums of products in three accumulators of 32 bits.
 *
 * Weights a, b, c, d of four output channels are merged into three words,
 *     u = a + 2^(24 - s) d,    v = b + 2^(16 - s) d,    w = c + 2^(8 - s) d    (mod 2^32),
 * and added up, times inputs. Sums may come out 2^s times as large as they are, as minimal filtering makes them: U = 2^s A + 2^24 D, and so
 * on. Where none is negative, A, B and C need no more than 24 - s bits and D no more than 24, they come back exactly: from the lowest 24
 * bits of U follows A, from its highest the lowest 8 bits of D; with these, B and 8 bits more follow from V, then C and the last from W.
 *
 * So three multiplications make four products. Sums start from an offset that lets none be negative; that none leaves its range is proved
 * when the weights are laid out (edgecomp/plan/instruction_sets/four_sums.py).
 */
#ifndef EC_FOUR_SUMS_H
#define EC_FOUR_SUMS_H

#include <stdint.h>

#define EC_QUAD 4U       /* channels */
#define EC_QUAD_WORDS 3U /* that hold their sums */

/* Merges the weights of up to four channels. */
static inline __attribute__((always_inline)) void ec_merge_quad(const int8_t *weights, uint32_t channels, uint32_t s,
                                                                uint32_t words[EC_QUAD_WORDS]) {
    const uint32_t d = channels > 3U ? (uint32_t)weights[3] << (8U - s) : 0U;
    words[0] = (uint32_t)weights[0] + (d << 16);
    words[1] = (channels > 1U ? (uint32_t)weights[1] : 0U) + (d << 8);
    words[2] = (channels > 2U ? (uint32_t)weights[2] : 0U) + d;
}

/* What the words of a quad start from, for four sums that start from an offset. */
static inline void ec_start_quad(uint32_t offset, uint32_t s, uint32_t words[EC_QUAD_WORDS]) {
    words[0] = (offset << s) + (offset << 24);
    words[1] = (offset << s) + (offset << 16);
    words[2] = (offset << s) + (offset << 8);
}

/* The four sums, each with the offset. */
static inline __attribute__((always_inline)) void ec_split_quad(const uint32_t *words, uint32_t s, int32_t sums[EC_QUAD]) {
    const uint32_t u = words[0];
    const uint32_t low = u >> 24;
    const uint32_t v = words[1] - (low << 16);
    const uint32_t middle = v >> 24;
    const uint32_t w = words[2] - (low << 8) - (middle << 16);
    sums[0] = (int32_t)(u << 8 >> (8U + s));
    sums[1] = (int32_t)(v << 8 >> (8U + s));
    sums[2] = (int32_t)(w << 8 >> (8U + s));
    sums[3] = (int32_t)(low + (middle << 8) + (w >> 24 << 16));
}

#endif
