/* ec_riscv_quads.h - the accumulators of four quads, or of one (ec_quads.h). */
#ifndef EC_RISCV_QUADS_H
#define EC_RISCV_QUADS_H

#include <stdint.h>

#include "ec_quads.h"

#define EC_RISCV_ODD_BYTES 0x00ff00ffU

/* clang-format off */

/* Quad q: adds to E, F, G the products of a word and the input in %[x]; `next` loads another word where its latency is hidden. */
#define EC_RISCV_WORD(q, word, next) \
    "srli %[s], %[" word "], 8\n" \
    "mul %[t], %[" word "], %[x]\n" \
    "srli %[" word "], %[" word "], 16\n" \
    "and %[s], %[s], %[mask]\n" \
    next \
    "mul %[" word "], %[" word "], %[x]\n" \
    "mul %[s], %[s], %[x]\n" \
    "add %[e" #q "], %[e" #q "], %[t]\n" \
    "add %[g" #q "], %[g" #q "], %[" word "]\n" \
    "add %[f" #q "], %[f" #q "], %[s]\n"

/* Input i of four and the words of four quads. */
#define EC_RISCV_INPUT(i) \
    "lw %[v], 8*" #i "+0(%[words])\n" \
    "lb %[x], " #i "(%[input])\n" \
    EC_RISCV_WORD(0, "v", "lw %[w], 8*" #i "+4(%[words])\n") \
    EC_RISCV_WORD(1, "w", "lw %[v], 8*" #i "+0(%[others])\n") \
    EC_RISCV_WORD(2, "v", "lw %[w], 8*" #i "+4(%[others])\n") \
    EC_RISCV_WORD(3, "w", "")

#define EC_RISCV_NEXT(count) \
    "addi %[words], %[words], 8*" #count "\n" \
    "addi %[others], %[others], 8*" #count "\n" \
    "addi %[input], %[input], " #count "\n"

/* E, F, G of no products are the same for each quad. */
#define EC_RISCV_START(q) "mv %[e" #q "], %[e0]\n" "mv %[f" #q "], %[f0]\n" "mv %[g" #q "], %[g0]\n"
#define EC_RISCV_FOUND(q) [e##q] "=&r"(sums[3 * q]), [f##q] "=&r"(sums[3 * q + 1]), [g##q] "=&r"(sums[3 * q + 2])

/* sums: E, F, G of four quads; `start` holds what they start from. Weights of the third and the fourth lie `far` words behind those of the
 * first two. Assembly, as the compiler would spill sums. The loops take four inputs a turn, then one; %[end] lies three before the end, so
 * that one register serves both. */
static inline __attribute__((always_inline)) void ec_riscv_four_quads(const int8_t *input, const int8_t *end, const uint32_t *words,
                                                                      uint32_t far, const uint32_t *start, uint32_t *sums) {
    uint32_t v, w, x, s;
    const uint32_t *t = start;
    const uint32_t *others = words + far;
    end -= 3;
    __asm__(
        "lw %[e0], 0(%[t])\n"
        "lw %[f0], 4(%[t])\n"
        "lw %[g0], 8(%[t])\n"
        EC_RISCV_START(1) EC_RISCV_START(2) EC_RISCV_START(3)
        "bgeu %[input], %[end], 2f\n"
        "1:\n"
        EC_RISCV_INPUT(0) EC_RISCV_INPUT(1) EC_RISCV_INPUT(2) EC_RISCV_INPUT(3)
        EC_RISCV_NEXT(4)
        "bltu %[input], %[end], 1b\n"
        "2:\n"
        "addi %[end], %[end], 3\n"
        "beq %[input], %[end], 4f\n"
        "3:\n"
        EC_RISCV_INPUT(0)
        EC_RISCV_NEXT(1)
        "bne %[input], %[end], 3b\n"
        "4:\n"
        : EC_RISCV_FOUND(0), EC_RISCV_FOUND(1), EC_RISCV_FOUND(2), EC_RISCV_FOUND(3), [input] "+r"(input), [end] "+r"(end),
          [words] "+r"(words), [others] "+r"(others), [t] "+r"(t), [v] "=&r"(v), [w] "=&r"(w), [x] "=&r"(x), [s] "=&r"(s)
        : [mask] "r"(EC_RISCV_ODD_BYTES)
        : "memory");
}

/* clang-format on */

/* The same for one quad, whose words lie `step` words apart. */
static inline __attribute__((always_inline)) void ec_riscv_one_quad(const int8_t *input, const int8_t *end, const uint32_t *words,
                                                                    uint32_t step, const uint32_t *start, uint32_t *sums) {
    uint32_t e = start[0];
    uint32_t f = start[1];
    uint32_t g = start[2];
#pragma GCC unroll 2
    for (; input != end; input++) {
        const uint32_t x = (uint32_t)*input;
        const uint32_t word = *words;
        words += step;
        e += word * x;
        f += (word >> 8 & EC_RISCV_ODD_BYTES) * x;
        g += (word >> 16) * x;
    }
    sums[0] = e;
    sums[1] = f;
    sums[2] = g;
}

#endif
