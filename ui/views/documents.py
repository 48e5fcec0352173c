"""The page Documents."""

import streamlit as st

from ui import session
from ui.panels.frame import heading

say = session.say()
heading(say("app.documents"))
st.write(say("app.soon"))
