"""Users as commands print them: their names, each looked up once."""

from __future__ import annotations

from ..directory import Directory, Person


class People:
    """Names from a directory; a user whom it doesn't know is called by the id."""

    def __init__(self, directory: Directory[Person]) -> None:
        self.directory = directory
        self._known: dict[str, Person | None] = {}

    def find(self, user_id: str) -> Person | None:
        """Who it is, as far as it is known."""
        if user_id not in self._known:
            self._known[user_id] = self.directory.find(user_id)
        return self._known[user_id]

    def username(self, user_id: str) -> str:
        """What the user signs in with."""
        person = self.find(user_id)
        return user_id if person is None else person.username

    def name(self, user_id: str) -> str:
        """What the user is called."""
        person = self.find(user_id)
        return user_id if person is None else person.name

    def called(self, user_id: str) -> str:
        """Both: ``ada (Ada Okafor)``; one where they are the same."""
        username, name = self.username(user_id), self.name(user_id)
        return username if name == username else f"{username} ({name})"

    def describe(self, user_id: str) -> dict[str, str | None]:
        """More of a user than the id, for documents."""
        person = self.find(user_id)
        if person is None or person.username == person.id:
            return {}
        return {"username": person.username, "name": person.name}
