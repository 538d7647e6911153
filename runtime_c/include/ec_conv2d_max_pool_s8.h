/* ec_conv2d_max_pool_s8.h - 2-D convolution and max pooling of its output, which is never kept. */
#ifndef EC_CONV2D_MAX_POOL_S8_H
#define EC_CONV2D_MAX_POOL_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begins with the members of ec_conv2d_s8_params, which say what they mean there. */
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
    uint16_t pooled_h;         /* of the output of the pool, whose members are those of ec_max_pool2d_s8_params without dilation */
    uint16_t pooled_w;
    uint16_t pool_kernel_h;
    uint16_t pool_kernel_w;
    uint16_t pool_stride_h;
    uint16_t pool_stride_w;
    uint16_t pool_pad_top;
    uint16_t pool_pad_left;
    int8_t pool_clamp_min;
    int8_t pool_clamp_max;
    uint16_t strip_rows; /* the lesser of pool_kernel_h and output_h */
} ec_conv2d_max_pool_s8_params;

/* ec_conv2d_s8, then ec_max_pool2d_s8; output: [pooled_h][pooled_w][output_c].
 * scratch: strip_rows rows of the convolution's output, rounded up to 16 bytes, and the convolution's own. Weights as the convolution
 * of the set. */
void ec_conv2d_max_pool_s8(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_max_pool_s8_arm_dsp(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_max_pool_s8_arm_mve(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_max_pool_s8_riscv(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_max_pool_s8_arm_v6m(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_max_pool_s8_arm_v7m(const ec_conv2d_max_pool_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
