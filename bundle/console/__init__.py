"""The console command `lgm-vit`: one name for what scripts/ and `python -m monai.bundle run` do."""
