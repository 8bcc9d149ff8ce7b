import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from epochal.provenance import MARK
from epochal.serving.service.problems import Problem
from epochal.serving.service.uploads import harmless_name, receive, upload_folder

BOUNDARY = "xyz"
LIMIT = 10_000


def part(content: bytes, *, field: str = "file", name: str | None = "night.edf") -> bytes:
    filename = "" if name is None else f'; filename="{name}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{filename}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def request_of(body: bytes, *, kind: str | None = None, size: int = 700, told: bool = True):
    """Return a request whose body comes in pieces, and breaks off where `told` is false."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    messages.append({"type": "http.request", "body": b""} if told else {"type": "http.disconnect"})

    async def take():
        return messages.pop(0)

    kind = f"multipart/form-data; boundary={BOUNDARY}" if kind is None else kind
    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, take)


def send(folder: Path, body: bytes, *, max_bytes: int = LIMIT, simulated: bool = False, **how):
    request = request_of(body, **how)
    return asyncio.run(receive(request, folder, max_bytes=max_bytes, simulated=simulated))


def refusal(folder: Path, body: bytes, **how) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        send(folder, body, **how)
    return refused.value.status, str(refused.value)


@pytest.mark.parametrize("size", [1, 3, 700, 100_000])
def test_a_file_arrives_byte_by_byte_as_it_was(tmp_path, size):
    content = bytes(range(256)) * 4 + b"\r\n--xy" + b"\r\n--xyzz"[:5]
    upload = send(tmp_path, form(part(content)), size=size)
    assert upload.path.read_bytes() == content
    assert (upload.name, upload.n_bytes, upload.stem) == ("night.edf", len(content), "night")


def test_it_lies_in_a_folder_of_its_own_under_its_harmless_name(tmp_path):
    upload = send(tmp_path, form(part(b"x", name="../../Jane Doe.EDF")))
    assert upload.path == tmp_path / "received/Jane_Doe.EDF"
    assert upload.name == "Jane_Doe.EDF"
    assert [one.name for one in tmp_path.iterdir()] == ["received"]


def test_other_fields_are_passed_over(tmp_path):
    body = form(part(b"1", field="a", name=None), part(b"x"), part(b"2", field="b", name="b.exe"))
    assert send(tmp_path, body).path.read_bytes() == b"x"
    assert [one.name for one in (tmp_path / "received").iterdir()] == ["night.edf"]


def test_one_that_is_said_to_be_simulated_is_marked(tmp_path):
    upload = send(tmp_path, form(part(b"x")), simulated=True)
    assert "Simulated" in upload.path.with_name(MARK).read_text()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (form(part(b"")), 422, "'night.edf' is empty"),
        (form(part(b"x", field="data")), 422, "no file in the form's field 'file'"),
        (form(part(b"x"), part(b"y")), 422, "one 'file' at a time"),
        (form(part(b"x", name="night.exe")), 422, "no reader for the ending 'exe'"),
        (form(part(b"x", name="night.p\u212al")), 422, "no reader for the ending 'p_l'"),
        (form(part(b"x", name="night")), 422, "no reader for the ending 'none'"),
        (form(part(b"x" * (LIMIT + 1))), 413, "more than 10000 bytes"),
        (form(part(b"x" * 70_000, field="a"), part(b"x")), 413, "more than the file"),
        (part(b"x"), 422, "no file"),
        (b"nonsense", 400, "the form is broken"),
        (b"", 422, "no file"),
        (form(), 422, "no file"),
    ],
)
def test_what_is_wrong_with_a_form_is_said(tmp_path, body, status, said):
    found, detail = refusal(tmp_path, body)
    assert (found, said in detail) == (status, True), detail


def test_a_long_body_is_refused_before_it_comes(tmp_path):
    request = request_of(form(part(b"x")))
    request.scope["headers"].append((b"content-length", b"999999999"))
    with pytest.raises(Problem, match="more than"):
        asyncio.run(receive(request, tmp_path, max_bytes=LIMIT))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [("application/json", 415), ("", 415), ("multipart/form-data", 400),
     ("multipart/form-data; boundary=", 400), (f"multipart/form-data; boundary={'x' * 300}", 400)],
)  # fmt: skip
def test_another_kind_of_body_is_refused(tmp_path, kind, status):
    assert refusal(tmp_path, form(part(b"x")), kind=kind)[0] == status


def test_an_upload_that_breaks_off_is_no_upload(tmp_path):
    assert refusal(tmp_path, part(b"x" * 2000), told=False) == (400, "the upload broke off")


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("epochal.serving.service.uploads._feed", full)
    assert refusal(tmp_path, form(part(b"x")))[0] == 507


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_body_breaks_the_reader(tmp_path, body, size):
    try:
        upload = send(tmp_path, f"--{BOUNDARY}\r\n".encode() + body, size=size)
    except Problem as problem:
        assert problem.status in {400, 413, 422}
    else:
        assert upload.n_bytes


@pytest.mark.slow
@given(st.text(max_size=300))
def test_no_name_leads_elsewhere(name):
    try:
        found = harmless_name(name + ".edf")
    except Problem:
        return
    assert set(found).isdisjoint("/\\\0 \r\n\"'")
    assert found.endswith(".edf")
    assert len(found) <= 84
    assert not found.startswith(".edf")


def test_an_uploads_folder_is_gone_with_all_in_it(tmp_path):
    with upload_folder(tmp_path) as folder:
        (folder / "unpacked").mkdir()
        (folder / "unpacked/night.edf").write_text("x")
    assert list((tmp_path / "uploads").iterdir()) == []
