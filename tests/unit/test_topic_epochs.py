"""The ids of events: to numbers and back, over several starts, and over numbers that were taken back."""

from chirp_trio.topics.history import Epoch, Epochs
from tests.cases import each_case


def known(epochs, last):
    """What every number up to the last one comes back as, by its id."""
    return [epochs.number_of(epochs.id_of(number), last) for number in range(last + 1)]


def test_every_number_has_an_id_and_comes_back_by_it():
    epochs = Epochs()

    assert known(epochs, 20) == list(range(21))


def test_a_number_that_has_not_been_given_has_an_id_that_is_nobodys():
    epochs = Epochs()

    assert epochs.number_of(epochs.id_of(4), 3) is None


def test_no_two_topics_have_the_same_ids():
    one, other = Epochs(), Epochs()

    assert one.id_of(1) != other.id_of(1)
    assert one.number_of(other.id_of(1), 10) is None


@each_case("digits", ["", "-1", "+1", " 1", "1_0", "٣", "x", "9" * 5000, "1.0"])
def test_what_is_no_number_is_nobodys(digits):
    epochs = Epochs()
    name = epochs.id_of(0).partition("-")[0]

    assert epochs.number_of(f"{name}-{digits}", 100) is None


def test_ids_of_earlier_starts_stay_what_they_were():
    epochs = Epochs()
    before = [epochs.id_of(number) for number in range(11)]
    epochs.begin(11)
    between = [epochs.id_of(number) for number in range(11, 16)]
    epochs.begin(16)

    assert [epochs.id_of(number) for number in range(16)] == before + between
    assert [epochs.number_of(id, 30) for id in before + between] == list(range(16))
    assert known(epochs, 30) == list(range(31))
    assert len({id.partition("-")[0] for id in map(epochs.id_of, range(31))}) == 3


def test_an_id_beyond_the_end_of_its_epoch_is_nobodys_though_its_number_has_been_given_again():
    epochs = Epochs()
    taken_back = epochs.id_of(12)
    epochs.begin(11)

    assert epochs.number_of(taken_back, 100) is None


def test_a_start_of_which_nothing_has_come_leaves_nothing_behind():
    epochs = Epochs()
    for _ in range(100):
        epochs.begin(1)

    assert [epoch.first for epoch in epochs.all] == [0, 1]
    assert known(epochs, 5) == list(range(6))


def test_ids_that_are_taken_back_are_nobodys_and_those_after_them_are_as_they_were_given():
    epochs = Epochs()
    given = [epochs.id_of(number) for number in range(30)]
    epochs.skip(11, 9)  # 11 to 20 are lost, and 20 is now the gap's

    assert [epochs.number_of(id, 20) for id in given] == [*range(11), *[None] * 9, *range(11, 21)]
    assert known(epochs, 20) == list(range(21))


def test_ids_can_be_taken_back_again_and_again():
    epochs = Epochs()
    given = [epochs.id_of(number) for number in range(40)]
    epochs.skip(11, 9)
    epochs.skip(12, 4)  # given as 21 to 25
    epochs.skip(13, 0)
    epochs.begin(14)
    later = epochs.id_of(14)

    assert [epochs.number_of(given[number], 14) for number in (10, 15, 20, 21, 25, 26, 27)] == [
        10,
        None,
        11,
        None,
        12,
        13,
        None,
    ]
    assert epochs.number_of(later, 14) == 14
    assert known(epochs, 14) == list(range(15))


def test_what_nobody_can_ask_for_any_more_is_forgotten():
    epochs = Epochs()
    for first in (11, 21, 31):
        epochs.begin(first)
    oldest, old = epochs.id_of(10), epochs.id_of(20)
    epochs.forget(20)

    assert [epoch.first for epoch in epochs.all] == [11, 21, 31]
    assert epochs.number_of(oldest, 40) is None
    assert epochs.number_of(old, 40) == 20
    assert epochs.number_of(epochs.id_of(10), 40) is None, "what has no id any more has one that is nobody's"


def test_epochs_can_be_kept_and_had_again():
    epochs = Epochs()
    epochs.begin(11)
    epochs.skip(15, 3)
    again = Epochs(epochs.all)

    assert [again.id_of(number) for number in range(30)] == [epochs.id_of(number) for number in range(30)]
    assert Epochs([Epoch(0, "a", 0)]).id_of(7) == "a-7"


def test_ids_go_on_as_another_process_gives_them():
    epochs = Epochs([Epoch(0, "mine", 0)])
    epochs.go_on(3, "theirs", 10)

    assert [epochs.id_of(number) for number in (2, 3, 4)] == ["mine-2", "theirs-10", "theirs-11"]
    assert known(epochs, 4) == [0, 1, 2, 3, 4]


def test_ids_that_would_have_been_the_same_anyhow_begin_no_epoch():
    epochs = Epochs([Epoch(0, "mine", 0)])
    epochs.go_on(3, "theirs", 10)
    before = epochs.all
    epochs.go_on(5, "theirs", 12)

    assert epochs.all == before
