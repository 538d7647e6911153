/* tiny_weights.h - weights, biases, multipliers and tables of model "tiny"; do not edit. */
#ifndef TINY_WEIGHTS_H
#define TINY_WEIGHTS_H

#include <stdint.h>

extern const int8_t tiny_0_weights[18];
extern const int32_t tiny_0_bias[2];
extern const int32_t tiny_0_multiplier[2];
extern const int8_t tiny_1_table[256];
extern const int8_t tiny_4_weights[24];
extern const int32_t tiny_4_bias[3];
extern const int32_t tiny_4_multiplier[3];
extern const uint16_t tiny_5_table[256];

#endif
