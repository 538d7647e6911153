/* ec_prelu_s8.h - negative values times a slope, one a channel. */
#ifndef EC_PRELU_S8_H
#define EC_PRELU_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t count;    /* elements */
    uint32_t channels; /* slopes, divides count */
    int8_t input_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    int16_t one;          /* factor of values that are not negative */
    const int16_t *slope; /* [channels], factor of negative values, in units of 1 / one */
    int32_t multiplier;   /* 1 .. 2^30 - 1 */
    uint8_t shift;        /* left shift of the product, 0 .. 31, almost always 0 */
} ec_prelu_s8_params;

/* Element i has channel i % channels; output may be the input. */
void ec_prelu_s8(const ec_prelu_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
