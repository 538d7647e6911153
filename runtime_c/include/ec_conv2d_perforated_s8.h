/* ec_conv2d_perforated_s8.h - 2-D convolution at some positions of its output; the others take the value of a computed one. */
#ifndef EC_CONV2D_PERFORATED_S8_H
#define EC_CONV2D_PERFORATED_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begins with the members of ec_conv2d_s8_params. */
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
    const uint16_t *source;    /* [output_h][output_w], the position whose output is taken; a computed one names itself */
    uint16_t block_positions;  /* computed together */
} ec_conv2d_perforated_s8_params;

/* As ec_conv2d_s8, but every position takes the output of its source.
 * scratch: block_positions windows of kernel_h * kernel_w * input_c bytes, block_positions * output_c bytes, both rounded up to 16, and
 * what the convolution of the set takes. Weights as that convolution has them for a 1x1 kernel. */
void ec_conv2d_perforated_s8(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_perforated_s8_arm_dsp(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_perforated_s8_arm_mve(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_perforated_s8_riscv(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_perforated_s8_arm_v6m(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);
void ec_conv2d_perforated_s8_arm_v7m(const ec_conv2d_perforated_s8_params *params, const int8_t *input, int8_t *output, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
