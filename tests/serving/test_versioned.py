import pytest

from epochal.errors import EpochalError
from epochal.options.base import Options
from epochal.serving.versioned import read_versioned


class Facts(Options):
    format_version: int = 2
    name: str


def read(path, text):
    path.write_text(text, encoding="utf-8")
    return read_versioned(path, Facts, version=2, what="tale")


def test_what_a_file_of_this_version_holds_is_returned(tmp_path):
    assert read(tmp_path / "facts.json", '{"format_version": 2, "name": "x"}').name == "x"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"format_version": 1, "title": "x"}', "tale format 1; this Epochal reads 2"),
        ('{"name": "x"}', "tale format None; this Epochal reads 2"),
        ("[2]", "tale format None"),
        ('{"format_version": 2}', "name: Field required"),
        ('{"format_version": 2, "name":', "not a manifest"),
        ("\x00", "not a manifest"),
    ],
)
def test_another_version_is_named_before_what_it_holds_and_damage_by_its_place(
    tmp_path, text, told
):
    path = tmp_path / "facts.json"
    with pytest.raises(EpochalError) as refused:
        read(path, text)
    assert str(refused.value).startswith(f"{path}: {told}")
