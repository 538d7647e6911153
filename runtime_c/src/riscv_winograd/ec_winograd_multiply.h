/* ec_winograd_multiply.h - four filters times four tiles at each of the 16 positions, summed over the channels. */
#ifndef EC_WINOGRAD_MULTIPLY_H
#define EC_WINOGRAD_MULTIPLY_H

#include <stddef.h>
#include <stdint.h>

#include "ec_winograd_transform.h"

#define EC_WINOGRAD_CHANNEL_BYTES 128 /* [positions][lanes] of int16 */

/* The order of the members is that of the assembly below. */
typedef struct {
    const int16_t *filters; /* [channels][positions][4] */
    const int16_t *inputs;  /* the same */
    int32_t *sums;          /* [positions][4 filters][4 tiles], moves on */
    const int32_t *end;     /* of the sums */
    uint32_t bytes;         /* of the channels, less those of four, plus 1: below it four are left */
    int32_t back;           /* bytes from the end of the channels to the next position */
} ec_winograd_block;

_Static_assert(offsetof(ec_winograd_block, back) == 20, "the assembly counts on it");

/* clang-format off */

/* Four filters times the input in %[x]; `next` loads the following input where its latency is hidden. */
#define EC_WINOGRAD_COLUMN(v, next) \
    "mul %[t], %[w0], %[x]\n" \
    "mul %[u], %[w1], %[x]\n" \
    "add %[s0" #v "], %[s0" #v "], %[t]\n" \
    "add %[s1" #v "], %[s1" #v "], %[u]\n" \
    "mul %[t], %[w2], %[x]\n" \
    "mul %[u], %[w3], %[x]\n" \
    next \
    "add %[s2" #v "], %[s2" #v "], %[t]\n" \
    "add %[s3" #v "], %[s3" #v "], %[u]\n"

/* The same for the first channel, which starts the sums. */
#define EC_WINOGRAD_FIRST(v, next) \
    "mul %[s0" #v "], %[w0], %[x]\n" \
    "mul %[s1" #v "], %[w1], %[x]\n" \
    "mul %[s2" #v "], %[w2], %[x]\n" \
    "mul %[s3" #v "], %[w3], %[x]\n" \
    next

#define EC_WINOGRAD_INPUT(c, v) "lh %[x], 128*" #c "+2*" #v "(%[inputs])\n"

/* Channel c of four: 8 loads, 16 products. */
#define EC_WINOGRAD_PRODUCTS(c, COLUMN) \
    EC_WINOGRAD_INPUT(c, 0) \
    "lh %[w0], 128*" #c "+0(%[filters])\n" \
    "lh %[w1], 128*" #c "+2(%[filters])\n" \
    "lh %[w2], 128*" #c "+4(%[filters])\n" \
    "lh %[w3], 128*" #c "+6(%[filters])\n" \
    COLUMN(0, EC_WINOGRAD_INPUT(c, 1)) \
    COLUMN(1, EC_WINOGRAD_INPUT(c, 2)) \
    COLUMN(2, EC_WINOGRAD_INPUT(c, 3)) \
    COLUMN(3, "")

#define EC_WINOGRAD_NEXT(channels) \
    "addi %[inputs], %[inputs], 128*" #channels "\n" \
    "addi %[filters], %[filters], 128*" #channels "\n"

#define EC_WINOGRAD_STORE(f) \
    "sw %[s" #f "0], 16*" #f "+0(%[t])\n" \
    "sw %[s" #f "1], 16*" #f "+4(%[t])\n" \
    "sw %[s" #f "2], 16*" #f "+8(%[t])\n" \
    "sw %[s" #f "3], 16*" #f "+12(%[t])\n"

/* All positions of a block. 26 registers, all that there are beside a frame pointer: the compiler would spill half of the sums. The
 * block comes in memory, as no register is left. */
static inline __attribute__((always_inline)) void ec_winograd_multiply(const int16_t *filters_from, const int16_t *inputs_from,
                                                                       uint32_t channels, int32_t *sums) {
    int32_t s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33, w0, w1, w2, w3, x, t, u;
    int32_t filters, inputs, end;
    const uint32_t bytes = channels * EC_WINOGRAD_CHANNEL_BYTES;
    ec_winograd_block members = {
        filters_from, inputs_from, sums, sums + 16 * EC_WINOGRAD_POSITIONS, bytes - (4 * EC_WINOGRAD_CHANNEL_BYTES - 1),
        2 * EC_WINOGRAD_LANES - (int32_t)bytes};
    ec_winograd_block *block = &members;
    __asm__ volatile(
        "lw %[u], %[block]\n"
        "lw %[filters], 0(%[u])\n"
        "lw %[inputs], 4(%[u])\n"
        "1:\n"
        "lw %[end], 16(%[u])\n"
        "add %[end], %[end], %[inputs]\n"
        EC_WINOGRAD_PRODUCTS(0, EC_WINOGRAD_FIRST)
        EC_WINOGRAD_NEXT(1)
        "bgeu %[inputs], %[end], 3f\n"
        "2:\n"
        EC_WINOGRAD_PRODUCTS(0, EC_WINOGRAD_COLUMN)
        EC_WINOGRAD_PRODUCTS(1, EC_WINOGRAD_COLUMN)
        EC_WINOGRAD_PRODUCTS(2, EC_WINOGRAD_COLUMN)
        EC_WINOGRAD_PRODUCTS(3, EC_WINOGRAD_COLUMN)
        EC_WINOGRAD_NEXT(4)
        "bltu %[inputs], %[end], 2b\n"
        "3:\n"
        "addi %[end], %[end], 511\n"
        "beq %[inputs], %[end], 5f\n"
        "4:\n"
        EC_WINOGRAD_PRODUCTS(0, EC_WINOGRAD_COLUMN)
        EC_WINOGRAD_NEXT(1)
        "bne %[inputs], %[end], 4b\n"
        "5:\n"
        "lw %[u], %[block]\n"
        "lw %[t], 8(%[u])\n"
        EC_WINOGRAD_STORE(0) EC_WINOGRAD_STORE(1) EC_WINOGRAD_STORE(2) EC_WINOGRAD_STORE(3)
        "addi %[t], %[t], 64\n"
        "sw %[t], 8(%[u])\n"
        "lw %[w0], 12(%[u])\n"
        "lw %[w1], 20(%[u])\n"
        "add %[inputs], %[inputs], %[w1]\n"
        "add %[filters], %[filters], %[w1]\n"
        "bne %[t], %[w0], 1b\n"
        : [s00] "=&r"(s00), [s01] "=&r"(s01), [s02] "=&r"(s02), [s03] "=&r"(s03), [s10] "=&r"(s10), [s11] "=&r"(s11), [s12] "=&r"(s12),
          [s13] "=&r"(s13), [s20] "=&r"(s20), [s21] "=&r"(s21), [s22] "=&r"(s22), [s23] "=&r"(s23), [s30] "=&r"(s30), [s31] "=&r"(s31),
          [s32] "=&r"(s32), [s33] "=&r"(s33), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [x] "=&r"(x),
          [t] "=&r"(t), [u] "=&r"(u), [filters] "=&r"(filters), [inputs] "=&r"(inputs), [end] "=&r"(end)
        : [block] "m"(block)
        : "memory");
}

/* clang-format on */

#endif
