"""What a file begins with that is a program, a script, a page, a document or an archive too."""

from __future__ import annotations

MAGICS = {
    "PE": b"MZ\x90\x00",
    "ELF": b"\x7fELF\x02\x01\x01",
    "Mach-O 32": b"\xfe\xed\xfa\xce",
    "Mach-O 64": b"\xcf\xfa\xed\xfe",
    "Mach-O fat, Java class": b"\xca\xfe\xba\xbe",
    "shell": b"#!/bin/sh\necho out\n",
    "html": b"<html><body onload=alert(1)>",
    "doctype": b"<!DOCTYPE html><title>",
    "script": b"<script>alert(1)</script>",
    "svg": b"<?xml version='1.0'?><svg onload='alert(1)'/>",
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04",
    "rar": b"Rar!\x1a\x07",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "deb": b"!<arch>\ndebian-binary",
    "javascript": b"/*DICM*/alert(1)//",
    "gif javascript": b"GIF89a=1;alert(1)//",
    "com": b"\xeb\x3c\x90",
    "wasm": b"\0asm\x01\0\0\0",
    "batch": b"@echo off\r\n",
    "tiff, then a script": b"II*\0\x00\x02\x00\x00\n#!/bin/sh\n",
    "late": bytes(15) + b"MZ",
}
"""Beginnings of preambles by what they are."""

TIFFS = {
    "little": b"II*\0\x00\x02\x00\x00",
    "big": b"MM\0*\x00\x00\x02\x00",
    "BigTIFF": b"II+\0\x08\0\0\0\x00\x02\0\0\0\0\0\0",
}
"""Headers of TIFF files whose first directory lies behind the preamble."""


def armed(data: bytes, magic: bytes) -> bytes:
    """A Part 10 file with another preamble."""
    return magic.ljust(128, b"\x90" if magic[:1] == b"M" else b" ")[:128] + data[128:]


def padded(data: bytes, header: bytes) -> bytes:
    """A Part 10 file that begins with a header, and zeros behind it."""
    return header.ljust(128, b"\0") + data[128:]
