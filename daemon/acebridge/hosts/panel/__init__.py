"""The panel: a page in the browser, and the few endpoints that only the page needs, under ``/panel/api/``."""
