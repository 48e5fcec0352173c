"""A line to a server that can be cut, as a pulled cable cuts it."""

import socket
import threading
from contextlib import contextmanager, suppress


class Line:
    """Passes bytes on both ways between its own port and a server's, until it is cut."""

    def __init__(self, target):
        self._target, self._open, self._whole = target, set(), True
        self.refused = 0  # attempts to connect while it was cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._whole = False
        for each in list(self._open):
            _end(each)

    def mend(self):
        self._whole = True

    def close(self):
        self.cut()
        _end(self._listener)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole:
                self.refused += 1
                _end(near)
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            _end(each)
            self._open.discard(each)


def _end(each):
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@contextmanager
def cut_off(port):
    """Give a line to a port of this machine."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
