/* ec_conv2d_easy_block.h - what ec_conv2d_block.h does at six pixels, in fewer instructions: for sums that need one segment and are easy
 * to rescale (EC_EASY).
 */
#ifndef EC_CONV2D_EASY_BLOCK_H
#define EC_CONV2D_EASY_BLOCK_H

#include "ec_conv2d_block.h"

/* clang-format off */

/* Start of the accumulators, and the bias in every sum of u or v. */
#define EC_EASY_START(sum, value, lanes)          \
    "adds   " value ", " value ", " lanes "   \n" \
    "mov    " sum ", " value "                \n"

/* [sp]: block; [sp, #4]: what of eight elements the first turn leaves out; [sp, #8]: the same in bytes of code; [sp, #12]: channels left,
 * negative. Output addresses are moved to the end of the channels, from which those left count. */
EC_ASM_FUNCTION static void ec_conv2d_easy_six(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_SAVE_REGISTERS
        "sub    sp, #16                   \n"
        "str    r0, [sp]                  \n"
        "ldr    r1, [r0, #16]             \n"
        "ldr    r2, [r0, #24]             \n"
        "subs   r2, r2, r1                \n"
        "lsrs   r2, r2, #2                \n"
        "movs   r3, #6                    \n"
        "adds   r0, #44                   \n"
        "1: ldr r1, [r0]                  \n"
        "adds   r1, r1, r2                \n"
        "stmia  r0!, {r1}                 \n"
        "subs   r3, #1                    \n"
        "bne    1b                        \n"
        "rsbs   r2, r2, #0                \n"
        "str    r2, [sp, #12]             \n"
        "subs   r0, #68                   \n"
        "ldmia  r0!, {r4, r7}             \n"
        "subs   r6, r4, r7                \n"
        "lsls   r6, r6, #25               \n"
        "lsrs   r6, r6, #29               \n"
        "str    r6, [sp, #4]              \n"
        "movs   r5, #20                   \n"
        "muls   r6, r5                    \n"
        "str    r6, [sp, #8]              \n"
        "mov    r12, r7                   \n"
        "mov    r8, r3                    \n"
        "mov    r9, r3                    \n"
        "mov    r10, r3                   \n"
        "mov    r11, r3                   \n"
        "2: ldmia r4!, {r0-r3}            \n"
        "add    r8, r0                    \n"
        "add    r9, r1                    \n"
        "add    r10, r2                   \n"
        "add    r11, r3                   \n"
        "cmp    r4, r12                   \n"
        "bne    2b                        \n"
        EC_NEXT_START("0", "r8")
        EC_NEXT_START("1", "r9")
        EC_NEXT_START("2", "r10")
        EC_NEXT_START("3", "r11")
        "3: ldr r7, [sp]                  \n" /* the next channel */
        "ldr    r1, [r7, #16]             \n"
        "ldmia  r1!, {r0}                 \n"
        "str    r1, [r7, #16]             \n"
        EC_START_WITH_BIAS
        "ldr    r6, [r7, #4]              \n"
        "mov    r12, r6                   \n"
        "ldmia  r6!, {r0, r3, r4, r5}     \n"
        EC_EASY_START("r8", "r0", "r1")
        EC_EASY_START("r9", "r3", "r2")
        EC_EASY_START("r10", "r4", "r1")
        EC_EASY_START("r11", "r5", "r2")
        "ldr    r4, [r7]                  \n"
        "ldr    r5, [r7, #12]             \n"
        "ldr    r6, [sp, #4]              \n"
        "subs   r5, r5, r6                \n"
        "ldr    r6, [sp, #8]              \n"
        EC_ELEMENTS_FROM(EC_ELEMENT_OF_6)
        "ldr    r7, [sp]                  \n"
        "str    r5, [r7, #12]             \n"
        EC_SPLIT("r8", "r9")
        "ldr    r0, [r7, #20]             \n"
        "ldmia  r0!, {r6}                 \n"
        "str    r0, [r7, #20]             \n"
        "lsls   r5, r6, #21               \n"
        "lsrs   r5, r5, #21               \n"
        "lsrs   r6, r6, #11               \n"
        "ldr    r0, [r7, #68]             \n"
        "mov    r8, r0                    \n"
        "ldr    r0, [r7, #36]             \n"
        "mov    r9, r0                    \n"
        "ldr    r0, [r7, #40]             \n"
        "mov    r12, r0                   \n"
        "ldr    r4, [sp, #12]             \n"
        "adds   r7, #44                   \n"
        "bl     ec_requantize_easy_three  \n"
        EC_SPLIT("r10", "r11")
        "adds   r7, #12                   \n"
        "bl     ec_requantize_easy_three  \n"
        "adds   r4, #1                    \n"
        "str    r4, [sp, #12]             \n"
        "beq    4f                        \n"
        "b      3b                        \n"
        "4: add sp, #16                   \n"
        EC_RESTORE_REGISTERS_AND_RETURN);
}

/* clang-format on */

#endif
