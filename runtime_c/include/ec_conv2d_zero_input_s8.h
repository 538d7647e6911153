/* ec_conv2d_zero_input_s8.h - 2-D convolution that leaves out the products of inputs that are zero, or close above; with zero_span 0
 * the bits of ec_conv2d_s8. */
#ifndef EC_CONV2D_ZERO_INPUT_S8_H
#define EC_CONV2D_ZERO_INPUT_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The members of ec_conv2d_s8_params, then two more. */
typedef struct {
    uint16_t input_h;
    uint16_t input_w;
    uint16_t input_c;
    uint16_t output_h;
    uint16_t output_w;
    uint16_t output_c;
    uint16_t kernel_h;
    uint16_t kernel_w;
    uint16_t stride_h;
    uint16_t stride_w;
    uint16_t dilation_h;
    uint16_t dilation_w;
    uint16_t pad_top; /* taps outside the input read input_zero_point */
    uint16_t pad_left;
    uint16_t groups; /* divides input_c and output_c */
    int8_t input_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    const int8_t *weights;     /* [output_c][kernel_h][kernel_w][input_c / groups] */
    const int32_t *bias;       /* [output_c], minus input_zero_point * sum of the channel's weights */
    const int32_t *multiplier; /* [output_c], 1 .. 2^30 - 1 */
    uint8_t shift;             /* left shift of the accumulator, 0 .. 31, almost always 0 */
    uint8_t zero_span;         /* inputs up to so much above the zero point count as zero */
    uint8_t density_percent;   /* inputs that are expected to remain; no kernel reads it */
} ec_conv2d_zero_input_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][output_c];
 * scratch: output_c int32, then 8 bytes for each element of a window of one group. */
void ec_conv2d_zero_input_s8(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
/* Weights, biases and scratch as src/riscv, src/riscv_winograd and src/arm_dsp say, for arm_v6m and arm_v7m ec_zero_input_quads.h. */
void ec_conv2d_zero_input_s8_arm_dsp(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_zero_input_s8_arm_v6m(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_zero_input_s8_arm_v7m(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_zero_input_s8_riscv(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_zero_input_s8_riscv_winograd(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output,
                                            void *scratch);

#ifdef __cplusplus
}
#endif

#endif
