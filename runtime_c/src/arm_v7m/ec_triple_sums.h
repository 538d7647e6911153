/* ec_triple_sums.h - from the accumulators of ec_triples.h to int8, as lines of assembly. */
#ifndef EC_TRIPLE_SUMS_H
#define EC_TRIPLE_SUMS_H

/* clang-format off */

/* The three sums of accumulators u and v, which are lost. */
#define EC_SPLIT(u, v, a, b, c)           \
    "sbfx   " a ", " u ", #0, #21     \n" \
    "sub    " u ", " u ", " a "       \n" \
    "rsb    " b ", " u ", " v ", lsl #10 \n" \
    "asr    " b ", " b ", #10         \n" \
    "sub    " v ", " v ", " b "       \n" \
    "asr    " c ", " v ", #11         \n"

#define EC_SHIFT(sum, shift) "lsl " sum ", " sum ", " shift " \n"

/* The rule of ec_requantize.h, with saturation for the clamps; `multiplier` holds twice the multiplier, `lost` is. The result is the upper
 * word of the product, rounded half up: bit 31 of the lower word becomes the carry. */
#define EC_RESCALE(sum, multiplier, zero_point, lost)   \
    "smull  " lost ", " sum ", " sum ", " multiplier "\n" \
    "lsls   " lost ", " lost ", #1    \n"                 \
    "adc    " sum ", " sum ", " zero_point "\n"           \
    "ssat   " sum ", #8, " sum "      \n"

/* r9: zero point; lr: twice the multiplier. */
#define EC_REQUANTIZE(sum, lost) EC_RESCALE(sum, "lr", "r9", lost)

/* clang-format on */

#endif
