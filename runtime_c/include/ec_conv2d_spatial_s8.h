/* ec_conv2d_spatial_s8.h - 2-D convolution whose outputs are predicted to be zero, or not, from others of their patch. */
#ifndef EC_CONV2D_SPATIAL_S8_H
#define EC_CONV2D_SPATIAL_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* As in ec_conv2d_s8_params, which says what they mean. */
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
    uint8_t patch;             /* 1 .. 4 */
    uint32_t mask_row_step;    /* in masks: the mask of a patch and channel is row * row step + column * column step + ... */
    uint16_t mask_column_step; /* 0 where an axis shares its masks */
    uint8_t mask_channel_step;
    const uint8_t *masks;      /* patch * patch bits each, without gaps, the lowest bit of a byte first; set: always computed */
    const int32_t *thresholds; /* [output_c] */
} ec_conv2d_spatial_s8_params;

/* ec_conv2d_s8, but an output that is not in its patch's mask is output_zero_point unless an accumulator of the channel at a position of
 * the mask, within the map, is above the channel's threshold. Patches begin at the top left; those at the other borders are cut off. */
void ec_conv2d_spatial_s8(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
/* Weights laid out as src/arm_dsp says, all other constants of channels among them; for arm_mve those of ec_conv2d_s8. */
void ec_conv2d_spatial_s8_arm_dsp(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_spatial_s8_arm_mve(const ec_conv2d_spatial_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
