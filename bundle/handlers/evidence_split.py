"""Logits for the trainer, evidence set aside for the localization loss."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from bundle import keys
from bundle.networks import Evidence


class EvidenceSplit:
    """Puts the logits of an `Evidence` into `pred` and sets the evidence aside in `output["evidence"]`.

    It runs between the forward pass and the loss, so MONAI's own trainer and evaluator stay unmodified. The handler
    that uses the evidence last pops it. Ignite forgets the output before the next iteration; the evidence of an epoch's
    last one is dropped too, so that it does not lie beside the validation.

    Raises:
        TypeError: the network returned something else, because it is not wrapped in `WithEvidence`.

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(2, 1), torch.ones(2, 4, 9), None, torch.ones(2, 9, 8), (3, 3))
        >>> engine = Engine(lambda engine, batch: None)
        >>> engine.state.output = {"pred": evidence}
        >>> EvidenceSplit()(engine)
        >>> tuple(engine.state.output["pred"].shape), engine.state.output["evidence"].grid_hw
        ((2, 1), (3, 3))
    """

    def attach(self, engine: Engine) -> None:
        """Split after every forward pass of `engine`."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.drop)

    def __call__(self, engine: Engine) -> None:
        """Split the output of this iteration."""
        output = engine.state.output
        evidence = output[keys.PRED]
        if not isinstance(evidence, Evidence):
            raise TypeError(
                f"output of the network must be Evidence, got {type(evidence).__name__}: "
                "train bundle.networks.WithEvidence(network), or set localization_weight and segmentation_weight to 0."
            )
        output[keys.PRED] = evidence.logits
        output[keys.EVIDENCE] = evidence

    @staticmethod
    def drop(engine: Engine) -> None:
        """Drop the evidence of the last iteration."""
        engine.state.output.pop(keys.EVIDENCE, None)
