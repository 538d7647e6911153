"""`distill`: a student learns the teacher's softened outputs and the labels.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), section 2: both networks' outputs are divided by a temperature; the
gradients of that part are scaled by its square.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgecomp.compress.finetune import Tuning, finetune
from edgecomp.compress.job import Job
from edgecomp.compress.student import student_of
from edgecomp.graph import Graph


def compress(graph: Graph, job: Job) -> Graph:
    """A trained student. Options: `student` or `widths` (see `student.student_of`), `temperature`, `share` of the teacher in the loss.

    Raises:
        DataError: the student is not as the options or the budget ask.
    """
    return finetune(student_of(graph, job), job, "distillation", softened(job.options))


def softened(options: Mapping[str, Any]) -> Tuning:
    """Training on the softened outputs, as the options say."""
    return Tuning(distillation=float(options["share"]), temperature=float(options["temperature"]))
