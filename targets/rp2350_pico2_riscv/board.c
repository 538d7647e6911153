/* board.c - Raspberry Pi Pico 2 (RP2350) on its RISC-V cores, Hazard3: UART0 on GPIO 0 (transmit, pin 1) and GPIO 1 (receive, pin 2). */
#include "ec_board.h"

#include "rp2/rp2.h"

/* The boot ROM starts both cores on one program only after a handshake: core 1 sleeps in ROM. */
void ec_board_init(void) {
    /* RP2350 Datasheet 3.8.9: mcountinhibit stops mcycle (bit 0) and minstret (bit 2) at reset, to save power. */
    __asm__ volatile(".option push\n .option arch, +zicsr\n csrci 0x320, 5\n .option pop");
    rp2_run_from_pll();
}

void ec_board_serial_init(void) { rp2_uart_init(); }

void ec_board_serial_put(uint8_t byte) { rp2_uart_put(byte); }

int ec_board_serial_get(void) { return rp2_uart_get(); }
