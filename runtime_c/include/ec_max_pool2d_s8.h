/* ec_max_pool2d_s8.h - 2-D max pooling, int8, NHWC; 1-D as height 1, global as a kernel of the input's size. */
#ifndef EC_MAX_POOL2D_S8_H
#define EC_MAX_POOL2D_S8_H

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
    uint16_t pad_top; /* taps outside the input are left out; a window without taps yields -128 */
    uint16_t pad_left;
    int8_t clamp_min;
    int8_t clamp_max;
} ec_max_pool2d_s8_params;

/* input: [input_h][input_w][input_c]; output: [output_h][output_w][input_c]. */
void ec_max_pool2d_s8(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_max_pool2d_s8_arm_dsp(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_max_pool2d_s8_arm_mve(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output);
void ec_max_pool2d_s8_riscv(const ec_max_pool2d_s8_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
