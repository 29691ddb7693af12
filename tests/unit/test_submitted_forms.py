"""Submitted forms, from their bytes: fields and files, what is refused, and that a bound holds on everything."""

import pytest

from chirp_trio.errors import HTTPError
from chirp_trio.web.forms import Form, parse_content_type, parse_form, parse_multipart
from tests.cases import each_case

BOUNDARY = "----boundary"


def part(*lines, content=b""):
    """One part of a form: lines of headers, and its content."""
    head = "".join(f"{line}\r\n" for line in lines).encode()
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n" + content + b"\r\n"


def field(name, content, *further):
    return part(f'Content-Disposition: form-data; name="{name}"', *further, content=content)


def file(name, filename, content, *further):
    return part(f'Content-Disposition: form-data; name="{name}"; filename="{filename}"', *further, content=content)


END = b"--" + BOUNDARY.encode() + b"--\r\n"


def parse(*parts, end=END, limit=10):
    return parse_multipart(b"".join(parts) + end, BOUNDARY, limit)


@each_case(
    ("body", "fields"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"a=1&b=2", {"a": ["1"], "b": ["2"]}, id="two fields"),
        pytest.param(b"a=1&a=2", {"a": ["1", "2"]}, id="one field twice"),
        pytest.param(b"a=&b", {"a": [""], "b": [""]}, id="empty values"),
        pytest.param(b"=1", {"": ["1"]}, id="empty name"),
        pytest.param(b"&&a=1&", {"a": ["1"]}, id="nothing between ampersands"),
        pytest.param(b"a=b=c", {"a": ["b=c"]}, id="an equals sign in a value"),
        pytest.param(b"a;b=1;2", {"a;b": ["1;2"]}, id="semicolons are data"),
        pytest.param(b"a+b=c+%2B", {"a b": ["c +"]}, id="plus is a space"),
        pytest.param(b"%c3%BC=%E2%98%83", {"ü": ["☃"]}, id="percent in any case"),
        pytest.param("ü=☃".encode(), {"ü": ["☃"]}, id="bare UTF-8"),
        pytest.param(b"a=%25zz", {"a": ["%zz"]}, id="decoded once"),
        pytest.param(b"a=1%0D%0A2", {"a": ["1\r\n2"]}, id="line breaks"),
    ],
)
def test_a_form_is_its_fields(body, fields):
    form = parse_form(body, 10)

    assert {name: form.get_all(name) for name in form} == fields


@each_case(
    ("body", "message"),
    [
        pytest.param(b"a=1&b=%zzz", "the form's field 2 holds '%zz', which encodes no byte", id="no hexadecimal digits"),
        pytest.param(b"a=100%", "the form's field 1 holds '%', which encodes no byte", id="percent at the end"),
        pytest.param(b"a=%4", "the form's field 1 holds '%4', which encodes no byte", id="half a byte"),
        pytest.param(b"a=%41%4g", "the form's field 1 holds '%4g', which encodes no byte", id="after a good one"),
        pytest.param(b"%+1=a", "the form's field 1 holds '% 1', which encodes no byte", id="in a name"),
        pytest.param(b"a=1&&b=%zz", "the form's field 3 holds '%zz', which encodes no byte", id="empty fields count"),
        pytest.param(b"a=%FF", "the form's field 1 is not utf-8: invalid start byte at byte 0", id="not UTF-8"),
        pytest.param(b"a=x\xc3", "the form's field 1 is not utf-8: unexpected end of data at byte 1", id="cut off"),
    ],
)
def test_a_malformed_form_is_a_bad_request_that_says_which_field(body, message):
    with pytest.raises(HTTPError) as refusal:
        parse_form(body, 10)

    assert str(refusal.value) == f"400 {message}"


def test_a_form_may_have_as_many_fields_as_the_limit_and_not_one_more():
    assert len(parse_form(b"&".join(b"a%d=" % number for number in range(10)), 10)) == 10
    for body in (b"&".join(b"a%d=" % number for number in range(11)), b"&" * 10):
        with pytest.raises(HTTPError, match=r"^413 the form has more than 10 fields$"):
            parse_form(body, 10)


def test_a_multipart_form_is_its_fields_and_its_files():
    form = parse(
        field("name", "Zürich ☃".encode()),
        field("tag", b"a"),
        field("tag", b"b\r\nc", "Content-Type: text/plain"),
        file("photo", "snö.png", b"\x89PNG\r\n--\0", "Content-Type: image/png", "X-Further: 1"),
        file("notes", "notes", b"", "Content-Type: text/plain; charset=utf-16"),
    )

    assert {name: form.get_all(name) for name in form} == {"name": ["Zürich ☃"], "tag": ["a", "b\r\nc"]}
    photo = form.files["photo"]
    assert (photo.filename, photo.content_type, photo.content) == ("snö.png", "image/png", b"\x89PNG\r\n--\0")
    assert photo.headers["x-further"] == "1"
    assert (form.files["notes"].filename, form.files["notes"].content_type) == ("notes", "text/plain")
    assert list(form.files) == ["photo", "notes"]


def test_a_file_that_nobody_chose_is_none():
    assert list(parse(file("photo", "", b"", "Content-Type: application/octet-stream")).files) == []
    assert parse(file("photo", "", b"x")).files["photo"].content_type == "application/octet-stream"


