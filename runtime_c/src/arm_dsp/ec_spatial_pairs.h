/* ec_spatial_pairs.h - all channels for the pixels of a block, two at a time, and which of them are above their thresholds. */
#ifndef EC_SPATIAL_PAIRS_H
#define EC_SPATIAL_PAIRS_H

#include "ec_asm_requantize.h"
#include "ec_dsp.h"
#include "ec_pair_steps.h"
#include "ec_spatial_block.h"

/* clang-format off */

#define SHORT_HALF                          \
    "ldr    r2, [r12], #4               \n" \
    "ldrd   r0, r1, [lr], #8            \n" \
    "sxtb16 r3, r2                      \n" \
    EC_PAIR_TWO_PIXELS("r4", "r8", "r5", "r9")      \
    "ldrd   r0, r1, [lr], #8            \n" \
    EC_PAIR_TWO_PIXELS("r6", "r10", "r7", "r11")

#define QUAD_OF_PAIR EC_PAIR_FOUR_PIXELS SHORT_HALF

#define SECOND_OF_PAIR(second, first)                         \
    "sub    " second ", " second ", " first "             \n" \
    "add    " second ", r0, " second ", asr #8            \n"

/* The number of a channel's list in place of its threshold: 1 if the first patch is above, plus 2 if the second is. */
#define JUDGE(threshold, a, b, c, d)                          \
    "qsub   r2, " threshold ", " a "                      \n" \
    "qsub   r3, " threshold ", " b "                      \n" \
    "orr    r2, r2, r3                                    \n" \
    "qsub   r3, " threshold ", " c "                      \n" \
    "qsub   " threshold ", " threshold ", " d "           \n" \
    "orr    r3, r3, " threshold "                         \n" \
    "lsr    r2, r2, #31                                   \n" \
    "lsr    r3, r3, #31                                   \n" \
    "add    " threshold ", r2, r3, lsl #1                 \n"

/* r3, the channel, to the list of that number. */
#define APPEND(number)                                        \
    "add    " number ", lr, " number ", lsl #2            \n" \
    "ldr    r2, [" number ", #72]                         \n" \
    "strh   r3, [r2], #2                                  \n" \
    "str    r2, [" number ", #72]                         \n"

/* r0, r1: numbers of lists, joined with what earlier blocks of the patches found for channels r3 and r3 + 1; r2: of channel 0. */
#define JOIN_WITH_BEFORE                                      \
    "add    r2, r2, r3                                    \n" \
    "add    r0, r0, r1, lsl #8                            \n" \
    "ldr    r1, [lr, #88]                                 \n" \
    "and    r0, r0, r1                                    \n" \
    "ldrh   r1, [r2]                                      \n" \
    "orr    r0, r0, r1                                    \n" \
    "strh   r0, [r2]                                      \n" \
    "lsr    r1, r0, #8                                    \n" \
    "uxtb   r0, r0                                        \n"

/* Channels r2 and r2 + 1 of one pixel. */
#define ADD_RESIDUALS(offset, first, second)                  \
    "ldr    r0, [lr, " offset "]                          \n" \
    "add    r0, r0, r2                                    \n" \
    "ldrsb  r1, [r0]                                      \n" \
    "ldrsb  r0, [r0, #1]                                  \n" \
    EC_ASM_SUM(first, "r1", "r3", "r12")                       \
    EC_ASM_SUM(second, "r0", "r3", "r12")

