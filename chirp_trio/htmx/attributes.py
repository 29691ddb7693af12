"""The attributes that the `sse` extensions of both generations of htmx read."""

import re

CONNECT_2, CONNECT_4 = "sse-connect", "hx-sse:connect"
CLOSE = ("sse-close", "hx-sse:close")

# A trigger ends at a comma, except in strings, filters and selectors.
_TOKEN = re.compile(
    r"""(?P<text> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^"'\[\](){},]+ | ["'])
    | (?P<open> [\[({]) | (?P<close> [\])}]) | (?P<comma> ,)
    """,
    re.VERBOSE | re.DOTALL,
)


def trigger_names(value: str) -> list[str]:
    """The events in an `hx-trigger`, without their filters and modifiers.

    Example:
        >>> trigger_names("keyup[a, sse:b] delay:1s, sse:news once, load from:closest (form, p)")
        ['keyup', 'sse:news', 'load']
    """
    triggers, depth = [""], 0
    for token in _TOKEN.finditer(value):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth = max(depth - 1, 0)
        elif depth:
            continue
        elif token["comma"]:
            triggers.append("")
        else:
            triggers[-1] += token[0]
    return [words[0] for trigger in triggers if (words := trigger.split())]


def events_in(attribute: str, value: str) -> list[str]:
    """The names of the events of a stream that an attribute listens for; none for another attribute.

    Args:
        attribute: Its name, without `data-`.
        value: Its value.
    """
    if attribute == "sse-swap":
        names = [name.strip() for name in value.split(",")]
    elif attribute == "hx-trigger":
        names = [name.removeprefix("sse:") for name in trigger_names(value) if name.startswith("sse:")]
    elif attribute in CLOSE:
        names = [value]
    else:
        names = []
    return [name for name in names if name]
