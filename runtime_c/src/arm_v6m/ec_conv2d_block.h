/* ec_conv2d_block.h - the inner loops of the convolution: all channels of a group, at six or three pixels.
 *
 * For each element the patch has four words, u and v of two triples (ec_triples.h). Weights are plus 128, as only loads without a sign
 * take an offset; what this adds to an accumulator, 128 times the sum of its words, is the same for all channels of a block, and
 * accumulators start without it.
 */
#ifndef EC_CONV2D_BLOCK_H
#define EC_CONV2D_BLOCK_H

#include <stdint.h>

#include "ec_requantize_three.h"
#include "ec_thumb.h"
#include "ec_triples.h"

#define EC_SEGMENT_WORDS 4U

/* clang-format off */

/* One element of three vectors: r0, r1, r2 + r3: their ends; r4: patch; r3: elements left, negative. */
#define EC_MERGE                          \
    "ldrsb  r6, [r2, r3]              \n" \
    "ldrsb  r5, [r0, r3]              \n" \
    "lsls   r7, r6, #21               \n" \
    "adds   r5, r5, r7                \n" \
    "lsls   r6, r6, #11               \n" \
    "ldrsb  r7, [r1, r3]              \n" \
    "adds   r6, r6, r7                \n" \
    "stmia  r4!, {r5, r6}             \n"

#define EC_BEGIN_MERGE                    \
    "ldmia  r0!, {r5, r6, r7}         \n" \
    "mov    r12, r0                   \n" \
    "adds   r0, r5, r1                \n" \
    "rsbs   r3, r1, #0                \n" \
    "mov    lr, r1                    \n" \
    "adds   r2, r7, r1                \n" \
    "adds   r1, r6, r1                \n"

/* `ec_merge` of three vectors. */
EC_ASM_FUNCTION static uint32_t *ec_merge_three(const int8_t *const *from EC_ASM_PARAMETER, uint32_t count EC_ASM_PARAMETER,
                                                uint32_t *to EC_ASM_PARAMETER) {
    __asm__ volatile(
        ".syntax unified                  \n"
        "push   {r4-r7, lr}               \n"
        "mov    r4, r2                    \n"
        EC_BEGIN_MERGE
        "1:"
        EC_MERGE
        "adds   r3, #1                    \n"
        "bne    1b                        \n"
        "mov    r0, r4                    \n"
        "pop    {r4-r7, pc}               \n");
}

/* `ec_merge` of six vectors. */
EC_ASM_FUNCTION static uint32_t *ec_merge_six(const int8_t *const *from EC_ASM_PARAMETER, uint32_t count EC_ASM_PARAMETER,
                                              uint32_t *to EC_ASM_PARAMETER) {
    __asm__ volatile(
        ".syntax unified                  \n"
        "push   {r2, r4-r7, lr}           \n"
        "mov    r4, r2                    \n"
        EC_BEGIN_MERGE
        "1:"
        EC_MERGE
        "adds   r4, #8                    \n"
        "adds   r3, #1                    \n"
        "bne    1b                        \n"
        "pop    {r4}                      \n"
        "mov    r0, r12                   \n"
        "mov    r1, lr                    \n"
        "adds   r4, #8                    \n"
        EC_BEGIN_MERGE
        "2:"
        EC_MERGE
        "adds   r4, #8                    \n"
        "adds   r3, #1                    \n"
        "bne    2b                        \n"
        "subs   r4, #8                    \n"
        "mov    r0, r4                    \n"
        "pop    {r4-r7, pc}               \n");
}

/* One element. r0-r3: words of the patch; r4: patch; r5 + i: its weight; r8-r11: accumulators U, V of both triples. */
#define EC_ELEMENT_OF_6(i)                \
    "ldrb   r6, [r5, #" i "]          \n" \
    "ldmia  r4!, {r0-r3}              \n" \
    "muls   r0, r6                    \n" \
    "add    r8, r0                    \n" \
    "muls   r1, r6                    \n" \
    "add    r9, r1                    \n" \
    "muls   r2, r6                    \n" \
    "add    r10, r2                   \n" \
    "muls   r3, r6                    \n" \
    "add    r11, r3                   \n"

