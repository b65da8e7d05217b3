"""The business rules that people write: async functions in owned modules, looked up by name."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any


class Rules:
    """The functions of an owned module, each called with the arguments that it names.

    A function, or the whole module, may be absent: then nothing is changed.
    """

    def __init__(self, module: str, *hooks: str) -> None:
        owned = _import_if_there(module)
        self._functions = {name: getattr(owned, name) for name in hooks if hasattr(owned, name)}
        for name, function in self._functions.items():
            if not inspect.iscoroutinefunction(function):
                raise TypeError(f"{module}.{name} must be an async function.")

    async def apply(self, hook: str, unchanged: Any, **offered: Any) -> Any:
        """What the hook returns; `unchanged` if nobody wrote it.

        Raises:
            TypeError: The hook names an argument that is not offered.
        """
        function = self._functions.get(hook)
        if function is None:
            return unchanged
        wanted = inspect.signature(function).parameters
        if unknown := wanted.keys() - offered.keys():
            raise TypeError(
                f"{function.__module__}.{hook} wants {', '.join(sorted(unknown))};"
                f" it can have {', '.join(sorted(offered))}."
            )
        return await function(**{name: offered[name] for name in wanted})


def record_rules(package: str, module: str) -> Rules:
    """The rules of an entity."""
    return Rules(f"{package}.{module}", "creating", "updating", "deleting")


def reaction_rules(package: str, module: str) -> Rules:
    """The rules of a reaction."""
    return Rules(f"{package}.{module}", "reacting")


def _import_if_there(module: str) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
