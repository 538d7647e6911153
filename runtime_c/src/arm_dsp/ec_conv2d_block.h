/* ec_conv2d_block.h - what the inner loops of the convolution read: four pixels and the channels of a group.
 *
 * The patch holds what the four pixels read, widened to 16 bits. For every four inputs ("quad") it has the word of inputs 0 and 2 of
 * pixels 0..3, then the word of inputs 1 and 3 of pixels 0..3. Anything may stand where the weights are zero.
 */
#ifndef EC_CONV2D_BLOCK_H
#define EC_CONV2D_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Read and advanced by ec_conv2d_pairs and ec_conv2d_singles, which know the offsets in front of each member. */
typedef struct {
    /*  0 */ const uint32_t *patch;
    /*  4 */ const uint32_t *patch_end;
    /*  8 */ uint32_t entry; /* ec_conv2d_entry */
    /* 12 */ const int8_t *weights;
    /* 16 */ const int8_t *weights_end;
    /* 20 */ int32_t zero_point;
    /* 24 */ uint32_t rare;     /* ec_rare */
    /* 28 */ uint32_t above;    /* 127 - clamp_max */
    /* 32 */ uint32_t span;     /* 255 - (clamp_max - clamp_min) */
    /* 36 */ int32_t low;       /* clamp_min */
    /* 40 */ int8_t *output[4]; /* one may stand there several times: pixel 3 is stored first, pixel 0 last */
} ec_conv2d_block;
_Static_assert(offsetof(ec_conv2d_block, output) == 40, "the assembly counts on these offsets");

/* Where the loop over the quads is entered, so that the rest takes whole turns of 8, 2 and 4 quads for 4, 2 and 1 pixels. */
static inline uint32_t ec_conv2d_entry(uint32_t pixels, uint32_t quads) {
    return pixels > 2u ? (quads & 7u) : pixels == 2u ? 8u + (quads & 1u) : 10u + (quads & 3u);
}

#endif