#define EC_ELEMENT_OF_3(i)                \
    "ldrb   r6, [r5, #" i "]          \n" \
    "ldmia  r4!, {r0, r1}             \n" \
    "muls   r0, r6                    \n" \
    "add    r8, r0                    \n" \
    "muls   r1, r6                    \n" \
    "add    r9, r1                    \n"

/* The elements up to r12, eight a turn; the first turn leaves out r6 bytes of code. */
#define EC_ELEMENTS_FROM(element)                                    \
    "add    pc, r6                    \n"                            \
    "nop                              \n"                            \
    "8:" element("0") element("1") element("2") element("3")         \
    element("4") element("5") element("6") element("7")              \
    "adds   r5, #8                    \n"                            \
    "cmp    r4, r12                   \n"                            \
    "bne    8b                        \n"

/* The same; the first turn takes what is over, and so starts some weights before. */
#define EC_ELEMENTS(element, log2_patch_bytes, code_bytes)           \
    "mov    r6, r12                   \n"                            \
    "subs   r6, r4, r6                \n"                            \
    "lsls   r6, r6, #29 - " log2_patch_bytes " \n"                   \
    "lsrs   r6, r6, #29               \n"                            \
    "subs   r5, r5, r6                \n"                            \
    "movs   r0, #" code_bytes "       \n"                            \
    "muls   r6, r0                    \n"                            \
    EC_ELEMENTS_FROM(element)

/* Adds the sums r1-r3 to those of the segments before, at sp + `at`. */
#define EC_ADD_TO_SEGMENTS(at)            \
    "add    r7, sp, #" at "           \n" \
    "ldmia  r7!, {r0, r5, r6}         \n" \
    "adds   r1, r1, r0                \n" \
    "adds   r2, r2, r5                \n" \
    "adds   r3, r3, r6                \n" \
    "subs   r7, #12                   \n" \
    "stmia  r7!, {r1, r2, r3}         \n"

/* [sp]: channel; [sp, #4]: block; [sp, #8]: where the segment's starts stand; [sp, #12]: sums of the segments before.
 * First, for each segment, minus 128 times the sum of its words, behind the patch. */
#define EC_BEGIN                          \
    EC_SAVE_REGISTERS                     \
    "sub    sp, #36                   \n" \
    "str    r0, [sp, #4]              \n" \
    "ldmia  r0!, {r4, r5, r6}         \n" \
    "movs   r7, #0                    \n" \
    "str    r7, [sp]                  \n" \
    "mov    lr, r5                    \n" \
    "mov    r7, r5                    \n" \
    "mov    r12, r5                   \n" \
    "cmp    r6, #0                    \n" \
    "beq    2f                        \n" \
    "1: adds r6, r4, r6               \n" \
    "mov    r12, r6                   \n" \
    "cmp    r6, lr                    \n" \
    "bls    2f                        \n" \
    "mov    r12, lr                   \n" \
    "2: movs r6, #0                   \n" \
    "mov    r8, r6                    \n" \
    "mov    r9, r6                    \n" \
    "mov    r10, r6                   \n" \
    "mov    r11, r6                   \n"

#define EC_NEXT_START(word, sum)          \
    "mov    r0, " sum "               \n" \
    "lsls   r0, r0, #7                \n" \
    "rsbs   r0, r0, #0                \n" \
    "str    r0, [r7, #4 * " word "]   \n"

#define EC_NEXT_SEGMENT_START             \
    "adds   r7, #16                   \n" \
    "ldr    r6, [sp, #4]              \n" \
    "ldr    r6, [r6, #8]              \n" \
    "cmp    r4, lr                    \n" \
    "bne    1b                        \n"

/* The next channel: r0: bias; r4: patch; r7: start of the segment; r6: segment_bytes; r12: end of the patch. */
#define EC_BEGIN_CHANNEL                  \
    "ldr    r1, [sp, #4]              \n" \
    "ldmia  r1!, {r4, r6}             \n" \
    "mov    r12, r6                   \n" \
    "mov    r7, r6                    \n" \
    "ldmia  r1!, {r6}                 \n" \
    "ldmia  r1!, {r5}                 \n" \
    "ldr    r2, [r1]                  \n" \
    "ldmia  r2!, {r0}                 \n" \
    "str    r2, [r1]                  \n"

