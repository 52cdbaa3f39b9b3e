"""Packages that a bundle needs: its software bill of materials, and their licenses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bundle.gate.finding import Finding
from bundle.gate.policy import Policy
from bundle.packing import SBOM, needed_packages

_METADATA = "configs/metadata.json"
_WORDS = re.compile(r"\s+(?:AND|OR)\s+|[()]")


def licenses(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Return `name version` of each package in the bill -> the licenses that it states.

    Args:
        files: name -> content.

    Raises:
        ValueError: there is no bill, or it is no CycloneDX.

    Example:
        >>> part = {"name": "torch", "version": "2", "licenses": [{"expression": "MIT AND (Zlib OR ISC)"}]}
        >>> bill = {"bomFormat": "CycloneDX", "components": [part]}
        >>> licenses({SBOM: json.dumps(bill).encode()})
        {'torch 2': ['MIT', 'Zlib', 'ISC']}
    """
    bill = _json(files, SBOM)
    try:
        if bill["bomFormat"] != "CycloneDX":
            raise KeyError(bill["bomFormat"])
        return {f"{part['name']} {part['version']}": _stated(part) for part in bill["components"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{SBOM} must be a CycloneDX bill, got {error!r}: pack the bundle again.") from error


def dependency_findings(files: Mapping[str, bytes], policy: Policy) -> Iterator[Finding]:
    """Yield packages without a permitted license, and those that the metadata requires and the bill lacks.

    Example:
        >>> bill = b'{"bomFormat": "CycloneDX", "components": [{"name": "a", "version": "1"}]}'
        >>> [finding.got for finding in dependency_findings({SBOM: bill, _METADATA: b"{}"}, Policy.read())]
        ['no license']
    """
    remedy = "pack the bundle again with scripts/pack_bundle.py"
    try:
        stated = licenses(files)
        metadata = _json(files, _METADATA)
        needed = needed_packages(metadata)
        asked = needed_packages(metadata, [use for use in metadata if use.endswith("_packages_version")])
    except (ValueError, TypeError, AttributeError) as error:
        yield Finding(SBOM, "", "be a bill of materials that fits metadata.json", str(error), remedy)
        return
    listed = {name.partition(" ")[0] for name in stated}
    for name in asked:
        if name not in policy.packages:
            review = "find out whose package it is, and add it to `packages` of the policy or do not install it"
            yield Finding(_METADATA, name, "be a package of the policy", "another one", review)
    for name in needed:
        if name not in listed:
            yield Finding(SBOM, name, "be listed, as metadata.json requires it", "no such package", remedy)
    for package, names in stated.items():
        if not names or (odd := [name for name in names if name not in policy.licenses]):
            got = ", ".join(odd) if names else "no license"
            remedy = "read its license, and add it to `licenses` of the policy or do not use the bundle"
            yield Finding(SBOM, package, "have a license of the policy", got, remedy)


def _json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    if name not in files:
        raise ValueError(f"{name} must be in the bundle, got no such file: pack the bundle again.")
    content = json.loads(files[name])
    if not isinstance(content, dict):
        raise ValueError(f"{name} must hold an object, got a {type(content).__name__}: pack the bundle again.")
    return content


def _stated(part: Mapping[str, Any]) -> list[str]:
    entries = [entry.get("license", entry) for entry in part.get("licenses", ())]
    texts = [str(entry.get("expression") or entry.get("id") or entry.get("name")) for entry in entries]
    return [name.strip() for text in texts for name in _WORDS.split(text) if name.strip()]
