#include "ec_conv2d_max_pool_s8.h"

#include "ec_conv2d_max_pool_rows.h"

void ec_conv2d_max_pool_s8_arm_mve(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    ec_conv2d_max_pool_rows(params, input, output, scratch, ec_conv2d_s8_arm_mve, ec_max_pool2d_s8_arm_mve);
}
