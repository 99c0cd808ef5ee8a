"""``python -m benchmarks …``: see ``make bench`` and docs/performance.md."""

from benchmarks.commands import main

main()
