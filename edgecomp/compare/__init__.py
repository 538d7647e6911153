"""A new run held against a committed one: what changed, and whether that stays within limits.

runs = read_runs("runs")
result = compare(read_runs("baseline"), runs, Limits(totals={"instructions": parse_limit("+2%")}))
assert result.passed, result.reasons
"""

from edgecomp.compare.gates import Comparison, Limits, Result, Verdict, compare, judge
from edgecomp.compare.limits import Limit, parse_limit
from edgecomp.compare.quantities import QUANTITIES, Quantity
from edgecomp.compare.runs import Run, read_runs, run_of, write_runs

__all__ = [
    "QUANTITIES",
    "Comparison",
    "Limit",
    "Limits",
    "Quantity",
    "Result",
    "Run",
    "Verdict",
    "compare",
    "judge",
    "parse_limit",
    "read_runs",
    "run_of",
    "write_runs",
]
