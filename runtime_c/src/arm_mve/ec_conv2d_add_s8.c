#include "ec_conv2d_add_s8.h"

#include "ec_conv2d_add_rows.h"

void ec_conv2d_add_s8_arm_mve(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch) {
    ec_conv2d_add_rows(params, input, residual, output, scratch, ec_conv2d_s8_arm_mve, ec_add_s8_arm_mve);
}
