"""The HTTP API: search, ask, documents, and chat for any client that speaks OpenAI's protocol.

The server is stateless: clients send the conversation so far. Collections, jobs and limits are
those of `ui.services`. Blocking work is done in threads.

    app.py            the application;  scope.py  dependencies of the routes
    addresses.py      base path, slashes, HEAD
    reference.py      the reference page
    security.py       keys, hosts, origins, headers;  limits.py  sizes, rates, time-outs
    errors.py         the error format
    schemas.py        requests and responses;  chat_schemas.py  in OpenAI's format
    questions.py      search and ask;  answers.py  watching an answer;  events.py  SSE
    openai_chat.py    chat completions;  chat_markdown.py  an answer as a safe chat message
    append_only.py    the final part of a growing answer
    library.py        collections;  documents.py  documents and uploads;  health.py
    upload_names.py   names of uploaded files in the extended form
"""
