"""What a run does before any node: what cannot end well ends in one line, with nothing made."""

import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Pipeline, node

from epochal.datasets.whole_file import WholeFile
from epochal.errors import EpochalError
from epochal.places import place_of
from epochal.preflight import tell_keys
from projects import make_project


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"EPOCHAL_STORAGE": "ftp://host/data"}, "data may be in a folder, or at file://, s3://"),
        ({"EPOCHAL_STORAGE": "s3:/bucket"}, "two slashes after the colon: s3://bucket/demo"),
        (
            {
                "EPOCHAL_STORAGE": "s3://bucket/data",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_MAX_ATTEMPTS": "1",
            },
            "s3://bucket/data/demo/02_intermediate: cannot be reached (Could not connect",
        ),
        ({"EPOCHAL_BACKEND": "dask"}, "parallel.backend dask needs parallel.address"),
        (
            {"EPOCHAL_STORAGE": "memory://x", "EPOCHAL_BACKEND": "processes"},
            "other processes cannot see it, and parallel.backend is processes: sequential or",
        ),
        ({"EPOCHAL_BACKEND": "gpu"}, "parallel.backend: Input should be 'sequential'"),
    ],
    ids=["protocol", "one slash", "no server", "no scheduler", "memory", "backend"],
)
def test_what_cannot_be_reached_is_told_before_anything_is_made(environment, line, tmp_path):
    project = make_project(tmp_path)
    done = project.command("run", "--pipelines", "ingestion", check=False, **environment)
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith("Error: ")
    assert line in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "data").exists()


def use(made: int, given: int) -> int:
    return made + given


@pytest.mark.parametrize("name", ["made", "given"])
def test_what_another_run_writes_during_a_run_is_refused_whether_made_by_it_or_given(
    name, tmp_path
):
    made, given = (
        WholeFile(filepath=str(tmp_path / one), dataset="pickle.PickleDataset")
        for one in ("made", "given")
    )
    catalog = DataCatalog({"made": made, "given": given, "start": MemoryDataset(1)})
    nodes = [node(abs, "start", "made"), node(use, ["made", "given"], "sum")]
    given.expect("of a run before")
    given.save(2)
    tell_keys(Pipeline(nodes), catalog)
    made.save(1)
    assert made.load() + given.load() == 3
    other = WholeFile(filepath=str(tmp_path / name), dataset="pickle.PickleDataset")
    other.expect("of another run")
    other.save(7)
    with pytest.raises(DatasetError, match=f"{name}: another run has written it since"):
        catalog.load(name)


def test_an_input_whose_key_was_removed_is_taken_as_it_is(tmp_path):
    given = WholeFile(filepath=str(tmp_path / "given"), dataset="pickle.PickleDataset")
    given.expect("of a run before")
    given.save(2)
    given.key_path.unlink()
    tell_keys(Pipeline([node(abs, "given", "made")]), catalog := DataCatalog({"given": given}))
    assert catalog.load("given") == 2


@pytest.mark.parametrize("path", ["s3:/bucket/x", "memory:/x"])
def test_an_address_with_one_slash_is_no_folder(path):
    with pytest.raises(EpochalError, match=f"two slashes after the colon: {path.split(':')[0]}://"):
        place_of(path)


def test_a_drive_letter_is_no_protocol():
    assert str(place_of("C:/data")) == "C:/data"
