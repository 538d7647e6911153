/* board.c - Nordic nRF52840 DK (PCA10056): the debugger's serial port is wired to P0.06 (transmit) and P0.08 (receive). Sections are
 * those of the nRF52840 Product Specification v1.7. */
#include "ec_board.h"

#include "cortex_m/fpu.h"
#include "ec_register.h"
#include "nordic/uart.h"

#define PIN_TX 6u /* nRF52840 DK User Guide v1.2, section 4.3 */
#define PIN_RX 8u

#define NVMC_ICACHECNF 0x4001E540u /* 4.3.6.9 */
#define ICACHECNF_ENABLE 1u

void ec_board_init(void) {
    ec_enable_fpu();
    EC_REGISTER(NVMC_ICACHECNF) = ICACHECNF_ENABLE;
    nordic_start_crystal(); /* the core runs at 64 MHz from reset */
}

void ec_board_serial_init(void) { nordic_uart_init(PIN_TX, PIN_RX); }

void ec_board_serial_put(uint8_t byte) { nordic_uart_put(byte); }

int ec_board_serial_get(void) { return nordic_uart_get(); }
