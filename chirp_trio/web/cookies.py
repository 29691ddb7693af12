"""Cookies of responses (RFC 6265), checked when they are set, because browsers ignore a bad cookie without a word."""

import re
from datetime import UTC, datetime
from typing import Literal, Self

from ..headers import HeadersInput, header_pairs
from ..wire import NoData
from .urls import Serving, serving

type SameSite = Literal["lax", "strict", "none"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265, 4.1.1, cookie-octet
_PATH = re.compile(r"/[\x20-\x3a\x3c-\x7e]*")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_LONGEST = 4096  # bytes of name and value; browsers ignore more without a word (RFC 6265bis, 5.6)


class SetsCookies(NoData):
    """The base of responses that can set cookies."""

    __slots__ = ()

    _instead = "a handler returns it, by itself; a stream that has begun cannot become another response"

    headers: HeadersInput
    _made_by: Serving | None  # the request that the response was made for; None: it was made outside of any request

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: SameSite | None = "lax",
    ) -> Self:
        """Set a cookie, by one more header `set-cookie`.

        Args:
            name: Its name.
            value: Its value; what is not ASCII, or a space, comma, semicolon, quote or backslash, has to be encoded by you.
            max_age: Seconds that the browser keeps it; default: until it is closed.
            expires: The same as a point in time, with a time zone; `max_age` wins.
            path: Which paths get it; default: all of the host's; None: those beside the request's.
            domain: Which hosts get it; default: this one only.
            secure: Whether it is sent over HTTPS only; default: no.
            httponly: Whether scripts of the page cannot read it; default: yes.
            samesite: Whether it goes along when another site leads here: `"lax"` (links only, the default), `"strict"`
                (never), `"none"` (always; needs `secure`), None: the browser decides.

        Returns:
            This response, so that it can be written in one line with the `return`.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: Browsers would reject the cookie; the message says why.
            RuntimeError: The response was not made for this request, and others would get the cookie too.

        Example:
            >>> Response("Hello").set_cookie("theme", "dark", max_age=3600).headers
            (('set-cookie', 'theme=dark; Path=/; Max-Age=3600; HttpOnly; SameSite=lax'),)
        """
        cookie = cookie_header(name, value, max_age, expires, path, domain, secure, httponly, samesite)
        if serving.get() is not self._made_by:
            raise RuntimeError(
                f"the cookie {name!r} would go to others as well: this {type(self).__name__} was made outside of the request "
                "that is being answered; make a new one for each request"
            )
        object.__setattr__(self, "headers", (*header_pairs(self.headers), ("set-cookie", cookie)))
        return self

    def delete_cookie(
        self,
        name: str,
        *,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: SameSite | None = "lax",
    ) -> Self:
        """Make the browser forget a cookie. `path` and `domain` have to be those that it was set with; see `set_cookie`."""
        epoch = datetime.fromtimestamp(0, UTC)
        return self.set_cookie(
            name, "", max_age=0, expires=epoch, path=path, domain=domain, secure=secure, httponly=httponly, samesite=samesite
        )


def check_recipient(response: SetsCookies) -> None:
    """Raise `RuntimeError` where the cookies of one request would be sent to another."""
    if response._made_by is None or response._made_by is serving.get():
        return
    if any(name.lower() == "set-cookie" for name, _ in header_pairs(response.headers)):
        raise RuntimeError(
            f"this {type(response).__name__} has the cookies of another request; make a new one for each request"
        )


def cookie_header(
    name: str,
    value: str,
    max_age: int | None,
    expires: datetime | None,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: SameSite | None,
) -> str:
    """The value of a header `set-cookie`; raises as `set_cookie` does."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a cookie is {name!r}; it must be text")
    _check_text("name", name, _NAME, "an HTTP token, such as 'session'")
    _check_text(
        "value", value, _VALUE,
        "ASCII without spaces, commas, semicolons, quotes and backslashes; encode others, as urllib.parse.quote does",
    )  # fmt: skip
    if len(name) + len(value) > _LONGEST:
        raise ValueError(f"the cookie {name!r} has {len(name) + len(value)} bytes; browsers take {_LONGEST} at most")
    parts = [f"{name}={value}"]
    if domain is not None:
        _check_text("domain", domain, _DOMAIN, "the name of a host")
        parts.append(f"Domain={domain}")
    if path is not None:
        _check_text("path", path, _PATH, "a path that begins with '/', without ';'")
        parts.append(f"Path={path}")
    if max_age is not None:
        if not isinstance(max_age, int) or isinstance(max_age, bool):
            raise TypeError(f"max_age of the cookie {name!r} is {max_age!r}; it must be a whole number of seconds, or None")
        parts.append(f"Max-Age={max_age}")
    if expires is not None:
        if not isinstance(expires, datetime):
            raise TypeError(f"expires of the cookie {name!r} is {expires!r}; it must be a datetime with a time zone, or None")
        if expires.utcoffset() is None:
            raise ValueError(f"expires of the cookie {name!r} is {expires!r}; it must have a time zone")
        from email.utils import format_datetime  # it loads much of the standard library, and few cookies need it

        try:
            parts.append(f"Expires={format_datetime(expires.astimezone(UTC), usegmt=True)}")
        except OverflowError:
            raise ValueError(f"expires of the cookie {name!r} is {expires!r}; it must be a time that UTC has too") from None
    for option, is_set in (("secure", secure), ("httponly", httponly)):
        if not isinstance(is_set, bool):
            raise TypeError(f"{option} of the cookie {name!r} is {is_set!r}; it must be True or False")
    if samesite is not None and not isinstance(samesite, str):
        raise TypeError(f"samesite of the cookie {name!r} is {samesite!r}; it must be 'lax', 'strict', 'none' or None")
    if samesite not in (None, "lax", "strict", "none"):
        raise ValueError(f"samesite of the cookie {name!r} is {samesite!r}; it must be 'lax', 'strict', 'none' or None")
    if samesite == "none" and not secure:
        raise ValueError(f"the cookie {name!r} has samesite='none'; browsers take it with secure=True only")
    if name.lower().startswith(("__secure-", "__host-")) and not secure:
        raise ValueError(f"browsers take the cookie {name!r} with secure=True only, because of how its name begins")
    if name.lower().startswith("__host-") and (domain is not None or path != "/"):
        raise ValueError(
            f"browsers take the cookie {name!r} with path='/' and no domain only, because of how its name begins"
        )
    parts += ["Secure"] * secure + ["HttpOnly"] * httponly
    if samesite is not None:
        parts.append(f"SameSite={samesite}")
    return "; ".join(parts)


def _check_text(what: str, text: object, allowed: re.Pattern[str], told: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"the {what} of a cookie is {text!r}; it must be text")
    if not allowed.fullmatch(text):
        raise ValueError(f"the {what} of a cookie is {text!r}; it must be {told}")
