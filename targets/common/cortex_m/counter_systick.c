/* counter_systick.c - cycles by SysTick (Armv6-M Architecture Reference Manual, B3.3), for cores without a cycle counter. Its 24 bits
 * go round in 2^24 cycles; an interrupt counts how often. */
#include "ec_counter.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define ICSR (*(volatile uint32_t *)0xE000ED04u)
#define ICSR_PENDSTSET 0x04000000u
#define SYST_CSR_CORE_CLOCK_INTERRUPT_ENABLE 0x00000007u
#define LARGEST 0x00FFFFFFu

void ec_systick_entry(void);

static volatile uint32_t rounds;

void ec_systick_entry(void) { rounds++; }

void ec_counter_init(void) {
    SYST_RVR = LARGEST;
    SYST_CVR = 0; /* any write clears it */
    SYST_CSR = SYST_CSR_CORE_CLOCK_INTERRUPT_ENABLE;
}

uint32_t ec_counter_read(void) {
    uint32_t before;
    uint32_t down;
    uint32_t pending;
    do {
        before = rounds;
        down = SYST_CVR;
        pending = ICSR & ICSR_PENDSTSET;
    } while (down == 0 || before != rounds); /* 0 belongs to the old round or to the new one, as the interrupt was taken or not */
    const uint32_t uncounted = pending != 0 && down > LARGEST / 2u ? 1u : 0u;
    return ((before + uncounted) << 24) + (LARGEST + 1u - down);
}
