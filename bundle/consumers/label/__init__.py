"""MONAI Label: what its server calls to train the packed model on the labels of its clients.

Nothing here imports MONAI Label itself.
"""
