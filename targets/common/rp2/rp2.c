/* rp2.c - clocks and UART0 of RP2040 and RP2350. Sections are those of the RP2040 Datasheet; in brackets the RP2350 Datasheet's. */
#include "rp2/rp2.h"

#include "ec_register.h"

#if defined(EC_RP2040)
#include "rp2/rp2040.h"
#elif defined(EC_RP2350)
#include "rp2/rp2350.h"
#else
#error "board.toml must have -DEC_RP2040 or -DEC_RP2350 in toolchain.cflags"
#endif

#define CRYSTAL_HZ 12000000u

/* 2.14.3 [7.5.3]: reset registers */
#define RESETS_RESET RP2_RESETS
#define RESETS_DONE (RP2_RESETS + 0x08u)

/* 2.15.7 [8.1.6]: clock registers */
#define CLK_REF_CTRL (RP2_CLOCKS + 0x30u)
#define CLK_REF_SELECTED (RP2_CLOCKS + 0x38u)
#define REF_SOURCE_CRYSTAL 2u
#define CLK_SYS_CTRL (RP2_CLOCKS + 0x3Cu)
#define CLK_SYS_SELECTED (RP2_CLOCKS + 0x44u)
#define SYS_SOURCE_MASK 1u /* 0: reference clock, 1: auxiliary source, whose reset value 0 is the system PLL */
#define SYS_SOURCE_REF 0u
#define SYS_SOURCE_AUX 1u
#define SYS_AUX_MASK (7u << 5)
#define CLK_PERI_CTRL (RP2_CLOCKS + 0x48u)
#define PERI_ENABLE (1u << 11) /* with its source 0, the system clock */

/* 2.16.7 [8.2.8]: crystal oscillator; start-up in 256 cycles of the crystal, a millisecond */
#define XOSC_CTRL RP2_XOSC
#define XOSC_1_TO_15_MHZ 0xAA0u
#define XOSC_ENABLE (0xFABu << 12)
#define XOSC_STATUS (RP2_XOSC + 0x04u)
#define XOSC_STABLE (1u << 31)
#define XOSC_STARTUP (RP2_XOSC + 0x0Cu)
#define XOSC_STARTUP_1_MS 47u

/* 2.18.4 [8.6.5]: PLL. VCO 1,500 MHz from 12 MHz, divided twice to the core's clock */
#define PLL_CS RP2_PLL_SYS
#define PLL_LOCK (1u << 31)
#define PLL_PWR (RP2_PLL_SYS + 0x04u)
#define PWR_MAIN_AND_VCO ((1u << 0) | (1u << 5))
#define PWR_POST_DIVIDERS (1u << 3)
#define PLL_FBDIV_INT (RP2_PLL_SYS + 0x08u)
#define PLL_PRIM (RP2_PLL_SYS + 0x0Cu)
#define VCO_HZ 1500000000u
#define POST_DIVIDER_2 2u
#define POST_DIVIDER_1 (VCO_HZ / POST_DIVIDER_2 / EC_CLOCK_HZ)
_Static_assert(POST_DIVIDER_1 >= 1u && POST_DIVIDER_1 <= 7u && POST_DIVIDER_1 * POST_DIVIDER_2 * EC_CLOCK_HZ == VCO_HZ,
               "clock_hz of board.toml must divide 1,500 MHz by 2 to 14");

/* 2.19.6 [9.11]: pins; both chips have UART0 on GPIO 0 and 1 as function 2 */
#define GPIO_CTRL(pin) (RP2_IO_BANK0 + 0x04u + 8u * (pin))
#define GPIO_PAD(pin) (RP2_PADS_BANK0 + 0x04u + 4u * (pin))
#define FUNCTION_UART 2u
#define PAD_INPUT_PULLED_UP ((1u << 6) | (1u << 4) | (1u << 3) | (1u << 1)) /* input on, 4 mA, pull-up, Schmitt trigger; not isolated */

/* 4.2.8 [12.1.8]: Arm PL011 */
#define UART_DR RP2_UART0
#define UART_FR (RP2_UART0 + 0x18u)
#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define UART_IBRD (RP2_UART0 + 0x24u)
#define UART_FBRD (RP2_UART0 + 0x28u)
#define UART_LCR_H (RP2_UART0 + 0x2Cu)
#define LCR_8_BITS_FIFO ((3u << 5) | (1u << 4))
#define UART_CR (RP2_UART0 + 0x30u)
#define CR_ENABLE_TX_RX ((1u << 0) | (1u << 8) | (1u << 9))
#define BAUD_DIVIDER_64THS ((4u * EC_CLOCK_HZ + EC_SERIAL_BAUD / 2u) / EC_SERIAL_BAUD)

