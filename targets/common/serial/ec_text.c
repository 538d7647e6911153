/* ec_text.c - see ec_text.h. */
#include "ec_text.h"

#include <stddef.h>

#include "ec_board.h"

#define MILLION 1000000u
#define KEPT_FRACTION_BITS 43u /* times a million they fit 63 bits */

void ec_text_put(const char *text) {
    while (*text != '\0') {
        ec_board_serial_put((uint8_t)*text++);
    }
}

/* At least `digits` digits. */
static void put_padded(uint64_t value, unsigned digits) {
    char text[21]; /* 20 digits hold any 64-bit value */
    size_t at = sizeof text - 1u;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + (int)(value % 10u));
        value /= 10u;
    } while (value != 0 || sizeof text - 1u - at < digits);
    ec_text_put(text + at);
}

void ec_text_put_number(uint64_t value) { put_padded(value, 1); }

void ec_text_put_hex(uint8_t value) {
    ec_board_serial_put((uint8_t) "0123456789abcdef"[value >> 4]);
    ec_board_serial_put((uint8_t) "0123456789abcdef"[value & 15u]);
}

void ec_text_put_scaled(int64_t value, int32_t exponent) {
    const uint64_t magnitude = value < 0 ? (uint64_t)-value : (uint64_t)value;
    uint64_t whole = 0;
    uint64_t millionths = 0;
    if (exponent >= 0) {
        const int fits = exponent < 63 && magnitude <= (uint64_t)INT64_MAX >> exponent;
        whole = fits ? magnitude << exponent : magnitude == 0 ? 0u : (uint64_t)INT64_MAX;
    } else {
        uint32_t bits = (uint32_t)-exponent;
        uint64_t fraction = magnitude;
        if (bits < 63u) {
            whole = magnitude >> bits;
            fraction = magnitude & (((uint64_t)1 << bits) - 1u);
        }
        if (bits > KEPT_FRACTION_BITS) {
            const uint32_t dropped = bits - KEPT_FRACTION_BITS;
            fraction = dropped < 63u ? fraction >> dropped : 0u;
            bits = KEPT_FRACTION_BITS;
        }
        millionths = (fraction * MILLION + ((uint64_t)1 << (bits - 1u))) >> bits;
        whole += millionths / MILLION; /* rounding may have carried */
        millionths %= MILLION;
    }
    ec_text_put(value < 0 && (whole != 0 || millionths != 0) ? "-" : "");
    put_padded(whole, 1);
    ec_text_put(".");
    put_padded(millionths, 6);
}
