# Claude Router with a lighttpd and a cron of its own. compose.yaml says how it is run; `docker compose up -d` does it.
#
# Nothing in here depends on the processor: on a Raspberry Pi (32 or 64 bits) the same command builds it for that. For
# another machine: docker buildx build --platform linux/arm64 .

FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends autoconf automake ca-certificates gcc libc6-dev libconfuse-dev \
        libcurl4-openssl-dev libfcgi-dev libhiredis-dev libjson-c-dev libsqlite3-dev libssl-dev make pkgconf
COPY . /source
WORKDIR /source
RUN autoreconf -i \
 && ./configure -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run --enable-werror \
 && make -s -j"$(nproc)" \
 && make -s install-strip DESTDIR=/image \
 && install -m 755 -t /image/usr/lib/claude-router conf/container/start conf/container/health \
 && install -m 644 -t /image/usr/lib/claude-router conf/container/claude-router.conf conf/container/lighttpd.conf \
 && ln -sf -t /image/etc/claude-router /run/config/claude-router.conf /run/config/tokens.txt

FROM debian:bookworm-slim
# The user's number is fixed, so that a state directory of the host can be given to it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cron libconfuse2 libcurl4 libfcgi0ldbl libhiredis0.14 libjson-c5 libsqlite3-0 lighttpd \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/* /etc/cron.*/* /run/* \
 && useradd --system --uid 800 --user-group --home-dir /var/lib/claude-router --shell /usr/sbin/nologin claude-router \
 && install -d -o claude-router -g claude-router -m 750 /var/lib/claude-router \
 && chmod 700 /media && mkdir /media/host \
 && ln -s /run/config/crontab /etc/cron.d/claude-router
COPY --from=build /image/ /

VOLUME /var/lib/claude-router
EXPOSE 8000
HEALTHCHECK --interval=1m --timeout=5s --start-period=10s CMD ["/usr/lib/claude-router/health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/lib/claude-router/start"]
