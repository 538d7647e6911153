/* Weights and scratch: ec_triples.h. */
#include "ec_conv2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_conv2d_block.h"
#include "ec_conv2d_pairs.h"
#include "ec_triples.h"

void ec_conv2d_s8_arm_v7m(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_triples_loops loops = {ec_merge_three, ec_merge_six,          ec_conv2d_three,    ec_conv2d_six,
                                           ec_conv2d_six,  ec_conv2d_pairs_three, ec_conv2d_pairs_six};
    ec_convolve_triples(params, input, output, scratch, 0, &loops);
    ec_clamp_run(output, (uint32_t)params->output_h * params->output_w * params->output_c, params->clamp_min, params->clamp_max);
}
