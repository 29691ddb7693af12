"""The standard's rules for reading an event stream, each as a case whose result was worked out by hand from its text.

WHATWG HTML, 9.2.5 "Parsing an event stream" (the ABNF) and 9.2.6 "Interpreting an event stream". A result is what a page
would see: the messages with type, data and last event id, and what is left for the next connection, the last event id and
the reconnection time. Nothing here is computed by the code that is tested.
"""

from dataclasses import dataclass
from itertools import cycle, product

from chirp_trio.wire import Decoder, SSEEvent
from tests.cases import each_case
from tests.strategies import pieces

BOM = "\ufeff"


@dataclass(frozen=True)
class Case:
    """A stream, with LF for each line end, and what comes of it."""

    stream: str | bytes
    messages: tuple[tuple[str, str, str], ...] = ()
    last_event_id: str = ""
    retry: int | None = None


def case(stream, *messages, last="", retry=None):
    """A message is its data, or data and type, or data, type and last event id."""
    whole = [(each,) if isinstance(each, str) else each for each in messages]
    return Case(stream, tuple((data, *rest, *("message", "")[len(rest) :]) for data, *rest in whole), last, retry)


# -- 9.2.5, the ABNF ------------------------------------------------------------------------------------------------------

GRAMMAR = {
    "stream: nothing at all": case(""),
    "stream: a BOM alone": case(BOM),
    "stream: no BOM": case("data:x\n\n", "x"),
    "stream: a BOM": case(f"{BOM}data:x\n\n", "x"),
    "stream: one BOM only, a second is a name-char": case(f"{BOM}{BOM}data:x\n\n"),
    "stream: a BOM between events is a name-char": case(f"data:x\n\n{BOM}data:y\n\n", "x"),
    "stream: a BOM in front of an empty line": case(f"{BOM}\ndata:x\n\n", "x"),
    "stream: several events": case("data:x\n\ndata:y\n\ndata:z\n\n", "x", "y", "z"),
    "event: an empty one": case("\n"),
    "event: many empty ones": case("\n\n\n\n\n"),
    "event: one comment": case(":x\n\n"),
    "event: comments and fields mixed": case(":a\ndata:x\n:b\nevent:e\n:c\n\n", ("x", "e")),
    "comment: empty": case(":\ndata:x\n\n", "x"),
    "comment: any-char": case(": \t:\0é☃\U0001f600\ndata:x\n\n", "x"),
    "comment: what looks like a field is none": case(":data:x\n\n"),
    "field: name alone": case("data\n\n", ""),
    "field: name and colon": case("data:\n\n", ""),
    "field: name, colon, space": case("data: \n\n", ""),
    "field: name, colon, value": case("data:x\n\n", "x"),
    "field: name, colon, space, value": case("data: x\n\n", "x"),
    "field: name, space, value": case("data x\n\n"),
    "name-char: a space is one": case(" data:x\ndata :y\n\n"),
    "name-char: a NUL is one": case("\0data:x\ndata\0:y\n\n"),
    "name-char: anything but a line end and a colon": case("é☃:x\n\u2028:y\n\U0001f600:z\n\n"),
    "any-char: a colon is one": case("data:a:b::c\n\n", "a:b::c"),
    "any-char: a NUL is one": case("data:\0\n\n", "\0"),
    "any-char: all other controls": case("data:\t\v\f\x1b\x7f\x80\x9f\n\n", "\t\v\f\x1b\x7f\x80\x9f"),
    "any-char: what other standards take for a line end": case(
        "data:a\x1cb\x85c\u2028d\u2029e\n\n", "a\x1cb\x85c\u2028d\u2029e"
    ),
    "any-char: a BOM inside a value": case(f"data:{BOM}\n\n", BOM),
    "any-char: the last code point": case("data:\U0010ffff\n\n", "\U0010ffff"),
}

# -- 9.2.6, in the order of its sentences ---------------------------------------------------------------------------------

