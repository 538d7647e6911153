/* ec_avg_pool2d_s8.h - 2-D average pooling, int8, NHWC; also global pools and means over a run of axes. */
#ifndef EC_AVG_POOL2D_S8_H
#define EC_AVG_POOL2D_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint16_t input_h;
    uint16_t input_w;
    uint16_t input_c;
    uint16_t output_h;
    uint16_t output_w;
    uint16_t kernel_h;
    uint16_t kernel_w;
    uint16_t stride_h;
    uint16_t stride_w;
    uint16_t dilation_h;
    uint16_t dilation_w;
    uint16_t pad_top;
    uint16_t pad_left;
    uint16_t pad_bottom;
    uint16_t pad_right;
    uint8_t count_include_pad; /* 1: the divisor counts taps in the padding (their value is real 0) as well */
    int8_t input_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    uint32_t smallest_count;   /* the smallest divisor that occurs */
    const int32_t *multiplier; /* by divisor - smallest_count: input scale / (divisor * output scale), 1 .. 2^30 - 1 */
    uint8_t shift;             /* left shift of the sum, 0 .. 31, almost always 0 */
} ec_avg_pool2d_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][input_c]. */
void ec_avg_pool2d_s8(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_avg_pool2d_s8_arm_dsp(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_avg_pool2d_s8_arm_mve(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_avg_pool2d_s8_riscv(const ec_avg_pool2d_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
