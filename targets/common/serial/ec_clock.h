/* ec_clock.h - cycles since start in 64 bits, from a counter of 32. */
#ifndef EC_CLOCK_H
#define EC_CLOCK_H

#include <stdint.h>

/* Starts the counter and finds out whether it moves at all. */
void ec_clock_init(void);

/* 1, or 0 where the counter stands still (QEMU has cores whose does). */
int ec_clock_runs(void);

/* Cycles since `ec_clock_init`; always 0 where the counter stands still. To be called at least once in 2^32 cycles. */
uint64_t ec_clock_cycles(void);

#endif
