"""The chips that no emulator models: their registers, typed from the manuals a second time, and what must stand in them in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.boards.chip import Registers

CORTEX_M = {
    0xE000ED04: 0,  # ICSR
    0xE000ED08: 0,  # VTOR
    0xE000ED88: 0,  # CPACR
    0xE000EDFC: 0,  # DEMCR
    0xE0001000: 0,  # DWT_CTRL
    0xE0001004: 0,  # DWT_CYCCNT
    0xE0001FB0: 0,  # DWT_LAR
    0xE000E010: 0,  # SYST_CSR
    0xE000E014: 0,  # SYST_RVR
    0xE000E018: 0,  # SYST_CVR, which counts
}
FPU_ON = {0xE000ED88: 0x00F00000}


@dataclass(frozen=True)
class KnownChip:
    """What the test knows of a board's chip."""

    registers: Registers
    finally_: Mapping[int, int]
    """Address -> value once the program waits for bytes."""
    baud: Callable[[Mapping[int, int]], float]
    """The rate of the line, from the registers, by the manual's formula."""


def at(base: int, **offsets: int) -> dict[str, int]:
    return {name: base + offset for name, offset in offsets.items()}


def values(*groups: Mapping[str, int]) -> dict[int, int]:
    return {address: 0 for group in groups for address in group.values()}


def _stm32l4r5() -> KnownChip:
    rcc = at(0x40021000, cr=0, cfgr=8, pllcfgr=0x0C, ahb2enr=0x4C, apb1enr1=0x58, apb1enr2=0x5C)
    power = at(0x40007000, cr2=4, cr5=0x80)
    flash = at(0x40022000, acr=0)
    port_g = at(0x48001800, moder=0, pupdr=0x0C, afrl=0x20, afrh=0x24)
    lpuart = at(0x40008000, cr1=0, brr=0x0C, icr=0x20)
    isr, rdr, tdr = 0x4000801C, 0x40008024, 0x40008028

    def receive(address: int, waiting: int) -> int | None:
        return {isr: 1 << 7 | (1 << 5 if waiting else 0), rdr: -1}.get(address)

    registers = Registers(
        values(rcc, flash, port_g, lpuart) | {power["cr2"]: 0, power["cr5"]: 1 << 8} | CORTEX_M,
        {rcc["cr"]: 1 << 10 | 1 << 25, rcc["cfgr"]: 3 << 2, isr: 0, rdr: 0},
        tdr,
        receive,
    )
    expected = {
        rcc["pllcfgr"]: 2 | (2 - 1) << 4 | 30 << 8 | 1 << 24,  # HSI16 / 2 x 30 / 2 = 120 MHz
        power["cr5"]: 0,
        power["cr2"]: 1 << 9,
        port_g["afrl"]: 8 << 28,
        port_g["afrh"]: 8,
        port_g["moder"]: 2 << 14 | 2 << 16,
    }
    return KnownChip(registers, expected | FPU_ON, lambda found: 256 * 120e6 / found[lpuart["brr"]])


def _stm32f4(usart_base: int, enable: tuple[int, int], port: Mapping[str, int], clock_mhz: int, usart_divider: int) -> KnownChip:
    rcc = at(0x40023800, cr=0, pllcfgr=4, cfgr=8, ahb1enr=0x30, apb1enr=0x40, apb2enr=0x44)
    power = at(0x40007000, cr=0)
    csr = 0x40007004
    flash = at(0x40023C00, acr=0)
    port_a = at(0x40020000, moder=0, pupdr=0x0C, afrl=0x20, afrh=0x24)
    usart = at(usart_base, brr=8, cr1=0x0C)
    sr, dr = usart_base, usart_base + 4

    def receive(address: int, waiting: int) -> int | None:
        return {sr: 1 << 7 | (1 << 5 if waiting else 0), dr: -1}.get(address)

    ready = {rcc["cr"]: 1 << 25, rcc["cfgr"]: 2 << 2, csr: 1 << 16 | 1 << 17, sr: 0}
    registers = Registers(values(rcc, power, flash, port_a, usart) | CORTEX_M, ready, dr, receive)
    expected = {
        rcc["pllcfgr"]: 16 | 2 * clock_mhz << 6 | 8 << 24 | 2 << 28,  # HSI / 16 x 2 MHz / 2
        rcc["cfgr"]: 2 | 5 << 10 | 4 << 13,
        rcc["ahb1enr"]: 1,
        rcc[f"apb{enable[0]}enr"]: 1 << enable[1] | (1 << 28 if enable[0] == 1 else 0),
        usart["cr1"]: 1 << 13 | 1 << 3 | 1 << 2,
    }
    expected |= {port_a[name]: value for name, value in port.items()}
    return KnownChip(registers, expected | FPU_ON, lambda found: clock_mhz * 1e6 / usart_divider / found[usart["brr"]])


