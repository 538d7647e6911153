/* ec_spatial_both.h - listed channels for all pixels of a block, one channel at a time. */
#ifndef EC_SPATIAL_BOTH_H
#define EC_SPATIAL_BOTH_H

#include "ec_asm_requantize.h"
#include "ec_dsp.h"
#include "ec_spatial_block.h"

/* clang-format off */

/* r12: weights; lr: patch; r4-r7: sums. */
#define FOUR_PIXELS(lanes)                  \
    "ldm    lr!, {r0, r1, r8, r9}       \n" \
    "smlad  r4, " lanes ", r0, r4       \n" \
    "smlad  r5, " lanes ", r1, r5       \n" \
    "smlad  r6, " lanes ", r8, r6       \n" \
    "smlad  r7, " lanes ", r9, r7       \n"

#define QUAD_OF_FIRST                       \
    "ldrd   r2, r3, [r12], #8           \n" \
    "sxtb16 r2, r2                      \n" \
    "sxtb16 r3, r3                      \n" \
    FOUR_PIXELS("r2") FOUR_PIXELS("r3")

/* 256 times the weights. */
#define QUAD_OF_SECOND                      \
    "ldrd   r2, r3, [r12], #8           \n" \
    "sxtb16 r0, r2                      \n" \
    "ssub16 r2, r2, r0                  \n" \
    "sxtb16 r0, r3                      \n" \
    "ssub16 r3, r3, r0                  \n" \
    FOUR_PIXELS("r2") FOUR_PIXELS("r3")

/* Channels from `list` to `end`, one or more, for all pixels. */
EC_ASM_FUNCTION static void ec_spatial_both(const ec_spatial_block *block EC_ASM_PARAMETER, const uint16_t *list EC_ASM_PARAMETER,
                                            const uint16_t *end EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r1, r2, r4-r11, lr}        \n" /* [sp]: list, [sp, #4]: end */
        "mov    r11, r0                     \n"
        "ldr    r10, [r11, #4]              \n"
        "1: ldrh r2, [r1], #2               \n"
        "str    r1, [sp]                    \n"
        "ldrd   r12, r3, [r11, #12]         \n"
        "lsrs   r0, r2, #1                  \n"
        "mla    r12, r0, r3, r12            \n"
        "ldr    r4, [r12], #4               \n" /* the bias of the first */
        "ldr    r0, [r11, #8]               \n"
        "ldr    lr, [r11]                   \n"
        "bcs    3f                          \n"
        "mov    r5, r4                      \n"
        "mov    r6, r4                      \n"
        "mov    r7, r4                      \n"
        "tbh    [pc, r0, lsl #1]            \n"
        "2: .hword (40f - 2b) / 2, (41f - 2b) / 2, (42f - 2b) / 2, (43f - 2b) / 2 \n"
        ".hword (44f - 2b) / 2, (45f - 2b) / 2, (46f - 2b) / 2, (47f - 2b) / 2    \n"
        "40:" QUAD_OF_FIRST
        "47:" QUAD_OF_FIRST
        "46:" QUAD_OF_FIRST
        "45:" QUAD_OF_FIRST
        "44:" QUAD_OF_FIRST
        "43:" QUAD_OF_FIRST
        "42:" QUAD_OF_FIRST
        "41:" QUAD_OF_FIRST
        "cmp    lr, r10                     \n"
        "bne    40b                         \n"
        "ldr    r2, [r12, #12]              \n" /* twice its multiplier */
        "b      4f                          \n"
        "3: mov r4, #0                      \n"
        "mov    r5, #0                      \n"
        "mov    r6, #0                      \n"
        "mov    r7, #0                      \n"
        "tbh    [pc, r0, lsl #1]            \n"
        "2: .hword (50f - 2b) / 2, (51f - 2b) / 2, (52f - 2b) / 2, (53f - 2b) / 2 \n"
        ".hword (54f - 2b) / 2, (55f - 2b) / 2, (56f - 2b) / 2, (57f - 2b) / 2    \n"
        "50:" QUAD_OF_SECOND
        "57:" QUAD_OF_SECOND
        "56:" QUAD_OF_SECOND
        "55:" QUAD_OF_SECOND
        "54:" QUAD_OF_SECOND
        "53:" QUAD_OF_SECOND
        "52:" QUAD_OF_SECOND
        "51:" QUAD_OF_SECOND
        "cmp    lr, r10                     \n"
        "bne    50b                         \n"
        "ldr    r0, [r12]                   \n" /* its bias */
        "ldr    r2, [r12, #16]              \n" /* twice its multiplier */
        "add    r4, r0, r4, asr #8          \n"
        "add    r5, r0, r5, asr #8          \n"
        "add    r6, r0, r6, asr #8          \n"
        "add    r7, r0, r7, asr #8          \n"
        "4:"
        "ldrd   r0, r1, [r11, #20]          \n"
        "cmp    r1, #0                      \n"
        "bne    6f                          \n"
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r4", "r5", "r6", "r7", "r2")
        "5: ldrd r1, r0, [sp]               \n"
        "ldrh   r2, [r1, #-2]               \n"
        "ldrd   r3, r8, [r11, #40]          \n"
        "strb   r4, [r3, r2]                \n"
        "strb   r5, [r8, r2]                \n"
        "ldrd   r3, r8, [r11, #48]          \n"
        "strb   r6, [r3, r2]                \n"
        "strb   r7, [r8, r2]                \n"
        "cmp    r1, r0                      \n"
        "bne    1b                          \n"
        "add    sp, #8                      \n"
        "pop    {r4-r11, pc}                \n"
        "6: tst r1, #512                    \n"
        "bne    9f                          \n"
        "60: add r0, #128                   \n"
        EC_ASM_FOUR(EC_ASM_SHIFT_AND_MULTIPLY, "r4", "r5", "r6", "r7", "r2")
        "ldrd   r0, r1, [r11, #28]          \n"
        "ldr    r2, [r11, #36]              \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r4", "r5", "r6", "r7")
        "ldr    r0, [r11, #24]              \n"
        "tst    r0, #512                    \n"
        "beq    5b                          \n"
        "b      10f                         \n"
        "9: bics r1, r1, #512               \n" /* sums: the convolution's outputs first */
        "bne    60b                         \n"
        EC_ASM_FOUR(EC_ASM_REQUANTIZE, "r4", "r5", "r6", "r7", "r2")
        "10: ldr r1, [sp]                   \n"
        "ldrh   r2, [r1, #-2]               \n"
        "ldrd   r3, r12, [r11, #112]        \n"
        "ldrd   r0, r1, [r11, #96]          \n"
        "ldrsb  r0, [r0, r2]                \n"
        "ldrsb  r1, [r1, r2]                \n"
        EC_ASM_SUM("r4", "r0", "r3", "r12")
        EC_ASM_SUM("r5", "r1", "r3", "r12")
        "ldrd   r0, r1, [r11, #104]         \n"
        "ldrsb  r0, [r0, r2]                \n"
        "ldrsb  r1, [r1, r2]                \n"
        EC_ASM_SUM("r6", "r0", "r3", "r12")
        EC_ASM_SUM("r7", "r1", "r3", "r12")
        "ldrd   r0, r1, [r11, #120]         \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_OUTPUT, "r4", "r5", "r6", "r7")
        "cmp    r1, #0                      \n"
        "beq    5b                          \n"
        "ldrd   r0, r1, [r11, #128]         \n"
        "ldr    r2, [r11, #136]             \n"
        EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_CLAMP, "r4", "r5", "r6", "r7")
        "b      5b                          \n");
}

/* clang-format on */

#endif
