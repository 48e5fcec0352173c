import pytest

from rag.retrieval.question_parts import about_collection, split_question


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "What is the X300 and how do I install it?",
            ("What is the X300?", "How do I install the X300?"),
        ),
        (
            "What is a mutex, and when should I use it?",
            ("What is a mutex?", "When should I use a mutex?"),
        ),
        (
            "Who founded the station and when was it built?",
            ("Who founded the station?", "When was the station built?"),
        ),
        (
            "What does FastAPI do? How do I install it?",
            ("What does FastAPI do?", "How do I install FastAPI?"),
        ),
        (
            "What is the X300 and what is the price?",
            ("What is the X300?", "What is the price of the X300?"),
        ),
        (
            "Where is Lake Baikal and what is its depth?",
            ("Where is Lake Baikal?", "What is Lake Baikal's depth?"),
        ),
        (
            "How many rooms are there and who cleans the kitchen?",
            ("How many rooms are there?", "Who cleans the kitchen?"),
        ),
        (
            "what is RAID, how does it work, and who invented it",
            ("What is RAID?", "How does RAID work?", "Who invented RAID?"),
        ),
        ("事件循环是什么，怎么启动？", ("事件循环是什么？", "事件循环怎么启动？")),
        ("什么是路径参数以及如何使用它？", ("什么是路径参数？", "如何使用路径参数？")),
        ("X300 的价格是多少？它有多重？", ("X300 的价格是多少？", "X300有多重？")),
        ("向量資料庫是什麼？有哪些優點？", ("向量資料庫是什麼？", "向量資料庫有哪些優點？")),
    ],
)
def test_a_question_of_several_questions_is_taken_apart(text, parts):
    assert split_question(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "What is the difference between A and B?",
        "Which is bigger and why?",
        "Which is bigger, the sun or the moon, and why?",
        "What are the advantages and disadvantages of the X300?",
        "Who wrote and who directed the film?",
        "How do I install and configure the server?",
        "My printer blinks red. What does that mean?",
        "Is there a difference between what A does and what B does?",
        "install docker and run it",
        "When it rains, what happens to the sensor?",
        "Which is faster, is it SQLite or DuckDB?",
        "What is retrieval-augmented generation?",
        "A 和 B 有什么区别？",
        "哪个更大，为什么？",
        "如果打印机卡纸了，怎么办？",
        "我昨天买了一台打印机，红灯一直亮，怎么办？",
        "安装和配置服务器的步骤是什么？",
        "🙂🙂",
    ],
)
def test_one_question_stays_whole(text):
    assert split_question(text) == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "What is in these documents?",
        "what's in this collection",
        "List the documents.",
        "list all files",
        "What documents do you have?",
        "Which files are there?",
        "How many documents are in the collection?",
        "What are these documents about?",
        "What is this about?",
        "What do the files contain?",
        "Summarize the documents",
        "Give me an overview of these documents.",
        "What can I ask?",
        "What topics are covered in these documents?",
        "Can you tell me what these documents are about?",
        "这些文档讲了什么？",
        "这些文件里有什么？",
        "列出所有文档",
        "有哪些文档？",
        "这里有多少份文件？",
        "總結一下這些文檔",
        "知识库包含哪些内容？",
        "我可以问什么？",
        "文档的目录",
    ],
)
def test_a_question_about_the_collection_is_known(text):
    assert about_collection(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What do the documents say about leave?",
        "List the documents that I need for a visa.",
        "What is in the box?",
        "Which files does the server read?",
        "What is a document store?",
        "How do I list all files in a folder?",
        "What is the data rate?",
        "办签证需要哪些文件？",
        "这些文档里关于年假说了什么？",
        "如何列出所有文件？",
        "配置文件里有什么选项？",
        "文件上传失败怎么办？",
    ],
)
def test_a_question_to_the_documents_is_not_about_the_collection(text):
    assert not about_collection(text)


def test_a_long_text_is_taken_apart_at_once():
    assert len(split_question("What is it and " * 5000)) >= 1
    assert len(split_question("怎么安装，怎么卸载，" * 5000)) >= 1
    assert not about_collection("list the " * 20_000)
