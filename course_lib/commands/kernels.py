"""Kernels of this environment's own Python, whatever is installed elsewhere."""

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default


class OwnPython(KernelSpecManager):
    """Knows one kernel, `python3`: this Python, for where no folder has another."""

    @default("kernel_dirs")
    def _no_folders(self) -> list[str]:
        return []


class OwnKernel(AsyncKernelManager):
    """A kernel of this Python, for who starts one without a server."""

    @default("kernel_spec_manager")
    def _own_python(self) -> KernelSpecManager:
        return OwnPython(parent=self)
