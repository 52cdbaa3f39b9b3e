"""A network and batches that train in a moment, for MONAI's own engines."""

import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from torch import nn

from bundle.handlers import PrepareSliceBatch
from bundle.losses import SliceClassificationLoss
from bundle.networks import SliceViT

SIZE = 16


def toy_network(**changed):
    """A slice classifier of about a thousand weights."""
    torch.manual_seed(0)
    size = {"image_size": SIZE, "patch_size": 4, "in_channels": 2, "hidden_size": 8, "num_layers": 2, "num_heads": 2}
    return SliceViT(**{**size, **changed})


class MaskHead(nn.Module):
    """A toy ViT whose tokens also predict the share of the mask in their patch."""

    def __init__(self):
        super().__init__()
        self.vit = toy_network(dropout=0.0, drop_path=0.0)
        self.dense = nn.Linear(8, 1)

    def forward_evidence(self, image, attentions=False):
        evidence = self.vit.forward_evidence(image, attentions)
        return evidence._replace(mask_logits=self.dense(evidence.tokens).transpose(1, 2).unflatten(2, (4, 4)))


def toy_batch(labels=(1, 0, 1, 1), supervised=None, masked=None, seed=0):
    """A batch as a slice dataset gives it; slices have a mask where `masked`, by default the positive ones."""
    draw = torch.Generator().manual_seed(seed)
    count = len(labels)
    masked = [label > 0 for label in labels] if masked is None else masked
    mask = torch.rand(count, 1, SIZE, SIZE, generator=draw) > 0.7
    return {
        "image": torch.rand(count, 2, SIZE, SIZE, generator=draw),
        "label": torch.tensor(labels).float()[:, None],
        "mask": (mask & torch.tensor(masked)[:, None, None, None]).to(torch.uint8),
        "supervised": torch.ones(count) if supervised is None else torch.tensor(supervised).float(),
        "slice_index": torch.arange(count),
        "case_index": torch.zeros(count, dtype=torch.int64),
        "case": ["a"] * count,
    }


class ToyLoader(list):
    """Batches in an order that depends on the epoch."""

    def set_epoch(self, epoch):
        self.sort(key=lambda batch: hash((epoch, float(batch["image"].sum()))))


def toy_trainer(network, batches, handlers, *, optimizer=None, device="cpu", **options):
    """MONAI's trainer as configs/train.json makes it."""
    settings = {
        "device": device,
        "max_epochs": 1,
        "train_data_loader": batches,
        "network": network,
        "optimizer": optimizer or torch.optim.SGD(network.parameters(), lr=0.0),
        "loss_function": SliceClassificationLoss(),
        "prepare_batch": PrepareSliceBatch(),
        "decollate": False,
        "train_handlers": handlers,
    }
    return SupervisedTrainer(**{**settings, **options})


def toy_evaluator(network, batches, handlers=None, **options):
    """MONAI's evaluator as configs/train.json makes it."""
    settings = {"device": "cpu", "val_data_loader": batches, "network": network, "prepare_batch": PrepareSliceBatch()}
    return SupervisedEvaluator(**{**settings, "decollate": False, "val_handlers": handlers, **options})
