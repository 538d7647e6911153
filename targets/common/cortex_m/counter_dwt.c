/* counter_dwt.c - cycles by the Data Watchpoint and Trace unit (Armv7-M Architecture Reference Manual, C1.8). Not on Armv6-M. */
#include "ec_counter.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DEMCR_TRCENA 0x01000000u
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CTRL_CYCCNTENA 0x00000001u
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u) /* the Cortex-M7 keeps its unit locked; elsewhere a write does nothing */
#define DWT_UNLOCK 0xC5ACCE55u

void ec_counter_init(void) {
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

uint32_t ec_counter_read(void) { return DWT_CYCCNT; }
