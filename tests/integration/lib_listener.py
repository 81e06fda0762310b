"""What the servers of the tests have in common: a port of the loopback interface, and a thread for each connection."""

import socket
import threading


class Listener:
    """A server's base: it defines serve(client, number) for a connection, which has the given number, from 1 on. The port is open
    from the construction to the end of the `with` block."""

    def __init__(self):
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    def listen(self):
        """Begins to answer. Called when the server is ready."""
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client, self.connections), daemon=True).start()

    def serve(self, client, number):
        raise NotImplementedError
