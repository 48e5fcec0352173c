"""PDF text: words whole and apart, what is seen and no more, form values and notes in place."""

from itertools import pairwise

import pytest
from conversions import assert_headings_stand_where_they_say
from pdf_files import document, lines, pdf, raw, text
from places import SHARED

CASES = SHARED / "cases"
FILES = CASES / "files"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not here")


# --- words


def test_columns_that_stand_close_are_words_of_their_own():
    content = b"BT /F 10 Tf 72 700 Td (Total)Tj 27 0 Td (2023)Tj 25 0 Td (2022)Tj ET"
    assert text(raw(content)) == "Total 2023 2022"  # "Total" is 24 points wide: 3 are left


def test_columns_in_one_operator_are_words_of_their_own():
    assert text(raw(b"BT /F 10 Tf 72 700 Td [(1)-1500(2)-1500(3)-1500(4)]TJ ET")) == "1 2 3 4"


def test_a_letter_spaced_title_is_one_word():
    assert text(raw(b"BT /F 10 Tf 3 Tc 72 700 Td (CONTENTS)Tj ET")) == "CONTENTS"


def test_letters_on_a_grid_are_words():
    def draw(canvas):
        for place, letter in enumerate("Filling in"):
            canvas.drawString(72 + 8 * place, 700, letter)

    assert text(pdf(draw)) == "Filling in"


def test_one_word_at_a_time_is_a_line_all_the_same():
    content = b"BT /F 11 Tf %s ET" % b" ".join(
        b"1 0 0 1 %d 700 Tm (%s)Tj" % place
        for place in ((72, b"The"), (94, b"pump"), (125, b"runs"), (150, b"dry."))
    )
    assert text(raw(content)) == "The pump runs dry."


