/* ec_conv2d_early_s8.h - 2-D convolution whose sums end as soon as their output is certain, or is predicted to be zero. */
#ifndef EC_CONV2D_EARLY_S8_H
#define EC_CONV2D_EARLY_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begins with the members of ec_conv2d_s8_params. `taps` = kernel_h * kernel_w * input_c / groups, the products of an output, counted in
 * the order of the weights. */
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
    const int8_t *weights;      /* [output_c][kernel_h][kernel_w][input_c / groups] */
    const int32_t *bias;        /* [output_c], minus input_zero_point * sum of the channel's weights */
    const int32_t *multiplier;  /* [output_c], 1 .. 2^30 - 1 */
    uint8_t shift;              /* left shift of the accumulator, 0 .. 31, almost always 0 */
    const int32_t *start;       /* [output_c], bias plus input_zero_point * sum of the channel's weights */
    const uint16_t *order;      /* [output_c][taps], the products in the order in which they are added */
    const uint16_t *falls_from; /* [output_c], after so many products no positive weight remains */
    const uint16_t *rises_from; /* [output_c], after so many products no negative weight remains */
    const int32_t *lowest;      /* [output_c], a sum that is not above it becomes clamp_min */
    const int32_t *highest;     /* [output_c], a sum that is not below it becomes clamp_max */
    const uint16_t *prefix;     /* [output_c], products before the output is predicted; 0: it is not */
    const int32_t *thresholds;  /* [output_c], a sum that is not above it after the prefix is predicted to be zero */
} ec_conv2d_early_s8_params;

/* As ec_conv2d_s8 on inputs that are not below input_zero_point; one that is counts as zero.
 * scratch: kernel_h * kernel_w * input_c bytes. */
void ec_conv2d_early_s8(const ec_conv2d_early_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
