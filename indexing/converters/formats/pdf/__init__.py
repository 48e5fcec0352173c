"""Conversion of PDF files with PDFium, from the file down to its characters.

document.py: the file, its passwords, pages one by one within their time, and title.
characters.py: the characters of a page with their boxes, as far as they are seen.
lines.py: from characters to lines; spaces, and characters drawn twice.
annotations.py: values of form fields and free-text notes, put at their places.
unread.py: why a page gives no text, and how that is said.
headings.py: headings from bookmarks, or from the size of letters.
"""
