/* ec_pair_steps.h - lines of assembly for two channels that share halfwords of weights (ec_conv2d_pairs.h says how), times four pixels.
 *
 * r12: weights; lr: patch; r4-r7: sums of the first channel; r8-r11: of 256 * second + first.
 */
#ifndef EC_PAIR_STEPS_H
#define EC_PAIR_STEPS_H

/* clang-format off */

/* All sums start from the bias of the first. */
#define EC_PAIR_START                       \
    "ldr    r4, [r12], #4               \n" \
    "mov    r5, r4                      \n" \
    "mov    r6, r4                      \n" \
    "mov    r7, r4                      \n" \
    "mov    r8, r4                      \n" \
    "mov    r9, r4                      \n" \
    "mov    r10, r4                     \n" \
    "mov    r11, r4                     \n"

/* Two inputs of two pixels. */
#define EC_PAIR_TWO_PIXELS(first_a, second_a, first_b, second_b) \
    "smlad " first_a ", r3, r0, " first_a "    \n"              \
    "smlad " second_a ", r2, r0, " second_a "  \n"              \
    "smlad " first_b ", r3, r1, " first_b "    \n"              \
    "smlad " second_b ", r2, r1, " second_b "  \n"

/* Two inputs of four pixels. Single loads one behind the other overlap on the Cortex-M4 (TRM 3.3.2), LDRD does not: an instruction more, a
 * cycle fewer, 13 instructions in 16 cycles. */
#define EC_PAIR_FOUR_PIXELS                 \
    "ldr    r2, [r12], #4               \n" \
    "ldr    r1, [lr, #4]                \n" \
    "ldr    r0, [lr], #8                \n" \
    "sxtb16 r3, r2                      \n" \
    EC_PAIR_TWO_PIXELS("r4", "r8", "r5", "r9") \
    "ldrd   r0, r1, [lr], #8            \n" \
    EC_PAIR_TWO_PIXELS("r6", "r10", "r7", "r11")

/* clang-format on */

#endif
