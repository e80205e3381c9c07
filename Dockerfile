# One image for the bots, for their migrations, and for shipper itself: `docker run IMAGE shipper --version`.
# What changes often comes late, and the layer of the packages has the same digest wherever it is built, so that a change
# of code moves less than 1 MB, even from a CI machine without a cache.
ARG BASE=python:3.11-slim-bookworm
# Where the packages are installed: BASE, or one like it whose pip is set up for your own index.
ARG INSTALLER=$BASE

FROM $INSTALLER AS packages
ENV PYTHONDONTWRITEBYTECODE=1
RUN command -v tini || { apt-get update && apt-get install --yes --no-install-recommends tini; }
COPY requirements.lock /
RUN python3 -m venv /venv \
 && /venv/bin/pip install --quiet --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.lock \
 && /venv/bin/pip uninstall --quiet --yes pip setuptools \
 && printf '#!/venv/bin/python\nfrom shipper.cli import main\n\nmain()\n' >/venv/bin/shipper \
 && chmod +x /venv/bin/shipper
# Bytecode: a container cannot keep what it compiles, and `import aiogram` would take twice as long. That of Python's own
# library too, which the official image lacks. It tells nothing of its sources' age, and all files have the same, or no two
# builds would give the same layer.
RUN PYTHONPYCACHEPREFIX=/image/pycache python3 -m compileall -q --invalidation-mode unchecked-hash \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" /venv/lib \
 && useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin app \
 && mkdir -p /image/etc /image/usr/bin \
 && cp /etc/passwd /etc/group /image/etc/ \
 && cp "$(command -v tini)" /image/usr/bin/ \
 && mv /venv /image/ \
 && find /image -exec touch --no-dereference --date=@0 {} +

FROM packages AS model
# A size (tiny, base, small, …) or a name on Hugging Face, to have the model in the image. Else the bot downloads one to /data.
ARG MODEL=""
RUN mkdir -p /baked/model \
 && if [ "$MODEL" ]; then \
      /image/venv/bin/python -c 'import sys, faster_whisper as it; it.download_model(sys.argv[1], "/baked/model")' "$MODEL"; \
    fi \
 && rm -rf /baked/model/.cache \
 && find /baked -exec touch --date=@0 {} +

FROM $BASE
COPY --from=packages /image/ /
COPY --from=model /baked/ /
# A new volume belongs to whom the folder belongs to that it is mounted on.
RUN install --directory --owner=app --group=app /data
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONPYCACHEPREFIX=/pycache \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    DATABASE_URL=sqlite:////data/voicebot.db \
    WHISPER_MODEL_FOLDER=/data/models \
    SHIPPER_HEALTH_PORT=8080
ARG MODEL=""
ENV WHISPER_MODEL=${MODEL:+/model}
ENV WHISPER_MODEL=${WHISPER_MODEL:-small}
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "voicebot"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m CMD ["python", "-c", "\
import http.client, os; \
bot = http.client.HTTPConnection('127.0.0.1', int(os.environ['SHIPPER_HEALTH_PORT']), timeout=4); \
bot.request('GET', '/health'); \
answer = bot.getresponse(); \
print(answer.read().decode()); \
raise SystemExit(answer.status != 200)"]
WORKDIR /app
USER app
# Our own code: root's, so that no bot can change it. It is not compiled: that takes 0.1 s at each start, and half of the bytes.
COPY . .
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="voicebot" \
      org.opencontainers.image.description="Telegram bots that turn voice into text and deploy, and shipper, which ships them" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
