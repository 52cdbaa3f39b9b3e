"""Ways in which programs of others use a packed bundle: MONAI Label, MONAI Deploy and NVFlare.

Each program has its room, and an extra that installs it: ``deploy``, ``fl``; ``label`` has a requirements file instead,
as not all packages that MONAI Label lists go with ours. Files that import the program are thin; what they do is in
files that need nothing but the bundle's own packages.
"""