DECODING = {
    "UTF-8 decode: every length": case("data:aé☃\U0001f600\n\n", "aé☃\U0001f600"),
    "UTF-8 decode: a byte that never occurs": case(b"data:a\xffb\n\n", "a\ufffdb"),
    "UTF-8 decode: a continuation alone": case(b"data:a\x80b\n\n", "a\ufffdb"),
    "UTF-8 decode: a character that is cut short": case(b"data:\xf0\x9f\x98b\n\n", "\ufffdb"),
    "UTF-8 decode: cut short by a line end": case(b"data:\xe2\x98\ndata:b\n\n", "\ufffd\nb"),
    "UTF-8 decode: overlong": case(b"data:\xc0\xaf\n\n", "\ufffd\ufffd"),
    "UTF-8 decode: a surrogate": case(b"data:\xed\xa0\xbd\n\n", "\ufffd\ufffd\ufffd"),
    "UTF-8 decode: past the last code point": case(b"data:\xf4\x90\x80\x80\n\n", "\ufffd\ufffd\ufffd\ufffd"),
    "UTF-8 decode: in a type and an id": case(b"data:x\nevent:\xff\nid:\xfe\n\n", ("x", "\ufffd", "\ufffd"), last="\ufffd"),
    "UTF-8 decode: in a name it makes an unknown field": case(b"dat\xffa:x\n\n"),
    "UTF-8 decode: two bytes of a BOM are no BOM": case(b"\xef\xbbdata:x\ndata:y\n\n", "y"),
    "UTF-8 decode: the BOM of UTF-16 is no BOM": case(b"\xff\xfedata:x\ndata:y\n\n", "y"),
}
LINES = {
    "an empty line dispatches": case("data:x\n\n", "x"),
    "a line with a space is not empty": case("data:x\n \ndata:y\n\n", "x\ny"),
    "a colon first: the line is ignored": case(":data:x\n::\n: x\n\n"),
    "a colon somewhere: the field ends at the first": case("data:x:y\n\n", "x:y"),
    "a value loses one space": case("data: x\n\n", "x"),
    "a value loses no second space": case("data:  x\n\n", " x"),
    "a value keeps a tab": case("data:\tx\n\n", "\tx"),
    "a value keeps other spaces": case("data:\u00a0x\ndata:\u3000y\n\n", "\u00a0x\n\u3000y"),
    "a value keeps a space at its end": case("data: x \n\n", "x "),
    "no colon: the whole line is the name": case("datax\ndata\n\n", ""),
    "the end of the stream: what is pending is dropped": case("data:x\n\ndata:y\nid:7\n", "x"),
    "the end of the stream: without a line end": case("data:x\n\ndata:y", "x"),
    "the end of the stream: a lone CR or LF is a line end, and no empty line": case("data:x\n"),
    "the end of the stream: in a character": case(b"data:x\n\ndata:\xe2\x98", "x"),
    "the end of the stream: in a comment": case("data:x\n\n:y", "x"),
}
FIELDS = {
    "names are compared without folding": case("DATA:x\nData:y\ndatA:z\nEVENT:a\nID:b\nRETRY:1\n\n"),
    "names are not shortened": case("dat:x\nd:x\neven:x\ni:x\nretr:1\n\n"),
    "names are not lengthened": case("datas:x\nevents:x\nids:x\nretrys:1\n\n"),
    "event: sets the type": case("event:e\ndata:x\n\n", ("x", "e")),
    "event: the last one counts": case("event:e\nevent:f\ndata:x\n\n", ("x", "f")),
    "event: after the data": case("data:x\nevent:e\n\n", ("x", "e")),
    "event: empty is the default": case("event\ndata:x\n\n", "x"),
    "event: empty takes an earlier one back": case("event:e\nevent:\ndata:x\n\n", "x"),
    "event: `message` is allowed": case("event:message\ndata:x\n\n", "x"),
    "event: spaces belong to it": case("event:  e f \ndata:x\n\n", ("x", " e f ")),
    "event: a NUL belongs to it": case("event:\0\ndata:x\n\n", ("x", "\0")),
    "data: lines are joined by LF": case("data:a\ndata:b\ndata:c\n\n", "a\nb\nc"),
    "data: one LF is taken off the end, and no second": case("data:a\ndata\ndata\n\n", "a\n\n"),
    "data: two empty lines are one LF": case("data\ndata\n\n", "\n"),
    "data: three empty lines are two LF": case("data\ndata:\ndata: \n\n", "\n\n"),
    "data: other fields in between do not cut it": case("data:a\nid:1\nfoo\ndata:b\n\n", ("a\nb", "message", "1"), last="1"),
    "id: is told with the event": case("id:1\ndata:x\n\n", ("x", "message", "1"), last="1"),
    "id: the last one counts": case("id:1\nid:2\ndata:x\n\n", ("x", "message", "2"), last="2"),
    "id: is told with later events too": case(
        "id:1\ndata:x\n\ndata:y\n\n", ("x", "message", "1"), ("y", "message", "1"), last="1"
    ),
    "id: empty resets": case("id:1\ndata:x\n\nid\ndata:y\n\n", ("x", "message", "1"), "y"),
    "id: with a NUL is ignored": case("id:1\0\ndata:x\n\n", "x"),
    "id: a NUL alone is ignored": case("id:\0\ndata:x\n\n", "x"),
    "id: with a NUL leaves an earlier one": case("id:1\nid:2\0\ndata:x\n\n", ("x", "message", "1"), last="1"),
    "id: spaces belong to it": case("id:  1 \ndata:x\n\n", ("x", "message", " 1 "), last=" 1 "),
    "id: need not be a number, nor ASCII": case("id:é☃\ndata:x\n\n", ("x", "message", "é☃"), last="é☃"),
    "retry: digits are milliseconds": case("retry:1500\n", retry=1500),
    "retry: in base ten, whatever it begins with": case("retry:0010\n", retry=10),
    "retry: nought": case("retry:0\n", retry=0),
    "retry: counts without an event, and without an empty line": case("retry:5\ndata:x", retry=5),
    "retry: the last one counts": case("retry:5\nretry:6\n", retry=6),
    "retry: empty is ignored": case("retry:5\nretry\nretry:\nretry: \n", retry=5),
    "retry: letters are ignored": case("retry:5\nretry:6s\nretry:x\nretry:0x10\nretry:1e3\n", retry=5),
    "retry: signs and points are ignored": case("retry:5\nretry:-6\nretry:+6\nretry:6.0\nretry:6,0\n", retry=5),
    "retry: spaces are ignored with it": case("retry:5\nretry:  6\nretry:6 \nretry:\t6\n", retry=5),
    "retry: digits of other scripts are ignored": case("retry:5\nretry:\uff16\nretry:\u0666\nretry:\u00b2\n", retry=5),
    "otherwise: ignored": case("foo:x\nfoo\ncomment:x\ndata:x\n\n", "x"),
}
DISPATCHING = {
    "1: the last event id is set, even without data": case("id:1\n\n", last="1"),
    "1: and is told with the next event": case("id:1\n\ndata:x\n\n", ("x", "message", "1"), last="1"),
    "1: and is reset, even without data": case("id:1\n\nid\n\ndata:x\n\n", "x"),
    "1: not before the empty line": case("id:1\ndata:x\n\nid:2\ndata:y\n", ("x", "message", "1"), last="1"),
    "2: without data there is no event": case("event:e\nid:1\nretry:5\n\n", last="1", retry=5),
    "2: and the type is forgotten": case("event:e\n\ndata:x\n\n", "x"),
    "2: an empty data field is data": case("data\n\n", ""),
    "3: one trailing LF is removed": case("data:x\ndata:\n\n", "x\n"),
    "5: the default type": case("data:x\n\n", ("x", "message")),
    "6: another type": case("event:e\ndata:x\n\n", ("x", "e")),
    "7: the buffers are emptied": case("event:e\ndata:x\n\ndata:y\n\n", ("x", "e"), "y"),
    "7: but the id is not": case("id:1\ndata:x\n\n\n\ndata:y\n\n", ("x", "message", "1"), ("y", "message", "1"), last="1"),
}
EXAMPLES = {
    "9.2.6: one event of three lines": case("data: YHOO\ndata: +2\ndata: 10\n\n", "YHOO\n+2\n10"),
    "9.2.6: four blocks": case(
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        ("first event", "message", "1"),
        "second event",
        " third event",
    ),
    "9.2.6: two events, the last block is dropped": case("data\n\ndata\ndata\n\ndata:", "", "\n"),
    "9.2.6: two identical events": case("data:test\n\ndata: test\n\n", "test", "test"),
    "9.2.1: messages": case(
        "data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n"
        "data: This is the third message.\n\n",
        "This is the first message.",
        "This is the second message, it\nhas two lines.",
        "This is the third message.",
    ),
    "9.2.1: types": case(
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        ("73857293", "add"),
        ("2153", "remove"),
        ("113411", "add"),
    ),
}

