/* ec_spatial_one.h - listed channels for the pixels of one of a block's patches, two channels at a time. */
#ifndef EC_SPATIAL_ONE_H
#define EC_SPATIAL_ONE_H

#include "ec_asm_requantize.h"
#include "ec_dsp.h"
#include "ec_spatial_block.h"

/* clang-format off */

/* r12, r11: weights; lr: patch; r4, r5: sums of one channel; r6, r7: of the other. */
#define QUAD_OF_2_CHANNELS                  \
    "ldr    r2, [r12], #8               \n" \
    "ldr    r3, [r11], #8               \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "sxtb16 r8, r2                      \n" \
    "sxtb16 r9, r3                      \n" \
    "smlad  r4, r8, r0, r4              \n" \
    "smlad  r5, r8, r1, r5              \n" \
    "smlad  r6, r9, r0, r6              \n" \
    "smlad  r7, r9, r1, r7              \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "sxtb16 r2, r2, ror #8              \n" \
    "sxtb16 r3, r3, ror #8              \n" \
    "smlad  r4, r2, r0, r4              \n" \
    "smlad  r5, r2, r1, r5              \n" \
    "smlad  r6, r3, r0, r6              \n" \
    "smlad  r7, r3, r1, r7              \n"

#define QUAD_OF_1_CHANNEL                   \
    "ldr    r2, [r12], #8               \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "sxtb16 r8, r2                      \n" \
    "smlad  r4, r8, r0, r4              \n" \
    "smlad  r5, r8, r1, r5              \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "sxtb16 r2, r2, ror #8              \n" \
    "smlad  r4, r2, r0, r4              \n" \
    "smlad  r5, r2, r1, r5              \n"

/* Channels from `list` to `end`, one or more, for the pixels of the first patch, `offset` 0, or the second, `offset` 8: two at a time,
 * then the one that may be left. */
