"""The mask's kernel at other image sizes than the paper's."""

from __future__ import annotations


def scaled_kernel_size(image_size: int) -> int:
    """Scale the paper's kernel, 51 px at 256 x 256, to the nearest odd size, at least 3 px.

    Args:
        image_size: side of the slices in pixels.

    Example:
        >>> [scaled_kernel_size(size) for size in (64, 128, 256)]
        [13, 25, 51]
    """
    # the nearest odd number is twice the nearest whole number of (size - 1) / 2, plus 1
    return max(3, 2 * round((51 * image_size / 256 - 1) / 2) + 1)
