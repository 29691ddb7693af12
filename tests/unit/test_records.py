"""Records: what a store keeps of an event, and what is made of it when it is read again."""

import pytest

from chirp_trio.topics.published import decode_json


def test_json_that_is_nested_too_deeply_is_an_error_that_says_so():
    with pytest.raises(ValueError, match=r"^JSON that is nested so deeply cannot be read again$"):
        decode_json("[" * 200_000)
