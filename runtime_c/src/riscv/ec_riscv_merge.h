/* ec_riscv_merge.h - vectors of int8 merged into the words of triples (ec_triples.h). */
#ifndef EC_RISCV_MERGE_H
#define EC_RISCV_MERGE_H

#include <stdint.h>

#include "ec_triples.h"

/* Merges an element of three vectors. */
static inline __attribute__((always_inline)) void ec_riscv_merge(const int8_t *a, const int8_t *b, const int8_t *c, uint32_t at,
                                                                 uint32_t *to) {
    const uint32_t third = (uint32_t)c[at];
    to[0] = (uint32_t)a[at] + (third << 21);
    to[1] = (uint32_t)b[at] + (third << 11);
}

static uint32_t *ec_riscv_merge_three(const int8_t *const *from, uint32_t count, uint32_t *to) {
    for (uint32_t i = 0; i < count; i++) {
        ec_riscv_merge(from[0], from[1], from[2], i, to);
        to += EC_TRIPLE_WORDS;
    }
    return to;
}

static uint32_t *ec_riscv_merge_six(const int8_t *const *from, uint32_t count, uint32_t *to) {
    const int8_t *a = from[0];
    const int8_t *b = from[1];
    const int8_t *c = from[2];
    const int8_t *d = from[3];
    const int8_t *e = from[4];
    const int8_t *f = from[5];
    for (; count >= 4U; count -= 4U) {
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4U; i++) {
            ec_riscv_merge(a, b, c, i, to + 4U * i);
            ec_riscv_merge(d, e, f, i, to + 4U * i + 2U);
        }
        a += 4;
        b += 4;
        c += 4;
        d += 4;
        e += 4;
        f += 4;
        to += 16;
    }
    for (uint32_t i = 0; i < count; i++) {
        ec_riscv_merge(a, b, c, i, to);
        ec_riscv_merge(d, e, f, i, to + 2);
        to += 4;
    }
    return to;
}

#endif
