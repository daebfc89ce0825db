"""`magpie explore`: a run in the browser. An index of its columns, filters, a map, and the server of the page.

Reads runs and writes into the user's cache alone. Starlette and uvicorn, of the extra `explore`, are imported by `app`
and `serving` only; all else needs NumPy.
"""
