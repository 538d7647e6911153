#include "ec_fully_connected_s8.h"

#include "ec_mve_pixels.h"

void ec_fully_connected_s8_arm_mve(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    const ec_mve_filters filters = {params->weights,           params->bias,      params->multiplier, params->output_n, params->input_n,
                                    params->output_zero_point, params->clamp_min, params->clamp_max};
    const ec_mve_pixels rows = {input, params->input_n, output, params->output_n, params->rows};
    ec_mve_compute_pixels(&filters, &rows);
}
