# The images of docs/deployment.md: `tools` (the default), `pooler` and `postgres`.

FROM rust:1.94.0-slim-trixie AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p gate -p migration -p ops -p seeder \
    && install -D --strip --target-directory=/programs \
        target/release/gate target/release/migration target/release/ops target/release/seeder

FROM postgres:17.11-trixie AS postgres
# From the repository of the PostgreSQL project, which the image has.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-17-pgaudit \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/postgres/create-logins.sql /docker-entrypoint-initdb.d/
USER postgres

FROM debian:13.6-slim AS pooler
# 1.21 is the first that tracks prepared statements; 1.24 is tested, and gets Debian's security fixes.
RUN apt-get update \
    && apt-get install -y --no-install-recommends 'pgbouncer=1.24.*' postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/pooler/pgbouncer.ini /etc/pgbouncer/
COPY --chmod=0755 deploy/pooler/start-pooler /usr/local/bin/
USER postgres
EXPOSE 6432
# Ends once the open transactions have; on SIGTERM it would wait for the clients, which stay connected.
STOPSIGNAL SIGINT
CMD ["start-pooler"]

FROM debian:13.6-slim AS tools
# The programs run pg_dump, pg_restore, psql and age. `gate` and `ops drill` start a private server, which needs no JIT: LLVM is
# half of its size.
RUN printf 'path-exclude=%s\n' '/usr/lib/*/libLLVM*' '/usr/lib/*/libz3*' '/usr/lib/postgresql/*/lib/llvmjit.so' \
        '/usr/lib/postgresql/*/lib/bitcode/*' > /etc/dpkg/dpkg.cfg.d/without-jit \
    && apt-get update \
    && apt-get install -y --no-install-recommends age ca-certificates postgresql-common \
    && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir / --shell /usr/sbin/nologin voicesurvey \
    && install -d -o voicesurvey -g voicesurvey -m 0700 /backups
COPY --chmod=0755 deploy/tools/ /usr/local/bin/
COPY --from=build /programs/ /usr/local/bin/
# By number, so that Kubernetes can verify that it is not root.
USER 10001:10001
WORKDIR /
ENTRYPOINT ["with-secrets"]
CMD ["migration", "status"]
