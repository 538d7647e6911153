/* ec_fully_connected_block.h - the inner loop of the fully connected layer: one row times four outputs at a time.
 *
 * Two outputs share a halfword of the weights: 256 * second + first + 128, so that the low byte needs no sign. SMLAD with the halfwords
 * as they are, minus 256 times the sum of the second alone and 128 times the sum of the row, is the sum of the first; all of it modulo
 * 2^32, so it is exact for any weights.
 */
#ifndef EC_FULLY_CONNECTED_BLOCK_H
#define EC_FULLY_CONNECTED_BLOCK_H

#include <stddef.h>

#include "ec_asm_requantize.h"
#include "ec_dsp.h"

/* Read and advanced by the function below, which knows the offsets in front of each member. */
typedef struct {
    /*  0 */ const int8_t *input;
    /*  4 */ const int8_t *input_end; /* of whole quads */
    /*  8 */ uint32_t entry;          /* ec_fully_connected_entry */
    /* 12 */ const int8_t *weights;
    /* 16 */ const int8_t *weights_end;
    /* 20 */ int32_t zero_point;
    /* 24 */ uint32_t rare;  /* ec_rare */
    /* 28 */ uint32_t above; /* 127 - clamp_max */
    /* 32 */ uint32_t span;  /* 255 - (clamp_max - clamp_min) */
    /* 36 */ int32_t low;    /* clamp_min */
    /* 40 */ int8_t *output;
    /* 44 */ const uint32_t *rest; /* the last inputs and zeros, where they are no whole quad, or NULL */
    /* 48 */ uint32_t correction;  /* 128 * sum of the row */
} ec_fully_connected_block;
_Static_assert(offsetof(ec_fully_connected_block, correction) == 48, "the assembly counts on these offsets");

/* Where the loop over the quads is entered, so that the rest takes whole turns of four. */
static inline uint32_t ec_fully_connected_entry(uint32_t quads) { return quads == 0 ? 4u : (quads & 3u); }

/* clang-format off */

/* r0, r1: inputs; r8 and r10: sums of the halfwords; r9 and r11: of the second outputs. */
#define ADD_WORD(word, input, both, second)  \
    "sxtb16 r2, " word ", ror #8         \n" \
    "smlad  " both ", " word ", " input ", " both " \n" \
    "smlad  " second ", r2, " input ", " second "   \n"

#define ADD_QUAD                             \
    "ldr    r0, [r3], #4                 \n" \
    "ldm    r12!, {r4-r7}                \n" \
    "sxtb16 r1, r0, ror #8               \n" \
    "sxtb16 r0, r0                       \n" \
    ADD_WORD("r4", "r0", "r8", "r9")         \
    ADD_WORD("r5", "r0", "r10", "r11")       \
    ADD_WORD("r6", "r1", "r8", "r9")         \
    ADD_WORD("r7", "r1", "r10", "r11")

/* Four outputs or a multiple, from block->weights to block->weights_end. */
EC_ASM_FUNCTION static void ec_fully_connected_fours(ec_fully_connected_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r0, r4-r11, lr}             \n" /* [sp]: block */
        "mov    lr, r0                       \n"
        "ldr    r12, [lr, #12]               \n"
        "1: ldr r1, [lr, #48]                \n"
        "ldm    r12!, {r8-r11}               \n" /* the next four outputs: what their sums begin with */
        "sub    r8, r8, r1                   \n"
        "sub    r10, r10, r1                 \n"
        "ldrd   r0, r2, [lr, #4]             \n"
        "ldr    r3, [lr]                     \n"
        "mov    lr, r0                       \n"
        "tbh    [pc, r2, lsl #1]             \n"
        "2: .hword (10f - 2b) / 2, (11f - 2b) / 2, (12f - 2b) / 2, (13f - 2b) / 2, (3f - 2b) / 2 \n"
        "10:" ADD_QUAD
        "13:" ADD_QUAD
        "12:" ADD_QUAD
        "11:" ADD_QUAD
        "cmp    r3, lr                       \n"
        "bne    10b                          \n"
        "3: ldr lr, [sp]                     \n"
        "ldr    r0, [lr, #44]                \n"
        "cbz    r0, 4f                       \n"
        "adds   r1, r0, #4                   \n"
        "cmp    r3, r1                       \n"
        "beq    4f                           \n" /* the rest has been added */
        "mov    r3, r0                       \n"
        "mov    lr, r1                       \n"
        "b      11b                          \n"
        "4: sub r8, r8, r9, lsl #8           \n"
        "sub    r10, r10, r11, lsl #8        \n"
        "ldm    r12!, {r4-r7}                \n" /* twice the multipliers */
        "ldrd   r0, r1, [lr, #20]            \n"
        "cbnz   r1, 6f                       \n"
        EC_ASM_REQUANTIZE("r8", "r4")
        EC_ASM_REQUANTIZE("r9", "r5")
        EC_ASM_REQUANTIZE("r10", "r6")
        EC_ASM_REQUANTIZE("r11", "r7")
        "5: ldr r0, [lr, #40]                \n"
        "strb   r8, [r0], #1                 \n"
        "strb   r9, [r0], #1                 \n"
        "strb   r10, [r0], #1                \n"
        "strb   r11, [r0], #1                \n"
        "str    r0, [lr, #40]                \n"
        "ldr    r0, [lr, #16]                \n"
        "cmp    r12, r0                      \n"
        "bne    1b                           \n"
        "str    r12, [lr, #12]               \n"
        "pop    {r0, r4-r11, pc}             \n"
        "6: add r0, #128                     \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r8", "r4")
        EC_ASM_SHIFT_AND_MULTIPLY("r9", "r5")
        EC_ASM_SHIFT_AND_MULTIPLY("r10", "r6")
        EC_ASM_SHIFT_AND_MULTIPLY("r11", "r7")
        "ldrd   r0, r1, [lr, #28]            \n"
        "ldr    r2, [lr, #36]                \n"
        EC_ASM_CLAMP("r8")
        EC_ASM_CLAMP("r9")
        EC_ASM_CLAMP("r10")
        EC_ASM_CLAMP("r11")
        "b      5b                           \n");
}

/* clang-format on */

#endif
