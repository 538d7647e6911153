/* board.c - Espressif ESP32-C3-DevKitM-1 and DevKitC-02: UART0 on GPIO 21 (transmit) and 20 (receive), which the board's USB bridge
 * carries; 160 MHz. Sections are those of the ESP32-C3 Technical Reference Manual v1.3. */
#include "ec_board.h"

#include "ec_register.h"

/* 9.4 and 12.5: RTC, timer-group and super watchdogs. Boot from flash leaves them running; each "flash boot" mode bites although its
 * watchdog is off. Registers take writes only behind their key. */
#define RTC_WDTCONFIG0 0x60008090u
#define RTC_WDTWPROTECT 0x600080A8u
#define RTC_SWD_CONF 0x600080ACu
#define SWD_AUTO_FEED (1u << 31)
#define RTC_SWD_WPROTECT 0x600080B0u
#define TIMG0_WDTCONFIG0 0x6001F048u
#define TIMG0_WDTWPROTECT 0x6001F064u
#define TIMG1_WDTCONFIG0 0x60020048u
#define TIMG1_WDTWPROTECT 0x60020064u
#define WATCHDOG_KEY 0x50D83AA1u
#define SUPER_WATCHDOG_KEY 0x8F1D312Au
#define LOCKED 0u

/* 9.9: the PLL's power; the boot ROM has it running and calibrated for the USB serial port */
#define RTC_OPTIONS0 0x60008000u
#define PLL_FORCE_POWER_UP ((1u << 7) | (1u << 9) | (1u << 11)) /* bias and registers, registers of the PLL, the PLL itself */

/* 6.2.4.1 and 16.4: CPU clock = 480 MHz PLL / 3 */
#define SYSTEM_CPU_PER_CONF 0x600C0008u
#define CPUPERIOD_MASK 3u
#define CPUPERIOD_160_MHZ 1u
#define PLL_480_MHZ (1u << 2)
#define SYSTEM_SYSCLK_CONF 0x600C0058u
#define SOC_CLK_MASK (3u << 10)
#define SOC_CLK_PLL (1u << 10)
_Static_assert(EC_CLOCK_HZ == 160000000u, "clock_hz of board.toml");

/* 16.4: gates and resets of peripherals */
#define SYSTEM_PERIP_CLK_EN0 0x600C0010u
#define SYSTEM_PERIP_RST_EN0 0x600C0018u
#define PERIP_UART0 (1u << 2)
#define PERIP_UART_MEMORY (1u << 24)

/* 5.14: pads; function 0 of both is UART0 */
#define IO_MUX_GPIO20 0x60009054u
#define IO_MUX_GPIO21 0x60009058u
#define MUX_PULL_UP (1u << 8)
#define MUX_INPUT (1u << 9)
#define MUX_DRIVE_20_MA (2u << 10)

/* 26.5: UART0 */
#define UART_FIFO 0x60000000u
#define UART_CLKDIV 0x60000014u
#define UART_STATUS 0x6000001Cu
#define STATUS_COUNT_MASK 0x3FFu
#define STATUS_TX_COUNT_SHIFT 16
#define UART_CONF0 0x60000020u
#define CONF0_8N1 ((3u << 2) | (1u << 4))
#define CONF0_RESET_FIFOS ((1u << 17) | (1u << 18))
#define CONF0_MEMORY_CLOCK (1u << 28)
#define UART_CLK_CONF 0x60000078u
#define CLK_CONF_CRYSTAL ((3u << 24) | (1u << 22) | (3u << 20)) /* undivided, for both directions */
#define UART_ID 0x60000080u
#define ID_UPDATE (1u << 31)
#define FIFO_BYTES 128u

#define CRYSTAL_HZ 40000000u
#define DIVIDER_16THS ((CRYSTAL_HZ * 16u + EC_SERIAL_BAUD / 2u) / EC_SERIAL_BAUD)
_Static_assert(DIVIDER_16THS / 16u <= 0xFFFu, "baud of board.toml: from a 40 MHz crystal the UART takes 9,800 and more");

static void stop_watchdog(uint32_t protect, uint32_t config) {
    EC_REGISTER(protect) = WATCHDOG_KEY;
    EC_REGISTER(config) = 0u;
    EC_REGISTER(protect) = LOCKED;
}

static void stop_watchdogs(void) {
    stop_watchdog(RTC_WDTWPROTECT, RTC_WDTCONFIG0);
    stop_watchdog(TIMG0_WDTWPROTECT, TIMG0_WDTCONFIG0);
    stop_watchdog(TIMG1_WDTWPROTECT, TIMG1_WDTCONFIG0);
    EC_REGISTER(RTC_SWD_WPROTECT) = SUPER_WATCHDOG_KEY;
    ec_set_bits(RTC_SWD_CONF, SWD_AUTO_FEED);
    EC_REGISTER(RTC_SWD_WPROTECT) = LOCKED;
}

void ec_board_init(void) {
    stop_watchdogs();
    ec_set_bits(RTC_OPTIONS0, PLL_FORCE_POWER_UP);
    ec_change_bits(SYSTEM_CPU_PER_CONF, CPUPERIOD_MASK, PLL_480_MHZ | CPUPERIOD_160_MHZ);
    ec_change_bits(SYSTEM_SYSCLK_CONF, SOC_CLK_MASK, SOC_CLK_PLL);
}

void ec_board_serial_init(void) {
    ec_set_bits(SYSTEM_PERIP_CLK_EN0, PERIP_UART0 | PERIP_UART_MEMORY);
    ec_change_bits(SYSTEM_PERIP_RST_EN0, PERIP_UART0 | PERIP_UART_MEMORY, 0u);
    EC_REGISTER(IO_MUX_GPIO21) = MUX_DRIVE_20_MA;
    EC_REGISTER(IO_MUX_GPIO20) = MUX_DRIVE_20_MA | MUX_INPUT | MUX_PULL_UP;
    EC_REGISTER(UART_CLK_CONF) = CLK_CONF_CRYSTAL;
    EC_REGISTER(UART_CLKDIV) = ((DIVIDER_16THS % 16u) << 20) | (DIVIDER_16THS / 16u);
    EC_REGISTER(UART_CONF0) = CONF0_MEMORY_CLOCK | CONF0_8N1 | CONF0_RESET_FIFOS;
    EC_REGISTER(UART_CONF0) = CONF0_MEMORY_CLOCK | CONF0_8N1;
    ec_set_bits(UART_ID, ID_UPDATE); /* 26.5.1: carries the settings over to the UART's own clock */
    (void)ec_wait_until(UART_ID, ID_UPDATE, 0u);
}

void ec_board_serial_put(uint8_t byte) {
    for (uint32_t reads = 0; reads < EC_WAIT_READS; reads++) {
        if (((EC_REGISTER(UART_STATUS) >> STATUS_TX_COUNT_SHIFT) & STATUS_COUNT_MASK) < FIFO_BYTES) {
            EC_REGISTER(UART_FIFO) = byte;
            return;
        }
    }
}

int ec_board_serial_get(void) { return (EC_REGISTER(UART_STATUS) & STATUS_COUNT_MASK) == 0 ? -1 : (int)(EC_REGISTER(UART_FIFO) & 0xFFu); }
