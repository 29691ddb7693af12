"""Features of other template languages that kida lacks or names differently, and what to write instead, for messages."""

import builtins
import re
from collections.abc import Mapping

import kida

_NOTHING: Mapping[str, object] = {}

# Words after `{%`: of Jinja, and of Django, whose templates look the same.
_KEYWORDS = {
    "macro": "what Jinja calls a macro is a def: {% def name(parameter) %} ... {% end %}, and {{ name(1) }} calls it",
    "do": "there is no do: compute it in the handler, or write {% set _ = items.append(1) %}",
    "autoescape": "there is no autoescape: every value is escaped, but for text that is HTML, {{ text | safe }} or "
    "chirp_trio.HTML(text)",
    "elseif": "it is called elif: {% elif condition %}",
    "elsif": "it is called elif: {% elif condition %}",
    "debug": "there is no debug: App(debug=True), or `chirp-trio run --debug`, shows where it fails",
    "load": "there is no load, which is Django's: @app.template_filter and app.template_global add to templates",
    "static": "there is no static, which is Django's: write {{ path_for('/static/file.css') }}",
    "url": "there is no url, which is Django's: write {{ path_for('handler', name=value) }}",
    "comment": "a comment is {# ... #}",
    "verbatim": "it is called raw: {% raw %} ... {% endraw %}",
    "cycle": "write {{ loop.cycle('odd', 'even') }}",
    **dict.fromkeys(("ifequal", "ifnotequal"), "write {% if a == b %}"),
    **dict.fromkeys(
        ("now", "blocktrans", "blocktranslate", "translate", "widthratio", "lorem", "regroup"),
        "that is Django's: compute it in the handler, or in a function that @app.template_global makes known",
    ),
    "print": "write {{ value }}",
    "await": "templates wait for nothing: let the handler await it, and give the template what it gets",
    "csrf_token": "there is no csrf_token, which is Django's: give the template a token as a variable, and write "
    '<input type="hidden" name="csrf_token" value="{{ csrf_token }}">',
}

# Words inside of a tag, where kida expects its end.
_INSIDE = {
    "recursive": "there is no recursive: write {% def tree(items) %} around the loop, and {{ tree(item.children) }} in it",
    "if": "write {% if condition %}{% continue %}{% end %}",
}

_FROM_THE_HANDLER = (
    "a template knows what its handler gives it and nothing of the request by itself: Template('page.html', {0}=...)"
)

# Names that Jinja, or what Flask, Starlette and Django put around it, know in every template.
_NAMES = {
    "super": "there is no super(): give the parent's part a block of its own inside of that block, or a file, and include it",
    "self": "there is no self: write what is wanted twice as {% def name() %} ... {% end %}, and {{ name() }} where it goes",
    "namespace": "there is no namespace(): {% let n = 0 %} before the loop, and {% let n = n + 1 %} in it",
    "caller": "{{ caller() }} is known inside of a {% def %} that a {% call %} calls",
    "cycler": "there is no cycler(): write {{ loop.cycle('odd', 'even') }}",
    "joiner": "there is no joiner(): write {% if not loop.last %}, {% end %}",
    "lipsum": "there is no lipsum()",
    "loop": "`loop` is known inside of {% for %}",
    "forloop": "it is called loop: {{ loop.index }}, {{ loop.first }}, {{ loop.last }}",
    "static": "write {{ path_for('/static/file.css') }}",
    **dict.fromkeys(("gettext", "ngettext", "now"), "app.template_global('{0}', function) makes a function known"),
    "render_template": "write {% include 'piece.html' %}",
    "url_for": "it is called path_for: {{ path_for('handler', name=value) }}, or {{ path_for('/static/file.css') }}",
    "get_flashed_messages": "there is no get_flashed_messages(): give the template the messages as a variable",
    **dict.fromkeys(
        ("request", "session", "g", "config", "current_user", "user", "csrf_token", "messages"), _FROM_THE_HANDLER
    ),
}


def cure(error: Exception, message: str, given: Mapping[str, object] = _NOTHING) -> str:
    """What to write instead, as the end of a sentence; empty if the error comes from no known habit.

    Args:
        error: What kida has raised.
        message: The first line of what it says.
        given: The variables that the template was given.
    """
    if isinstance(error, kida.UndefinedError):
        return _cure_for_name(error, given)
    if (unknown := re.fullmatch(r"Unknown block keyword: (\w+).*", message)) is not None:
        return _after(_KEYWORDS.get(unknown[1], ""))
    if message.startswith("Block modifier 'scoped'"):
        return _after(
            "there is no scoped: a block does not see the variables of a loop around it, so put the loop inside of the block"
        )
    if message.startswith("Jinja2-style set block capture"):
        return _after("write {% capture x %} ... {% end %}")
    if message.startswith("Unknown filter") and "Did you mean" not in message:
        return _after("@app.template_filter adds filters of your own")
    if "uses async constructs" in message:
        return _after(_KEYWORDS["await"])
    if message.startswith("Expected '}}', got ':'"):
        return _after("that is Django's: arguments of a filter stand in parentheses, {{ value | default('') }}")
    if message.startswith("Expected '%}', got"):
        return _after(_INSIDE.get(str(getattr(getattr(error, "token", None), "value", "")), ""))
    if message == "Expected attribute name":
        return _after("an item of a list is {{ items[0] }}")
    if message.startswith("Unexpected token: in"):
        return _after("write {{ x in list }}; `is in` is Jinja's")
    return ""


def _cure_for_name(error: kida.UndefinedError, given: Mapping[str, object]) -> str:
    name = str(error.name)
    snippet = error.source_snippet
    line = next((text for number, text in snippet.lines if number == snippet.error_line), "") if snippet is not None else ""
    if error.lineno == 0 or re.search(rf"{{%-?\s*(extends|include|import|from)\s+{re.escape(name)}\b", line):
        return _after('the name of a file stands in quotes: {% extends "base.html" %}')  # only this tag is in no line
    variables = given.get("context")
    if isinstance(variables, Mapping) and name in variables:
        return _after("variables are given by name, Template('page.html', name=value), or as **context")
    if name in _NAMES:
        return _after(_NAMES[name].replace("{0}", name))
    of, dot, attribute = name.rpartition(".")
    if dot and of in {"dict", "Mapping", "mappingproxy"}:
        return _after(f"the mapping has no {attribute!r}; where it may be missing, write {{{{ x?.{attribute} }}}}, or "
                      f"{{{{ x.{attribute} | default('') }}}}")  # fmt: skip
    suggestion = getattr(error, "suggestion", None)
    is_near = suggestion and not hasattr(builtins, suggestion)  # kida suggests some of these names as similar
    return f". Did you mean {suggestion!r}?" if is_near else ""


def _after(sentence: str) -> str:
    return f"; {sentence}" if sentence else ""
