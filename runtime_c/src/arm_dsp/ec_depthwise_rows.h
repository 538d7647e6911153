/* ec_depthwise_rows.h - outputs of one channel from its plane: the inner loops, for stride 1 and 2 along.
 *
 * p and q hold pairs of neighbouring inputs, u, v and w pairs of weights, a0 .. a3 the accumulators of four neighbouring outputs. At
 * stride 1 weights lie as (w0, w1), (w1, w2), (w2, w3) ...: outputs at even positions take the even pairs and half of the last, outputs
 * at odd positions half of the first and the odd pairs. At stride 2 weights lie as (w0, w1), (w2, w3) ...
 */
#ifndef EC_DEPTHWISE_ROWS_H
#define EC_DEPTHWISE_ROWS_H

#include <stdint.h>

/* Head of a channel's table; weight pairs follow. */
enum {
    EC_TABLE_BIAS_WORD,
    EC_TABLE_MULTIPLIER_WORD, /* twice the multiplier */
    EC_TABLE_ZERO_POINT_WORD,
    EC_TABLE_STEP_WORD, /* bytes from one output to the next */
    EC_TABLE_HEAD_WORDS
};

/* clang-format off */

#define EC_TABLE_BIAS "0"
#define EC_TABLE_RESCALE "4"
#define EC_TABLE_STEP "12"
#define EC_TABLE_ROW0 "16"
#define EC_TABLE_ROW1 "24"
#define EC_TABLE_ROW2 "32"

#define EC_MAC(kind, sum, x, weight, addend) kind " %[" sum "], %[" x "], %[" weight "], %[" addend "]\n\t"
#define EC_BOTH(sum, x, weight) EC_MAC("smlad", sum, x, weight, sum)         /* x0 * w0 + x1 * w1 */
#define EC_LOW_HIGH(sum, x, weight) EC_MAC("smlabt", sum, x, weight, sum)    /* x0 * w1 */
#define EC_HIGH_LOW(sum, x, weight) EC_MAC("smlatb", sum, x, weight, sum)    /* x1 * w0 */
#define EC_LOAD(x, base, offset) "ldr %[" x "], [%[" base "], #" offset "]\n\t"
#define EC_LOAD_2(x, y, base, offset) "ldrd %[" x "], %[" y "], [%[" base "], #" offset "]\n\t"
#define EC_NEXT(x, base) "ldr %[" x "], [%[" base "]], #4\n\t"
#define EC_NEXT_2(x, y, base, step) "ldrd %[" x "], %[" y "], [%[" base "]], #" step "\n\t"

/* One row of three taps: four outputs. b0, b1 and b2 name what the first three sums start from; a3 starts from itself. */
#define EC_ROW_OF_4_STRIDE_1(row, weights, b0, b1, b2) \
    EC_NEXT_2("p", "q", row, "8") \
    EC_LOAD_2("u", "v", "table", weights) \
    EC_MAC("smlad", "a0", "p", "u", b0) \
    EC_MAC("smlatb", "a1", "p", "u", b1) \
    EC_LOAD("p", row, "0") \
    EC_MAC("smlad", "a2", "q", "u", b2) \
    EC_LOW_HIGH("a0", "q", "v") \
    EC_BOTH("a1", "q", "v") \
    EC_HIGH_LOW("a3", "q", "u") \
    EC_LOW_HIGH("a2", "p", "v") \
    EC_BOTH("a3", "p", "v")

#define EC_ROW_OF_4_STRIDE_2(row, weights, b0, b1, b2) \
    EC_NEXT_2("p", "q", row, "16") \
    EC_LOAD_2("u", "v", "table", weights) \
    EC_MAC("smlad", "a0", "p", "u", b0) \
    EC_MAC("smlad", "a1", "q", "u", b1) \
    EC_BOTH("a0", "q", "v") \
    EC_LOAD_2("p", "q", row, "-8") \
    EC_MAC("smlad", "a2", "p", "u", b2) \
    EC_BOTH("a1", "p", "v") \
    EC_BOTH("a3", "q", "u") \
    EC_LOAD("p", row, "0") \
    EC_BOTH("a2", "q", "v") \
    EC_BOTH("a3", "p", "v")

/* The same for two outputs; a1 starts from itself. */
#define EC_ROW_OF_2_STRIDE_1(row, weights, b0) \
    EC_NEXT_2("p", "q", row, "4") \
    EC_LOAD_2("u", "v", "table", weights) \
    EC_MAC("smlad", "a0", "p", "u", b0) \
    EC_HIGH_LOW("a1", "p", "u") \
    EC_LOW_HIGH("a0", "q", "v") \
    EC_BOTH("a1", "q", "v")

