import math

import pytest
import torch

from bundle.networks.embeddings import PositionEncoding, reference_code, sincos_code


def test_sincos_tells_row_and_column_by_hand():
    code = sincos_code((2, 3), 8).reshape(2, 3, 8)
    for row in range(2):
        for column in range(3):
            expected = [
                f(position * w) for position in (row, column) for f in (math.sin, math.cos) for w in (1.0, 0.01)
            ]
            assert code[row, column].tolist() == pytest.approx(expected, abs=1e-6)


def test_sincos_gives_every_patch_its_own_code():
    assert len(torch.unique(sincos_code((16, 16), 64), dim=0)) == 256


def test_reference_code_tells_columns_only():
    code = reference_code((16, 16), 768).reshape(16, 16, 768)
    assert torch.equal(code, code[:1].expand_as(code))
    assert len(torch.unique(code[0], dim=0)) == 16


@pytest.mark.parametrize(("channel", "column"), [(0, 0), (1, 0), (5, 1), (7, 2), (767, 15)])
def test_reference_code_follows_its_formula(channel, column):
    angle = channel * 10000 ** (-2 * (column // 2) / 384)
    expected = math.cos(angle) if column % 2 else math.sin(angle)
    assert float(reference_code((1, 16), 768)[column, channel]) == pytest.approx(expected, abs=5e-5)


def test_formula_is_no_weight_and_learned_is_one():
    assert not PositionEncoding("sincos", (2, 2), 8).state_dict()
    learned = PositionEncoding("learned", (2, 2), 8)
    learned(torch.zeros(3, 4, 8)).sum().backward()
    assert torch.equal(learned.code.grad, torch.full((4, 8), 3.0))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"\['learned', 'reference', 'sincos'\], got 'rotary'"):
        PositionEncoding("rotary", (2, 2), 8)
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        PositionEncoding("sincos", (2, 2), 6)
