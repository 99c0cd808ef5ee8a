# The platform for production: docker-compose.yml says which processes run from it.

FROM python:3.11-slim AS build
WORKDIR /srv/app
COPY bin bin
COPY requirements requirements
COPY package.json package-lock.json .npmrc ./
RUN sh bin/install production

FROM python:3.11-slim
WORKDIR /srv/app
ENV PATH=/srv/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1
# The volumes take over these folders' owner when they are made.
RUN install -d -o 10001 -g 10001 /srv/media /srv/var /srv/var/static
COPY --from=build /srv/app/.venv .venv
COPY --from=build /srv/app/node_modules node_modules
COPY . .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s \
    CMD ["python", "deploy/healthy.py", "web"]
CMD ["deploy/web", "--bind", "0.0.0.0:8000"]
