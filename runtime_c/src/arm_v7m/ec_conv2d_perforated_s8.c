#include "ec_conv2d_perforated_s8.h"

#include "ec_conv2d_positions.h"

void ec_conv2d_perforated_s8_arm_v7m(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    ec_conv2d_positions(params, input, output, scratch, ec_conv2d_s8_arm_v7m);
}
