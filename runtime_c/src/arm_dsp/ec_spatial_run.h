/* ec_spatial_run.h - a convolution that predicts zeros, row of patches by row of patches: what its three kernels share. */
#ifndef EC_SPATIAL_RUN_H
#define EC_SPATIAL_RUN_H

#include "ec_conv2d_add_spatial_s8.h"
#include "ec_spatial.h"

#define EC_SPATIAL_ALIGNMENT 16u /* of scratch */

typedef struct {
    const void *params; /* which begin with those of the convolution */
    ec_spatial spatial;
    const ec_conv2d_add_spatial_s8_params *sum; /* and its residual; NULL where none is added */
    const int8_t *residual;
    const int8_t *input;
    int8_t *output;
    uint32_t output_end;  /* rows to be computed */
    uint32_t output_rows; /* which `output` holds, whole patches or all: row y lies where y modulo that would */
    void *scratch;
    void (*row_done)(void *context, uint32_t top); /* the row of patches from there on; or NULL */
    void *context;
} ec_spatial_run;

/* In ec_conv2d_spatial_s8.c. */
void ec_spatial_run_arm_dsp(const ec_spatial_run *run);

#endif
