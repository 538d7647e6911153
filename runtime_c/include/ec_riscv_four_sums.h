/* ec_riscv_four_sums.h - four sums of three accumulators scaled and stored; those that a ReLU makes zero are told from their sign. */
#ifndef EC_RISCV_FOUR_SUMS_H
#define EC_RISCV_FOUR_SUMS_H

#include <stdint.h>

#include "ec_four_sums.h"
#include "ec_riscv_requantize.h"

typedef struct {
    ec_riscv_output to;
    int32_t dead; /* sums that are not above it are clamped to the lowest output */
} ec_riscv_relu_output;

static inline ec_riscv_relu_output ec_riscv_relu(ec_riscv_output to) {
    const ec_riscv_relu_output relu = {to, to.low >= to.zero_point ? 0 : INT32_MIN};
    return relu;
}

/* Scales and stores a sum, as ec_riscv_requantize does; the value stays 32 bits wide, or the compiler would extend it to store it. */
static inline __attribute__((always_inline)) void ec_riscv_store_relu(int32_t sum, int32_t doubled_multiplier, ec_riscv_relu_output relu,
                                                                      int8_t *output) {
    int32_t value = relu.to.low;
    if (sum > relu.dead) {
        const int64_t product = (int64_t)(int32_t)((uint32_t)sum << relu.to.shift) * doubled_multiplier;
        value = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31) + relu.to.zero_point;
        if (value < relu.to.low) {
            value = relu.to.low;
        }
        if (value > relu.to.high) {
            value = relu.to.high;
        }
    }
    *output = (int8_t)value;
}

/* Four channels, or fewer, of one output pixel; s: as in ec_four_sums.h. */
static inline __attribute__((always_inline)) void ec_riscv_store_quad(const uint32_t *words, uint32_t s, const int32_t *bias,
                                                                      const int32_t *doubled_multiplier, uint32_t channels,
                                                                      ec_riscv_relu_output relu, int8_t *output) {
    int32_t sums[EC_QUAD];
    ec_split_quad(words, s, sums);
    ec_riscv_store_relu(sums[0] + bias[0], doubled_multiplier[0], relu, output);
    if (channels > 1U) {
        ec_riscv_store_relu(sums[1] + bias[1], doubled_multiplier[1], relu, output + 1);
    }
    if (channels > 2U) {
        ec_riscv_store_relu(sums[2] + bias[2], doubled_multiplier[2], relu, output + 2);
    }
    if (channels > 3U) {
        ec_riscv_store_relu(sums[3] + bias[3], doubled_multiplier[3], relu, output + 3);
    }
}

#endif