EC_ASM_FUNCTION static void ec_spatial_pairs(ec_spatial_block *block EC_ASM_PARAMETER) {
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
        "40:" QUAD_OF_PAIR
        "47:" QUAD_OF_PAIR
        "46:" QUAD_OF_PAIR
        "45:" QUAD_OF_PAIR
        "44:" QUAD_OF_PAIR
        "43:" QUAD_OF_PAIR
        "42:" QUAD_OF_PAIR
        "41:" QUAD_OF_PAIR
        "ldr    r0, [sp, #4]                \n"
        "cmp    lr, r0                      \n"
        "bne    40b                         \n"
        "ldr    lr, [sp]                    \n"
        "ldr    r0, [r12], #4               \n" /* the bias of the second */
        SECOND_OF_PAIR("r8", "r4")
        SECOND_OF_PAIR("r9", "r5")
        SECOND_OF_PAIR("r10", "r6")
        SECOND_OF_PAIR("r11", "r7")
        "ldrd   r0, r1, [r12], #8           \n" /* their thresholds */
        "ldrd   r2, r3, [lr, #64]           \n"
        "cmp    r2, #0                      \n"
        "beq    4f                          \n"
        JUDGE("r0", "r4", "r5", "r6", "r7")
        JUDGE("r1", "r8", "r9", "r10", "r11")
        "ldr    r3, [lr, #56]               \n"
        "ldr    r2, [lr, #68]               \n"
        "cmp    r2, #0                      \n"
        "bne    8f                          \n"
        "3:"
        APPEND("r0")
        "adds   r3, #1                      \n"
        APPEND("r1")
        "4: ldrd r2, r3, [r12], #8          \n" /* twice their multipliers */
        "ldrd   r0, r1, [lr, #20]           \n"
        "cmp    r1, #0                      \n"
        "bne    6f                          \n"
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r4", "r5", "r6", "r7", "r2")
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r8", "r9", "r10", "r11", "r3")
        "5: ldrd r2, r3, [lr, #56]          \n"
        "bfi    r4, r8, #8, #8              \n"
        "bfi    r5, r9, #8, #8              \n"
        "bfi    r6, r10, #8, #8             \n"
        "bfi    r7, r11, #8, #8             \n"
        "ldrd   r0, r1, [lr, #40]           \n"
        "strh   r4, [r0, r2]                \n"
        "strh   r5, [r1, r2]                \n"
        "ldrd   r0, r1, [lr, #48]           \n"
        "strh   r6, [r0, r2]                \n"
        "strh   r7, [r1, r2]                \n"
        "adds   r2, #2                      \n"
        "str    r2, [lr, #56]               \n"
        "cmp    r2, r3                      \n"
        "bne    1b                          \n"
        "add    sp, #8                      \n"
        "pop    {r4-r11, pc}                \n"
        "6: tst r1, #512                    \n"
        "bne    9f                          \n"
        "60: add r0, #128                   \n"
        EC_ASM_FOUR(EC_ASM_SHIFT_AND_MULTIPLY, "r4", "r5", "r6", "r7", "r2")
        EC_ASM_FOUR(EC_ASM_SHIFT_AND_MULTIPLY, "r8", "r9", "r10", "r11", "r3")
        "ldrd   r0, r1, [lr, #28]           \n"
        "ldr    r2, [lr, #36]               \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r4", "r5", "r6", "r7")
        EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r8", "r9", "r10", "r11")
        "ldr    r0, [lr, #24]               \n"
        "tst    r0, #512                    \n"
        "beq    5b                          \n"
        "b      10f                         \n"
        "8:" JOIN_WITH_BEFORE
        "b      3b                          \n"
        "9: bics r1, r1, #512               \n" /* sums: the convolution's outputs first */
        "bne    60b                         \n"
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r4", "r5", "r6", "r7", "r2")
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r8", "r9", "r10", "r11", "r3")
        "10: str r12, [lr, #92]             \n"
        "ldr    r2, [lr, #56]               \n"
        "ldrd   r3, r12, [lr, #112]         \n"
        ADD_RESIDUALS("#96", "r4", "r8")
        ADD_RESIDUALS("#100", "r5", "r9")
        ADD_RESIDUALS("#104", "r6", "r10")
        ADD_RESIDUALS("#108", "r7", "r11")
        "ldr    r12, [lr, #92]              \n"
        "ldrd   r0, r1, [r12, #-16]         \n" /* their thresholds */
        JUDGE("r0", "r4", "r5", "r6", "r7")
        JUDGE("r1", "r8", "r9", "r10", "r11")
        "ldr    r3, [lr, #56]               \n"
        "ldr    r2, [lr, #68]               \n"
        "cmp    r2, #0                      \n"
        "beq    11f                         \n"
        JOIN_WITH_BEFORE
        "11:"
        APPEND("r0")
        "adds   r3, #1                      \n"
        APPEND("r1")
        "ldrd   r0, r1, [lr, #120]          \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_OUTPUT, "r4", "r5", "r6", "r7")
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_OUTPUT, "r8", "r9", "r10", "r11")
        "cmp    r1, #0                      \n"
        "beq    5b                          \n"
        "ldrd   r0, r1, [lr, #128]          \n"
        "ldr    r2, [lr, #136]              \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_CLAMP, "r4", "r5", "r6", "r7")
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_CLAMP, "r8", "r9", "r10", "r11")
        "b      5b                          \n");
}

#undef SHORT_HALF
#undef QUAD_OF_PAIR
#undef SECOND_OF_PAIR

/* clang-format on */

#endif
