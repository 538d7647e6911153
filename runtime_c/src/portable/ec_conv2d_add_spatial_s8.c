#include "ec_conv2d_add_spatial_s8.h"

#include "ec_conv2d_one.h"
#include "ec_spatial.h"

typedef struct {
    ec_conv2d_one conv;
    const ec_conv2d_add_spatial_s8_params *p;
    const int8_t *residual;
} sum_layer;

static int32_t compute(const void *layer, uint32_t y, uint32_t x, uint32_t channel, int8_t *output) {
    const sum_layer *l = layer;
    const ec_conv2d_add_spatial_s8_params *p = l->p;
    const int32_t conv = ec_conv2d_one_output(&l->conv, ec_conv2d_one_sum(&l->conv, y, x, channel), channel);
    const int32_t residual = l->residual[(y * p->output_w + x) * p->output_c + channel];
    const int32_t sum = conv * p->weight_conv + residual * p->weight_residual + p->sum_bias;
    *output = (int8_t)ec_clamp(sum >> p->sum_right_shift, p->sum_clamp_min, p->sum_clamp_max);
    return sum;
}

void ec_conv2d_add_spatial_s8(const ec_conv2d_add_spatial_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch) {
    (void)scratch;
    const ec_spatial spatial = EC_SPATIAL(params, params->sum_zero_point);
    sum_layer layer;
    ec_conv2d_one_begin(&layer.conv, params, input);
    layer.p = params;
    layer.residual = residual;
    for (uint32_t top = 0; top < params->output_h; top += params->patch) {
        ec_spatial_row(&spatial, top, &layer, compute, output + top * params->output_w * params->output_c);
    }
}
