"""The same recordings through each path for archives -> clips a second, memory, and whether the answers are the same.

    python -m intone.experiments.bench_archives LIST [further flags of `intone analyze`]

LIST names the recordings, one a line; what docs/archives.md says of speed and faults is printed as a table. The paths:
two processes, three shards, Ray on this machine, and three machines of Ray, as processes, one of which is killed.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from intone.cache import file_digest

INTONE: Final = (sys.executable, "-c", "import sys; from intone.cli import main; main(sys.argv[1:])")

WARM: Final = 10
"""Share of the recordings, as a divisor, after which speed is measured: models are loaded, all processes run."""

EARLY: Final = 100
"""The driver's memory after this many recordings is compared with that at the end."""


@dataclass(frozen=True)
class Measured:
    """One path."""

    name: str
    seconds: float
    """From start to end, with the start of processes."""
    rate: float
    """Recordings a second once all processes run."""
    early: float
    late: float
    """MB of the driver after `EARLY` recordings, and at the end."""
    answers: dict[str, str]
    """File -> its digest."""


def watched(name: str, out: Path, commands: Sequence[Sequence[str]], at_third: Callable[[], object]) -> Measured:
    """Run commands one after another; `at_third` is called when a third of the first one's recordings are done."""
    start, moments, memory = time.perf_counter(), list[float](), list[float]()
    for command in commands:
        with subprocess.Popen([*INTONE, *command, "-o", str(out)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            total = len(Path(command[command.index("--list") + 1]).read_text().splitlines())
            for line in process.stdout:
                if "heard" not in line:
                    continue
                moments.append(time.perf_counter())
                memory.append(resident(process.pid))
                if len(moments) == total // 3:
                    threading.Thread(target=at_third).start()
    warm = len(moments) // WARM
    rate = (len(moments) - 1 - warm) / (moments[-1] - moments[warm])
    made = {str(path.relative_to(out)): file_digest(path) for path in sorted(out.rglob("*.parquet"))}
    seconds = time.perf_counter() - start
    return Measured(name, seconds, rate, memory[min(EARLY, len(memory)) - 1], memory[-1], made)


def resident(pid: int) -> float:
    """MB of memory of a process; 0 where the system doesn't say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return 0.0


@contextmanager
def machines() -> Iterator[Any]:
    """Three machines of Ray, as processes: the driver's own, and two with a processor each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 80 << 20}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    made.add_node(num_cpus=1, **small)
    try:
        yield made, made.add_node(num_cpus=1, **small)
    finally:
        made.shutdown()


def paths(folder: Path, asked: Sequence[str]) -> Iterator[Measured]:
    """Each path's measurements; `asked`: --list and further flags."""
    command = ["analyze", "-f", "parquet", *asked]
    yield watched("--workers 2", folder / "workers", [[*command, "--workers", "2"]], lambda: None)
    shards = [[*command, "--shard", f"{k}/3", "--workers", "2"] for k in (1, 2, 3)]
    yield watched("--shard 1/3 to 3/3", folder / "shards", shards, lambda: None)
    local = [*command, "--cluster", "local", "--workers", "2"]
    yield watched("--cluster local", folder / "local", [local], lambda: None)
    with machines() as (cluster, lost):
        kill = [[*command, "--cluster", cluster.address]]
        yield watched(
            "three machines, one killed",
            folder / "three",
            kill,
            lambda: cluster.remove_node(lost, allow_graceful=False),
        )


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="intone-bench-") as folder:
        print("| path | seconds | recordings a second | driver, MB: early, late | answers | same |")
        print("|---|---|---|---|---|---|")
        first: dict[str, str] = {}
        for one in paths(Path(folder), ["--list", *sys.argv[1:]]):
            first = first or one.answers
            same = "yes" if one.answers == first else "NO"
            print(
                f"| {one.name} | {one.seconds:.0f} | {one.rate:.1f} | {one.early:.0f}, {one.late:.0f} | "
                f"{len(one.answers)} | {same} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
