"""The parts of the dashboard that are functions of figures: charts, formats and notifications."""

from datetime import UTC, datetime

import charts
import feed
import formats
import machine
import pytest
import sampler
import watch

from tests.cases import each_case

# -- charts ------------------------------------------------------------------------------------------------------------


def test_the_newest_value_is_at_the_right_edge_and_zero_at_the_bottom():
    chart = charts.draw([0, 50, 100], span=3, top=100)

    assert chart.width == 2
    assert chart.line == "M0 100L1 50L2 0"
    assert chart.area == "M0 100L1 50L2 0V100H0Z"
    assert chart.newest == "M2 0h0"


def test_a_short_history_leaves_the_left_side_empty():
    assert charts.draw([10, 20], span=5, top=100).line == "M3 90L4 80"


def test_what_is_older_than_the_span_is_not_drawn():
    assert charts.draw([1, 2, 3, 4], span=2, top=4).line == "M0 25L1 0"


def test_a_missing_value_is_a_gap():
    chart = charts.draw([1, 1, None, 1, 1], span=5, top=1)

    assert chart.line == "M0 0L1 0M3 0L4 0"
    assert chart.area == "M0 0L1 0V100H0ZM3 0L4 0V100H3Z"


def test_there_is_no_dot_where_the_newest_value_is_missing():
    assert charts.draw([1, None], span=2, top=1).newest == ""


@each_case("values", [[], [None], [None, None]])
def test_nothing_is_drawn_of_nothing(values):
    chart = charts.draw(values, span=2, top=1)

    assert (chart.line, chart.area, chart.newest) == ("", "", "")


@each_case(("value", "y"), [(150, "0"), (-5, "100"), (33.333, "66.7")])
def test_a_value_outside_is_drawn_at_the_edge_and_others_to_a_tenth(value, y):
    assert charts.draw([value], span=1, top=100).line == f"M0 {y}"


@each_case(
    ("values", "least", "top"),
    [
        pytest.param([], 1, 1, id="no values"),
        pytest.param([None, 3], 1, 5, id="a gap"),
        pytest.param([5], 1, 5, id="exactly"),
        pytest.param([5.1], 1, 10, id="just above"),
        pytest.param([1, 1_900_000, 2], 1, 2_000_000, id="large"),
        pytest.param([1], 10_000, 10_000, id="not below the least"),
        pytest.param([1], 3, 5, id="the least is made round too"),
    ],
)
def test_the_upper_edge_is_a_round_number_at_or_above_all_values(values, least, top):
    assert charts.round_top(values, least=least) == top


# -- formats -----------------------------------------------------------------------------------------------------------


@each_case(
    ("function", "value", "text"),
    [
        (formats.percent, 0.0, "0.0 %"),
        (formats.percent, 9.94, "9.9 %"),
        (formats.percent, 9.96, "10 %"),
        (formats.percent, 100.0, "100 %"),
        (formats.size, 0, "0 B"),
        (formats.size, 1023, "1023 B"),
        (formats.size, 1024, "1 KiB"),
        (formats.size, 1536, "1.5 KiB"),
        (formats.size, 200.4 * 1024**3, "200 GiB"),
        (formats.size, 5000 * 1024**5, "5000 PiB"),
        (formats.rate, 12.3, "12 B/s"),
        (formats.rate, 10_000, "10 kB/s"),
        (formats.rate, 1_234_567, "1.2 MB/s"),
        (formats.decimal, 1.005, "1.00"),
        (formats.duration, 59.9, "59 s"),
        (formats.duration, 61, "1 min 1 s"),
        (formats.duration, 3_660, "1 h 1 min"),
        (formats.duration, 90_000, "1 d 1 h"),
    ],
)
def test_a_figure_is_written_as_people_read_it(function, value, text):
    assert str(function(value)).replace("\N{NO-BREAK SPACE}", " ") == text


@each_case("function", [formats.percent, formats.size, formats.rate, formats.decimal, formats.duration])
def test_a_missing_figure_is_a_dash(function):
    assert str(function(None)) == "\N{EN DASH}"


# -- notifications -----------------------------------------------------------------------------------------------------


def test_the_feed_holds_the_newest_notes_first_and_forgets_the_oldest():
    notes = feed.Feed(limit=3)
    for number in range(1, 6):
        notes.add("kind", f"note {number}")

    assert [note.text for note in notes.notes] == ["note 5", "note 4", "note 3"]
    assert [note.number for note in notes.notes] == [5, 4, 3]
    assert notes.newest == 5


def test_an_empty_feed_has_nothing_new():
    assert feed.Feed().newest == 0


def processes(**named):
    """Processes by name, each with its ids."""
    return [machine.Process(pid, name, None, None) for name, pids in named.items() for pid in pids]


@each_case(
    ("now", "notes"),
    [
        pytest.param(processes(sh=[1], vim=[2]), [], id="nothing"),
        pytest.param(processes(sh=[1], vim=[2], top=[3]), [("started", "top started")], id="one started"),
        pytest.param(processes(sh=[1]), [("ended", "vim ended")], id="one ended"),
        pytest.param(processes(sh=[1], top=[3]), [("ended", "vim ended"), ("started", "top started")], id="both"),
        pytest.param(
            processes(sh=[1, 4], vim=[2], cc=[5, 6, 7]),
            [("started", "sh and 3 \N{MULTIPLICATION SIGN} cc started")],
            id="several of one name",
        ),
        pytest.param(
            processes(sh=[1], vim=[2], a=[11], b=[12], c=[13], d=[14, 15]),
            [("started", "a, b, c and 2 more started")],
            id="too many to name",
        ),
        pytest.param(None, [], id="not told"),
    ],
)
def test_a_note_tells_which_processes_came_and_went(now, notes):
    assert list(watch.compare(processes(sh=[1], vim=[2]), now)) == notes


def test_the_first_processes_have_not_just_started():
    assert list(watch.compare(None, processes(sh=[1]))) == []


def alarms(levels):
    """The notes that an alarm makes of levels, with the number of the level that each came with."""
    alarm = watch.Alarm("CPU", above=80, below=60)
    return [(count, text) for count in range(1, len(levels) + 1) for _, text in alarm.check(levels[:count][-5:])]


def test_an_alarm_goes_off_once_and_once_more_when_all_is_calm():
    assert alarms([90] * 8 + [10] * 8) == [(5, "CPU above 80 %"), (10, "CPU below 60 % again")]


def test_an_alarm_ignores_a_level_between_its_two():
    assert alarms([90] * 5 + [70] * 20 + [90] * 5) == [(5, "CPU above 80 %")]


@each_case(
    "levels",
    [
        pytest.param([10] * 5 + [100, 100] + [10] * 5, id="a short peak"),
        pytest.param([100] * 4, id="too short a history"),
        pytest.param([None] * 9, id="missing"),
        pytest.param([100, None] * 5, id="missing half of the time"),
    ],
)
def test_there_is_no_alarm_for(levels):
    assert alarms(levels) == []


def test_the_watch_notices_processes_and_levels():
    notes = feed.Feed()
    observer = watch.Watch(notes)
    figures = machine.Figures(
        time=datetime.now(UTC), cpu=95.0, memory=machine.Usage(95, 100, 95.0), processes=processes(sh=[1])
    )
    for number in range(1, 6):
        observer.observe(sampler.Sample(figures, [figures] * number))

    assert [note.text for note in notes.notes] == ["Memory above 90 %", "CPU above 80 %"]
