/* ec_matmul_s8.h - matrix product of two int8 activations. */
#ifndef EC_MATMUL_S8_H
#define EC_MATMUL_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t batch; /* products */
    uint32_t rows;
    uint32_t inner;
    uint32_t columns;
    uint32_t a_batch_stride; /* elements from one a to the next; 0: the same a for every product */
    uint32_t b_batch_stride;
    uint8_t b_transposed; /* 1: b is [columns][inner] */
    int8_t a_zero_point;
    int8_t b_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    int32_t multiplier; /* 1 .. 2^30 - 1 */
    uint8_t shift;      /* left shift of the accumulator, 0 .. 31, almost always 0 */
} ec_matmul_s8_params;

/* a: [rows][inner] a product; b: [inner][columns] a product; output: [batch][rows][columns]. */
void ec_matmul_s8(const ec_matmul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);
void ec_matmul_s8_arm_dsp(const ec_matmul_s8_params *params, const int8_t *a, const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
