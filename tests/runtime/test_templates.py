"""What is put into a page is text, whatever it looks like."""

from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError

from callguard.runtime.templates import templates


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    folder = tmp_path / "package_with_pages" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "page.html").write_text('<p title="{{ text }}">{{ text }}</p>', "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return templates("package_with_pages")


def test_markup_in_a_value_is_shown_and_not_obeyed(pages: Environment) -> None:
    page = pages.get_template("page.html").render(text='"><script>')
    assert page == '<p title="&#34;&gt;&lt;script&gt;">&#34;&gt;&lt;script&gt;</p>'


def test_a_value_that_is_not_given_is_an_error_and_no_gap(pages: Environment) -> None:
    with pytest.raises(UndefinedError, match="text"):
        pages.get_template("page.html").render()
