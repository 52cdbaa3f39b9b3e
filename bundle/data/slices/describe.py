"""Description of a transform as plain values that are the same in every process."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import random
import threading
import types
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose, RandomizableTrait

# a thread's own notes come and go with use (MONAI's invertible transforms make theirs at the first call)
_SKIPPED = (np.random.RandomState, np.random.Generator, random.Random, torch.Generator, logging.Logger, threading.local)


def describe(value: Any) -> Any:
    """Return a transform, with all it holds, as JSON-able values: equal exactly where the results would be.

    An object becomes its class and its attributes, a function its qualified name, an array its type, shape and hash.
    Random states, loggers and caches are left out. The code behind a name is not looked at, but for `__main__`.

    Args:
        value: a transform, or anything a transform holds.

    Raises:
        ValueError: for lambdas, local functions and local classes, which have no name of their own; for random
            transforms, whose result cannot be kept; for objects that show no attributes.

    Example:
        >>> from monai.transforms import ScaleIntensity
        >>> describe(ScaleIntensity(minv=0.0, maxv=1.0))["state"]["maxv"]
        1.0
    """
    return _describe(value, parents=())


def _describe(value: Any, *, parents: tuple[int, ...]) -> Any:
    if id(value) in parents:  # an object that holds its owner: how far up is all there is to say
        return {"parent": len(parents) - parents.index(id(value))}
    for kinds, describer in _DESCRIBERS:
        if isinstance(value, kinds):
            return describer(value, (*parents, id(value)))
    return _object(value, (*parents, id(value)))


def _number(value: float, _: tuple[int, ...]) -> Any:
    return value if np.isfinite(value) else {"float": repr(value)}


def _sequence(value: Any, parents: tuple[int, ...]) -> list[Any]:
    return [_describe(entry, parents=parents) for entry in value]


def _set(value: Any, parents: tuple[int, ...]) -> dict[str, Any]:
    return {"set": sorted(_sequence(value, parents), key=_sort_key)}


def _mapping(value: Mapping[Any, Any], parents: tuple[int, ...]) -> dict[str, Any]:
    entries = [[_describe(key, parents=parents), _describe(entry, parents=parents)] for key, entry in value.items()]
    return {"mapping": sorted(entries, key=_sort_key)}


def _sort_key(described: Any) -> str:
    return json.dumps(described, sort_keys=True)


def _array(value: Any, _: tuple[int, ...]) -> dict[str, Any]:
    array = np.ascontiguousarray(value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value)
    if array.dtype.hasobject:
        raise ValueError(f"arrays must hold numbers, got dtype {array.dtype}: give numbers.")
    return {
        "array": str(array.dtype),
        "shape": list(array.shape),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def _enum(value: Enum, _: tuple[int, ...]) -> dict[str, Any]:
    return {"enum": _name(type(value)), "member": value.name}


def _text(value: Any, _: tuple[int, ...]) -> dict[str, str]:
    return {type(value).__name__: str(value)}


def _plain(value: Any, _: tuple[int, ...]) -> Any:
    return value


def _partial(value: functools.partial[Any], parents: tuple[int, ...]) -> dict[str, Any]:
    return {"partial": _sequence([value.func, value.args, value.keywords], parents)}


def _method(value: Any, parents: tuple[int, ...]) -> dict[str, Any]:
    return {"method": value.__name__, "of": _describe(value.__self__, parents=parents)}


def _named(value: Any, _: tuple[int, ...]) -> dict[str, Any]:
    return {"name": _name(value)}


def _name(value: Any) -> str:
    module, name = getattr(value, "__module__", None) or "builtins", value.__qualname__
    if "<" in name:
        raise ValueError(
            f"functions and classes must be importable, got {module}.{name}: two lambdas or local functions cannot be "
            "told apart, so a stale store could be taken for a fresh one; move it to the top level of a module."
        )
    return f"{module}.{name}" + (_source(value) if module == "__main__" else "")


def _source(value: Any) -> str:
    try:
        return ":" + hashlib.sha256(inspect.getsource(value).encode()).hexdigest()
    except (OSError, TypeError) as error:
        raise ValueError(
            f"{value.__qualname__} must come from a module, got one that was typed in, its source is gone: two of that "
            "name cannot be told apart; put it into a file."
        ) from error


def _object(value: Any, parents: tuple[int, ...]) -> dict[str, Any]:
    if isinstance(value, RandomizableTrait) and type(value) is not Compose:
        raise ValueError(
            f"transforms must be deterministic, got {type(value).__name__}: slices are kept, so randomness belongs "
            "into `augmentation`, which acts on slices."
        )
    if not hasattr(value, "__dict__") and not _slots(value):
        raise ValueError(
            f"objects must show their settings as attributes, got {value!r} of {type(value).__name__}: wrap it in a "
            "class with attributes."
        )
    state = dict(vars(value)) if hasattr(value, "__dict__") else {}
    state |= {name: getattr(value, name) for name in _slots(value) if hasattr(value, name)}
    kept = {name: entry for name, entry in state.items() if not _is_passing(name, entry)}
    return {
        "class": _name(type(value)),
        "state": {name: _describe(kept[name], parents=parents) for name in sorted(kept)},
    }


def _slots(value: Any) -> list[str]:
    found = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
    names = [name for slots in found for name in ([slots] if isinstance(slots, str) else slots)]
    return [name for name in names if not name.startswith("__")]


def _is_passing(name: str, value: Any) -> bool:
    return isinstance(value, _SKIPPED) or name.strip("_") == "cache" or name.endswith("_cache")


_DESCRIBERS: tuple[tuple[Any, Callable[[Any, tuple[int, ...]], Any]], ...] = (
    (Enum, _enum),
    ((type(None), bool, int, str), _plain),
    (float, _number),
    ((np.ndarray, np.generic, torch.Tensor), _array),
    ((list, tuple), _sequence),
    ((set, frozenset), _set),
    (Mapping, _mapping),
    ((bytes, complex, slice, range, PurePath, np.dtype, torch.dtype, torch.device), _text),
    (functools.partial, _partial),
    # the type of cached functions has no public name (Python 3.10 to 3.13); a public one would remove this
    ((type, types.FunctionType, np.ufunc, functools._lru_cache_wrapper), _named),
    (types.MethodType, _method),
    (types.BuiltinFunctionType, _named),
)
