"""Series as scanners, exports and accidents make them; every pixel tells its own place in the patient.

`SERIES` names each with a function that writes it and with the outcome that it must have.
"""

import shutil
from typing import NamedTuple

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from support.dicom_files import AXIAL, image_header, item, save

ORIGIN = np.array([-12.0, 6.0, 30.0])
SIZE = (12, 16)
SPACING = [2.0, 0.5]
HEIGHTS = (0, 4, 8, 12, 16)
SAGITTAL, CORONAL = (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)
OBLIQUE = (0.8, 0.6, 0, 0, 0, -1)
FLIPPED = (-1, 0, 0, 0, 1, 0)
TILTED = (1, 0, 0, 0, 0.8, 0.6)


def truth(x, y, z):
    """Intensity at a place (left, posterior, superior) in mm."""
    return np.rint(1000 + 3 * x + 5 * y + 7 * z)


def place(columns, rows, position, orientation):
    """Places of pixels in patient coordinates, by the equation of DICOM PS3.3 C.7.6.2.1.1."""
    row, column = np.reshape(orientation, (2, 3))
    steps = np.multiply.outer(columns * SPACING[1], row) + np.multiply.outer(rows * SPACING[0], column)
    return np.asarray(position) + steps


def pixels(position, orientation=AXIAL, size=SIZE):
    rows, columns = np.indices(size)
    return truth(*np.moveaxis(place(columns, rows, position, orientation), -1, 0))


def at(height, orientation=AXIAL):
    return ORIGIN + height * np.cross(*np.reshape(orientation, (2, 3)))


def image(number, position, *, orientation=AXIAL, size=SIZE, scale=(1, 0), syntax=uid.ExplicitVRLittleEndian, **more):
    kind = more.pop("kind", uid.CTImageStorage)
    found = image_header(f"1.2.4.{number}", kind, syntax, Rows=size[0], Columns=size[1])
    found.InstanceNumber, found.ImageType, found.FrameOfReferenceUID = number, ["ORIGINAL", "PRIMARY", "AXIAL"], "1.2.8"
    found.ImagePositionPatient, found.ImageOrientationPatient = [float(v) for v in position], list(orientation)
    found.PixelSpacing, found.SliceThickness = SPACING, 4
    offset = more.pop("offset", 0)
    if scale != (1, 0):
        found.RescaleSlope, found.RescaleIntercept = scale
    for name, value in more.items():
        setattr(found, name, value)
    stored = (pixels(position, orientation, size) + offset - scale[1]) / scale[0]
    kind = (">" if syntax == uid.ExplicitVRBigEndian else "<") + ("i2" if found.PixelRepresentation else "u2")
    found.PixelData = np.rint(stored).astype(kind).tobytes()
    return found


def series(folder, heights=HEIGHTS, first=1, **more):
    """Write axial slices, or those of another orientation, at heights along their normal."""
    orientation = more.get("orientation", AXIAL)
    return [save(image(n, at(h, orientation), **more), folder) for n, h in enumerate(heights, first)]


def shuffled(folder):
    for number, height in zip((3, 1, 5, 2, 4), HEIGHTS, strict=True):
        save(image(number, at(height)), folder)


def copied(folder):
    series(folder / "a")
    shutil.copytree(folder / "a", folder / "b")


def compressed(syntax):
    def write(folder):
        for path in series(folder):
            _transcode(path, syntax)

    return write


def _transcode(path, syntax, fragments=1):
    if syntax in (uid.RLELossless, uid.JPEGLSLossless):
        found = dcmread(path)
        found.compress(syntax)
    else:
        import gdcm

        reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(path))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        found = dcmread(path)
    if fragments > 1:
        frames = list(generate_frames(found.PixelData, number_of_frames=1))
        found.PixelData = encapsulate(frames, fragments_per_frame=fragments)
    found.save_as(path)


def fragmented(folder):
    for path in series(folder):
        _transcode(path, uid.JPEGLSLossless, fragments=3)


def truncated(folder):
    path = series(folder)[2]
    path.write_bytes(path.read_bytes()[:-100])


def truncated_jpeg(folder):
    compressed(uid.JPEGLSLossless)(folder)
    path = sorted(folder.iterdir())[2]
    path.write_bytes(path.read_bytes()[:-60])


def empty_file(folder):
    series(folder)
    (folder / "IM0099.dcm").write_bytes(b"")


def headerless(folder):
    for path in series(folder, syntax=uid.ImplicitVRLittleEndian):
        content = path.read_bytes()
        path.write_bytes(content[144 + int.from_bytes(content[140:144], "little") :])


