/* Weights, biases and scratch: ec_zero_input_quads.h. */
#include "ec_conv2d_zero_input_s8.h"

#include "ec_thumb2.h"
#include "ec_zero_input_quads.h"

/* clang-format off */

/* The products of a word; lr: input. */
#define WORD(word, u, s, w)                       \
    "mla    " u ", " word ", lr, " u "        \n" \
    "rev16  r12, " word "                     \n" \
    "mla    " s ", r12, lr, " s "             \n" \
    "lsr    r12, " word ", #16                \n" \
    "mla    " w ", r12, lr, " w "             \n"

#define INPUT_OF_2                                \
    "ldrd   r10, lr, [r0], #8                 \n" \
    "add    r10, r2                           \n" \
    "ldrd   r10, r11, [r10]                   \n" \
    WORD("r10", "r4", "r5", "r6")                 \
    WORD("r11", "r7", "r8", "r9")

#define INPUT_OF_1                                \
    "ldrd   r10, lr, [r0], #8                 \n" \
    "ldr    r10, [r10, r2]                    \n" \
    WORD("r10", "r4", "r5", "r6")

/* Two inputs a turn, of an odd number the first alone. r0, r1: the run; r2: its weights; r3: runs; [sp]: weights. */
#define RUNS(input)                               \
    "0: ldm  r3!, {r0-r2}                     \n" \
    "ldr    r12, [sp]                         \n" \
    "add    r2, r12                           \n" \
    "sub    r12, r1, r0                       \n" \
    "lsls   r12, r12, #29                     \n" \
    "bcs    2f                                \n" \
    "1:" input "2:" input                         \
    "cmp    r0, r1                            \n" \
    "bne    1b                                \n" \
    "ldr    r0, [r3]                          \n" \
    "cmp    r0, #0                            \n" \
    "bne    0b                                \n" \
    "ldr    r0, [sp, #4]                      \n"

/* `ec_zero_input_loop` of two quads. */
EC_ASM_FUNCTION static void two_quads(const ec_input_run *runs EC_ASM_PARAMETER, const int8_t *weights EC_ASM_PARAMETER,
                                      uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r1, r2, r4-r11, lr}              \n"
        "mov    r3, r0                            \n"
        "ldm    r2, {r4-r9}                       \n"
        RUNS(INPUT_OF_2)
        "stm    r0, {r4-r9}                       \n"
        "pop    {r1, r2, r4-r11, pc}              \n");
}

/* `ec_zero_input_loop` of one quad. */
EC_ASM_FUNCTION static void one_quad(const ec_input_run *runs EC_ASM_PARAMETER, const int8_t *weights EC_ASM_PARAMETER,
                                     uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r1, r2, r4-r6, r10, lr}          \n"
        "mov    r3, r0                            \n"
        "ldm    r2, {r4-r6}                       \n"
        RUNS(INPUT_OF_1)
        "stm    r0, {r4-r6}                       \n"
        "pop    {r1, r2, r4-r6, r10, pc}          \n");
}

/* clang-format on */

static inline int32_t multiply(int32_t sum, int32_t multiplier) {
    const int64_t product = (int64_t)sum * (2 * multiplier);
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

static __attribute__((noinline)) void store(const ec_conv2d_zero_input_s8_params *p, const uint32_t *sums, uint32_t channel, uint32_t count,
                                            int8_t *output) {
    ec_store_quads(p, sums, channel, count, multiply, output);
}

void ec_conv2d_zero_input_s8_arm_v7m(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_zero_input_loops loops = {one_quad, two_quads, store};
    ec_convolve_zero_input_quads(params, input, output, scratch, &loops);
}
