/* ec_spatial_block.h - what the inner loops of a convolution that predicts zeros read: four pixels, two of each of two patches.
 *
 * The pixels lie in the order of ec_conv2d_block.h. Weights are records of two channels: the bias of the first; for each four inputs
 * ("quad") two words, as ec_conv2d_s8.c describes; the bias of the second; their thresholds; twice their multipliers. Widened, a word is
 * of the first channel; without that, it is 256 times the second.
 */
#ifndef EC_SPATIAL_BLOCK_H
#define EC_SPATIAL_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define EC_SPATIAL_LISTS 4u /* of channels: with no patch, the first, the second, both patches above the threshold */

/* Read by the loops in assembly, which know the offsets in front of each member. */
typedef struct {
    /*  0 */ const uint32_t *patch;
    /*  4 */ const uint32_t *patch_end;
    /*  8 */ uint32_t entry; /* quads modulo the turns of the loops */
    /* 12 */ const int8_t *weights;
    /* 16 */ uint32_t record_size;
    /* 20 */ int32_t zero_point;
    /* 24 */ uint32_t rare;                    /* ec_rare */
    /* 28 */ uint32_t above;                   /* 127 - clamp_max */
    /* 32 */ uint32_t span;                    /* 255 - (clamp_max - clamp_min) */
    /* 36 */ int32_t low;                      /* clamp_min */
    /* 40 */ int8_t *output[4];                /* of channel 0; one may stand there twice */
    /* 56 */ uint32_t channel;                 /* the first that is computed in pairs, which counts it up */
    /* 60 */ uint32_t channels;                /* the end of those that are computed in pairs */
    /* 64 */ uint32_t is_judged;               /* by the channels in pairs */
    /* 68 */ uint8_t *above_before;            /* [channels]: numbers of lists, to be joined and kept; or NULL */
    /* 72 */ uint16_t *list[EC_SPATIAL_LISTS]; /* the ends, which move on */
    /* 88 */ uint32_t valid;                   /* lists that a block may add to above_before, as a mask, in both bytes */
    /* 92 */ const int8_t *next;               /* kept here while sums are computed */
    /* 96 */ const int8_t *residual[4];        /* of channel 0; what follows is of the sum too, and read where `rare` has EC_SPATIAL_SUM */
    /* 112 */ uint32_t sum_weights;            /* of the convolution, and of the residual in the upper half */
    /* 116 */ int32_t sum_bias;
    /* 120 */ uint32_t sum_shift; /* to the right */
    /* 124 */ uint32_t sum_rare;  /* whether clamps are narrower than int8 */
    /* 128 */ uint32_t sum_above; /* as above, span and low */
    /* 132 */ uint32_t sum_span;
    /* 136 */ int32_t sum_low;
    /* 140 */ const uint16_t *places; /* of channels by their numbers in records, where masks order these */
} ec_spatial_block;
_Static_assert(offsetof(ec_spatial_block, output) == 40 && offsetof(ec_spatial_block, list) == 72, "the assembly counts on these offsets");
_Static_assert(offsetof(ec_spatial_block, residual) == 96 && offsetof(ec_spatial_block, places) == 140, "on these too");

#define EC_SPATIAL_SUM 512u /* in `rare`, beside what is said in ec_asm_requantize.h */

/* clang-format off */

/* A convolution's output and what is added, to their sum; `weights` and `bias` as in the block. */
#define EC_ASM_SUM(value, residual, weights, bias)            \
    "pkhbt  " value ", " value ", " residual ", lsl #16   \n" \
    "smlad  " value ", " value ", " weights ", " bias "   \n"

/* r0: sum_shift. */
#define EC_ASM_SUM_OUTPUT(sum)                                \
    "asr    " sum ", " sum ", r0                          \n" \
    "ssat   " sum ", #8, " sum "                          \n"

/* Of a value that is saturated to int8: as EC_ASM_CLAMP. */
#define EC_ASM_SUM_CLAMP(value)                               \
    "add    " value ", " value ", #128                    \n" \
    EC_ASM_CLAMP(value)

/* clang-format on */

#define EC_SPATIAL_TURNS 8u /* quads in a turn of the loops */

#endif
