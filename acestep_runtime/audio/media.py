"""Stub."""
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
import os


@dataclass(frozen=True)
class Kind:
    name: str


@dataclass(frozen=True)
class Header:
    rate_hz: int
    channels: int
    duration_s: float


class ConversionError(Exception):
    what = ""
    remedy = ""


def kind_of(file: BinaryIO) -> Kind | None:
    return None


def convert(path: str | os.PathLike[str], kind: Kind, into: Path) -> tuple[str, ...]:
    raise ConversionError


def read_header(path: str | os.PathLike[str], kind: Kind) -> Header:
    raise ConversionError
