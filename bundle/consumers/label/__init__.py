"""MONAI Label serves a packed bundle to 3D Slicer and OHIF: inference, datastore, training, and what runs them.

Files that need no MONAI Label: `network`, `answer`, `image_files`, `dicom_volumes`, and all of the training, from
`train_task` down. The others are thin and import it (extra `label`): `infer_task`, `studies`, `label_app`, `server`.
"""
