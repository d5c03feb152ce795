# Two stages: the first builds the wheel with the locked tools, the second holds only what runs.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/engraft \
    && /opt/engraft/bin/pip install --no-deps --require-hashes -r requirements/scale.txt \
    && python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-deps --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY adapter adapter
COPY mappings mappings
COPY profiles profiles
RUN /opt/tools/bin/python -m build --wheel --no-isolation --outdir /dist \
    && /opt/engraft/bin/pip install --no-deps --no-index /dist/*.whl

FROM python:3.11-slim
ENV PATH=/opt/engraft/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --create-home --home-dir /srv/engraft engraft \
    && install --directory --owner=engraft --group=engraft --mode=0750 /srv/engraft/var
COPY --from=build /opt/engraft /opt/engraft
USER 10001
# The default database is var/engraft.sqlite under the working folder.
WORKDIR /srv/engraft
VOLUME /srv/engraft/var
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# No access log of gunicorn's: it has whole addresses, and so what was searched for; ours has a line for each request.
# Sync workers behind a proxy; the heartbeat file lies in memory because a slow disk would look like a dead worker.
CMD ["sh", "-c", "engraft init-db && exec gunicorn --bind=0.0.0.0:8080 --workers=${WEB_CONCURRENCY:-2} --worker-class=sync --worker-tmp-dir=/dev/shm adapter.wsgi:app"]
