"""A real server and real clients: the protocol of docs/how-to/stream-recordings.md."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_to

from builders import make_bundle, write_edf
from epochal.commands.replay import replay
from epochal.errors import EpochalError
from epochal.provenance import RESEARCH_USE
from epochal.serving.app import create_app
from epochal.serving.bundle import Scorer, write_bundle
from epochal.serving.scoring import score_recording
from epochal.serving.service.access import SUBPROTOCOL
from epochal.serving.service.alert_rules import AlertRule
from epochal.serving.service.options import ServiceOptions
from epochal.serving.stream.client import StreamClient
from epochal.serving.stream.declaring import Declaration
from epochal.serving.stream.feeding import cut_pieces, declare_recording
from epochal.serving.stream.wire import encode_blocks
from service_material import PATIENCE_S, in_thread
from serving.stream.stream_material import assert_same, causal_bundle, make_raw, make_signal
from waiting import until

connect = partial(connect_to, open_timeout=PATIENCE_S, close_timeout=PATIENCE_S)
START = {
    "type": "start",
    "channels": {"EEG": {"sfreq": 100}},
    "age": 30,
    "sex": "F",
    "data_source": "simulated",
}


@contextmanager
def served(folder, **options) -> Iterator[str]:
    """Serve streams on a port of this machine, from a thread."""
    bundles = {"causal": folder / "causal", "later": folder / "later"}
    given = {"bundles": bundles, "watch_s": 0, "work_folder": folder / "work"}
    app = create_app(ServiceOptions(**given | options))
    with in_thread(app, lifespan="off", ws_ping_interval=None) as address:
        yield f"ws://{address}/stream"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles")
    write_bundle(path / "causal", causal_bundle())
    write_bundle(path / "later", make_bundle("stack_forward_backward"))
    return path


@pytest.fixture(scope="module")
def url(folder) -> Iterator[str]:
    with served(folder) as address:
        yield address


def say(line, message):
    line.send(message if isinstance(message, bytes) else json.dumps(message))


def hear(line, until):
    """Return the epochs up to an answer of some kind, and the answer."""
    epochs = []
    while True:
        answer = json.loads(line.recv(timeout=PATIENCE_S))
        if answer["type"] == until:
            return epochs, answer
        assert answer["type"] == "epoch", answer
        epochs.append(answer)


def begin(line, **changed):
    say(line, START | changed)
    return hear(line, "started")[1]


def refusal_of(line, message=None):
    """Return the problem that a message is answered with; the line closes with its code."""
    if message is not None:
        say(line, message)
    problem = json.loads(line.recv(timeout=PATIENCE_S))
    assert problem["type"] == "error"
    with pytest.raises(ConnectionClosed) as closed:
        line.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd.code == 4000 + problem["status"]
    return problem


@pytest.mark.slow
class TestConversation:
    def test_a_recording_is_scored_as_a_whole(self, url):
        import pandas as pd

        recording = make_raw(200)
        with StreamClient(url, declare_recording(recording)) as client:
            assert client.started["bundle"] == "causal"
            rows = []
            for piece in cut_pieces(recording, ["EEG"], piece_s=11.3):
                rows += client.push(piece.samples)
            rows += client.finish()
        table = pd.DataFrame(rows)
        assert_same(table, recording, Scorer(causal_bundle()))

    def test_json_will_do_and_null_is_a_missing_sample(self, url):
        samples = make_signal(30).tolist()
        samples[7] = None
        with connect(url) as line:
            began = begin(line)
            say(line, {"type": "samples", "samples": {"EEG": samples}})
            (epoch,), answer = hear(line, "ack")
        assert began["channels"] == ["EEG"]
        assert began["received"] == {"EEG": 0}
        assert answer["received"] == {"EEG": 3000}
        assert answer["n_epochs"] == 1
        assert epoch["flags"].startswith("missing")
        assert epoch["proba_W"] is None
        assert epoch["label"] == ""

    def test_what_stands_on_simulated_data_says_so(self, url):
        with connect(url) as line:
            began = begin(line)
        assert began["data_source"] == "simulated"
        assert "not a medical device" in began["notice"]
        assert began["causal"] is True

    def test_a_gap_is_declared(self, url):
        with connect(url) as line:
            begin(line)
            say(line, {"type": "samples", "samples": {"EEG": make_signal(40).tolist()}})
            hear(line, "ack")
            say(line, {"type": "gap", "until_s": 100})
            _, answer = hear(line, "ack")
            assert answer["received"] == {"EEG": 10_000}
            assert answer["unscored_s"] == 10
            say(line, encode_blocks({"EEG": make_signal(30)}, {"EEG": 10_000}, ["EEG"]))
            (epoch,), _ = hear(line, "ack")
            assert (epoch["epoch"], epoch["onset_s"]) == (1, 100)

    def test_the_end_is_said_and_closes_the_line(self, url):
        with connect(url) as line:
            token = begin(line)["stream"]
            say(line, {"type": "finish"})
            assert hear(line, "finished")[1]["n_epochs"] == 0
            with pytest.raises(ConnectionClosed) as closed:
                line.recv(timeout=PATIENCE_S)
        assert closed.value.rcvd.code == 1000
        with connect(url) as line:
            assert refusal_of(line, {"type": "start", "resume": token})["status"] == 404


@pytest.mark.slow
class TestAlerts:
    RULE = AlertRule(label="W", probability=0.0, for_s=60)  # due with the second epoch

    @pytest.fixture(scope="class")
    def ruled(self, folder):
        with served(folder, alerts=(self.RULE,)) as address:
            yield address

    def test_one_follows_the_epoch_that_completes_it(self, ruled):
        with connect(ruled) as line:
            begin(line)
            say(line, encode_blocks({"EEG": make_signal(100)}, {"EEG": 0}, ["EEG"]))
            came = [json.loads(line.recv(timeout=PATIENCE_S)) for _ in range(5)]
        assert [one["type"] for one in came] == ["epoch", "epoch", "alert", "epoch", "ack"]
        alert = came[2]
        assert (alert["rule"], alert["epoch"]) == ("W ≥ 0 for ≥ 60 s", 1)
        assert (alert["onset_s"], alert["duration_s"]) == (0.0, 60.0)
        assert alert["peak_probability"] == pytest.approx(max(e["proba_W"] for e in came[:2]))
        assert (alert["kind"], alert["data_source"]) == ("stream", "simulated")
        assert alert["notice"] == RESEARCH_USE

    def test_one_that_a_broken_line_may_have_lost_is_said_again(self, ruled):
        with connect(ruled) as line:
            token = begin(line)["stream"]
            say(line, encode_blocks({"EEG": make_signal(100)}, {"EEG": 0}, ["EEG"]))
            came = [json.loads(line.recv(timeout=PATIENCE_S)) for _ in range(5)]
        for next_epoch, expected in (
            (2, ["alert", "epoch"]),
            (3, []),
            (0, [e["type"] for e in came[:4]]),
        ):
            with connect(ruled) as line:
                say(line, {"type": "start", "resume": token, "next_epoch": next_epoch})
                hear(line, "started")
                again = [json.loads(line.recv(timeout=PATIENCE_S)) for _ in expected]
                say(line, {"type": "gap", "until_s": 100})
                assert json.loads(line.recv(timeout=PATIENCE_S))["type"] == "ack"
            assert [one["type"] for one in again] == expected
            assert [one for one in again if one["type"] == "alert"] == [came[2]][
                : "alert" in expected
            ]

    def test_a_client_hears_of_it_once_though_the_line_breaks(self, ruled):
        heard, declaration = [], Declaration(channels={"EEG": {"sfreq": 100}})
        with StreamClient(ruled, declaration, heed=heard.append) as client:
            epochs = client.push({"EEG": make_signal(65)})
            client._line.socket.close()
            epochs += client.push({"EEG": make_signal(35)})
        assert [one["epoch"] for one in epochs] == [0, 1, 2]
        assert [(one["label"], one["epoch"]) for one in heard] == [("W", 1)]

    def test_replay_prints_it(self, ruled, tmp_path):
        night = write_edf(tmp_path / "night.edf", {"EEG": make_signal(100)}, sfreq=100)
        done = CliRunner().invoke(
            replay, [str(night), "--url", ruled, "--bundle", "causal"], catch_exceptions=False
        )
        (line,) = [one for one in done.stderr.splitlines() if one.startswith("Alert: ")]
        assert "W ≥ 0 for ≥ 60 s, from 0 s for 60 s so far" in line
        assert "how often this alert is false is not known" in line
        assert RESEARCH_USE in line
        assert len(done.stdout.splitlines()) == 3


@pytest.mark.slow
class TestReconnection:
    def test_the_numbers_after_it_are_the_same(self, url):
        data, epochs = make_signal(200), []
        with connect(url) as line:
            token = begin(line)["stream"]
            say(line, encode_blocks({"EEG": data[:10_001]}, {"EEG": 0}, ["EEG"]))
            epochs += hear(line, "ack")[0]
        with connect(url) as line:
            say(line, {"type": "start", "resume": token, "next_epoch": 2})
            _, began = hear(line, "started")
            assert began["resumed"]
            assert began["received"] == {"EEG": 10_001}
            assert json.loads(line.recv(timeout=PATIENCE_S)) == epochs[2]  # said again
            # a client that sends too much again does no harm
            say(line, encode_blocks({"EEG": data[9000:]}, {"EEG": 9000}, ["EEG"]))
            epochs += hear(line, "ack")[0]
        whole = score_recording(make_raw(200), Scorer(causal_bundle())).epochs
        assert [one["epoch"] for one in epochs] == whole["epoch"].tolist()
        for name in whole.filter(like="proba_"):
            np.testing.assert_allclose(
                [one[name] for one in epochs], whole[name], atol=1.001e-6, rtol=0
            )

    def test_the_client_does_it_by_itself(self, url):
        data = make_signal(130)
        with StreamClient(url, Declaration(channels={"EEG": {"sfreq": 100}})) as client:
            epochs = client.push({"EEG": data[:5000]})
            client._line.socket.close()  # as when a cable is pulled
            epochs += client.push({"EEG": data[5000:]})
        assert [one["epoch"] for one in epochs] == [0, 1, 2, 3]

    def test_the_later_connection_has_the_stream(self, url):
        with connect(url) as first, connect(url) as second:
            token = begin(first)["stream"]
            say(second, {"type": "start", "resume": token})
            hear(second, "started")
            assert refusal_of(first)["status"] == 409
            say(second, {"type": "finish"})
            hear(second, "finished")

    def test_it_is_kept_for_so_long_only(self, folder):
        with served(folder, keep_streams_s=0.1) as url:
            with connect(url) as line:
                token = begin(line)["stream"]

            def take_up():
                with connect(url) as line:
                    say(line, {"type": "start", "resume": token})
                    return json.loads(line.recv(timeout=PATIENCE_S))

            # the time begins when the server hears that the line broke
            problem = until(take_up, lambda answer: answer["type"] == "error", pause_s=0.3)
        assert problem["status"] == 404
        assert "kept for 0.1 s" in problem["detail"]


@pytest.mark.slow
class TestRefusals:
    @pytest.mark.parametrize(
        ("message", "status", "said"),
        [
            ({"type": "samples"}, 422, "first message"),
            ({**START, "bundle": "none"}, 404, "no bundle 'none'"),
            ({**START, "bundle": 7}, 422, "bundle: a name"),
            ({**START, "bundle": "later"}, 422, "look ahead"),
            ({**START, "channels": {"EMG": {"sfreq": 100}}}, 422, "no channel 'EEG'"),
            ({**START, "channels": {"EEG": {"sfreq": 50}}}, 422, "sampling rate above"),
            ({**START, "chanels": {}}, 422, "chanels"),
            ({"type": "start", "resume": "guessed"}, 404, "begin anew"),
        ],
    )
    def test_a_start_that_cannot_be(self, url, message, status, said):
        with connect(url) as line:
            problem = refusal_of(line, message)
        assert problem["status"] == status
        assert said in problem["detail"]
        assert problem["title"]

    @pytest.mark.parametrize(
        ("message", "said"),
        [
            ({"type": "other"}, "a message of type 'other'"),
            ({"type": "samples", "samples": [1]}, "object of lists"),
            ({"type": "samples", "samples": {"EEG": ["1"]}}, "a list of numbers"),
            ({"type": "samples", "samples": {"EEG": [True]}}, "a list of numbers"),
            ({"type": "samples", "samples": {"EEG": [10**400]}}, "a list of numbers"),
            ({"type": "samples", "samples": {"EMG": [1]}}, "No channel 'EMG'"),
            ({"type": "samples", "samples": {"EEG": [1]}, "position": {"EEG": 9}}, "sample 9 came"),
            ({"type": "samples", "samples": {"EEG": [1]}, "position": {"EEG": -1}}, "whole number"),
            ({"type": "gap", "until_s": None}, "until_s"),
            ({"type": "gap", "until_s": -1}, "a gap ends later"),
            (b"EEG", "header has 16 bytes"),
            (encode_blocks({"b": np.zeros(1)}, {"b": 0}, ["a", "b"]), "names channel 1"),
        ],
    )
    def test_a_message_that_cannot_be_and_the_stream_goes_on(self, url, message, said):
        with connect(url) as line:
            token = begin(line)["stream"]
            problem = refusal_of(line, message)
        assert problem["status"] == 422
        assert said in problem["detail"]
        with connect(url) as line:
            say(line, {"type": "start", "resume": token})
            assert hear(line, "started")[1]["received"] == {"EEG": 0}
            say(line, {"type": "finish"})
            hear(line, "finished")

    @pytest.mark.parametrize("text", ["{", "[1]", "NaN", "[" * 100_000])
    def test_text_that_is_no_message(self, url, text):
        with connect(url) as line:
            line.send(text)
            assert refusal_of(line)["status"] == 422

    def test_more_streams_than_there_may_be(self, folder):
        with served(folder, max_streams=1) as url, connect(url) as first:
            begin(first)
            with connect(url) as second:
                problem = refusal_of(second, START)
            say(first, {"type": "finish"})
            hear(first, "finished")
            with connect(url) as third:
                begin(third)
        assert problem["status"] == 503
        assert "1 streams at one time" in problem["detail"]

    def test_silence(self, folder):
        with served(folder, stream_idle_s=0.3) as url:

            def fall_silent():  # held up before the first message, one has no start
                with connect(url) as line, suppress(ConnectionClosed, AssertionError):
                    return begin(line), refusal_of(line)

            began, problem = until(fall_silent)
        assert began["idle_s"] == 0.3
        assert problem["status"] == 408

    def test_messages_that_are_too_large(self, folder):
        with served(folder, stream_message_bytes=2000) as url, connect(url) as line:
            assert begin(line)["message_bytes"] == 2000
            assert refusal_of(line, bytes(2001))["status"] == 413

    def test_a_page_of_another_site(self, url):
        with pytest.raises(InvalidStatus) as refused, connect(url, origin="https://evil.example"):
            pass
        assert refused.value.response.status_code == 403

    def test_who_has_no_key(self, folder):
        key = "a key of sixteen or more"
        declared = Declaration(channels={"EEG": {"sfreq": 100}})
        with served(folder, api_keys=(key,)) as url:
            with pytest.raises(InvalidStatus) as refused, connect(url):
                pass
            with pytest.raises(EpochalError, match="401"), StreamClient(url, declared):
                pass
            with StreamClient(url, declared, key=key) as client:
                assert client.finish() == []
            coded = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
            offered = [SUBPROTOCOL, f"{SUBPROTOCOL}.key.{coded}"]
            with connect(url, subprotocols=offered) as line:
                assert line.subprotocol == SUBPROTOCOL
                begin(line)
        assert refused.value.response.status_code == 401

    def test_the_client_says_what_the_server_refused(self, url):
        declared = Declaration(channels={"EMG": {"sfreq": 100}})
        with pytest.raises(EpochalError, match="no channel 'EEG'"), StreamClient(url, declared):
            pass

    def test_the_client_says_that_there_is_no_server(self):
        declared = Declaration(channels={"EEG": {"sfreq": 100}})
        client = StreamClient("ws://127.0.0.1:9/stream", declared)
        with pytest.raises(EpochalError, match=r"ws://127\.0\.0\.1:9/stream"), client:
            pass


@pytest.mark.slow
def test_many_streams_at_one_time_are_told_apart(url):
    """Each says what it says alone, whatever the others do meanwhile."""
    whole = score_recording(make_raw(90), Scorer(causal_bundle())).epochs
    found = {}

    def play(number):
        data = make_signal(90, seed=number % 2)
        with StreamClient(url, Declaration(channels={"EEG": {"sfreq": 100}}, age=30, sex="F")) as c:
            epochs = [one for part in np.split(data, 9) for one in c.push({"EEG": part})]
        found[number] = [one["proba_W"] for one in epochs]

    threads = [threading.Thread(target=play, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in (0, 2, 4):
        np.testing.assert_allclose(found[number], whole["proba_W"], atol=1.001e-6, rtol=0)
        assert found[number + 1] != found[number]
