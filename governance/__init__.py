"""The top floor: settings, urls, the worker, the cockpit, and what spans every app."""
