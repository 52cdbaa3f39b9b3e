"""Convolutional slice classifiers to compare with: a U-Net that segments, a DenseNet that learns from labels alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from monai.networks.nets import BasicUNet, DenseNet
from torch import Tensor, nn

from bundle.networks.evidence import Evidence, require_image


class SliceUNet(nn.Module):
    """MONAI's `BasicUNet` in 2D as a slice classifier: (B, C, H, W) -> logits (B, 1).

    It predicts the mask. The probability of a slice is the mean of its `top_pixels` highest pixel probabilities, and
    the logit that of this mean. In its evidence the logits carry no gradient: masks alone train the network, a label
    loss beside theirs is only reported. `forward`, which knows no masks, lets the gradient of a label loss through.

    Args:
        image_size: H = W in pixels, a multiple of 16, at least 32.
        in_channels: channels of a slice; C is slices times as many.
        num_classes: must be 1; a mask tells object and background apart.
        width: channels at full resolution; 1, 2, 4 and 8 times as many at the four lower ones.
        top_pixels: pixels whose mean probability is that of the slice; 1 takes the maximum.
        slices: that an image holds, one after another, each with in_channels channels; 3 with neighbors.

    Raises:
        ValueError: arguments out of range; in `forward`, an image of another size or number of channels.

    Source: Falk et al., U-Net (2019), as `monai.networks.nets.BasicUNet` builds it.

    Example:
        >>> unet = SliceUNet(image_size=32, width=4).eval()
        >>> image = torch.rand(2, 3, 32, 32)
        >>> unet(image).shape, unet.forward_evidence(image).mask_logits.shape
        (torch.Size([2, 1]), torch.Size([2, 1, 32, 32]))
    """

    def __init__(
        self,
        image_size: int = 256,
        in_channels: int = 3,
        num_classes: int = 1,
        width: int = 32,
        top_pixels: int = 16,
        slices: int = 1,
    ) -> None:
        super().__init__()
        if num_classes != 1:
            raise ValueError(f"num_classes must be 1 for SliceUNet, got {num_classes}: choose another network.")
        if not 1 <= top_pixels <= image_size**2:
            raise ValueError(
                f"top_pixels must be from 1 to the {image_size**2} pixels of a slice, got {top_pixels}: change it."
            )
        self.expected = _image_shape(image_size, slices * in_channels)
        self.top_pixels = top_pixels
        features = [width * factor for factor in (1, 1, 2, 4, 8, 1)]
        self.unet = BasicUNet(spatial_dims=2, in_channels=self.expected[0], out_channels=1, features=features)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, 1)."""
        return self.read_slice(self.segment(image))

    def forward_evidence(self, image: Tensor, attentions: bool = False) -> Evidence:
        """Return logits and mask logits of one pass; there are no attentions."""
        mask_logits = self.segment(image)
        logits = self.read_slice(mask_logits.detach())
        return Evidence(logits, None, None, None, self.expected[1:], mask_logits=mask_logits)

    def segment(self, image: Tensor) -> Tensor:
        """Return mask logits (B, 1, H, W)."""
        require_image(image, self.expected)
        mask_logits: Tensor = self.unet(image)
        return mask_logits

    def read_slice(self, mask_logits: Tensor) -> Tensor:
        """Return the logit (B, 1) of the mean of the highest pixel probabilities.

        The means of p and of 1 - p are summed as logarithms, which stay exact where p rounds to 0 or 1.
        """
        highest = mask_logits.float().flatten(1).topk(self.top_pixels, dim=1).values
        positive = F.logsigmoid(highest).logsumexp(dim=1, keepdim=True)
        return positive - F.logsigmoid(-highest).logsumexp(dim=1, keepdim=True)


class SliceDenseNet(nn.Module):
    """MONAI's `DenseNet` in 2D as a slice classifier: (B, C, H, W) -> logits (B, K).

    It learns from labels alone; its evidence holds the last features, for `GradCAM`. The defaults are DenseNet121.

    Args:
        image_size: H = W in pixels, a multiple of 16, at least 32.
        in_channels: channels of a slice; C is slices times as many.
        num_classes: K; 1 for one logit.
        init_features: channels of the first convolution.
        growth_rate: channels that a layer adds.
        block_config: layers of each block; blocks are separated by poolings.
        slices: that an image holds, one after another, each with in_channels channels; 3 with neighbors.

    Raises:
        ValueError: image_size out of range; in `forward`, an image of another size or number of channels.

    Source: Huang et al., Densely Connected Convolutional Networks (2017).

    Example:
        >>> net = SliceDenseNet(image_size=32, init_features=8, growth_rate=4, block_config=[2, 2]).eval()
        >>> image = torch.rand(2, 3, 32, 32)
        >>> net(image).shape, net.forward_evidence(image).features.shape
        (torch.Size([2, 1]), torch.Size([2, 16, 4, 4]))
    """

    def __init__(
        self,
        image_size: int = 256,
        in_channels: int = 3,
        num_classes: int = 1,
        init_features: int = 64,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        slices: int = 1,
    ) -> None:
        super().__init__()
        self.expected = _image_shape(image_size, slices * in_channels)
        self.densenet = DenseNet(2, self.expected[0], num_classes, init_features, growth_rate, block_config)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, K)."""
        return self.classify(self.extract(image))

    def forward_evidence(self, image: Tensor, attentions: bool = False) -> Evidence:
        """Return logits and features of one pass; there are no attentions."""
        features = self.extract(image)
        if torch.is_grad_enabled() and not features.requires_grad:
            features.requires_grad_()  # let Grad-CAM take gradients even if the network is frozen
        grid_hw = (features.shape[-2], features.shape[-1])
        return Evidence(self.classify(features), None, None, None, grid_hw, features=features)

    def extract(self, image: Tensor) -> Tensor:
        """Return the last features (B, c, h, w), at least 0."""
        require_image(image, self.expected)
        return F.relu(self.densenet.features(image))

    def classify(self, features: Tensor) -> Tensor:
        """Return logits (B, K) from the features."""
        layers = self.densenet.class_layers  # without the first, the ReLU, which works in place
        logits: Tensor = layers.out(layers.flatten(layers.pool(features)))
        return logits


def _image_shape(image_size: int, in_channels: int) -> tuple[int, int, int]:
    """Return (C, H, W) of the images that a network takes."""
    if image_size % 16 or image_size < 32:
        raise ValueError(f"image_size must be a multiple of 16, at least 32, got {image_size}: change it.")
    return in_channels, image_size, image_size
