/* ec_spatial_block.h - what the inner loops of a convolution that predicts zeros read: four pixels, two of each of two patches.
 *
 * The pixels lie in the order of ec_conv2d_block.h. Weights are records of two channels: their biases; for each four inputs ("quad") a
 * word of the first and one of the second, as they are; their thresholds; twice their multipliers. So all of a channel lies two words
 * apart, and a channel can be computed without the other.
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
    /* 24 */ uint32_t rare;     /* ec_rare */
    /* 28 */ uint32_t above;    /* 127 - clamp_max */
    /* 32 */ uint32_t span;     /* 255 - (clamp_max - clamp_min) */
    /* 36 */ int32_t low;       /* clamp_min */
    /* 40 */ int8_t *output[4]; /* of channel 0; one may stand there twice */
    /* 56 */ uint32_t channel;  /* 0 before the channels are computed in pairs, which counts it up */
    /* 60 */ uint32_t channels;
    /* 64 */ uint32_t is_judged;               /* by the channels in pairs */
    /* 68 */ uint8_t *above_before;            /* [channels]: numbers of lists, to be joined and kept; or NULL */
    /* 72 */ uint16_t *list[EC_SPATIAL_LISTS]; /* the ends, which move on */
} ec_spatial_block;
_Static_assert(offsetof(ec_spatial_block, output) == 40 && offsetof(ec_spatial_block, list) == 72, "the assembly counts on these offsets");

#define EC_SPATIAL_TURNS 8u /* quads in a turn of the loops */

#endif
