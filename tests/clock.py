"""Run a module as ``python -m`` would, at another time: ``python -m tests.clock SECONDS module …``.

The clock starts at that Unix time and runs on from there. For the processes of tests only: the
platform itself has no switch for its clock.
"""

import runpy
import sys

import time_machine

if __name__ == "__main__":
    start, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    with time_machine.travel(float(start), tick=True):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
