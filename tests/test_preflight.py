"""What a run does before any node: what cannot end well ends in one line, with nothing made."""

import pytest

from epochal.errors import EpochalError
from epochal.places import place_of
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
        ({"EPOCHAL_BACKEND": "gpu"}, "parallel.backend: Input should be 'sequential'"),
    ],
    ids=["protocol", "one slash", "no server", "no scheduler", "backend"],
)
def test_what_cannot_be_reached_is_told_before_anything_is_made(environment, line, tmp_path):
    project = make_project(tmp_path)
    done = project.command("run", "--pipelines", "ingestion", check=False, **environment)
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith("Error: ")
    assert line in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("path", ["s3:/bucket/x", "memory:/x"])
def test_an_address_with_one_slash_is_no_folder(path):
    with pytest.raises(EpochalError, match=f"two slashes after the colon: {path.split(':')[0]}://"):
        place_of(path)


def test_a_drive_letter_is_no_protocol():
    assert str(place_of("C:/data")) == "C:/data"
