/* ec_conv2d_block.h - the inner loops of the convolution: all channels of a group, at six or three pixels.
 *
 * Six pixels are two triples (ec_triples.h): for each element the patch has four words, u and v of the first triple and of the second.
 * An element costs one load of its weight, one of the four words and four multiplications, for six products.
 */
#ifndef EC_CONV2D_BLOCK_H
#define EC_CONV2D_BLOCK_H

#include <stdint.h>

#include "ec_thumb2.h"
#include "ec_triple_sums.h"
#include "ec_triples.h"

/* clang-format off */

/* Merging: r3-r8: vectors; r9-r12: u, v of both triples. */
#define EC_MERGE(a, b, c, u, v)           \
    "ldrsb  lr, [" c "], #1           \n" \
    "ldrsb  " u ", [" a "], #1        \n" \
    "ldrsb  " v ", [" b "], #1        \n" \
    "add    " u ", " u ", lr, lsl #21 \n" \
    "add    " v ", " v ", lr, lsl #11 \n"

/* `ec_merge` of six vectors. */
EC_ASM_FUNCTION static uint32_t *ec_merge_six(const int8_t *const *from EC_ASM_PARAMETER, uint32_t count EC_ASM_PARAMETER,
                                              uint32_t *to EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}              \n"
        "ldm    r0, {r3-r8}               \n"
        "1:"
        EC_MERGE("r3", "r4", "r5", "r9", "r10")
        EC_MERGE("r6", "r7", "r8", "r11", "r12")
        "stm    r2!, {r9-r12}             \n"
        "subs   r1, #1                    \n"
        "bne    1b                        \n"
        "mov    r0, r2                    \n"
        "pop    {r4-r11, pc}              \n");
}

/* `ec_merge` of three vectors. */
EC_ASM_FUNCTION static uint32_t *ec_merge_three(const int8_t *const *from EC_ASM_PARAMETER, uint32_t count EC_ASM_PARAMETER,
                                                uint32_t *to EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4, r5, r6, lr}          \n"
        "ldm    r0, {r3-r5}               \n"
        "1:"
        EC_MERGE("r3", "r4", "r5", "r6", "r12")
        "strd   r6, r12, [r2], #8         \n"
        "subs   r1, #1                    \n"
        "bne    1b                        \n"
        "mov    r0, r2                    \n"
        "pop    {r4, r5, r6, pc}          \n");
}

/* One element. r0-r3: words of the patch; r4: patch; r5: weights; r8-r11: accumulators U, V of both triples. */
#define EC_ELEMENT_OF_6                   \
    "ldrsb  r6, [r5], #1              \n" \
    "ldm    r4!, {r0-r3}              \n" \
    "mla    r8, r0, r6, r8            \n" \
    "mla    r9, r1, r6, r9            \n" \
    "mla    r10, r2, r6, r10          \n" \
    "mla    r11, r3, r6, r11          \n"

#define EC_ELEMENT_OF_3                   \
    "ldrsb  r6, [r5], #1              \n" \
    "ldm    r4!, {r0, r1}             \n" \
    "mla    r8, r0, r6, r8            \n" \
    "mla    r9, r1, r6, r9            \n"

/* The elements up to r12, eight a turn; the first turn takes what is over. */
#define EC_ELEMENTS(element, log2_bytes)                                              \
    "sub    r6, r12, r4               \n"                                             \
    "ubfx   r6, r6, " log2_bytes ", #3 \n"                                            \
    "tbb    [pc, r6]                  \n"                                             \
    "10: .byte (20f - 10b) / 2, (27f - 10b) / 2, (26f - 10b) / 2, (25f - 10b) / 2 \n" \
    ".byte (24f - 10b) / 2, (23f - 10b) / 2, (22f - 10b) / 2, (21f - 10b) / 2     \n" \
    "20:" element "21:" element "22:" element "23:" element                           \
    "24:" element "25:" element "26:" element "27:" element                           \
    "cmp    r4, r12                   \n"                                             \
    "bne    20b                       \n"

/* Adds the sums of the segments before. */
#define EC_ADD_SEGMENTS(at, a, b, c)      \
    "ldr    r9, [sp, #" at "]         \n" \
    "ldr    r10, [sp, #" at " + 4]    \n" \
    "ldr    r11, [sp, #" at " + 8]    \n" \
    "add    " a ", " a ", r9          \n" \
    "add    " b ", " b ", r10         \n" \
    "add    " c ", " c ", r11         \n"

/* Saves registers; r7: block, r5: weights. */
#define EC_BEGIN                          \
    "push   {r4-r11, lr}              \n" \
    "sub    sp, #28                   \n" \
    "mov    r7, r0                    \n" \
    "ldr    r5, [r7, #12]             \n"

/* The next channel: r0: bias; r3: segment_bytes; r4: patch; r12: its end; lr: twice the multiplier. */
#define EC_BEGIN_CHANNEL                  \
    "ldrd   r1, r2, [r7, #16]         \n" \
    "ldr    r0, [r1], #4              \n" \
    "ldr    lr, [r2], #4              \n" \
    "strd   r1, r2, [r7, #16]         \n" \
    "ldm    r7, {r4, r12}             \n" \
    "ldr    r3, [r7, #8]              \n" \
    "lsl    lr, lr, #1                \n"

/* The bias in every sum of u and v. */
#define EC_BEGIN_SUMS(u, v)               \
    "add    " u ", r0, r0, lsl #21    \n" \
    "add    " v ", r0, r0, lsl #11    \n"

