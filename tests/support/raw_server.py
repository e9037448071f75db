"""A server that sends the bytes it is told to, to try what reads them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socket import create_server, socket
from threading import Thread


class Server:
    """Answer each request with the next of these texts, in the pieces they are cut into.

    Attributes:
        heard: The requests.
        opened: How many connections there were.
    """

    def __init__(self, answers: Iterable[Iterable[bytes]], *, keeps: bool) -> None:
        self.heard: list[bytes] = []
        self.opened = 0
        self._answers, self._keeps = iter(answers), keeps
        self._socket = create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        line = None
        for answer in self._answers:
            if line is None:
                line, _ = self._socket.accept()
                self.opened += 1
            self._answer(line, answer)
            if not self._keeps:
                line.close()
                line = None
        if line is not None:
            line.close()

    def _answer(self, line: socket, answer: Iterable[bytes]) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += line.recv(1 << 16)
        self.heard.append(request)
        for piece in answer:
            line.sendall(piece)


@contextmanager
def serving(*answers: Iterable[bytes], keeps: bool = True) -> Iterator[Server]:
    """Run a server for the length of a `with` statement."""
    server = Server(answers, keeps=keeps)
    try:
        yield server
    finally:
        server.close()