def odd_names(folder):
    names = ("a b.dcm", "ü'\"$(x);&.IMA", "no suffix", "x" * 200, "日本\n.dcm")
    for name, path in zip(names, series(folder), strict=True):
        path.rename(folder / name)
    (folder / "broken\udcff.dcm").write_bytes(b"")


def nested(folder):
    for number, path in enumerate(series(folder / "x"), 1):
        (folder / f"{number}/{'d/' * number}").mkdir(parents=True)
        path.rename(folder / f"{number}/{'d/' * number}/I")


def with_dicomdir(folder):
    series(folder / "x")
    found = Dataset()
    found.FileSetID = "A"
    meta = image_header("1.2.5", uid.MediaStorageDirectoryStorage)
    meta.FileSetID = "A"
    save(meta, folder, "DICOMDIR")


def scouted(folder):
    series(folder)
    save(image(6, at(300), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), folder)
    save(image(7, at(0, CORONAL), orientation=CORONAL), folder)  # a scout that does not say so


def two_of(**differs):
    """Write two series of five slices; each entry of `differs` holds the value of the one and of the other."""

    def write(folder):
        for index in (0, 1):
            more = {name: values[index] for name, values in differs.items()}
            series(folder / str(index), **{"first": 1 + 5 * index, **more})

    return write


def replaced(height, **more):
    """Write a series in which the slice at one height is another one."""

    def write(folder):
        series(folder, [h for h in HEIGHTS if h != height])
        save(image(5, at(height), **more), folder)

    return write


def beside(height, **more):
    def write(folder):
        series(folder)
        save(image(9, at(height), **more), folder)

    return write


def turning(folder):
    for number, angle in enumerate((0.0, 0.4, 0.8, 1.2), 1):
        turned = (np.cos(angle), np.sin(angle), 0, 0, 0, -1)
        save(image(number, at(0, turned), orientation=turned), folder)


def each(attribute, values):
    """Write a series in which an attribute has a value for every slice."""

    def write(folder):
        for number, (height, value) in enumerate(zip(HEIGHTS, values, strict=True), 1):
            save(image(number, at(height), **{attribute: value}), folder)

    return write


def interleaved(folder):
    for number, height in enumerate(HEIGHTS, 1):
        save(image(number, at(height), AcquisitionNumber=1 + number % 2), folder)


def wrong_rows(folder):
    for path in series(folder):
        found = dcmread(path)
        found.Rows -= 2
        found.save_as(path)


def without(attribute, **more):
    def write(folder):
        for path in series(folder, **more):
            found = dcmread(path)
            delattr(found, attribute)
            found.save_as(path)

    return write


def shared_uid(folder):
    series(folder / "a")
    save(image(3, at(8), offset=50), folder / "b")


def enhanced(kind, modality, orders=((0, 4, 8, 12, 16),), frames=0, slope=(1, 0)):
    """Write multi-frame files; a slope that is no number gives every frame its own."""

    def write(folder):
        for number, heights in enumerate(orders, 1):
            found = image_header(f"1.2.4.{number}", kind, Modality=modality, Rows=SIZE[0], Columns=SIZE[1])
            found.NumberOfFrames, found.FrameOfReferenceUID, found.InstanceNumber = (
                len(heights) + frames,
                "1.2.8",
                number,
            )
            common = Dataset()
            common.PlaneOrientationSequence = [item(ImageOrientationPatient=list(AXIAL))]
            common.PixelMeasuresSequence = [item(PixelSpacing=SPACING, SliceThickness=4)]
            found.SharedFunctionalGroupsSequence = [common]
            groups, stored = [], []
            for index, height in enumerate(heights, 1):
                steep = slope if slope != "own" else (1 / 2 ** (index % 2), -10 * index)
                group = Dataset()
                group.PlanePositionSequence = [item(ImagePositionPatient=[float(v) for v in at(height)])]
                group.FrameContentSequence = [item(StackID="1", InStackPositionNumber=1)]
                group.PixelValueTransformationSequence = [item(RescaleSlope=steep[0], RescaleIntercept=steep[1])]
                groups.append(group)
                stored.append(np.rint((pixels(at(height)) - steep[1]) / steep[0]).astype("<u2"))
            found.PerFrameFunctionalGroupsSequence = groups
            found.PixelData = np.stack(stored).tobytes() + bytes(2 * SIZE[0] * SIZE[1] * frames)
            save(found, folder)

    return write


def color(folder):
    for planar in (0, 1):
        for number, height in enumerate(HEIGHTS, 1 + 10 * planar):
            found = image(number, at(height), SamplesPerPixel=3, PlanarConfiguration=planar, BitsAllocated=8)
            found.PhotometricInterpretation, found.BitsStored, found.HighBit = "RGB", 8, 7
            found.PixelData = bytes(3 * SIZE[0] * SIZE[1])
            save(found, folder)


