"""What one student's sleeping answers, and files that are long to cut up, may cost the class."""

from dataclasses import replace

from ..running.cold import Cold
from ..running.warm import USUAL, Limits, Report, Warm

LEFT = 120.0  # seconds by the clock for a student's answers that have to be ended
CUTTING = 60.0  # seconds of processor time for cutting up all that a student handed in
SHORT = 5.0  # what the others may then wait beyond their processor time


class Patient:
    """A runner that waits less once answers which had to be ended took their time.

    Processor time is as before: who only computes notices nothing.
    """

    def __init__(self, runner: Warm | Cold, left: float = LEFT) -> None:
        self.runner, self.root, self.left = runner, runner.root, left
        self.cutting = CUTTING

    def run(self, job: bytes, limits: Limits = USUAL) -> Report:
        """Run a job in a fresh child, as its runner does."""
        if self.left <= 0:
            limits = replace(limits, wall=min(limits.wall, limits.seconds + SHORT))
        report = self.runner.run(job, limits)
        if report.timed_out or report.signal:
            self.left -= report.seconds or limits.wall
        return report

    def cut(self, job: bytes, limits: Limits) -> Report:
        """Run a job that cuts up a file. Raises ValueError where those before took too much."""
        if self.cutting <= 0:
            told = "what was cut up before took all of a student's time"
            raise ValueError(f"{told}, {CUTTING:.0f} seconds of processor time")
        report = self.runner.run(job, limits)
        self.cutting -= report.cpu or report.seconds  # not every system tells the first
        return report


Runner = Warm | Cold | Patient
