import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from epochal.serving.service.metrics import Metrics
from epochal.serving.service.webhook import SIGNATURE, Webhook, sign

SECRET = "a secret of the operator's"


class Receiver:
    """A server that answers with the given statuses in turn, the last for ever."""

    def __init__(self, *statuses, pause_s=0.0, location=None):
        self.taken, self.statuses = [], list(statuses)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append((dict(self.headers), body))
                time.sleep(pause_s)
                left = receiver.statuses
                self.send_response(left.pop(0) if len(left) > 1 else left[0])
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def do_GET(self):  # what a redirect would turn a POST into
                receiver.taken.append((dict(self.headers), b""))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def deliver(url, *messages, pauses_s=(0.01, 0.01), **given):
    """Deliver messages, wait for the end, and return how each ended."""
    metrics = Metrics()
    webhook = Webhook(url, SECRET, metrics=metrics, pauses_s=pauses_s, **given)
    webhook.start()
    for message in messages:
        webhook.send(message)
    end = time.monotonic() + 10
    while sum(outcomes(metrics).values()) < len(messages) and time.monotonic() < end:
        time.sleep(0.01)
    webhook.stop()
    return outcomes(metrics)


def outcomes(metrics):
    found = {}
    for name in ("sent", "failed", "dropped"):
        value = metrics.registry.get_sample_value(
            "epochal_alert_deliveries_total", {"outcome": name}
        )
        if value:
            found[name] = value
    return found


def test_a_message_is_sent_as_json_and_signed():
    with Receiver(204) as receiver:
        assert deliver(receiver.url, {"rule": "Seizure ≥ 0.8"}) == {"sent": 1}
    ((headers, body),) = receiver.taken
    assert json.loads(body) == {"rule": "Seizure ≥ 0.8"}
    at, signature = (part.split("=")[1] for part in headers[SIGNATURE].split(","))
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert abs(int(at) - time.time()) < 60


def test_a_signature_changes_with_the_body_the_secret_and_the_time():
    first = sign(b"a", "secret", at=1)
    others = {sign(b"b", "secret", at=1), sign(b"a", "other", at=1), sign(b"a", "secret", at=2)}
    assert len({first, *others}) == 4


@pytest.mark.parametrize("fault", [500, 503, 429, 408])
def test_what_may_go_better_is_tried_again(fault):
    with Receiver(fault, fault, 200) as receiver:
        assert deliver(receiver.url, {}) == {"sent": 1}
    assert len(receiver.taken) == 3


def test_after_the_last_try_it_is_given_up_and_counted():
    with Receiver(500) as receiver:
        assert deliver(receiver.url, {}) == {"failed": 1}
    assert len(receiver.taken) == 3


@pytest.mark.parametrize("refusal", [400, 401, 404, 410])
def test_what_is_refused_is_not_tried_again(refusal):
    with Receiver(refusal) as receiver:
        assert deliver(receiver.url, {}) == {"failed": 1}
    assert len(receiver.taken) == 1


def test_a_redirect_to_elsewhere_is_not_followed():
    with Receiver(200) as other, Receiver(307, location=other.url) as receiver:
        assert deliver(receiver.url, {}) == {"failed": 1}
    assert other.taken == []


def test_a_receiver_that_does_not_answer_is_not_waited_for():
    with Receiver(200, pause_s=0.4) as receiver:
        assert deliver(receiver.url, {}, timeout_s=0.05, pauses_s=()) == {"failed": 1}


def test_nobody_there_is_a_failure_and_no_exception():
    assert deliver("http://127.0.0.1:9/", {}) == {"failed": 1}


def test_messages_come_in_order():
    with Receiver(200) as receiver:
        deliver(receiver.url, *({"number": number} for number in range(5)))
    assert [json.loads(body)["number"] for _, body in receiver.taken] == [0, 1, 2, 3, 4]


def test_giving_a_message_takes_no_time_and_too_many_are_dropped():
    metrics = Metrics()
    webhook = Webhook("http://127.0.0.1:9/", SECRET, metrics=metrics)  # never started: it is stuck
    began_s = time.perf_counter()
    for _ in range(300):
        webhook.send({})
    assert time.perf_counter() - began_s < 1
    assert outcomes(metrics) == {"dropped": 300 - 256}


def test_stopping_does_not_wait_for_further_tries():
    with Receiver(500) as receiver:
        metrics = Metrics()
        webhook = Webhook(receiver.url, SECRET, metrics=metrics, pauses_s=(60,))
        webhook.start()
        webhook.send({})
        while not receiver.taken:
            time.sleep(0.01)
        began_s = time.perf_counter()
        webhook.stop()
    assert time.perf_counter() - began_s < 4
    assert outcomes(metrics) == {"failed": 1}


def test_stopping_delivers_what_waits():
    with Receiver(200) as receiver:
        webhook = Webhook(receiver.url, SECRET, metrics=Metrics())
        webhook.start()
        for _ in range(3):
            webhook.send({})
        webhook.stop()
    assert len(receiver.taken) == 3
