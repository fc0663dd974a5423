"""Values of JSON files are checked before they are used."""

from __future__ import annotations

import pytest

from acestep_runtime.json_values import to_list, to_number, to_object


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (0.5, 0.5), ("64", 64.0), (True, 1.0)])
def test_numbers_may_be_written_as_text(value: int | float | str | bool, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_other_values_are_no_numbers(value: list[int] | dict[str, int] | None) -> None:
    with pytest.raises(TypeError, match="is no number"):
        to_number(value)
    with pytest.raises(ValueError, match="could not convert"):
        to_number("many")
    with pytest.raises(ValueError, match="too many digits"):
        to_number(10**400)


def test_objects_and_lists_are_distinguished() -> None:
    assert to_object({"a": [1]}) == {"a": [1]}
    assert to_list([1, "b"]) == [1, "b"]
    for value in ([1], "a", 1, None):
        with pytest.raises(TypeError, match="is no object"):
            to_object(value)
    for other in ({"a": 1}, "ab", 1, None):
        with pytest.raises(TypeError, match="is no list"):
            to_list(other)
