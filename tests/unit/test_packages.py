"""pyproject.toml names every package, and no other."""

from __future__ import annotations

from tests.support.installation import TREES, project

SETUPTOOLS = project()["tool"]["setuptools"]


def test_packages_are_the_folders_that_hold_python_files() -> None:
    found = {
        ".".join((place.replace("/", "."), *path.parent.relative_to(folder).parts))
        for place, folder in TREES.items()
        for path in folder.rglob("*.py")
    }
    assert sorted(SETUPTOOLS["packages"]) == sorted(found)


def test_packages_are_named_once_and_in_order() -> None:
    assert SETUPTOOLS["packages"] == sorted(set(SETUPTOOLS["packages"]))


def test_the_namespace_package_has_no_init_file() -> None:
    """Program and contract share it: an __init__.py in one would hide the other."""
    shared = TREES["acebridge"], TREES["acebridge/v1"].parent
    assert not [folder for folder in shared if (folder / "__init__.py").exists()]
