"""For gunicorn: `gunicorn adapter.wsgi:app`."""

from adapter.app import create_app_from_environment

app = create_app_from_environment()