TABLE = {
    f"{part}/{name}": each
    for part, cases in {
        "grammar": GRAMMAR,
        "decoding": DECODING,
        "lines": LINES,
        "fields": FIELDS,
        "dispatching": DISPATCHING,
        "examples": EXAMPLES,
    }.items()
    for name, each in cases.items()
}


# A CR in front of an LF would be one line end with it, so that the order matters.
LINE_ENDS = {"LF": [b"\n"], "CR": [b"\r"], "CRLF": [b"\r\n"], "mixed": [b"\n", b"\r", b"\r\n"]}


def encoded(stream, line_ends):
    """The stream's bytes, with these line ends, one after the other."""
    first, *lines = (stream.encode() if isinstance(stream, str) else stream).split(b"\n")
    ends = cycle(LINE_ENDS[line_ends])
    return first + b"".join(next(ends) + line for line in lines)


@each_case("case", TABLE.values(), ids=TABLE.keys())
def test_a_rule_of_the_standard(case):
    for line_ends, size in product(LINE_ENDS, [None, 1, 2]):
        way = f"with {line_ends} as line ends, {f'in pieces of {size} bytes' if size else 'whole'}"
        stream = encoded(case.stream, line_ends)
        decoder = Decoder()

        messages = []
        for chunk in pieces(stream, size) if size else [stream]:
            messages += [
                (event.data, event.event or "message", decoder.last_event_id)
                for event in decoder.feed(chunk)
                if isinstance(event, SSEEvent)
            ]

        assert [message[:2] for message in messages] == [message[:2] for message in case.messages], way
        if size == 1:  # more at once may end more than one event, and the id is then that of the last one
            assert messages == list(case.messages), way
        assert (decoder.last_event_id, decoder.retry) == (case.last_event_id, case.retry), way


@each_case(
    ("stream", "data"),
    [
        (b"data:x\r\r", ["x"]),
        (b"data:x\n\r", ["x"]),
        (b"data:x\r\n\r", ["x"]),
        (b"data:x\r\n\n", ["x"]),
        (b"data:x\n\r\n", ["x"]),
        (b"data:x\r\n", []),  # one line end, and not an empty line
        (b"data:x\r\r\n", ["x"]),
        (b"data:x\rdata:y\ndata:z\r\n\r\n", ["x\ny\nz"]),
        (b"\n\rdata:x\r\n\rdata:y\r\r", ["x", "y"]),
    ],
    ids=ascii,
)
@each_case("size", [1, 2, 100])
def test_line_ends_side_by_side(stream, data, size):
    decoder = Decoder()
    assert [event.data for chunk in pieces(stream, size) for event in decoder.feed(chunk)] == data
