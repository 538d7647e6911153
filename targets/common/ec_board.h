/* ec_board.h - what a board's board.c supplies. */
#ifndef EC_BOARD_H
#define EC_BOARD_H

#include <stdint.h>

/* Called at reset before .data and .bss are set up: clocks, coprocessor access, caches. Must not use static variables. On RISC-V it is
 * called again when the host asks for a restart: it must then find the clocks as it left them, and go on. */
void ec_board_init(void);

/* The serial line, on boards with a [serial] section. The build defines EC_SERIAL_BAUD and EC_CLOCK_HZ from board.toml. The line is
 * used half-duplex and polled, without interrupts; only one byte need be held until it is fetched. */

/* Called once, after .data and .bss are set up: pins, clock and UART for 8 data bits, no parity, one stop bit at EC_SERIAL_BAUD. */
void ec_board_serial_init(void);

/* Hands one byte to the transmitter, waiting at most a few byte times for room; a byte that finds none is dropped. */
void ec_board_serial_put(uint8_t byte);

/* The next byte received, 0 to 255, or -1 where none has come. Clears an overrun, framing or noise error so that reception goes on. */
int ec_board_serial_get(void);

#endif
