"""Who is scanned where."""

from __future__ import annotations

from dataclasses import dataclass

from bundle.phantoms.site import SITES, Site


@dataclass(frozen=True)
class PhantomCase:
    """One scan of one patient.

    Args:
        case: id of the scan.
        patient_index: number of the patient, who has the same head at each scan.
        scan_index: 0, or 1 for the follow-up.
        site: where the scan was made.

    Example:
        >>> follow_up = PhantomCase.numbered(4)
        >>> follow_up.case, follow_up.patient, follow_up.scan_index, follow_up.site.name
        ('phantom_004', 'patient_000', 1, 'A')
    """

    case: str
    patient_index: int
    scan_index: int
    site: Site

    @property
    def patient(self) -> str:
        """Id of the patient."""
        return f"patient_{self.patient_index:03d}"

    @classmethod
    def numbered(cls, index: int) -> PhantomCase:
        """Return case `index` of every data set: of five, four are new patients and one comes back.

        Raises:
            ValueError: `index` is negative.
        """
        if index < 0:
            raise ValueError(f"Expected the number of a case, 0 or more, got {index}.")
        block, place = divmod(index, len(SITES) + 1)
        # who comes back changes from block to block, so that every site has follow-ups
        comes_back = place == len(SITES)
        site_index = block % len(SITES) if comes_back else place
        patient_index = block * len(SITES) + site_index
        return cls(f"phantom_{index:03d}", patient_index, int(comes_back), SITES[site_index])
