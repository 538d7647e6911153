/* ec_softmax_s8.h - softmax over contiguous rows; output scale 1/256, zero point -128. */
#ifndef EC_SOFTMAX_S8_H
#define EC_SOFTMAX_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t rows;
    uint32_t depth;        /* elements of a row, at most 32768 */
    const uint16_t *table; /* [256]: round(65535 * exp(-input scale * d)), d below the row's largest value */
} ec_softmax_s8_params;

/* input, output: [rows][depth]; output may be the input. */
void ec_softmax_s8(const ec_softmax_s8_params *params, const int8_t *input, int8_t *output);
void ec_softmax_s8_arm_dsp(const ec_softmax_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
