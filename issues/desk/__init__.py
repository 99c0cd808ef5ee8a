"""The desk: a page on which somebody works through what waits for them."""
