"""What `import chirp_trio` costs beyond trio's own import, in CPU time and in modules: `python -m tests.benchmarks.imports`.

With the folder of another checkout as its argument, it measures that one too, turn by turn, and prints the ratio.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
RUNS = 15
CODE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import trio
modules, start = len(sys.modules), time.process_time()
{statement}
print(time.process_time() - start, len(sys.modules) - modules, sys.modules["chirp_trio"].__file__)
"""
STATEMENTS = {
    "import": "import chirp_trio",
    "an app": "import chirp_trio; app = chirp_trio.App(); app.route('/')(lambda: 'hello')",
    "an app with a stream": "import chirp_trio; app = chirp_trio.App(); app.route('/')(lambda: chirp_trio.EventStream)()",
}


def measure(folder: Path, statement: str) -> tuple[float, int]:
    """The CPU seconds of a statement in a new process, and how many modules it has imported."""
    command = [sys.executable, "-c", CODE.format(statement=statement), str(folder)]
    seconds, modules, file = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert Path(file).is_relative_to(folder), file
    return float(seconds), int(modules)


def main() -> None:
    """Print the lowest of many runs, which take turns."""
    folders = [HERE, *(Path(argument).resolve() for argument in sys.argv[1:])]
    for name, statement in STATEMENTS.items():
        runs = [[measure(folder, statement) for folder in folders] for _ in range(RUNS)]
        lowest = [min(run[index] for run in runs) for index in range(len(folders))]
        shown = ", ".join(
            f"{folder.name} {1000 * seconds:.0f} ms and {modules} modules"
            for folder, (seconds, modules) in zip(folders, lowest, strict=True)
        )
        ratio = f", {lowest[0][0] / lowest[1][0]:.2f} times" if len(lowest) > 1 else ""
        print(f"{name}: {shown}{ratio}")


if __name__ == "__main__":
    main()
