/* ec_zero_input_blocks.h - listed inputs, two by two, times the weights of blocks of eight output channels.
 *
 * Weights of an input are two words a block. A halfword of two such inputs, brought together, is 256 * second channel + first, so SMLAD
 * makes the products of both inputs for 256 * second + first; widened, for the first alone. The second is what lies between the sums.
 */
#ifndef EC_ZERO_INPUT_BLOCKS_H
#define EC_ZERO_INPUT_BLOCKS_H

#include "ec_asm_requantize.h"
#include "ec_zero_input_pairs.h"

#define EC_BLOCK_CHANNELS 8u
#define EC_BLOCKS_OF_PAIRS 8u         /* that one list of pairs is good for: each has a loop of its own, with its offset in it */
#define EC_BLOCK_CONSTANTS (16u * 4u) /* bytes: biases of the first of each two channels, of the second, then twice all multipliers */

/* Read and advanced by ec_zero_input_blocks, which knows the offsets in front of each member. */
typedef struct {
    /*  0 */ const ec_input_pair *pairs; /* whole turns, one at least, and EC_NO_WEIGHTS behind */
    /*  4 */ const int8_t *constants;    /* of the next block */
    /*  8 */ int8_t *output;             /* of the next block */
    /* 12 */ uint32_t block;             /* the next one */
    /* 16 */ uint32_t blocks;
    /* 20 */ int32_t zero_point;
    /* 24 */ uint32_t rare;  /* ec_rare */
    /* 28 */ uint32_t above; /* 127 - clamp_max */
    /* 32 */ uint32_t span;  /* 255 - (clamp_max - clamp_min) */
    /* 36 */ int32_t low;    /* clamp_min */
} ec_zero_input_block;
_Static_assert(offsetof(ec_zero_input_block, low) == 36, "the assembly counts on these offsets");

/* clang-format off */

/* A word of four channels of each of two inputs, `a` and `b`, times their values in r2: sums of the first, of 256 * second + first, and so on. */
#define FOUR_CHANNELS(a, b, between, s0, s1, s2, s3)               \
    "pkhbt  r12, " a ", " b ", lsl #16                         \n" \
    "pkhtb  " a ", " b ", " a ", asr #16                       \n" \
    between                                                        \
    "smlad  " s1 ", r12, r2, " s1 "                            \n" \
    "sxtb16 r12, r12                                           \n" \
    "smlad  " s3 ", " a ", r2, " s3 "                          \n" \
    "sxtb16 " a ", " a "                                       \n" \
    "smlad  " s0 ", r12, r2, " s0 "                            \n" \
    "smlad  " s2 ", " a ", r2, " s2 "                          \n"

#define PAIR_OF_INPUTS(offset)                                     \
    "ldrd   r0, r1, [r1, #" offset "]                          \n" \
    "ldrd   r2, r3, [r3, #" offset "]                          \n" \
    FOUR_CHANNELS("r0", "r2", "ldr r2, [lr], #12               \n", "r4", "r5", "r6", "r7") \
    FOUR_CHANNELS("r1", "r3", "", "r8", "r9", "r10", "r11")        \
    "ldrd   r1, r3, [lr, #4]                                   \n"

#define BLOCK_LOOP(label, offset)                                  \
    label ":" PAIR_OF_INPUTS(offset) PAIR_OF_INPUTS(offset)        \
    "cmp    r1, #0                                             \n" \
    "bne    " label "b                                         \n"

#define SECOND_OF_TWO(second, first, bias)                         \
    "sub    " second ", " second ", " first "                  \n" \
    "add    " second ", " bias ", " second ", asr #8           \n"

