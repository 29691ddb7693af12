"""What an `App` refuses to be told, where it is told, with a message that says what is allowed."""

import pytest

from chirp_trio import App, AppConfig, ConfigurationError
from tests.cases import each_case


@pytest.fixture
def app():
    return App()


async def source():
    yield "an event"


def wants_db(db): ...
async def handler(): ...


@each_case(
    ("path", "options", "function", "message"),
    [
        pytest.param("users", {}, handler, "the path 'users' must begin with '/'", id="path"),
        pytest.param(
            "/{a:hex}", {}, handler, "has a converter 'hex'; there are: str, int, float, uuid, path", id="converter"
        ),
        pytest.param("/{request}", {}, handler, "a parameter 'request', which is the request's own name", id="request"),
        pytest.param("/", {"methods": "POST"}, handler, "methods of '/' is 'POST'; it must be a list", id="methods"),
        pytest.param("/", {}, source, f"route '/': the handler {__name__}.source has a yield", id="a source"),
        pytest.param("/", {}, App(), "wants 'scope'; there are only: request", id="an ASGI app"),
        pytest.param(
            "/{a}",
            {},
            wants_db,
            f"route '/{{a}}': the handler {__name__}.wants_db wants 'db'; there are only: a, request",
            id="db",
        ),
    ],
)
def test_a_route_that_cannot_work_is_refused_where_it_is_made(app, path, options, function, message):
    with pytest.raises((TypeError, ValueError)) as refusal:
        app.route(path, **options)(function)

    assert message in str(refusal.value)


def test_a_second_handler_for_a_method_and_path_is_refused_with_the_first(app):
    app.route("/", methods=["GET", "POST"])(handler)

    with pytest.raises(ConfigurationError) as refusal:
        app.route("/", methods=["POST", "PUT"])(handler)

    assert str(refusal.value) == f"POST / is answered by {__name__}.handler already"


@each_case("cause", [200, 399, 600, True, "404", BaseException, KeyboardInterrupt, ValueError()], ids=repr)
def test_an_error_handler_for_what_is_no_error_is_refused(app, cause):
    with pytest.raises(
        (TypeError, ConfigurationError), match="the cause must be an HTTP status from 400 to 599, or a class of exceptions"
    ):
        app.error(cause)(handler)


@pytest.mark.parametrize("decorator", ["route", "error", "template_filter"])
def test_a_decorator_without_its_parentheses_is_refused(app, decorator):
    with pytest.raises((TypeError, ValueError), match=f"{decorator}\\(<function handler"):
        getattr(app, decorator)(handler)


def test_a_prefix_that_another_app_has_is_refused(app):
    app.mount("/static", App())

    with pytest.raises(ConfigurationError, match="the prefix '/static' belongs to another app already"):
        app.mount("/static", App())


@each_case("cause", [400, 599, Exception, ValueError])
def test_an_error_handler_may_be_for_any_error(app, cause):
    assert app.error(cause)(handler) is handler


def test_an_error_handler_that_wants_too_much_is_refused(app):
    with pytest.raises(ConfigurationError) as refusal:
        app.error(404)(wants_db)

    assert str(refusal.value) == (
        f"error handler of 404: the handler {__name__}.wants_db wants 'db'; there are only: error, reference, request"
    )


@each_case("prefix", ["static", "", "/", "/static/"])
def test_a_prefix_that_cannot_work_is_refused(app, prefix):
    with pytest.raises(ConfigurationError, match="must begin with '/' and not end with it"):
        app.mount(prefix, App())


@each_case("size", [-1, 1.5, True, "1 MiB", None], ids=repr)
def test_a_limit_that_is_no_size_is_refused(size):
    with pytest.raises((TypeError, ValueError), match="it must be a number of bytes, zero or more"):
        AppConfig(max_body_size=size)


@each_case("config", [{"debug": True}, AppConfig, True], ids=repr)
def test_a_config_that_is_none_is_refused(config):
    with pytest.raises(TypeError, match="it must be an AppConfig or None"):
        App(config)
