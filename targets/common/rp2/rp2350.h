/* rp2350.h - addresses (RP2350 Datasheet section 2.2) and reset bits (7.5.3) of the blocks rp2.c uses. */
#ifndef EC_RP2350_H
#define EC_RP2350_H

#define RP2_CLOCKS 0x40010000u
#define RP2_RESETS 0x40020000u
#define RP2_IO_BANK0 0x40028000u
#define RP2_PADS_BANK0 0x40038000u
#define RP2_XOSC 0x40048000u
#define RP2_PLL_SYS 0x40050000u
#define RP2_UART0 0x40070000u

#define RP2_RESET_IO_BANK0 (1u << 6)
#define RP2_RESET_PADS_BANK0 (1u << 9)
#define RP2_RESET_PLL_SYS (1u << 14)
#define RP2_RESET_UART0 (1u << 26)

#endif
