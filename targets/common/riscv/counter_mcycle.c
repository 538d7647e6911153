/* counter_mcycle.c - cycles by the mcycle register (RISC-V Privileged Architecture, 3.1.10). */
#include "ec_counter.h"

#define WITH_CSR ".option arch, +zicsr\n" /* every machine-mode core has it, though -march may not say so */

void ec_counter_init(void) {}

uint32_t ec_counter_read(void) {
    uint32_t cycles;
    __asm__ volatile(WITH_CSR "csrr %0, mcycle" : "=r"(cycles));
    return cycles;
}
