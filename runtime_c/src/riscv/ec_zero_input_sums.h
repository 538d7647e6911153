/* ec_zero_input_sums.h - listed inputs times the merged weights (ec_four_sums.h) of a block of output channels. */
#ifndef EC_ZERO_INPUT_SUMS_H
#define EC_ZERO_INPUT_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "ec_four_sums.h"
#include "ec_zero_input_lists.h"

#define EC_LIST_QUADS 6U /* of a block at most */
#define EC_LIST_WORDS (EC_LIST_QUADS * EC_QUAD_WORDS)

/* A tap of a window: what is listed there, and its weights. The order of the members is that of the assembly below. */
typedef struct {
    const ec_entry *list; /* NULL behind the last */
    const void *words;
} ec_listed_tap;

_Static_assert(sizeof(ec_entry) == 4 && offsetof(ec_entry, value) == 2, "the assembly counts on it");
_Static_assert(sizeof(ec_listed_tap) == 8 && offsetof(ec_listed_tap, words) == 4, "the assembly counts on it");

/* sums[]: what quads start from, plus the products of all taps. */
typedef void ec_add_taps(const ec_listed_tap *taps, const uint32_t *start, uint32_t *sums);

/* clang-format off */

/* The value times words i and j of its weights, or i alone. */
#define EC_LIST_PAIR(i, j) \
    "lw %[t], 4*" #i "(%[at])\n" \
    "lw %[u], 4*" #j "(%[at])\n" \
    "mul %[t], %[t], %[x]\n" \
    "mul %[u], %[u], %[x]\n" \
    "add %[s" #i "], %[s" #i "], %[t]\n" \
    "add %[s" #j "], %[s" #j "], %[u]\n"
#define EC_LIST_SINGLE(i) \
    "lw %[t], 4*" #i "(%[at])\n" \
    "mul %[t], %[t], %[x]\n" \
    "add %[s" #i "], %[s" #i "], %[t]\n"

#define EC_LIST_2 EC_LIST_PAIR(0, 1)
#define EC_LIST_3 EC_LIST_2 EC_LIST_SINGLE(2)
#define EC_LIST_6 EC_LIST_2 EC_LIST_PAIR(2, 3) EC_LIST_PAIR(4, 5)
#define EC_LIST_8 EC_LIST_6 EC_LIST_PAIR(6, 7)
#define EC_LIST_9 EC_LIST_8 EC_LIST_SINGLE(8)
#define EC_LIST_12 EC_LIST_8 EC_LIST_PAIR(8, 9) EC_LIST_PAIR(10, 11)
#define EC_LIST_14 EC_LIST_12 EC_LIST_PAIR(12, 13)
#define EC_LIST_15 EC_LIST_14 EC_LIST_SINGLE(14)
#define EC_LIST_18 EC_LIST_14 EC_LIST_PAIR(14, 15) EC_LIST_PAIR(16, 17)

#define EC_LIST_START(i, j, k) "lw %[s" #i "], 0(%[t])\nlw %[s" #j "], 4(%[t])\nlw %[s" #k "], 8(%[t])\n"
#define EC_LIST_STORE(i, j, k) \
    "sw %[s" #i "], 4*" #i "(%[t])\nsw %[s" #j "], 4*" #j "(%[t])\nsw %[s" #k "], 4*" #k "(%[t])\n"
#define EC_LIST_DECLARE(i, j, k) uint32_t s##i, s##j, s##k;
#define EC_LIST_OPERANDS(i, j, k) [s##i] "=&r"(s##i), [s##j] "=&r"(s##j), [s##k] "=&r"(s##k),
#define EC_QUADS_1(DO) DO(0, 1, 2)
#define EC_QUADS_2(DO) EC_QUADS_1(DO) DO(3, 4, 5)
#define EC_QUADS_3(DO) EC_QUADS_2(DO) DO(6, 7, 8)
#define EC_QUADS_4(DO) EC_QUADS_3(DO) DO(9, 10, 11)
#define EC_QUADS_5(DO) EC_QUADS_4(DO) DO(12, 13, 14)
#define EC_QUADS_6(DO) EC_QUADS_5(DO) DO(15, 16, 17)

/* For blocks of `quads` quads, `count` words. Up to 26 registers, all that there are beside a frame pointer: the compiler would spill. */
#define EC_DEFINE_ADD_TAPS(quads, count) \
    static __attribute__((noinline)) void ec_add_taps_##quads(const ec_listed_tap *tap, const uint32_t *start, uint32_t *sums) { \
        EC_QUADS_##quads(EC_LIST_DECLARE) \
        uint32_t entry, end, words, at, x, t, u; \
        __asm__ volatile( \
            "lw %[t], %[start]\n" \
            EC_QUADS_##quads(EC_LIST_START) \
            "lw %[entry], 0(%[tap])\n" \
            "1:\n" \
            "lhu %[end], 0(%[entry])\n" \
            "lw %[words], 4(%[tap])\n" \
            "addi %[tap], %[tap], 8\n" \
            "addi %[entry], %[entry], 4\n" \
            "beqz %[end], 3f\n" \
            "slli %[end], %[end], 2\n" \
            "add %[end], %[end], %[entry]\n" \
            "2:\n" \
            "lhu %[at], 0(%[entry])\n" \
            "lh %[x], 2(%[entry])\n" \
            "addi %[entry], %[entry], 4\n" \
            "add %[at], %[at], %[words]\n" \
            EC_LIST_##count \
            "bne %[entry], %[end], 2b\n" \
            "3:\n" \
            "lw %[entry], 0(%[tap])\n" \
            "bnez %[entry], 1b\n" \
            "lw %[t], %[sums]\n" \
            EC_QUADS_##quads(EC_LIST_STORE) \
            : EC_QUADS_##quads(EC_LIST_OPERANDS) [tap] "+r"(tap), [entry] "=&r"(entry), [end] "=&r"(end), [words] "=&r"(words), \
              [at] "=&r"(at), [x] "=&r"(x), [t] "=&r"(t), [u] "=&r"(u) \
            : [start] "m"(start), [sums] "m"(sums) \
            : "memory"); \
    }

EC_DEFINE_ADD_TAPS(1, 3)
EC_DEFINE_ADD_TAPS(2, 6)
EC_DEFINE_ADD_TAPS(3, 9)
EC_DEFINE_ADD_TAPS(4, 12)
EC_DEFINE_ADD_TAPS(5, 15)
EC_DEFINE_ADD_TAPS(6, 18)

/* clang-format on */

#endif
