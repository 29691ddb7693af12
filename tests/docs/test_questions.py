"""Forty questions that people ask, each with a page that has the words to answer it."""

import re

import pytest

from tests.docs.runner import ROOT

PAGE = ROOT / "docs" / "questions.md"
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)

# Words that its page has to have; a link alone is no answer.
WORDS = {
    1: "WebSockets", 2: "Authorization", 3: "log", 4: "withCredentials", 5: "CSRF", 6: "SessionMiddleware", 7: "SQLAlchemy",
    8: "thread", 9: "process", 10: "coredis", 11: "buffer", 12: "Cloudflare", 13: "six", 14: "compose.yaml",
    15: "readinessProbe", 16: "systemd", 17: "finally", 18: "heartbeat_interval", 19: "last_event_id", 20: "htmx 2",
    21: "sse-close", 22: "Connection lost", 23: "useEffect", 24: "POST", 25: "httpx", 26: "compressed", 27: "StaticFiles",
    28: "multipart", 29: "msgspec", 30: "openapi", 31: "hour", 32: "max_", 33: "chirp_trio_streams_refused_total",
    34: "json", 35: "bench", 36: "Windows", 37: "--root-path", 38: "macro", 39: "signal", 40: "backup",
}  # fmt: skip


def section(link):
    """The text that a link leads to: from its heading to the next one of its kind or a higher one; else the page."""
    path, _, anchor = link.partition("#")
    text = (PAGE.parent / path).read_text()
    if not anchor:
        return text
    for heading in re.finditer(r"^(#+) (.+)$", text, re.MULTILINE):
        if re.sub(r"[^\w\- ]", "", heading[2].lower()).replace(" ", "-") == anchor:
            rest = text[heading.end() :]
            prose = re.sub(r"```.*?```", lambda code: "x" * len(code[0]), rest, flags=re.DOTALL)
            end = re.search(rf"^#{{1,{len(heading[1])}}} ", prose, re.MULTILINE)
            return rest[: end.start()] if end else rest
    raise AssertionError(f"{link} leads nowhere")


def test_there_are_forty_of_them():
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 41)) == sorted(WORDS)


@pytest.mark.parametrize(("number", "question", "answer"), ROWS, ids=[f"{number} {question}" for number, question, _ in ROWS])
def test_a_question_is_answered_where_its_link_leads(number, question, answer):
    text = " ".join(section(link) for link in re.findall(r"\]\(([^)]+)\)", answer))
    assert WORDS[int(number)].lower() in text.lower()