static void bring_out_of_reset(uint32_t blocks) {
    ec_change_bits(RESETS_RESET, blocks, 0u);
    (void)ec_wait_until(RESETS_DONE, blocks, blocks);
}

static bool start_crystal(void) {
    EC_REGISTER(XOSC_STARTUP) = XOSC_STARTUP_1_MS;
    EC_REGISTER(XOSC_CTRL) = XOSC_ENABLE | XOSC_1_TO_15_MHZ;
    return ec_wait_until(XOSC_STATUS, XOSC_STABLE, XOSC_STABLE);
}

/* The system clock must not come from the PLL while that is set up; it comes from the reference clock, and that from the crystal. */
static void run_from_crystal(void) {
    ec_change_bits(CLK_SYS_CTRL, SYS_SOURCE_MASK, SYS_SOURCE_REF);
    (void)ec_wait_until(CLK_SYS_SELECTED, 3u, 1u << SYS_SOURCE_REF);
    EC_REGISTER(CLK_REF_CTRL) = REF_SOURCE_CRYSTAL;
    (void)ec_wait_until(CLK_REF_SELECTED, 7u, 1u << REF_SOURCE_CRYSTAL);
}

static bool start_pll(void) {
    ec_set_bits(RESETS_RESET, RP2_RESET_PLL_SYS);
    bring_out_of_reset(RP2_RESET_PLL_SYS);
    EC_REGISTER(PLL_CS) = 1u; /* reference divider */
    EC_REGISTER(PLL_FBDIV_INT) = VCO_HZ / CRYSTAL_HZ;
    ec_change_bits(PLL_PWR, PWR_MAIN_AND_VCO, 0u);
    if (!ec_wait_until(PLL_CS, PLL_LOCK, PLL_LOCK)) {
        return false;
    }
    EC_REGISTER(PLL_PRIM) = (POST_DIVIDER_1 << 16) | (POST_DIVIDER_2 << 12);
    ec_change_bits(PLL_PWR, PWR_POST_DIVIDERS, 0u);
    return true;
}

void rp2_run_from_pll(void) {
    if (!start_crystal()) {
        return;
    }
    run_from_crystal();
    if (!start_pll()) {
        return;
    }
    ec_change_bits(CLK_SYS_CTRL, SYS_AUX_MASK, 0u);
    ec_change_bits(CLK_SYS_CTRL, SYS_SOURCE_MASK, SYS_SOURCE_AUX);
    (void)ec_wait_until(CLK_SYS_SELECTED, 3u, 1u << SYS_SOURCE_AUX);
}

void rp2_uart_init(void) {
    EC_REGISTER(CLK_PERI_CTRL) = PERI_ENABLE;
    ec_set_bits(RESETS_RESET, RP2_RESET_UART0);
    bring_out_of_reset(RP2_RESET_UART0 | RP2_RESET_IO_BANK0 | RP2_RESET_PADS_BANK0);
    for (uint32_t pin = 0; pin < 2u; pin++) {
        EC_REGISTER(GPIO_CTRL(pin)) = FUNCTION_UART;
        EC_REGISTER(GPIO_PAD(pin)) = PAD_INPUT_PULLED_UP;
    }
    EC_REGISTER(UART_IBRD) = BAUD_DIVIDER_64THS / 64u;
    EC_REGISTER(UART_FBRD) = BAUD_DIVIDER_64THS % 64u;
    EC_REGISTER(UART_LCR_H) = LCR_8_BITS_FIFO; /* a write of LCR_H takes the divider over */
    EC_REGISTER(UART_CR) = CR_ENABLE_TX_RX;
}

void rp2_uart_put(uint8_t byte) {
    if (ec_wait_until(UART_FR, FR_TX_FULL, 0u)) {
        EC_REGISTER(UART_DR) = byte;
    }
}

int rp2_uart_get(void) {
    if ((EC_REGISTER(UART_FR) & FR_RX_EMPTY) != 0) {
        return -1;
    }
    return (int)(EC_REGISTER(UART_DR) & 0xFFu); /* a byte read takes its error flags with it */
}
