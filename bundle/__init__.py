"""LGM-ViT as a MONAI bundle: the Python library that the configs name."""
