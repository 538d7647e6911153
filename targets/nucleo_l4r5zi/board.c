/* board.c - ST NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8, which the ST-LINK's virtual COM port carries; 120 MHz from the internal 16 MHz
 * oscillator. Sections are those of RM0432. */
#include "ec_board.h"

#include "cortex_m/fpu.h"
#include "ec_register.h"

/* 6.4: RCC registers */
#define RCC 0x40021000u
#define RCC_CR RCC
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_CFGR (RCC + 0x08u)
#define CFGR_SW_PLL 3u
#define CFGR_SWS_MASK (3u << 2)
#define CFGR_SWS_PLL (3u << 2)
#define CFGR_HPRE_MASK (15u << 4)
#define CFGR_HPRE_BY_2 (8u << 4)
#define RCC_PLLCFGR (RCC + 0x0Cu)
#define RCC_AHB2ENR (RCC + 0x4Cu)
#define AHB2ENR_GPIOG (1u << 6)
#define RCC_APB1ENR1 (RCC + 0x58u)
#define APB1ENR1_PWR (1u << 28)
#define RCC_APB1ENR2 (RCC + 0x5Cu)
#define APB1ENR2_LPUART1 (1u << 0)

/* 6.4.4: source HSI16, M = 2 (8 MHz into the VCO), N = 30 (240 MHz out of it), R = 2 (120 MHz), output R on */
#define PLL_SOURCE_HSI16 2u
#define PLL_M_2 (1u << 4)
#define PLL_N_30 (30u << 8)
#define PLL_R_ON (1u << 24)
_Static_assert(EC_CLOCK_HZ == 120000000u, "clock_hz of board.toml and the PLL's factors");

/* 5.4: power controller */
#define PWR_CR2 0x40007004u
#define CR2_IOSV (1u << 9) /* 5.1.1: PG2 to PG15 have a supply of their own, VDDIO2 */
#define PWR_CR5 0x40007080u
#define CR5_R1MODE (1u << 8) /* 0: range 1 boost, needed above 80 MHz */

/* 3.7.1, and table 12 in 3.3.3: five wait states from 100 to 120 MHz in range 1 boost */
#define FLASH_ACR 0x40022000u
#define ACR_WAIT_STATES 5u
#define ACR_PREFETCH (1u << 8)
#define ACR_INSTRUCTION_CACHE (1u << 9)
#define ACR_DATA_CACHE (1u << 10)

/* 8.4: GPIO registers; UM2179 section 6.10 and DS12023 table 16: PG7 and PG8 are LPUART1 in alternate function 8 */
#define GPIOG_MODER 0x48001800u
#define GPIOG_PUPDR 0x4800180Cu
#define GPIOG_AFRL 0x48001820u
#define GPIOG_AFRH 0x48001824u
#define PIN_TX 7u
#define PIN_RX 8u
#define FUNCTION_LPUART1 8u
#define MODE_ALTERNATE 2u
#define PULL_UP 1u

/* 51.7: LPUART registers */
#define LPUART1 0x40008000u
#define LPUART1_CR1 LPUART1
#define CR1_UE (1u << 0)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_FIFOEN (1u << 29)
#define LPUART1_BRR (LPUART1 + 0x0Cu)
#define LPUART1_ISR (LPUART1 + 0x1Cu)
#define ISR_PE_FE_NE_ORE 0xFu
#define ISR_RXNE (1u << 5)
#define ISR_TXE (1u << 7)
#define LPUART1_ICR (LPUART1 + 0x20u)
#define LPUART1_RDR (LPUART1 + 0x24u)
#define LPUART1_TDR (LPUART1 + 0x28u)

#define SETTLE_LOOPS 200u /* over a microsecond at 60 MHz */

