/* ec_fully_connected_s8.h - every row of the input times a constant matrix, int8. */
#ifndef EC_FULLY_CONNECTED_S8_H
#define EC_FULLY_CONNECTED_S8_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint32_t rows;
    uint32_t input_n;
    uint32_t output_n;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
    const int8_t *weights;     /* [output_n][input_n] */
    const int32_t *bias;       /* [output_n], minus input zero point * sum of the row's weights */
    const int32_t *multiplier; /* [output_n], 1 .. 2^30 - 1 */
    uint8_t shift;             /* left shift of the accumulator, 0 .. 31, almost always 0 */
} ec_fully_connected_s8_params;

/* input: [rows][input_n]; output: [rows][output_n]. */
void ec_fully_connected_s8(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output);
/* Weights laid out as ec_quads.h says. */
void ec_fully_connected_s8_arm_v6m(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output);
void ec_fully_connected_s8_arm_v7m(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output);
/* Weights laid out as src/arm_dsp says, biases and multipliers among them. */
void ec_fully_connected_s8_arm_dsp(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output);
/* Weights as they are, with the zeros behind them that src/arm_mve/ec_mve_filters.h asks for. */
void ec_fully_connected_s8_arm_mve(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output);
void ec_fully_connected_s8_riscv(const ec_fully_connected_s8_params *params, const int8_t *input,
                                 int8_t *output); /* weights: see src/riscv */

#ifdef __cplusplus
}
#endif

#endif
