/* ec_log_softmax_s8.h - logarithm of softmax over contiguous rows, in fixed point with 16 fraction bits. */
#ifndef EC_LOG_SOFTMAX_S8_H
#define EC_LOG_SOFTMAX_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t rows;
    uint32_t depth;     /* elements of a row, at most 32768 */
    int32_t step;       /* input scale * 2^16 */
    int32_t multiplier; /* 2^15 / output scale, 1 .. 2^30 - 1 */
    int8_t output_zero_point;
    const uint16_t *exp_table; /* [256]: round(65535 * exp(-input scale * d)), d below the row's largest value */
    const uint16_t *log_table; /* [65]: ln(1 + i / 64) * 2^16 */
} ec_log_softmax_s8_params;

/* input, output: [rows][depth]; output may be the input. */
void ec_log_softmax_s8(const ec_log_softmax_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