/* Start of the segment, and the bias in every sum of u or v. */
#define EC_START(sum, word, lanes)        \
    "ldr    r3, [r7, #4 * " word "]   \n" \
    "adds   r3, r3, " lanes "         \n" \
    "mov    " sum ", r3               \n"

#define EC_START_WITH_BIAS                \
    "lsls   r1, r0, #21               \n" \
    "adds   r1, r1, r0                \n" \
    "lsls   r2, r0, #11               \n" \
    "adds   r2, r2, r0                \n"

/* What ec_requantize_three wants: r7: block, until the caller moves it to the outputs. */
#define EC_BEGIN_REQUANTIZE               \
    "ldr    r0, [r7, #20]             \n" \
    "ldmia  r0!, {r6}                 \n" \
    "str    r0, [r7, #20]             \n" \
    "uxth   r5, r6                    \n" \
    "lsrs   r6, r6, #16               \n" \
    "ldr    r0, [r7, #32]             \n" \
    "mov    r8, r0                    \n" \
    "ldr    r0, [r7, #36]             \n" \
    "mov    r9, r0                    \n" \
    "ldr    r0, [r7, #40]             \n" \
    "mov    r12, r0                   \n"

/* Sums r1-r3 shifted, which is hardly ever needed, requantized and stored. */
#define EC_FINISH_THREE(outputs)          \
    "ldr    r4, [r7, #28]             \n" \
    "lsls   r1, r4                    \n" \
    "lsls   r2, r4                    \n" \
    "lsls   r3, r4                    \n" \
    "adds   r7, #" outputs "          \n" \
    "bl     ec_requantize_three       \n"

#define EC_NEXT_CHANNEL                   \
    "ldr    r0, [sp]                  \n" \
    "adds   r0, #1                    \n" \
    "str    r0, [sp]                  \n" \
    "ldr    r1, [sp, #4]              \n" \
    "ldr    r2, [r1, #16]             \n" \
    "ldr    r3, [r1, #24]             \n" \
    "cmp    r2, r3                    \n" \
    "beq    7f                        \n"

/* Moves the outputs over the channels that were computed. */
#define EC_END(pixels)                    \
    "7: adds r1, #44                  \n" \
    "movs   r3, #" pixels "           \n" \
    "8: ldr r2, [r1]                  \n" \
    "adds   r2, r2, r0                \n" \
    "stmia  r1!, {r2}                 \n" \
    "subs   r3, #1                    \n" \
    "bne    8b                        \n" \
    "add    sp, #36                   \n" \
    EC_RESTORE_REGISTERS_AND_RETURN

/* The next of several segments: it ends at r12, its starts are at r7. */
#define EC_BEGIN_SEGMENT                  \
    "ldr    r1, [sp, #4]              \n" \
    "ldr    r0, [r1, #4]              \n" \
    "ldr    r6, [r1, #8]              \n" \
    "adds   r6, r6, r4                \n" \
    "cmp    r6, r0                    \n" \
    "bls    2f                        \n" \
    "mov    r6, r0                    \n" \
    "2: mov r12, r6                   \n" \
    "ldmia  r7!, {r0-r3}              \n" \
    "str    r7, [sp, #8]              \n" \
    "mov    r8, r0                    \n" \
    "mov    r9, r1                    \n"

/* After a segment: on to "1:" unless it was the last. */
#define EC_NEXT_SEGMENT                   \
    "ldr    r1, [sp, #4]              \n" \
    "ldr    r0, [r1, #4]              \n" \
    "ldr    r5, [r1, #12]             \n" \
    "ldr    r7, [sp, #8]              \n" \
    "cmp    r4, r0                    \n" \
    "beq    2f                        \n" \
    "b      1b                        \n" \
    "2:"

