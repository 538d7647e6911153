/* ec_concat_s8.h - concatenation along one axis, each input brought to the output's scale. */
#ifndef EC_CONCAT_S8_H
#define EC_CONCAT_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t count;             /* inputs */
    uint32_t outer;             /* rows */
    const uint32_t *inner;      /* [count], elements of a row of each input */
    const int16_t *weight;      /* [count], input scale / output scale * 2^right_shift */
    const int32_t *bias;        /* [count], rounding half and both zero points in one */
    const uint8_t *right_shift; /* [count], 1 .. 31, arithmetic; 0 copies the input as it is */
} ec_concat_s8_params;

/* inputs: [count] of [outer][inner[i]]; output: [outer][sum of inner]. */
void ec_concat_s8(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output);
void ec_concat_s8_arm_dsp(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output);
void ec_concat_s8_arm_mve(const ec_concat_s8_params *params, const int8_t *const *inputs, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
