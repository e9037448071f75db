"""A secret: a string that does not show itself in logs, errors and representations."""

from attrs import field, frozen

MASK = "********"


@frozen(repr=False, str=False)
class Secret:
    """Hold a secret; only `reveal` gives it back."""

    _value: str = field()

    def reveal(self) -> str:
        """Return the secret itself, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__
