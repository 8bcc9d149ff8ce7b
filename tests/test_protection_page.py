"""What the pages on protocol and data protection say is what the code does."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import yaml

from builders import make_study
from epochal.models.baselines import baselines
from epochal.options.results import EvaluationOptions
from epochal.readers.participants import PRIVATE, tidy_facts
from epochal.schemas import ROLES
from epochal.serving.drift_watch import N_KEPT
from epochal.serving.service import alerts
from epochal.serving.service.options import ServiceOptions
from projects import ROOT

PROTOCOL = (ROOT / "docs/explanation/protocol.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/explanation/data-protection.md").read_text(encoding="utf-8")
PRIVATE_COLUMNS = ("name", "initials", "birth date", "address", "phone", "email", "patient number",
                   "hospital number")  # fmt: skip
WHEN_KEPT = {3600.0: "an hour", 120.0: "two minutes"}


@pytest.mark.parametrize("name", sorted(set(re.findall(r"EPOCHAL_SERVE_([A-Z_]+)", PAGE))))
def test_an_option_of_the_service_on_the_page_exists_and_is_kept_as_long_as_it_says(name):
    field = ServiceOptions.model_fields[name.lower()]
    if isinstance(field.default, float):
        assert f"`EPOCHAL_SERVE_{name}` ({WHEN_KEPT[field.default]})" in PAGE


def test_what_the_service_remembers_is_as_much_as_the_page_says():
    assert f"features of the latest {N_KEPT} epochs" in PAGE
    assert (alerts._N_KEPT, "latest thousand alerts" in PAGE) == (1000, True)


@pytest.mark.parametrize(("option", "shortest"), [("api_keys", 16), ("jwt_secret", 32)])
def test_keys_are_as_long_as_the_page_says(option, shortest):
    def set_to(length):
        secret = "k" * length
        return ServiceOptions(**{option: (secret,) if option == "api_keys" else secret})

    assert getattr(set_to(shortest), option)
    with pytest.raises(ValueError, match=f"at least {shortest}"):
        set_to(shortest - 1)
    assert re.search(r"key of 16 characters or more, or a token's\s+secret of 32", PAGE)


def test_private_columns_of_a_table_are_dropped_and_a_diagnosis_is_kept():
    told = re.search(r"columns called (.*?) and the like", PAGE)[1]
    for column in PRIVATE_COLUMNS:
        assert PRIVATE.match(column.replace(" ", "_"))
        assert set(column.split()) <= set(re.findall(r"\w+", told))
    given = {"age": 41, "sex": "f", "lab": "A", "family_name": "Meyer", "diagnosis": "apnoea"}
    kept = tidy_facts(given, path="participants.tsv")
    assert kept == {"age": 41.0, "sex": "F", "site": "A", "diagnosis": "apnoea"}


def test_mlflow_is_given_results_and_the_bundle_and_neither_recordings_nor_pickles():
    catalog = yaml.safe_load((ROOT / "conf/base/catalog.yml").read_text(encoding="utf-8"))
    tracked = {
        str(entry.get("filepath", entry.get("path"))).split("}/")[-1]
        for entry in catalog.values()
        if "track" in entry.get("metadata", {}).get("epochal", {})
    }
    assert {path for path in tracked if not path.startswith("08_reporting/")} == {
        "07_model_output/bundle"
    }
    assert {"08_reporting/recordings.csv", "08_reporting/report.html"} <= tracked
    of_epochs = {f"08_reporting/{name}" for name in ("headline_epochs.csv", "playback.json")}
    assert not tracked & {"08_reporting/snapshots", *of_epochs}


@pytest.mark.parametrize("file", sorted((ROOT / "src/epochal/bundles").glob("*/manifest.json")))
def test_a_bundle_has_what_the_page_says_of_people_and_not_where_they_lay(file):
    manifest = json.loads(file.read_text(encoding="utf-8"))
    named = re.findall(r"\(`(training_\w+)`\)", PAGE)
    assert len(named) == 2
    assert any(manifest[name] for name in named)
    assert (manifest["ingestion"]["path"], manifest["ingestion"]["simulated_path"]) == (".", "")


def test_the_protocol_names_the_roles_the_baselines_and_the_draws_of_the_code():
    for role in (*ROLES, "oof"):
        assert f"`{role}`" in PROTOCOL
    table = pd.DataFrame({"demographics_age_years": [41.0]})
    study = make_study(fixed_task_order=True)
    for baseline in baselines(table, study):
        assert f"`{baseline}`" in PROTOCOL
    assert EvaluationOptions.model_fields["n_bootstrap"].default == 1000
    assert "a thousand draws (`evaluation.n_bootstrap`)" in PROTOCOL
