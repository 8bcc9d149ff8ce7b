"""Whatever is sent, the answer is an answer or a problem: never a 500, never a long wait."""

import io
import json
import time
import zipfile

import pytest

from epochal.serving.messages.requests import Sample
from epochal.serving.payloads import count_epochs
from epochal.serving.service.problems import Problem
from epochal.serving.service.state import Workers
from rest_material import columns, eeg, rows, ruled_bundle, write
from service_material import NAME, client_of, write_night

PROBLEM = "application/problem+json"
JSON = {"content-type": "application/json"}
MIB = 1024 * 1024
COLUMN = '{"features":{"eeg_log_delta":%s}}'
ADDRESSES = ("/predict", "/predict_batch", f"/v2/models/{NAME}/infer", "/drift", "/api/reviews")


def flat(value: float, n: int = 3000, sfreq: float = 100) -> str:
    return json.dumps({"signals": {"EEG": [value] * n}, "sfreq": sfreq})


def tensor(**changed) -> str:
    n = len(columns())
    one = {"name": "features", "shape": [1, n], "datatype": "FP32", "data": [0] * n}
    beside = {
        name: changed.pop(name) for name in ("id", "outputs", "parameters") if name in changed
    }
    return json.dumps({"inputs": [{**one, **changed}], **beside})


