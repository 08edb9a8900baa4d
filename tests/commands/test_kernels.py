"""Talking with a kernel: no answer of it is left lying."""

import asyncio
from queue import Empty

import pytest
import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session

from course_lib.commands.kernels import OwnClient, OwnKernel, Watchful

HERE = "inproc://kernel"


def heard(channel_class, within=None):
    """What a channel hears when an answer arrives just before it says something itself."""

    async def story():
        context = zmq.asyncio.Context()
        kernel, ours = zmq.Socket(context, zmq.DEALER), context.socket(zmq.DEALER)
        with context, kernel, ours:
            kernel.bind(HERE)
            ours.connect(HERE)
            session = Session(key=b"a key")
            channel = channel_class(ours, session)
            waiting = asyncio.ensure_future(channel.get_msg(timeout=300))
            await asyncio.sleep(0.05)
            session.send(kernel, "execute_reply")
            channel.send(session.msg("comm_msg"))  # swallows the sign that something came
            await asyncio.wait([waiting], timeout=within)
            return waiting.done() and waiting.result()["msg_type"]

    return asyncio.run(story())


def test_an_answer_is_heard_whatever_was_said_meanwhile():
    assert heard(Watchful) == "execute_reply"


def test_the_usual_channel_lets_it_lie():
    assert not heard(AsyncZMQSocketChannel, within=3)


def test_waiting_ends_when_nothing_comes():
    async def story():
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as ours:
            await Watchful(ours, Session()).get_msg(timeout=0.2)

    with pytest.raises(Empty):
        asyncio.run(story())


def test_kernels_are_talked_to_through_such_a_channel():
    assert OwnKernel().client_factory is OwnClient
    assert OwnClient().shell_channel_class is Watchful
