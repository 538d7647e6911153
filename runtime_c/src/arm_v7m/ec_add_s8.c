#include "ec_add_s8.h"

#include "ec_add_rows.h"
#include "ec_thumb2.h"

/* clang-format off */

/* r1: a; r2: b; r3: output; r4, r5: weights; r6: bias; r7: shift. */
#define SUM                               \
    "ldrsb  r8, [r1], #1              \n" \
    "ldrsb  r9, [r2], #1              \n" \
    "mla    r8, r8, r4, r6            \n" \
    "mla    r8, r9, r5, r8            \n" \
    "asr    r8, r8, r7                \n"

#define SATURATE "ssat   r8, #8, r8   \n"

/* r10, r11: clamps. */
#define CLAMP                             \
    "cmp    r8, r10                   \n" \
    "it     lt                        \n" \
    "movlt  r8, r10                   \n" \
    "cmp    r8, r11                   \n" \
    "it     gt                        \n" \
    "movgt  r8, r11                   \n"

#define STORE "strb r8, [r3], #1      \n"

/* `ec_add_loop`. */
EC_ASM_FUNCTION static void add(const ec_add_run *run EC_ASM_PARAMETER, const int8_t *a EC_ASM_PARAMETER, const int8_t *b EC_ASM_PARAMETER,
                                int8_t *output EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}              \n"
        "ldm    r0, {r4-r7, r10, r11, r12} \n"
        "sub    r8, r11, r10              \n"
        "cmp    r8, #255                  \n"
        "bne    3f                        \n"
        "and    r8, r12, #3               \n"
        "tbb    [pc, r8]                  \n"
        "1: .byte (20f - 1b) / 2, (21f - 1b) / 2, (22f - 1b) / 2, (23f - 1b) / 2 \n"
        "20:" SUM SATURATE STORE
        "23:" SUM SATURATE STORE
        "22:" SUM SATURATE STORE
        "21:" SUM SATURATE STORE
        "subs   r12, #4                   \n"
        "bgt    20b                       \n"
        "pop    {r4-r11, pc}              \n"
        "3:" SUM CLAMP STORE
        "subs   r12, #1                   \n"
        "bne    3b                        \n"
        "pop    {r4-r11, pc}              \n");
}

/* clang-format on */

void ec_add_s8_arm_v7m(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    ec_add_by_rows(params, a, b, output, add);
}
