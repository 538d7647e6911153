/* Weights: ec_quads.h. */
#include "ec_fully_connected_s8.h"

#include "ec_quads.h"
#include "ec_thumb2.h"

/* clang-format off */

/* The products of a word; r3: 0x00ff00ff, lr: input. */
#define WORD(word, e, f, g)                       \
    "mla    " e ", " word ", lr, " e "        \n" \
    "and    r12, r3, " word ", lsr #8         \n" \
    "mla    " f ", r12, lr, " f "             \n" \
    "lsr    r12, " word ", #16                \n" \
    "mla    " g ", r12, lr, " g "             \n"

#define INPUT_OF_2                                \
    "ldrsb  lr, [r0], #1                      \n" \
    "ldrd   r10, r11, [r2], #8                \n" \
    WORD("r10", "r4", "r5", "r6")                 \
    WORD("r11", "r7", "r8", "r9")

#define INPUT_OF_1                                \
    "ldrsb  lr, [r0], #1                      \n" \
    "ldr    r10, [r2], #4                     \n" \
    WORD("r10", "r4", "r5", "r6")

/* Four inputs a turn; the first turn takes what is over. */
#define INPUTS(input)                             \
    "sub    r12, r1, r0                       \n" \
    "and    r12, r12, #3                      \n" \
    "tbb    [pc, r12]                         \n" \
    "1: .byte (2f - 1b) / 2, (5f - 1b) / 2, (4f - 1b) / 2, (3f - 1b) / 2 \n" \
    "2:" input "3:" input "4:" input "5:" input   \
    "cmp    r0, r1                            \n" \
    "bne    2b                                \n"

/* `ec_quads_loop` of two quads. */
EC_ASM_FUNCTION static const int8_t *two_quads(const int8_t *input EC_ASM_PARAMETER, const int8_t *end EC_ASM_PARAMETER,
                                               const int8_t *weights EC_ASM_PARAMETER, uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r3-r11, lr}                      \n"
        "ldm    r3, {r4-r9}                       \n"
        "mov    r3, #0x00ff00ff                   \n"
        INPUTS(INPUT_OF_2)
        "pop    {r3}                              \n"
        "stm    r3, {r4-r9}                       \n"
        "mov    r0, r2                            \n"
        "pop    {r4-r11, pc}                      \n");
}

/* `ec_quads_loop` of one quad. */
EC_ASM_FUNCTION static const int8_t *one_quad(const int8_t *input EC_ASM_PARAMETER, const int8_t *end EC_ASM_PARAMETER,
                                              const int8_t *weights EC_ASM_PARAMETER, uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r3-r6, r10, lr}                  \n"
        "ldm    r3, {r4-r6}                       \n"
        "mov    r3, #0x00ff00ff                   \n"
        INPUTS(INPUT_OF_1)
        "pop    {r3}                              \n"
        "stm    r3, {r4-r6}                       \n"
        "mov    r0, r2                            \n"
        "pop    {r4-r6, r10, pc}                  \n");
}

/* clang-format on */

static int32_t multiply(int32_t sum, int32_t multiplier) {
    const int64_t product = (int64_t)sum * (2 * multiplier);
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

void ec_fully_connected_s8_arm_v7m(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    static const ec_quads_loops loops = {one_quad, two_quads, multiply};
    ec_fully_connected_quads(params, input, output, &loops);
}
