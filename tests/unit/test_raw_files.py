"""Files without a buffer get all bytes, however few each call takes."""

from __future__ import annotations

import io

from acestep_runtime.raw_files import write_all


class _Slow(io.BytesIO):
    """A file that takes none, then one, then two bytes, and so on."""

    calls = 0

    def write(self, data: object) -> int:
        count, self.calls = self.calls, self.calls + 1
        return super().write(bytes(data)[:count])  # type: ignore[call-overload]


def test_all_bytes_are_written_in_order() -> None:
    file = _Slow()
    write_all(file, b"abcdefgh")
    assert file.getvalue() == b"abcdefgh"
    write_all(file, b"")
    assert file.getvalue() == b"abcdefgh"