/* The next of several segments ends at r12. */
#define EC_BEGIN_SEGMENT                  \
    "ldrd   r6, r12, [r7, #4]         \n" \
    "add    r12, r12, r4              \n" \
    "cmp    r12, r6                   \n" \
    "it     hi                        \n" \
    "movhi  r12, r6                   \n" \
    "mov    r8, #0                    \n" \
    "mov    r9, #0                    \n"

#define EC_NEXT_CHANNEL                   \
    "ldr    r0, [r7, #16]             \n" \
    "ldr    r1, [r7, #24]             \n" \
    "cmp    r0, r1                    \n" \
    "bne    1b                        \n" \
    "str    r5, [r7, #12]             \n" \
    "add    sp, #28                   \n" \
    "pop    {r4-r11, pc}              \n"

/* Channels from block->bias to block->bias_end, at six pixels. */
EC_ASM_FUNCTION static void ec_conv2d_six(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_BEGIN
        "1:"
        EC_BEGIN_CHANNEL
        "cmp    r3, #0                    \n"
        "bne    4f                        \n"
        EC_BEGIN_SUMS("r8", "r9")
        EC_BEGIN_SUMS("r10", "r11")
        "2:"
        EC_ELEMENTS(EC_ELEMENT_OF_6, "#4")
        EC_SPLIT("r8", "r9", "r0", "r1", "r2")
        EC_SPLIT("r10", "r11", "r3", "r6", "r8")
        "ldr    r9, [r7, #8]              \n"
        "cmp    r9, #0                    \n"
        "bne    6f                        \n"
        "3: ldr r4, [r7, #28]             \n"
        "ldr    r9, [r7, #32]             \n"
        "cmp    r4, #0                    \n"
        "bne    7f                        \n"
        "8:"
        EC_REQUANTIZE("r0", "r12")
        EC_REQUANTIZE("r1", "r12")
        EC_REQUANTIZE("r2", "r12")
        EC_REQUANTIZE("r3", "r12")
        EC_REQUANTIZE("r6", "r12")
        EC_REQUANTIZE("r8", "r12")
        "add    r4, r7, #44               \n"
        "ldm    r4, {r4, r9-r12, lr}      \n"
        "strb   r8, [lr], #1              \n"
        "strb   r6, [r12], #1             \n"
        "strb   r3, [r11], #1             \n"
        "strb   r2, [r10], #1             \n"
        "strb   r1, [r9], #1              \n"
        "strb   r0, [r4], #1              \n"
        "add    r0, r7, #44               \n"
        "stm    r0, {r4, r9-r12, lr}      \n"
        EC_NEXT_CHANNEL
        "7:"
        EC_SHIFT("r0", "r4")
        EC_SHIFT("r1", "r4")
        EC_SHIFT("r2", "r4")
        EC_SHIFT("r3", "r4")
        EC_SHIFT("r6", "r4")
        EC_SHIFT("r8", "r4")
        "b      8b                        \n"
        "4: strd r0, r0, [sp]             \n"
        "strd   r0, r0, [sp, #8]          \n"
        "strd   r0, r0, [sp, #16]         \n"
        "5:"
        EC_BEGIN_SEGMENT
        "mov    r10, #0                   \n"
        "mov    r11, #0                   \n"
        "b      2b                        \n"
        "6:"
        EC_ADD_SEGMENTS("0", "r0", "r1", "r2")
        EC_ADD_SEGMENTS("12", "r3", "r6", "r8")
        "ldr    r9, [r7, #4]              \n"
        "cmp    r4, r9                    \n"
        "beq    3b                        \n"
        "stm    sp, {r0-r3, r6, r8}       \n"
        "b      5b                        \n");
}

/* The same at three pixels, whose patch has two words for each element. */
EC_ASM_FUNCTION static void ec_conv2d_three(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_BEGIN
        "1:"
        EC_BEGIN_CHANNEL
        "cmp    r3, #0                    \n"
        "bne    4f                        \n"
        EC_BEGIN_SUMS("r8", "r9")
        "2:"
        EC_ELEMENTS(EC_ELEMENT_OF_3, "#3")
        EC_SPLIT("r8", "r9", "r0", "r1", "r2")
        "ldr    r9, [r7, #8]              \n"
        "cmp    r9, #0                    \n"
        "bne    6f                        \n"
        "3: ldr r4, [r7, #28]             \n"
        "ldr    r9, [r7, #32]             \n"
        "cmp    r4, #0                    \n"
        "bne    7f                        \n"
        "8:"
        EC_REQUANTIZE("r0", "r12")
        EC_REQUANTIZE("r1", "r12")
        EC_REQUANTIZE("r2", "r12")
        "add    r4, r7, #44               \n"
        "ldm    r4, {r4, r9, r10}         \n"
        "strb   r2, [r10], #1             \n"
        "strb   r1, [r9], #1              \n"
        "strb   r0, [r4], #1              \n"
        "add    r0, r7, #44               \n"
        "stm    r0, {r4, r9, r10}         \n"
        EC_NEXT_CHANNEL
        "7:"
        EC_SHIFT("r0", "r4")
        EC_SHIFT("r1", "r4")
        EC_SHIFT("r2", "r4")
        "b      8b                        \n"
        "4: strd r0, r0, [sp]             \n"
        "str    r0, [sp, #8]              \n"
        "5:"
        EC_BEGIN_SEGMENT
        "b      2b                        \n"
        "6:"
        EC_ADD_SEGMENTS("0", "r0", "r1", "r2")
        "ldr    r9, [r7, #4]              \n"
        "cmp    r4, r9                    \n"
        "beq    3b                        \n"
        "stm    sp, {r0-r2}               \n"
        "b      5b                        \n");
}

/* clang-format on */

#endif
