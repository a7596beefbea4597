"""Files of times are read as people save them, and what they can cost is bounded before anything is
built from them.
"""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.corrections import spreadsheet, workbook
from attendance.corrections.sheet_lines import COLUMNS, MAX_ROWS, SheetLine
from core.errors import RuleViolation

HEAD = ["Employee code", "Date", "In", "Out", "Reason"]
ROW = ["1001", "2026-07-06", "09:00", "17:30", "card"]
CELLS = dict(zip(("code", "date", "in", "out", "reason"), ROW, strict=True))


def csv_of(*rows: list[str], between: str = ",") -> bytes:
    return "\r\n".join(between.join(row) for row in rows).encode()


def xlsx_of(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    found = io.BytesIO()
    book.save(found)
    return found.getvalue()


def packed(parts: dict[str, bytes]) -> bytes:
    """A workbook with some of its parts replaced."""
    found = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_of(HEAD, ROW))) as old,
        zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for one in old.infolist():
            if one.filename not in parts:
                new.writestr(one.filename, old.read(one))
        for name, data in parts.items():
            new.writestr(name, data)
    return found.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(RuleViolation) as caught:
        spreadsheet.read_spreadsheet(content)
    assert list(caught.value.error_dict) == ["file"]
    return caught.value.code


def test_a_csv_file_is_read_by_its_titles_and_numbered_as_in_the_spreadsheet() -> None:
    assert spreadsheet.read_spreadsheet(csv_of(HEAD, ROW, [""] * 5, ROW)) == [
        SheetLine(2, CELLS),
        SheetLine(4, CELLS),
    ]


@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_comes_with_any_of_the_usual_separators_and_encodings(
    between: str, encoding: str
) -> None:
    text = csv_of(HEAD, [*ROW[:4], "कार्ड"], between=between).decode()
    assert spreadsheet.read_spreadsheet(text.encode(encoding))[0]["reason"] == "कार्ड"


@pytest.mark.parametrize(
    "titles",
    [
        ["EMPLOYEE CODE", "date", "IN", "out", "Reason"],
        ["Emp. Code", "Day", "In-Time", "Out Time", "remarks"],
        ["employee_code", "DATE", "time in", "time_out", "REASON"],
        ["कर्मचारी कोड", "दिनांक", "आगमन", "प्रस्थान", "कारण"],
        ["Reason", "Out", "In", "Date", "Code"],
    ],
)
def test_titles_come_in_any_case_order_and_in_hindi(titles: list[str]) -> None:
    row = ROW[::-1] if titles[0] == "Reason" else ROW
    assert spreadsheet.read_spreadsheet(csv_of(titles, row)) == [SheetLine(2, CELLS)]


def test_columns_nobody_asked_for_are_left_alone() -> None:
    assert spreadsheet.read_spreadsheet(csv_of(["Name", *HEAD, "Note"], ["Asha", *ROW, "x"])) == [
        SheetLine(2, CELLS)
    ]


@pytest.mark.parametrize(
    "titles",
    [
        ["Date", "In", "Reason"],
        ["Code", "Date", "Reason"],
        ["Code", "Code", "Date", "In", "Reason"],
        ["1001"],
    ],
)
def test_titles_that_are_missing_or_there_twice_are_named(titles: list[str]) -> None:
    assert refused(csv_of(titles, ROW)) == "TITLES"


def test_a_file_without_rows_says_so() -> None:
    assert {refused(one) for one in (b"", b"\n\n", csv_of(HEAD), csv_of(HEAD, [""] * 5))} == {
        "EMPTY"
    }


UNREADABLE: Final[dict[str, bytes]] = {
    "half a UTF-16": b"\xff\xfe\x00",
    "another encoding": b"caf\xe9,x",
    "half a workbook": b"PK\x03\x04 no more",
    "old Excel": b"\xd0\xcf\x11\xe0 old",
    "open quote": csv_of(HEAD, ['"1001', *ROW[1:]]),
    "stray quote": csv_of(HEAD, ['"10"01', *ROW[1:]]),
    "broken sheet": packed({"xl/worksheets/sheet1.xml": b"<worksheet>"}),
    "no workbook": packed({"xl/workbook.xml": b""}),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused(name: str) -> None:
    assert refused(UNREADABLE[name]) == "UNREADABLE"


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\x03\x04", b"Code,Date,In,Reason\n", b"\xff\xfe"]),
)
def test_any_bytes_are_read_or_refused(noise: bytes, begins: bytes) -> None:
    try:
        lines = spreadsheet.read_spreadsheet(begins + noise)
    except RuleViolation:
        return
    assert all(isinstance(one[name], str) for one in lines for name in COLUMNS)


