/* ec_riscv_triples.h - the sums of two triples, six pixels, in four accumulators a channel (ec_triples.h). */
#ifndef EC_RISCV_TRIPLES_H
#define EC_RISCV_TRIPLES_H

#include <stddef.h>
#include <stdint.h>

#include "ec_riscv_requantize.h"
#include "ec_triples.h"

#define EC_RISCV_CHANNELS 4U /* of a block; their weights are interleaved: [element][4] */
#define EC_RISCV_WORDS 4U    /* u, v of the first triple, u, v of the second: of an element, and accumulators of a channel */

/* clang-format off */

/* Channel c: the weight in %[w] times the four words of an element; `next` loads the following weight where its latency is hidden. */
#define EC_RISCV_CHANNEL(c, next) \
    "mul %[s], %[w], %[u]\n" \
    "mul %[t], %[w], %[v]\n" \
    "add %[u" #c "], %[u" #c "], %[s]\n" \
    "add %[v" #c "], %[v" #c "], %[t]\n" \
    "mul %[s], %[w], %[x]\n" \
    "mul %[t], %[w], %[y]\n" \
    next \
    "add %[x" #c "], %[x" #c "], %[s]\n" \
    "add %[y" #c "], %[y" #c "], %[t]\n"

#define EC_RISCV_WEIGHT(e, c) "lb %[w], 4*" #e "+" #c "(%[weights])\n"

/* Element e of four: 8 loads, 16 multiplications, 24 products. */
#define EC_RISCV_ELEMENT(e) \
    "lw %[u], 16*" #e "+0(%[patch])\n" \
    EC_RISCV_WEIGHT(e, 0) \
    "lw %[v], 16*" #e "+4(%[patch])\n" \
    "lw %[x], 16*" #e "+8(%[patch])\n" \
    "lw %[y], 16*" #e "+12(%[patch])\n" \
    EC_RISCV_CHANNEL(0, EC_RISCV_WEIGHT(e, 1)) \
    EC_RISCV_CHANNEL(1, EC_RISCV_WEIGHT(e, 2)) \
    EC_RISCV_CHANNEL(2, EC_RISCV_WEIGHT(e, 3)) \
    EC_RISCV_CHANNEL(3, "")

#define EC_RISCV_CLEAR(c) "li %[u" #c "], 0\n" "li %[v" #c "], 0\n" "li %[x" #c "], 0\n" "li %[y" #c "], 0\n"

/* ec_riscv_scale: doubled multiplier in %[weights], zero point in %[u], bounds in %[v] and %[x]; channel c goes to %[to]. */
#define EC_RISCV_STORE(sum, c, to) \
    "mulh %[s], %[" sum "], %[weights]\n" \
    "mul %[" sum "], %[" sum "], %[weights]\n" \
    "add %[s], %[s], %[u]\n" \
    "srli %[" sum "], %[" sum "], 31\n" \
    "add %[s], %[s], %[" sum "]\n" \
    "bge %[s], %[v], 1f\n" \
    "mv %[s], %[v]\n" \
    "1: bge %[x], %[s], 1f\n" \
    "mv %[s], %[x]\n" \
    "1: sb %[s], " c "(%[" to "])\n"

/* The three outputs of accumulators a and b of channel c; %[end]: the block. */
#define EC_RISCV_SPLIT(a, b, c) \
    "lw %[s], 16(%[end])\n" \
    "lw %[weights], 4*" c "(%[s])\n" \
    "lw %[s], 12(%[end])\n" \
    "slli %[weights], %[weights], 1\n" \
    "lw %[s], 4*" c "(%[s])\n" \
    "slli %[t], %[" a "], 11\n" \
    "srai %[t], %[t], 11\n" \
    "sub %[" a "], %[" a "], %[t]\n" \
    "srai %[" a "], %[" a "], 10\n" \
    "sub %[" a "], %[" b "], %[" a "]\n" \
    "slli %[" a "], %[" a "], 10\n" \
    "srai %[" a "], %[" a "], 10\n" \
    "sub %[" b "], %[" b "], %[" a "]\n" \
    "srai %[" b "], %[" b "], 11\n" \
    "add %[t], %[t], %[s]\n" \
    "add %[" a "], %[" a "], %[s]\n" \
    "add %[" b "], %[" b "], %[s]\n" \
    EC_RISCV_STORE("t", c, "y") \
    EC_RISCV_STORE(a, c, "w") \
    EC_RISCV_STORE(b, c, "patch")

/* Outputs of the triple whose three pointers stand at `at` in the block. */
#define EC_RISCV_OUTPUTS(at) \
    "lw %[s], 36(%[end])\n" \
    "lw %[y], " at "+0(%[end])\n" \
    "lw %[w], " at "+4(%[end])\n" \
    "lw %[patch], " at "+8(%[end])\n" \
    "add %[y], %[y], %[s]\n" \
    "add %[w], %[w], %[s]\n" \
    "add %[patch], %[patch], %[s]\n"

