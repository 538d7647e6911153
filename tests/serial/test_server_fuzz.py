"""The firmware's side under bytes that nobody should send: sanitizers find nothing, and it answers afterwards."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecomp.build import SANITIZE_FLAGS, WARNING_FLAGS, find_compiler
from edgecomp.paths import targets_dir
from edgecomp.run.serial.frames import Frame, encode
from edgecomp.run.serial.messages import Kind
from edgecomp.target import load_target
from tests.serial.conftest import HostBoard, client_at
from tests.serial.summing_model import SummingModel

LENGTHS = {
    Kind.HELLO: 4,
    Kind.LOAD: 20,
    Kind.STATUS: 4,
    Kind.PAINT: 9,
    Kind.INFER: 16,
    Kind.READ: 20,
    Kind.CONTINUE: 12,
    Kind.CHECKSUM: 5,
}
DRIVER = """
#include <stdio.h>
#include "serial/ec_frame.h"
#include "ec_board.h"
void ec_board_serial_put(uint8_t byte) { (void)byte; }
int main(void) {
    static ec_decoder decoder;
    int byte;
    while ((byte = getchar()) != EOF) {
        if (ec_decoder_take(&decoder, (uint8_t)byte) == EC_FRAME_COMPLETE) {
            (void)printf("%u %u %u", decoder.type, decoder.sequence, decoder.length);
            for (unsigned i = 0; i < decoder.length && i < EC_FRAME_KEPT_BYTES; i++) {
                (void)printf(" %u", decoder.payload[i]);
            }
            (void)printf("\\n");
        }
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def decode_in_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], list[Frame]]:
    folder: Path = tmp_path_factory.mktemp("decoder")
    shared = targets_dir() / "common"
    (folder / "driver.c").write_text(DRIVER)
    sources = [folder / "driver.c", shared / "serial" / "ec_frame.c", shared / "serial" / "ec_crc32.c"]
    command = [
        find_compiler(load_target("host")),
        "-std=c11",
        "-O1",
        *SANITIZE_FLAGS,
        *WARNING_FLAGS,
        f"-I{shared}",
        "-o",
        folder / "driver",
    ]
    subprocess.run([*command, *sources], check=True)

    def decode(stream: bytes) -> list[Frame]:
        done = subprocess.run([folder / "driver"], input=stream, capture_output=True, check=True)
        rows = [list(map(int, line.split())) for line in done.stdout.decode().splitlines()]
        return [Frame(row[0], row[1], bytes(row[3:])) for row in rows]

    return decode


def test_the_decoder_in_c_finds_what_the_encoder_in_python_sends(decode_in_c: Callable[[bytes], list[Frame]]) -> None:
    draw = random.Random(3)
    frames = [Frame(draw.randrange(256), draw.randrange(65536), draw.randbytes(draw.randrange(25))) for _ in range(2000)]
    stream = b"".join(bytes(draw.choices(range(0xEC), k=draw.randrange(9))) + encode(frame) for frame in frames)
    assert decode_in_c(stream) == frames


def test_the_decoder_in_c_takes_any_bytes_and_believes_none_of_them(decode_in_c: Callable[[bytes], list[Frame]]) -> None:
    draw = random.Random(4)
    sent: set[Frame] = set()
    stream = bytearray()
    for _ in range(20000):
        frame = Frame(draw.randrange(256), draw.randrange(65536), draw.randbytes(draw.randrange(25)))
        data = bytearray(encode(frame))
        sent.add(frame)
        for _ in range(draw.randrange(2)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        del data[len(data) - draw.randrange(len(data)) if draw.random() < 0.3 else len(data) :]
        stream += data + draw.randbytes(draw.randrange(3))
    found = decode_in_c(bytes(stream))
    assert found
    assert set(found) <= sent


def requests(draw: random.Random, session: int) -> bytes:
    """A request of some kind, mostly in form, with numbers near those that matter."""
    kind = draw.choice([*LENGTHS, draw.randrange(256)])
    numbers = [session, session + draw.randrange(4), 0, 1, 512, 700, 0xFFFFFFFF, draw.randrange(1 << 32)]
    payload = b"".join(draw.choice(numbers).to_bytes(4, "little") for _ in range(8))
    length = LENGTHS.get(Kind(kind), 7) if kind in set(Kind) else draw.randrange(33)
    data = encode(Frame(int(kind), draw.randrange(65536), payload[: length if draw.random() < 0.9 else draw.randrange(33)]))
    return data if draw.random() < 0.9 else data[: draw.randrange(len(data))]


TEXTS = [b"name%", b"db load 700%", b"db 00ff%", b"db zz%", b"db 0%", b"infer 1 1%", b"infer 0%", b"infer 99999999999%", b"db print 9 699%"]
TEXTS += [
    b"%",
    b" %",
    b"x" * 300 + b"%",
    b"results%",
    b"db%",
    b"db load%",
    b"db load 701%",
    b"db load -1%",
    b"db print 4294967295%",
    b"help%",
]


@pytest.mark.parametrize("seed", range(2))
def test_the_server_takes_any_requests(host_board: Callable[[SummingModel], HostBoard], seed: int) -> None:
    model = SummingModel()
    board = host_board(model)
    draw = random.Random(seed)
    with client_at(board.port) as client:
        session = client.hello.session
        line = client.exchange._line
        for _ in range(80):
            parts = [requests(draw, session) if draw.random() < 0.8 else draw.choice(TEXTS) for _ in range(draw.randrange(1, 5))]
            if draw.random() < 0.1:
                parts.append(draw.randbytes(30))
            line.write(b"".join(part for part in parts if not is_restart(part)))
            while line.read(4096):
                pass
        sample = model.samples(1)[0].tobytes()
        assert client.infer(sample, timeout_s=5).output == model.output(sample)
    assert board.process.poll() in (None, 0)


def is_restart(data: bytes) -> bool:
    return len(data) > 6 and data[6] == Kind.RESTART
