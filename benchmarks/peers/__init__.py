"""Other packages that keep sessions, doing what ours does on the same engines.

``contract.py`` says what is asked of each; ``django_sites.py``, ``starlette_apps.py``, ``flask_apps.py``
and ``gitlab.py`` answer it. ``places.py`` has the engines, ``measuring.py`` measures one peer on one of
them: ``python -m benchmarks.peers --help``. Each runs in a process of its own, for a Django site can't
be another one afterwards; ``python -m benchmarks.report`` runs them all.
"""
