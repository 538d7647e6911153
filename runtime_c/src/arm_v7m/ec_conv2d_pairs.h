/* ec_conv2d_pairs.h - what ec_conv2d_block.h does, two channels at a time: they share the loads of the patch.
 *
 * Weights of two channels are interleaved. Sums are not shifted.
 */
#ifndef EC_CONV2D_PAIRS_H
#define EC_CONV2D_PAIRS_H

#include "ec_thumb2.h"
#include "ec_triple_sums.h"
#include "ec_triples.h"

/* clang-format off */

/* Products of one triple. r0, r1: its words; r2, r3: weights of channels a and b. */
#define EC_PAIR_PRODUCTS(ua, va, ub, vb)          \
    "ldm    r12!, {r0, r1}            \n"         \
    "mla    " ua ", r0, r2, " ua "    \n"         \
    "mla    " va ", r1, r2, " va "    \n"         \
    "mla    " ub ", r0, r3, " ub "    \n"         \
    "mla    " vb ", r1, r3, " vb "    \n"

#define EC_PAIR_WEIGHTS                           \
    "ldrsb  r2, [lr], #1              \n"         \
    "ldrsb  r3, [lr], #1              \n"

#define EC_PAIR_ELEMENT_OF_3                      \
    EC_PAIR_WEIGHTS                               \
    EC_PAIR_PRODUCTS("r4", "r5", "r8", "r9")

#define EC_PAIR_ELEMENT_OF_6                      \
    EC_PAIR_ELEMENT_OF_3                          \
    EC_PAIR_PRODUCTS("r6", "r7", "r10", "r11")

/* The elements from r12 up to r0 = [sp, #4], eight a turn; the first turn takes what is over. */
#define EC_PAIR_ELEMENTS(element, log2_bytes)                                         \
    "sub    r0, r0, r12               \n"                                             \
    "ubfx   r0, r0, " log2_bytes ", #3 \n"                                            \
    "tbh    [pc, r0, lsl #1]          \n"                                             \
    "10: .hword (20f - 10b) / 2, (27f - 10b) / 2, (26f - 10b) / 2, (25f - 10b) / 2 \n" \
    ".hword (24f - 10b) / 2, (23f - 10b) / 2, (22f - 10b) / 2, (21f - 10b) / 2     \n" \
    "20:" element "21:" element "22:" element "23:" element                           \
    "24:" element "25:" element "26:" element "27:" element                           \
    "ldr    r0, [sp, #4]              \n"                                             \
    "cmp    r12, r0                   \n"                                             \
    "bne    20b                       \n"

/* [sp]: block; [sp, #4]: end of the segment; [sp, #8]: patch; [sp, #12]: weights, while r12 and lr serve elsewhere; [sp, #16]: sums of the
 * segments before, of each triple those of channel a, then of channel b. */
#define EC_PAIR_BEGIN                             \
    "push   {r4-r11, lr}              \n"         \
    "sub    sp, #68                   \n"         \
    "str    r0, [sp]                  \n"         \
    "ldr    lr, [r0, #12]             \n"

/* The next pair: r2, r9: bias; r12: patch; r0: its end; r1: segment_bytes. */
#define EC_PAIR_BEGIN_CHANNELS                    \
    "ldr    r3, [sp]                  \n"         \
    "ldr    r1, [r3, #16]             \n"         \
    "ldrd   r2, r9, [r1], #8          \n"         \
    "str    r1, [r3, #16]             \n"         \
    "ldrd   r12, r0, [r3]             \n"         \
    "ldr    r1, [r3, #8]              \n"         \
    "str    r0, [sp, #4]              \n"         \
    "cmp    r1, #0                    \n"         \
    "bne    5f                        \n"         \
    "add    r4, r2, r2, lsl #21       \n"         \
    "add    r5, r2, r2, lsl #11       \n"         \
    "add    r8, r9, r9, lsl #21       \n"

