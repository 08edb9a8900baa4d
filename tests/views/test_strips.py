import html

from course_lib.views import token_strips


def test_text_shows_spaces_ends_of_lines_and_lone_bytes():
    view = token_strips({"ours": [(b" the", 4), (b"\n", 5), (b"\xe2\x82", 6)]}, title="Here")
    assert repr(view) == "Here\n  ours, 3 tokens: ␣the|⏎|<e2 82>"


def test_each_token_tells_its_id_and_its_bytes():
    page = token_strips({"a": [("é".encode(), 233)], "b": [], "c": [(b"x", 1)]}).html()
    assert ">233<" in page and "0 tokens" in page and "<summary>0 bytes<" in page
    assert "<summary>2 bytes</summary><code>c3 a9<" in page and "<summary>1 byte<" in page


def test_the_bytes_of_a_tokenizers_own_spelling_are_not_counted_as_the_texts():
    page = token_strips({"MiniLM": [("em", 1), ("##bed", 2)], "GPT-2": [(b"embed", 3)]}).html()
    assert page.count("<summary>") == 1 and "5 bytes" in page


def test_what_a_learner_types_is_escaped():
    page = token_strips({"<i>": [("<script>", 1)]}, title="<b>").html()
    assert "<script" not in page and "<i>" not in page
    assert "<b>&lt;b&gt;</b>" in page and html.escape("<script>") in page


def test_a_lone_surrogate_can_be_shown():
    assert "<ed a0 80>" in repr(token_strips({"ours": [("\ud800", 1)]}))
