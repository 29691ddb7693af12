"""Why a connection failed, in words for people."""

import os
import ssl

import httpx

# What OpenSSL calls an answer that is none of TLS.
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}


def reason(error: httpx.TransportError, timeout: httpx.Timeout) -> str:
    """Why a connection failed or was lost, in words for people."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {timeout.connect:g} s"
    if isinstance(error, httpx.ReadTimeout):
        return f"nothing came for {timeout.read:g} s"
    cause = innermost(error)
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        return "it does not answer in TLS, which https:// is: http:// may be what it speaks"
    if isinstance(cause, OSError) and cause.errno is not None:
        told = os.strerror(cause.errno) if cause.errno > 0 and not isinstance(cause, ssl.SSLError) else str(cause.strerror)
    else:
        told = str(error) or type(error).__name__
    return f"cannot connect: {told}" if isinstance(error, httpx.ConnectError) else f"the connection was lost: {told}"


def innermost(error: BaseException) -> BaseException:
    """The first error in a chain of causes, from which the others were raised."""
    while True:
        below = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
        if below is None:
            return error
        error = below
