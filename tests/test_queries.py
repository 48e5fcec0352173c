import pytest

from rag.language.small_talk import small_talk
from rag.retrieval.follow_ups import leans, standalone
from rag.retrieval.query import MOST_TURNS, build_query
from rag.schema import Turn

HISTORY = [Turn("What is the capacity of the battery bank?", "86 kWh.")]


@pytest.mark.parametrize(
    "question",
    [
        "and how long does it last?",
        "How long does it last?",
        "What about the winter?",
        "Who looks after them?",
        "Is that dangerous?",
        "Why?",
        "它能用多久？",
        "那么谁负责呢？",
        "为什么？",
        "这个多少钱？",
    ],
)
def test_a_question_that_needs_the_one_before_it_leans(question):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "How long does the battery last?",
        "Is there a dog?",
        "What is RAG?",
        "What time is the cable car?",
        "Who founded Halden Ridge Station?",
        "观测站是哪一年建立的？",
        "谁负责温室？",
    ],
)
def test_a_question_that_stands_alone_does_not_lean(question):
    assert not leans(question)


def test_a_follow_up_carries_its_subject_over():
    query, note = standalone("and how long does it last?", HISTORY)
    assert query == "and how long does it last? battery bank"
    assert note == "carried over: battery bank"


def test_a_chain_of_follow_ups_reaches_the_question_that_named_the_subject():
    history = [*HISTORY, Turn("and how long does it last?", "36 hours.")]
    query, _ = standalone("why?", history)
    assert "battery bank" in query


def test_a_question_that_stands_alone_is_left_as_it_is():
    assert standalone("Who founded the station?", HISTORY) == ("Who founded the station?", None)


def test_without_history_nothing_is_carried_over():
    assert standalone("and how long does it last?", []) == ("and how long does it last?", None)


def test_chinese_carries_over_too():
    query, note = standalone("它能用多久？", [Turn("电池组的容量是多少？", "")])
    assert query == "它能用多久？ 电池组"
    assert note is not None


def test_at_most_six_words_are_carried_over():
    long = Turn("Does alpha beta gamma delta epsilon zeta eta theta iota work?", "")
    query, _ = standalone("and it?", [long])
    assert query == "and it? alpha beta gamma delta epsilon zeta"


def test_of_a_conversation_the_newest_exchanges_are_read_and_a_stage_says_if_older_were_left_out():
    full = HISTORY * MOST_TURNS
    (rewrite,) = build_query("And how long does it last?", full).stages
    assert rewrite.name == "rewrite"
    history, rewrite = build_query("And how long does it last?", full + HISTORY).stages
    assert (history.name, history.count) == ("history", MOST_TURNS)
    assert str(MOST_TURNS) in history.note
    assert build_query("What is it?").stages == ()


X300 = [Turn("Tell me about the X300.", "It is a lamp."), Turn("Thanks!", "You're welcome.")]
ZH = [Turn("介绍一下路径参数。", ""), Turn("谢谢", "")]


@pytest.mark.parametrize(
    ("question", "history", "carried"),
    [
        ("What is the price?", X300, "X300"),
        ("How much does it weigh?", X300, "X300"),
        ("When should I use it?", [Turn("What are query parameters?", "")], "query parameters"),
        ("What is the highest court?", [Turn("What is Utopia?", "")], "Utopia"),
        ("有哪些优点？", ZH, "路径参数"),
        ("默认值是什么？", ZH, "路径参数"),
        ("位於哪裡？", [Turn("國立故宮博物院是什麼？", "")], "國立故宮博物院"),
        ("会讲哪些语言？", [Turn("洛拉是谁？", "")], "洛拉"),
    ],
)
def test_a_question_that_names_no_subject_keeps_the_last_one(question, history, carried):
    assert standalone(question, history)[0] == f"{question} {carried}"


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("What is a quasar?", X300),
        ("What are path parameters?", X300),
        ("How do I use path parameters?", X300),
        ("How high is the tower?", X300),
        ("What is the event loop?", X300),
        ("怎么安装显卡驱动？", ZH),
        ("量子纠缠是什么？", ZH),
        ("什么时候用路径操作配置？", ZH),
        ("谁发明了电话？", ZH),
    ],
)
def test_a_question_with_a_subject_of_its_own_carries_nothing(question, history):
    assert standalone(question, history) == (question, None)


def test_a_new_subject_takes_the_place_of_the_old_one():
    history = [Turn("How much does the X300 weigh?", ""), Turn("And the X500?", "")]
    assert standalone("And the X500?", history[:1])[0] == "And the X500? weigh"
    assert standalone("What is the price?", history)[0] == "What is the price? X500"
    history = [*X300, Turn("Who built the cable car?", "")]
    assert standalone("When was it opened?", history)[0] == "When was it opened? cable car"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Thanks!", "welcome"),
        ("ok, thank you very much", "welcome"),
        ("Hello", "Hello"),
        ("good morning :)", "Hello"),
        ("Bye", "Goodbye"),
        ("who are you?", "cite"),
        ("👍", "All right"),
        ("谢谢！", "不客气"),
        ("好的，謝謝你", "不客气"),
        ("你好", "你好"),
        ("再見", "再见"),
        ("嗯嗯", "好的"),
    ],
)
def test_small_talk_gets_a_short_reply_in_its_language(text, part):
    assert part in small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "Thanks! And the price?",
        "hello world",
        "Who sang Hello?",
        "good practices",
        "no such file",
        "right of way",
        "ok button",
        "好的餐厅有哪些？",
        "谢谢的英文怎么说",
        "行程安排",
        "对象存储",
        "42",
    ],
)
def test_a_question_or_keywords_are_no_small_talk(text):
    assert small_talk(text) is None
