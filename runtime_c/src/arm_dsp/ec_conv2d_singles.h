/* ec_conv2d_singles.h - the convolution's inner loop over channels one by one. */
#ifndef EC_CONV2D_SINGLES_H
#define EC_CONV2D_SINGLES_H

#include "ec_asm_requantize.h"
#include "ec_conv2d_block.h"
#include "ec_dsp.h"

/* clang-format off */

/* One channel or more, from block->weights to block->weights_end; all four pixels are computed. */
EC_ASM_FUNCTION static void ec_conv2d_singles(ec_conv2d_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}                \n"
        "mov    r11, r0                     \n"
        "ldr    r10, [r11, #4]              \n"
        "ldr    r12, [r11, #12]             \n"
        "1: ldr r4, [r12], #4               \n" /* the next channel: its bias */
        "mov    r5, r4                      \n"
        "mov    r6, r4                      \n"
        "mov    r7, r4                      \n"
        "ldr    lr, [r11]                   \n"
        "2: ldr r2, [r12], #4               \n" /* the next quad */
        "ldm    lr!, {r0, r1, r8, r9}       \n"
        "sxtb16 r3, r2                      \n"
        "sxtb16 r2, r2, ror #8              \n"
        "smlad  r4, r3, r0, r4              \n"
        "smlad  r5, r3, r1, r5              \n"
        "smlad  r6, r3, r8, r6              \n"
        "smlad  r7, r3, r9, r7              \n"
        "ldm    lr!, {r0, r1, r8, r9}       \n"
        "cmp    lr, r10                     \n"
        "smlad  r4, r2, r0, r4              \n"
        "smlad  r5, r2, r1, r5              \n"
        "smlad  r6, r2, r8, r6              \n"
        "smlad  r7, r2, r9, r7              \n"
        "bne    2b                          \n"
        "ldr    r2, [r12], #4               \n" /* twice its multiplier */
        "ldrd   r0, r1, [r11, #20]          \n"
        "cbnz   r1, 6f                      \n"
        EC_ASM_REQUANTIZE("r4", "r2")
        EC_ASM_REQUANTIZE("r5", "r2")
        EC_ASM_REQUANTIZE("r6", "r2")
        EC_ASM_REQUANTIZE("r7", "r2")
        "5: ldrd r0, r1, [r11, #48]         \n"
        "strb   r7, [r1], #1                \n"
        "strb   r6, [r0], #1                \n"
        "strd   r0, r1, [r11, #48]          \n"
        "ldrd   r0, r1, [r11, #40]          \n"
        "strb   r5, [r1], #1                \n"
        "strb   r4, [r0], #1                \n"
        "strd   r0, r1, [r11, #40]          \n"
        "ldr    r0, [r11, #16]              \n"
        "cmp    r12, r0                     \n"
        "bne    1b                          \n"
        "str    r12, [r11, #12]             \n"
        "pop    {r4-r11, pc}                \n"
        "6: add r0, #128                    \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r4", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r5", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r6", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r7", "r2")
        "ldrd   r0, r1, [r11, #28]          \n"
        "ldr    r2, [r11, #36]              \n"
        EC_ASM_CLAMP("r4")
        EC_ASM_CLAMP("r5")
        EC_ASM_CLAMP("r6")
        EC_ASM_CLAMP("r7")
        "b      5b                          \n");
}

/* clang-format on */

#endif
