"""Who may use the service: API keys and signed tokens, where the operator set any.

A key comes in `X-API-Key`, a token (JWT, RFC 7519, signed with HS256) in `Authorization: Bearer`. A
browser can set neither on a WebSocket, so that there they may also come as a sub-protocol:
`epochal` beside `epochal.token.<token>` or `epochal.key.<the key in base64url>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from epochal.serving.service.options import ServiceOptions
from epochal.serving.service.problems import Problem

SUBPROTOCOL = "epochal"
_KEY, _TOKEN = f"{SUBPROTOCOL}.key.", f"{SUBPROTOCOL}.token."
_BEARER = "Bearer "
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="epochal"'}


@dataclass(frozen=True)
class Caller:
    """Who asks, by a name that tells nothing of the key or the token's holder."""

    name: str


NOBODY = Caller("anyone")  # where the service is open


class Access:
    """The keys and the tokens that open one service."""

    def __init__(self, options: ServiceOptions) -> None:
        self._keys = [_digest(key.get_secret_value()) for key in options.api_keys]
        self._secret = options.jwt_secret
        self._audience = options.jwt_audience
        self._leeway_s = options.jwt_leeway_s

    @property
    def is_open(self) -> bool:
        """Whether anyone may ask anything."""
        return not self._keys and self._secret is None

    def admit(self, connection: HTTPConnection) -> Caller:
        """Return who asks, of a request or of a WebSocket's handshake; else a 401 `Problem`."""
        if self.is_open:
            return NOBODY
        key, token = credentials_of(connection)
        for given in (key, token):  # a key may come as a bearer's: scrapers can send no other
            if given is not None and self._knows(given):
                return _caller(given)
        if token is not None and self._secret is not None:
            return _caller(self._subject_of(token))
        raise Problem(401, self._refuse(key or token), headers=_CHALLENGE)

    def _knows(self, key: str) -> bool:
        """Compare with every key, and each in the same time wherever they differ."""
        digest = _digest(key)
        return sum(hmac.compare_digest(digest, one) for one in self._keys) > 0

    def _subject_of(self, token: str) -> str:
        import jwt

        assert self._secret is not None
        required = ["exp"] if self._audience is None else ["exp", "aud"]
        try:
            claims = jwt.decode(
                token,
                self._secret.get_secret_value(),
                algorithms=["HS256"],  # never what the token itself asks for
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": required, "verify_aud": self._audience is not None},
            )
        except jwt.InvalidTokenError as error:
            reason = _REASONS.get(type(error).__name__, "it is not a token of this service")
            raise Problem(401, f"the token is refused: {reason}", headers=_CHALLENGE) from error
        return str(claims.get("sub", token))

    def _refuse(self, given: str | None) -> str:
        ways = ["a key in X-API-Key"] if self._keys else []
        ways += ["a token in Authorization: Bearer"] if self._secret is not None else []
        what = "this address asks for" if given is None else "not a key of this service; give"
        return f"{what} {' or '.join(ways)}"


# what is said of a token; the library's own words may quote the token
_REASONS = {
    "ExpiredSignatureError": "it has expired",
    "ImmatureSignatureError": "it is not valid yet",
    "InvalidAlgorithmError": "it must be signed with HS256",
    "InvalidAudienceError": "it is for another audience",
    "InvalidSignatureError": "its signature is wrong",
    "MissingRequiredClaimError": "it lacks its time of expiry (exp) or its audience (aud)",
}


def credentials_of(connection: HTTPConnection) -> tuple[str | None, str | None]:
    """Return the key and the token that came with a request or a handshake, None where none."""
    key = connection.headers.get("x-api-key")
    given = connection.headers.get("authorization", "")
    token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER.lower()) else None
    if connection.scope["type"] != "websocket":
        return key, token
    for offered in _offered(connection):
        if offered.startswith(_KEY):
            key = key or _decode(offered.removeprefix(_KEY))
        elif offered.startswith(_TOKEN):
            token = token or offered.removeprefix(_TOKEN)
    return key, token


def chosen_subprotocol(connection: HTTPConnection) -> str | None:
    """Return what a WebSocket is to be accepted with: never what holds a key or a token.

    `await websocket.accept(subprotocol=chosen_subprotocol(websocket))`; without it a browser that
    offered sub-protocols closes the connection.
    """
    return SUBPROTOCOL if SUBPROTOCOL in _offered(connection) else None


def guard(access: Access) -> Callable[..., Awaitable[None]]:
    """Return the dependency of guarded routes, WebSockets too; OpenAPI names its two schemes."""

    async def admit(connection: HTTPConnection, _key: _Key = None, _token: _Token = None) -> None:
        connection.state.caller = access.admit(connection)

    return admit


class _KeyScheme(APIKeyHeader):
    """As FastAPI's, of WebSockets too; `Access` alone decides."""

    async def __call__(self, connection: HTTPConnection) -> str | None:  # type: ignore[override]
        return connection.headers.get(self.model.name)


class _TokenScheme(HTTPBearer):
    """As FastAPI's, of WebSockets too; `Access` alone decides."""

    async def __call__(self, connection: HTTPConnection) -> Any:  # type: ignore[override]
        return connection.headers.get("authorization")


_Key = Annotated[
    str | None,
    Depends(
        _KeyScheme(
            name="X-API-Key",
            scheme_name="ApiKey",
            auto_error=False,
            description="A key of the operator's.",
        )
    ),
]
_Token = Annotated[
    Any,
    Depends(
        _TokenScheme(
            bearerFormat="JWT",
            scheme_name="Token",
            auto_error=False,
            description="A token signed with HS256 that expires.",
        )
    ),
]


def _offered(connection: HTTPConnection) -> list[str]:
    return [str(name) for name in connection.scope.get("subprotocols", [])]


def _decode(text: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _caller(given: str) -> Caller:
    return Caller(_digest(given).hex()[:12])