@pytest.mark.parametrize("shift", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("whole", [True, False])
def test_characters_drawn_again_for_bold_count_once(shift, whole):
    def draw(canvas):
        pieces = (
            ["Caution: hot oil, all valves off"] if whole else "Caution: hot oil, all valves off"
        )
        place = 72
        for piece in pieces:
            for again in range(3):
                canvas.drawString(place + again * shift / 2, 700, piece)
            place += canvas.stringWidth(piece)
        canvas.drawString(72, 680, "Normal")

    assert text(pdf(draw)) == "Caution: hot oil, all valves off\nNormal"


def test_a_shadow_counts_once_and_the_next_line_stays_one():
    def draw(canvas):
        canvas.setFont("Helvetica", 24)
        canvas.drawString(73, 699, "Annual Report")
        canvas.drawString(72, 700, "Annual Report")
        canvas.drawString(72, 660, "Annual Report")

    assert text(pdf(draw)) == "Annual Report\nAnnual Report"


def test_a_hyphen_at_a_line_end_stays_with_its_line_break():
    assert text(pdf(lines("The refrig-", "erator is cold."))) == "The refrig-\nerator is cold."


def test_a_soft_hyphen_is_the_hyphen_that_is_seen():
    content = (
        b"BT /F 10 Tf 14 TL 72 700 Td (A co\\255operative of 12 refrig\\255)Tj T* (\\(24\\))Tj ET"
    )
    assert text(raw(content)) == "A co-operative of 12 refrig-\n(24)"


def test_a_raised_number_stays_in_its_line():
    content = b"BT /F 10 Tf 72 700 Td (Valves)Tj /F 6 Tf 4 Ts (2)Tj 0 Ts /F 10 Tf (, pumps)Tj ET"
    assert text(raw(content)) == "Valves2, pumps"


# --- what is seen


def test_text_outside_the_visible_page_is_left_out():
    content = (
        b"BT /F 10 Tf 1 0 0 1 72 700 Tm (Seen)Tj 1 0 0 1 400 700 Tm (Beside)Tj"
        b" 1 0 0 1 72 100 Tm (Below)Tj ET"
    )
    assert text(raw(content, page=b"/CropBox[0 400 300 792]")) == "Seen"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_the_lines_of_a_turned_page_are_read_as_they_are_seen(turn):
    across = {
        90: (b"0 1 -1 0 %d 100", lambda n: 100 + 16 * n),
        180: (b"-1 0 0 -1 500 %d", lambda n: 100 + 16 * n),
        270: (b"0 -1 1 0 %d 700", lambda n: 500 - 16 * n),
    }
    matrix, place = across[turn]
    words = (b"First line of it", b"Second line", b"Third")
    content = b"BT /F 11 Tf %s ET" % b" ".join(
        b"%s Tm (%s)Tj" % (matrix % place(number), line) for number, line in enumerate(words)
    )
    data = raw(content, page=b"/Rotate %d" % turn)
    assert text(data) == "First line of it\nSecond line\nThird"


def test_values_are_put_in_place_on_a_turned_page():
    content = b"BT /F 11 Tf 0 1 -1 0 100 100 Tm (Owner:)Tj 0 1 -1 0 120 100 Tm (City:)Tj ET"
    data = raw(
        content,
        page=b"/Rotate 90",
        more=[
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(Lena)/F 4/Rect[90 200 104 300]>>",
            b"<</Type/Annot/Subtype/Widget/FT/Tx/T(b)/V(Bergen)/F 4/Rect[110 200 124 300]>>",
        ],
    )
    assert text(data) == "Owner: Lena\nCity: Bergen"


# --- forms and notes


def field(value, rect, *, kind=b"Tx", more=b""):
    return b"<</Type/Annot/Subtype/Widget/FT/%s/T(n%d)/V%s/F 4/Rect[%s]%s>>" % (
        kind,
        1000 * rect[0] + rect[1],
        value,
        b" ".join(b"%d" % each for each in rect),
        more,
    )


LABELS = (
    b"BT /F 11 Tf 1 0 0 1 72 700 Tm (Name:)Tj 1 0 0 1 300 700 Tm (Born:)Tj"
    b" 1 0 0 1 72 680 Tm (Remarks)Tj 1 0 0 1 72 600 Tm (Signed in ink)Tj ET"
)


def test_values_stand_behind_their_labels_and_below_them():
    more = [
        field(b"(Never\rlate)", (72, 620, 400, 676)),
        field(b"(1969)", (340, 696, 400, 712)),
        field(b"(Ada Moen)", (110, 696, 250, 712)),
    ]
    assert text(raw(LABELS, more=more)) == (
        "Name: Ada Moen Born: 1969\nRemarks\nNever\nlate\nSigned in ink"
    )


def test_choices_are_read_by_their_labels_and_boxes_as_ticks():
    more = [
        field(b"(no)", (110, 696, 250, 712), kind=b"Ch", more=b"/Ff 131072/Opt[[(no)(Norway)]]"),
        b"<</Type/Annot/Subtype/Widget/FT/Btn/T(t)/V/Yes/AS/Yes/F 4/Rect[280 698 292 710]"
        b"/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>>>",
        b"<</Type/Annot/Subtype/Widget/FT/Btn/T(u)/V/Off/AS/Off/F 4/Rect[56 598 68 610]"
        b"/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>>>",
    ]
    assert text(raw(LABELS, more=more)) == ("Name: Norway [x] Born:\nRemarks\n[ ] Signed in ink")


def test_hidden_fields_and_passwords_are_not_read():
    more = [
        field(b"(secret)", (110, 696, 250, 712), more=b"/Ff 8192"),
        field(b"(unseen)", (340, 696, 400, 712)).replace(b"/F 4", b"/F 2"),
    ]
    assert text(raw(LABELS, more=more)) == "Name: Born:\nRemarks\nSigned in ink"


def test_free_text_is_read_where_it_stands_and_pop_up_comments_are_not():
    more = [
        b"<</Type/Annot/Subtype/FreeText/Contents(Use valve B)/DA(/F 9 Tf)/F 4"
        b"/Rect[72 640 200 660]>>",
        b"<</Type/Annot/Subtype/Text/Contents(a comment)/F 4/Rect[72 500 90 520]>>",
    ]
    assert text(raw(LABELS, more=more)) == "Name: Born:\nRemarks\nUse valve B\nSigned in ink"


def test_a_form_without_other_text_is_read():
    def draw(canvas):
        canvas.acroForm.textfield(name="a", value="Only this", x=72, y=700, fillColor=None)

    assert text(pdf(draw)) == "Only this"


# --- headings


def marked(bookmarks, *pages):
    def drawn(number, draw):
        def page(canvas):
            draw(canvas)
            for name, level, on in bookmarks:
                if on == number:
                    canvas.bookmarkPage(name)
                    canvas.addOutlineEntry(name, name, level)

        return page

    return document(pdf(*(drawn(number, draw) for number, draw in enumerate(pages))))


def headings(document):
    assert_headings_stand_where_they_say(document)
    return [(each.level, each.heading) for each in document.sections]


def test_bookmarks_are_found_though_their_words_differ_a_little():
    found = marked(
        [
            ("1 Safety Rules", 0, 0),
            ("Maintenance", 0, 0),
            ("Cleaning the filters", 1, 1),
            ("Chapter 3: Storage", 0, 1),
            ("Nowhere at all", 0, 1),
        ],
        lines("Safety rules", "See maintenance below.", "2.  MAINTENANCE", "Grease it."),
        lines("Cleaning the fliters", "Rinse.", "Storage", "Keep it dry."),
    )
    assert headings(found) == [
        (1, "Safety rules"),
        (1, "2. MAINTENANCE"),
        (2, "Cleaning the fliters"),
        (1, "Storage"),
    ]


def body(first, size=10):
    return [
        (f"Line {number} of the text that says something.", size)
        for number in range(first, first + 12)
    ]


def sized(*texts):
    def draw(canvas):
        for number, (words, size) in enumerate(texts):
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, 740 - 24 * number, words)

    return draw


