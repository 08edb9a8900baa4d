"""A file's bytes: what they are when they are no text, and the text when they are."""

import codecs
import re

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HAND_IN = "hand in the notebook itself (.ipynb)"
KINDS = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"RIFF", "a picture, sound or film"),
    (b"PK\x03\x04", "an archive (zip) or an Office document"),
    (b"PK\x05\x06", "an empty archive (zip)"),
    (b"Rar!", "an archive (RAR)"),
    (b"7z\xbc\xaf", "an archive (7z)"),
    (b"\x1f\x8b", "an archive (gzip)"),
    (b"BZh9", "an archive (bzip2)"),
    (b"\xfd7zXZ", "an archive (xz)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"bplist", "a property list, as Safari and iCloud make them"),
    (b"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows; the file itself is elsewhere"),
    (b"book\0\0\0\0mark", "an alias of macOS; the file itself is elsewhere"),
    (b"[InternetShortcut]", "a link to a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS; the file itself was not uploaded"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database"),
)
WEB = re.compile(
    r"\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
GOOGLE = re.compile(r"\s*\{(?![^}]*\"cells\")[^}]*\"(?:doc_id|resource_key)\"")
LINK = re.compile(r"\s*https?://\S+\s*")
SAVED_WEB = re.compile(r"(?:From: <Saved by|MIME-Version:|Content-Type: multipart)", re.I)


def not_text(data: bytes) -> str:
    """What a file is when it can't be a notebook or a script, seen from its first bytes; or ""."""
    if not data.strip():
        return "an empty file"
    if not data.strip(b"\0"):
        return "nothing but zeros; it was damaged on its way"
    for start, what in KINDS:
        if data.startswith(start):
            return what
    if data[4:8] == b"ftyp":
        return "a picture or film (HEIC, MP4)"
    head = decoded(data[:4096])
    if not head.strip() and len(data) <= 4096:  # a mark of its encoding and no more
        return "an empty file"
    if WEB.match(head):
        return "a web page (HTML)"
    if SAVED_WEB.match(head):
        return "a saved web page"
    if GOOGLE.match(head):
        return "a shortcut of Google Drive; the file itself is there"
    if LINK.fullmatch(head) or "<key>URL</key>" in head:
        return "a link to a web page"
    if head.lstrip().startswith("<?xml"):
        return "an XML document"
    odd = sum(letter < " " and letter not in "\t\n\f\x1b" for letter in head)
    return "a binary file" if 20 * odd > len(head) else ""


def decoded(data: bytes) -> str:
    """The text of a file in the encodings that editors save in, its lines ended by `\\n`."""
    known = [encoding for mark, encoding in BOMS if data.startswith(mark)]
    evens, odds = data[:2000:2].count(0), data[1:2000:2].count(0)
    most = len(data[:2000]) // 5  # of the half that holds nothing when Latin letters have two bytes
    if not known and max(evens, odds) > most and min(evens, odds) == 0:
        known = ["utf-16-le" if odds else "utf-16-be"]
    try:
        text = data.decode(known[0], errors="replace") if known else data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.strip("\ufeff\0").replace("\r\n", "\n").replace("\r", "\n")
