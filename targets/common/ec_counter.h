/* ec_counter.h - the core's cycle counter: one of cortex_m/counter_dwt.c, cortex_m/counter_systick.c, riscv/counter_mcycle.c, or a
 * file of the board. */
#ifndef EC_COUNTER_H
#define EC_COUNTER_H

#include <stdint.h>

void ec_counter_init(void);

/* Cycles of the core at EC_CLOCK_HZ since any moment, modulo 2^32. One that stands still is found out and reported as absent. */
uint32_t ec_counter_read(void);

#endif
