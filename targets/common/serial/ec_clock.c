/* ec_clock.c - see ec_clock.h. */
#include "ec_clock.h"

#include "ec_counter.h"

#define TRIES 10000u /* of two reads, for a counter that moves slowly */

static uint64_t cycles;
static uint32_t last_read;
static uint8_t runs;

void ec_clock_init(void) {
    ec_counter_init();
    cycles = 0;
    last_read = ec_counter_read();
    runs = 0;
    for (uint32_t i = 0; i < TRIES && !runs; i++) {
        runs = ec_counter_read() != last_read;
    }
}

int ec_clock_runs(void) { return runs; }

uint64_t ec_clock_cycles(void) {
    const uint32_t now = ec_counter_read();
    cycles += now - last_read;
    last_read = now;
    return cycles;
}
