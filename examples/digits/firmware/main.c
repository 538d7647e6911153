/* A program around a generated model: classify one drawn digit and print its class. */
#include <stdio.h>

#include "digits.h"

static uint8_t arena[DIGITS_ARENA_BYTES] EC_ALIGNED(DIGITS_ARENA_ALIGNMENT);

/* A zero, 8 x 8 pixels of 0 to 16. The model's input is int8: 0 is -128, 16 is 127. */
static const uint8_t image[DIGITS_INPUT_BYTES] = {
    0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0,  11, 8, 0, 0, 4, 12, 0,  0,  8, 8, 0,
    0, 5, 8, 0,  0, 9, 8, 0, 0, 4, 11, 0,  1,  12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6,  13, 10, 0, 0, 0,
};

int main(void) {
    ec_context context;
    if (digits_init(&context, arena, sizeof arena) != EC_OK) {
        return 1;
    }
    for (int i = 0; i < DIGITS_INPUT_BYTES; i++) {
        digits_input(&context)[i] = (int8_t)((image[i] * 255 + 8) / 16 - 128);
    }
    digits_run(&context);
    int best = 0;
    for (int digit = 1; digit < DIGITS_OUTPUT_BYTES; digit++) {
        best = digits_output(&context)[digit] > digits_output(&context)[best] ? digit : best;
    }
    printf("digit %d, probability %d/256\n", best, digits_output(&context)[best] + 128);
    return 0;
}
