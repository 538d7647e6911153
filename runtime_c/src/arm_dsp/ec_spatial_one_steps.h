/* ec_spatial_one_steps.h - lines of assembly for ec_spatial_one.h: the loops over the inputs of two pixels. */
#ifndef EC_SPATIAL_ONE_STEPS_H
#define EC_SPATIAL_ONE_STEPS_H

/* clang-format off */

/* r12, r11: weights; lr: patch; r4, r5: sums of one channel; r6, r7: of the other. */
#define TWO_PIXELS(lanes, other_lanes)      \
    "ldrd   r0, r1, [lr], #16           \n" \
    "smlad  r4, " lanes ", r0, r4       \n" \
    "smlad  r5, " lanes ", r1, r5       \n" \
    "smlad  r6, " other_lanes ", r0, r6 \n" \
    "smlad  r7, " other_lanes ", r1, r7 \n"

#define FIRST_OF_PAIR(word)                 \
    "sxtb16 " word ", " word "          \n"

#define SECOND_OF_PAIR(word)                \
    "sxtb16 r0, " word "                \n" \
    "ssub16 " word ", " word ", r0      \n"

#define QUAD_OF_TWO(FORM, OTHER_FORM)       \
    "ldrd   r2, r3, [r12], #8           \n" \
    "ldrd   r8, r9, [r11], #8           \n" \
    FORM("r2") FORM("r3")                   \
    OTHER_FORM("r8") OTHER_FORM("r9")       \
    TWO_PIXELS("r2", "r8") TWO_PIXELS("r3", "r9")

#define QUAD_OF_ONE(FORM)                   \
    "ldrd   r2, r3, [r12], #8           \n" \
    FORM("r2") FORM("r3")                   \
    "ldrd   r0, r1, [lr], #16           \n" \
    "smlad  r4, r2, r0, r4              \n" \
    "smlad  r5, r2, r1, r5              \n" \
    "ldrd   r0, r1, [lr], #16           \n" \
    "smlad  r4, r3, r0, r4              \n" \
    "smlad  r5, r3, r1, r5              \n"

#define HALF_OF_QUAD                        \
    "ldr    r2, [r12], #4               \n" \
    "sxtb16 r3, r2                      \n" \
    TWO_PIXELS("r3", "r2")

#define QUAD_OF_PAIR HALF_OF_QUAD HALF_OF_QUAD

/* Entered by r8. */
#define LOOP(tens, QUAD)                                                                                                 \
    "tbh    [pc, r8, lsl #1]            \n"                                                                              \
    "2: .hword (" tens "0f - 2b) / 2, (" tens "1f - 2b) / 2, (" tens "2f - 2b) / 2, (" tens "3f - 2b) / 2 \n"            \
    ".hword (" tens "4f - 2b) / 2, (" tens "5f - 2b) / 2, (" tens "6f - 2b) / 2, (" tens "7f - 2b) / 2    \n"            \
    tens "0:" QUAD tens "7:" QUAD tens "6:" QUAD tens "5:" QUAD                                                          \
    tens "4:" QUAD tens "3:" QUAD tens "2:" QUAD tens "1:" QUAD                                                          \
    "cmp    lr, r10                     \n"                                                                              \
    "bne    " tens "0b                  \n"

/* clang-format on */

#endif
