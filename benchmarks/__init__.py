"""How fast the platform is, at 10,000, 100,000 and 1,000,000 cases: ``make bench``.

Every measure is held against two floors taken in the same minute on the same machine: an API view
that does next to nothing, and the bare SQL of the same work. See docs/performance.md.
"""