BODIES = {
    "nothing": "",
    "null": "null",
    "a string": '"x"',
    "cut off": '{"features":',
    "more after its end": "{} x",
    "no UTF-8": b'{"features":{"\xff":1}}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "NaN": COLUMN % "NaN",
    "Infinity": COLUMN % "Infinity",
    "-Infinity": COLUMN % "-Infinity",
    "beyond a double": COLUMN % "1e400",
    "beyond a float": COLUMN % "1e39",
    "5000 digits": COLUMN % ("9" * 5000),
    "a number in quotes": COLUMN % '"1"',
    "true": COLUMN % "true",
    "a list for a number": COLUMN % "[1]",
    "lists 200,000 deep": "[" * 200_000,
    "lists 50,000 deep, closed": "[" * 50_000 + "]" * 50_000,
    "objects 20,000 deep": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "features 5,000 deep": '{"features":' + "[" * 5000 + "]" * 5000 + "}",
    "parameters 3,000 deep": '{"parameters":' + '{"a":' * 3000 + "1" + "}" * 3000 + ',"inputs":[]}',
    "half a character": '{"features":{"\\ud800":1}}',
    "half a character as a channel": '{"signals":{"\\ud800":[1]},"sfreq":1}',
    "half a character as a choice": '{"features":{"a":1},"data_source":"\\udfff"}',
    "NUL in a name": '{"features":{"\\u0000":1}}',
    "a name of a megabyte": '{"features":{"%s":1}}' % ("x" * 10**6),
    "no column": '{"features":{}}',
    "no row": '{"features":[]}',
    "a column twice": '{"features":{"columns":["a","a"],"rows":[[1,2]]}}',
    "rows of different lengths": '{"features":{"columns":["a"],"rows":[[1],[1,2]]}}',
    "20,000 samples": json.dumps({"samples": [{"features": {"a": 1}}] * 20_000}),
    "samples in samples": '{"samples":[{"samples":[]}]}',
    "a rate of nothing": flat(1, sfreq=0),
    "a negative rate": flat(1, sfreq=-100),
    "a rate of NaN": flat(1, sfreq=float("nan")),
    "a rate near nothing": flat(1, 2, sfreq=1e-308),
    "weeks in 5000 samples": flat(1, 5000, sfreq=1e-5),
    "days in 20,000 samples": flat(1, 20_000, sfreq=0.1),
    "a rate beyond number": flat(1, 2, sfreq=1e308),
    "one sample a second": flat(1, 30, sfreq=1),
    "samples beyond a float": flat(1e39),
    "too few samples": flat(1, 15, sfreq=99_999),
    "another channel": '{"signals":{"\\u0000":[1,2]},"sfreq":100}',
    "ICU EEG of one sample": '{"eeg_data":[[1]]}',
    "ragged ICU EEG": '{"eeg_data":[[1,2],[1]]}',
    "ICU EEG and a spectrogram of one pixel": json.dumps(
        {"eeg_data": eeg(), "spectrogram_data": [[1.0]]}
    ),
    "a tensor of 1e30 rows": tensor(shape=[10**30, len(columns())]),
    "a tensor of no row": tensor(shape=[0, len(columns())], data=[]),
    "a tensor of -1 rows": tensor(shape=[-1, len(columns())]),
    "a tensor of strings": tensor(datatype="BYTES"),
    "a ragged tensor": tensor(shape=[2, len(columns())], data=[[0] * len(columns()), [0]]),
    "half a character for a type": tensor(datatype="\ud800"),
    "half a character for an id": tensor(id="\ud800"),
    "half a character for an output": tensor(outputs=[{"name": "\ud800"}]),
}
NAMES = (
    "..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "%2e%2e", ".", "%00", "a%00b",
    "x" * 5000, "%ff%fe", "ü", "%F0%9F%92%A9", "%ud800", "a%0d%0aX:y", "\\..\\..", "a:b:c",
    f"{NAME}:..", f"{NAME}%00", "con", "-", "%20",
)  # fmt: skip
PLACES = (
    "/v2/models/%s", "/v2/models/%s/ready", "/api/jobs/%s", "/api/jobs/%s/result",
    "/api/jobs/%s/signals", "/api/results/%s", "/api/results/%s/tables/leaderboard",
    "/api/results/made/tables/%s", "/api/results/%s/training", "/api/results/%s/playback",
    "/api/results/made/recordings/%s", "/api/reviews/%s", "/api/reviews/%s/corrections",
    "/api/reviews/%s/export", "/api/reviews/%s/signals", "/download/%s", "/drift?bundle=%s",
    "/api/bundle?bundle=%s", "/%s", "/js/%s", "/vendor/%s",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("abused")


@pytest.fixture(scope="module")
def client(folder):
    bundles = {NAME: write(folder / "ruled", ruled_bundle())}
    with client_of(folder, bundles=bundles, max_upload_bytes=4 * MIB) as made:
        yield made


@pytest.fixture(scope="module")
def night(folder) -> bytes:
    return write_night(folder / "night.edf").read_bytes()


def is_refused(answer, *statuses: int) -> bool:
    """Check that an answer is a problem, and return whether it is one of these."""
    assert answer.headers["content-type"] == PROBLEM, answer.text[:300]
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert len(problem["detail"]) <= 1000
    assert len(answer.content) < 20_000
    assert "Traceback" not in answer.text
    return answer.status_code in statuses


@pytest.mark.parametrize("what", BODIES)
def test_no_body_does_harm(client, what):
    body = BODIES[what]
    for address in ADDRESSES:
        began_s = time.process_time()
        content = body if isinstance(body, bytes) else body.encode()
        answer = client.post(address, content=content, headers=JSON)
        assert is_refused(answer, 400, 404, 413, 422), (address, answer.text)
        assert time.process_time() - began_s < 5


@pytest.mark.slow
def test_what_can_be_answered_and_is_odd_is_flagged(client):
    for value in (0.0, 5e-324, 1e38, None):
        answer = client.post("/predict", content=flat(value), headers=JSON)
        assert answer.status_code == 200, answer.text
        flags = set(answer.json()["flags"])
        assert flags & {"flat", "missing", "outside_reference", "not_scored", "saturated"}, value


@pytest.mark.slow
def test_days_of_signals_are_refused_before_anything_is_made_of_them(client):
    began_s = time.process_time()
    days = client.post("/predict_batch", content=flat(1.0, 400_000, sfreq=0.1), headers=JSON)
    assert days.status_code == 413
    assert days.json()["max_rows"] == 10_000
    one = client.post("/predict", content=flat(1.0, 400_000, sfreq=0.1), headers=JSON)
    assert one.status_code == 422
    assert "/predict answers one" in one.json()["detail"]
    assert time.process_time() - began_s < 5


@pytest.mark.parametrize(
    ("seconds", "n_epochs"), [(29.9, 0), (30, 1), (59, 1), (60, 2), (86_400, 2880)]
)
def test_epochs_of_signals_are_counted_from_their_rates(seconds, n_epochs):
    manifest = ruled_bundle().manifest
    slow = Sample(signals={"EEG": [1.0] * round(seconds * 10), "T": [1.0] * 10**6}, sfreq=10)
    assert count_epochs(slow, manifest) == n_epochs
    assert count_epochs(Sample(features={"a": 1.0}), manifest) == 0


def test_workers_that_have_stopped_say_so():
    workers = Workers(1, 0)
    workers.stop()
    for _ in range(3):  # and no place of theirs is lost
        with pytest.raises(Problem, match="about to stop") as told:
            workers.submit(dict)
        assert told.value.status == 503


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_no_name_leads_elsewhere(client, place):
    for name in NAMES:
        for method in ("GET", "DELETE", "POST"):
            answer = client.request(method, place % name, follow_redirects=False)
            assert answer.status_code < 500, (method, name)
            assert "root:" not in answer.text
            if answer.status_code >= 400:
                assert is_refused(answer, 404, 405, 413, 415, 422), (method, name)


@pytest.mark.slow
def test_methods_that_an_address_does_not_know_are_refused(client):
    methods = (
        "TRACE",
        "PATCH",
        "PUT",
        "DELETE",
        "OPTIONS",
        "HEAD",
        "FOO",
        "GET",
        "POST",
        "CONNECT",
    )
    for path, known in client.get("/openapi.json").json()["paths"].items():
        for method in set(methods) - {one.upper() for one in known} - {"HEAD"}:
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            assert is_refused(answer, 404, 405), (method, path)


@pytest.mark.parametrize("kind", [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "", "x", ";;;", "a/b/c",
    "application/jsonx", "multipart/form-data", "multipart/form-data; boundary=", "\tapplication",
    f"multipart/form-data; boundary={'x' * 300}", "application/json/../../x",
])  # fmt: skip
def test_other_kinds_of_bodies_are_refused(client, kind):
    for address in (
        "/predict",
        "/predict_batch",
        f"/v2/models/{NAME}/infer",
        "/score",
        "/api/jobs",
    ):
        answer = client.post(address, content=b"{}", headers={"content-type": kind})
        assert is_refused(answer, 400, 415), (address, kind)


@pytest.mark.slow
def test_a_form_that_is_cut_anywhere_is_refused_and_leaves_nothing(client, folder, night):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="n.edf"\r\n\r\n'
    whole = head + night[:2000] + b"\r\n--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for at in [*range(0, len(head) + 2, 3), 1000, len(whole) - 8, len(whole) - 5]:
        answer = client.post("/score", content=whole[:at], headers=kind)
        assert is_refused(answer, 400, 422), at
    assert list((folder / "work" / "uploads").glob("*")) == []


@pytest.mark.parametrize("name", [
    "../../../etc/cron.d/x.edf", "/etc/passwd.edf", "a\0b.edf", "x" * 3000 + ".edf", "ü/é.edf",
    "..", ".edf", "", "n.edf/..", "\\\\host\\share\\n.edf", "n.EDF", "%2e%2e%2fn.edf",
    "\u202en.edf",
])  # fmt: skip
def test_no_file_name_leads_elsewhere(client, folder, night, name):
    def listed():
        return sorted(path for path in folder.rglob("*") if path.is_file())

    before = listed()
    escaped = name.encode().replace(b"\\", b"\\\\").replace(b'"', b"%22")
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + escaped
    body = head + b'"\r\n\r\n' + night + b"\r\n--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = client.post("/score?format=json", content=body, headers=kind)
    assert answer.status_code == 200 or is_refused(answer, 400, 422)
    if answer.status_code == 200:
        assert not {"/", "\\", "\0"} & set(answer.json()["file"])
        assert len(answer.json()["file"]) <= 100
    assert listed() == before


def packed(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("__", "/"), data)
    return content.getvalue()


def lying() -> bytes:
    """Return a zip that says of its file that it is small, in both of its directories."""
    raw = packed(**{"n.edf": bytes(64 * MIB)})
    return raw.replace((64 * MIB).to_bytes(4, "little"), (1000).to_bytes(4, "little"))


ZIPS = {
    "a bomb": lambda: packed(**{"n.edf": bytes(64 * MIB)}),
    "a bomb that lies": lying,
    "many small bombs": lambda: packed(**{f"n{at}.edf": bytes(MIB) for at in range(20)}),
    "a zip in a zip": lambda: packed(**{"n.zip": packed(**{"n.edf": bytes(MIB)})}),
    "many names": lambda: packed(**{f"{at}.txt": b"" for at in range(5000)}),
    "a name that climbs": lambda: packed(**{"..__..__n.edf": b"0"}),
    "an absolute name": lambda: packed(**{"__etc__n.edf": b"0"}),
    "a long name": lambda: packed(**{"x" * 5000 + ".edf": b"0"}),
    "nothing in it": packed,
    "no zip": lambda: b"PK\x03\x04" + bytes(500),
    "cut off": lambda: packed(**{"n.edf": bytes(10_000)})[:-30],
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ZIPS)
def test_no_zip_does_harm(client, folder, what):
    began_s = time.process_time()
    for address in ("/score", "/drift"):
        answer = client.post(address, files={"file": ("n.zip", ZIPS[what]())})
        assert is_refused(answer, 413, 422), answer.text
    assert time.process_time() - began_s < 10
    assert list((folder / "work" / "uploads").glob("*")) == []


@pytest.mark.slow
def test_bodies_that_are_too_large_are_refused_with_and_without_a_length(client, folder):
    def drops(n):
        for _ in range(n):
            yield bytes(MIB)

    much = 33  # one more than JSON may be, and far more than a file here
    kind = {"content-type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="n.edf"\r\n\r\n'
    for content in (bytes(much * MIB), drops(much)):
        assert is_refused(client.post("/predict", content=content, headers=JSON), 413)
    for content in (head + bytes(much * MIB), (part for part in (head, *drops(much)))):
        assert is_refused(client.post("/score", content=content, headers=kind), 413)
    assert list((folder / "work" / "uploads").glob("*")) == []


def test_after_all_of_it_the_service_answers_as_before(client, night):
    assert client.post("/predict", json={"features": rows(0)[0]}).json()["label"] == "W"
    assert client.post("/score", files={"file": ("n.edf", night)}).status_code == 200
