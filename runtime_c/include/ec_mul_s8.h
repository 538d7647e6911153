/* ec_mul_s8.h - elementwise product of two int8 activations, with broadcasting. */
#ifndef EC_MUL_S8_H
#define EC_MUL_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t dims[6];   /* of the output, row-major */
    int32_t a_steps[6]; /* elements between neighbours of a, 0 along a broadcast axis */
    int32_t b_steps[6]; /* the same for b */
    int8_t a_zero_point;
    int8_t b_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    int32_t multiplier; /* 1 .. 2^30 - 1 */
    uint8_t shift;      /* left shift of the product, 0 .. 31, almost always 0 */
} ec_mul_s8_params;

/* output = requantize((a - a_zero_point) * (b - b_zero_point)); output may be an input of its size. */
void ec_mul_s8(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_mul_s8_arm_dsp(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_mul_s8_arm_mve(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_mul_s8_riscv(const ec_mul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