#define EC_ROW_OF_2_STRIDE_2(row, weights, b0) \
    EC_NEXT_2("p", "q", row, "8") \
    EC_LOAD_2("u", "v", "table", weights) \
    EC_MAC("smlad", "a0", "p", "u", b0) \
    EC_LOAD("p", row, "0") \
    EC_BOTH("a1", "q", "u") \
    EC_BOTH("a0", "q", "v") \
    EC_BOTH("a1", "p", "v")

#define EC_RESCALE(sum) "smmlar %[" sum "], %[" sum "], %[u], %[v]\n\t"
#define EC_SATURATE(sum) "ssat %[" sum "], #8, %[" sum "]\n\t"

/* All outputs of a channel's tile. Each row of outputs: `blocks` of four; then `rest`, two at a time, of which the last of an odd number
 * is computed and not stored; then the pointers move on to the next of `rows`. */
#define EC_THREE_ROWS(ROW_OF_4, ROW_OF_2) \
    __asm__ volatile("1:\n\t" \
                     "ldr %[n], %[blocks]\n\t" \
                     "cmp %[n], #0\n\t" \
                     "beq 3f\n" \
                     "2:\n\t" EC_LOAD("a3", "table", EC_TABLE_BIAS) \
                     ROW_OF_4("row0", EC_TABLE_ROW0, "a3", "a3", "a3") \
                     ROW_OF_4("row1", EC_TABLE_ROW1, "a0", "a1", "a2") \
                     ROW_OF_4("row2", EC_TABLE_ROW2, "a0", "a1", "a2") \
                     EC_LOAD_2("u", "v", "table", EC_TABLE_RESCALE) \
                     EC_LOAD("p", "table", EC_TABLE_STEP) \
                     EC_RESCALE("a0") EC_RESCALE("a1") EC_RESCALE("a2") EC_RESCALE("a3") \
                     EC_SATURATE("a0") EC_SATURATE("a1") EC_SATURATE("a2") EC_SATURATE("a3") \
                     "add %[q], %[output], %[p]\n\t" \
                     "strb %[a0], [%[output]]\n\t" \
                     "strb %[a1], [%[output], %[p]]\n\t" \
                     "strb %[a2], [%[output], %[p], lsl #1]\n\t" \
                     "strb %[a3], [%[q], %[p], lsl #1]\n\t" \
                     "add %[output], %[output], %[p], lsl #2\n\t" \
                     "subs %[n], %[n], #1\n\t" \
                     "bne 2b\n" \
                     "3:\n\t" \
                     "ldr %[n], %[rest]\n\t" \
                     "cmp %[n], #0\n\t" \
                     "beq 5f\n" \
                     "4:\n\t" EC_LOAD("a1", "table", EC_TABLE_BIAS) \
                     ROW_OF_2("row0", EC_TABLE_ROW0, "a1") \
                     ROW_OF_2("row1", EC_TABLE_ROW1, "a0") \
                     ROW_OF_2("row2", EC_TABLE_ROW2, "a0") \
                     EC_LOAD_2("u", "v", "table", EC_TABLE_RESCALE) \
                     EC_LOAD("p", "table", EC_TABLE_STEP) \
                     EC_RESCALE("a0") EC_RESCALE("a1") EC_SATURATE("a0") EC_SATURATE("a1") \
                     "strb %[a0], [%[output]]\n\t" \
                     "cmp %[n], #1\n\t" \
                     "it hi\n\t" \
                     "strbhi %[a1], [%[output], %[p]]\n\t" \
                     "add %[output], %[output], %[p], lsl #1\n\t" \
                     "subs %[n], %[n], #2\n\t" \
                     "bhi 4b\n" \
                     "5:\n\t" \
                     "ldr %[p], %[to_next_row]\n\t" \
                     "ldr %[q], %[to_next_output]\n\t" \
                     "ldr %[u], %[rows]\n\t" \
                     "add %[row0], %[row0], %[p]\n\t" \
                     "add %[row1], %[row1], %[p]\n\t" \
                     "add %[row2], %[row2], %[p]\n\t" \
                     "add %[output], %[output], %[q]\n\t" \
                     "subs %[u], %[u], #1\n\t" \
                     "str %[u], %[rows]\n\t" \
                     "bne 1b" \
                     : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [p] "=&r"(p), [q] "=&r"(q), [u] "=&r"(u), \
                       [v] "=&r"(v), [n] "=&r"(n), [row0] "+r"(row0), [row1] "+r"(row1), [row2] "+r"(row2), [output] "+r"(output), \
                       [rows] "+m"(rows) \
                     : [table] "r"(table), [blocks] "m"(blocks), [rest] "m"(rest), [to_next_row] "m"(to_next_row), \
                       [to_next_output] "m"(to_next_output) \
                     : "cc", "memory")

/* clang-format on */

#endif