def _nrf52840() -> KnownChip:
    clock = at(0x40000000, hfclkstart=0)
    cache = at(0x4001E000, icachecnf=0x540)
    port = at(0x50000000, outset=0x508, dirset=0x518, pin8=0x700 + 4 * 8)
    uart = at(0x40002000, startrx=0, starttx=8, rxdrdy=0x108, errorsrc=0x480, enable=0x500, txd=0x50C, rxd=0x514, baudrate=0x524)
    sent, data_in, data_out = 0x4000211C, 0x40002518, 0x4000251C
    started = 0x40000100

    def receive(address: int, waiting: int) -> int | None:
        return {uart["rxdrdy"]: 1 if waiting else 0, data_in: -1}.get(address)

    registers = Registers(
        values(clock, cache, port, uart) | {sent: 0, started: 0} | CORTEX_M, {sent: 1, started: 1, data_in: 0}, data_out, receive
    )
    expected = {
        clock["hfclkstart"]: 1,
        cache["icachecnf"]: 1,
        port["outset"]: 1 << 6,
        port["dirset"]: 1 << 6,
        port["pin8"]: 3 << 2,
        uart["enable"]: 4,
        uart["txd"]: 6,
        uart["rxd"]: 8,
        uart["baudrate"]: 0x01D7E000,  # the product specification's value for 115,200
    }
    return KnownChip(registers, expected | FPU_ON, lambda found: found[uart["baudrate"]] * 16e6 / 2**32)


def _rp2(
    clocks: int,
    resets: int,
    io: int,
    pads: int,
    xosc: int,
    pll: int,
    uart: int,
    reset_bits: Mapping[str, int],
    clock_hz: float,
    more: Mapping[int, int],
) -> KnownChip:
    clock = at(clocks, ref=0x30, sys=0x3C, peri=0x48)
    crystal = at(xosc, ctrl=0, startup=0x0C)
    system_pll = at(pll, pwr=4, fbdiv=8, prim=0x0C)
    pins = at(io, gpio0=4, gpio1=0x0C) | {f"pad{pin}": pads + 4 + 4 * pin for pin in (0, 1)}
    serial = at(uart, ibrd=0x24, fbrd=0x28, lcr_h=0x2C, cr=0x30)
    flags = uart + 0x18
    all_blocks = 0x1FFFFFFF

    def receive(address: int, waiting: int) -> int | None:
        return {flags: 0 if waiting else 1 << 4, uart: -1, RP2040_SSI_DATA: 0}.get(address)

    ready = {
        resets + 8: lambda found: ~found[resets] & all_blocks,
        xosc + 4: 1 << 31,
        pll: 1 << 31,
        clocks + 0x38: lambda found: 1 << (found[clock["ref"]] & 3),
        clocks + 0x44: lambda found: 1 << (found[clock["sys"]] & 1),
        flags: 0,
    }
    start = {resets: all_blocks, pll: 0, system_pll["pwr"]: 0x2D}
    registers = Registers(values(clock, crystal, pins, serial) | values(system_pll) | start | dict(more) | CORTEX_M, ready, uart, receive)
    divider = round(1500e6 / 2 / clock_hz)
    expected = {
        clock["ref"]: 2,
        clock["sys"]: 1,
        clock["peri"]: 1 << 11,
        crystal["ctrl"]: 0xFAB << 12 | 0xAA0,
        system_pll["fbdiv"]: 125,
        system_pll["prim"]: divider << 16 | 2 << 12,
        system_pll["pwr"]: 1 << 2,
        pins["gpio0"]: 2,
        pins["gpio1"]: 2,
        serial["lcr_h"]: 0x70,
        serial["cr"]: 0x301,
        resets: all_blocks & ~sum(1 << bit for bit in reset_bits.values()),
    }
    return KnownChip(registers, expected, lambda found: clock_hz / 16 / (found[serial["ibrd"]] + found[serial["fbrd"]] / 64))


