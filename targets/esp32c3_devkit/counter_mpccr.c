/* counter_mpccr.c - the ESP32-C3 has no mcycle but a counter of its own in three registers (Technical Reference Manual v1.3 section
 * 1.4.1): 0x7E0 chooses what is counted, 0x7E1 starts it, 0x7E2 is the count. */
#include "ec_counter.h"

#define COUNT_CYCLES 1u
#define COUNT_AND_WRAP 1u /* bit 0 counts; bit 1, clear, would stop the count at its greatest value */

void ec_counter_init(void) {
    __asm__ volatile(".option push\n .option arch, +zicsr\n csrw 0x7e0, %0\n csrw 0x7e1, %1\n .option pop" ::"r"(COUNT_CYCLES),
                     "r"(COUNT_AND_WRAP));
}

uint32_t ec_counter_read(void) {
    uint32_t cycles;
    __asm__ volatile(".option push\n .option arch, +zicsr\n csrr %0, 0x7e2\n .option pop" : "=r"(cycles));
    return cycles;
}
