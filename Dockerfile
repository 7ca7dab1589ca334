# intone's service on a processor, for a team: docs/service.md says how to size it.
#
#   docker build -t intone .                                  # the words' weights are put into the image
#   docker build -t intone --build-arg WEIGHTS="" .           # emotions alone; or mount weights and set INTONE_MODELS
#   docker run --read-only --tmpfs /tmp -v intone:/state -p 8000:8000 intone --token SECRET
FROM python:3.11-slim

ARG WEIGHTS="whisper-base wespeaker-resnet34"
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 INTONE_CACHE=/opt/intone
COPY requirements.txt pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN pip install -c /src/requirements.txt "/src[serve]" && rm -rf /src \
 && for name in $WEIGHTS; do intone models get "$name"; done \
 && useradd --create-home --uid 1000 intone && mkdir /state && chown intone /state

USER intone
VOLUME /state
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
  CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"
ENTRYPOINT ["intone", "serve", "--host", "0.0.0.0", "--state", "/state"]
# An address that others reach needs a secret: give --token, or --no-token behind a proxy that asks for one.
CMD []
