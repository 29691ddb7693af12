"""Following a file as `tail -F` does. A reader blocks, and is used in threads; it reads pieces, and never the whole file."""

import errno
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from lines import Level, Line, to_lines

PIECE = 64 * 1024  # bytes that are read at a time; a line that is longer comes as several
MOST_LINES = 500  # lines that are read at a time
BACK = 256 * 1024  # bytes in which the lines before a place are looked for
FURTHEST = 64 * 1024 * 1024  # bytes that somebody who comes back may be behind
CHECKED = 64  # bytes before a place by which it is known again

REPLACED = "The file was replaced. This is the new one."
EMPTIED = "The file was emptied. Lines from before may be missing here."
UNKNOWN = "Lines may be missing here: the file is not the one from before. These are its last lines."
FAR_BEHIND = "Lines are missing here: too many were written meanwhile. These are the last ones."


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, after a line. As text, it is the id of an event.

    Attributes:
        inode: Of which file; 0: of none, so that every line of the first file that is there comes after it.
        offset: After how many bytes.
        check: A checksum of the last of these bytes. A file can be emptied and filled anew, and the inode of one that is
            deleted is given to another.
    """

    inode: int = 0
    offset: int = 0
    check: int = 0

    def __str__(self) -> str:
        return f"{self.inode}:{self.offset}:{self.check:08x}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that was written so; None: it is no place. It is a client's word, and may be anything."""
        found = re.fullmatch(r"([0-9]{1,20}):([0-9]{1,18}):([0-9a-f]{8})", text)
        return cls(int(found[1]), int(found[2]), int(found[3], 16)) if found else None

    def is_after(self, data: bytes) -> bool:
        """Whether it can be the place after these bytes, of which there are `CHECKED`, or all that there are before it."""
        return len(data) == min(self.offset, CHECKED) and crc32(data) == self.check


@dataclass(frozen=True, slots=True)
class News:
    """What a reader has found.

    Attributes:
        place: The place after these lines.
        note: What has happened to the file, to be told before the lines.
        lines: Lines, in order.
        problem: Why there is nothing to read; None: there may be.
    """

    place: Place
    note: str | None
    lines: tuple[Line, ...]
    problem: str | None


class Reader:
    """Follows a file: through being renamed and made anew, through being emptied, and while it is not there yet.

    Of a file that has come and gone between two looks it knows nothing, as `tail -F` does not.

    Args:
        path: The name that is followed. It is looked up again and again.
    """

    def __init__(self, path: Path) -> None:
        self._problem: str | None = None
        self._path = path
        self._file: _File | None = None
        self._place = Place()
        self._level: Level = "info"
        self._is_quiet = False

    def begin(self, at: str | None) -> News:
        """Begin at a place, which is text as a client has it; None: at the end. The news has the lines before it.

        Where there is no such place, that is the end as well, and the news has a note.
        """
        place = None if at is None else Place.parse(at)
        note = None if at is None or place == Place() else UNKNOWN
        self._file = self._open()
        if self._file is None:
            return self._go_to(Place(), note)
        if place is None or not self._file.knows(place):
            place = self._file.end()
        elif self._file.size - place.offset > FURTHEST:
            place, note = self._file.end(), FAR_BEHIND
        else:
            place, note = replace(place, inode=self._file.inode), None
        start = max(place.offset - BACK, 0)
        data = self._file.read(start, place.offset)
        lines = data.removesuffix(b"\n").split(b"\n") if data else []
        return self._go_to(place, note, to_lines(lines[1:] if start else lines, self._level))

    def look(self) -> News:
        """What has come since."""
        if self._file is None:
            return self._open_next(None)
        start = max(self._place.offset - CHECKED, 0)
        data = self._file.read(start, self._place.offset + PIECE)
        if not self._place.is_after(data[: self._place.offset - start]):
            return self._go_to(Place(self._file.inode), EMPTIED)
        known, data = data[: self._place.offset - start], data[self._place.offset - start :]
        pieces, length = _complete(data)
        if pieces:
            self._is_quiet = False
        elif self._is_replaced():
            # Whoever writes may not know yet that the file has another name now, so it has to be quiet for one look.
            if not self._is_quiet:
                self._is_quiet = True
            elif data:
                pieces, length = [data], len(data)
            else:
                self.close()
                return self._open_next(REPLACED)
        place = Place(self._file.inode, self._place.offset + length, crc32((known + data[:length])[-CHECKED:]))
        lines = to_lines(pieces, self._level)
        return self._go_to(place, None, lines)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._is_quiet = None, False

    def _open(self) -> _File | None:
        try:
            file = _File(self._path)
        except FileNotFoundError:
            self._problem = "Waiting for the file"
        except OSError as error:
            self._problem = error.strerror
        else:
            self._problem = None
            return file
        return None

    def _open_next(self, note: str | None) -> News:
        self._file = self._open()
        return self._go_to(Place() if self._file is None else Place(self._file.inode), note)

    def _is_replaced(self) -> bool:
        try:
            return self._file is not None and self._path.stat().st_ino != self._file.inode
        except OSError:  # there is no other file yet
            return False

    def _go_to(self, place: Place, note: str | None = None, lines: Sequence[Line] = ()) -> News:
        self._place = place
        if lines:
            self._level = lines[-1].level
        elif note is not None:
            self._level = "info"
        return News(place, note, tuple(lines), self._problem)


class _File:
    """A file that is open."""

    def __init__(self, path: Path) -> None:
        # Without O_NONBLOCK, a named pipe would keep the thread until somebody writes into it.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "Not a regular file")
        self.inode = status.st_ino

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, start: int, end: int) -> bytes:
        return os.pread(self._descriptor, end - start, start)

    def knows(self, place: Place) -> bool:
        """Whether it has this place. Each file has the place before all lines."""
        if place == Place():
            return True
        return place.inode == self.inode and place.is_after(self.read(max(place.offset - CHECKED, 0), place.offset))

    def end(self) -> Place:
        """The place after the last complete line."""
        size = self.size
        start = max(size - PIECE, 0)
        data = self.read(start, size)
        end = data.rfind(b"\n") + 1 or (len(data) if start else 0)
        return Place(self.inode, start + end, crc32(data[:end][-CHECKED:]))

    def close(self) -> None:
        os.close(self._descriptor)


def _complete(data: bytes) -> tuple[list[bytes], int]:
    """The complete lines at the beginning, without their line feeds, and how many bytes these are."""
    *lines, rest = data.split(b"\n", MOST_LINES)
    if lines or len(data) < PIECE:
        return lines, len(data) - len(rest)
    end = PIECE  # a part of a line, which ends with a whole character
    while PIECE - end < 3 and data[end - 1] & 0xC0 == 0x80:
        end -= 1
    if data[end - 1] >= 0xC0:
        end -= 1
    return [data[:end]], end
