/* ec_mve_block.h - what the blocks for pixels of any number of inputs have in common.
 *
 * Loads stand between multiplications, and none right before the multiplication that needs it, across two steps of sixteen inputs.
 */
#ifndef EC_MVE_BLOCK_H
#define EC_MVE_BLOCK_H

#include <stddef.h>

#include "ec_mve.h"

#define EC_MVE_TRIO 3U /* pixels computed together */

/* Where a block's operands are. The assembly needs nearly all core registers, so this is in memory; it is moved on to the next block. */
typedef struct {
    const int8_t *x[EC_MVE_TRIO]; /* pixels */
    uint32_t pairs;               /* of sixteen inputs */
    uint32_t rest;                /* inputs beyond them */
    int32_t zero_point;
    const int8_t *weights; /* of the first filter */
    uint32_t inputs;       /* stands behind the weights, as both are loaded at once; so do the seconds of the next two pairs */
    const int32_t *bias;
    const int32_t *multiplier;
    int8_t *output;
    uint32_t output_step; /* bytes from one pixel's outputs to the next one's */
    int32_t low[4];
    int32_t high[4];
} ec_mve_block;

#define EC_MVE_BLOCK_MEMBERS                                                                                                            \
    [s] "r"(s), [x] "i"(offsetof(ec_mve_block, x)), [x_last] "i"(offsetof(ec_mve_block, x[2])),                                         \
        [pairs] "i"(offsetof(ec_mve_block, pairs)), [rest] "i"(offsetof(ec_mve_block, rest)),                                           \
        [zero_point] "i"(offsetof(ec_mve_block, zero_point)), [weights] "i"(offsetof(ec_mve_block, weights)),                           \
        [bias] "i"(offsetof(ec_mve_block, bias)), [output] "i"(offsetof(ec_mve_block, output)), [low] "i"(offsetof(ec_mve_block, low)), \
        [high] "i"(offsetof(ec_mve_block, high))

/* Pairs of sixteen inputs, then the rest, its last vector under tail predication. */
#define EC_MVE_ALL_INPUTS(ONCE, TWICE)      \
    EC_MVE_LINE("ldr lr, [%[s], %[pairs]]") \
    EC_MVE_LINE("wls lr, lr, 2f")           \
    EC_MVE_LINE("1:")                       \
    TWICE()                                 \
    EC_MVE_LINE("le lr, 1b")                \
    EC_MVE_LINE("2:")                       \
    EC_MVE_LINE("ldr lr, [%[s], %[rest]]")  \
    EC_MVE_LINE("wlstp.8 lr, lr, 4f")       \
    EC_MVE_LINE("3:")                       \
    ONCE()                                  \
    EC_MVE_LINE("letp lr, 3b")              \
    EC_MVE_LINE("4:")

#endif
