"""Questions on tables: sixty questions on five tables, each table in four formats.

    python benchmarks/tables.py [--formats md,html,csv,docx]

The tables are invented here, two of them in Chinese. Each format is indexed alone with the
configuration's defaults, and every question is asked. An answer is right if the exact words hold
the cell, or are it but for its unit. Printed: how many are right, and the questions that are not.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

Table = tuple[str, list[list[str]], list[tuple[str, str]]]

TABLES: list[Table] = [
    (
        "Electric motors",
        [
            ["Model", "Power (kW)", "Weight (kg)", "Price (crowns)", "Cooling"],
            ["A100", "1.1", "14", "300", "fan"],
            ["A200", "2.2", "21", "410", "fan"],
            ["A300", "3.0", "27", "560", "water"],
            ["A400", "4.0", "33", "690", "oil"],
        ],
        [
            ("How heavy is the A300?", "27"),
            ("What is the power of the A200?", "2.2"),
            ("How much does the A400 cost?", "690"),
            ("What is the price of the A100?", "300"),
            ("How is the A300 cooled?", "water"),
            ("What is the cooling of the A400?", "oil"),
            ("What is the weight of the A100?", "14"),
            ("What is the weight of the A400 in kilograms?", "33"),
            ("What power does the A300 have?", "3.0"),
            ("How many crowns is the A200?", "410"),
            ("Which model weighs 21 kg?", "A200"),
            ("Which model is cooled by oil?", "A400"),
        ],
    ),
    (
        "Lighthouses of the coast",
        [
            ["Lighthouse", "Built", "Height (m)", "Keeper", "Signal"],
            ["Skerry Point", "1871", "31", "Ingrid Moe", "two white flashes"],
            ["Gull Rock", "1903", "18", "Peter Lund", "one red flash"],
            ["North Cape", "1888", "44", "Sara Vik", "steady white light"],
            ["Old Harbour", "1926", "12", "Jonas Berg", "green flash"],
        ],
        [
            ("When was the lighthouse of Gull Rock built?", "1903"),
            ("How tall is the lighthouse of North Cape?", "44"),
            ("Who is the keeper of Skerry Point?", "Ingrid Moe"),
            ("Who keeps the Old Harbour lighthouse?", "Jonas Berg"),
            ("What is the signal of Gull Rock?", "one red flash"),
            ("When was Old Harbour built?", "1926"),
            ("What is the height of Skerry Point?", "31"),
            ("Who is the keeper of North Cape?", "Sara Vik"),
            ("What is the signal of North Cape?", "steady white light"),
            ("In which year was North Cape built?", "1888"),
            ("How high is Gull Rock?", "18"),
            ("Which lighthouse was built in 1871?", "Skerry Point"),
        ],
    ),
    (
        "Ferry timetable",
        [
            ["Line", "From", "To", "Departure", "Fare"],
            ["F1", "Halden", "Moss", "06:40", "14 crowns"],
            ["F2", "Moss", "Horten", "07:15", "9 crowns"],
            ["F3", "Horten", "Larvik", "08:30", "22 crowns"],
            ["F4", "Larvik", "Hirtshals", "17:30", "85 crowns"],
        ],
        [
            ("When does the F1 depart?", "06:40"),
            ("What is the fare of the F3?", "22 crowns"),
            ("Where does the F2 go to?", "Horten"),
            ("From where does the F4 leave?", "Larvik"),
            ("What is the departure of the F3?", "08:30"),
            ("How much does the F4 cost?", "85 crowns"),
            ("Where does line F3 end?", "Larvik"),
            ("When does line F4 leave?", "17:30"),
            ("What is the fare of line F2?", "9 crowns"),
            ("Where does line F1 start?", "Halden"),
            ("When does the F2 leave?", "07:15"),
            ("What does the F1 cost?", "14 crowns"),
        ],
    ),
    (
        "水泵型号",
        [
            ["型号", "功率（千瓦）", "重量（千克）", "价格（元）", "产地"],
            ["清泉一号", "1.5", "18", "860", "杭州"],
            ["清泉二号", "2.5", "24", "1200", "苏州"],
            ["碧波三号", "4.0", "39", "2100", "青岛"],
            ["碧波四号", "5.5", "52", "2950", "大连"],
        ],
        [
            ("清泉二号的重量是多少？", "24"),
            ("碧波三号的功率是多少千瓦？", "4.0"),
            ("清泉一号的价格是多少元？", "860"),
            ("碧波四号产自哪里？", "大连"),
            ("清泉二号的产地是哪里？", "苏州"),
            ("碧波三号卖多少钱？", "2100"),
            ("碧波四号有多重？", "52"),
            ("清泉一号的功率是多少？", "1.5"),
            ("碧波四号的价格是多少？", "2950"),
            ("碧波三号的产地在哪里？", "青岛"),
            ("清泉二号的功率是多少？", "2.5"),
            ("清泉一号重多少千克？", "18"),
        ],
    ),
    (
        "值班表",
        [
            ["姓名", "部门", "值班日期", "电话", "房间"],
            ["王小明", "气象组", "三月四日", "6201", "东楼204"],
            ["李海燕", "供水组", "三月五日", "6218", "西楼101"],
            ["赵立新", "电力组", "三月六日", "6233", "北楼307"],
            ["陈玉兰", "医务组", "三月七日", "6250", "南楼110"],
        ],
        [
            ("李海燕的电话是多少？", "6218"),
            ("王小明在哪个部门？", "气象组"),
            ("赵立新哪天值班？", "三月六日"),
            ("陈玉兰在哪个房间？", "南楼110"),
            ("王小明的房间是哪一间？", "东楼204"),
            ("陈玉兰的部门是什么？", "医务组"),
            ("李海燕的值班日期是哪天？", "三月五日"),
            ("赵立新的电话号码是多少？", "6233"),
            ("陈玉兰的电话是多少？", "6250"),
            ("赵立新属于哪个部门？", "电力组"),
            ("李海燕的房间在哪里？", "西楼101"),
            ("王小明什么时候值班？", "三月四日"),
        ],
    ),
]


def write(folder: Path, number: int, table: Table, form: str) -> None:
    """Write a table as a file of a format."""
    title, rows, _ = table
    path = folder / f"table{number}.{form}"
    if form == "md":
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|" + "---|" * len(rows[0]))
        path.write_text(f"# {title}\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    elif form == "html":
        head = "".join(f"<th>{cell}</th>" for cell in rows[0])
        body = "".join(
            f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[1:]
        )
        page = f"<h1>{title}</h1><table><tr>{head}</tr>{body}</table>"
        path.write_text(f"<!doctype html><meta charset=utf-8>{page}", encoding="utf-8")
    elif form == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    else:
        import docx

        document = docx.Document()
        document.add_heading(title, 1)
        grid = document.add_table(len(rows), len(rows[0]))
        for row, cells in zip(rows, grid.rows, strict=True):
            for words, cell in zip(row, cells.cells, strict=True):
                cell.text = words
        document.save(str(path))


def main() -> None:
    """Ask the questions in every format and print what was right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default="md,html,csv,docx")
    options = parser.parse_args()
    for form in options.formats.split(","):
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home, "documents")
            folder.mkdir()
            for number, table in enumerate(TABLES):
                write(folder, number, table, form)
            os.environ["RAG_HOME"] = str(Path(home, "data"))
            command = Path(sys.executable).with_name("rag")
            subprocess.run([command, "index", folder], check=True, capture_output=True)

            from rag.collections import open_rag
            from rag.config import load_config

            rag = open_rag("default", load_config(None))
            wrong, asked = [], 0
            for _, _, questions in TABLES:
                for question, cell in questions:
                    asked += 1
                    short = rag.ask(question).short or ""
                    if "".join(cell.split()) not in "".join(short.split()):
                        wrong.append(f"  {question} {cell}, not {short or 'no answer'}")
            print(f"{form}: {asked - len(wrong)} of {asked} right", *wrong, sep="\n", flush=True)


if __name__ == "__main__":
    main()
