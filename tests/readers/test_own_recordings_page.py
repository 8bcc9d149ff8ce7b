"""What the how-to page shows must be accepted as it stands."""

import json
import re
from pathlib import Path

import pytest

from epochal.readers import bids, edf, file_table, rodent
from epochal.readers.participants import tidy_facts

yaml = pytest.importorskip("yaml", reason="conf is YAML")

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-your-own-recordings.md"
READERS = {"bids": bids, "edf": edf, "file_table": file_table, "rodent": rodent}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def ingestions():
    parsed = [yaml.safe_load(block) for block in blocks("yaml")]
    found = [block["ingestion"] for block in parsed if "ingestion" in block]
    return [ingestion for ingestion in found if "reader" in ingestion]


def test_each_reader_of_the_page_is_shown():
    assert {ingestion["reader"] for ingestion in ingestions()} == set(READERS)


@pytest.mark.parametrize("reader", list(READERS))
def test_the_readers_options_of_the_page_are_accepted(reader):
    for ingestion in ingestions():
        if ingestion["reader"] == reader:
            options = READERS[reader].Options(**ingestion["reader_options"])
            assert options.model_dump(exclude_unset=True)


def test_the_complete_study_has_at_most_fifty_lines():
    assert max(block.count("\n") for block in blocks("yaml")) <= 50


def test_the_side_file_of_the_page_is_accepted():
    (content,) = map(json.loads, blocks("json"))
    facts = tidy_facts(content, path="x")
    assert facts["age"] == pytest.approx(0.23, abs=0.01)
    assert set(content) - {"age_weeks"} <= set(facts)


def test_the_table_of_the_page_is_accepted(tmp_path):
    path = tmp_path / "recordings.csv"
    path.write_text(blocks("csv")[0])
    assert list(file_table.read_table(path)) == ["m01_day1", "m02_day1"]
