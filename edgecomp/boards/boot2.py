"""The checksum by which RP2040's boot ROM knows a second stage (RP2040 Datasheet, section 2.8.1.3.1).

python -m edgecomp.boards.boot2 FIRMWARE.elf    prints the checksum that the program's second stage needs, and the one it has
"""

import sys
from pathlib import Path
from typing import Final

from edgecomp.boards.images import read_image
from edgecomp.errors import EdgecompError, ToolError

FLASH_ADDRESS: Final = 0x10000000
BOOT2_BYTES: Final = 256
CHECKED_BYTES: Final = 252
POLYNOMIAL: Final = 0x04C11DB7


def boot2_checksum(code: bytes) -> int:
    """CRC-32 of the first 252 bytes: start value all ones, bits not reflected, result not inverted."""
    remainder = 0xFFFFFFFF
    for byte in code[:CHECKED_BYTES]:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (POLYNOMIAL if remainder >> 31 else 0)) & 0xFFFFFFFF
    return remainder


def read_boot2(elf: Path) -> bytes:
    """The first 256 bytes of flash of a program for RP2040.

    Raises:
        ToolError: the file is no program, or has no second stage.
    """
    image = read_image(elf)
    code = image.segments[0].data[:BOOT2_BYTES]
    if image.address != FLASH_ADDRESS or len(code) != BOOT2_BYTES:
        raise ToolError(f"{elf}: does not begin at 0x{FLASH_ADDRESS:08x} with 256 bytes of second stage; is it for an RP2040?")
    return code


def main(arguments: list[str]) -> int:
    """Print both checksums; 0 where they agree."""
    if len(arguments) != 1:
        print("usage: python -m edgecomp.boards.boot2 FIRMWARE.elf", file=sys.stderr)
        return 1
    try:
        code = read_boot2(Path(arguments[0]))
    except EdgecompError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    needed, found = boot2_checksum(code), int.from_bytes(code[CHECKED_BYTES:], "little")
    print(f"needed 0x{needed:08X}, found 0x{found:08X}")
    return 0 if needed == found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
