#include "ec_add_s8.h"

#include "ec_add_rows.h"
#include "ec_thumb.h"

/* clang-format off */

/* r0: elements left, negative; r1: end of a; r2: of b; r3: of the output; r4, r8: weights of b, a; r9: bias; r5: shift; r10, r11: clamps. */
#define SUM                               \
    "ldrsb  r6, [r1, r0]              \n" \
    "mov    r7, r8                    \n" \
    "muls   r6, r7                    \n" \
    "ldrsb  r7, [r2, r0]              \n" \
    "muls   r7, r4                    \n" \
    "adds   r6, r6, r7                \n" \
    "add    r6, r9                    \n" \
    "asrs   r6, r5                    \n" \
    "cmp    r6, r10                   \n" \
    "bge    1f                        \n" \
    "mov    r6, r10                   \n" \
    "1: cmp r6, r11                   \n" \
    "ble    2f                        \n" \
    "mov    r6, r11                   \n" \
    "2: strb r6, [r3, r0]             \n" \
    "adds   r0, #1                    \n"

/* `ec_add_loop`. */
EC_ASM_FUNCTION static void add(const ec_add_run *run EC_ASM_PARAMETER, const int8_t *a EC_ASM_PARAMETER, const int8_t *b EC_ASM_PARAMETER,
                                int8_t *output EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_SAVE_REGISTERS
        "ldmia  r0!, {r4-r7}              \n"
        "mov    r8, r4                    \n"
        "mov    r4, r5                    \n"
        "mov    r9, r6                    \n"
        "mov    r5, r7                    \n"
        "ldmia  r0!, {r6, r7}             \n"
        "mov    r10, r6                   \n"
        "mov    r11, r7                   \n"
        "ldr    r0, [r0]                  \n"
        "adds   r1, r1, r0                \n"
        "adds   r2, r2, r0                \n"
        "adds   r3, r3, r0                \n"
        "rsbs   r0, r0, #0                \n"
        "lsls   r6, r0, #31               \n"
        "beq    3f                        \n"
        SUM
        "beq    4f                        \n"
        "3:" SUM
        SUM
        "bne    3b                        \n"
        "4:"
        EC_RESTORE_REGISTERS_AND_RETURN);
}

/* clang-format on */

void ec_add_s8_arm_v6m(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output) {
    ec_add_by_rows(params, a, b, output, add);
}