#define EC_RISCV_SUMS(c) \
    [u##c] "=&r"(sums[4 * c]), [v##c] "=&r"(sums[4 * c + 1]), [x##c] "=&r"(sums[4 * c + 2]), [y##c] "=&r"(sums[4 * c + 3])
#define EC_RISCV_ALL_SUMS EC_RISCV_SUMS(0), EC_RISCV_SUMS(1), EC_RISCV_SUMS(2), EC_RISCV_SUMS(3)
#define EC_RISCV_TEMPORARIES \
    [u] "=&r"(u), [v] "=&r"(v), [x] "=&r"(x), [y] "=&r"(y), [w] "=&r"(w), [s] "=&r"(s), [t] "=&r"(t)

#define EC_RISCV_KEEP(c) \
    "sw %[u" #c "], 16*" #c "+0(%[s])\n" \
    "sw %[v" #c "], 16*" #c "+4(%[s])\n" \
    "sw %[x" #c "], 16*" #c "+8(%[s])\n" \
    "sw %[y" #c "], 16*" #c "+12(%[s])\n"

/* Four channels at six pixels, from patch to output or to sums. The order of the members is that of the assembly. */
typedef struct {
    const uint32_t *patch;
    const uint32_t *end;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    ec_riscv_output to; /* without a shift */
    uint32_t first;     /* of the channels, whose outputs lie there behind those of the pixels */
    int8_t *output[EC_MOST_PIXELS];
    uint32_t *sums; /* [channel][word]: where they go, or null for finished outputs */
} ec_riscv_block;

_Static_assert(offsetof(ec_riscv_block, first) == 36 && offsetof(ec_riscv_block, sums) == 64, "the assembly counts on it");

/* One piece of assembly with 26 registers, all that there are beside a frame pointer: the compiler would spill half of the sums. The
 * block comes in memory, as no register is left. The loops take four elements a turn, then one; %[end] lies three elements before the end
 * of the patch, so that one register serves both. */
static inline __attribute__((always_inline)) void ec_riscv_compute_block(const ec_riscv_block *block) {
    uint32_t sums[16];
    uint32_t u, v, x, y, w, s, t, patch, end, weights;
    __asm__ volatile(
        "lw %[s], %[block]\n"
        "lw %[patch], 0(%[s])\n"
        "lw %[end], 4(%[s])\n"
        "lw %[weights], 8(%[s])\n"
        "addi %[end], %[end], -48\n"
        EC_RISCV_CLEAR(0) EC_RISCV_CLEAR(1) EC_RISCV_CLEAR(2) EC_RISCV_CLEAR(3)
        "bgeu %[patch], %[end], 2f\n"
        "1:\n"
        EC_RISCV_ELEMENT(0) EC_RISCV_ELEMENT(1) EC_RISCV_ELEMENT(2) EC_RISCV_ELEMENT(3)
        "addi %[patch], %[patch], 64\n"
        "addi %[weights], %[weights], 16\n"
        "bltu %[patch], %[end], 1b\n"
        "2:\n"
        "addi %[end], %[end], 48\n"
        "beq %[patch], %[end], 4f\n"
        "3:\n"
        EC_RISCV_ELEMENT(0)
        "addi %[patch], %[patch], 16\n"
        "addi %[weights], %[weights], 4\n"
        "bne %[patch], %[end], 3b\n"
        "4:\n"
        "lw %[end], %[block]\n"
        "lw %[s], 64(%[end])\n"
        "beqz %[s], 5f\n"
        EC_RISCV_KEEP(0) EC_RISCV_KEEP(1) EC_RISCV_KEEP(2) EC_RISCV_KEEP(3)
        "j 6f\n"
        "5:\n"
        "lw %[u], 20(%[end])\n"
        "lw %[v], 24(%[end])\n"
        "lw %[x], 28(%[end])\n"
        EC_RISCV_OUTPUTS("40")
        EC_RISCV_SPLIT("u0", "v0", "0") EC_RISCV_SPLIT("u1", "v1", "1") EC_RISCV_SPLIT("u2", "v2", "2") EC_RISCV_SPLIT("u3", "v3", "3")
        EC_RISCV_OUTPUTS("52")
        EC_RISCV_SPLIT("x0", "y0", "0") EC_RISCV_SPLIT("x1", "y1", "1") EC_RISCV_SPLIT("x2", "y2", "2") EC_RISCV_SPLIT("x3", "y3", "3")
        "6:\n"
        : EC_RISCV_ALL_SUMS, EC_RISCV_TEMPORARIES, [patch] "=&r"(patch), [end] "=&r"(end), [weights] "=&r"(weights)
        : [block] "m"(block)
        : "memory");
}

/* clang-format on */

#endif
