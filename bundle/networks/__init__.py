"""Slice classifier and the evidence for its decisions."""

from bundle.networks.convolutional import SliceDenseNet, SliceUNet
from bundle.networks.evidence import Evidence, EvidenceNetwork
from bundle.networks.foreign_weights import read_foreign_weights
from bundle.networks.masked_autoencoder import MaskedAutoencoder
from bundle.networks.reference_checkpoint import convert_reference_checkpoint, load_reference_checkpoint
from bundle.networks.slice_vit import SliceViT
from bundle.networks.start_weights import load_initial_weights, load_pretrained
from bundle.networks.weights import load_weights, read_tensors, read_weights
from bundle.networks.with_evidence import WithEvidence, with_evidence

__all__ = [
    "Evidence",
    "EvidenceNetwork",
    "MaskedAutoencoder",
    "SliceDenseNet",
    "SliceUNet",
    "SliceViT",
    "WithEvidence",
    "convert_reference_checkpoint",
    "load_initial_weights",
    "load_pretrained",
    "load_reference_checkpoint",
    "load_weights",
    "read_foreign_weights",
    "read_tensors",
    "read_weights",
    "with_evidence",
]
