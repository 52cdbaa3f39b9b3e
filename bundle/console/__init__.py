"""The console command `lgm-vit`: one name for what scripts/ and `python -m monai.bundle run` do."""

from bundle.console.main import main

__all__ = ["main"]
