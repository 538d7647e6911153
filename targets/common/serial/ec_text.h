/* ec_text.h - text on the line. */
#ifndef EC_TEXT_H
#define EC_TEXT_H

#include <stdint.h>

void ec_text_put(const char *text);

/* Decimal, without leading zeros. */
void ec_text_put_number(uint64_t value);

/* Two hex digits. */
void ec_text_put_hex(uint8_t value);

/* value * 2^exponent with six decimals, rounded to nearest; |value| < 2^56. What needs more than 63 bits before the point is
 * printed as the largest number of 63 bits. */
void ec_text_put_scaled(int64_t value, int32_t exponent);

#endif