/* 5.1.8: above 80 MHz the bus prescaler halves the clock for at least a microsecond around the switch. */
static void switch_to_pll(void) {
    ec_change_bits(RCC_CFGR, CFGR_HPRE_MASK, CFGR_HPRE_BY_2);
    EC_REGISTER(FLASH_ACR) = ACR_DATA_CACHE | ACR_INSTRUCTION_CACHE | ACR_PREFETCH | ACR_WAIT_STATES;
    (void)ec_wait_until(FLASH_ACR, 0xFu, ACR_WAIT_STATES);
    ec_set_bits(RCC_CFGR, CFGR_SW_PLL);
    (void)ec_wait_until(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL);
    for (volatile uint32_t i = 0; i < SETTLE_LOOPS; i++) {
    }
    ec_change_bits(RCC_CFGR, CFGR_HPRE_MASK, 0u);
}

void ec_board_init(void) {
    ec_enable_fpu();
    ec_set_bits(RCC_APB1ENR1, APB1ENR1_PWR);
    (void)EC_REGISTER(RCC_APB1ENR1); /* 6.2.19: a peripheral may be used two cycles after its clock is on */
    ec_change_bits(PWR_CR5, CR5_R1MODE, 0u);
    ec_set_bits(RCC_CR, CR_HSION);
    if (!ec_wait_until(RCC_CR, CR_HSIRDY, CR_HSIRDY)) {
        return;
    }
    EC_REGISTER(RCC_PLLCFGR) = PLL_R_ON | PLL_N_30 | PLL_M_2 | PLL_SOURCE_HSI16;
    ec_set_bits(RCC_CR, CR_PLLON);
    if (ec_wait_until(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        switch_to_pll();
    }
}

static void connect_pins(void) {
    ec_set_bits(PWR_CR2, CR2_IOSV);
    ec_set_bits(RCC_AHB2ENR, AHB2ENR_GPIOG);
    (void)EC_REGISTER(RCC_AHB2ENR);
    ec_change_bits(GPIOG_AFRL, 15u << (4u * PIN_TX), FUNCTION_LPUART1 << (4u * PIN_TX));
    ec_change_bits(GPIOG_AFRH, 15u << (4u * (PIN_RX - 8u)), FUNCTION_LPUART1 << (4u * (PIN_RX - 8u)));
    ec_change_bits(GPIOG_PUPDR, 3u << (2u * PIN_RX), PULL_UP << (2u * PIN_RX));
    ec_change_bits(GPIOG_MODER, 3u << (2u * PIN_TX) | 3u << (2u * PIN_RX),
                   MODE_ALTERNATE << (2u * PIN_TX) | MODE_ALTERNATE << (2u * PIN_RX));
}

void ec_board_serial_init(void) {
    connect_pins();
    ec_set_bits(RCC_APB1ENR2, APB1ENR2_LPUART1); /* its clock is PCLK1 at reset (6.4.28), undivided: EC_CLOCK_HZ */
    (void)EC_REGISTER(RCC_APB1ENR2);
    EC_REGISTER(LPUART1_BRR) = (uint32_t)((256ull * EC_CLOCK_HZ + EC_SERIAL_BAUD / 2u) / EC_SERIAL_BAUD); /* 51.4.7 */
    EC_REGISTER(LPUART1_CR1) = CR1_FIFOEN | CR1_TE | CR1_RE;
    ec_set_bits(LPUART1_CR1, CR1_UE); /* FIFOEN may be written only before */
}

void ec_board_serial_put(uint8_t byte) {
    if (ec_wait_until(LPUART1_ISR, ISR_TXE, ISR_TXE)) {
        EC_REGISTER(LPUART1_TDR) = byte;
    }
}

int ec_board_serial_get(void) {
    const uint32_t status = EC_REGISTER(LPUART1_ISR);
    if ((status & ISR_PE_FE_NE_ORE) != 0) {
        EC_REGISTER(LPUART1_ICR) = status & ISR_PE_FE_NE_ORE; /* the clear bits lie where the flags do */
    }
    return (status & ISR_RXNE) != 0 ? (int)(EC_REGISTER(LPUART1_RDR) & 0xFFu) : -1;
}
