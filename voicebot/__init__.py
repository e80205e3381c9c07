"""A Telegram bot that turns voice into text, on your own server."""

import os

# Else onnxruntime, which hears where somebody speaks, reports to Microsoft, from its first moment on:
# https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md#disabling-telemetry
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
