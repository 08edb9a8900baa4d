"""What the columns of a list are called in English, whatever language its platform speaks.

Sources: Moodle's language packs, and worksheets as they were downloaded.
"""

import re
from collections.abc import Sequence

# What Moodle calls a student whose name it hides; a number follows.
HIDDEN = (
    "Participant", "Teilnehmer/in", "Participante", "Partecipante", "Deelnemer", "Deltagare",
    "参与者", "参加者",
)  # fmt: skip
NUMBERED = re.compile(rf"(?:{'|'.join(map(re.escape, HIDDEN))})\s*(\d+)", re.IGNORECASE)
WORDS = {
    "Identifier": ("Identifiant", "Identificador", "Identificatie"),
    "Full name": ("Vollständiger Name", "Nom complet", "Nombre completo", "Nome completo",
                  "Volledige naam"),
    "First name": ("Vorname", "Prénom", "Nombre", "Nome", "Voornaam"),
    "Last name": ("Nachname", "Nom de famille", "Nom", "Apellido(s)", "Apellidos", "Cognome",
                  "Achternaam"),
    "Email address": ("E-Mail-Adresse", "Adresse de courriel", "Dirección de correo",
                      "Dirección Email", "E-mailadres"),
}  # fmt: skip
ENGLISH = {word.casefold(): name for name, words in WORDS.items() for word in words}
ACCOUNTS = (
    "student", "sis login id", "sis user id", "username", "email", "email address", "sid", "id",
    "student_id", "id number", "idnumber", "identifier",
)  # fmt: skip
MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def participant(text: str) -> str:
    """`Teilnehmer/in 12` as `Participant 12`, and any other text as it is."""
    match = NUMBERED.fullmatch(text.strip())
    return f"Participant {match[1]}" if match else text


def in_english(header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """The header in small letters and in English.

    In German the worksheet's `Identifier` is `ID`, which elsewhere is something else: its cells
    tell. Where no column is known to say who a student is, one of e-mail addresses does.
    """
    names = [cell.strip() for cell in header]
    names = [ENGLISH.get(name.casefold(), name).casefold() for name in names]
    if "id" in names and _all(NUMBERED, lines, names.index("id")):
        names[names.index("id")] = "identifier"
    if not {*names} & {*ACCOUNTS}:
        mail = next((i for i in range(len(names)) if _all(MAIL, lines, i)), None)
        if mail is not None:
            names[mail] = "email address"
    return names


def _all(form: re.Pattern, lines: Sequence[Sequence[str]], place: int) -> bool:
    filled = [line[place].strip() for line in lines if line[place].strip()]
    return bool(filled) and all(map(form.fullmatch, filled))
