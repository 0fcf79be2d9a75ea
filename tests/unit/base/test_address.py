"""What of a database address may be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.address import HIDDEN, shown


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql:///d", "postgresql:///d"),
        ("postgresql+psycopg://u@db-1.example.com:5432/my_books", "postgresql://db-1.example.com:5432/my_books"),
        ("postgresql://u:hunter2@h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://u:hunter2@[::1]:5432/d", "postgresql://[::1]:5432/d"),
        ("postgresql://u:hunter2@h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
        ("postgresql://u@h/d?password=hunter2", "postgresql://h/d"),
        ("postgresql://h/d?user=u&password=hunter2", "postgresql://h/d"),
        ("postgresql://h/d#hunter2", "postgresql://h/d"),
        ("postgresql://u:p@hunter2@h/d", "postgresql://h/d"),
        ("postgresql://u:p/hunter2@h/d", "postgresql://h/d"),
        ("postgresql://u:hunter%402@h/d", "postgresql://h/d"),
        ("postgresql://u:p?hunter2@h/d", "postgresql://…"),
        ("postgresql://u:p#hunter2@h/d", "postgresql://…"),
        ("postgresql://u@h/d?password=p@hunter2", "postgresql://…"),
        ("postgresql://h/d?user=u@x&password=hunter2", "postgresql://…"),
        ("postgresql://u:hunter2", "postgresql://…"),
        ("postgresql://u:hunter2/d", "postgresql://…"),
        ("postgresql://h/d;password=hunter2", "postgresql://…"),
        ("postgresql://h/d password=hunter2", "postgresql://…"),
        ("u:hunter2@postgresql://h/d", "…"),
        ("postgresql:u:hunter2@h/d", "…"),
        ("host=h password=hunter2", "…"),
        ("hunter2", "…"),
        ("", "…"),
        ("sqlite:////home/me@work/a b.db", "sqlite:////home/me@work/a b.db"),
        ("sqlite:///books.db?password=hunter2", "sqlite:///books.db"),
        ("sqlite+pysqlcipher://:hunter2@/books.db", "sqlite:///books.db"),
    ],
)
def test_what_is_shown(address: str, text: str) -> None:
    assert shown(address) == text


@given(st.text(), st.sampled_from(["postgresql://u:{}S3CRET{}@h:1/d", "postgresql://u@h/d?password={}S3CRET{}"]))
def test_no_password_is_shown(noise: str, address: str) -> None:
    noise = noise.replace("{", "").replace("}", "")
    assert "S3CRET" not in shown(address.format(noise, noise))


def test_what_is_hidden_is_marked() -> None:
    assert shown("nonsense") == HIDDEN
