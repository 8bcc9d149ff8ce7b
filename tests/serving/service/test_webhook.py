import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from epochal.serving.service.metrics import Metrics
from epochal.serving.service.webhook import SIGNATURE, Webhook, sign
from waiting import until

SECRET = "a secret of the operator's"


class Receiver:
    """A server that answers with the given statuses in turn, the last for ever.

    A mute one answers nothing before it is over.
    """

    def __init__(self, *statuses, mute=False, location=None):
        self.taken, self.statuses = [], list(statuses)
        self.over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append((dict(self.headers), body))
                if mute:
                    receiver.over.wait(600)
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
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def deliver(url, *messages, pauses_s=(0.01, 0.01), timeout_s=60):
    """Deliver messages, wait for the end, and return how each ended."""
    metrics = Metrics()
    webhook = Webhook(url, SECRET, metrics=metrics, pauses_s=pauses_s, timeout_s=timeout_s)
    webhook.start()
    for message in messages:
        webhook.send(message)
    until(lambda: sum(outcomes(metrics).values()) == len(messages))
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
    assert abs(int(at) - time.time()) < 600


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
    with Receiver(200, mute=True) as receiver:
        assert deliver(receiver.url, {}, timeout_s=0.05, pauses_s=()) == {"failed": 1}


def test_nobody_there_is_a_failure_and_no_exception():
    assert deliver("http://127.0.0.1:9/", {}) == {"failed": 1}


def test_messages_come_in_order():
    with Receiver(200) as receiver:
        deliver(receiver.url, *({"number": number} for number in range(5)))
    assert [json.loads(body)["number"] for _, body in receiver.taken] == [0, 1, 2, 3, 4]


def test_giving_a_message_waits_for_nobody_and_too_many_are_dropped(monkeypatch):
    metrics = Metrics()
    webhook = Webhook("http://127.0.0.1:9/", SECRET, metrics=metrics)  # never started: it is stuck
    monkeypatch.setattr(webhook, "_post", pytest.fail)
    giving = threading.Thread(target=lambda: [webhook.send({}) for _ in range(300)], daemon=True)
    giving.start()
    giving.join(60)
    assert not giving.is_alive()
    assert outcomes(metrics) == {"dropped": 300 - 256}


def test_stopping_does_not_wait_for_further_tries():
    with Receiver(500) as receiver:
        metrics = Metrics()
        webhook = Webhook(receiver.url, SECRET, metrics=metrics, pauses_s=(600,), timeout_s=60)
        webhook.start()
        webhook.send({})
        until(lambda: receiver.taken)
        webhook.stop()
        assert until(lambda: outcomes(metrics)) == {"failed": 1}
    assert len(receiver.taken) == 1


def test_stopping_delivers_what_waits():
    with Receiver(200) as receiver:
        webhook = Webhook(receiver.url, SECRET, metrics=Metrics(), timeout_s=60)
        webhook.start()
        for _ in range(3):
            webhook.send({})
        webhook.stop()
        until(lambda: len(receiver.taken) == 3)
