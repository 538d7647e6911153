#include "ec_softmax_s8.h"

static int32_t largest(const int8_t *row, uint32_t depth) {
    int32_t best = row[0];
    for (uint32_t i = 1; i < depth; i++) {
        best = row[i] > best ? row[i] : best;
    }
    return best;
}

/* round_half_up(256 * e / sum), at most 255: 512 * e + sum and 2 * sum fit 32 bits, as sum <= 32768 * 65535. */
static int8_t share(uint32_t e, uint32_t sum) {
    const uint32_t q = (e * 512U + sum) / (2U * sum);
    return (int8_t)((int32_t)(q < 255U ? q : 255U) - 128);
}

void ec_softmax_s8(const ec_softmax_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t row = 0; row < params->rows; row++) {
        const int32_t top = largest(input, params->depth);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < params->depth; i++) {
            sum += params->table[top - input[i]];
        }
        for (uint32_t i = 0; i < params->depth; i++) {
            output[i] = share(params->table[top - input[i]], sum);
        }
        input += params->depth;
        output += params->depth;
    }
}
