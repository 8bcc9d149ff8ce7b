import base64
import time

import jwt
import pytest
from fastapi import WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from epochal.serving.app import create_app
from epochal.serving.service.access import SUBPROTOCOL, Access, chosen_subprotocol, guard
from epochal.serving.service.options import ServiceOptions
from service_material import client_of

KEY, OTHER_KEY = "k" * 16, "another-key-of-theirs"
SECRET = "s" * 32
GUARDED = "/api/alerts"


def make_client(**options):
    return TestClient(create_app(ServiceOptions(**options)), raise_server_exceptions=False)


def make_token(secret=SECRET, algorithm="HS256", **claims):
    return jwt.encode({"sub": "somebody", "exp": time.time() + 3600, **claims}, secret, algorithm)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def keyed():
    return make_client(api_keys=(KEY, OTHER_KEY))


@pytest.fixture(scope="module")
def signed():
    return make_client(jwt_secret=SECRET)


def test_a_service_without_keys_or_secret_is_open():
    assert make_client().get(GUARDED).status_code == 200


def test_every_key_of_the_operators_opens_the_service(keyed):
    for key in (KEY, OTHER_KEY):
        assert keyed.get(GUARDED, headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "k" * 15}, {"X-API-Key": ""}, bearer("x")])
def test_without_a_good_key_nothing_is_told_but_how_to_ask(keyed, headers):
    answer = keyed.get(GUARDED, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "X-API-Key" in answer.json()["detail"]
    assert KEY not in answer.text


def test_a_key_may_come_as_a_bearers_for_scrapers_can_send_no_other(keyed):
    assert keyed.get("/metrics", headers=bearer(KEY)).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.json", "/docs"])
def test_whether_it_lives_and_how_to_ask_is_open_to_anyone(keyed, path):
    assert keyed.get(path).status_code in {200, 503}


def test_every_route_is_guarded_but_those_that_are_meant_to_be_open(keyed):
    """A new router in `OPEN` must be named here, too."""
    paths = keyed.get("/openapi.json").json()["paths"]
    operations = {(path, verb): one for path, verbs in paths.items() for verb, one in verbs.items()}
    unguarded = {path for (path, _), one in operations.items() if not one.get("security")}
    assert unguarded <= {"/health", "/ready", "/v2/health/live", "/v2/health/ready", "/v2"}
    assert len(operations) > len(unguarded)


@pytest.mark.slow
def test_both_ways_stand_in_the_documentation(keyed):
    schemes = keyed.get("/openapi.json").json()["components"]["securitySchemes"]
    assert schemes["ApiKey"]["name"] == "X-API-Key"
    assert schemes["Token"]["scheme"] == "bearer"
    assert schemes["Token"]["bearerFormat"] == "JWT"


def test_a_signed_token_opens_the_service(signed):
    assert signed.get(GUARDED, headers=bearer(make_token())).status_code == 200


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: make_token(exp=time.time() - 3600), "expired"),
        (lambda: make_token(nbf=time.time() + 3600), "not valid yet"),
        (lambda: make_token(secret="t" * 32), "signature"),
        (lambda: make_token(secret="s" * 64, algorithm="HS512"), "HS256"),
        (lambda: jwt.encode({"exp": time.time() + 3600}, "", "none"), "HS256"),
        (lambda: jwt.encode({"sub": "somebody"}, SECRET), "exp"),
        (lambda: "no.token.atall", "not a token"),
    ],
    ids=["expired", "too soon", "foreign secret", "other algorithm", "none", "endless", "no token"],
)
def test_a_token_that_is_not_as_it_must_be_is_refused_with_the_reason(signed, make, reason):
    token = make()
    answer = signed.get(GUARDED, headers=bearer(token))
    assert answer.status_code == 401
    assert reason in answer.json()["detail"]
    assert token not in answer.text


@pytest.mark.slow
def test_clocks_may_differ_by_the_leeway():
    late = make_token(exp=time.time() - 5)
    lenient = make_client(jwt_secret=SECRET, jwt_leeway_s=600)
    assert lenient.get(GUARDED, headers=bearer(late)).status_code == 200
    strict = make_client(jwt_secret=SECRET, jwt_leeway_s=0)
    assert strict.get(GUARDED, headers=bearer(late)).status_code == 401


