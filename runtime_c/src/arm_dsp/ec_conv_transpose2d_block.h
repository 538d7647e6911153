/* ec_conv_transpose2d_block.h - the inner loop of the transposed convolution: four filters over the listed taps of a window. */
#ifndef EC_CONV_TRANSPOSE2D_BLOCK_H
#define EC_CONV_TRANSPOSE2D_BLOCK_H

#include "ec_dsp.h"

/* One tap of a window. The input moves on by `step` every four channels: 0 for four bytes of padding. */
typedef struct {
    /* 0 */ const int8_t *input;
    /* 4 */ int32_t step;
    /* 8 */ int32_t weights; /* from the filter's first */
} ec_tap;

/* Known to the function below by the offsets in front of each member. */
typedef struct {
    /*  0 */ int32_t sums[4];
    /* 16 */ int32_t filter_size; /* weights from one filter to the next */
    /* 20 */ int32_t quads;       /* of channels, at least one */
    /* 24 */ const ec_tap *end;
} ec_four_filters;

/* clang-format off */

/* r9: inputs 0 and 2, r0: inputs 1 and 3, r1: weights. */
#define ADD_PRODUCTS(sum)                     \
    "sxtb16 r2, r1                        \n" \
    "sxtb16 r1, r1, ror #8                \n" \
    "smlad  " sum ", r9, r2, " sum "      \n" \
    "smlad  " sum ", r0, r1, " sum "      \n"

/* block->sums[f] += the taps from `tap` on, at least one, of the four filters from `filters` on. */
EC_ASM_FUNCTION static void ec_add_four_filters(ec_four_filters *block EC_ASM_PARAMETER, const ec_tap *tap EC_ASM_PARAMETER,
                                                const int8_t *filters EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r0-r2, r4-r11, lr}           \n" /* [sp]: block; [sp, #4]: tap; [sp, #8]: filters */
        "ldm    r0, {r4-r8}                   \n"
        "1: ldr r0, [sp, #4]                  \n" /* the next tap */
        "ldr    r2, [sp]                      \n"
        "ldr    r3, [sp, #8]                  \n"
        "ldr    r12, [r0, #8]                 \n"
        "ldrd   r10, r11, [r0], #12           \n" /* input, step */
        "str    r0, [sp, #4]                  \n"
        "add    r3, r3, r12                   \n" /* filters 0 and 1 */
        "add    r12, r3, r8, lsl #1           \n" /* filters 2 and 3 */
        "ldr    lr, [r2, #20]                 \n"
        "2: ldr r0, [r10]                     \n" /* the next four channels */
        "ldr    r1, [r3, r8]                  \n"
        "add    r10, r10, r11                 \n"
        "sxtb16 r9, r0                        \n"
        "sxtb16 r0, r0, ror #8                \n"
        ADD_PRODUCTS("r5")
        "ldr    r1, [r3], #4                  \n"
        ADD_PRODUCTS("r4")
        "ldr    r1, [r12, r8]                 \n"
        ADD_PRODUCTS("r7")
        "ldr    r1, [r12], #4                 \n"
        ADD_PRODUCTS("r6")
        "subs   lr, lr, #1                    \n"
        "bne    2b                            \n"
        "ldr    r0, [sp]                      \n"
        "ldr    r1, [sp, #4]                  \n"
        "ldr    r2, [r0, #24]                 \n"
        "cmp    r1, r2                        \n"
        "bne    1b                            \n"
        "stm    r0, {r4-r7}                   \n"
        "pop    {r0-r2, r4-r11, pc}           \n");
}

#undef ADD_PRODUCTS

/* clang-format on */

#endif
