/* ec_depthwise_conv2d_s8.h - depthwise 2-D convolution, int8, NHWC; 1-D as height 1. */
#ifndef EC_DEPTHWISE_CONV2D_S8_H
#define EC_DEPTHWISE_CONV2D_S8_H

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
    uint16_t output_c; /* input_c * channel_multiplier */
    uint16_t kernel_h;
    uint16_t kernel_w;
    uint16_t stride_h;
    uint16_t stride_w;
    uint16_t dilation_h;
    uint16_t dilation_w;
    uint16_t pad_top; /* taps outside the input read input_zero_point */
    uint16_t pad_left;
    uint16_t channel_multiplier; /* output channel c reads input channel c / channel_multiplier */
    int8_t input_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    const int8_t *weights;     /* [kernel_h][kernel_w][output_c] */
    const int32_t *bias;       /* [output_c], minus input_zero_point * sum of the channel's weights */
    const int32_t *multiplier; /* [output_c], 1 .. 2^30 - 1 */
    uint8_t shift;             /* left shift of the accumulator, 0 .. 31, almost always 0 */
} ec_depthwise_conv2d_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][output_c]; scratch: unused by the portable kernel. */
void ec_depthwise_conv2d_s8(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_depthwise_conv2d_s8_in_place(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output,
                                     void *scratch); /* output may be input; scratch: one channel */
void ec_depthwise_conv2d_s8_arm_dsp(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output,
                                    void *scratch); /* see src/arm_dsp */
void ec_depthwise_conv2d_s8_riscv(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output,
                                  void *scratch); /* weights and scratch: see src/riscv */
/* Weights and scratch: see src/arm_mve. */
void ec_depthwise_conv2d_s8_arm_mve(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
/* Weights laid out and scratch used as ec_planes.h says. */
void ec_depthwise_conv2d_s8_arm_v6m(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_depthwise_conv2d_s8_arm_v7m(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
