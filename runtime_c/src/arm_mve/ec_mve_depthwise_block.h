/* ec_mve_depthwise_block.h - four channels of two pixels, each channel's window gathered in words of four rows. */
#ifndef EC_MVE_DEPTHWISE_BLOCK_H
#define EC_MVE_DEPTHWISE_BLOCK_H

#include "ec_mve.h"

typedef struct {
    const int8_t *weights; /* of the first channel, as the words of its window lie in vectors */
    const int32_t *bias;
    const int32_t *multiplier;
    int8_t *output[2];
    uint32_t blocks; /* of four channels */
} ec_mve_depthwise_run;

/* The next channel of both pixels, whose window is one vector. */
#define EC_MVE_WINDOW_1(sum0, sum1) \
    EC_MVE_TAKE(w, w)               \
    "vldrw.u32 %q[x], [%q[at0], #4]!\n" EC_MVE_MUL(sum0, v, x) "vldrw.u32 %q[x], [%q[at1], #4]!\n" EC_MVE_MUL(sum1, v, x)
#endif
