/* board.c - SiFive HiFive1 Rev B (FE310-G002): UART0 on the debugger's serial port; 256 MHz from the 16 MHz crystal. Chapters are those
 * of the FE310-G002 Manual v19p05. */
#include "ec_board.h"

#include "ec_register.h"

/* 6: PRCI, power, reset, clock, interrupt */
#define PRCI_HFROSCCFG 0x10008000u
#define HFROSC_ENABLE (1u << 30)
#define PRCI_HFXOSCCFG 0x10008004u
#define HFXOSC_ENABLE (1u << 30)
#define HFXOSC_READY (1u << 31)
#define PRCI_PLLCFG 0x10008008u
#define PLL_R_BY_2 (1u << 0)      /* 8 MHz into the phase detector; 6 to 12 are allowed */
#define PLL_F_TIMES_64 (31u << 4) /* 512 MHz out of the VCO; 384 to 768 are allowed */
#define PLL_Q_BY_2 (1u << 10)     /* 256 MHz */
#define PLL_SELECT (1u << 16)
#define PLL_REFERENCE_HFXOSC (1u << 17)
#define PLL_BYPASS (1u << 18)
#define PLL_LOCK (1u << 31)
#define PRCI_PLLOUTDIV 0x1000800Cu
#define PLLOUTDIV_BY_1 (1u << 8)
#define HFXOSC_HZ 16000000u
_Static_assert(EC_CLOCK_HZ == HFXOSC_HZ / 2u * 64u / 2u, "clock_hz of board.toml and the PLL's factors");

#define PLL_SETTLE_LOOPS 20000u /* 6.5: PLL_LOCK means nothing in the first 100 us; this is longer at 16 MHz */

/* 19.3: QSPI0, from which the program runs; 32 MHz of the flash's 50 MHz for plain reads */
#define QSPI0_SCKDIV 0x10014000u
#define SCKDIV_BY_8 3u

/* 17.2: GPIO; 5.2: pins 16 (receive) and 17 (transmit) are UART0 as I/O function 0 */
#define GPIO_IOF_EN 0x10012038u
#define GPIO_IOF_SEL 0x1001203Cu
#define PINS_UART0 ((1u << 16) | (1u << 17))

/* 18.3: UART0 */
#define UART_TXDATA 0x10013000u
#define TXDATA_FULL (1u << 31)
#define UART_RXDATA 0x10013004u
#define RXDATA_EMPTY (1u << 31)
#define UART_TXCTRL 0x10013008u
#define UART_RXCTRL 0x1001300Cu
#define CTRL_ENABLE 1u
#define UART_DIV 0x10013018u

/* The PLL is set up while it is bypassed and the core runs from the ring oscillator; it takes over once it has locked. */
void ec_board_init(void) {
    ec_set_bits(PRCI_HFROSCCFG, HFROSC_ENABLE);
    ec_change_bits(PRCI_PLLCFG, PLL_SELECT, 0u);
    EC_REGISTER(PRCI_HFXOSCCFG) = HFXOSC_ENABLE;
    if (!ec_wait_until(PRCI_HFXOSCCFG, HFXOSC_READY, HFXOSC_READY)) {
        return;
    }
    EC_REGISTER(QSPI0_SCKDIV) = SCKDIV_BY_8;
    EC_REGISTER(PRCI_PLLOUTDIV) = PLLOUTDIV_BY_1;
    const uint32_t factors = PLL_REFERENCE_HFXOSC | PLL_Q_BY_2 | PLL_F_TIMES_64 | PLL_R_BY_2;
    EC_REGISTER(PRCI_PLLCFG) = PLL_BYPASS | factors;
    EC_REGISTER(PRCI_PLLCFG) = factors;
    for (volatile uint32_t i = 0; i < PLL_SETTLE_LOOPS; i++) {
    }
    if (ec_wait_until(PRCI_PLLCFG, PLL_LOCK, PLL_LOCK)) {
        ec_set_bits(PRCI_PLLCFG, PLL_SELECT);
    }
}

void ec_board_serial_init(void) {
    ec_change_bits(GPIO_IOF_SEL, PINS_UART0, 0u);
    ec_set_bits(GPIO_IOF_EN, PINS_UART0);
    EC_REGISTER(UART_DIV) = (EC_CLOCK_HZ + EC_SERIAL_BAUD / 2u) / EC_SERIAL_BAUD - 1u; /* 18.9 */
    EC_REGISTER(UART_TXCTRL) = CTRL_ENABLE;
    EC_REGISTER(UART_RXCTRL) = CTRL_ENABLE;
}

void ec_board_serial_put(uint8_t byte) {
    if (ec_wait_until(UART_TXDATA, TXDATA_FULL, 0u)) {
        EC_REGISTER(UART_TXDATA) = byte;
    }
}

int ec_board_serial_get(void) {
    const uint32_t data = EC_REGISTER(UART_RXDATA); /* one read tells whether there is a byte, and takes it */
    return (data & RXDATA_EMPTY) != 0 ? -1 : (int)(data & 0xFFu);
}
