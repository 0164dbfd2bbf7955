"""What a browser loads: only our own files, the reviewed ones, nothing inside a page."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_WEB = _ROOT / "service" / "web"
_TEMPLATES = sorted((_WEB / "templates").glob("*.html"))
_OWN = sorted([*(_WEB / "static").glob("*.js"), *(_WEB / "static").glob("*.css")])
_ADDRESS = re.compile(r"(?:https?:)?//[a-z]", re.IGNORECASE)


@pytest.mark.parametrize(
    "folder", [_WEB / "static" / "vendor", _ROOT / "tests" / "vendor"], ids=["product", "tests"]
)
def test_every_foreign_file_is_the_one_that_was_reviewed(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {line.split()[1]: line.split()[0] for line in lines}
    found = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert set(sums) == found
    for name, digest in sums.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_every_library_comes_with_its_licence() -> None:
    folder = _WEB / "static" / "vendor"
    libraries = {path.name.split(".")[0] for path in folder.glob("*.min.*")}
    assert libraries == {path.stem for path in folder.glob("*.LICENSE")}


@pytest.mark.parametrize("path", _TEMPLATES, ids=lambda path: path.name)
def test_no_script_or_style_stands_inside_a_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|\| *safe\b", text)
    assert not _ADDRESS.search(text)


@pytest.mark.parametrize("path", _OWN, ids=lambda path: path.name)
def test_our_own_files_load_nothing_from_elsewhere(path: Path) -> None:
    assert not _ADDRESS.search(re.sub(r"//.*", "", path.read_text(encoding="utf-8")))


def test_every_file_a_page_names_exists() -> None:
    named = {
        name
        for path in _TEMPLATES
        for name in re.findall(r'"/static/([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert named
    assert {name for name in named if not (_WEB / "static" / name).is_file()} == set()
