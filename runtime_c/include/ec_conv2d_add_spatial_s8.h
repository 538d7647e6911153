/* ec_conv2d_add_spatial_s8.h - 2-D convolution plus a residual, the sum predicted to be zero, or not, from others of its patch. */
#ifndef EC_CONV2D_ADD_SPATIAL_S8_H
#define EC_CONV2D_ADD_SPATIAL_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* As in ec_conv2d_add_s8_params, which says what they mean; strip_rows is patch. */
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
    int16_t weight_conv;       /* of the sum, as in ec_add_s8_params: of the convolution's output */
    int16_t weight_residual;
    int32_t sum_bias;
    uint8_t sum_right_shift;
    int8_t sum_clamp_min;
    int8_t sum_clamp_max;
    uint16_t strip_rows;       /* output rows computed together, 1 or more; chosen with the kernel */
    int8_t sum_zero_point;     /* what a predicted sum is */
    uint8_t patch;             /* 1 .. 4 */
    uint32_t mask_row_step;    /* in masks: the mask of a patch and channel is row * row step + column * column step + ... */
    uint16_t mask_column_step; /* 0 where an axis shares its masks */
    uint8_t mask_channel_step;
    const uint8_t *masks;      /* patch * patch bits each, without gaps, the lowest bit of a byte first; set: always computed */
    const int32_t *thresholds; /* [output_c] */
} ec_conv2d_add_spatial_s8_params;

/* ec_conv2d_add_s8 under the rule of ec_conv2d_spatial_s8, judged on the sum before its right shift and clamp; output may be the residual,
 * but not the input. */
void ec_conv2d_add_spatial_s8(const ec_conv2d_add_spatial_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch);
/* Weights laid out as src/arm_dsp says, all other constants of channels among them. */
void ec_conv2d_add_spatial_s8_arm_dsp(const ec_conv2d_add_spatial_s8_params *params, const int8_t *input, const int8_t *residual,
                                      int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
