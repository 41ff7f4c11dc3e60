"""archive.py KIND FILE [PATH...]: writes a zip of the files, or one of the archives that a payload must not be."""
import io
import os
import stat
import struct
import sys
import warnings
import zipfile

warnings.simplefilter("ignore")  # about duplicate names, which is the point
kind, target, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
buffer = io.BytesIO()
good = {"autorun.sh": b"exit 0\n", "settings": b"MODE=bridged\n"}


def entry(archive, name, content=b"x", mode=stat.S_IFREG | 0o600):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    if kind != "empty":
        for name, content in good.items() if not paths else []:
            entry(archive, name, content)
    for path in paths:
        with open(path, "rb") as file:
            entry(archive, os.path.basename(path), file.read())
    match kind:
        case "absolute":
            entry(archive, "/etc/owned")
        case "parent":
            entry(archive, "../owned")
        case "inner-parent":
            entry(archive, "a/../../owned")
        case "symlink":
            entry(archive, "link", b"/etc", stat.S_IFLNK | 0o777)
        case "fifo":
            entry(archive, "fifo", b"", stat.S_IFIFO | 0o600)
        case "folder":
            entry(archive, "folder/", b"", stat.S_IFDIR | 0o700)
        case "bomb" | "lying-bomb":
            entry(archive, "bomb", b"\0" * (8 << 20))
        case "bomb-of-many":
            for i in range(20):
                entry(archive, f"bomb{i}", b"\0" * (60 << 10))
        case "duplicate":
            entry(archive, "autorun.sh", b"exit 1\n")
        case "many":
            for i in range(31):
                entry(archive, f"file{i}")
        case "most":
            for i in range(30):
                entry(archive, f"file{i}")
        case "space":
            entry(archive, "a b")
        case "newline":
            entry(archive, "a\nb")
        case "dash":
            entry(archive, "-p")
        case "hidden":
            entry(archive, ".profile")
        case "wildcard":
            entry(archive, "*")

data = bytearray(buffer.getvalue())
match kind:
    case "truncated":
        data = data[: len(data) // 2]
    case "no-directory":
        data = data[: data.rindex(b"PK\1\2")]
    case "corrupt":
        data[data.index(b"PK\3\4") + 30 + len("autorun.sh")] ^= 0xFF
    case "lying-bomb":
        # The directory and the entry claim ten bytes.
        for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
            at = data.rindex(signature)
            struct.pack_into("<I", data, at + offset, 10)
    case "prefixed":
        data = b"#!/bin/sh\nrm -rf /\n" + data
    case "garbage":
        data = bytearray(os.urandom(4096))
    case "nothing":
        data = bytearray()
with open(target, "wb") as file:
    file.write(data)
