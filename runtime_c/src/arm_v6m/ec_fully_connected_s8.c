/* Weights: ec_quads.h. */
#include "ec_fully_connected_s8.h"

#include "ec_halves.h"
#include "ec_quads.h"
#include "ec_thumb.h"

/* clang-format off */

/* The products of a word; r6: 0x00ff00ff; r5: input. */
#define WORD(word, e, f, g)               \
    "lsrs   r4, " word ", #8          \n" \
    "ands   r4, r6                    \n" \
    "muls   r4, r5                    \n" \
    "add    " f ", r4                 \n" \
    "lsrs   r4, " word ", #16         \n" \
    "muls   r4, r5                    \n" \
    "add    " g ", r4                 \n" \
    "muls   " word ", r5              \n" \
    "add    " e ", " word "           \n"

/* r0: end of the inputs; r7: inputs left, negative; r1: weights. */
#define BEGIN                             \
    EC_SAVE_REGISTERS                     \
    "push   {r3}                      \n" \
    "subs   r7, r0, r1                \n" \
    "mov    r0, r1                    \n" \
    "mov    r1, r2                    \n" \
    "movs   r6, #255                  \n" \
    "lsls   r4, r6, #16               \n" \
    "orrs   r6, r4                    \n" \
    "mov    r4, r3                    \n"

#define LOAD_THREE(e, f, g)               \
    "ldmia  r4!, {r2, r3, r5}         \n" \
    "mov    " e ", r2                 \n" \
    "mov    " f ", r3                 \n" \
    "mov    " g ", r5                 \n"

#define STORE_THREE(e, f, g)              \
    "mov    r2, " e "                 \n" \
    "mov    r3, " f "                 \n" \
    "mov    r5, " g "                 \n" \
    "stmia  r4!, {r2, r3, r5}         \n"

#define END                               \
    "mov    r0, r1                    \n" \
    EC_RESTORE_REGISTERS_AND_RETURN

/* `ec_quads_loop` of two quads. */
EC_ASM_FUNCTION static const int8_t *two_quads(const int8_t *input EC_ASM_PARAMETER, const int8_t *end EC_ASM_PARAMETER,
                                               const int8_t *weights EC_ASM_PARAMETER, uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        BEGIN
        LOAD_THREE("r8", "r9", "r10")
        LOAD_THREE("r11", "r12", "lr")
        "1: ldrsb r5, [r0, r7]            \n"
        "ldmia  r1!, {r2, r3}             \n"
        WORD("r2", "r8", "r9", "r10")
        WORD("r3", "r11", "r12", "lr")
        "adds   r7, #1                    \n"
        "bne    1b                        \n"
        "pop    {r4}                      \n"
        STORE_THREE("r8", "r9", "r10")
        STORE_THREE("r11", "r12", "lr")
        END);
}

/* `ec_quads_loop` of one quad. */
EC_ASM_FUNCTION static const int8_t *one_quad(const int8_t *input EC_ASM_PARAMETER, const int8_t *end EC_ASM_PARAMETER,
                                              const int8_t *weights EC_ASM_PARAMETER, uint32_t *sums EC_ASM_PARAMETER) {
    __asm__ volatile(
        BEGIN
        LOAD_THREE("r8", "r9", "r10")
        "1: ldrsb r5, [r0, r7]            \n"
        "ldmia  r1!, {r2}                 \n"
        WORD("r2", "r8", "r9", "r10")
        "adds   r7, #1                    \n"
        "bne    1b                        \n"
        "pop    {r4}                      \n"
        STORE_THREE("r8", "r9", "r10")
        END);
}

/* clang-format on */

void ec_fully_connected_s8_arm_v6m(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    static const ec_quads_loops loops = {one_quad, two_quads, ec_multiply_halves};
    ec_fully_connected_quads(params, input, output, &loops);
}