/* The blocks from block->block to block->blocks, for one pixel. */
EC_ASM_FUNCTION static void ec_zero_input_blocks(ec_zero_input_block *block EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r0, r4-r11, lr}            \n" /* [sp]: block */
        "mov    lr, r0                      \n"
        "1: ldr r12, [lr, #4]               \n"
        "ldm    r12!, {r4, r6, r8, r10}     \n"
        "str    r12, [lr, #4]               \n"
        "mov    r5, r4                      \n"
        "mov    r7, r6                      \n"
        "mov    r9, r8                      \n"
        "mov    r11, r10                    \n"
        "ldr    r0, [lr, #12]               \n"
        "ldr    lr, [lr]                    \n"
        "ldrd   r1, r3, [lr, #4]            \n"
        "tbh    [pc, r0, lsl #1]            \n"
        "2: .hword (10f - 2b) / 2, (11f - 2b) / 2, (12f - 2b) / 2, (13f - 2b) / 2 \n"
        ".hword (14f - 2b) / 2, (15f - 2b) / 2, (16f - 2b) / 2, (17f - 2b) / 2    \n"
        BLOCK_LOOP("10", "0")  "b 3f        \n"
        BLOCK_LOOP("11", "8")  "b 3f        \n"
        BLOCK_LOOP("12", "16") "b 3f        \n"
        BLOCK_LOOP("13", "24") "b 3f        \n"
        BLOCK_LOOP("14", "32") "b 3f        \n"
        BLOCK_LOOP("15", "40") "b 3f        \n"
        BLOCK_LOOP("16", "48") "b 3f        \n"
        BLOCK_LOOP("17", "56")
        "3: ldr lr, [sp]                    \n"
        "ldr    r12, [lr, #4]               \n"
        "ldm    r12!, {r0-r3}               \n"
        SECOND_OF_TWO("r5", "r4", "r0")
        SECOND_OF_TWO("r7", "r6", "r1")
        SECOND_OF_TWO("r9", "r8", "r2")
        SECOND_OF_TWO("r11", "r10", "r3")
        "ldrd   r0, r1, [lr, #20]           \n"
        "cmp    r1, #0                      \n"
        "bne    6f                          \n"
        "ldm    r12!, {r1, r2, r3, lr}      \n"
        EC_ASM_REQUANTIZE("r4", "r1")
        EC_ASM_REQUANTIZE("r5", "r2")
        EC_ASM_REQUANTIZE("r6", "r3")
        EC_ASM_REQUANTIZE("r7", "lr")
        "ldm    r12!, {r1, r2, r3, lr}      \n"
        EC_ASM_REQUANTIZE("r8", "r1")
        EC_ASM_REQUANTIZE("r9", "r2")
        EC_ASM_REQUANTIZE("r10", "r3")
        EC_ASM_REQUANTIZE("r11", "lr")
        "ldr    lr, [sp]                    \n"
        "5: str r12, [lr, #4]               \n"
        "ldrd   r0, r1, [lr, #8]            \n"
        "ldr    r2, [lr, #16]               \n"
        "strb   r5, [r0, #1]                \n"
        "strb   r6, [r0, #2]                \n"
        "strb   r7, [r0, #3]                \n"
        "strb   r8, [r0, #4]                \n"
        "strb   r9, [r0, #5]                \n"
        "strb   r10, [r0, #6]               \n"
        "strb   r11, [r0, #7]               \n"
        "strb   r4, [r0], #8                \n"
        "adds   r1, #1                      \n"
        "strd   r0, r1, [lr, #8]            \n"
        "cmp    r1, r2                      \n"
        "bne    1b                          \n"
        "add    sp, #4                      \n"
        "pop    {r4-r11, pc}                \n"
        "6: add r0, #128                    \n"
        "ldrd   r2, r3, [r12], #8           \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r4", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r5", "r3")
        "ldrd   r2, r3, [r12], #8           \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r6", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r7", "r3")
        "ldrd   r2, r3, [r12], #8           \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r8", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r9", "r3")
        "ldrd   r2, r3, [r12], #8           \n"
        EC_ASM_SHIFT_AND_MULTIPLY("r10", "r2")
        EC_ASM_SHIFT_AND_MULTIPLY("r11", "r3")
        "ldrd   r0, r1, [lr, #28]           \n"
        "ldr    r2, [lr, #36]               \n"
        EC_ASM_CLAMP("r4")
        EC_ASM_CLAMP("r5")
        EC_ASM_CLAMP("r6")
        EC_ASM_CLAMP("r7")
        EC_ASM_CLAMP("r8")
        EC_ASM_CLAMP("r9")
        EC_ASM_CLAMP("r10")
        EC_ASM_CLAMP("r11")
        "b      5b                          \n");
}

#undef FOUR_CHANNELS

/* clang-format on */

#endif
