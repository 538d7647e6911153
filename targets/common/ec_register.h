/* ec_register.h - registers by their address, and waits that end. */
#ifndef EC_REGISTER_H
#define EC_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#define EC_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Reads in the longest wait: about ten milliseconds on the fastest core here, more on the others, where oscillators, PLLs and a byte on
 * the line take under two. Emulators that do not model a ready bit cost that much and no more. */
#ifndef EC_WAIT_READS
#define EC_WAIT_READS 200000u
#endif

/* Waits until the bits of `mask` are `value`; false where they have not come to it. */
static inline bool ec_wait_until(uint32_t address, uint32_t mask, uint32_t value) {
    for (uint32_t reads = 0; reads < EC_WAIT_READS; reads++) {
        if ((EC_REGISTER(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

/* Replaces the bits of `mask` by `value`. */
static inline void ec_change_bits(uint32_t address, uint32_t mask, uint32_t value) {
    EC_REGISTER(address) = (EC_REGISTER(address) & ~mask) | value;
}

static inline void ec_set_bits(uint32_t address, uint32_t mask) { ec_change_bits(address, 0u, mask); }

#endif
