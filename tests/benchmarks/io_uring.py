"""io_uring, as far as it takes to send the same bytes to many sockets with one system call; by ctypes, only to measure it.

The requests are written once, because only the bytes that they all point to change. A product would have to do more: to
keep bytes until the system has sent them, and to see what each socket has not taken.
"""

import ctypes
import mmap
import os
from array import array

from .processes import BenchmarkError

_SETUP, _ENTER, _REGISTER = 425, 426, 427  # system calls, the same on x86-64 and ARM
_REGISTER_FILES = 2
_OFFSET_OF_REQUESTS = 0x10000000
_SEND = 26
_FIXED_FILE = 1
_GET_EVENTS, _WAKE_UP = 1, 2
_SQPOLL = 2
_NEEDS_WAKE_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)


class _Offsets(ctypes.Structure):
    # Of the submission queue and of the completion queue; the names are those of the former, whose fields are as many.
    _fields_ = [(name, ctypes.c_uint32) for name in ("head", "tail", "mask", "entries", "flags", "dropped", "array", "_")] + [
        ("_address", ctypes.c_uint64)
    ]


class _Parameters(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("entries", "completions", "flags", "core", "idle", "features", "workers")),
        ("_reserved", ctypes.c_uint32 * 3),
        ("submission", _Offsets),
        ("completion", _Offsets),
    ]


class _Request(ctypes.Structure):
    _fields_ = [
        ("operation", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("priority", ctypes.c_uint16),
        ("file", ctypes.c_int32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("length", ctypes.c_uint32),
        ("send_flags", ctypes.c_uint32),
        ("user_data", ctypes.c_uint64),
        ("_rest", ctypes.c_uint64 * 3),
    ]


class Ring:
    """Sends the same bytes, of the same length each time, to the same sockets.

    Args:
        files: The sockets' numbers.
        length: How many bytes.
        is_polled: Whether a thread of the kernel looks for requests, and no system call is needed while it is awake.
    """

    def __init__(self, files, length, *, is_polled=False):
        self._count = len(files)
        self._bytes = ctypes.create_string_buffer(length)
        parameters = _Parameters(flags=_SQPOLL if is_polled else 0, idle=1)  # milliseconds after which that thread sleeps
        self._file = _call(_SETUP, 1 << (len(files) - 1).bit_length(), ctypes.byref(parameters))
        self._submission, self._completion = parameters.submission, parameters.completion
        size = max(
            self._submission.array + 4 * parameters.entries,
            self._completion.dropped + 16 * parameters.completions,  # where the other queue has its completions
        )
        self._ring = memoryview(mmap.mmap(self._file, size, offset=0)).cast("I")
        self._mask = parameters.entries - 1
        self._completions_mask = parameters.completions - 1
        requests = mmap.mmap(self._file, ctypes.sizeof(_Request) * parameters.entries, offset=_OFFSET_OF_REQUESTS)
        self._requests = (_Request * parameters.entries).from_buffer(requests)
        _call(_REGISTER, self._file, _REGISTER_FILES, (ctypes.c_int32 * len(files))(*files), len(files))
        for index in range(len(files)):
            self._requests[index] = _Request(
                operation=_SEND, flags=_FIXED_FILE, file=index, address=ctypes.addressof(self._bytes), length=length
            )
        self._numbers = memoryview(array("I", range(len(files))))

    def send(self, data):
        """Send to all of them; raises unless each has taken all."""
        self._bytes[:] = data
        ring, tail = self._ring, self._ring[self._submission.tail // 4]
        begin, at = tail & self._mask, self._submission.array // 4
        first = min(self._count, self._mask + 1 - begin)
        ring[at + begin : at + begin + first] = self._numbers[:first]
        ring[at : at + self._count - first] = self._numbers[first:]
        ring[self._submission.tail // 4] = (tail + self._count) & 0xFFFFFFFF
        is_asleep = ring[self._submission.flags // 4] & _NEEDS_WAKE_UP  # the kernel's thread, where there is one
        _call(_ENTER, self._file, self._count, self._count, _GET_EVENTS | (_WAKE_UP if is_asleep else 0), None, 0)
        self._check(len(data))

    def _check(self, length):
        ring, head = self._ring, self._ring[self._completion.head // 4]
        at, begin = self._completion.dropped // 4, head & self._completions_mask
        first = min(self._count, self._completions_mask + 1 - begin)
        results = {*ring[at + 4 * begin + 2 : at + 4 * (begin + first) : 4]}
        results |= {*ring[at + 2 : at + 4 * (self._count - first) : 4]}
        ring[self._completion.head // 4] = (head + self._count) & 0xFFFFFFFF
        if results != {length}:
            raise BenchmarkError(f"sockets took {results} of {length} bytes")


def is_allowed():
    """Whether this system lets a process like this one use it."""
    try:
        os.close(_call(_SETUP, 1, ctypes.byref(_Parameters())))
    except OSError:
        return False
    return True


def _call(number, *arguments):
    result = _libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
