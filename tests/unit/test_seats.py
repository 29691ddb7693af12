"""Rows of seats: what the streams in them share."""

from chirp_trio.htmx import for_event_source
from chirp_trio.stream.waiting import Flusher
from chirp_trio.topics.history import Place
from chirp_trio.topics.lag import Lag
from chirp_trio.topics.seats import Row, Seat


def test_streams_in_a_row_that_are_given_the_same_form_share_it_and_others_keep_theirs():
    """Sharing is what lets an event for all of them compare forms without a look into each."""
    row = Row(Flusher(0), Lag())
    seats = []
    for name in ("news", "news", "other", "news"):
        seat = Seat(1, Place(0, None, None))
        seat.dialect = (name, for_event_source)
        row.enter(seat)
        seats.append(seat)

    assert seats[0].dialect is seats[1].dialect
    assert [seat.dialect for seat in seats] == [
        ("news", for_event_source),
        ("news", for_event_source),
        ("other", for_event_source),
        ("news", for_event_source),
    ]
