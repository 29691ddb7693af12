"""What people know from Jinja and Django and kida has not: the message says what to write, and what it says works."""

import re

import pytest

from chirp_trio import Template, TemplateError
from chirp_trio.templates import Templates
from tests.cases import each_case

HABITS = {
    "{% macro f(x) %}{{ x }}{% endmacro %}": "{% def name(parameter) %}",
    "{% do items.append(1) %}": "{% set _ = items.append(1) %}",
    "{% autoescape false %}{{ 1 }}{% endautoescape %}": "{{ text | safe }}",
    "{% if 1 %}{% elseif 2 %}{% endif %}": "{% elif condition %}",
    "{% if 1 %}{% elsif 2 %}{% endif %}": "{% elif condition %}",
    "{% debug %}": "debug=True",
    "{% load static %}": "@app.template_filter",
    "{% static 'a.css' %}": "path_for('/static/file.css')",
    "{% url 'index' %}": "path_for('handler', name=value)",
    "{% csrf_token %}": 'value="{{ csrf_token }}"',
    "{% for i in items %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}": "put the loop inside of the block",
    "{% for item in items recursive %}{{ loop(item.children) }}{% endfor %}": "{{ tree(item.children) }}",
    "{% for item in items %}{% continue if item %}{% endfor %}": "{% if condition %}{% continue %}{% end %}",
    "{% for item in items %}{% break if item %}{% endfor %}": "{% if condition %}",
    "{% set x %}abc{% endset %}{{ x }}": "{% capture x %} ... {% end %}",
    "{{ 3 is in [3] }}": "{{ x in list }}",
    "{{ 'a' | nl2br }}": "@app.template_filter",
    "{{ 'a' | uper }}": "Did you mean 'upper'?",
    '{% extends "base.html" %}{% block a %}{{ super() }}{% endblock %}': "give the parent's part a block of its own",
    "{% block a %}{% endblock %}{{ self.a() }}": "{% def name() %} ... {% end %}",
    "{% set ns = namespace(x=1) %}": "{% let n = n + 1 %}",
    "{% set c = cycler(1, 2) %}": "loop.cycle('odd', 'even')",
    "{% set c = joiner(', ') %}": "{% if not loop.last %}",
    "{{ url_for('static', filename='a.css') }}": "path_for('/static/file.css')",
    "{% for m in get_flashed_messages() %}{% endfor %}": "as a variable",
    "{{ request.path }}": "Template('page.html', request=...)",
    "{{ session.user }}": "Template('page.html', session=...)",
    "{{ g.user }}": "Template('page.html', g=...)",
    "{{ config.NAME }}": "Template('page.html', config=...)",
    "{{ current_user.name }}": "Template('page.html', current_user=...)",
    "{{ csrf_token() }}": "Template('page.html', csrf_token=...)",
    "{{ mapping.nope }}": "{{ x.nope | default('') }}",
    "{{ iems }}": "Did you mean 'items'?",
    "{% extends base.html %}": 'the name of a file stands in quotes: {% extends "base.html" %}',
    "{% include base.html %}": "stands in quotes",
    "{% import base.html as b %}{{ b.x() }}": "stands in quotes",
    "{{ title }}": "variables are given by name, Template('page.html', name=value), or as **context",
    "{{ await items }}": "let the handler await it",
    "{% async for item in items %}{{ item }}{% endfor %}": "let the handler await it",
    "{% print(1) %}": "write {{ value }}",
    "{% comment %}a{% endcomment %}": "a comment is {# ... #}",
    "{% verbatim %}a{% endverbatim %}": "{% raw %} ... {% endraw %}",
    "{% ifequal a b %}{% endifequal %}": "{% if a == b %}",
    "{% cycle 'odd' 'even' %}": "loop.cycle('odd', 'even')",
    "{% now 'Y' %}": "@app.template_global",
    "{% blocktrans %}a{% endblocktrans %}": "@app.template_global",
    "{% for i in items %}{% endfor %}{{ forloop.counter }}": "{{ loop.index }}",
    "{{ loop.index }}": "inside of {% for %}",
    "{{ items.0 }}": "{{ items[0] }}",
    "{{ mapping.a | default:'' }}": "{{ value | default('') }}",
    "{{ gettext('a') }}": "app.template_global('gettext', function)",
    "{{ static('a.css') }}": "path_for('/static/file.css')",
    "{{ render_template('a.html') }}": "{% include 'piece.html' %}",
}
INSTEAD = {
    "{% def tree(items) %}{% for item in items %}<{{ item.a }}{{ tree(item.kids) }}>{% end %}{% end %}"
    "{{ tree([{'a': 1, 'kids': [{'a': 2, 'kids': []}]}]) }}": "<1<2>>",
    "{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% end %}{{ i }}{% end %}": "13",
    "{% def f(x) %}{{ x }}{% end %}{{ f(1) }}": "1",
    "{% set _ = items.append(1) %}{{ items }}": "[1]",
    "{% let n = 0 %}{% for i in [1, 2] %}{% let n = n + i %}{% end %}{{ n }}": "3",
    "{% for i in [1, 2] %}{{ loop.cycle('odd', 'even') }}{% if not loop.last %}, {% end %}{% end %}": "odd, even",
    "{% capture x %}abc{% end %}{{ x }}": "abc",
    "{{ mapping?.nope }}|{{ mapping.nope | default('') }}": "|",
    "{{ 3 in [3] }}": "True",
    "{{ '<b>' | safe }}": "<b>",
}


def rendered(folder, text):
    (folder / "base.html").write_text("{% block a %}{% endblock %}")
    (folder / "page.html").write_text(text)
    return Templates(folder).render(Template("page.html", items=[], mapping={"a": 1}, context={"title": "tea"}))


@each_case(("text", "cure"), HABITS.items())
def test_a_habit_of_other_languages_is_told_what_to_write(tmp_path, text, cure):
    with pytest.raises(TemplateError, match=re.escape(cure)) as raised:
        rendered(tmp_path, text)

    assert str(raised.value).startswith("template 'page.html'")
    assert "\n" not in str(raised.value)


@each_case(("text", "result"), INSTEAD.items())
def test_what_is_to_be_written_instead_works(tmp_path, text, result):
    assert rendered(tmp_path, text) == result


def test_a_name_that_is_nobodys_habit_has_no_advice(tmp_path):
    with pytest.raises(TemplateError) as raised:
        rendered(tmp_path, "{{ zebra }}")

    assert (
        str(raised.value)
        == "template 'page.html', line 1: 'zebra' is not defined; variables given: 'items', 'mapping', 'context'"
    )
