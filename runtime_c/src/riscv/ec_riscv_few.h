/* ec_riscv_few.h - sums of what is left beside blocks of four channels and six pixels: other patches, and single channels. */
#ifndef EC_RISCV_FEW_H
#define EC_RISCV_FEW_H

#include <stdint.h>
#include <string.h>

#include "ec_riscv_triples.h"
#include "ec_triples.h"

/* sums[word]: products of the patch from `patch` to `end`, of two triples, and the weights of one channel. */
static inline void ec_riscv_six_of_one(const uint32_t *patch, const uint32_t *end, const int8_t *weights, uint32_t *sums) {
    uint32_t u = 0;
    uint32_t v = 0;
    uint32_t x = 0;
    uint32_t y = 0;
    for (; patch != end; patch += EC_RISCV_WORDS) {
        const uint32_t w = (uint32_t)*weights++;
        u += w * patch[0];
        v += w * patch[1];
        x += w * patch[2];
        y += w * patch[3];
    }
    sums[0] = u;
    sums[1] = v;
    sums[2] = x;
    sums[3] = y;
}

/* sums[channel][word]: one triple and four channels; an element has two words. */
static inline void ec_riscv_three_of_four(const uint32_t *patch, const uint32_t *end, const int8_t *weights, uint32_t *sums) {
    uint32_t u0 = 0, u1 = 0, u2 = 0, u3 = 0;
    uint32_t v0 = 0, v1 = 0, v2 = 0, v3 = 0;
    for (; patch != end; patch += EC_TRIPLE_WORDS) {
        const uint32_t u = patch[0];
        const uint32_t v = patch[1];
        u0 += (uint32_t)weights[0] * u;
        v0 += (uint32_t)weights[0] * v;
        u1 += (uint32_t)weights[1] * u;
        v1 += (uint32_t)weights[1] * v;
        u2 += (uint32_t)weights[2] * u;
        v2 += (uint32_t)weights[2] * v;
        u3 += (uint32_t)weights[3] * u;
        v3 += (uint32_t)weights[3] * v;
        weights += EC_RISCV_CHANNELS;
    }
    const uint32_t found[8] = {u0, v0, u1, v1, u2, v2, u3, v3};
    memcpy(sums, found, sizeof found);
}

/* sums[word]: one triple and one channel. */
static inline void ec_riscv_three_of_one(const uint32_t *patch, const uint32_t *end, const int8_t *weights, uint32_t *sums) {
    uint32_t u = 0;
    uint32_t v = 0;
    for (; patch != end; patch += EC_TRIPLE_WORDS) {
        const uint32_t w = (uint32_t)*weights++;
        u += w * patch[0];
        v += w * patch[1];
    }
    sums[0] = u;
    sums[1] = v;
}

/* sums[channel]: one pixel, whose elements are the lowest bytes of the u of a triple, and four channels or one. */
static inline void ec_riscv_one_of_some(const uint32_t *patch, const uint32_t *end, const int8_t *weights, uint32_t channels,
                                        int32_t *sums) {
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    if (channels == 1U) {
        for (; patch != end; patch += EC_TRIPLE_WORDS) {
            s0 += (int8_t)*patch * *weights++;
        }
        sums[0] = s0;
        return;
    }
    for (; patch != end; patch += EC_TRIPLE_WORDS) {
        const int32_t x = (int8_t)*patch;
        s0 += x * weights[0];
        s1 += x * weights[1];
        s2 += x * weights[2];
        s3 += x * weights[3];
        weights += EC_RISCV_CHANNELS;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#endif
