#include "ec_log_softmax_s8.h"

#include "ec_requantize.h"

#define LN_2 45426      /* ln(2) * 2^16 */
#define LN_65535 726816 /* ln(65535) * 2^16 */

static int32_t largest(const int8_t *row, uint32_t depth) {
    int32_t best = row[0];
    for (uint32_t i = 1; i < depth; i++) {
        best = row[i] > best ? row[i] : best;
    }
    return best;
}

/* ln(sum / 65535) * 2^16 for sum > 0: sum = mantissa * 2^exponent with 1 <= mantissa < 2, whose logarithm is in the table,
 * linear between its 64 segments. */
static int32_t logarithm(uint32_t sum, const uint16_t *table) {
    int32_t exponent = 31;
    while (!(sum & 0x80000000U)) {
        sum <<= 1;
        exponent--;
    }
    const uint32_t index = (sum >> 25) & 63U;
    const uint32_t fraction = (sum >> 9) & 0xFFFFU;
    const uint32_t rise = (uint32_t)table[index + 1] - table[index];
    return exponent * LN_2 - LN_65535 + (int32_t)(table[index] + ((rise * fraction + 0x8000U) >> 16));
}

void ec_log_softmax_s8(const ec_log_softmax_s8_params *params, const int8_t *input, int8_t *output) {
    for (uint32_t row = 0; row < params->rows; row++) {
        const int32_t top = largest(input, params->depth);
        uint32_t sum = 0; /* at most 32768 * 65535 */
        for (uint32_t i = 0; i < params->depth; i++) {
            sum += params->exp_table[top - input[i]];
        }
        const int32_t log_sum = logarithm(sum, params->log_table);
        for (uint32_t i = 0; i < params->depth; i++) {
            const int32_t value = -(top - input[i]) * params->step - log_sum;
            output[i] = ec_requantize(value, params->multiplier, 0, params->output_zero_point, INT8_MIN, INT8_MAX);
        }
        input += params->depth;
        output += params->depth;
    }
}