/* Channels from block->bias to block->bias_end, at six pixels. */
EC_ASM_FUNCTION static void ec_conv2d_six(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_BEGIN
        "3: ldmia r4!, {r0-r3}            \n"
        "add    r8, r0                    \n"
        "add    r9, r1                    \n"
        "add    r10, r2                   \n"
        "add    r11, r3                   \n"
        "cmp    r4, r12                   \n"
        "bne    3b                        \n"
        EC_NEXT_START("0", "r8")
        EC_NEXT_START("1", "r9")
        EC_NEXT_START("2", "r10")
        EC_NEXT_START("3", "r11")
        EC_NEXT_SEGMENT_START
        "4:"
        EC_BEGIN_CHANNEL
        "cmp    r6, #0                    \n"
        "bne    6f                        \n"
        EC_START_WITH_BIAS
        EC_START("r8", "0", "r1")
        EC_START("r9", "1", "r2")
        EC_START("r10", "2", "r1")
        EC_START("r11", "3", "r2")
        "b      5f                        \n"
        "6: add r1, sp, #12               \n"
        "mov    r2, r0                    \n"
        "mov    r3, r0                    \n"
        "stmia  r1!, {r0, r2, r3}         \n"
        "stmia  r1!, {r0, r2, r3}         \n"
        "1:"
        EC_BEGIN_SEGMENT
        "mov    r10, r2                   \n"
        "mov    r11, r3                   \n"
        "5:"
        EC_ELEMENTS(EC_ELEMENT_OF_6, "4", "20")
        EC_SPLIT("r8", "r9")
        "ldr    r7, [sp, #4]              \n"
        "str    r5, [r7, #12]             \n"
        "ldr    r0, [r7, #8]              \n"
        "cmp    r0, #0                    \n"
        "bne    6f                        \n"
        EC_BEGIN_REQUANTIZE
        EC_FINISH_THREE("44")
        EC_SPLIT("r10", "r11")
        "5: subs r7, #44                  \n"
        EC_FINISH_THREE("56")
        EC_NEXT_CHANNEL
        "b      4b                        \n"
        EC_END("6")
        "6:"
        EC_ADD_TO_SEGMENTS("12")
        EC_SPLIT("r10", "r11")
        EC_ADD_TO_SEGMENTS("24")
        EC_NEXT_SEGMENT
        "add    r0, sp, #12               \n"
        "ldmia  r0!, {r1, r2, r3}         \n"
        "ldr    r7, [sp, #4]              \n"
        EC_BEGIN_REQUANTIZE
        EC_FINISH_THREE("44")
        "add    r0, sp, #24               \n"
        "ldmia  r0!, {r1, r2, r3}         \n"
        "b      5b                        \n");
}

/* The same at three pixels, whose patch has two words for each element. */
EC_ASM_FUNCTION static void ec_conv2d_three(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_BEGIN
        "3: ldmia r4!, {r0, r1}           \n"
        "add    r8, r0                    \n"
        "add    r9, r1                    \n"
        "cmp    r4, r12                   \n"
        "bne    3b                        \n"
        EC_NEXT_START("0", "r8")
        EC_NEXT_START("1", "r9")
        EC_NEXT_SEGMENT_START
        "4:"
        EC_BEGIN_CHANNEL
        "cmp    r6, #0                    \n"
        "bne    6f                        \n"
        EC_START_WITH_BIAS
        EC_START("r8", "0", "r1")
        EC_START("r9", "1", "r2")
        "b      5f                        \n"
        "6: add r1, sp, #12               \n"
        "mov    r2, r0                    \n"
        "mov    r3, r0                    \n"
        "stmia  r1!, {r0, r2, r3}         \n"
        "1:"
        EC_BEGIN_SEGMENT
        "5:"
        EC_ELEMENTS(EC_ELEMENT_OF_3, "3", "12")
        EC_SPLIT("r8", "r9")
        "ldr    r7, [sp, #4]              \n"
        "str    r5, [r7, #12]             \n"
        "ldr    r0, [r7, #8]              \n"
        "cmp    r0, #0                    \n"
        "bne    6f                        \n"
        "9:"
        EC_BEGIN_REQUANTIZE
        EC_FINISH_THREE("44")
        EC_NEXT_CHANNEL
        "b      4b                        \n"
        EC_END("3")
        "6:"
        EC_ADD_TO_SEGMENTS("12")
        EC_NEXT_SEGMENT
        "ldr    r7, [sp, #4]              \n"
        "add    r0, sp, #12               \n"
        "ldmia  r0!, {r1, r2, r3}         \n"
        "b      9b                        \n");
}

/* clang-format on */

#endif
