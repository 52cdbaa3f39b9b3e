"""A packed bundle in the MONAI Deploy App SDK: an operator for graphs of others, and an app that reads a study folder.

`study_reader_operator` and `app` need the extra ``deploy``; what they do is in `study_reader`, which needs ``dicom``.
"""
