"""Strings that mean something to SQL, shells, formats, paths and parsers (T15)."""

from __future__ import annotations

from itertools import product

_WORDS = (
    "' OR '1'='1",
    '" OR ""="',
    "'; DROP TABLE study; --",
    "1; DELETE FROM instance",
    "') UNION SELECT sql FROM sqlite_master --",
    "x' AND 1=(SELECT count(*) FROM study) --",
    "'||(SELECT hex(randomblob(9)))||'",
    "1/**/OR/**/1=1",
    "%' ESCAPE '",
    "_%_%",
    "[a-",
    "?1",
    ":name",
    "@p",
    "$1",
    "{0.__class__}",
    "%s%n",
    "${jndi:ldap://x}",
    "`id`",
    "|| true",
    "\\",
    "''''",
    '""""',
    "CAST(1 AS TEXT)",
    "NULL",
    "MATCH 'x*'",
    'NEAR("a" "b", 1)',
    "load_extension('x')",
    "9223372036854775808",
    "-1e400",
    "\u2019 OR 1=1",
    "\uff07; --",
    "\ufdfa" * 20,
    "\U0010ffff",
    "a\u0301",
    "İ",
)
_AROUND = (
    "{}",
    "{}*",
    "*{}",
    "?{}?",
    "Doe^{}",
    "{}=山",
    "20240101-{}",
    "1.2.3,{}",
    "{}\\{}",
    "-{}",
    "{}.{}",
    "({})",
    "{} --",
    "{};",
)
INJECTIONS = tuple(
    text
    for around, word in product(_AROUND, _WORDS)
    if "\x00" not in (text := around.replace("{}", word))
)
"""More than five hundred."""

PARAMETERS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "ReferringPhysicianName",
    "StudyDescription",
    "StudyInstanceUID",
    "StudyID",
    "00100020",
    "SeriesNumber",
    "RequestAttributesSequence.RequestedProcedureID",
    "TimezoneOffsetFromUTC",
    "limit",
    "offset",
    "orderby",
    "includefield",
    "fuzzymatching",
    "emptyvaluematching",
    "multiplevaluematching",
    "cursor",
    "total",
    "accept",
    "charset",
)
