"""Kernels of this environment's own Python, whatever is installed elsewhere."""

from math import inf
from queue import Empty

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type, default


class OwnPython(KernelSpecManager):
    """Knows one kernel, `python3`: this Python, for where no folder has another."""

    @default("kernel_dirs")
    def _no_folders(self) -> list[str]:
        return []


class Watchful(AsyncZMQSocketChannel):
    """Looks again each second whether an answer came.

    A message that is sent on the socket meanwhile, as for an `Output` of ipywidgets, swallows the
    sign of what arrived just before: then the usual channel waits beside an answer that is there.
    """

    async def get_msg(self, timeout: float | None = None) -> dict:
        """The next message; `Empty` when none comes in `timeout` seconds."""
        left = inf if timeout is None else timeout
        while left > 1:
            left -= 1
            try:
                return await super().get_msg(1)
            except Empty:
                pass
        return await super().get_msg(left)


class OwnClient(AsyncKernelClient):
    """Hears every answer of its kernel."""

    shell_channel_class = Type(Watchful)


class OwnKernel(AsyncKernelManager):
    """A kernel of this Python, for who starts one without a server."""

    client_factory = Type(OwnClient)

    @default("kernel_spec_manager")
    def _own_python(self) -> KernelSpecManager:
        return OwnPython(parent=self)