@pytest.mark.slow
def test_a_token_must_name_the_audience_where_one_is_set():
    client = make_client(jwt_secret=SECRET, jwt_audience="epochal")
    codes = {
        name: client.get(GUARDED, headers=bearer(make_token(**claims))).status_code
        for name, claims in {"ours": {"aud": "epochal"}, "other": {"aud": "x"}, "none": {}}.items()
    }
    assert codes == {"ours": 200, "other": 401, "none": 401}


@pytest.mark.slow
def test_keys_and_tokens_may_be_used_side_by_side():
    client = make_client(jwt_secret=SECRET, api_keys=(KEY,))
    assert client.get(GUARDED, headers={"X-API-Key": KEY}).status_code == 200
    assert client.get(GUARDED, headers=bearer(make_token())).status_code == 200
    detail = client.get(GUARDED).json()["detail"]
    assert "X-API-Key" in detail
    assert "Bearer" in detail


@pytest.mark.slow
def test_measures_are_guarded_unless_the_operator_opens_them():
    assert make_client(api_keys=(KEY,)).get("/metrics").status_code == 401
    assert make_client(api_keys=(KEY,), metrics_open=True).get("/metrics").status_code == 200


@pytest.mark.slow
def test_the_dashboards_files_are_open_and_its_data_are_not(tmp_path):
    with client_of(tmp_path, api_keys=(KEY,)) as client:
        assert client.get("/dashboard/").status_code == 200
        assert client.get("/api/models").status_code == 401


@pytest.mark.parametrize(
    "options", [{"api_keys": ("short",)}, {"jwt_secret": "s" * 31}, {"webhook_secret": "s"}]
)
def test_a_key_or_secret_that_could_be_guessed_is_no_option(options):
    with pytest.raises(ValueError, match="at least"):
        ServiceOptions(**options)


def test_a_key_is_not_shown_where_options_are():
    options = ServiceOptions(api_keys=(KEY,), jwt_secret=SECRET)
    assert KEY not in repr(options)
    assert SECRET not in repr(options)


def make_socket_client(**options):
    from fastapi import APIRouter, Depends

    app, routes = create_app(ServiceOptions(**options)), APIRouter()

    @routes.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept(subprotocol=chosen_subprotocol(websocket))
        await websocket.send_text(websocket.state.caller.name)
        await websocket.close()

    access = Access(ServiceOptions(**options))
    app.include_router(routes, dependencies=[Depends(guard(access))])
    return TestClient(app)


@pytest.mark.slow
def test_a_socket_without_a_key_is_refused_at_its_handshake():
    client = make_socket_client(api_keys=(KEY,))
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/socket"):
        pass
    assert refused.value.status_code == 401
    assert refused.value.json()["title"] == "Unauthorized"


@pytest.mark.slow
def test_a_socket_takes_a_key_or_token_in_its_headers():
    client = make_socket_client(api_keys=(KEY,), jwt_secret=SECRET)
    for headers in ({"X-API-Key": KEY}, bearer(make_token())):
        with client.websocket_connect("/socket", headers=headers) as socket:
            assert socket.receive_text()


@pytest.mark.slow
def test_a_browsers_socket_takes_a_key_or_token_as_a_subprotocol_and_never_says_it_back():
    client = make_socket_client(api_keys=(KEY,), jwt_secret=SECRET)
    in_base64 = base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
    for secret in (f"epochal.key.{in_base64}", f"epochal.token.{make_token()}"):
        with client.websocket_connect("/socket", subprotocols=[SUBPROTOCOL, secret]) as socket:
            assert socket.accepted_subprotocol == SUBPROTOCOL
            assert socket.receive_text()


@pytest.mark.slow
@pytest.mark.parametrize("offered", ["epochal.key.****", "epochal.key._w", "epochal.token."])
def test_a_subprotocol_that_holds_no_key_opens_nothing(offered):
    client = make_socket_client(api_keys=(KEY,))
    with (
        pytest.raises(WebSocketDenialResponse),
        client.websocket_connect("/socket", subprotocols=[SUBPROTOCOL, offered]),
    ):
        pass


@pytest.mark.slow
def test_the_name_of_a_caller_tells_neither_key_nor_person():
    client = make_socket_client(api_keys=(KEY,), jwt_secret=SECRET)
    names = []
    for headers in ({"X-API-Key": KEY}, bearer(make_token()), bearer(make_token(iat=1))):
        with client.websocket_connect("/socket", headers=headers) as socket:
            names.append(socket.receive_text())
    assert names[1] == names[2] != names[0]  # a person's tokens are one caller's
    assert not {KEY, "somebody"} & set(names)
