/* ec_winograd_skip.h - merged filters (ec_four_sums.h) times a tile at each of the 16 positions; inputs that are zero cost two
 * instructions.
 */
#ifndef EC_WINOGRAD_SKIP_H
#define EC_WINOGRAD_SKIP_H

#include <stdint.h>

#include "ec_four_sums.h"
#include "ec_winograd_transform.h"

#define EC_SKIP_CHANNELS 4U /* of half a round of the loop */
#define EC_SKIP_QUADS 4U    /* of a block at most */
#define EC_SKIP_WORDS (EC_SKIP_QUADS * EC_QUAD_WORDS)

/* What the loops read. */
typedef struct {
    const int16_t *inputs;   /* [channels][positions][EC_WINOGRAD_LANES], one of the lanes */
    const uint32_t *filters; /* [positions][channels][words] */
    uint32_t channels;       /* a multiple of EC_SKIP_CHANNELS */
    uint32_t *sums;          /* [words][positions] */
} ec_winograd_skip;

typedef void ec_winograd_skip_block(const ec_winograd_skip *block);

/* clang-format off */

/* The input times words i, j and k of its filters, channel c of a round. */
#define EC_SKIP_QUAD(c, words, i, j, k) \
    "lw %[t], 4*(" #words "*" #c "+" #i ")(%[filters])\n" \
    "lw %[u], 4*(" #words "*" #c "+" #j ")(%[filters])\n" \
    "lw %[v], 4*(" #words "*" #c "+" #k ")(%[filters])\n" \
    "mul %[t], %[t], %[x]\n" \
    "mul %[u], %[u], %[x]\n" \
    "mul %[v], %[v], %[x]\n" \
    "add %[s" #i "], %[s" #i "], %[t]\n" \
    "add %[s" #j "], %[s" #j "], %[u]\n" \
    "add %[s" #k "], %[s" #k "], %[v]\n"

#define EC_SKIP_1(c, words) EC_SKIP_QUAD(c, words, 0, 1, 2)
#define EC_SKIP_2(c, words) EC_SKIP_1(c, words) EC_SKIP_QUAD(c, words, 3, 4, 5)
#define EC_SKIP_3(c, words) EC_SKIP_2(c, words) EC_SKIP_QUAD(c, words, 6, 7, 8)
#define EC_SKIP_4(c, words) EC_SKIP_3(c, words) EC_SKIP_QUAD(c, words, 9, 10, 11)

#define EC_SKIP_CHANNEL(c, words, PRODUCTS) \
    "lh %[x], 128*" #c "(%[inputs])\n" \
    "beqz %[x], 2f\n" \
    PRODUCTS(c, words) \
    "2:\n"

#define EC_SKIP_BACK(words) "addi %[inputs], %[inputs], -512\naddi %[filters], %[filters], -16*" #words "\n"

/* The first channel starts the sums. The loop takes eight channels a round and is entered behind its first or its fifth. */
#define EC_SKIP_LOOP(words, PRODUCTS) \
    "lh %[x], 0(%[inputs])\n" \
    "beqz %[x], 3f\n" \
    EC_EACH_##words(EC_SKIP_FIRST) \
    "beqz %[half], 4f\n" \
    EC_SKIP_BACK(words) \
    "j 5f\n" \
    "3:\n" \
    EC_EACH_##words(EC_SKIP_CLEAR) \
    "beqz %[half], 4f\n" \
    EC_SKIP_BACK(words) \
    "j 5f\n" \
    "1:\n" \
    EC_SKIP_CHANNEL(0, words, PRODUCTS) \
    "4:\n" \
    EC_SKIP_CHANNEL(1, words, PRODUCTS) \
    EC_SKIP_CHANNEL(2, words, PRODUCTS) \
    EC_SKIP_CHANNEL(3, words, PRODUCTS) \
    EC_SKIP_CHANNEL(4, words, PRODUCTS) \
    "5:\n" \
    EC_SKIP_CHANNEL(5, words, PRODUCTS) \
    EC_SKIP_CHANNEL(6, words, PRODUCTS) \
    EC_SKIP_CHANNEL(7, words, PRODUCTS) \
    "addi %[inputs], %[inputs], 1024\n" \
    "addi %[filters], %[filters], 32*" #words "\n" \
    "bne %[inputs], %[end], 1b\n"

/* clang-format on */

#define EC_EACH_3(DO) DO(0) DO(1) DO(2)
#define EC_EACH_6(DO) EC_EACH_3(DO) DO(3) DO(4) DO(5)
#define EC_EACH_9(DO) EC_EACH_6(DO) DO(6) DO(7) DO(8)
#define EC_EACH_12(DO) EC_EACH_9(DO) DO(9) DO(10) DO(11)
#define EC_SKIP_DECLARE(i) uint32_t s##i;
#define EC_SKIP_CLEAR(i) "li %[s" #i "], 0\n"
#define EC_SKIP_FIRST(i) "lw %[s" #i "], 4*" #i "(%[filters])\nmul %[s" #i "], %[s" #i "], %[x]\n"
#define EC_SKIP_OPERAND(i) [s##i] "=&r"(s##i),
#define EC_SKIP_STORE(i) sums[EC_WINOGRAD_POSITIONS * i] = s##i;

/* All positions of a block of `quads` quads, `words` words. */
#define EC_DEFINE_WINOGRAD_SKIP(quads, words)                                                                                          \
    static __attribute__((noinline)) void ec_winograd_skip_##quads(const ec_winograd_skip *block) {                                    \
        const uint32_t size = block->channels * EC_WINOGRAD_POSITIONS * EC_WINOGRAD_LANES;                                             \
        const uint32_t half = block->channels % (2U * EC_SKIP_CHANNELS);                                                               \
        const int16_t *inputs = block->inputs;                                                                                         \
        const uint32_t *filters = block->filters;                                                                                      \
        uint32_t *sums = block->sums;                                                                                                  \
        for (uint32_t *last = sums + EC_WINOGRAD_POSITIONS; sums != last; sums++) {                                                    \
            const int16_t *end = inputs + size;                                                                                        \
            uint32_t x, t, u, v;                                                                                                       \
            EC_EACH_##words(EC_SKIP_DECLARE) __asm__(EC_SKIP_LOOP(words, EC_SKIP_##quads)                                              \
                                                     : EC_EACH_##words(EC_SKIP_OPERAND)[inputs] "+r"(inputs), [filters] "+r"(filters), \
                                                       [x] "=&r"(x), [t] "=&r"(t), [u] "=&r"(u), [v] "=&r"(v)                          \
                                                     : [end] "r"(end), [half] "r"(half)                                                \
                                                     : "memory");                                                                      \
            EC_EACH_##words(EC_SKIP_STORE) inputs += EC_WINOGRAD_LANES - (int32_t)size;                                                \
        }                                                                                                                              \
    }

EC_DEFINE_WINOGRAD_SKIP(1, 3)
EC_DEFINE_WINOGRAD_SKIP(2, 6)
EC_DEFINE_WINOGRAD_SKIP(3, 9)
EC_DEFINE_WINOGRAD_SKIP(4, 12)

#endif
