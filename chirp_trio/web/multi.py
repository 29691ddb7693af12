"""Mappings in which a key may have several values: query parameters, form fields, and headers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence


class MultiMapping[Value = str](Mapping[str, Value]):
    """An immutable mapping that keeps every value of a key. `mapping[key]` is the first one.

    Example:
        >>> tags = MultiMapping([("tag", "a"), ("tag", "b")])
        >>> tags["tag"], tags.get_all("tag"), tags.get_all("none")
        ('a', ['a', 'b'], [])
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, Value]] = ()) -> None:
        self._values: dict[str, list[Value]] = {}
        for key, value in pairs:
            self._values.setdefault(key, []).append(value)

    def __getitem__(self, key: str) -> Value:
        return self._values[key][0]

    def get_all(self, key: str) -> list[Value]:
        """Every value of the key, in order; an empty list if there is none."""
        return list(self._values.get(key, ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, MultiMapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({[(key, value) for key, values in self._values.items() for value in values]!r})"


class Headers(Mapping[str, str]):
    """A request's headers. Names are without case (RFC 9110, 5.1); values are Latin-1, as HTTP has it.

    A view of what the server has parsed, and no copy: an open stream may keep it for hours.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = _encoded(name)
        for key, value in self.raw:
            if key.lower() == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def get_all(self, name: str) -> list[str]:
        """Every value of the header, in order; an empty list if there is none."""
        wanted = _encoded(name)
        return [value.decode("latin-1") for key, value in self.raw if key.lower() == wanted]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1").lower() for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.raw})

    def __eq__(self, other: object) -> bool:
        return list(self.raw) == list(other.raw) if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({[(name.decode('latin-1'), value.decode('latin-1')) for name, value in self.raw]!r})"


def _encoded(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")
