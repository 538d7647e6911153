/* ec_asm_requantize.h - from 32-bit sums to int8 (ec_requantize.h), as lines of assembly.
 *
 * SMMLAR takes the upper word of sum * (2 * multiplier), rounded half up, plus the zero point: the contract in one instruction. What a
 * layer hardly ever needs, a shift of the sums and clamps that saturation does not do, is left to a second form.
 */
#ifndef EC_ASM_REQUANTIZE_H
#define EC_ASM_REQUANTIZE_H

#include <stdint.h>

#define EC_RARE_CLAMP 256u /* beside the shift: LSL looks at the lowest byte only */

/* 0 where saturation to int8 is all the clamp there is, and nothing is to be shifted. */
static inline uint32_t ec_rare(uint32_t shift, int32_t low, int32_t high) {
    return shift + (low == INT8_MIN && high == INT8_MAX ? 0u : EC_RARE_CLAMP);
}

/* clang-format off */

/* r0: zero point; `multiplier` holds twice the multiplier. */
#define EC_ASM_REQUANTIZE(sum, multiplier)                    \
    "smmlar " sum ", " sum ", " multiplier ", r0          \n" \
    "ssat   " sum ", #8, " sum "                          \n"

/* r0: zero point + 128; r1: shift, perhaps with EC_RARE_CLAMP. */
#define EC_ASM_SHIFT_AND_MULTIPLY(sum, multiplier)            \
    "lsl    " sum ", " sum ", r1                          \n" \
    "smmlar " sum ", " sum ", " multiplier ", r0          \n"

/* r0: 127 - clamp_max; r1: 255 - (clamp_max - clamp_min); r2: clamp_min; the value, plus 128, saturates at both ends in turn. */
#define EC_ASM_CLAMP(value)                                   \
    "usat   " value ", #8, " value "                      \n" \
    "uqadd8 " value ", " value ", r0                      \n" \
    "uqsub8 " value ", " value ", r1                      \n" \
    "add    " value ", " value ", r2                      \n"

/* A rule for several sums of one multiplier, or for several values. */
#define EC_ASM_TWO(RULE, a, b, multiplier) RULE(a, multiplier) RULE(b, multiplier)
#define EC_ASM_FOUR(RULE, a, b, c, d, multiplier) EC_ASM_TWO(RULE, a, b, multiplier) EC_ASM_TWO(RULE, c, d, multiplier)
#define EC_ASM_EACH_OF_FOUR(RULE, a, b, c, d) RULE(a) RULE(b) RULE(c) RULE(d)

/* clang-format on */

#endif