/* The bias of several segments stands with their sums. */
#define EC_PAIR_BEGIN_SUMS(at)                    \
    "strd   r2, r2, [sp, #" at "]     \n"         \
    "strd   r2, r9, [sp, #" at " + 8] \n"         \
    "strd   r9, r9, [sp, #" at " + 16] \n"

/* The next of several segments, from r12. */
#define EC_PAIR_BEGIN_SEGMENT                     \
    "ldr    r3, [sp]                  \n"         \
    "ldrd   r0, r1, [r3, #4]          \n"         \
    "add    r1, r12                   \n"         \
    "cmp    r1, r0                    \n"         \
    "it     lo                        \n"         \
    "movlo  r0, r1                    \n"         \
    "str    r0, [sp, #4]              \n"         \
    "mov    r4, #0                    \n"         \
    "mov    r5, #0                    \n"         \
    "mov    r8, #0                    \n"         \
    "mov    r9, #0                    \n"

/* The sums of a triple: r0, r1, va of channel a, r2, r3, vb of channel b; on to `several` if there are several segments. */
#define EC_PAIR_SPLIT(ua, va, ub, vb, several)    \
    EC_SPLIT(ua, va, "r0", "r1", va)              \
    EC_SPLIT(ub, vb, "r2", "r3", vb)              \
    "ldr    r12, [sp]                 \n"         \
    "ldr    r4, [r12, #8]             \n"         \
    "cmp    r4, #0                    \n"         \
    "bne    " several "               \n"

/* Adds the sums of the segments before; on to `last` if this was the last, else keeps them. */
#define EC_PAIR_ADD_SEGMENTS(at, va, vb, last)    \
    "add    r8, sp, #" at "           \n"         \
    "ldm    r8, {r4, r12, lr}         \n"         \
    "add    r0, r4                    \n"         \
    "add    r1, r12                   \n"         \
    "add    " va ", lr                \n"         \
    "ldrd   r4, r12, [r8, #12]        \n"         \
    "ldr    lr, [r8, #20]             \n"         \
    "add    r2, r4                    \n"         \
    "add    r3, r12                   \n"         \
    "add    " vb ", lr                \n"         \
    "ldr    r12, [sp]                 \n"         \
    "ldr    r4, [sp, #8]              \n"         \
    "ldr    lr, [r12, #4]             \n"         \
    "cmp    r4, lr                    \n"         \
    "beq    " last "                  \n"         \
    "strd   r0, r1, [r8]              \n"         \
    "str    " va ", [r8, #8]          \n"         \
    "strd   r2, r3, [r8, #12]         \n"         \
    "str    " vb ", [r8, #20]         \n"

#define EC_PAIR_REQUANTIZE(sum, multiplier)       \
    EC_RESCALE(sum, multiplier, "lr", "r12")

/* To the outputs whose addresses stand at block + `outputs`. */
#define EC_PAIR_FINISH(outputs, va, vb)           \
    "ldr    r4, [r12, #20]            \n"         \
    "ldr    lr, [r12, #32]            \n"         \
    "ldrd   r4, r8, [r4]              \n"         \
    "lsl    r4, r4, #1                \n"         \
    "lsl    r8, r8, #1                \n"         \
    EC_PAIR_REQUANTIZE("r0", "r4")                \
    EC_PAIR_REQUANTIZE("r1", "r4")                \
    EC_PAIR_REQUANTIZE(va, "r4")                  \
    EC_PAIR_REQUANTIZE("r2", "r8")                \
    EC_PAIR_REQUANTIZE("r3", "r8")                \
    EC_PAIR_REQUANTIZE(vb, "r8")                  \
    "ldr    r12, [sp]                 \n"         \
    "add    r12, #" outputs "         \n"         \
    "ldm    r12, {r4, r8, lr}         \n"         \
    "strb   r0, [r4], #1              \n"         \
    "strb   r2, [r4], #1              \n"         \
    "strb   r1, [r8], #1              \n"         \
    "strb   r3, [r8], #1              \n"         \
    "strb   " va ", [lr], #1          \n"         \
    "strb   " vb ", [lr], #1          \n"         \
    "stm    r12, {r4, r8, lr}         \n"

