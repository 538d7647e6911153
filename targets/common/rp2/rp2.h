/* rp2.h - what RP2040 and RP2350 share: crystal, PLL and UART0 on GPIO 0 (transmit) and 1 (receive), blocks that differ in their
 * addresses and reset bits only. -DEC_RP2040 or -DEC_RP2350 chooses
 * the chip. */
#ifndef EC_RP2_H
#define EC_RP2_H

#include <stdint.h>

/* Takes the core from the ring oscillator to EC_CLOCK_HZ, from the 12 MHz crystal of Raspberry Pi's boards. Where crystal or PLL do not
 * start, the core stays where it is. */
void rp2_run_from_pll(void);

/* 8N1 at EC_SERIAL_BAUD. */
void rp2_uart_init(void);

/* As ec_board.h describes them. */
void rp2_uart_put(uint8_t byte);
int rp2_uart_get(void);

#endif