def mosaic(folder):
    series(folder, [0], ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], kind=uid.MRImageStorage)


def plain(**more):
    return lambda folder: series(folder, **more)


class Expected(NamedTuple):
    """How a series must come out: flags of its stacks, or words of the reason why it is refused."""

    write: object
    outcome: str
    words: str = ""
    stacks: int = 1


MR = {"kind": uid.MRImageStorage, "Modality": "MR"}
SIGNED = {"PixelRepresentation": 1, "BitsStored": 12, "HighBit": 11}
SERIES = {
    "axial CT": Expected(plain(), "right"),
    "numbers against positions": Expected(shuffled, "right"),
    "sagittal": Expected(plain(orientation=SAGITTAL), "right"),
    "coronal": Expected(plain(orientation=CORONAL), "right"),
    "oblique": Expected(plain(orientation=OBLIQUE), "right"),
    "flipped rows": Expected(plain(orientation=FLIPPED), "right"),
    "implicit VR": Expected(plain(syntax=uid.ImplicitVRLittleEndian), "right"),
    "big endian": Expected(plain(syntax=uid.ExplicitVRBigEndian), "right"),
    "no file header": Expected(headerless, "right"),
    "RLE": Expected(compressed(uid.RLELossless), "right"),
    "JPEG lossless": Expected(compressed(uid.JPEGLosslessSV1), "right"),
    "JPEG-LS": Expected(compressed(uid.JPEGLSLossless), "right"),
    "JPEG 2000": Expected(compressed(uid.JPEG2000Lossless), "right"),
    "frames in fragments": Expected(fragmented, "right"),
    "signed 12 bit": Expected(plain(**SIGNED, scale=(1, 1000)), "right"),
    "rescale per slice": Expected(
        lambda folder: [save(image(n, at(h), scale=(1, -n)), folder) for n, h in enumerate(HEIGHTS, 1)], "right"
    ),
    "rescale by a fraction": Expected(plain(scale=(0.25, -0.5), offset=0.25), "right"),
    "slope without intercept": Expected(without("RescaleIntercept", scale=(0.5, 0)), "right"),
    "nested folders": Expected(nested, "right"),
    "with a DICOMDIR": Expected(with_dicomdir, "right"),
    "image type by slice": Expected(
        each("ImageType", [["ORIGINAL", "PRIMARY", "M", str(n)] for n in range(5)]), "right"
    ),
    "enhanced CT": Expected(enhanced(uid.EnhancedCTImageStorage, "CT"), "right"),
    "enhanced MR, frames shuffled": Expected(enhanced(uid.EnhancedMRImageStorage, "MR", ((8, 0, 16, 4, 12),)), "right"),
    "enhanced PET, slopes by frame": Expected(enhanced(uid.EnhancedPETImageStorage, "PT", slope="own"), "right"),
    "enhanced, in two files": Expected(enhanced(uid.EnhancedMRImageStorage, "MR", ((0, 4, 8), (12, 16))), "right"),
    "a scout in the series": Expected(scouted, "right"),
    "two series": Expected(
        two_of(SeriesInstanceUID=("1.2.3", "1.2.33"), SeriesNumber=(7, 8), first=(1, 1)), "right", stacks=2
    ),
    "two patients": Expected(two_of(PatientID=("4711", "4712"), first=(1, 1)), "flag", "torn", stacks=2),
    "file names with odd characters": Expected(odd_names, "flag", "lost"),
    "a file of 0 bytes": Expected(empty_file, "flag", "lost"),
    "equal copies": Expected(copied, "flag", "copies"),
    "tilted gantry": Expected(
        lambda folder: [
            save(image(n, ORIGIN + np.array([0, 0, 4 * n]), orientation=TILTED), folder) for n in range(1, 6)
        ],
        "flag",
        "tilt",
    ),
    "tilted and uneven": Expected(
        lambda folder: [
            save(image(n, ORIGIN + np.array([0, 0, z]), orientation=TILTED), folder)
            for n, z in enumerate((0, 4, 8, 13, 18), 1)
        ],
        "flag",
        "tilt uneven",
    ),
    "uneven": Expected(lambda folder: series(folder, [0, 4, 8, 13, 18, 23]), "flag", "uneven"),
    "slices shifted in their plane": Expected(
        lambda folder: [save(image(n, at(h) + np.array([n % 2, 0, 0])), folder) for n, h in enumerate(HEIGHTS, 1)],
        "flag",
        "uneven",
    ),
    "one slice": Expected(lambda folder: series(folder, [0]), "flag", "single"),
    "every second slice missing": Expected(
        lambda folder: [save(image(2 * n + 1, at(8 * n)), folder) for n in range(5)], "flag", "numbers"
    ),
    "first slices missing": Expected(lambda folder: series(folder, first=4), "flag", "numbers"),
    "last slices missing": Expected(plain(ImagesInAcquisition=8), "flag", "numbers"),
    "mixed matrix": Expected(two_of(size=((12, 16), (10, 16))), "flag", "split", stacks=2),
    "mixed orientation": Expected(two_of(orientation=(AXIAL, CORONAL)), "flag", "split", stacks=2),
    "two frames of reference": Expected(two_of(FrameOfReferenceUID=("1.2.8", "1.2.88")), "flag", "split", stacks=2),
    "two echoes": Expected(two_of(EchoTime=(10, 80), kind=(uid.MRImageStorage,) * 2), "flag", "split", stacks=2),
    "two b-values": Expected(two_of(DiffusionBValue=(0, 900), offset=(0, 9)), "flag", "split", stacks=2),
    "two times": Expected(two_of(TemporalPositionIdentifier=(1, 2), offset=(0, 9)), "flag", "split", stacks=2),
    "a b-value in turns": Expected(each("DiffusionBValue", [0, 900, 0, 900, 0]), "flag", "mixed"),
    "acquisitions in turns": Expected(interleaved, "flag", "mixed"),
    "computed from others": Expected(plain(ImageType=["DERIVED", "PRIMARY", "AXIAL"]), "flag", "derived"),
    "compressed with loss": Expected(plain(LossyImageCompression="01"), "flag", "lossy"),
    "text in the pixels": Expected(plain(BurnedInAnnotation="YES"), "flag", "burned_in"),
    "a slice of another matrix at an end": Expected(replaced(16, size=(10, 16)), "flag", "apart"),
    "a copy with other pixels": Expected(shared_uid, "refused", "one slice at a position"),
    "two slices at one position": Expected(beside(8, offset=50), "refused", "one slice at a position"),
    "gap in the middle": Expected(lambda folder: series(folder, [0, 4, 12, 16, 20]), "refused", "every slice between"),
    "a slice of another matrix inside": Expected(replaced(8, size=(10, 16)), "refused", "every slice between"),
    "a slice of another spacing inside": Expected(
        replaced(8, PixelSpacing=[1.0, 0.5]), "refused", "every slice between"
    ),
    "every slice turned": Expected(turning, "refused", "parallel slices", stacks=4),
    "sheared axes": Expected(plain(ImageOrientationPatient=[1, 0, 0, 0.1, 1, 0]), "refused", "right angles"),
    "truncated file": Expected(truncated, "refused", "less than expected"),
    "truncated JPEG-LS": Expected(truncated_jpeg, "refused", "an image without"),
    "no pixel data": Expected(without("PixelData"), "refused", "an image without"),
    "no position": Expected(without("ImagePositionPatient"), "refused", "without ImagePositionPatient"),
    "rows less than pixels": Expected(wrong_rows, "refused", "as many pixels"),
    "pixels in the upper bits": Expected(plain(BitsStored=12, HighBit=15), "refused", "lowest bits"),
    "a slope of 0": Expected(plain(RescaleSlope=0, RescaleIntercept=0), "refused", "rescale slope"),
    "MONOCHROME1": Expected(plain(PhotometricInterpretation="MONOCHROME1"), "refused", "another color space"),
    "RGB, by pixel and by plane": Expected(color, "refused", "color image"),
    "Siemens mosaic": Expected(mosaic, "refused", "mosaics"),
    "more frames than places": Expected(
        enhanced(uid.EnhancedMRImageStorage, "MR", frames=1), "refused", "place of every frame"
    ),
    "frames without places": Expected(plain(NumberOfFrames=3, **MR), "refused", "place of every frame"),
}

NEEDS = {"JPEG lossless": "gdcm", "JPEG 2000": "gdcm", "in fragments": "jpeg_ls", "JPEG-LS": "jpeg_ls"}
"""Packages that write a series."""


def outcome(stacks, asides, read):
    """Return how a folder came out, its flags or reasons, and the stacks that were read with their volumes."""
    volumes, reasons = [], []
    for stack in stacks:
        try:
            if not stack.problems:
                volumes.append((stack, read(stack.planes)))
        except Exception as error:
            reasons.append(str(error))
        reasons += [problem.text for problem in stack.problems]
    reasons += [aside.reason for aside in asides if not volumes]
    flags = sorted({flag for stack, _ in volumes for flag in stack.flags})
    kind = "refused" if not volumes else "flag" if flags else "right"
    return kind, flags if volumes else reasons, volumes
