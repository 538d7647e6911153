/* ec_mve_pixels.h - filters times pixels: the inside of convolution and fully connected.
 *
 * A pixel's inputs lie side by side, and so do a filter's weights: sixteen products are one VMLADAVA.
 */
#ifndef EC_MVE_PIXELS_H
#define EC_MVE_PIXELS_H

#include "ec_mve_held.h"
#include "ec_mve_streamed.h"

static void ec_mve_compute_pixels(const ec_mve_filters *f, const ec_mve_pixels *p) {
    if (f->inputs > EC_MVE_HELD_INPUTS) {
        ec_mve_streamed_pixels(f, p);
    } else if (f->inputs > 48) {
        ec_mve_held_pixels(f, p, 4);
    } else if (f->inputs > 32) {
        ec_mve_held_pixels(f, p, 3);
    } else if (f->inputs > 16) {
        ec_mve_held_pixels(f, p, 2);
    } else {
        ec_mve_held_pixels(f, p, 1);
    }
}

#endif
