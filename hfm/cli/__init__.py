"""The command line: options in, Config and pipeline calls out; errors become lines and exit codes here alone.

demo/, stage_commands.py, inventory.py, checks.py, live.py, export.py, reference_commands.py and manual.py hold the
commands, app.py calls them, console.py prints.
Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """The `hfm` command: runs it and exits with the documented code."""
    if sys.argv[1:] == ["--version"]:
        from hfm import __version__

        print(f"hfm {__version__}")
        return
    from hfm.cli import console, interrupts
    from hfm.errors import DiskError

    _three_streams()
    interrupts.listen()
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more spin for a tenth of a second as NumPy is imported
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own keeps what it was given
    gc.set_threshold(50_000, 20, 50)  # imports make many objects and drop few: looking for cycles is a tenth of them
    try:
        from hfm.cli.demo import command  # noqa: F401, I001  # first in the help
        from hfm.cli import stage_commands, inventory, checks, live  # noqa: F401  # in the order of the help
        from hfm.cli import export, reference_commands, manual  # noqa: F401
        from hfm.cli.app import invoke

        with console.stdout_errors():
            code = invoke(sys.argv[1:])
            sys.stdout.flush()
    except BrokenPipeError:
        console.mute()
        code = 0
    except DiskError as e:  # of the help; a command's own are its lines already
        console.report(e, "hfm", as_json=False)
        code = int(e.code)
    except (KeyboardInterrupt, interrupts.Stopped):
        code = interrupts.asked() or 130
        print(interrupts.WORDS[code], file=sys.stderr)
    gc.freeze()  # nor does it look for any among what is about to go
    sys.exit(code)


def _three_streams() -> None:
    """Put nothing in the place of a stream that this process was started without, as a daemon may be.

    Otherwise the first file that is opened gets its number, and whatever a library has to say lands in that file.
    sys.stdin stays None: who reads it must know.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # until the process ends
