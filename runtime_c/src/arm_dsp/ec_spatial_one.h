/* ec_spatial_one.h - listed channels for the pixels of one of a block's patches, mostly two channels at a time. */
#ifndef EC_SPATIAL_ONE_H
#define EC_SPATIAL_ONE_H

#include "ec_asm_requantize.h"
#include "ec_dsp.h"
#include "ec_spatial_block.h"
#include "ec_spatial_one_steps.h"

/* clang-format off */

/* Thresholds of the two channels, whose records are read up to the second bias. */
#define LOAD_THRESHOLDS(record, at, other_record, other_at) \
    "ldr    r0, [" record ", " at "]    \n"               \
    "ldr    r1, [" other_record ", " other_at "] \n"
#define NO_THRESHOLDS(record, at, other_record, other_at)

/* Notes of each channel whether it is above its threshold, r0, r1, at one pixel or the other. */
#define JUDGE_CHANNELS                      \
    "ldr    lr, [sp]                    \n" \
    "ldrd   r8, r10, [sp, #16]          \n" \
    "ldr    lr, [lr, #68]               \n" \
    "qsub   r9, r0, r4                  \n" \
    "qsub   r11, r0, r5                 \n" \
    "orr    r9, r9, r11                 \n" \
    "qsub   r11, r1, r6                 \n" \
    "qsub   r12, r1, r7                 \n" \
    "orr    r11, r11, r12               \n" \
    "ldrb   r0, [lr, r8]                \n" \
    "orr    r0, r0, r9, lsr #31         \n" \
    "strb   r0, [lr, r8]                \n" \
    "ldrb   r1, [lr, r10]               \n" \
    "orr    r1, r1, r11, lsr #31        \n" \
    "strb   r1, [lr, r10]               \n"

#define FIND_PLACES                         \
    "ldr    r9, [sp]                    \n" \
    "ldr    r9, [r9, #140]              \n" \
    "ldrh   r2, [r9, r2, lsl #1]        \n" \
    "ldrh   r3, [r9, r3, lsl #1]        \n"

