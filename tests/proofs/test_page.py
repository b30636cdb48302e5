"""The page that the long proofs write."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import __main__ as proofs


def test_one_proof_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proof found stands in the place of what it found before; the rest of the page stays."""
    page = tmp_path / "proofs.md"
    page.write_text(f"# Proofs\n\n{proofs.BEGIN}\n{proofs.END}\nThe end.\n")
    monkeypatch.setattr(proofs, "PAGE", page)
    first, second = proofs.PROOFS[:2]
    proofs.write([proofs.Found(second, ["all well"], 61, 0)])
    proofs.write([proofs.Found(first, ["a list:", "## one is lost"], 5, 1)])
    proofs.write([proofs.Found(second, ["well again"], 62, 0)])
    text = page.read_text()
    assert text.startswith("# Proofs\n")
    assert text.endswith("The end.\n")
    assert text.index(first.title) < text.index(second.title)
    assert "one is lost" in text
    assert "0:05, **failed** (1)" in text
    assert "1:02, no fault" in text
    assert ("all well" in text, "well again" in text) == (False, True)
