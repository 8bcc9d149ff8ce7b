import socket
from contextlib import closing

import pytest

from held_port import HeldPort


def test_nobody_answers_at_a_held_port_until_a_server_that_names_it_listens():
    with closing(HeldPort()) as port, socket.socket() as client:
        address = ("127.0.0.1", port.number)
        with pytest.raises(ConnectionRefusedError):
            client.connect(address)
        with socket.create_server(address), socket.create_connection(address) as line:
            assert line.getpeername() == address


def test_a_held_port_is_not_free_and_one_let_go_is():
    port = HeldPort()
    with socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port.number))
        port.close()
        other.bind(("127.0.0.1", port.number))
