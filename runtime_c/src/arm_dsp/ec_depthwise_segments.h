/* ec_depthwise_segments.h - four neighbouring outputs of windows of any size: the rows of one segment. See ec_depthwise_rows.h. */
#ifndef EC_DEPTHWISE_SEGMENTS_H
#define EC_DEPTHWISE_SEGMENTS_H

#include "ec_depthwise_rows.h"

/* clang-format off */

/* Three taps but for the last half pair of a0 and a2; leaves the third pair of inputs in p. */
#define EC_LEAD_STRIDE_1 \
    EC_LOAD_2("p", "q", "row", "0") \
    EC_NEXT_2("u", "v", "weights", "8") \
    EC_BOTH("a0", "p", "u") \
    EC_HIGH_LOW("a1", "p", "u") \
    EC_LOAD("p", "row", "8") \
    EC_BOTH("a1", "q", "v") \
    EC_BOTH("a2", "q", "u") \
    EC_HIGH_LOW("a3", "q", "u") \
    EC_BOTH("a3", "p", "v")

#define EC_SEGMENT_3_STRIDE_1 \
    EC_LEAD_STRIDE_1 \
    EC_LOW_HIGH("a0", "q", "v") \
    EC_LOW_HIGH("a2", "p", "v")

/* Two more taps; leaves the fourth pair of inputs in q. */
#define EC_TWO_MORE_STRIDE_1 \
    EC_NEXT_2("u", "v", "weights", "8") \
    EC_BOTH("a0", "q", "u") \
    EC_LOAD("q", "row", "12") \
    EC_BOTH("a1", "p", "v") \
    EC_BOTH("a2", "p", "u") \
    EC_BOTH("a3", "q", "v")

#define EC_SEGMENT_5_STRIDE_1 \
    EC_LEAD_STRIDE_1 \
    EC_TWO_MORE_STRIDE_1 \
    EC_LOW_HIGH("a0", "p", "v") \
    EC_LOW_HIGH("a2", "q", "v")

#define EC_SEGMENT_7_STRIDE_1 \
    EC_LEAD_STRIDE_1 \
    EC_TWO_MORE_STRIDE_1 \
    EC_NEXT_2("u", "v", "weights", "8") \
    EC_BOTH("a0", "p", "u") \
    EC_LOAD("p", "row", "16") \
    EC_BOTH("a1", "q", "v") \
    EC_BOTH("a2", "q", "u") \
    EC_LOW_HIGH("a0", "q", "v") \
    EC_BOTH("a3", "p", "v") \
    EC_LOW_HIGH("a2", "p", "v")

/* Four taps but for the last pair of a3; leaves the third and fourth pair of inputs in p and q. */
#define EC_LEAD_STRIDE_2 \
    EC_LOAD_2("p", "q", "row", "0") \
    EC_NEXT_2("u", "v", "weights", "8") \
    EC_BOTH("a0", "p", "u") \
    EC_BOTH("a1", "q", "u") \
    EC_BOTH("a0", "q", "v") \
    EC_LOAD_2("p", "q", "row", "8") \
    EC_BOTH("a1", "p", "v") \
    EC_BOTH("a2", "p", "u") \
    EC_BOTH("a3", "q", "u") \
    EC_BOTH("a2", "q", "v")

#define EC_SEGMENT_4_STRIDE_2 \
    EC_LEAD_STRIDE_2 \
    EC_LOAD("p", "row", "16") \
    EC_BOTH("a3", "p", "v")

#define EC_SEGMENT_6_STRIDE_2 \
    EC_LEAD_STRIDE_2 \
    EC_NEXT("u", "weights") \
    EC_BOTH("a0", "p", "u") \
    EC_BOTH("a1", "q", "u") \
    EC_LOAD_2("p", "q", "row", "16") \
    EC_BOTH("a3", "p", "v") \
    EC_BOTH("a2", "p", "u") \
    EC_BOTH("a3", "q", "u")

#define EC_SEGMENT_8_STRIDE_2 \
    EC_LEAD_STRIDE_2 \
    EC_NEXT_2("u", "w", "weights", "8") \
    EC_BOTH("a0", "p", "u") \
    EC_BOTH("a1", "q", "u") \
    EC_BOTH("a0", "q", "w") \
    EC_LOAD_2("p", "q", "row", "16") \
    EC_BOTH("a3", "p", "v") \
    EC_BOTH("a1", "p", "w") \
    EC_BOTH("a2", "p", "u") \
    EC_BOTH("a3", "q", "u") \
    EC_BOTH("a2", "q", "w") \
    EC_LOAD("p", "row", "24") \
    EC_BOTH("a3", "p", "w")

/* `count` rows, `pitch` bytes apart; weights run on. */
#define EC_SEGMENT_ROWS(SEGMENT) \
    __asm__ volatile("1:\n\t" SEGMENT \
                     "add %[row], %[row], %[pitch]\n\t" \
                     "subs %[count], %[count], #1\n\t" \
                     "bne 1b" \
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [p] "=&r"(p), [q] "=&r"(q), [u] "=&r"(u), \
                       [v] "=&r"(v), [w] "=&r"(w), [row] "+r"(row), [weights] "+r"(weights), [count] "+r"(count) \
                     : [pitch] "r"(pitch) \
                     : "cc", "memory")

/* clang-format on */

#endif
