"""The HTTP API: search, ask, documents, and chat for any client that speaks OpenAI's protocol.

Nothing of a conversation is kept here: clients send what was said before. Collections, jobs and
limits are those of `ui.services`. Work that blocks is done in threads.

    app.py            puts it together;  scope.py  what routes are given
    reference.py      the page that describes it
    security.py       keys, hosts, origins, headers;  limits.py  how much, how often, how long
    errors.py         one shape for everything that goes wrong
    schemas.py        what clients send and get;  chat_schemas.py  in OpenAI's form
    questions.py      search and ask;  answers.py  watching an answer;  events.py  as bytes
    openai_chat.py    chat completions;  shown.py  an answer as a message that is safe to show
    checked.py        what of an answer in the making is final
    library.py        collections;  documents.py  documents and uploads;  health.py
"""
