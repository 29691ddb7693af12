"""Decoders that others have written, curl's and Node's, read compressed streams to exactly the bytes of the plain ones."""

import json
import random
import shutil
import socketserver
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chirp_trio.compression import GzipCoding, ZstandardCoding
from chirp_trio.wire import HEARTBEAT, encode_event
from tests.docs.runner import require

CODINGS = {"gzip": GzipCoding, "zstd": ZstandardCoding}
CASES = 60

# Reads one case a line, {"coding", "pieces"}, gives each piece to the decoder by itself, and prints the whole in base64.
NODE = """
const zlib = require("zlib");
const codings = {gzip: zlib.createGunzip, zstd: zlib.createZstdDecompress};
async function decode({coding, pieces}) {
  if (!codings[coding]) return null;
  const decoder = codings[coding]();
  const read = [];
  const end = new Promise((resolve, reject) => {
    decoder.on("data", (data) => read.push(data)).on("end", resolve).on("error", reject);
  });
  for (const piece of pieces) await new Promise((done) => decoder.write(Buffer.from(piece, "base64"), done));
  decoder.end();
  await end;
  return Buffer.concat(read).toString("base64");
}
(async () => {
  const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
  for (const line of lines) console.log(JSON.stringify(await decode(JSON.parse(line))));
})();
"""


def make_case(number: int) -> tuple[str, bytes, list[bytes]]:
    """A coding, a plain stream, and the compressed one in pieces that are cut anywhere.

    A stream has events of all sizes, heartbeats, ids alone, and an end; others have had the same events before it.
    """
    chance = random.Random(number)
    coding = ("gzip", "zstd")[number % 2]
    common = [make_piece(chance, place) for place in range(chance.randrange(12))]
    other, stream = CODINGS[coding](), CODINGS[coding]()
    other.encode(common)
    joined = chance.randrange(len(common) + 1)
    plain, coded, turn = b"", b"", []
    for piece in common[joined:]:
        turn.append(piece)
        if chance.random() < 0.5:
            turn.append(HEARTBEAT)
        if chance.random() < 0.7:  # otherwise the next event goes along with it
            plain += b"".join(turn)
            coded += stream.encode(turn)
            turn = []
    plain += b"".join(turn)
    coded += stream.encode(turn) + stream.end()
    return coding, plain, list(cut(chance, coded))


def make_piece(chance: random.Random, place: int) -> bytes:
    size = chance.choice([0, 1, 30, 48, 300, 5_000, 65_535, 200_000])
    text = "word " * (size // 5) if chance.random() < 0.6 else chance.randbytes(size // 2).hex()
    id = chance.choice([None, f"0123456789ab-{place}"])
    return encode_event(text, chance.choice([None, "price"]), id, None)


def cut(chance: random.Random, data: bytes) -> Iterator[bytes]:
    while data:
        size = chance.choice([1, 3, 20, 700, 9_000, 100_000])
        yield data[:size]
        data = data[size:]


@pytest.fixture(scope="module")
def cases():
    return [make_case(number) for number in range(CASES)]


@contextmanager
def playing(cases):
    """A server that answers `/NUMBER` with the bytes of a case, each piece in a send of its own; its address."""

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self):
            number = int(self.rfile.readline().split()[1].removeprefix(b"/"))
            while self.rfile.readline().strip():
                pass
            coding, _, pieces = cases[number]
            self.wfile.write(f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\nconnection: close\r\n\r\n".encode())
            for piece in pieces:
                self.wfile.write(piece)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield "http://{}:{}".format(*server.server_address)
        server.shutdown()


def test_curl_reads_the_plain_stream(cases, tmp_path):
    require("curl")
    can = subprocess.run(["curl", "-V"], capture_output=True, text=True, check=True).stdout.split()
    read = [number for number, (coding, _, _) in enumerate(cases) if {"gzip": "libz", "zstd": "zstd"}[coding] in can]
    assert read
    with playing(cases) as address:
        wanted = [part for number in read for part in (f"{address}/{number}", "-o", str(tmp_path / str(number)))]
        command = ["curl", "--silent", "--show-error", "--fail", "--compressed", "--max-time", "60", *wanted]
        done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for number in read:
        file = tmp_path / str(number)
        assert (file.read_bytes() if file.exists() else b"") == cases[number][1], f"case {number}"


def test_node_reads_the_plain_stream(cases):
    require("node")
    lines = [
        json.dumps({"coding": coding, "pieces": [b64encode(piece).decode() for piece in pieces]})
        for coding, _, pieces in cases
    ]
    done = subprocess.run(
        [shutil.which("node"), "-e", NODE], input="\n".join(lines), capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(read) == len(cases)
    known = [number for number, text in enumerate(read) if text is not None]  # before 22.15 Node has no zstd
    assert len(known) >= len(cases) // 2
    for number in known:
        assert b64decode(read[number]) == cases[number][1], f"case {number}"