# --- Excel -----------------------------------------------------------------------------------
def test_a_workbook_gives_what_its_text_would() -> None:
    assert spreadsheet.read_spreadsheet(xlsx_of(HEAD, [], ROW)) == [SheetLine(3, CELLS)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1001, date(2026, 7, 6), time(9), time(17, 30), "card"], ROW),
        (
            [1001.0, datetime(2026, 7, 6), timedelta(hours=9), time(17, 30, 5), 7],  # noqa: DTZ001
            ["1001", *ROW[1:3], "17:30:05", "7"],
        ),
        (["007", "06/07/2026", None, "17:30", True], ["007", "06/07/2026", "", "17:30", "True"]),
        (
            [1.5, datetime(2026, 7, 6, 9), "9", None, "x"],  # noqa: DTZ001
            ["1.5", "2026-07-06 09:00:00", "9", "", "x"],
        ),
    ],
)
def test_cells_of_a_workbook_are_read_as_a_clerk_sees_them(
    row: list[Any], expected: list[str]
) -> None:
    (line,) = spreadsheet.read_spreadsheet(xlsx_of(HEAD, row))
    assert [line[name] for name in COLUMNS] == expected


@pytest.mark.parametrize("made", [xlsx_of, csv_of])
def test_a_formula_is_named_with_its_column(made: Any) -> None:
    (line,) = spreadsheet.read_spreadsheet(made(HEAD, [*ROW[:2], "=A1", *ROW[3:]]))
    assert line.formula == "in"


def test_what_was_made_inert_is_read_as_it_was() -> None:
    (line,) = spreadsheet.read_spreadsheet(csv_of(HEAD, [*ROW[:4], "'+91 called"]))
    assert (line["reason"], line.formula) == ("+91 called", "")


# --- Bounds ----------------------------------------------------------------------------------
@pytest.mark.parametrize("made", [xlsx_of, csv_of])
def test_as_many_rows_as_are_allowed_and_no_more(made: Any) -> None:
    assert len(spreadsheet.read_spreadsheet(made(HEAD, *[ROW] * MAX_ROWS))) == MAX_ROWS
    assert refused(made(HEAD, *[ROW] * (MAX_ROWS + 1))) == "TOO_MANY_ROWS"


def test_a_row_far_below_is_not_overlooked() -> None:
    far = (
        b"<worksheet"
        b' xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
    )
    row = b'<row r="999999999999"><c r="A999999999999" t="inlineStr"><is><t>1001</t></is></c></row>'
    assert refused(packed({"xl/worksheets/sheet1.xml": far % row})) == "TOO_MANY_ROWS"
    assert (
        refused(packed({"xl/worksheets/sheet1.xml": far % b'<row r="999999999999"/>'})) == "EMPTY"
    )


def test_a_file_too_large_is_not_looked_at() -> None:
    assert refused(csv_of(HEAD) + b" " * spreadsheet.MAX_BYTES) == "TOO_LARGE"


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked() -> None:
    assert (
        refused(packed({"xl/media/picture": b"0" * (workbook.MAX_UNPACKED_BYTES + 1)}))
        == "TOO_LARGE"
    )
    assert (
        refused(packed({f"xl/media/{number}": b"" for number in range(workbook.MAX_PARTS)}))
        == "TOO_LARGE"
    )


@pytest.mark.parametrize(
    "part",
    ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "docProps/strange.dat"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_document_type_is_refused_in_any_part_and_encoding(part: str, encoding: str) -> None:
    bomb = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b'
        ' "&a;&a;">]><x>&b;</x>'
    )
    assert refused(packed({part: bomb.encode(encoding)})) == "UNREADABLE"