def test_larger_lines_are_headings_where_there_are_no_bookmarks():
    found = document(
        pdf(
            sized(("Pump Manual", 20), *body(1), ("Cleaning", 14), *body(20)),
            sized(("Storage", 14), *body(40)),
        )
    )
    assert headings(found) == [(1, "Pump Manual"), (2, "Cleaning"), (2, "Storage")]


def test_running_headers_and_large_numbers_are_no_headings():
    page = sized(("ACME Corporation", 14), *body(1), ("42", 30))
    assert document(pdf(page, page, page)).sections == ()


def test_large_letters_on_the_cover_are_not_the_heading_of_all_pages():
    cover = sized(("ACME CORPORATION", 24), *body(1))
    assert document(pdf(cover, *(sized(*body(20 * n)) for n in range(1, 4)))).sections == ()


def test_words_up_the_side_of_a_page_are_no_heading():
    def page(canvas):
        sized(("Pump Manual", 16), *body(1))(canvas)
        canvas.rotate(90)
        canvas.setFont("Helvetica", 20)
        canvas.drawString(100, -40, "Archive 1810")

    found = document(pdf(page))
    assert headings(found) == [(1, "Pump Manual")] and found.text.endswith("Archive 1810")


def test_where_much_is_large_nothing_is_a_heading():
    page = sized(("One slide", 24), ("Point one", 16), ("Point two", 16), ("A remark", 10))
    assert document(pdf(page)).sections == ()


# --- files of others


@needs_cases
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bigboundingbox.pdf", ["23 Main Street", "Jun 3, 2013"]),
        (
            "list-item-example.pdf",
            ["Module One - Introduction to Product\n", "\nDevelopment and Quality Assurance\n"],
        ),
        ("fake-bold-sample.pdf", ["\nBOLD TEXT SAMPLE\n", "\nTesting Deduplication\n"]),
        ("operator-in-TJ-array.pdf", ["Grandes Clientèles, Financements et Marchés"]),
        ("skipped_1page.pdf", ["78 ICT 기술변화에 따른 미래 보안기술 전망 보고서"]),
        ("issue10640.pdf", ["\nVersion 1.1\n"]),
        (
            "issue18036.pdf",
            [
                "This certificate or verification of insurance is not an insurance policy",
                "SAV CERT - 4/12/2024",
            ],
        ),
    ],
)
def test_files_that_went_wrong_are_read(name, expected):
    found = text((FILES / name).read_bytes())
    assert all(each in found for each in expected)


@needs_cases
def test_each_half_of_a_double_page_has_its_own_words():
    found = document((FILES / "reliance.pdf").read_bytes())
    starts = [*found.pages, len(found.text)]
    words = [len(found.text[a:b].split()) for a, b in pairwise(starts)]
    assert words[1:] == pytest.approx([208, 369], abs=4)


@needs_cases
def test_a_filled_form_says_what_belongs_to_what():
    found = text((CASES / "14-filled-form" / "form.pdf").read_bytes())
    assert found.splitlines()[1:3] == [
        "Name of the owner: Lena Ortiz",
        "Chassis number: WX-55120-7",
    ]
