"""Ways in which programs of others use a packed bundle: MONAI Label, MONAI Deploy and NVFlare.

Each program has its room, and an extra that installs it: ``label``, ``deploy``, ``fl``. Files that import the program
are thin; what they do is in files that need nothing but the bundle's own packages.
"""
