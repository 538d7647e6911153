/* Four elements are loaded, compared and subtracted from the largest at a time. */
#include "ec_softmax_s8.h"

#include "ec_lanes.h"

#define BYTE(word, number) ((uint8_t)((word) >> (8 * (number))))

static int32_t largest(const int8_t *row, uint32_t depth) {
    int32_t best = INT8_MIN;
    if (depth >= 4) {
        uint32_t words = ec_load_word(row);
        for (; depth >= 4; depth -= 4) {
            words = ec_max_bytes(words, ec_load_word(row));
            row += 4;
        }
        words = ec_max_bytes(words, words >> 16 | words << 16);
        words = ec_max_bytes(words, words >> 8 | words << 24);
        best = (int8_t)words;
    }
    for (; depth > 0; depth--) {
        best = *row > best ? *row : best;
        row++;
    }
    return best;
}

/* Distances below the largest, four at a time: each fits an unsigned byte. */
static inline uint32_t distances(uint32_t tops, uint32_t word) {
    uint32_t result;
    __asm__("usub8 %0, %1, %2" : "=r"(result) : "r"(tops), "r"(word));
    return result;
}

static uint32_t sum_row(const uint16_t *table, uint32_t tops, const int8_t *row, uint32_t depth) {
    uint32_t sum = 0;
    for (; depth >= 4; depth -= 4) {
        const uint32_t below = distances(tops, ec_load_word(row));
        sum += table[BYTE(below, 0)];
        sum += table[BYTE(below, 1)];
        sum += table[BYTE(below, 2)];
        sum += table[BYTE(below, 3)];
        row += 4;
    }
    for (; depth > 0; depth--) {
        sum += table[BYTE(distances(tops, (uint8_t)*row++), 0)];
    }
    return sum;
}

/* round_half_up(256 * e / sum), at most 255, less 128: 512 * e + sum and 2 * sum fit 32 bits, as sum <= 32768 * 65535. */
static inline int32_t share(uint32_t e, uint32_t sum) { return (int32_t)((e * 512U + sum) / (2U * sum)) - 128; }

void ec_softmax_s8_arm_dsp(const ec_softmax_s8_params *params, const int8_t *input, int8_t *output) {
    const uint16_t *table = params->table;
    for (uint32_t row = 0; row < params->rows; row++) {
        const uint32_t tops = ec_splat_byte((int8_t)largest(input, params->depth));
        const uint32_t sum = sum_row(table, tops, input, params->depth);
        uint32_t left = params->depth;
        for (; left >= 4; left -= 4) {
            const uint32_t below = distances(tops, ec_load_word(input));
            ec_store_saturated(&output[0], share(table[BYTE(below, 0)], sum));
            ec_store_saturated(&output[1], share(table[BYTE(below, 1)], sum));
            ec_store_saturated(&output[2], share(table[BYTE(below, 2)], sum));
            ec_store_saturated(&output[3], share(table[BYTE(below, 3)], sum));
            input += 4;
            output += 4;
        }
        for (; left > 0; left--) {
            *output++ = ec_saturate(share(table[BYTE(distances(tops, (uint8_t)*input++), 0)], sum));
        }
    }
}
