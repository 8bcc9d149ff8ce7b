"""Nothing that a review has acknowledged is lost when the service is killed."""

import threading
from functools import partial
from operator import le

import httpx
import pytest

from epochal.serving.reviewing import Reviews
from made_results import make_results
from service_material import PATIENCE_S, running
from waiting import until

pytestmark = pytest.mark.slow


def begin(server):
    start = {"kind": "study", "name": "made", "recording_id": "r4"}
    return server.post("/api/reviews", json=start).json()["card"]["id"]


def correct_all(server, review, acknowledged):
    """Correct epoch after epoch until the service is gone; note what it answered for."""
    state = server.get(f"/api/reviews/{review}").json()
    labels = dict(zip(state["epochs"]["epoch"], state["labels"], strict=True))
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        for turn in range(100):
            for epoch in labels:
                new = ("W", "N2", "REM")[(turn + epoch) % 3]
                change = {"epoch": epoch, "old": labels[epoch], "new": new, "who": "AB"}
                try:
                    answer = client.post(f"/api/reviews/{review}/corrections", json=change)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201, answer.text
                labels[epoch] = new
                acknowledged.append(answer.json())


def test_nothing_acknowledged_is_lost_by_kill_minus_nine(tmp_path):
    make_results(tmp_path / "data", n_epochs=40)
    places = {"results_folder": str(tmp_path / "data"), "review_folder": str(tmp_path / "reviews")}
    acknowledged = []
    for _ in range(2):  # and again with what the first kill left
        with running(tmp_path, **places) as server:
            review = begin(server)
            thread = threading.Thread(target=correct_all, args=(server, review, acknowledged))
            n_enough = len(acknowledged) + 25
            thread.start()
            until(acknowledged.__len__, partial(le, n_enough), within_s=180)
            server.kill()
            thread.join()
        kept = [one.model_dump() for one in Reviews(tmp_path / "reviews").get(review).corrections()]
        by_number = {one["number"]: one for one in kept}
        assert all(by_number[one["number"]] == one for one in acknowledged)
        assert len(kept) <= len(acknowledged) + 2  # at most one per kill was not answered for