#define LISTED_CHANNELS(THRESHOLDS, JUDGE, PLACES)                                              \
    "push   {r4-r11, lr}                \n"                                                     \
    "push   {r0-r5}                     \n" /* [sp]: block, list, end, offset, both channels */ \
    "1: ldrd r1, r0, [sp, #4]           \n"                                                     \
    "ldrh   r2, [r1], #2                \n"                                                     \
    "ldr    r5, [sp]                    \n"                                                     \
    "ldrd   r12, r9, [r5, #12]          \n"                                                     \
    "ldrd   lr, r10, [r5]               \n"                                                     \
    "ldr    r6, [sp, #12]               \n"                                                     \
    "add    lr, lr, r6                  \n"                                                     \
    "add    r10, r10, r6                \n"                                                     \
    "mov    r11, r12                    \n"                                                     \
    "lsr    r4, r2, #1                  \n"                                                     \
    "mla    r12, r4, r9, r12            \n"                                                     \
    "ldr    r8, [r5, #8]                \n"                                                     \
    "cmp    r1, r0                      \n"                                                     \
    "beq    7f                          \n"                                                     \
    "ldrh   r3, [r1], #2                \n"                                                     \
    "str    r1, [sp, #4]                \n"                                                     \
    "strd   r2, r3, [sp, #16]           \n"                                                     \
    "lsr    r6, r3, #1                  \n"                                                     \
    "cmp    r4, r6                      \n"                                                     \
    "beq    8f                          \n"                                                     \
    "cmp    r1, r0                      \n"                                                     \
    "beq    12f                         \n"                                                     \
    "ldrh   r7, [r1]                    \n"                                                     \
    "orr    r5, r3, #1                  \n"                                                     \
    "cmp    r7, r5                      \n"                                                     \
    "beq    13f                         \n" /* the next two are a pair */                       \
    "12:"                                                                                       \
    "mla    r11, r6, r9, r11            \n"                                                     \
    "tst    r2, #1                      \n"                                                     \
    "bne    3f                          \n"                                                     \
    "tst    r3, #1                      \n"                                                     \
    "bne    4f                          \n"                                                     \
    "ldr    r4, [r12], #4               \n" /* two that are first */                            \
    "ldr    r6, [r11], #4               \n"                                                     \
    "mov    r5, r4                      \n"                                                     \
    "mov    r7, r6                      \n"                                                     \
    LOOP("4", QUAD_OF_TWO(FIRST_OF_PAIR, FIRST_OF_PAIR))                                        \
    "ldr    r2, [r12, #12]              \n" /* twice their multipliers */                       \
    "ldr    r3, [r11, #12]              \n"                                                     \
    THRESHOLDS("r12", "#4", "r11", "#4")                                                        \
    "b      11f                         \n"                                                     \
    "3: tst r3, #1                      \n"                                                     \
    "beq    9f                          \n"                                                     \
    "mov    r4, #0                      \n" /* two that are second */                           \
    "mov    r5, #0                      \n"                                                     \
    "mov    r6, #0                      \n"                                                     \
    "mov    r7, #0                      \n"                                                     \
    "add    r12, #4                     \n"                                                     \
    "add    r11, #4                     \n"                                                     \
    LOOP("6", QUAD_OF_TWO(SECOND_OF_PAIR, SECOND_OF_PAIR))                                      \
    "ldr    r0, [r12]                   \n"                                                     \
    "ldr    r1, [r11]                   \n"                                                     \
    "ldr    r2, [r12, #16]              \n"                                                     \
    "ldr    r3, [r11, #16]              \n"                                                     \
    "add    r4, r0, r4, asr #8          \n"                                                     \
    "add    r5, r0, r5, asr #8          \n"                                                     \
    "add    r6, r1, r6, asr #8          \n"                                                     \
    "add    r7, r1, r7, asr #8          \n"                                                     \
    THRESHOLDS("r12", "#8", "r11", "#8")                                                        \
    "b      11f                         \n"                                                     \
    "9: strd r3, r2, [sp, #16]          \n" /* a second and a first, the other way round */     \
    "mov    r6, r12                     \n"                                                     \
    "mov    r12, r11                    \n"                                                     \
    "mov    r11, r6                     \n"                                                     \
    "4: ldr r4, [r12], #4               \n" /* a first and a second */                          \
    "add    r11, #4                     \n"                                                     \
    "mov    r5, r4                      \n"                                                     \
    "mov    r6, #0                      \n"                                                     \
    "mov    r7, #0                      \n"                                                     \
    LOOP("5", QUAD_OF_TWO(FIRST_OF_PAIR, SECOND_OF_PAIR))                                       \
    "ldr    r1, [r11]                   \n"                                                     \
    "ldr    r2, [r12, #12]              \n"                                                     \
    "ldr    r3, [r11, #16]              \n"                                                     \
    "add    r6, r1, r6, asr #8          \n"                                                     \
    "add    r7, r1, r7, asr #8          \n"                                                     \
    THRESHOLDS("r12", "#4", "r11", "#8")                                                        \
    "b      11f                         \n"                                                     \
    "13: sub r1, #2                     \n"                                                     \
    "7: str r1, [sp, #4]                \n" /* one alone: its results are stored twice */       \
    "strd   r2, r2, [sp, #16]           \n"                                                     \
    "tst    r2, #1                      \n"                                                     \
    "bne    14f                         \n"                                                     \
    "ldr    r4, [r12], #4               \n"                                                     \
    "mov    r5, r4                      \n"                                                     \
    LOOP("8", QUAD_OF_ONE(FIRST_OF_PAIR))                                                       \
    "ldr    r2, [r12, #12]              \n"                                                     \
    THRESHOLDS("r12", "#4", "r12", "#4")                                                        \
    "b      15f                         \n"                                                     \
    "14: mov r4, #0                     \n"                                                     \
    "mov    r5, #0                      \n"                                                     \
    "add    r12, #4                     \n"                                                     \
    LOOP("9", QUAD_OF_ONE(SECOND_OF_PAIR))                                                      \
    "ldr    r0, [r12]                   \n"                                                     \
    "ldr    r2, [r12, #16]              \n"                                                     \
    "add    r4, r0, r4, asr #8          \n"                                                     \
    "add    r5, r0, r5, asr #8          \n"                                                     \
    THRESHOLDS("r12", "#8", "r12", "#8")                                                        \
    "15: mov r3, r2                     \n"                                                     \
    "mov    r6, r4                      \n"                                                     \
    "mov    r7, r5                      \n"                                                     \
    "b      11f                         \n"                                                     \
    "8: ldr r4, [r12], #4               \n" /* both of a pair */                                \
    "mov    r5, r4                      \n"                                                     \
    "mov    r6, r4                      \n"                                                     \
    "mov    r7, r4                      \n"                                                     \
    LOOP("7", QUAD_OF_PAIR)                                                                     \
    "ldr    r0, [r12]                   \n"                                                     \
    "sub    r6, r6, r4                  \n"                                                     \
    "sub    r7, r7, r5                  \n"                                                     \
    "ldrd   r2, r3, [r12, #12]          \n"                                                     \
    "add    r6, r0, r6, asr #8          \n"                                                     \
    "add    r7, r0, r7, asr #8          \n"                                                     \
    THRESHOLDS("r12", "#4", "r12", "#8")                                                        \
    "11:"                                                                                       \
    JUDGE                                                                                       \
    "ldrd   r8, r10, [sp, #8]           \n"                                                     \
    "ldr    lr, [sp]                    \n"                                                     \
    "ldrd   r0, r1, [lr, #20]           \n"                                                     \
    "cmp    r1, #0                      \n"                                                     \
    "bne    6f                          \n"                                                     \
    EC_ASM_TWO(EC_ASM_REQUANTIZE, "r4", "r5", "r2")                                             \
    EC_ASM_TWO(EC_ASM_REQUANTIZE, "r6", "r7", "r3")                                             \
    "5: add lr, lr, r10                 \n"                                                     \
    "ldrd   r0, r1, [lr, #40]           \n"                                                     \
    "ldrd   r2, r3, [sp, #16]           \n"                                                     \
    PLACES                                                                                      \
    "strb   r4, [r0, r2]                \n"                                                     \
    "strb   r5, [r1, r2]                \n"                                                     \
    "strb   r6, [r0, r3]                \n"                                                     \
    "strb   r7, [r1, r3]                \n"                                                     \
    "ldr    r1, [sp, #4]                \n"                                                     \
    "cmp    r1, r8                      \n"                                                     \
    "bne    1b                          \n"                                                     \
    "add    sp, #24                     \n"                                                     \
    "pop    {r4-r11, pc}                \n"                                                     \
    "6: tst r1, #512                    \n"                                                     \
    "bne    9f                          \n"                                                     \
    "60: add r0, #128                   \n"                                                     \
    EC_ASM_TWO(EC_ASM_SHIFT_AND_MULTIPLY, "r4", "r5", "r2")                                     \
    EC_ASM_TWO(EC_ASM_SHIFT_AND_MULTIPLY, "r6", "r7", "r3")                                     \
    "ldrd   r0, r1, [lr, #28]           \n"                                                     \
    "ldr    r2, [lr, #36]               \n"                                                     \
    EC_ASM_EACH_OF_FOUR(EC_ASM_CLAMP, "r4", "r5", "r6", "r7")                                   \
    "ldr    r0, [lr, #24]               \n"                                                     \
    "tst    r0, #512                    \n"                                                     \
    "beq    5b                          \n"                                                     \
    "b      10f                         \n"                                                     \
    "9: bics r1, r1, #512               \n" /* sums: the convolution's outputs first */         \
    "bne    60b                         \n"                                                     \
    EC_ASM_TWO(EC_ASM_REQUANTIZE, "r4", "r5", "r2")                                             \
    EC_ASM_TWO(EC_ASM_REQUANTIZE, "r6", "r7", "r3")                                             \
    "10: ldrd r2, r3, [sp, #16]         \n"                                                     \
    "ldrd   r11, r12, [lr, #112]        \n"                                                     \
    "add    r0, lr, r10                 \n"                                                     \
    "ldrd   r0, r1, [r0, #96]           \n"                                                     \
    "ldrsb  r9, [r0, r2]                \n"                                                     \
    EC_ASM_SUM("r4", "r9", "r11", "r12")                                                        \
    "ldrsb  r9, [r1, r2]                \n"                                                     \
    EC_ASM_SUM("r5", "r9", "r11", "r12")                                                        \
    "ldrsb  r9, [r0, r3]                \n"                                                     \
    EC_ASM_SUM("r6", "r9", "r11", "r12")                                                        \
    "ldrsb  r9, [r1, r3]                \n"                                                     \
    EC_ASM_SUM("r7", "r9", "r11", "r12")                                                        \
    "ldrd   r0, r1, [lr, #120]          \n"                                                     \
    EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_OUTPUT, "r4", "r5", "r6", "r7")                              \
    "cmp    r1, #0                      \n"                                                     \
    "beq    5b                          \n"                                                     \
    "ldrd   r0, r1, [lr, #128]          \n"                                                     \
    "ldr    r2, [lr, #136]              \n"                                                     \
    EC_ASM_EACH_OF_FOUR(EC_ASM_SUM_CLAMP, "r4", "r5", "r6", "r7")                               \
    "b      5b                          \n"

