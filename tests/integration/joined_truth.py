"""What clients of joined processes have had, against what was published, what was acknowledged, and what is there."""

GAP = "chirp:gap"


def violations_of(acknowledged, truth, had):
    """What is wrong, as sentences.

    Args:
        acknowledged: Of each value that a publisher knows to be written the id, in the order in which that was heard.
        truth: What is in the server, in order: ids, names, and data.
        had: The same for each client, as it came; data None where only an id came.
    """
    places = {id: place for place, (id, _, _) in enumerate(truth)}
    found = [*_twice(truth), *_lost(acknowledged, truth), *_disorder(acknowledged, truth)]
    lost = {id for id in acknowledged.values() if id not in places}
    for number, events in enumerate(had):
        found += [f"client {number}: {what}" for what in _wrong(events, truth, places)]
        lost |= {id for id, name, _ in events if name != GAP and id not in places}
    if not lost and any(name == GAP for _, name, _ in truth):
        found.append("there is a gap, and nothing was lost")
    return found


def _twice(truth):
    there = {}
    for id, name, data in truth:
        if name != GAP and data in there:
            yield f"{data} is there twice, as {there[data]} and {id}"
        there[data] = id


def _lost(acknowledged, truth):
    """What was acknowledged and is not there, and no gap after what was before it."""
    there = {data: id for id, name, data in truth if name != GAP}
    for value, id in acknowledged.items():
        if value in there:
            if there[value] != id:
                yield f"{value} was acknowledged as {id}, and is {there[value]}"
            continue
        epoch, number = parts_of(id)
        before = [
            place
            for place, (other, _, _) in enumerate(truth)
            if parts_of(other) < (epoch, number) and other.startswith(epoch)
        ]
        if not any(name == GAP for _, name, _ in truth[max(before, default=-1) + 1 :]):
            yield f"{value} was acknowledged as {id}; it is not there, and there is no gap"


def _disorder(acknowledged, truth):
    """What comes before something that its publisher knew to be written before it was published."""
    newest = {}
    for _, name, data in truth:
        if name == GAP or data not in acknowledged or "-" not in data:
            continue
        publisher, number = parts_of(data)
        if number < newest.get(publisher, 0):
            yield f"{data} comes after {publisher}-{newest[publisher]}"
        newest[publisher] = number


def _wrong(events, truth, places):
    """What one client has had that it should not have had there, and what it has not."""
    place = None  # how much of what is there it has had, or knows to have missed; None: it has just come
    is_told = True  # of what it has had, and the server has lost since then, it has to be told only where it comes back
    lost = set()
    for id, name, data in events:
        here = places.get(id)
        if data is None:
            continue
        if name == GAP and (here is None or truth[here][1] != GAP):
            if is_told and place is not None:
                yield f"at {id} it was told of a gap, and had everything"
            place, is_told = here if here is None else here + 1, here is not None
        elif here is None:
            if id in lost:
                yield f"{id} came twice, and is lost"
            lost.add(id)
            is_told = False
        else:
            if truth[here][2] != data:
                yield f"{id} was {data}, and is {truth[here][2]}"
            if place is not None and here != place:
                yield f"at {id} it " + (f"had missed {here - place} without a word" if here > place else "had had it")
            place, is_told = here + 1, True
    if place != len(truth):
        yield f"it has not come to the end: {events[-3:]}"


def parts_of(id):
    """The name and the number."""
    name, _, number = id.rpartition("-")
    return name, int(number)