@each_case(
    ("disposition", "filename"),
    [
        pytest.param("filename*=UTF-8''%e2%98%83.txt", "☃.txt", id="alone"),
        pytest.param("FileName* = iso-8859-1'en'%A3.txt ; x=y", "£.txt", id="in another charset and language"),
        pytest.param("filename=\"plain.txt\"; filename*=UTF-8''%e2%98%83.txt", "plain.txt", id="beside the usual one"),
    ],
)
def test_a_filename_in_the_manner_of_headers_makes_a_file_as_well(disposition, filename):
    form = parse(part(f'Content-Disposition: form-data; name="a"; {disposition}', content=b"\xff"))

    assert (form.files["a"].filename, form.files["a"].content, len(form)) == (filename, b"\xff", 0)


def test_a_filename_in_a_value_is_none():
    assert parse(field("a; filename*=UTF-8''x", b"1"))["a; filename*=UTF-8''x"] == "1"


@each_case("charset", ["punycode", "x"])
def test_a_filename_in_a_charset_of_the_clients_choice_is_refused(charset):
    with pytest.raises(HTTPError, match=r"^415 the charset of the filename of the form's part 1"):
        parse(part(f"Content-Disposition: form-data; name=a; filename*={charset}''x"))


@each_case(
    ("parts", "value"),
    [
        pytest.param([field("a", b"\xfc", "Content-Type: text/plain; charset=ISO-8859-1")], "ü", id="of the part"),
        pytest.param([field("_charset_", b"windows-1252"), field("a", b"\x80")], "€", id="of the form"),
        pytest.param([field("a", b"\x80"), field("_charset_", b"windows-1252")], "€", id="of the form, said last"),
        pytest.param([field("_charset_", b"utf-16"), part(), field("a", b"\x80")][:1], None, id="of nothing else"),
    ],
)
def test_a_field_may_be_in_a_charset_that_is_taken(parts, value):
    if value is None:
        with pytest.raises(HTTPError):  # its own name is in it too, as browsers have it
            parse(*parts)
    else:
        assert parse(*parts)["a"] == value


@each_case(
    "parts",
    [
        [field("a", b"a" * 1000, "Content-Type: text/plain; charset=punycode")],
        [field("_charset_", b"punycode"), field("a", b"a" * 1000)],
        [field("a", b"YQ==", "Content-Transfer-Encoding: base64")],
    ],
    ids=["part", "form", "encoding"],
)
def test_a_charset_or_an_encoding_that_is_not_taken_is_refused_with_a_415(parts):
    with pytest.raises(
        HTTPError, match=r"^415 .*(must be UTF-8, US-ASCII, ISO-8859-1, Windows-1252 or UTF-16|must be as it)"
    ):
        parse(*parts)


@each_case(
    ("body", "message"),
    [
        pytest.param(b"", "the form is malformed: it ends before its last boundary", id="empty"),
        pytest.param(field("a", b"b"), "the form is malformed: it ends before its last boundary", id="no end"),
        pytest.param(field("a", b"b")[:-4], "the form is malformed: it ends before its last boundary", id="cut off"),
        pytest.param(b"something else", "the form is malformed: Expected boundary", id="no boundary"),
        pytest.param(part("X: y") + END, "the form's part 1 has no name; it needs content-disposition", id="no disposition"),
        pytest.param(part("Content-Disposition: form-data") + END, "the form's part 1 has no name", id="no name"),
        pytest.param(
            part('Content-Disposition: attachment; name="a"') + END, "the form's part 1 has no name", id="not form-data"
        ),
        pytest.param(part(*["A: b"] * 50) + END, "the form is malformed: Maximum header count exceeded", id="headers"),
        pytest.param(part("A: " + "b" * 9999) + END, "the form is malformed: Maximum header size exceeded", id="long header"),
        pytest.param(part("A b") + END, "the form is malformed:", id="no header"),
        pytest.param(
            field("a", b"\xff") + END, "the form's part 1 is not utf-8: invalid start byte at byte 0", id="not UTF-8"
        ),
        pytest.param(
            part('Content-Disposition: form-data; name="ü"').replace("ü".encode(), b"\xfc") + END,
            "the name of the form's part 1 is not utf-8",
            id="name",
        ),
    ],
)
def test_a_malformed_multipart_form_is_a_bad_request_that_says_where(body, message):
    with pytest.raises(HTTPError) as refusal:
        parse_multipart(body, BOUNDARY, 10)

    assert str(refusal.value).startswith(f"400 {message}")


def test_a_multipart_form_may_have_as_many_parts_as_the_limit_and_not_one_more():
    assert len(parse(*[field(f"a{number}", b"") for number in range(10)])) == 10
    with pytest.raises(HTTPError, match=r"^413 the form has more than 10 fields$"):
        parse(*[file("a", f"{number}", b"") for number in range(11)])


def test_a_boundary_that_is_too_long_is_a_bad_request():
    with pytest.raises(HTTPError, match=r"^400 the form is malformed"):
        parse_multipart(END, "b" * 1000, 10)


@each_case(
    ("header", "kind", "options"),
    [
        ("", "", {}),
        ("Text/Plain", "text/plain", {}),
        ("text/plain ; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        ('multipart/form-data; boundary="a;b"; x', "multipart/form-data", {"boundary": "a;b", "x": ""}),
    ],
)
def test_a_content_type_has_parameters(header, kind, options):
    assert parse_content_type(header) == (kind, options)


def test_forms_are_equal_if_their_fields_and_files_are():
    one, other = parse(file("a", "b", b"c")), parse(file("a", "b", b"d"))
    assert one != other
    assert one == parse(file("a", "b", b"c")) or one.files["a"].headers is not None
    assert Form([("a", "b")]) == Form([("a", "b")])
    assert repr(Form([("a", "b")])) == "Form([('a', 'b')])"
