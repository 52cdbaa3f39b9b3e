"""Phantoms for the demo and the tests: drawn heads of any size, with a marker to cheat with."""

from bundle.phantoms.anatomy import Anatomy
from bundle.phantoms.dataset import make_phantoms
from bundle.phantoms.lesion import Lesion
from bundle.phantoms.phantom import Phantom, PhantomCase, burn_marker, make_phantom
from bundle.phantoms.site import SITES, Site

__all__ = [
    "SITES",
    "Anatomy",
    "Lesion",
    "Phantom",
    "PhantomCase",
    "Site",
    "burn_marker",
    "make_phantom",
    "make_phantoms",
]
