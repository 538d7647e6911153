/* ec_conv2d_add_s8.h - 2-D convolution plus a residual of its output's size; the convolution's own output is never kept. */
#ifndef EC_CONV2D_ADD_S8_H
#define EC_CONV2D_ADD_S8_H

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
    int16_t weight_conv;       /* of the sum, as in ec_add_s8_params: of the convolution's output */
    int16_t weight_residual;
    int32_t sum_bias;
    uint8_t sum_right_shift;
    int8_t sum_clamp_min;
    int8_t sum_clamp_max;
    uint16_t strip_rows; /* output rows computed together, 1 or more; chosen with the kernel */
} ec_conv2d_add_s8_params;

/* ec_conv2d_s8, then ec_add_s8 of its output and the residual; output may be the residual, but not the input.
 * scratch: strip_rows rows of output, rounded up to 16 bytes, and the convolution's own. Weights as the convolution of the set. */
void ec_conv2d_add_s8(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output, void *scratch);
void ec_conv2d_add_s8_arm_dsp(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch);
void ec_conv2d_add_s8_arm_mve(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch);
void ec_conv2d_add_s8_riscv(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                            void *scratch);
void ec_conv2d_add_s8_arm_v6m(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch);
void ec_conv2d_add_s8_arm_v7m(const ec_conv2d_add_s8_params *params, const int8_t *input, const int8_t *residual, int8_t *output,
                              void *scratch);

#ifdef __cplusplus
}
#endif

#endif
