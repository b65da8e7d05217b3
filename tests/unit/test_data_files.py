"""A key that a data file contains twice is reported, wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundplan import data_files

DUPLICATES = """\
project_name: Shop
services:
  - name: orders
    port: 8001
    port: 8002
team: &team {size: 1}
project_name: Other
risks: [*team, *team]
"""


@pytest.mark.parametrize("arguments", [["--data-file", "{}"], ["copy", "--data-file={}", "--trust"]])
def test_duplicate_keys_are_reported_with_their_lines(tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "answers.yml"
    file.write_text(DUPLICATES)
    assert list(map(str, data_files.duplicate_keys([it.format(file) for it in arguments]))) == [
        "services[0].port: 'port' is there twice, in lines 4 and 5. Fix: keep one of the two.",
        "project_name: 'project_name' is there twice, in lines 1 and 7. Fix: keep one of the two.",
    ]


def test_unreadable_files_are_left_to_copier(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: [")
    (tmp_path / "b.yml").write_text("a: &a [*a]")
    for name in ("a.yml", "b.yml", "none.yml"):
        assert data_files.duplicate_keys(["--data-file", str(tmp_path / name)]) == ()
