#include "ec_lut_s8.h"

void ec_lut_s8(const ec_lut_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t i = 0; i < params->count; i++) {
        output[i] = params->table[input[i] + 128];
    }
}
