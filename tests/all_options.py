"""Every model of parameters that `epochal.options` has, in whichever of its modules."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from epochal import options
from epochal.options.base import Options


def find_options() -> list[type[Options]]:
    """Return the models that conf may fill, by name."""
    modules = [
        import_module(f"{options.__name__}.{found.name}")
        for found in pkgutil.iter_modules(options.__path__)
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Options) and value is not Options
    }
    return sorted(found, key=lambda model: model.__name__)
