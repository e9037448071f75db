"""The cookie on disk: the newest wins, unless the operator has changed the secret it descends from."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import CookieStore, fingerprint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mam_id"


def store_of(path: Path, operator: str = "") -> CookieStore:
    return CookieStore(path, Secret(operator))


def tried(path: Path, operator: str = "") -> list[str]:
    """Return the cookies a run would try, best first."""
    return [one.value.reveal() for one in store_of(path, operator).candidates()]


def rotate(path: Path, operator: str, *values: str) -> None:
    """Let a run store what the site sets."""
    store = store_of(path, operator)
    store.candidates()
    for value in values:
        store.store(value)


class TestRotation:
    def test_the_file_wins_over_the_secret_it_descends_from(self, path: Path) -> None:
        """After a rotation the operator's unchanged secret is stale."""
        rotate(path, "first", "second", "third")
        assert tried(path, "first") == ["third"]

    def test_descent_is_kept_over_many_runs(self, path: Path) -> None:
        """Each run stores the descent anew."""
        for number in range(5):
            rotate(path, "first", f"cookie {number}")
        assert tried(path, "first") == ["cookie 4"]

    def test_an_editor_s_byte_order_mark_is_no_part_of_it(self, path: Path) -> None:
        """Some editors put one before what they save."""
        path.write_bytes("\N{BYTE ORDER MARK}first\n".encode())
        assert tried(path) == ["first"]

    def test_the_file_is_enough(self, path: Path) -> None:
        """Without a secret in the configuration the file goes on by itself, and keeps its descent."""
        rotate(path, "first", "second")
        rotate(path, "", "third")
        assert tried(path) == ["third"]
        assert tried(path, "first") == ["third"]

    def test_the_file_is_for_its_owner_alone(self, path: Path) -> None:
        """The cookie is the whole session, so that nobody else reads it."""
        rotate(path, "first", "second")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_the_file_does_not_hold_the_operator_s_secret(self, path: Path) -> None:
        """Descent is a fingerprint."""
        rotate(path, "operator", "second")
        assert path.read_text() == f"second\ndescends-from: {fingerprint('operator')}\n"
        assert "operator" not in path.read_text()


class TestChangedSecret:
    def test_a_new_secret_wins(self, path: Path) -> None:
        """An operator who sets another secret is believed, and the old cookie is not even tried."""
        rotate(path, "old", "descendant of old")
        assert tried(path, "new") == ["new"]

    def test_the_file_follows_the_new_secret(self, path: Path) -> None:
        """From then on the file descends from the new one."""
        rotate(path, "old", "descendant of old")
        rotate(path, "new", "descendant of new")
        assert tried(path, "new") == ["descendant of new"]
        assert tried(path, "old") == ["old"]

    def test_says_which_it_uses(self, path: Path) -> None:
        """The source is in words, for the log."""
        assert [one.source for one in store_of(path, "a").candidates()] == ["MAM_ID"]
        rotate(path, "a", "b")
        assert [one.source for one in store_of(path, "a").candidates()] == [str(path)]


class TestOldFile:
    def test_a_bare_cookie_is_read(self, path: Path) -> None:
        """The old scripts wrote the cookie and nothing else."""
        path.write_text("bare%3Dcookie")
        assert tried(path) == ["bare%3Dcookie"]

    def test_where_the_origin_is_unknown_both_are_tried(self, path: Path) -> None:
        """The secret comes first, and the bare file where that is refused."""
        path.write_text("bare\n")
        assert tried(path, "secret") == ["secret", "bare"]

    def test_the_same_cookie_is_tried_once(self, path: Path) -> None:
        """A bare file that holds the secret itself is no second chance."""
        path.write_text("secret\n")
        assert tried(path, "secret") == ["secret"]

    def test_a_first_rotation_settles_the_origin(self, path: Path) -> None:
        """After one run the file tells."""
        path.write_text("bare\n")
        rotate(path, "secret", "next")
        assert tried(path, "secret") == ["next"]


class TestEndOfSession:
    @pytest.mark.parametrize("word", ["deleted", " deleted ", "", "  "])
    def test_is_never_stored(self, path: Path, word: str) -> None:
        """The site's word for the end of a session leaves the file alone."""
        rotate(path, "first", "second")
        before = path.read_text()
        rotate(path, "first", word)
        assert path.read_text() == before

    @pytest.mark.parametrize("content", ["deleted\n", "", "\n", "deleted\ndescends-from: 0123456789abcdef\n"])
    def test_is_never_used(self, path: Path, content: str) -> None:
        """A file that another program left so counts as none."""
        path.write_text(content)
        assert tried(path) == []
        assert tried(path, "secret") == ["secret"]


def test_nothing_anywhere_is_nothing_to_try(path: Path) -> None:
    """Without secret and file there is no candidate."""
    assert tried(path) == []


def test_white_space_around_a_secret_is_no_part_of_it(path: Path) -> None:
    """A secret read from a file ends with a line feed."""
    rotate(path, "first\n", "second")
    assert tried(path, "  first") == ["second"]


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1).filter(lambda value: value != "deleted"))
def test_any_cookie_is_kept_verbatim(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """What the site sends is what the next run sends back."""
    path = tmp_path_factory.mktemp("state") / "mam_id"
    rotate(path, "first", value)
    assert tried(path, "first") == [value]
