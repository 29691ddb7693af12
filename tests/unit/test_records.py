"""Records: what a store keeps of an event, and what is made of it when it is read again."""

import pytest

from chirp_trio.topics import Record
from chirp_trio.topics.published import decode_json


def test_json_that_is_nested_too_deeply_is_an_error_that_says_so():
    with pytest.raises(ValueError, match=r"^JSON that is nested so deeply cannot be read again$"):
        decode_json("[" * 200_000)


def test_a_gap_is_a_number_of_events_or_nothing_that_is_known():
    Record("gap", "").check()
    Record("gap", "12").check()
    for data in ("-1", "1.5", "many", " "):
        with pytest.raises(ValueError, match=rf"^it is a gap of {data!r}, which is no number$"):
            Record("gap", data).check()