RP2040_SSI_DATA = 0x18000060  # the flash answers zeros: not busy, not in quad mode
RP2040_SSI = dict.fromkeys((0x18000000 + offset for offset in (0x00, 0x04, 0x08, 0x14, 0x60, 0xF0, 0xF4)), 0) | {0x18000028: 1 << 2}
RP2040_FLASH_PADS = dict.fromkeys((0x40020000 + 4 * number for number in range(1, 6)), 0x56)
RP2040_RESETS = {"io": 5, "pads": 8, "pll": 12, "uart0": 22}
RP2350_RESETS = {"io": 6, "pads": 9, "pll": 14, "uart0": 26}
RP2040_BLOCKS = (0x40008000, 0x4000C000, 0x40014000, 0x4001C000, 0x40024000, 0x40028000, 0x40034000)
RP2350_BLOCKS = (0x40010000, 0x40020000, 0x40028000, 0x40038000, 0x40048000, 0x40050000, 0x40070000)


def _esp32c3() -> KnownChip:
    rtc = at(0x60008000, options0=0, wdtconfig0=0x90, wdtwprotect=0xA8, swd_conf=0xAC, swd_wprotect=0xB0)
    timers = {
        f"{name}{group}": 0x6001F000 + 0x1000 * group + offset for group in (0, 1) for name, offset in (("config", 0x48), ("protect", 0x64))
    }
    system = at(0x600C0000, cpu_per_conf=8, clk_en0=0x10, rst_en0=0x18, sysclk_conf=0x58)
    pads = at(0x60009000, gpio20=0x54, gpio21=0x58)
    uart = at(0x60000000, clkdiv=0x14, conf0=0x20, clk_conf=0x78)
    fifo, status, identity = 0x60000000, 0x6000001C, 0x60000080

    def receive(address: int, waiting: int) -> int | None:
        return {status: waiting, fifo: -1, identity: 0}.get(address)

    start = {rtc["wdtconfig0"]: 1 << 31 | 1 << 12, timers["config0"]: 1 << 31 | 1 << 14, timers["config1"]: 1 << 14}
    registers = Registers(values(rtc, timers, system, pads, uart) | start | {identity: 0}, {status: 0}, fifo, receive)
    expected = {
        rtc["wdtconfig0"]: 0,
        timers["config0"]: 0,
        timers["config1"]: 0,
        rtc["swd_conf"]: 1 << 31,
        rtc["wdtwprotect"]: 0,
        rtc["swd_wprotect"]: 0,
        system["cpu_per_conf"]: 1 << 2 | 1,
        system["sysclk_conf"]: 1 << 10,
        uart["conf0"]: 1 << 28 | 1 << 4 | 3 << 2,
        uart["clk_conf"]: 3 << 24 | 1 << 22 | 3 << 20,
    }
    return KnownChip(registers, expected, lambda found: 40e6 / ((found[uart["clkdiv"]] & 0xFFF) + (found[uart["clkdiv"]] >> 20) / 16))


PORT_A_9_10 = {"moder": 2 << 18 | 2 << 20, "afrh": 7 << 4 | 7 << 8}
PORT_A_2_3 = {"moder": 2 << 4 | 2 << 6, "afrl": 7 << 8 | 7 << 12}

CHIPS: Mapping[str, Callable[[], KnownChip]] = {
    "stm32f405": lambda: _stm32f4(0x40011000, (2, 4), PORT_A_9_10, 168, 2),
    "nucleo_f446re": lambda: _stm32f4(0x40004400, (1, 17), PORT_A_2_3, 180, 4),
    "nucleo_l4r5zi": _stm32l4r5,
    "nrf52840dk": _nrf52840,
    "rp2040_pico": lambda: _rp2(*RP2040_BLOCKS, RP2040_RESETS, 125e6, RP2040_SSI | RP2040_FLASH_PADS),
    "rp2350_pico2": lambda: _rp2(*RP2350_BLOCKS, RP2350_RESETS, 150e6, {}),
    "rp2350_pico2_riscv": lambda: _rp2(*RP2350_BLOCKS, RP2350_RESETS, 150e6, {}),
    "esp32c3_devkit": _esp32c3,
}
"""Board -> its chip, made anew for each test."""