/* On to "1:" if there are more channels. */
#define EC_PAIR_NEXT_CHANNELS                     \
    "ldr    r3, [sp]                  \n"         \
    "ldr    lr, [sp, #12]             \n"         \
    "ldr    r0, [r3, #20]             \n"         \
    "ldr    r1, [r3, #16]             \n"         \
    "ldr    r2, [r3, #24]             \n"         \
    "add    r0, #8                    \n"         \
    "str    r0, [r3, #20]             \n"         \
    "cmp    r1, r2                    \n"         \
    "bne    1b                        \n"         \
    "str    lr, [r3, #12]             \n"         \
    "add    sp, #68                   \n"         \
    "pop    {r4-r11, pc}              \n"

/* An even number of channels from block->bias to block->bias_end, at six pixels. */
EC_ASM_FUNCTION static void ec_conv2d_pairs_six(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_PAIR_BEGIN
        "1:"
        EC_PAIR_BEGIN_CHANNELS
        "add    r9, r9, r9, lsl #11       \n"
        "mov    r6, r4                    \n"
        "mov    r7, r5                    \n"
        "mov    r10, r8                   \n"
        "mov    r11, r9                   \n"
        "2:"
        EC_PAIR_ELEMENTS(EC_PAIR_ELEMENT_OF_6, "#4")
        "strd   r12, lr, [sp, #8]         \n"
        EC_PAIR_SPLIT("r4", "r5", "r8", "r9", "6f")
        "3:"
        EC_PAIR_FINISH("44", "r5", "r9")
        "4:"
        EC_PAIR_SPLIT("r6", "r7", "r10", "r11", "7f")
        "8:"
        EC_PAIR_FINISH("56", "r7", "r11")
        EC_PAIR_NEXT_CHANNELS
        "5:"
        EC_PAIR_BEGIN_SUMS("16")
        EC_PAIR_BEGIN_SUMS("40")
        "9:"
        EC_PAIR_BEGIN_SEGMENT
        "mov    r6, #0                    \n"
        "mov    r7, #0                    \n"
        "mov    r10, #0                   \n"
        "mov    r11, #0                   \n"
        "b      2b                        \n"
        "6:"
        EC_PAIR_ADD_SEGMENTS("16", "r5", "r9", "3b")
        "b      4b                        \n"
        "7:"
        EC_PAIR_ADD_SEGMENTS("40", "r7", "r11", "8b")
        "ldrd   r12, lr, [sp, #8]         \n"
        "b      9b                        \n");
}

/* The same at three pixels. */
EC_ASM_FUNCTION static void ec_conv2d_pairs_three(ec_triples_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        EC_PAIR_BEGIN
        "1:"
        EC_PAIR_BEGIN_CHANNELS
        "add    r9, r9, r9, lsl #11       \n"
        "2:"
        EC_PAIR_ELEMENTS(EC_PAIR_ELEMENT_OF_3, "#3")
        "strd   r12, lr, [sp, #8]         \n"
        EC_PAIR_SPLIT("r4", "r5", "r8", "r9", "6f")
        "3:"
        EC_PAIR_FINISH("44", "r5", "r9")
        EC_PAIR_NEXT_CHANNELS
        "5:"
        EC_PAIR_BEGIN_SUMS("16")
        "9:"
        EC_PAIR_BEGIN_SEGMENT
        "b      2b                        \n"
        "6:"
        EC_PAIR_ADD_SEGMENTS("16", "r5", "r9", "3b")
        "ldrd   r12, lr, [sp, #8]         \n"
        "b      9b                        \n");
}

/* clang-format on */

#endif
