"""The reference district: a synthetic Wuzhong with which everything can be tried and proved.

The same seed, size and ``--today`` give the same rows, apart from salts and keys. Nobody in it is
real: names are put together by chance, telephone numbers begin with 12 and cannot be dialled, and
codes that are not official are marked as synthetic.
"""
