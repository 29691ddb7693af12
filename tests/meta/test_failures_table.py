"""docs/reference/errors.md: each row of the table of what is no Exception has a test that raises it there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MISBEHAVIOUR = "tests/lifecycle/test_misbehaviour.py"
TESTS = {
    "a handler, async or plain": (MISBEHAVIOUR, "test_a_handler_that_raises_anything_is_a_500_in_the_log"),
    "an error handler": (MISBEHAVIOUR, "test_an_error_handler_that_raises_anything_leaves_the_error_to_the_app"),
    "a template, a fragment or a page": (MISBEHAVIOUR, "test_a_template_that_raises_anything_is_a_500"),
    "a response or a mounted app of another framework": (
        MISBEHAVIOUR,
        "test_a_response_of_somebody_elses_that_raises_anything_is_a_500",
    ),
    "a source, before its first item": (MISBEHAVIOUR, "test_a_source_that_raises_anything_before_its_first_event_is_a_500"),
    "a source, later": (MISBEHAVIOUR, "test_a_source_that_raises_anything_later_is_told_of_and_named"),
    "the encoding of an item, such as `json_default`": (
        MISBEHAVIOUR,
        "test_an_item_whose_encoding_raises_anything_costs_only_itself",
    ),
    "a topic's `filter` or `key`": (MISBEHAVIOUR, "test_a_filter_or_key_that_raises_anything_ends_that_stream_alone"),
    "a hook: `on_open`, `on_close`": (MISBEHAVIOUR, "test_a_hook_that_raises_anything_is_in_the_log"),
    "`revalidate`": (MISBEHAVIOUR, "test_a_revalidation_that_raises_anything_is_a_refusal"),
    "middleware": ("tests/unit/test_http1.py", "test_an_app_that_raises_before_its_response_is_answered_for"),
    "the lifespan": ("tests/unit/test_server_lifespan.py", "test_an_app_that_raises_later_stops_the_server_and_is_an_error"),
}


def test_each_row_has_a_test():
    page = (ROOT / "docs/reference/errors.md").read_text()
    _, section = re.split(r"^## What is no `Exception`$", page, flags=re.MULTILINE)
    table = section.partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert rows[2:] == list(TESTS)
    for path, name in TESTS.values():
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
