"""What a Kedro run does before any node: refuse what cannot end well, find out what is stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, DatasetNotFoundError
from kedro.pipeline import Pipeline

from epochal.datasets.keyed import Keyed
from epochal.datasets.keys import key_of
from epochal.options.checking import check_study


class StudyHooks:
    """Refuse a study whose sections do not fit each other, and models that cannot be fitted.

    Kedro validates the sections that the asked pipelines read, and takes unknown ones in silence.
    """

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Check sections, storage and cluster; tell outputs their keys; try models to be fitted."""
        made = check_study(
            find_dataset("parameters", catalog).load(),
            reads_files="sources" in pipeline.all_outputs(),
        )
        outputs = _one_of_each_kind(pipeline, catalog)
        for dataset in outputs:
            dataset.refuse_unreachable()
        tell_keys(pipeline, catalog)
        for dataset in outputs:
            dataset.refuse_lack_of_workers()
        _try_models(made, pipeline, catalog)


def tell_keys(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Tell every output what it would be made from now; one made from something else is missing.

    A key is the hash of the node's function, the package's version, the parameters, and the keys
    of the inputs. Nothing is removed: stale data stay until what replaces them is whole.
    """
    keys = {name: _input_key(name, catalog) for name in sorted(pipeline.inputs())}
    for node in pipeline.nodes:
        key = key_of(("node", node.func, [keys[name] for name in node.inputs]))
        for name in node.outputs:
            keys[name] = key
            dataset = find_dataset(name, catalog)
            if isinstance(dataset, Keyed):
                dataset.expect(key)


def find_dataset(name: str, catalog: CatalogProtocol) -> Any:
    """Return a dataset of the catalog; None where it has none of that name."""
    try:
        return catalog.get(name)
    except DatasetNotFoundError:
        return None


def _input_key(name: str, catalog: CatalogProtocol) -> str:
    """Return the key of a parameter, or of a dataset made earlier, which is to stay what it is."""
    dataset = find_dataset(name, catalog)
    if name == "parameters" or name.startswith("params:"):
        return key_of(dataset.load())
    if not isinstance(dataset, Keyed):
        return ""
    key = dataset.stored_key()
    dataset.expect(key)
    return key


def _one_of_each_kind(pipeline: Pipeline, catalog: CatalogProtocol) -> list[Keyed]:
    """Return outputs that stand for all: these share a place, those in pieces a cluster."""
    outputs = (find_dataset(name, catalog) for name in sorted(pipeline.all_outputs()))
    return list({type(one): one for one in outputs if isinstance(one, Keyed)}.values())


def _try_models(made: Mapping[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Try the models of each section that some missing output is made from.

    The libraries behind them take seconds to import, which the fits will need as well.
    """
    if _is_to_be_made("classical_models", pipeline, catalog):
        from epochal.models.trial import try_classical

        try_classical(made["classical_models"], made["study"])
    if _is_to_be_made("deep_models", pipeline, catalog):
        from epochal.models.trial import try_networks

        try_networks(made["deep_models"], made)


def _is_to_be_made(section: str, pipeline: Pipeline, catalog: CatalogProtocol) -> bool:
    """Say whether an output that the run keeps is missing, of a node that reads a section."""
    outputs = [
        find_dataset(name, catalog)
        for node in pipeline.nodes
        if f"params:{section}" in node.inputs
        for name in node.outputs
        if name in catalog
    ]
    return not all(dataset.exists() for dataset in outputs)
