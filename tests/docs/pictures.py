"""`python -m tests.docs.pictures`: takes the documentation's pictures anew: of its own examples, in a real Chromium.

`docs/demo.png` is an animated PNG: some seconds of the demo, which is a still picture where animation is not understood.
Only what changes from one picture to the next is stored, so a page that is mostly still stays small.
"""

import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, find_chromium
from tests.integration.server import chirp_trio

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "demo.png"
LARGEST = 1_000_000  # bytes
SIZE = {"width": 1000, "height": 640}
FRAMES, PAUSE = 16, 0.5  # pictures, and seconds between them

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]


def chunks(png: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG: their types, and what they hold."""
    position = len(_SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        yield kind, png[position + 8 : position + 8 + length]
        position += 12 + length


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def rows(png: bytes) -> list[bytes]:
    """The lines of a picture of Chromium's, three or four bytes for each pixel, without PNG's filters."""
    head = next(content for kind, content in chunks(png) if kind == b"IHDR")
    width, _, depth, colours = struct.unpack(">IIBB", head[:10])
    size = {2: 3, 6: 4}[colours]
    assert depth == 8
    packed = zlib.decompress(b"".join(content for kind, content in chunks(png) if kind == b"IDAT"))
    stride, lines = width * size, []
    before = bytearray(stride)
    for start in range(0, len(packed), stride + 1):
        line = bytearray(packed[start + 1 : start + 1 + stride])
        _unfilter(packed[start], line, before, size)
        lines.append(bytes(line))
        before = line
    return lines if size == 3 else [_without_alpha(line) for line in lines]


def _unfilter(kind: int, line: bytearray, above: bytearray, size: int) -> None:
    """PNG, 9.2: each byte was written as its difference to what its neighbours let expect."""
    for index in range(len(line)):
        left = line[index - size] if index >= size else 0
        up, corner = above[index], above[index - size] if index >= size else 0
        line[index] = (line[index] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255


def _paeth(left: int, up: int, corner: int) -> int:
    expected = left + up - corner
    return min((left, up, corner), key=lambda value: abs(expected - value))


def _without_alpha(line: bytes) -> bytes:
    kept = bytearray(len(line) // 4 * 3)
    for colour in range(3):
        kept[colour::3] = line[colour::4]
    return bytes(kept)


def animated(pictures: list[list[bytes]], pause: float) -> bytes:
    """An APNG of pictures of the same size; each but the first has the rectangle that differs from the one before."""
    width, height = len(pictures[0][0]) // 3, len(pictures[0])
    parts = [_SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", len(pictures), 0)))
    number, shown = 0, None
    for picture in pictures:
        left, top, right, bottom = (0, 0, width, height) if shown is None else difference(shown, picture)
        delay = struct.pack(">HHBB", round(pause * 1000), 1000, 0, 0)
        parts.append(chunk(b"fcTL", struct.pack(">IIIII", number, right - left, bottom - top, left, top) + delay))
        number += 1
        lines = b"".join(b"\0" + line[left * 3 : right * 3] for line in picture[top:bottom])
        packed = zlib.compress(lines, 9)
        if shown is None:
            parts.append(chunk(b"IDAT", packed))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + packed))
            number += 1
        shown = picture
    return b"".join([*parts, chunk(b"IEND", b"")])


def difference(before: list[bytes], after: list[bytes]) -> tuple[int, int, int, int]:
    """The smallest rectangle outside of which two pictures are the same; one pixel where they are."""
    changed = [number for number, (one, two) in enumerate(zip(before, after, strict=True)) if one != two]
    if not changed:
        return 0, 0, 1, 1
    top, bottom, width = changed[0], changed[-1] + 1, len(after[0])
    left, right = width, 0
    for number in changed:
        one, two = before[number], after[number]
        left = min(left, next(index for index in range(width) if one[index] != two[index]))
        right = max(right, next(index for index in range(width, 0, -1) if one[index - 1] != two[index - 1]))
    return left // 3, top, (right + 2) // 3, bottom


def demo() -> list[bytes]:
    """Pictures of the demo, as Chromium takes them."""
    taken = []
    with chirp_trio("examples/dashboard/dashboard.py:app", cwd=ROOT) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE)
        page.goto("http://{}:{}/".format(*server.address))
        time.sleep(20)  # so that there is something to see
        for number in range(FRAMES):
            taken.append(page.screenshot())
            if number == 1:
                page.get_by_role("button", name="Cut my connection").click()
            time.sleep(PAUSE)
        browser.close()
    return taken


def main() -> None:
    picture = animated([rows(png) for png in demo()], PAUSE)
    assert len(picture) < LARGEST, f"the picture has {len(picture)} bytes"
    with tempfile.NamedTemporaryFile(dir=TARGET.parent, delete=False) as file:
        file.write(picture)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {len(picture)} bytes")


if __name__ == "__main__":
    main()
