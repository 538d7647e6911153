/* echo.c - greets over the board's serial line, then sends back each byte it gets plus one: start-up, clocks and UART, and no more. */
#include <stddef.h>
#include <stdint.h>

#include "ec_board.h"
#include "ec_counter.h"
#include "ec_port.h"

static volatile uint32_t initialised = 0x600DDA7Au; /* in .data: wrong where that was not copied */
static volatile uint32_t cleared;                   /* in .bss: wrong where that was not cleared */

void ec_port_print(const char *text) {
    while (*text != '\0') {
        ec_board_serial_put((uint8_t)*text++);
    }
}

void ec_port_exit(int code) {
    (void)code;
    for (;;) {
    }
}

static void print_number(uint32_t value) {
    char digits[12];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(value % 10u));
        value /= 10u;
    } while (value != 0);
    ec_port_print(digits + at);
}

int main(void) {
    ec_board_serial_init();
    ec_counter_init();
    const uint32_t before = ec_counter_read();
    ec_port_print(initialised == 0x600DDA7Au && cleared == 0 ? "hello " : "memory is wrong ");
    print_number(ec_counter_read() - before);
    ec_port_print("\n");
    for (;;) {
        const int byte = ec_board_serial_get();
        if (byte >= 0) {
            ec_board_serial_put((uint8_t)(byte + 1));
        }
    }
}