/* Channels from `list` to `end`, one or more, for the pixels of the first patch, `offset` 0, or the second, `offset` 8: those of a
 * record together, others two at a time or, before such a pair and at the end, alone. */
EC_ASM_FUNCTION static void ec_spatial_one(const ec_spatial_block *block EC_ASM_PARAMETER, const uint16_t *list EC_ASM_PARAMETER,
                                           const uint16_t *end EC_ASM_PARAMETER, uint32_t offset EC_ASM_PARAMETER) {
    __asm__ volatile(LISTED_CHANNELS(NO_THRESHOLDS, "", ""));
}

/* The same where records are of any two channels: block->places has them. Sets above_before of the channels of the list that are above
 * their thresholds. Outputs are not sums. */
EC_ASM_FUNCTION static void ec_spatial_one_judged(const ec_spatial_block *block EC_ASM_PARAMETER, const uint16_t *list EC_ASM_PARAMETER,
                                                  const uint16_t *end EC_ASM_PARAMETER, uint32_t offset EC_ASM_PARAMETER) {
    __asm__ volatile(LISTED_CHANNELS(LOAD_THRESHOLDS, JUDGE_CHANNELS, FIND_PLACES));
}

#undef TWO_PIXELS
#undef FIRST_OF_PAIR
#undef SECOND_OF_PAIR
#undef HALF_OF_QUAD
#undef QUAD_OF_PAIR
#undef LOOP
#undef LISTED_CHANNELS
#undef FIND_PLACES
#undef JUDGE_CHANNELS
#undef LOAD_THRESHOLDS
#undef NO_THRESHOLDS

/* clang-format on */

#endif
