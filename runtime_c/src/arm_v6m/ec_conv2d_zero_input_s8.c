/* Weights, biases and scratch: ec_zero_input_quads.h. */
#include "ec_conv2d_zero_input_s8.h"

#include "ec_halves.h"
#include "ec_thumb.h"
#include "ec_zero_input_quads.h"

/* clang-format off */

/* The products of a word; r5: input. */
#define WORD(word, u, s, w)               \
    "rev16  r4, " word "              \n" \
    "muls   r4, r5                    \n" \
    "add    " s ", r4                 \n" \
    "lsrs   r4, " word ", #16         \n" \
    "muls   r4, r5                    \n" \
    "add    " w ", r4                 \n" \
    "muls   " word ", r5              \n" \
    "add    " u ", " word "           \n"

#define INPUT_OF_2                        \
    "ldmia  r0!, {r2, r5}             \n" \
    "adds   r2, r6                    \n" \
    "ldmia  r2, {r2, r3}              \n" \
    WORD("r2", "r8", "r9", "r10")         \
    WORD("r3", "r11", "r12", "lr")

#define INPUT_OF_1                        \
    "ldmia  r0!, {r2, r5}             \n" \
    "ldr    r2, [r2, r6]              \n" \
    WORD("r2", "r8", "r9", "r10")

/* Two inputs a turn, of an odd number the first alone. r0, r1: the run; r6: its weights; r7: runs; [sp]: weights. */
#define RUNS(input)                       \
    "0: ldmia r7!, {r0, r1, r6}       \n" \
    "ldr    r4, [sp]                  \n" \
    "adds   r6, r6, r4                \n" \
    "subs   r4, r1, r0                \n" \
    "lsrs   r4, r4, #4                \n" \
    "bcs    2f                        \n" \
    "1:" input "2:" input                 \
    "cmp    r0, r1                    \n" \
    "bne    1b                        \n" \
    "ldr    r0, [r7]                  \n" \
    "cmp    r0, #0                    \n" \
    "bne    0b                        \n"

/* [sp]: weights, sums. */
#define BEGIN                             \
    EC_SAVE_REGISTERS                     \
    "push   {r1, r2}                  \n" \
    "mov    r7, r0                    \n"

#define LOAD_THREE(u, s, w)               \
    "ldmia  r2!, {r3, r4, r5}         \n" \
    "mov    " u ", r3                 \n" \
    "mov    " s ", r4                 \n" \
    "mov    " w ", r5                 \n"

#define STORE_THREE(u, s, w)              \
    "mov    r3, " u "                 \n" \
    "mov    r4, " s "                 \n" \
    "mov    r5, " w "                 \n" \
    "stmia  r2!, {r3, r4, r5}         \n"

/* `ec_zero_input_loop` of two quads. */
EC_ASM_FUNCTION static void two_quads(const ec_input_run *runs EC_ASM_PARAMETER, const int8_t *weights EC_ASM_PARAMETER,
                                      uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        BEGIN
        LOAD_THREE("r8", "r9", "r10")
        LOAD_THREE("r11", "r12", "lr")
        RUNS(INPUT_OF_2)
        "pop    {r1, r2}                  \n"
        STORE_THREE("r8", "r9", "r10")
        STORE_THREE("r11", "r12", "lr")
        EC_RESTORE_REGISTERS_AND_RETURN);
}

/* `ec_zero_input_loop` of one quad. */
EC_ASM_FUNCTION static void one_quad(const ec_input_run *runs EC_ASM_PARAMETER, const int8_t *weights EC_ASM_PARAMETER,
                                     uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        BEGIN
        LOAD_THREE("r8", "r9", "r10")
        RUNS(INPUT_OF_1)
        "pop    {r1, r2}                  \n"
        STORE_THREE("r8", "r9", "r10")
        EC_RESTORE_REGISTERS_AND_RETURN);
}

/* clang-format on */

static __attribute__((noinline)) void store(const ec_conv2d_zero_input_s8_params *p, const uint32_t *sums, uint32_t channel, uint32_t count,
                                            int8_t *output) {
    ec_store_quads(p, sums, channel, count, ec_multiply_halves, output);
}

void ec_conv2d_zero_input_s8_arm_v6m(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_zero_input_loops loops = {one_quad, two_quads, store};
    ec_convolve_zero_input_quads(params, input, output, scratch, &loops);
}
