/* ec_add_s8.h - elementwise sum of two rescaled int8 activations, with broadcasting. */
#ifndef EC_ADD_S8_H
#define EC_ADD_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t dims[6];    /* of the output, row-major */
    int32_t a_steps[6];  /* elements between neighbours of a, 0 along a broadcast axis */
    int32_t b_steps[6];  /* the same for b */
    int16_t weight_a;    /* scale of a / scale of the output * 2^right_shift */
    int16_t weight_b;    /* negative: a - b */
    int32_t bias;        /* rounding half, output zero point and the zero points of a and b, all in one */
    uint8_t right_shift; /* 0 .. 31, arithmetic */
    int8_t clamp_min;
    int8_t clamp_max;
} ec_add_s8_params;

/* output = clamp((a * weight_a + b * weight_b + bias) >> right_shift); output may be an input of its size. */
void ec_add_s8(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_add_s8_arm_v6m(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_add_s8_arm_v7m(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_add_s8_arm_dsp(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_add_s8_riscv(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_add_s8_arm_mve(const ec_add_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
