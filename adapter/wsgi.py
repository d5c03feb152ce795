"""For gunicorn: `gunicorn adapter.wsgi:app`."""

import gc

from adapter.app import create_app_from_environment

app = create_app_from_environment()
# what is there now stays: a full collection need not look at it again, which takes 0.1 s
gc.freeze()
