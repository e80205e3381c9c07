"""A Telegram bot that turns voice into text, on your own server."""
