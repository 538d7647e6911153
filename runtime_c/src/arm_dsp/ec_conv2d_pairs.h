/* ec_conv2d_pairs.h - the convolution's inner loop over channels in pairs.
 *
 * Two channels share a halfword of the weights: 256 * second + first, the first signed. SMLAD with the halfwords as they are sums
 * 256 * second + first, SMLAD with SXTB16 of the word sums the first alone; both together give the second, exactly as long as its sum
 * needs no more than 24 bits. This saves one widening in thirteen instructions.
 */
#ifndef EC_CONV2D_PAIRS_H
#define EC_CONV2D_PAIRS_H

#include "ec_asm_requantize.h"
#include "ec_conv2d_block.h"
#include "ec_dsp.h"
#include "ec_pair_steps.h"

/* clang-format off */

#define STEP_OF_2_PIXELS                    \
    "ldr    r2, [r12], #4               \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "sxtb16 r3, r2                      \n" \
    EC_PAIR_TWO_PIXELS("r4", "r8", "r5", "r9")

#define STEP_OF_1_PIXEL                     \
    "ldr    r2, [r12], #4               \n" \
    "ldr    r0, [lr], #16               \n" \
    "sxtb16 r3, r2                      \n" \
    "smlad  r4, r3, r0, r4              \n" \
    "smlad  r8, r2, r0, r8              \n"

#define NEXT_TURN(start)                    \
    "ldr    r0, [sp, #4]                \n" \
    "cmp    lr, r0                      \n" \
    "bne    " start "                   \n"

/* The results of two pixels, the later one first. */
#define STORE_PIXELS(offset, first_a, second_a, first_b, second_b) \
    "ldrd   r0, r1, [lr, " offset "] \n"                               \
    "strb   " first_b ", [r1], #1       \n"                                   \
    "strb   " second_b ", [r1], #1      \n"                                   \
    "strb   " first_a ", [r0], #1       \n"                                   \
    "strb   " second_a ", [r0], #1      \n"                                   \
    "strd   r0, r1, [lr, " offset "] \n"

/* One pair of channels or more, from block->weights to block->weights_end. */
EC_ASM_FUNCTION static void ec_conv2d_pairs(ec_conv2d_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        "ldr    r1, [r0, #4]                \n"
        "push   {r0, r1, r4-r11, lr}        \n" /* [sp]: block, [sp, #4]: patch_end */
        "mov    lr, r0                      \n"
        "ldr    r12, [lr, #12]              \n"
        "1:" EC_PAIR_START /* the next pair */
        "ldr    r0, [lr, #8]                \n"
        "ldr    lr, [lr]                    \n"
        "tbh    [pc, r0, lsl #1]            \n"
        "2: .hword (40f - 2b) / 2, (41f - 2b) / 2, (42f - 2b) / 2, (43f - 2b) / 2 \n"
        ".hword (44f - 2b) / 2, (45f - 2b) / 2, (46f - 2b) / 2, (47f - 2b) / 2    \n"
        ".hword (20f - 2b) / 2, (21f - 2b) / 2                                    \n"
        ".hword (10f - 2b) / 2, (11f - 2b) / 2, (12f - 2b) / 2, (13f - 2b) / 2    \n"
        "10:" STEP_OF_1_PIXEL STEP_OF_1_PIXEL
        "13:" STEP_OF_1_PIXEL STEP_OF_1_PIXEL
        "12:" STEP_OF_1_PIXEL STEP_OF_1_PIXEL
        "11:" STEP_OF_1_PIXEL STEP_OF_1_PIXEL
        NEXT_TURN("10b")
        "b      4f                          \n"
        "20:" STEP_OF_2_PIXELS STEP_OF_2_PIXELS
        "21:" STEP_OF_2_PIXELS STEP_OF_2_PIXELS
        NEXT_TURN("20b")
        "b      4f                          \n"
        "40:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "47:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "46:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "45:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "44:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "43:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "42:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        "41:" EC_PAIR_FOUR_PIXELS EC_PAIR_FOUR_PIXELS
        NEXT_TURN("40b")
        "4: ldr lr, [sp]                    \n"
        "ldm    r12!, {r0, r2, r3}          \n" /* the bias of the second, twice both multipliers */
        "sub    r8, r8, r4                  \n" /* 256 * second */
        "sub    r9, r9, r5                  \n"
        "sub    r10, r10, r6                \n"
        "sub    r11, r11, r7                \n"
        "add    r8, r0, r8, asr #8          \n"
        "add    r9, r0, r9, asr #8          \n"
        "add    r10, r0, r10, asr #8        \n"
        "add    r11, r0, r11, asr #8        \n"
        "ldrd   r0, r1, [lr, #20]           \n"
        "cbnz   r1, 6f                      \n" /* reaches just over what follows */
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r4", "r5", "r6", "r7", "r2")
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r8", "r9", "r10", "r11", "r3")
        "5:"
        STORE_PIXELS("#48", "r6", "r10", "r7", "r11")
        STORE_PIXELS("#40", "r4", "r8", "r5", "r9")
        "ldr    r0, [lr, #16]               \n"
        "cmp    r12, r0                     \n"
        "bne    1b                          \n"
        "b      7f                          \n"
        "6: add r0, #128                    \n"
        EC_ASM_FOUR(EC_ASM_SHIFT_AND_MULTIPLY, "r4", "r5", "r6", "r7", "r2")
        EC_ASM_FOUR(EC_ASM_SHIFT_AND_MULTIPLY, "r8", "r9", "r10", "r11", "r3")
        "ldrd   r0, r1, [lr, #28]           \n"
        "ldr    r2, [lr, #36]               \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r4", "r5", "r6", "r7")
        EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r8", "r9", "r10", "r11")
        "b      5b                          \n"
        "7: str r12, [lr, #12]              \n"
        "add    sp, #8                      \n"
        "pop    {r4-r11, pc}                \n");
}

/* clang-format on */

#endif
