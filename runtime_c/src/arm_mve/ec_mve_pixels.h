/* ec_mve_pixels.h - filters times pixels: the inside of convolution and fully connected.
 *
 * A pixel's inputs lie side by side, and so do a filter's weights: sixteen products are one VMLADAVA.
 */
#ifndef EC_MVE_PIXELS_H
#define EC_MVE_PIXELS_H

#include "ec_mve_held.h"
#include "ec_mve_streamed.h"

static void ec_mve_compute_blocks(const ec_mve_filters *f, const ec_mve_pixels *p) {
    if (f->inputs > EC_MVE_HELD_INPUTS) {
        ec_mve_streamed_pixels(f, p);
    } else {
        ec_mve_held_pixels(f, p);
    }
}

/* Filters that were filled up to a block: their outputs are sorted out of whole blocks. */
static inline void ec_mve_compute_few(const ec_mve_filters *few, const ec_mve_pixels *p) {
    int8_t outputs[EC_MVE_TRIO * EC_MVE_BLOCK];
    ec_mve_filters f = *few;
    ec_mve_pixels some = *p;
    f.channels = EC_MVE_BLOCK;
    some.output = outputs;
    some.output_step = EC_MVE_BLOCK;
    int8_t *output = p->output;
    for (uint32_t left = p->count; left > 0; left -= some.count) {
        some.count = left < EC_MVE_TRIO ? left : EC_MVE_TRIO;
        ec_mve_compute_blocks(&f, &some);
        some.input += some.count * some.input_step;
        for (uint32_t pixel = 0; pixel < some.count; pixel++) {
            for (uint32_t channel = 0; channel < few->channels; channel++) {
                output[channel] = outputs[pixel * EC_MVE_BLOCK + channel];
            }
            output += p->output_step;
        }
    }
}

static void ec_mve_compute_pixels(const ec_mve_filters *f, const ec_mve_pixels *p) {
    if (f->channels >= EC_MVE_BLOCK) {
        ec_mve_compute_blocks(f, p);
    } else {
        ec_mve_compute_few(f, p);
    }
}

#endif