EC_ASM_FUNCTION static void ec_spatial_one(const ec_spatial_block *block EC_ASM_PARAMETER, const uint16_t *list EC_ASM_PARAMETER,
                                           const uint16_t *end EC_ASM_PARAMETER, uint32_t offset EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}                \n"
        "push   {r0-r5}                     \n" /* [sp]: block, list, end, offset, both channels */
        "1: ldrd r1, r0, [sp, #4]           \n"
        "ldrh   r2, [r1], #2                \n"
        "ldr    r5, [sp]                    \n"
        "ldrd   r12, r9, [r5, #12]          \n"
        "ldrd   lr, r10, [r5]               \n"
        "ldr    r6, [sp, #12]               \n"
        "add    lr, lr, r6                  \n"
        "add    r10, r10, r6                \n"
        "mov    r11, r12                    \n"
        "lsrs   r4, r2, #1                  \n"
        "mla    r12, r4, r9, r12            \n"
        "and    r4, r2, #1                  \n"
        "add    r12, r12, r4, lsl #2        \n"
        "ldr    r4, [r12], #8               \n" /* its bias */
        "ldr    r8, [r5, #8]                \n"
        "cmp    r1, r0                      \n"
        "beq    7f                          \n"
        "ldrh   r3, [r1], #2                \n"
        "str    r1, [sp, #4]                \n"
        "strd   r2, r3, [sp, #16]           \n"
        "lsrs   r6, r3, #1                  \n"
        "mla    r11, r6, r9, r11            \n"
        "and    r3, r3, #1                  \n"
        "add    r11, r11, r3, lsl #2        \n"
        "ldr    r6, [r11], #8               \n"
        "mov    r5, r4                      \n"
        "mov    r7, r6                      \n"
        "tbh    [pc, r8, lsl #1]            \n"
        "2: .hword (40f - 2b) / 2, (41f - 2b) / 2, (42f - 2b) / 2, (43f - 2b) / 2 \n"
        ".hword (44f - 2b) / 2, (45f - 2b) / 2, (46f - 2b) / 2, (47f - 2b) / 2    \n"
        "40:" QUAD_OF_2_CHANNELS
        "47:" QUAD_OF_2_CHANNELS
        "46:" QUAD_OF_2_CHANNELS
        "45:" QUAD_OF_2_CHANNELS
        "44:" QUAD_OF_2_CHANNELS
        "43:" QUAD_OF_2_CHANNELS
        "42:" QUAD_OF_2_CHANNELS
        "41:" QUAD_OF_2_CHANNELS
        "cmp    lr, r10                     \n"
        "bne    40b                         \n"
        "ldr    r2, [r12, #8]               \n" /* twice their multipliers */
        "ldr    r3, [r11, #8]               \n"
        "ldrd   r8, r10, [sp, #8]           \n"
        "ldr    lr, [sp]                    \n"
        "ldrd   r0, r1, [lr, #20]           \n"
        "cmp    r1, #0                      \n"
        "bne    6f                          \n"
        EC_ASM_REQUANTIZE("r4", "r2")
        EC_ASM_REQUANTIZE("r5", "r2")
        EC_ASM_REQUANTIZE("r6", "r3")
        EC_ASM_REQUANTIZE("r7", "r3")
        "5: add lr, lr, r10                 \n"
        "ldrd   r0, r1, [lr, #40]           \n"
        "ldrd   r2, r3, [sp, #16]           \n"
        "strb   r4, [r0, r2]                \n"
        "strb   r5, [r1, r2]                \n"
        "strb   r6, [r0, r3]                \n"
        "strb   r7, [r1, r3]                \n"
        "ldr    r1, [sp, #4]                \n"
        "cmp    r1, r8                      \n"
        "bne    1b                          \n"
        "add    sp, #24                     \n"
        "pop    {r4-r11, pc}                \n"
        "6: tst r1, #512                    \n"
        "bne    9f                          \n"
        "60: add r0, #128                   \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r4", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r5", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r6", "r3")
        EC_ASM_SHIFT_AND_MULTIPLY("r7", "r3")
        "ldrd   r0, r1, [lr, #28]           \n"
        "ldr    r2, [lr, #36]               \n"
        EC_ASM_CLAMP("r4")
        EC_ASM_CLAMP("r5")
        EC_ASM_CLAMP("r6")
        EC_ASM_CLAMP("r7")
        "ldr    r0, [lr, #24]               \n"
        "tst    r0, #512                    \n"
        "beq    5b                          \n"
        "b      10f                         \n"
        "9: bics r1, r1, #512               \n" /* sums: the convolution's outputs first */
        "bne    60b                         \n"
        EC_ASM_REQUANTIZE("r4", "r2")
        EC_ASM_REQUANTIZE("r5", "r2")
        EC_ASM_REQUANTIZE("r6", "r3")
        EC_ASM_REQUANTIZE("r7", "r3")
        "10: ldrd r2, r3, [sp, #16]         \n"
        "ldrd   r11, r12, [lr, #112]        \n"
        "add    r0, lr, r10                 \n"
        "ldrd   r0, r1, [r0, #96]           \n"
        "ldrsb  r9, [r0, r2]                \n"
        EC_ASM_SUM("r4", "r9", "r11", "r12")
        "ldrsb  r9, [r1, r2]                \n"
        EC_ASM_SUM("r5", "r9", "r11", "r12")
        "ldrsb  r9, [r0, r3]                \n"
        EC_ASM_SUM("r6", "r9", "r11", "r12")
        "ldrsb  r9, [r1, r3]                \n"
        EC_ASM_SUM("r7", "r9", "r11", "r12")
        "ldrd   r0, r1, [lr, #120]          \n"
        EC_ASM_SUM_OUTPUT("r4")
        EC_ASM_SUM_OUTPUT("r5")
        EC_ASM_SUM_OUTPUT("r6")
        EC_ASM_SUM_OUTPUT("r7")
        "cmp    r1, #0                      \n"
        "beq    5b                          \n"
        "ldrd   r0, r1, [lr, #128]          \n"
        "ldr    r2, [lr, #136]              \n"
        EC_ASM_SUM_CLAMP("r4")
        EC_ASM_SUM_CLAMP("r5")
        EC_ASM_SUM_CLAMP("r6")
        EC_ASM_SUM_CLAMP("r7")
        "b      5b                          \n"
        "7: str r1, [sp, #4]                \n" /* the last channel, alone: its results are stored twice */
        "mov    r3, r2                      \n"
        "strd   r2, r3, [sp, #16]           \n"
        "mov    r5, r4                      \n"
        "tbh    [pc, r8, lsl #1]            \n"
        "8: .hword (50f - 8b) / 2, (51f - 8b) / 2, (52f - 8b) / 2, (53f - 8b) / 2 \n"
        ".hword (54f - 8b) / 2, (55f - 8b) / 2, (56f - 8b) / 2, (57f - 8b) / 2    \n"
        "50:" QUAD_OF_1_CHANNEL
        "57:" QUAD_OF_1_CHANNEL
        "56:" QUAD_OF_1_CHANNEL
        "55:" QUAD_OF_1_CHANNEL
        "54:" QUAD_OF_1_CHANNEL
        "53:" QUAD_OF_1_CHANNEL
        "52:" QUAD_OF_1_CHANNEL
        "51:" QUAD_OF_1_CHANNEL
        "cmp    lr, r10                     \n"
        "bne    50b                         \n"
        "ldr    r2, [r12, #8]               \n"
        "mov    r3, r2                      \n"
        "mov    r6, r4                      \n"
        "mov    r7, r5                      \n"
        "ldrd   r8, r10, [sp, #8]           \n"
        "ldr    lr, [sp]                    \n"
        "ldrd   r0, r1, [lr, #20]           \n"
        "cmp    r1, #0                      \n"
        "bne    6b                          \n"
        EC_ASM_REQUANTIZE("r6", "r3")
        EC_ASM_REQUANTIZE("r7", "r3")
        "mov    r4, r6                      \n"
        "mov    r5, r7                      \n"
        "b      5b                          \n");
}

/* clang-format on */

#endif
