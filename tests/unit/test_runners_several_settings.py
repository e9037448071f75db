"""The configuration of several clients: one table each, and variables with their names."""

from pathlib import Path

import pytest

from harvestmouse.runners.config import ConfigError, explain, load
from harvestmouse.runners.settings import Settings, secrets_of

TWO = """
[[qbittorrent]]
name = "home"
url = "http://home:8080"
category = "barn"

[[qbittorrent]]
name = "seed-box"
url = "https://box"
username = "mouse"
"""


def read(tmp_path: Path, text: str = TWO, **environment: str) -> Settings:
    """Return the configuration of a file with this text."""
    path = tmp_path / "harvestmouse.toml"
    path.write_text(text)
    return load(environment, str(path))


class TestTables:
    def test_are_clients_in_their_order(self, tmp_path: Path) -> None:
        """What is no part of a connection is said once, in the first."""
        settings = read(tmp_path)
        assert [(one.name, one.url, one.username) for one in settings.clients] == [
            ("home", "http://home:8080", ""),
            ("seed-box", "https://box", "mouse"),
        ]
        assert settings.policy.client.category == "barn"

    def test_one_is_a_client_like_any(self, tmp_path: Path) -> None:
        """It needs no name."""
        settings = read(tmp_path, '[[qbittorrent]]\nurl = "http://home:8080"\n')
        assert settings.other_clients == ()
        assert settings.qbittorrent.url == "http://home:8080"

    def test_may_repeat_what_holds_for_all(self, tmp_path: Path) -> None:
        """As long as it is the same."""
        assert read(tmp_path, TWO + 'category = "barn"\n').other_clients

    @pytest.mark.parametrize(
        ("added", "words"),
        [
            ('category = "loft"', r"\[qbittorrent.seed-box\] category = 'loft' differs from 'barn' .* leave it out"),
            ('save_path = "/x"', r"\[qbittorrent.seed-box\] save_path = '/x' differs from '/downloads/mam-farming'"),
            ("tags = []", r"\[qbittorrent.seed-box\] tags = \[\] differs from \['mam', 'freeleech'\]"),
            ("[[qbittorrent]]", r"\[\[qbittorrent\]\] number 3 has no name; give each of several clients one"),
            ('[[qbittorrent]]\nname = "Seed_Box"', "number 3: name = 'Seed_Box' is taken by 'seed-box'"),
            ('[[qbittorrent]]\nname = "b x"', r"\[qbittorrent.b x\] name = 'b x' may have letters, digits, - and _"),
            ('[[qbittorrent]]\nname = "x"\nurl = "box"', r"\[qbittorrent.x\] url = 'box' is no web address"),
            ('[[qbittorrent]]\nname = "x"\nurrl = "box"', r"unknown key \[qbittorrent\] urrl; did you mean .*url\?"),
        ],
    )
    def test_are_refused_with_the_place_and_the_remedy(self, tmp_path: Path, added: str, words: str) -> None:
        """What differs, is twice there or misspelt is named."""
        with pytest.raises(ConfigError, match=words):
            read(tmp_path, TWO + added + "\n")


class TestVariables:
    def test_reach_the_client_whose_name_they_have(self, tmp_path: Path) -> None:
        """In capitals, with _ for -; from a file too."""
        secret = tmp_path / "secret"
        secret.write_text("cheddar\n")
        settings = read(
            tmp_path,
            HARVESTMOUSE_QBITTORRENT_SEED_BOX_PASSWORD_FILE=str(secret),
            HARVESTMOUSE_QBITTORRENT_HOME_API_KEY="brie",
        )
        assert [(one.api_key.reveal(), one.password.reveal()) for one in settings.clients] == [
            ("brie", ""),
            ("", "cheddar"),
        ]

    def test_without_a_name_are_for_the_first(self, tmp_path: Path) -> None:
        """One with its name goes before them."""
        variables = {"HARVESTMOUSE_QBITTORRENT_PASSWORD": "edam", "HARVESTMOUSE_QBITTORRENT_USERNAME": "vole"}
        settings = read(tmp_path, **variables, HARVESTMOUSE_QBITTORRENT_HOME_PASSWORD="gouda")
        assert settings.qbittorrent.password.reveal() == "gouda"
        assert [one.username for one in settings.clients] == ["vole", "mouse"]

    def test_with_the_name_of_no_client_are_refused(self, tmp_path: Path) -> None:
        """The nearest one is named."""
        with pytest.raises(ConfigError, match="did you mean HARVESTMOUSE_QBITTORRENT_SEED_BOX_PASSWORD"):
            read(tmp_path, HARVESTMOUSE_QBITTORRENT_SEEDBOX_PASSWORD="cheddar")

    def test_are_kept_secret(self, tmp_path: Path) -> None:
        """`config show` masks them, and no log line may hold them."""
        settings = read(tmp_path, HARVESTMOUSE_QBITTORRENT_SEED_BOX_PASSWORD="cheddar")
        rows = {name: (value, source) for name, value, source in explain(settings)}
        assert rows["[qbittorrent.seed-box] password"] == (
            '"********"',
            "HARVESTMOUSE_QBITTORRENT_SEED_BOX_PASSWORD",
        )
        assert "cheddar" not in str(rows)
        assert "cheddar" in {one.reveal() for one in secrets_of(settings)}
