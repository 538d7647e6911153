/* counter_timer0.c - the nRF51 has neither SysTick nor DWT; TIMER0, 32 bits wide, counts the 16 MHz clock the core runs at. nRF51
 * Reference Manual v3.0.1, chapter 18. */
#include "ec_counter.h"

#include "ec_register.h"

#define TIMER0 0x40008000u
#define TASKS_START TIMER0
#define TASKS_STOP (TIMER0 + 0x004u)
#define TASKS_CLEAR (TIMER0 + 0x00Cu)
#define TASKS_CAPTURE0 (TIMER0 + 0x040u)
#define MODE (TIMER0 + 0x504u)
#define BITMODE (TIMER0 + 0x508u)
#define PRESCALER (TIMER0 + 0x510u)
#define CC0 (TIMER0 + 0x540u)
#define MODE_TIMER 0u
#define BITMODE_32 3u

void ec_counter_init(void) {
    EC_REGISTER(TASKS_STOP) = 1u;
    EC_REGISTER(MODE) = MODE_TIMER;
    EC_REGISTER(BITMODE) = BITMODE_32;
    EC_REGISTER(PRESCALER) = 0u;
    EC_REGISTER(TASKS_CLEAR) = 1u;
    EC_REGISTER(TASKS_START) = 1u;
}

uint32_t ec_counter_read(void) {
    EC_REGISTER(TASKS_CAPTURE0) = 1u;
    return EC_REGISTER(CC0);
}
